"""How layers hold, share and call each other."""

import keras
import tensorflow as tf
from keras import layers


class Linear(layers.Layer):
    """The guide's first layer: weights by add_weight in build()."""

    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            name="w",
            shape=(input_shape[-1], self.units),
            initializer="random_normal",
            trainable=True,
        )
        self.b = self.add_weight(
            name="b", shape=(self.units,), initializer="zeros", trainable=True
        )

    def call(self, inputs):
        return tf.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def add_weight():
    inputs = keras.Input((7,), name="features")
    x = Linear(9)(inputs)
    x = layers.ReLU()(x)
    return keras.Model(inputs, Linear(3)(x))


class RunningMean(layers.Layer):
    """A weight that is not trained, beside one that is; and one frozen."""

    def build(self, input_shape):
        size = (input_shape[-1],)
        self.total = self.add_weight(
            name="total", shape=size, initializer="zeros", trainable=False
        )
        self.gain = self.add_weight(name="gain", shape=size, initializer="ones")

    def call(self, x):
        return (x - self.total) * tf.exp(self.gain)


def untrained_weight():
    inputs = keras.Input((6,), name="features")
    x = RunningMean()(inputs)
    frozen = Linear(8)
    frozen.trainable = False
    x = layers.LeakyReLU()(frozen(x))
    return keras.Model(inputs, Linear(2)(x))


class DenseBlock(layers.Layer):
    """Holds layers; used again with other numbers."""

    def __init__(self, units, rate=0.2, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate, self.activation = units, rate, activation
        self.dense = layers.Dense(units)
        self.norm = layers.BatchNormalization()
        self.act = layers.Activation(activation)
        self.drop = layers.Dropout(rate)

    def call(self, x, training=None):
        x = self.act(self.norm(self.dense(x), training=training))
        return self.drop(x, training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "rate": self.rate,
            "activation": self.activation,
        }


def holds_layers():
    inputs = keras.Input((8,), name="features")
    x = DenseBlock(12)(inputs)
    x = DenseBlock(10, 0.3)(x)
    x = DenseBlock(6, 0.4, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(2)(x))


def same_weights_twice():
    block = DenseBlock(8, name="shared")
    left = keras.Input((8,), name="left")
    right = keras.Input((8,), name="right")
    x = layers.Subtract()([block(block(left)), block(right)])
    return keras.Model([left, right], layers.Dense(2)(x))


@keras.utils.register_keras_serializable()
class MLP(keras.Model):
    """A Python loop over a list of layers."""

    def __init__(self, units=(11, 9, 7), num_outputs=2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.num_outputs = tuple(units), num_outputs
        self.hidden = [layers.Dense(n, activation="relu") for n in units]
        self.norms = [layers.LayerNormalization() for _ in units]
        self.head = layers.Dense(num_outputs)

    def call(self, x):
        outputs = []
        for i, (dense, norm) in enumerate(zip(self.hidden, self.norms, strict=True)):
            x = norm(dense(x))
            if i > 0:
                x = x * 0.5
            outputs.append(tf.reduce_mean(x, axis=-1, keepdims=True))
        return self.head(tf.concat([x, *outputs], axis=-1))

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_outputs": self.num_outputs,
        }


def loop_over_layers():
    return MLP(name="mlp")


@keras.utils.register_keras_serializable()
class MultiTask(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.trunk = layers.Dense(10, activation="relu")
        self.price = layers.Dense(1, name="price")
        self.kind = layers.Dense(4, activation="softmax", name="kind")

    def call(self, inputs):
        x = self.trunk(inputs)
        return {
            "price": self.price(x),
            "kind": self.kind(x),
            "norm": tf.norm(x, axis=-1),
        }


def dict_outputs():
    return MultiTask(name="multi_task")


@keras.utils.register_keras_serializable()
class TwoTower(keras.Model):
    """Inputs by name; a dot product with a temperature of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.user_embedding = layers.Embedding(30, 6)
        self.item_embedding = layers.Embedding(20, 6)
        self.context = layers.Dense(6, activation="tanh")

    def build(self, input_shape):
        self.user_embedding.build((None,))
        self.item_embedding.build((None,))
        self.context.build((None, 5))
        self.temperature = self.add_weight(
            name="temperature", shape=(), initializer="ones"
        )
        self.built = True

    def call(self, inputs):
        user = self.user_embedding(inputs["user"]) + self.context(inputs["context"])
        item = self.item_embedding(inputs["item"])
        score = tf.reduce_sum(user * item, axis=-1) * tf.exp(self.temperature)
        return tf.sigmoid(score)


def dict_inputs():
    return TwoTower(name="two_tower")


def dict_inputs_functional():
    inputs = {
        "age": keras.Input((1,), name="age"),
        "city": keras.Input((1,), dtype="int32", name="city"),
        "history": keras.Input((9, 3), name="history"),
    }
    city = layers.Flatten()(layers.Embedding(12, 4)(inputs["city"]))
    x = layers.Concatenate()(
        [DenseBlock(3)(inputs["age"]), city, layers.LSTM(5)(inputs["history"])]
    )
    return keras.Model(
        inputs, {"risk": layers.Dense(1)(x), "group": layers.Dense(3)(x)}
    )


# -------------------------------------------------------------------- deeply nested
@keras.utils.register_keras_serializable(package="deep")
class ConvNormAct(layers.Layer):
    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.conv = layers.Conv2D(filters, kernel_size, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()

    def call(self, x, training=None):
        x = self.norm(self.conv(x), training=training)
        return x * tf.sigmoid(x)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }


@keras.utils.register_keras_serializable(package="deep")
class Bottleneck(layers.Layer):
    def __init__(self, filters, shortcut=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.shortcut = filters, shortcut
        self.cv1 = ConvNormAct(filters, 1)
        self.cv2 = ConvNormAct(filters, 3)

    def call(self, x, training=None):
        y = self.cv2(self.cv1(x, training=training), training=training)
        return x + y if self.shortcut else y

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "shortcut": self.shortcut,
        }


@keras.utils.register_keras_serializable(package="deep")
class C3(layers.Layer):
    """YOLO's cross-stage block."""

    def __init__(self, filters, depth=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.depth = filters, depth
        self.cv1 = ConvNormAct(filters // 2, 1)
        self.cv2 = ConvNormAct(filters // 2, 1)
        self.cv3 = ConvNormAct(filters, 1)
        self.m = [Bottleneck(filters // 2) for _ in range(depth)]

    def call(self, x, training=None):
        y = self.cv1(x, training=training)
        for bottleneck in self.m:
            y = bottleneck(y, training=training)
        both = tf.concat([y, self.cv2(x, training=training)], axis=-1)
        return self.cv3(both, training=training)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "depth": self.depth}


def nested_three_deep():
    image = keras.Input((16, 19, 3), name="image")
    x = ConvNormAct(6)(image)
    x = C3(8, depth=2)(x)
    x = layers.MaxPooling2D()(x)
    x = C3(10, depth=1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(3)(x))


# -------------------------------------------------------- arguments that are no tensors
class Shift(layers.Layer):
    """Called with Python numbers, and now and then with a second tensor."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(6)

    def call(self, x, steps=1, other=None, reverse=False, training=None):
        x = tf.roll(self.dense(x), shift=steps, axis=1)
        if reverse:
            x = tf.reverse(x, axis=[1])
        if other is not None:
            x = x - other
        if training:
            x = x + tf.random.normal(tf.shape(x))
        return x


@keras.utils.register_keras_serializable()
class Shifter(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inside = Shift()
        self.outside = Shift()
        self.head = layers.Dense(2)

    def call(self, x, training=None):
        a = self.inside(x, steps=2, training=training)
        b = self.inside(x, steps=3, other=a, reverse=True, training=training)
        c = self.outside(b, other=a, training=training)
        return self.head(c[:, ::2])


def call_arguments():
    return Shifter(name="shifter")


# ------------------------------------------------------------------- models in models
@keras.utils.register_keras_serializable()
class Encoder(keras.Model):
    def __init__(self, filters=6, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv1 = layers.Conv2D(filters, 3, strides=2, activation="relu")
        self.conv2 = layers.Conv2D(filters * 2, 3, strides=2, activation="relu")
        self.flatten = layers.Flatten()
        self.dense = layers.Dense(7)

    def call(self, x):
        x = self.conv2(self.conv1(x - 0.5))
        return self.dense(self.flatten(x))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def model_in_functional():
    image = keras.Input((17, 14, 3), name="image")
    extra = keras.Input((4,), name="extra")
    x = layers.Concatenate()([Encoder(name="encoder")(image), extra])
    return keras.Model([image, extra], layers.Dense(3, activation="softmax")(x))


@keras.utils.register_keras_serializable()
class Classifier(keras.Model):
    """Holds a functional backbone, as transfer learning does."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        image = keras.Input((18, 13, 3))
        x = layers.Conv2D(5, 3, padding="same", activation="relu")(image)
        y = layers.Conv2D(5, 3, padding="same")(x)
        x = layers.Add()([x, y])
        x = layers.MaxPooling2D()(x)
        self.backbone = keras.Model(image, x, name="backbone")
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(4)

    def call(self, images, training=None):
        x = images / 127.5 - 1.0
        x = self.backbone(x, training=training)
        return self.head(self.pool(tf.nn.relu(x)))


def functional_in_model():
    return Classifier(name="classifier")


# ------------------------------------------------------------------------- masks
class MaskedScale(layers.Layer):
    """Passes the mask on, and makes one of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer="ones"
        )

    def call(self, x, mask=None):
        x = x * self.scale
        if mask is None:
            return x
        return tf.where(mask[..., tf.newaxis], x, tf.zeros_like(x))


def masks():
    tokens = keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Embedding(20, 6, mask_zero=True)(tokens)
    x = MaskedScale()(x)
    return keras.Model(tokens, layers.Dense(2)(layers.LSTM(5)(x)))
