"""Autoencoders: sampling, quantisation, steps that are conditioned on time."""

import keras
import tensorflow as tf
from keras import layers


@keras.utils.register_keras_serializable()
class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z."""

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = tf.shape(z_mean)[0]
        dim = tf.shape(z_mean)[1]
        epsilon = tf.random.normal(shape=(batch, dim))
        return z_mean + tf.exp(0.5 * z_log_var) * epsilon


@keras.utils.register_keras_serializable()
class VAE(keras.Model):
    def __init__(self, latent_dim=3, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        image = keras.Input((12, 16, 1))
        x = layers.Conv2D(6, 3, activation="relu", strides=2, padding="same")(image)
        x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(x)
        x = layers.Flatten()(x)
        x = layers.Dense(9, activation="relu")(x)
        z_mean = layers.Dense(latent_dim, name="z_mean")(x)
        z_log_var = layers.Dense(latent_dim, name="z_log_var")(x)
        z = Sampling()([z_mean, z_log_var])
        self.encoder = keras.Model(image, [z_mean, z_log_var, z], name="encoder")
        latent = keras.Input((latent_dim,))
        x = layers.Dense(3 * 4 * 8, activation="relu")(latent)
        x = layers.Reshape((3, 4, 8))(x)
        options = {"activation": "relu", "strides": 2, "padding": "same"}
        x = layers.Conv2DTranspose(8, 3, **options)(x)
        x = layers.Conv2DTranspose(6, 3, **options)(x)
        x = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
        self.decoder = keras.Model(latent, x, name="decoder")

    def call(self, inputs):
        _, _, z = self.encoder(inputs)
        return self.decoder(z)

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


def vae():
    return VAE(name="vae")


def vae_encoder():
    """The functional half that people save."""
    features = keras.Input((14,), name="features")
    x = layers.Dense(10, activation="relu")(features)
    z_mean = layers.Dense(4, name="z_mean")(x)
    z_log_var = layers.Dense(4, name="z_log_var")(x)
    z = Sampling(name="z")([z_mean, z_log_var])
    return keras.Model(features, [z_mean, z_log_var, z], name="encoder")


@keras.utils.register_keras_serializable()
class VectorQuantizer(layers.Layer):
    """The nearest entry of a codebook."""

    def __init__(self, num_embeddings, embedding_dim, **kwargs):
        super().__init__(**kwargs)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            name="embeddings_vqvae",
            shape=(self.embedding_dim, self.num_embeddings),
            initializer="random_uniform",
        )

    def call(self, x):
        input_shape = tf.shape(x)
        flattened = tf.reshape(x, [-1, self.embedding_dim])
        similarity = tf.matmul(flattened, self.embeddings)
        distances = (
            tf.reduce_sum(flattened**2, axis=1, keepdims=True)
            + tf.reduce_sum(self.embeddings**2, axis=0)
            - 2 * similarity
        )
        indices = tf.argmin(distances, axis=1)
        encodings = tf.one_hot(indices, self.num_embeddings, dtype=x.dtype)
        quantized = tf.matmul(encodings, self.embeddings, transpose_b=True)
        return tf.reshape(quantized, input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
        }


def vqvae():
    image = keras.Input((12, 8, 1), name="image")
    options = {"activation": "relu", "strides": 2, "padding": "same"}
    x = layers.Conv2D(6, 3, **options)(image)
    x = layers.Conv2D(4, 1)(x)
    x = VectorQuantizer(9, 4, name="vector_quantizer")(x)
    x = layers.Conv2DTranspose(6, 3, **options)(x)
    return keras.Model(image, layers.Conv2DTranspose(1, 3, padding="same")(x))


@keras.utils.register_keras_serializable()
class SinusoidalEmbedding(layers.Layer):
    """Of a diffusion model's noise level."""

    def __init__(self, dims=8, max_frequency=1000.0, **kwargs):
        super().__init__(**kwargs)
        self.dims, self.max_frequency = dims, max_frequency

    def call(self, x):
        frequencies = tf.exp(
            tf.linspace(
                tf.math.log(1.0), tf.math.log(self.max_frequency), self.dims // 2
            )
        )
        angular_speeds = tf.cast(2.0 * 3.141592653589793 * frequencies, x.dtype)
        return tf.concat(
            [tf.sin(angular_speeds * x), tf.cos(angular_speeds * x)], axis=3
        )

    def get_config(self):
        return {
            **super().get_config(),
            "dims": self.dims,
            "max_frequency": self.max_frequency,
        }


def diffusion():
    """A denoiser: two inputs, the embedding of one enlarged to the other's size."""
    noisy = keras.Input((12, 8, 3), name="noisy")
    variance = keras.Input((1, 1, 1), name="variance")
    e = SinusoidalEmbedding()(variance)
    e = layers.UpSampling2D(size=(12, 8), interpolation="nearest")(e)
    x = layers.Conv2D(6, 1)(noisy)
    x = layers.Concatenate()([x, e])
    residual = layers.Conv2D(6, 1)(x)
    x = layers.BatchNormalization(center=False, scale=False)(x)
    x = layers.Conv2D(6, 3, padding="same", activation="swish")(x)
    x = layers.Conv2D(6, 3, padding="same")(x)
    x = layers.Add()([x, residual])
    return keras.Model([noisy, variance], layers.Conv2D(3, 1)(x), name="denoiser")


class ConditionalNorm(layers.Layer):
    """AdaIN: another input says scale and offset of each channel."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        channels = input_shape[0][-1]
        self.style = layers.Dense(2 * channels, name="style")
        self.style.build(input_shape[1])

    def call(self, inputs):
        x, w = inputs
        scale, offset = tf.split(self.style(w), 2, axis=-1)
        mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
        std = tf.math.reduce_std(x, axis=[1, 2], keepdims=True) + 1e-7
        return (x - mean) / std * (1 + scale[:, None, None, :]) + offset[:, None, None]


def style_generator():
    latent = keras.Input((6,), name="latent")
    w = layers.Dense(7, activation="leaky_relu")(latent)
    x = layers.Dense(4 * 5 * 6)(w)
    x = layers.Reshape((4, 5, 6))(x)
    x = ConditionalNorm()([x, w])
    x = layers.UpSampling2D(interpolation="bilinear")(x)
    x = layers.Conv2D(5, 3, padding="same", activation="relu")(x)
    x = ConditionalNorm()([x, w])
    return keras.Model(latent, layers.Conv2D(3, 1, activation="tanh")(x))
