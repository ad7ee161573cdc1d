"""Models saved by a real Keras, and what `get_weights` says of every layer.

Runs in a process of its own: ``python make_models.py keras FOLDER``. A model ``name``
becomes ``name.h5``, ``name.keras``, ``name.json`` with ``name.weights.h5``, and
``name.npz`` with arrays ``path|i``.
"""

import importlib
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np

FLAVOUR, FOLDER = sys.argv[1], Path(sys.argv[2])
keras = importlib.import_module(FLAVOUR)
K = keras.layers
TWO = FLAVOUR == "tf_keras"
# The legacy HDF5 format; `.weights.h5` is another one in Keras 3 and tf_keras ≥ 2.13.
rng = np.random.default_rng(0)


def stack():
    return keras.Sequential(
        [
            keras.Input((6,)),
            K.Dense(5, activation="relu", name="second"),
            K.BatchNormalization(),
            K.Dense(4, name="first", trainable=False),
            K.LeakyReLU(),
            K.Dense(3, activation="softmax"),
        ]
    )


def graph():
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    shared = K.Dense(4, name="shared")
    x, y = shared(a), shared(b)
    z = shared(K.Dense(6, name="between")(x))
    both = K.Concatenate()([x, y, z])
    return keras.Model([b, a], [K.Dense(2, name="out")(both), K.Add()([x, y])])


def images():
    x = i = keras.Input((8, 8, 3))
    x = K.Conv2D(4, 3, padding="same", name="b")(x)
    x = K.BatchNormalization(name="bn")(x)
    x = K.DepthwiseConv2D(3, name="a")(x)
    x = K.SeparableConv2D(5, 3, name="sep")(x)
    x = K.Conv2D(3, 1, use_bias=False)(x)
    x = K.Conv2DTranspose(2, 3)(x)
    x = K.PReLU(shared_axes=[1, 2])(x)
    return keras.Model(i, K.Dense(2)(K.GlobalAveragePooling2D()(x)))


def backbone(name, frozen=()):
    i = keras.Input((6,), name=f"{name}_in")
    x = K.Dense(5, name="d1")(i)
    x = K.BatchNormalization(name="n1")(x)
    x = K.Dense(5, name="d2")(x)
    x = K.BatchNormalization(name="n2")(x)
    model = keras.Model(i, x, name=name)
    for layer in model.layers:
        if layer.name in frozen:
            layer.trainable = False
    return model


def nested():
    i = keras.Input((6,))
    x = backbone("base")(i)
    return keras.Model(i, K.Dense(2, name="head")(x))


def nested_partly_frozen():
    i = keras.Input((6,))
    x = backbone("base", frozen=("d1", "n2"))(i)
    return keras.Model(i, K.Dense(2, name="head")(x))


def nested_frozen():
    base = backbone("base")
    base.trainable = False
    return keras.Sequential([keras.Input((6,)), base, K.Dense(2, name="head")])


def nested_deep():
    i = keras.Input((6,), name="mid_in")
    inner = backbone("inner", frozen=("n1",))
    x = K.Dense(6, name="pre")(i)
    x = K.BatchNormalization(name="mid_norm")(inner(x))
    mid = keras.Model(i, x, name="mid")
    o = keras.Input((6,))
    return keras.Model(o, K.Dense(1, name="head")(mid(o)))


def nested_frozen_at_birth():
    """The flag of the constructor does not reach the layers inside."""
    i = keras.Input((6,), name="in")
    x = K.BatchNormalization(name="n1", trainable=False)(K.Dense(5, name="d1")(i))
    inner = keras.Model(i, K.BatchNormalization(name="n2")(x), trainable=False)
    o = keras.Input((6,))
    return keras.Model(o, K.Dense(1, name="head")(inner(o)))


def nested_wrappers():
    i = keras.Input((4, 3), name="in")
    each = K.TimeDistributed(K.BatchNormalization(), name="each")
    both = K.Bidirectional(K.LSTM(2), name="both")
    inner = keras.Model(i, both(each(i)), name="inner")
    both.trainable = False
    o = keras.Input((4, 3))
    return keras.Model(o, K.Dense(1, name="head")(inner(o)))


def steps_partly_thawed():
    """Around a model, the wrapper's own flag says in which order HDF5 lists."""
    base = backbone("base")
    base.trainable = False
    base.get_layer("d2").trainable = True
    i = keras.Input((4, 6))
    x = K.TimeDistributed(base, name="each")(i)
    return keras.Model(i, K.Dense(2, name="head")(x))


def siamese():
    twin = keras.Sequential(
        [keras.Input((6,)), K.Dense(4, name="t1"), K.BatchNormalization(name="t2")],
        name="twin",
    )
    a, b = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    x = K.Subtract()([twin(a), twin(b)])
    return keras.Model([a, b], K.Dense(1)(x))


def two_outputs():
    i = keras.Input((6,), name="in")
    h = K.Dense(5, name="h")(i)
    split = keras.Model(
        i, [K.Dense(3, name="u")(h), K.Dense(2, name="v")(h)], name="split"
    )
    o = keras.Input((6,))
    u, v = split(o)
    return keras.Model(o, {"second": K.Dense(1, name="onv")(v), "first": u})


def dict_inputs():
    ins = {"b": keras.Input((3,), name="b"), "a": keras.Input((4,), name="a")}
    x = K.Concatenate()([ins["a"], ins["b"]])
    return keras.Model(ins, K.Dense(2)(x))


def nested_dict():
    inner = dict_inputs()
    p, q = keras.Input((4,), name="p"), keras.Input((3,), name="q")
    return keras.Model([p, q], K.Dense(1, name="end")(inner({"a": p, "b": q})))


def translator():
    source = keras.Input((None,), name="source")
    target = keras.Input((None, 5), name="target")
    x = K.Embedding(9, 4, mask_zero=True)(source)
    _, h, c = K.LSTM(3, return_state=True, name="encoder")(x)
    y = K.LSTM(3, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return keras.Model([source, target], K.Dense(2, name="out")(y))


def recurrent():
    x = i = keras.Input((7, 5))
    x = K.Bidirectional(K.LSTM(3, return_sequences=True))(x)
    x = K.GRU(4, return_sequences=True, reset_after=False)(x)
    x = K.RNN(K.LSTMCell(3), return_sequences=True)(x)
    x = K.Bidirectional(
        K.GRU(2, return_sequences=True), merge_mode="sum", name="again"
    )(x)
    x = K.SimpleRNN(2, return_sequences=True)(x)
    x = K.TimeDistributed(K.Dense(3, name="each"))(x)
    return keras.Model(i, x)


def masked_nested():
    inner = keras.Sequential(
        [keras.Input((None, 4)), K.LSTM(3, return_sequences=True, name="r"), K.GRU(2)],
        name="inner",
    )
    i = keras.Input((None,))
    x = K.Embedding(9, 4, mask_zero=True)(i)
    return keras.Model(i, K.Dense(1, name="end")(inner(x)))


def each_step():
    inner = keras.Sequential(
        [keras.Input((6, 2)), K.Conv1D(3, 2), K.BatchNormalization(), K.Flatten()],
        name="inner",
    )
    x = i = keras.Input((5, 6, 2))
    x = K.TimeDistributed(inner, name="each")(x)
    return keras.Model(i, K.LSTM(2)(x))


def attention():
    q, v = keras.Input((5, 8), name="q"), keras.Input((4, 8), name="v")
    x = K.MultiHeadAttention(2, 3, name="cross")(q, v)
    x = K.LayerNormalization()(K.Add()([x, q]))
    x = K.MultiHeadAttention(2, 4, name="self")(x, x, use_causal_mask=True)
    x = K.Attention(use_scale=True)([x, v])
    return keras.Model([q, v], x)


def arithmetic():
    a, b = keras.Input((4, 6)), keras.Input((4, 6))
    x = K.Dense(6)((a * 2.0 + b) / 3.0)
    return keras.Model([a, b], x[:, 0])


def without_shape():
    model = keras.Sequential([K.Dense(4, name="one"), K.Dense(3, name="two")])
    model(np.zeros((1, 6), "float32"))
    return model


MODELS = (
    stack, graph, images, nested, nested_partly_frozen, nested_frozen, nested_deep,
    nested_frozen_at_birth, nested_wrappers, steps_partly_thawed,
    siamese, two_outputs, dict_inputs, nested_dict, translator, recurrent,
    masked_nested, each_step, attention, arithmetic, without_shape,
)  # fmt: skip


def leaves(model, prefix=""):
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer, f"{prefix}{layer.name}/")
        elif hasattr(getattr(layer, "layer", None), "layers"):
            yield from leaves(layer.layer, f"{prefix}{layer.name}/")
        elif layer.get_weights():
            yield prefix + layer.name, layer.get_weights()


for make in MODELS:
    keras.backend.clear_session()
    model = make()
    name = make.__name__
    model.set_weights(
        [rng.normal(size=np.shape(w)).astype("float32") for w in model.get_weights()]
    )
    model.compile("adam", "mse")
    try:
        model.save(FOLDER / f"{name}.h5")
    except Exception as error:  # not every structure has a legacy form
        print(name, "h5", type(error).__name__, str(error)[:200])
    model.save(FOLDER / f"{name}.keras")
    model.save_weights(FOLDER / f"{name}.weights.h5")
    (FOLDER / f"{name}.json").write_text(model.to_json())
    arrays = {f"{p}|{i}": w for p, ws in leaves(model) for i, w in enumerate(ws)}
    np.savez(FOLDER / f"{name}.npz", **arrays)


def early_layout(layout):
    """Make tf_keras name its keys as Keras 2.12 and 2.14 did.

    They walked attributes in ascending order, ``_layer_checkpoint_dependencies``
    included; 2.12 gave a number to a layer that it had saved already.
    """
    from tf_keras.src.saving import saving_lib as lib
    from tf_keras.src.utils import generic_utils

    skipped = lib.ATTR_SKIPLIST - {"_layer_checkpoint_dependencies"}

    def walk(trackable):
        for name in dir(trackable):
            if name.startswith("__") or name in skipped:
                continue
            try:
                yield name, getattr(trackable, name)
            except Exception:
                continue

    def save(container, weights, assets, path, visited_trackables):
        used = {}
        values = list(container.values() if isinstance(container, dict) else container)
        for item in values:
            seen = id(item) in visited_trackables
            if not lib._is_keras_trackable(item) or (seen and layout == "2.14"):
                continue
            name = generic_utils.to_snake_case(type(item).__name__)
            used[name] = used.get(name, -1) + 1
            name = f"{name}_{used[name]}" if used[name] else name
            lib._save_state(item, weights, assets, f"{path}/{name}", visited_trackables)

    lib._walk_trackable = walk
    lib._save_container_state = lambda *args, inner_path, visited_trackables: save(
        *args, inner_path, visited_trackables
    )


if TWO:
    for layout in ("2.12", "2.14"):
        early_layout(layout)
        for make in (stack, nested_deep, recurrent, attention):
            name = make.__name__
            model = keras.models.load_model(FOLDER / f"{name}.h5", compile=False)
            model.save(FOLDER / f"{name}.{layout}.keras")
