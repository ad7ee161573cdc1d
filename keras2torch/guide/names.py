"""From a dotted path, as a script imports it, to the one name that Keras 3 has."""

from __future__ import annotations

import re
from functools import cache

from keras2torch.guide.spellings import OLD, SAME

# A script that runs on the shim already is read as well.
_SHIM = "keras2torch"
_KERAS = frozenset({"keras", "tf_keras", _SHIM})
_TENSORFLOW = frozenset({"tensorflow", "tensorflow_core", "tf"})
# Between `tensorflow` and `keras`, and between `keras` and its names, over the years.
_INNER = frozenset(
    "python contrib compat v1 v2 _api api _v1 _v2 src keras _tf_keras".split()
)
_GROUPS = frozenset(
    "activations applications backend callbacks config constraints datasets "
    "distillation distribution dtype_policies estimator experimental export "
    "initializers layers legacy losses metrics mixed_precision models ops optimizers "
    "preprocessing quantizers random regularizers saving tree utils visualization "
    "wrappers".split()
)
_GROUPS_OF_OLD = {"initializations": "initializers", "objectives": "losses"}
# Groups within groups, whose names are not also one level up.
_KEPT = (
    "ops.image",
    "optimizers.schedules",
    "utils.bounding_boxes",
    "legacy.saving",
    "preprocessing.image",
    "preprocessing.text",
    "preprocessing.sequence",
)
# Modules of TensorFlow 2 that are Keras' own.
_OF_KERAS = frozenset("losses metrics optimizers initializers".split())
_DATASETS = re.compile(r"^datasets\.\w+")


def is_keras(path: str) -> bool:
    """Whether a dotted path begins at Keras or TensorFlow."""
    return path.partition(".")[0] in _KERAS | _TENSORFLOW


def is_shim(path: str) -> bool:
    """Whether a dotted path begins at this package."""
    return path.partition(".")[0] == _SHIM


@cache
def canonical(path: str) -> str:
    """Return the name of what lies at a dotted path that begins at Keras or TensorFlow.

    Examples
    --------
    >>> canonical("tensorflow.keras.layers.Convolution2D")
    'layers.Conv2D'
    >>> canonical("keras.layers.core.Dense")
    'layers.Dense'
    >>> canonical("tensorflow.reduce_mean")
    'tf.reduce_mean'
    """
    parts = path.split(".")
    if parts[0] in _TENSORFLOW:
        at = next((i for i, p in enumerate(parts) if p == "keras"), None)
        if at is None or not _INNER.issuperset(parts[1:at]):
            return _tensorflow(parts[1:])
        parts = parts[at:]
    parts = parts[1:]
    while len(parts) > 1 and parts[0] in _INNER:
        del parts[0]
    return _spelled(_keras(parts))


def written(name: str) -> str:
    """Return the canonical form of a name that a person wrote: ``tf.keras.Model``."""
    root = name.partition(".")[0]
    return canonical(name if root in _KERAS | _TENSORFLOW else f"keras.{name}")


def _tensorflow(parts: list[str]) -> str:
    while parts and parts[0] == "python":
        del parts[0]
    if parts[:2] == ["compat", "v2"]:
        parts = parts[2:]
    if parts[:1] and parts[0] in _OF_KERAS and parts[-1][:1].isupper():
        return _spelled(_keras(parts))
    name = ".".join(["tf", *parts])
    return SAME.get(name, name)


def _keras(parts: list[str]) -> str:
    if not parts or parts == ["keras"]:
        return ""
    if parts[0] == "legacy" and parts[1:2] == ["backend"]:
        del parts[0]
    parts = [_GROUPS_OF_OLD.get(parts[0], parts[0]), *parts[1:]]
    name, last = ".".join(parts), parts[-1]
    if parts[0] == "engine" and len(parts) > 1:
        return last
    if parts[0] == "experimental":
        return f"optimizers.schedules.{last}" if "Decay" in last else last
    if parts[0] not in _GROUPS or len(parts) < 3:
        return name
    if _DATASETS.match(name):
        return name
    kept = next((k for k in _KEPT if name.startswith(f"{k}.")), None)
    if kept:
        return f"{kept}.{last}"
    if parts[0] == "applications" and last in (
        "preprocess_input",
        "decode_predictions",
    ):
        return f"applications.{last}"
    # `keras.backend.tensorflow_backend`, `keras.layers.convolutional.Conv2D`,
    # `keras.ops.numpy.sum`: modules of the package itself are lower case.
    keep = next((i for i, p in enumerate(parts[1:-1], 1) if not p.islower()), None)
    return ".".join([parts[0], *(parts[keep:] if keep else parts[-1:])])


def _spelled(name: str) -> str:
    name = SAME.get(name, name)
    return OLD.get(name, name)
