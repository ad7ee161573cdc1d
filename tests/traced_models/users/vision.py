"""Image models: subclassed networks and custom layers."""

import keras
import tensorflow as tf
from keras import layers


# ------------------------------------------------------------------ ResNet, subclassed
@keras.utils.register_keras_serializable()
class BasicBlock(layers.Layer):
    def __init__(self, filters, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.stride = stride
        self.conv1 = layers.Conv2D(
            filters, 3, strides=stride, padding="same", use_bias=False
        )
        self.bn1 = layers.BatchNormalization()
        self.relu = layers.Activation("relu")
        self.conv2 = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.bn2 = layers.BatchNormalization()
        if stride != 1:
            self.downsample = keras.Sequential(
                [
                    layers.Conv2D(filters, 1, strides=stride, use_bias=False),
                    layers.BatchNormalization(),
                ]
            )
        else:
            self.downsample = None

    def call(self, inputs, training=None):
        identity = inputs
        out = self.conv1(inputs)
        out = self.bn1(out, training=training)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out, training=training)
        if self.downsample is not None:
            identity = self.downsample(inputs, training=training)
        return self.relu(out + identity)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "stride": self.stride}


@keras.utils.register_keras_serializable()
class ResNet(keras.Model):
    def __init__(self, blocks=(2, 1, 1), num_classes=5, **kwargs):
        super().__init__(**kwargs)
        self.blocks = tuple(blocks)
        self.num_classes = num_classes
        self.stem = keras.Sequential(
            [
                layers.Conv2D(8, 3, strides=1, padding="same"),
                layers.BatchNormalization(),
                layers.Activation("relu"),
                layers.MaxPool2D(pool_size=2, strides=1, padding="same"),
            ]
        )
        self.layer1 = self.build_resblock(8, blocks[0])
        self.layer2 = self.build_resblock(12, blocks[1], stride=2)
        self.layer3 = self.build_resblock(16, blocks[2], stride=2)
        self.avgpool = layers.GlobalAveragePooling2D()
        self.fc = layers.Dense(num_classes)

    def build_resblock(self, filters, blocks, stride=1):
        res_blocks = keras.Sequential()
        res_blocks.add(BasicBlock(filters, stride))
        for _ in range(1, blocks):
            res_blocks.add(BasicBlock(filters, stride=1))
        return res_blocks

    def call(self, inputs, training=None):
        x = self.stem(inputs, training=training)
        x = self.layer1(x, training=training)
        x = self.layer2(x, training=training)
        x = self.layer3(x, training=training)
        x = self.avgpool(x)
        return self.fc(x)

    def get_config(self):
        return {
            **super().get_config(),
            "blocks": self.blocks,
            "num_classes": self.num_classes,
        }


def resnet():
    return ResNet(name="resnet")


# -------------------------------------------------------------------- U-Net, subclassed
@keras.utils.register_keras_serializable()
class ConvBlock(layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv_a = layers.Conv2D(filters, 3, padding="same")
        self.conv_b = layers.Conv2D(filters, 3, padding="same")
        self.norm = layers.BatchNormalization()
        self.dropout = layers.Dropout(0.1)

    def call(self, x, training=False):
        x = tf.nn.relu(self.conv_a(x))
        x = self.dropout(x, training=training)
        x = self.conv_b(x)
        return tf.nn.relu(self.norm(x, training=training))

    def get_config(self):
        config = super().get_config()
        config.update({"filters": self.filters})
        return config


@keras.utils.register_keras_serializable()
class UNet(keras.Model):
    def __init__(self, num_classes=3, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.enc1 = ConvBlock(5)
        self.enc2 = ConvBlock(7)
        self.pool = layers.MaxPooling2D()
        self.bottleneck = ConvBlock(9)
        self.dec2 = ConvBlock(7)
        self.dec1 = ConvBlock(5)
        self.head = layers.Conv2D(num_classes, 1)

    def call(self, inputs, training=False):
        e1 = self.enc1(inputs, training=training)
        e2 = self.enc2(self.pool(e1), training=training)
        b = self.bottleneck(self.pool(e2), training=training)
        up = tf.image.resize(b, (e2.shape[1], e2.shape[2]), method="bilinear")
        d2 = self.dec2(tf.concat([up, e2], axis=-1), training=training)
        up = tf.image.resize(d2, (e1.shape[1], e1.shape[2]), method="nearest")
        d1 = self.dec1(tf.concat([up, e1], axis=-1), training=training)
        return tf.nn.softmax(self.head(d1), axis=-1)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def unet():
    return UNet(name="unet")


# ----------------------------------------------------------- attention over an image
class SqueezeExcite(layers.Layer):
    def __init__(self, ratio=4, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = int(input_shape[-1])
        self.squeeze = layers.GlobalAveragePooling2D(keepdims=True)
        self.reduce = layers.Dense(channels // self.ratio, activation="relu")
        self.expand = layers.Dense(channels, activation="sigmoid")
        self.reduce.build((None, 1, 1, channels))
        self.expand.build((None, 1, 1, channels // self.ratio))
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.expand(self.reduce(self.squeeze(inputs)))

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


def squeeze_excite():
    image = keras.Input((21, 18, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="swish")(image)
    x = SqueezeExcite(4, name="se1")(x)
    x = layers.Conv2D(12, 3, padding="same", activation="swish")(x)
    x = SqueezeExcite(3, name="se2")(x)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(image, layers.Dense(4)(x))


@keras.utils.register_keras_serializable(package="cbam")
class ChannelAttention(layers.Layer):
    def __init__(self, ratio=2, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        self.shared_one = layers.Dense(
            channels // self.ratio, activation="relu", kernel_initializer="he_normal"
        )
        self.shared_two = layers.Dense(channels, kernel_initializer="he_normal")
        self.shared_one.build((None, channels))
        self.shared_two.build((None, channels // self.ratio))

    def call(self, x):
        avg_pool = tf.reduce_mean(x, axis=[1, 2])
        max_pool = tf.reduce_max(x, axis=[1, 2])
        avg_out = self.shared_two(self.shared_one(avg_pool))
        max_out = self.shared_two(self.shared_one(max_pool))
        weights = tf.nn.sigmoid(avg_out + max_out)
        return x * weights[:, tf.newaxis, tf.newaxis, :]

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


@keras.utils.register_keras_serializable(package="cbam")
class SpatialAttention(layers.Layer):
    def __init__(self, kernel_size=7, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.conv = layers.Conv2D(
            1, kernel_size, padding="same", activation="sigmoid", use_bias=False
        )

    def call(self, x):
        avg_pool = tf.reduce_mean(x, axis=-1, keepdims=True)
        max_pool = tf.reduce_max(x, axis=-1, keepdims=True)
        return x * self.conv(tf.concat([avg_pool, max_pool], axis=3))

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


def cbam():
    image = keras.Input((15, 22, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x = ChannelAttention()(x)
    x = SpatialAttention()(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    return keras.Model(image, layers.Dense(5, activation="softmax")(x))


# ---------------------------------------------------------------- a layer's own weights
class InstanceNormalization(layers.Layer):
    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=input_shape[-1:], initializer="ones", trainable=True
        )
        self.offset = self.add_weight(
            name="offset", shape=input_shape[-1:], initializer="zeros", trainable=True
        )

    def call(self, x):
        mean, variance = tf.nn.moments(x, axes=[1, 2], keepdims=True)
        inv = tf.math.rsqrt(variance + self.epsilon)
        normalized = (x - mean) * inv
        return self.scale * normalized + self.offset

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


class ReflectionPadding2D(layers.Layer):
    def __init__(self, padding=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self.padding = tuple(padding)

    def call(self, x):
        w, h = self.padding
        return tf.pad(x, [[0, 0], [h, h], [w, w], [0, 0]], mode="REFLECT")

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def cyclegan_generator():
    """Reflection padding, instance normalisation, residual blocks, upsampling."""

    def normalized(x, filters, size, **kwargs):
        x = layers.Conv2D(filters, size, use_bias=False, **kwargs)(x)
        return InstanceNormalization()(x)

    image = keras.Input((20, 24, 3), name="image")
    x = ReflectionPadding2D(padding=(3, 3))(image)
    x = layers.Activation("relu")(normalized(x, 6, 7))
    x = layers.Activation("relu")(normalized(x, 8, 3, strides=2, padding="same"))
    for _ in range(2):
        skip = x
        x = ReflectionPadding2D()(x)
        x = layers.Activation("relu")(normalized(x, 8, 3))
        x = ReflectionPadding2D()(x)
        x = layers.add([skip, normalized(x, 8, 3)])
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(InstanceNormalization()(x))
    x = ReflectionPadding2D(padding=(3, 3))(x)
    x = layers.Conv2D(3, 7, activation="tanh")(x)
    return keras.Model(image, x, name="generator")


class WeightStandardizedConv2D(layers.Layer):
    """A convolution of its own: kernel by add_weight, tf.nn.conv2d, bias_add."""

    def __init__(self, filters, kernel_size, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides

    def build(self, input_shape):
        size = (self.kernel_size, self.kernel_size, int(input_shape[-1]), self.filters)
        self.kernel = self.add_weight(
            name="kernel", shape=size, initializer="glorot_uniform"
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )

    def call(self, inputs):
        mean = tf.reduce_mean(self.kernel, axis=[0, 1, 2], keepdims=True)
        std = tf.math.reduce_std(self.kernel, axis=[0, 1, 2], keepdims=True)
        kernel = (self.kernel - mean) / (std + 1e-5)
        x = tf.nn.conv2d(inputs, kernel, strides=self.strides, padding="SAME")
        return tf.nn.bias_add(x, self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


class RawConv2D(layers.Layer):
    def __init__(self, filters, kernel_size, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides

    def build(self, input_shape):
        self.w = self.add_weight(
            name="w",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer="he_normal",
        )
        self.b = self.add_weight(name="b", shape=(self.filters,), initializer="zeros")

    def call(self, inputs):
        x = tf.nn.conv2d(inputs, self.w, strides=self.strides, padding="SAME")
        return tf.nn.leaky_relu(x + self.b, alpha=0.1)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


def raw_conv():
    image = keras.Input((18, 15, 3), name="image")
    x = RawConv2D(6, 3)(image)
    x = RawConv2D(8, 3, strides=2)(x)
    x = WeightStandardizedConv2D(10, 3, strides=2)(x)
    x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    return keras.Model(image, layers.Dense(4)(x))


# ------------------------------------------------------------------ super-resolution
class PixelShuffle(layers.Layer):
    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x):
        return tf.nn.depth_to_space(x, self.scale)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class ResBlock(layers.Layer):
    """EDSR's: no normalisation, the residual scaled."""

    def __init__(self, filters, scaling=0.1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.scaling = filters, scaling
        self.conv1 = layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.conv2 = layers.Conv2D(filters, 3, padding="same")

    def call(self, x):
        return x + self.conv2(self.conv1(x)) * self.scaling

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "scaling": self.scaling,
        }


def edsr():
    image = keras.Input((None, None, 3), name="low")
    x = x_skip = layers.Conv2D(8, 3, padding="same")(image)
    for _ in range(3):
        x = ResBlock(8)(x)
    x = layers.Add()([layers.Conv2D(8, 3, padding="same")(x), x_skip])
    x = PixelShuffle(2)(layers.Conv2D(8 * 4, 3, padding="same")(x))
    x = layers.Conv2D(3, 3, padding="same", name="high")(x)
    return keras.Model(image, x, name="edsr")


# ----------------------------------------------------------------------------- ViT
class Patches(layers.Layer):
    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, images):
        batch_size = tf.shape(images)[0]
        patches = tf.image.extract_patches(
            images=images,
            sizes=[1, self.patch_size, self.patch_size, 1],
            strides=[1, self.patch_size, self.patch_size, 1],
            rates=[1, 1, 1, 1],
            padding="VALID",
        )
        patch_dims = patches.shape[-1]
        return tf.reshape(patches, [batch_size, -1, patch_dims])

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


class PatchEncoder(layers.Layer):
    def __init__(self, num_patches, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.num_patches = num_patches
        self.projection_dim = projection_dim
        self.projection = layers.Dense(units=projection_dim)
        self.position_embedding = layers.Embedding(
            input_dim=num_patches, output_dim=projection_dim
        )

    def call(self, patch):
        positions = tf.range(start=0, limit=self.num_patches, delta=1)
        return self.projection(patch) + self.position_embedding(positions)

    def get_config(self):
        return {
            **super().get_config(),
            "num_patches": self.num_patches,
            "projection_dim": self.projection_dim,
        }


class ClassToken(layers.Layer):
    def build(self, input_shape):
        self.cls = self.add_weight(
            name="cls", shape=(1, 1, int(input_shape[-1])), initializer="random_normal"
        )

    def call(self, x):
        cls = tf.repeat(self.cls, tf.shape(x)[0], axis=0)
        return tf.concat([cls, x], axis=1)


def vit():
    image = keras.Input((20, 15, 3), name="image")
    patches = Patches(5)(image)
    x = PatchEncoder(12, 16)(patches)
    x = ClassToken()(x)
    for _ in range(2):
        x1 = layers.LayerNormalization(epsilon=1e-6)(x)
        attention = layers.MultiHeadAttention(num_heads=2, key_dim=8, dropout=0.1)
        x2 = layers.Add()([attention(x1, x1), x])
        x3 = layers.LayerNormalization(epsilon=1e-6)(x2)
        x3 = layers.Dense(32, activation="gelu")(x3)
        x3 = layers.Dropout(0.1)(x3)
        x = layers.Add()([layers.Dense(16)(x3), x2])
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(image, layers.Dense(6)(x), name="vit")


# -------------------------------------------------------------------- focal modulation
@keras.utils.register_keras_serializable(package="focal")
class FocalModulation(layers.Layer):
    """From Keras' code examples, its initial projection split in three."""

    def __init__(self, dim, focal_window=3, focal_level=2, focal_factor=2, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.focal_window = focal_window
        self.focal_level = focal_level
        self.focal_factor = focal_factor
        self.initial_proj = layers.Dense(2 * dim + focal_level + 1)
        self.focal_layers = []
        for level in range(focal_level):
            self.focal_layers.append(
                layers.DepthwiseConv2D(
                    focal_factor * level + focal_window,
                    padding="same",
                    activation="gelu",
                    use_bias=False,
                )
            )
        self.gap = layers.GlobalAveragePooling2D(keepdims=True)
        self.modulator_proj = layers.Conv2D(dim, 1)
        self.proj = layers.Dense(dim)
        self.dropout = layers.Dropout(0.1)

    def call(self, x, training=None):
        x_proj = self.initial_proj(x)
        query, context, gates = tf.split(
            x_proj, [self.dim, self.dim, self.focal_level + 1], axis=-1
        )
        context = self.focal_layers[0](context)
        context_all = context * gates[..., 0:1]
        for level in range(1, self.focal_level):
            context = self.focal_layers[level](context)
            context_all += context * gates[..., level : level + 1]
        context_global = tf.nn.gelu(self.gap(context))
        context_all += context_global * gates[..., self.focal_level :]
        modulator = self.modulator_proj(context_all)
        return self.dropout(self.proj(query * modulator), training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "focal_window": self.focal_window,
            "focal_level": self.focal_level,
            "focal_factor": self.focal_factor,
        }


def focal_modulation():
    image = keras.Input((13, 16, 3), name="image")
    x = layers.Conv2D(8, 4, strides=4, padding="same")(image)
    x = layers.Add()([x, FocalModulation(8)(layers.LayerNormalization()(x))])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(3)(x))
