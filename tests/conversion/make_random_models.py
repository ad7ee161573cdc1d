"""Makes models of images, volumes and signals by chance (runs in a Keras process).

Usage: ``python make_random_models.py keras|tf_keras FOLDER SEED …``: writes for each
seed ``NAME_SEED.h5`` or ``NAME_SEED.keras``. The seed chooses the family and every
size, kernel, stride, padding, activation and name in it; the weights are random too.
"""

import importlib
import random
import sys
from pathlib import Path

import numpy as np

keras = importlib.import_module(sys.argv[1])
layers = keras.layers
chance = random.Random()
pick = chance.choice


def maybe(x, *makers):
    """Apply each maker or not."""
    for make in makers:
        if chance.random() < 0.5:
            x = make(x)
    return x


def activated(x):
    slope = pick([0.1, 0.2, 0.3])
    kinds = [
        layers.ReLU(),
        layers.ReLU(6.0),
        layers.LeakyReLU(slope),
        layers.ELU(),
        layers.Activation(pick(["relu", "tanh", "swish", "hard_sigmoid", "selu"])),
        layers.PReLU(
            shared_axes=list(range(1, len(x.shape) - 1)) or None,
            alpha_initializer="random_normal",
        ),
    ]
    return pick(kinds)(x)


def normalized(x):
    options = {"momentum": pick([0.9, 0.99]), "epsilon": pick([1e-3, 1e-5])}
    if chance.random() < 0.15:
        return layers.LayerNormalization(epsilon=options["epsilon"])(x)
    return layers.BatchNormalization(scale=pick([True, True, False]), **options)(x)


def dropped(x):
    return pick([layers.Dropout(0.3), layers.GaussianNoise(0.1)])(x)


def convolved(x, filters=None, **options):
    filters = filters or pick([4, 6, 8])
    options = {
        "kernel_size": pick([1, 2, 3, (3, 2)]),
        "strides": pick([1, 1, 2]),
        "padding": pick(["same", "same", "valid"]),
        "activation": pick(["relu", None, "elu", "gelu", "sigmoid"]),
        **options,
    }
    kind = chance.randrange(6)
    if kind == 0:
        return layers.SeparableConv2D(filters, **options)(x)
    if kind == 1 and options["padding"] == "same":
        x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=pick([1, 2]))(x)
    return layers.Conv2D(filters, use_bias=pick([True, False]), **options)(x)


def pooled(x):
    kind = pick([layers.MaxPooling2D, layers.AveragePooling2D])
    return kind(pick([2, 3]), strides=pick([2, None]), padding="same")(x)


def vector(x):
    """Make a vector of an image: global pooling, or Flatten and what follows it."""
    if None in x.shape[1:] or chance.random() < 0.3:
        return pick([layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D()])(x)
    return maybe(layers.Flatten()(x), normalized, activated)


def answer(x, units=None):
    x = maybe(x, lambda x: layers.Dense(7, activation="relu")(x), normalized, dropped)
    kind = pick(["softmax", "sigmoid", None])
    return layers.Dense(units or pick([1, 4]), activation=kind)(x)


def image(*sizes):
    return keras.Input(pick([(16, 16, 3), (17, 14, 1), (None, None, 3), *sizes]))


# ----------------------------------------------------------------------- families
def classifier():
    inputs = image()
    x = inputs
    if chance.random() < 0.5:
        x = layers.Rescaling(1 / 255, offset=pick([0.0, -1.0]))(x)
    for _ in range(chance.randint(1, 3)):
        x = maybe(convolved(x), normalized, activated, pooled, dropped)
    return inputs, answer(vector(x))


def residual():
    inputs = image()
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(chance.randint(1, 3)):
        stride, filters = pick([1, 2]), pick([8, 12])
        y = activated(normalized(layers.Conv2D(filters, 3, stride, padding="same")(x)))
        y = maybe(layers.Conv2D(filters, 3, padding="same")(y), normalized)
        gate = layers.Dense(4, activation="relu")(layers.GlobalAveragePooling2D()(y))
        gate = layers.Dense(filters, activation="sigmoid")(gate)
        y = layers.Multiply()([y, layers.Reshape((1, 1, filters))(gate)])
        x = layers.Conv2D(filters, 1, stride, padding="same")(x)
        x = activated(layers.Add()(pick([[x, y], [y, x]])))
    return inputs, answer(vector(x))


def inception():
    inputs = image()
    x = inputs
    for _ in range(2):
        same = {"padding": "same", "strides": 1}
        pool = layers.MaxPooling2D(3, **same)(x)
        branches = [convolved(x, **same), convolved(convolved(x, **same), **same), pool]
        x = maybe(layers.Concatenate()(branches), normalized, pooled)
    return inputs, [answer(vector(x)), x]


def unet():
    inputs = keras.Input(pick([(16, 24, 1), (None, None, 3)]), name="Scan")
    x, skips = inputs, []
    for filters in (4, 6):
        x = maybe(convolved(x, filters, padding="same", strides=1), normalized)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    for skip in reversed(skips):
        up = layers.Conv2DTranspose(6, pick([2, 3, 4]), strides=2, padding="same")
        x = pick([up, layers.UpSampling2D(interpolation="bilinear")])(x)
        x = layers.Concatenate()(pick([[x, skip], [skip, x]]))
        x = convolved(x, padding="same", strides=1)
    return inputs, layers.Conv2D(2, 1, activation=pick(["sigmoid", "softmax"]))(x)


def autoencoder():
    inputs = keras.Input((16, 12, pick([1, 3])))
    x = convolved(convolved(inputs, strides=2, padding="same"), 6, padding="same")
    code = layers.Dense(5, name="code")(maybe(layers.Flatten()(x), normalized))
    x = layers.Dense(4 * 3 * 8)(code)
    x = layers.Reshape((4, 3, 8))(maybe(x, normalized, activated, dropped))
    for _ in range(2):
        kernel, bias = pick([2, 3, 4, 5]), pick([True, False])
        up = layers.Conv2DTranspose(4, kernel, 2, padding="same", use_bias=bias)
        x = maybe(up(x), normalized, activated)
    return inputs, pick([x, [x, code], [code, x]])


def adversarial():
    side, depth = pick([3, 4]), pick([4, 6])
    noise = keras.Input((6,))
    x = activated(maybe(layers.Dense(side * side * depth)(noise), normalized))
    x = layers.UpSampling2D()(layers.Reshape((side, side, depth))(x))
    x = layers.Conv2D(1, 3, padding="same", activation="tanh")(x)
    generator = keras.Model(noise, x, name="generator")
    picture = keras.Input((2 * side, 2 * side, 1))
    x = maybe(convolved(picture, strides=2, padding="same"), normalized, dropped)
    x = layers.Dense(1, activation="sigmoid")(layers.Flatten()(activated(x)))
    discriminator = keras.Model(picture, x, name="discriminator")
    discriminator.trainable = False
    inputs = keras.Input((6,))
    return inputs, discriminator(generator(inputs))


def signal():
    inputs = keras.Input((pick([None, 32, 33]), 3))
    x = layers.Conv1D(6, 2, padding="causal")(inputs)
    skips = []
    for dilation in (1, 2, 4):
        gates = [
            layers.Conv1D(6, 2, padding="causal", dilation_rate=dilation, activation=a)
            for a in ("tanh", "sigmoid")
        ]
        skips.append(layers.Multiply()([gate(x) for gate in gates]))
        x = maybe(layers.Add()([x, skips[-1]]), normalized)
    x = maybe(layers.Add()(skips), layers.MaxPooling1D(2, padding="same"))
    if chance.random() < 0.5:
        x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return inputs, answer(layers.GlobalAveragePooling1D()(x))


def volume():
    inputs = keras.Input((6, 8, 9, pick([1, 2])))
    x = inputs
    for _ in range(2):
        x = layers.Conv3D(3, pick([1, 2, 3]), pick([1, 2]), padding="same")(x)
        x = maybe(activated(x), normalized, layers.MaxPooling3D(2, padding="same"))
    return inputs, answer(pick([layers.Flatten(), layers.GlobalMaxPooling3D()])(x))


def video():
    inputs = keras.Input((pick([3, None]), 10, 10, 2))
    each = layers.TimeDistributed
    x = each(layers.Conv2D(4, 3, padding=pick(["same", "valid"])))(inputs)
    x = maybe(x, each(layers.BatchNormalization()), each(layers.MaxPooling2D()))
    x = each(pick([layers.Flatten(), layers.GlobalAveragePooling2D()]))(x)
    return inputs, answer(layers.LSTM(4)(x))


def text_line():
    inputs = keras.Input((24, 16, 1))
    x = maybe(layers.Conv2D(6, 3, padding="same")(inputs), normalized, activated)
    x = maybe(layers.MaxPooling2D(pick([2, (2, 1)]))(x), layers.Permute((2, 1, 3)))
    x = layers.Reshape((x.shape[1], -1))(x)
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True))(x)
    return inputs, layers.Dense(5, activation="softmax")(x)


def two_inputs():
    picture, facts = image((8, 8, 2)), keras.Input((5,), name="facts")
    x = vector(pooled(convolved(picture, padding="same")))
    y = maybe(facts, lambda x: layers.Dense(4)(x), normalized)
    x = layers.Concatenate()(pick([[x, y], [y, x]]))
    outputs = [answer(x), answer(x), y]
    return pick([[picture, facts], [facts, picture]]), outputs[: chance.randint(1, 3)]


def nested():
    inner_input = keras.Input((12, 12, 4))
    x = normalized(layers.Conv2D(4, 3, padding="same", name="forward")(inner_input))
    inner = keras.Model(inner_input, activated(x), name="inner")
    inner.trainable = pick([True, False])
    middle_input = keras.Input((12, 12, 4))
    x = layers.Add()([inner(middle_input), middle_input])
    outputs = [x, layers.GlobalAveragePooling2D()(x)]
    middle = keras.Model(middle_input, outputs, name="middle")
    inputs = keras.Input((12, 12, 3), name="x")
    x, first = middle(layers.Conv2D(4, 1, name="class")(inputs))
    _, second = middle(inner(x))
    return inputs, answer(layers.Concatenate()([first, second]))


FAMILIES = [
    classifier,
    residual,
    inception,
    unet,
    autoencoder,
    adversarial,
    signal,
    volume,
    video,
    text_line,
    two_inputs,
    nested,
]


def randomize(model, seed):
    """Set weights and statistics as training leaves them."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        name = getattr(weight, "path", weight.name)
        shape = tuple(weight.shape)
        if "seed" in name:
            continue
        if "variance" in name or "gamma" in name:
            value = rng.uniform(0.5, 1.5, shape)
        else:
            spread = 1.2 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.2
            value = rng.normal(0, spread, shape)
        weight.assign(value.astype("float32"))


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    for seed in map(int, sys.argv[3:]):
        chance.seed(seed)
        family = FAMILIES[seed % len(FAMILIES)]
        made = keras.Model(*family())
        randomize(made, seed)
        made.save(folder / f"{family.__name__}_{seed}.{pick(['h5', 'keras'])}")
