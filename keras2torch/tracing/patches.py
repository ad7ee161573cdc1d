"""TensorFlow's kernels, replaced while a model is traced or compared.

A script beside ``worker.py``. Every way to a random number, of TensorFlow or of Keras,
ends in a kernel of ``gen_random_ops`` or ``gen_stateless_random_ops``; so one place
tells the tracing where a number is drawn, and lets a comparison draw the same ones.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

# Kernel → what it draws.
KERNELS = {
    "random_standard_normal": "normal",
    "random_uniform": "uniform",
    "random_uniform_int": "integer",
    "truncated_normal": "truncated",
    "stateless_random_normal": "normal",
    "stateless_random_normal_v2": "normal",
    "stateless_random_uniform": "uniform",
    "stateless_random_uniform_v2": "uniform",
    "stateless_random_uniform_int": "integer",
    "stateless_random_uniform_int_v2": "integer",
    "stateless_truncated_normal": "truncated",
    "stateless_truncated_normal_v2": "truncated",
}
MODULES = ("gen_random_ops", "gen_stateless_random_ops", "gen_stateless_random_ops_v2")
# Kernels that look something up by whole numbers.
LOOKUPS = {"gather": "indices", "gather_v2": "indices", "one_hot": "indices"}
LOOKUPS["gather_nd"] = "indices"


@contextlib.contextmanager
def replaced(
    modules: tuple[str, ...], names: Any, make: Callable[[str, Any], Any]
) -> Iterator[None]:
    """Replace functions of ``tensorflow.python.ops`` by ``make(name, function)``."""
    undo = []
    try:
        for module_name in modules:
            try:
                module = importlib.import_module("tensorflow.python.ops." + module_name)
            except ImportError:  # of another TensorFlow
                continue
            for name in names:
                function = getattr(module, name, None)
                if function is not None:
                    undo.append((module, name, function))
                    made = functools.wraps(function)(make(name, function))
                    setattr(module, name, made)
        yield
    finally:
        for module, name, function in reversed(undo):
            setattr(module, name, function)


def drawn_by(
    draw: Callable[[str, Any, Any, list[Any]], Any],
    active: Callable[[], bool] = lambda: True,
) -> Any:
    """Let ``draw(kind, shape, dtype, bounds)`` draw all random numbers."""

    def make(name: str, function: Any) -> Any:
        signature = inspect.signature(function)

        def call(*args: Any, **kwargs: Any) -> Any:
            import tensorflow as tf

            if not active():
                return function(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = bound.arguments
            kind = KERNELS[name]
            bounds = []
            dtype = values.get("dtype", tf.float32)
            if kind == "integer":
                bounds = [tf.convert_to_tensor(values[k]) for k in ("minval", "maxval")]
                bounds = [tf.cast(b, bounds[0].dtype) for b in bounds]
                dtype = bounds[0].dtype
            shape = tf.convert_to_tensor(values["shape"], dtype_hint=tf.int32)
            return draw(kind, shape, tf.dtypes.as_dtype(dtype or tf.float32), bounds)

        return call

    return replaced(MODULES, KERNELS, make)


def same_on_both_sides(kind: str, shape: Any, dtype: Any, bounds: list[Any]) -> Any:
    """Numbers that PyTorch finds again: cos of the sum of an entry's indices.

    They do not depend on the order of the axes, as the distribution does not.
    """
    import tensorflow as tf

    # As many axes as a tensor may have; those that are not there have one entry.
    rank = int(shape.shape[0])
    total = tf.zeros([1] * rank, tf.float64)
    for axis in range(rank):
        sizes = [1] * rank
        sizes[axis] = -1
        total = total + tf.reshape(tf.cast(tf.range(shape[axis]), tf.float64), sizes)
    found = tf.cos(total)
    if kind in ("uniform", "integer"):
        found = 0.5 + 0.45 * found
    if kind == "integer":
        low, high = (tf.cast(b, tf.float64) for b in bounds)
        found = tf.floor(low + found * (high - low))
    return tf.cast(found, dtype)


def whole_numbers() -> Any:
    """Let lookups take floats, which stand for inputs of an unknown dtype."""

    def make(name: str, function: Any) -> Any:
        signature = inspect.signature(function)

        def call(*args: Any, **kwargs: Any) -> Any:
            import tensorflow as tf

            bound = signature.bind(*args, **kwargs)
            key = LOOKUPS[name]
            indices = tf.convert_to_tensor(bound.arguments[key])
            if indices.dtype.is_floating:
                bound.arguments[key] = tf.cast(indices, tf.int32)
            return function(*bound.args, **bound.kwargs)

        return call

    return replaced(("gen_array_ops",), LOOKUPS, make)


def reversed_as_slices() -> Callable[[], None]:
    """Let TensorFlow reverse an axis by a slice, which ONNX has; returns the undoing."""

    def make(name: str, function: Any) -> Any:
        def call(tensor: Any, axis: Any, name: Any = None) -> Any:
            import tensorflow as tf

            axes = tf.get_static_value(tf.convert_to_tensor(axis))
            tensor = tf.convert_to_tensor(tensor)
            if axes is None or tensor.shape.rank is None:
                return function(tensor, axis, name)
            index = [slice(None)] * tensor.shape.rank
            for number in axes.tolist():
                index[number] = slice(None, None, -1)
            return tensor[tuple(index)]

        return call

    stack = contextlib.ExitStack()
    stack.enter_context(replaced(("gen_array_ops",), ("reverse_v2",), make))
    return stack.close


PASSING = {
    "Concat",
    "ConcatV2",
    "EnsureShape",
    "ExpandDims",
    "Identity",
    "Pack",
    "Reshape",
    "Shape",
    "Split",
    "SplitV",
    "Squeeze",
    "StridedSlice",
    "Transpose",
    "Unpack",
}


def taken_as_integers(placeholder: Any) -> bool:
    """Whether all that reads an input, through reshapes and slices, is whole.

    Reading its sizes says nothing.
    """
    seen, found = [placeholder], []
    while seen:
        tensor = seen.pop()
        for op in tensor.consumers():
            if op.type == "Cast":
                kind = op.outputs[0].dtype
                found.append(bool(kind.is_integer))
            elif op.type in ("Shape", "Equal", "NotEqual"):
                continue
            elif op.type in PASSING:
                seen += list(op.outputs)
            elif not op.type.startswith("NoOp"):
                found.append(False)
    return bool(found) and all(found)
