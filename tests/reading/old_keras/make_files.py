"""Write models of an old Keras, each with what this Keras predicts.

Usage: ``OLD_PYTHON make_files.py keras|tf FOLDER [MATCH]``

``keras`` is Keras by itself, ``tf`` is ``tf.keras``. ``ORDER=th`` in the environment
makes Keras 1 put the channels first. It runs from Python 2.7 on; what was recorded
in ``recorded`` came of these environments (`--no-deps`, in a folder of PYTHONPATH):

- Keras 0.3.3, Theano 0.8.2, NumPy 1.11.3, h5py 2.7.1; Python 2.7
- Keras 1.2.2 and 2.0.9, Theano 1.0.5, NumPy 1.16.6, h5py 2.10; Python 3.6
- Keras 1.0.8, 1.1.2, 1.2.2, 2.0.9, 2.1.6, 2.3.1, TensorFlow 1.15.5; Python 3.7
- Keras 2.2.4, TensorFlow 1.13.2; Python 3.7
- tf.keras of TensorFlow 1.15, 2.3, 2.8, 2.13, 2.15; Keras 3.0 and later
- Keras 3.1.1 to 3.14.0 by itself, TensorFlow 2.21; Python 3.11

Theano is fastest with ``THEANO_FLAGS=optimizer=fast_compile,cxx=``.
"""

# ruff: noqa: B905, UP010, UP028, UP031
# It runs in Python 2.7.

from __future__ import print_function

import os
import sys
import traceback

import numpy as np

rng = np.random.RandomState(0)


def library(which):
    """Return Keras, its models and its version."""
    if which == "tf":
        from tensorflow import keras

        version = getattr(keras, "__version__", "2.2.4-tf")
    else:
        import keras

        version = keras.__version__
    return keras, version


def models(which, version):
    """Return the functions that build models for this version."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    if version.startswith("0."):
        import keras0_models

        return keras0_models.MODELS
    if version.startswith("1."):
        import keras1_models
        import keras1_rare

        return keras1_models.MODELS + keras1_rare.MODELS
    os.environ["OLD_KERAS"] = which
    import keras2_models
    import keras2_networks

    found = keras2_models.MODELS + keras2_networks.MODELS
    if version.startswith("3."):
        import keras3_models

        found = keras3_models.MODELS + found
    return found


def random_value(name, value):
    """Return random numbers for a weight; statistics and scales are positive."""
    if value.dtype.kind != "f":
        return value
    scale = 0.5 if value.ndim < 2 else min(0.7, 1.5 / np.sqrt(value[..., 0].size))
    made = rng.normal(size=value.shape) * scale
    if "std" in name or "variance" in name:
        made = np.abs(made) + 0.5
    if "gamma" in name:
        made = made + 1
    return made.astype(value.dtype)


def variables(model, version):
    """Yield (name, variable) of all weights of a model."""
    if version.startswith("0."):
        for layer in leaves(model):
            for one in layer.trainable_weights + layer.non_trainable_weights:
                yield one.name or "", one
        return
    there = getattr(model, "weights", None)
    if there is None:
        there = model.trainable_weights + model.non_trainable_weights
    for one in there:
        yield getattr(one, "path", None) or one.name or "", one


def leaves(layer):
    """Yield the layers of Keras 0.3 that are no containers."""
    inside = []
    for name in ("layers",):
        inside += list(getattr(layer, name, []) or [])
    if hasattr(layer, "nodes"):
        inside += list(layer.nodes.values())
    for name in ("encoder", "decoder", "layer"):
        if hasattr(layer, name):
            inside.append(getattr(layer, name))
    if not inside:
        yield layer
    for one in inside:
        for leaf in leaves(one):
            yield leaf


def randomize(model, version, backend):
    """Give every weight another value."""
    seen = set()
    for name, one in variables(model, version):
        if id(one) in seen:
            continue
        seen.add(id(one))
        if hasattr(backend, "set_value"):
            value = random_value(name, np.asarray(backend.get_value(one)))
            backend.set_value(one, value)
        else:
            one.assign(random_value(name, np.asarray(one.numpy())))


def shape_of(value, backend):
    """Return the shape of a symbolic input."""
    if hasattr(value, "_keras_shape"):
        return tuple(value._keras_shape)
    if hasattr(backend, "int_shape"):
        return tuple(backend.int_shape(value))
    return tuple(value.shape)


def given_to(model, version, backend):
    """Return random inputs."""
    there = getattr(model, "given", None)
    if there is not None:
        return there
    if version.startswith("0."):
        shapes = model.input_shape
        if hasattr(model, "input_order"):
            names = model.input_order
            shapes = [model.inputs[n].input_shape for n in names]
        shapes = _flat(shapes)
    else:
        shapes = [shape_of(v, backend) for v in model.inputs]
    return [_random(shape, model) for shape in shapes]


def _flat(shapes):
    if isinstance(shapes, tuple):
        return [shapes]
    return [leaf for one in shapes for leaf in _flat(one)]


def _random(shape, model):
    length = getattr(model, "_dim", 9)
    full = [shape[0] or 4] + [n if n is not None else length for n in shape[1:]]
    if getattr(model, "_toks", False):
        made = rng.randint(1, 20, size=full)
        for row in range(1, full[0]):
            ends = rng.randint(0, 4)
            if ends and full[1] > 4:
                made[row, full[1] - ends :] = 0
        return made.astype("int32")
    made = rng.normal(size=full).astype("float32")
    if getattr(model, "_masky", False):
        made[1, 3:] = 0
        made[2, :2] = 0
        made[3, 4] = 0
    return made


def predicted(model, given, version):
    """Return what the model makes of the inputs, as a list."""
    if hasattr(model, "input_order"):
        if not hasattr(model, "_predict"):
            model.compile("sgd", {name: "mse" for name in model.output_order})
        found = model.predict(dict(zip(model.input_order, given)))
        return [found[name] for name in model.output_order]
    if version.startswith("0.") and not hasattr(model, "_predict"):
        model.compile("sgd", "mse")
    if hasattr(model, "_graph_outputs"):
        found = model.predict(dict(zip(model._graph_inputs, given)))
        return [found[name] for name in model._graph_outputs]
    one = given if len(given) > 1 else given[0]
    if version[0] in "01":
        found = model.predict(one, batch_size=4)
    elif getattr(model, "called", False):
        found = model(one, training=False)
    else:
        found = model.predict_on_batch(one)
    found = found if isinstance(found, (list, tuple)) else [found]
    return [np.asarray(y) for y in found]


def write(model, name, folder, version):
    """Save a model in every way that its Keras has; return what went wrong."""
    place = os.path.join(folder, name)
    failed = []

    def attempt(ending, function):
        try:
            function()
        except Exception as error:
            if os.path.exists(place + ending):
                os.remove(place + ending)
            failed.append("%s%s: %s" % (name, ending, str(error)[:100]))

    def text(ending, function):
        with open(place + ending, "w") as file:
            file.write(function())

    def apart():
        text(".json", model.to_json)
        weights = place + ".weights.h5"
        if version[0] in "01":
            model.save_weights(weights, overwrite=True)
        else:
            model.save_weights(weights)

    if hasattr(model, "save"):
        attempt(".h5", lambda: model.save(place + ".h5"))
    numbers = tuple(int(n) for n in version.split("-")[0].split(".")[:2])
    if numbers >= (2, 12):
        options = {"save_format": "keras"} if numbers == (2, 12) else {}
        attempt(".keras", lambda: model.save(place + ".keras", **options))
    attempt(".json", apart)
    if hasattr(model, "to_yaml"):
        attempt(".yaml", lambda: text(".yaml", model.to_yaml))
    return failed


def main():
    """Run from the command line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    which, folder = sys.argv[1:3]
    match = sys.argv[3] if len(sys.argv) > 3 else ""
    keras, version = library(which)
    if os.environ.get("KERAS_BACKEND") == "theano":
        import theano.ifelse  # noqa: F401 - Keras takes it for imported
    backend = getattr(keras, "backend", None)
    if backend is None:
        from keras import backend
    if not os.path.isdir(folder):
        os.makedirs(folder)
    failed, made = [], 0
    for build in models(which, version):
        name = build.__name__
        if match and not any(part in name for part in match.split(",")):
            continue
        try:
            if hasattr(backend, "clear_session") and version[0] not in "01":
                backend.clear_session()
            model = build()
            randomize(model, version, backend)
            given = given_to(model, version, backend)
            ys = predicted(model, given, version)
            data = dict(("x%d" % i, a) for i, a in enumerate(given))
            data.update(("y%d" % i, a) for i, a in enumerate(ys))
            if not all(np.isfinite(a).all() for a in data.values()):
                raise ValueError("the predictions are no numbers")
            failed += write(model, name, folder, version)
            np.savez_compressed(os.path.join(folder, name + ".npz"), **data)
            made += 1
        except Exception as error:
            why = str(error)[:150].replace("\n", " ")
            failed.append("%s: %s %s" % (name, type(error).__name__, why))
            if os.environ.get("TRACEBACK"):
                traceback.print_exc()
    print("Keras", version, "models", made)
    for line in failed:
        print("  not made:", line)


if __name__ == "__main__":
    main()
