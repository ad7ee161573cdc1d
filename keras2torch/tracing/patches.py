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
import sys
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


# A loop of a known number of steps is written out up to this many.
MOST_STEPS = 64


class Unrolled(Exception):
    """A loop or a branch that cannot be written out, in a sentence."""


def converted(function: Any) -> Any:
    """Let ``if`` and ``for`` of a user's code take tensors, as in a tf.function."""
    import tensorflow as tf
    from tensorflow.python.autograph.core import ag_ctx
    from tensorflow.python.autograph.impl import api

    function = python_of(function)
    context = ag_ctx.ControlStatusCtx(status=ag_ctx.Status.ENABLED)
    made = api.tf_convert(function, context, user_requested=True)
    made = functools.wraps(function)(made)
    return tf.autograph.experimental.do_not_convert(made)


def python_of(function: Any) -> Any:
    """Return the Python that a ``tf.function`` was made of, bound as it was."""
    inner = getattr(function, "_python_function", None)
    if inner is None:
        return function
    from tensorflow.python.util import tf_decorator

    inner = tf_decorator.unwrap(inner)[1]
    target = getattr(inner, "__self__", None)
    if target is not None and hasattr(target, "weakrefself_func__"):
        return target.weakrefself_func__().__get__(target.weakrefself_target__())
    return inner


def control_flow_modules() -> tuple[Any, Any]:
    """Return the modules that hold ``cond`` and ``while_loop``: one before 2.12."""
    try:
        from tensorflow.python.ops import cond, while_loop
    except ImportError:
        from tensorflow.python.ops import control_flow_ops

        return control_flow_ops, control_flow_ops
    return cond, while_loop


def backends() -> list[Any]:
    """Modules of Keras 2 with the ``K.rnn`` that a user's layer may call."""
    found = []
    for name in ("tf_keras.src.backend", "tf_keras.backend", "keras.src.backend"):
        found.append(sys.modules.get(name))
    for name in ("keras.backend", "tensorflow.python.keras.backend"):
        found.append(sys.modules.get(name))
    try:
        import tensorflow as tf

        found.append(tf.keras.backend)
    except (ImportError, AttributeError):
        pass
    unique = {id(module): module for module in found if module is not None}
    return [
        module
        for module in unique.values()
        if hasattr(module, "rnn")
        and "unroll" in inspect.signature(module.rnn).parameters
    ]


@contextlib.contextmanager
def control_flow(
    active: Callable[[], bool], chose: Callable[[], None]
) -> Iterator[None]:
    """Write loops out and compute both sides of a branch, of which ``chose`` is told.

    What a graph of a layer holds is straight: a loop of which nobody knows the number
    of steps before it runs is an :class:`Unrolled` error.
    """
    import tensorflow as tf

    cond_module, while_module = control_flow_modules()
    functions: Any = type(tf.function(lambda: None))
    before = {
        (tf, "cond"): tf.cond,
        (tf, "while_loop"): tf.while_loop,
        (tf, "map_fn"): tf.map_fn,
        (cond_module, "cond"): cond_module.cond,
        (while_module, "while_loop"): while_module.while_loop,
        (functions, "__call__"): functions.__call__,
    }

    def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, **_: Any) -> Any:
        if not active():
            return before[cond_module, "cond"](pred, true_fn, false_fn)
        known = value_of(pred)
        if known is not None:
            return true_fn() if known else false_fn()
        yes, no = true_fn(), false_fn()
        if yes is None or isinstance(yes, tf.Operation):
            # An assertion, or what is printed.
            return tf.constant(True)
        chose()
        pairs = zip(tf.nest.flatten(yes), tf.nest.flatten(no))
        chosen = []
        for one, other in pairs:
            one, other = tf.convert_to_tensor(one), tf.convert_to_tensor(other)
            if one.shape.rank != other.shape.rank:
                raise Unrolled("the two sides of a branch have other shapes")
            chosen.append(tf.where(pred, one, other))
        return tf.nest.pack_sequence_as(yes, chosen)

    def while_loop(
        cond: Any, body: Any, loop_vars: Any, *rest: Any, **more: Any
    ) -> Any:
        if not active():
            return before[while_module, "while_loop"](
                cond, body, loop_vars, *rest, **more
            )
        most = more.get("maximum_iterations")
        most = None if most is None else value_of(most)
        values, steps = list(loop_vars), 0
        while most is None or steps < most:
            goes_on = value_of(cond(*values))
            if goes_on is None:
                raise Unrolled("it loops as often as its inputs say, which has no rule")
            if not goes_on:
                break
            if steps == MOST_STEPS:
                raise Unrolled(f"it loops over more than {MOST_STEPS} steps")
            made = body(*values)
            values = list(made) if isinstance(made, (list, tuple)) else [made]
            steps += 1
        return type(loop_vars)(values) if isinstance(loop_vars, tuple) else values

    def map_fn(fn: Any, elems: Any, *rest: Any, **more: Any) -> Any:
        if not active():
            return before[tf, "map_fn"](fn, elems, *rest, **more)
        return tf.vectorized_map(fn, elems)

    def called(function: Any, *args: Any, **kwargs: Any) -> Any:
        # What was restored from a SavedModel has no Python of its own.
        if not active() or type(function) is not functions:
            return before[functions, "__call__"](function, *args, **kwargs)
        return converted(function._python_function)(*args, **kwargs)

    def rnn(original: Any) -> Any:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            if active():
                given = tf.nest.flatten(bound.arguments["inputs"])[0]
                steps = given.shape[0 if bound.arguments.get("time_major") else 1]
                if steps is not None and int(steps) <= MOST_STEPS:
                    bound.arguments["unroll"] = True
            return original(*bound.args, **bound.kwargs)

        return call

    loops = {(module, "rnn"): module.rnn for module in backends()}
    before.update(loops)
    replaced = {
        **{key: rnn(function) for key, function in loops.items()},
        (tf, "cond"): cond,
        (tf, "while_loop"): while_loop,
        (tf, "map_fn"): map_fn,
        (cond_module, "cond"): cond,
        (while_module, "while_loop"): while_loop,
        (functions, "__call__"): called,
    }
    try:
        for (where, name), function in replaced.items():
            setattr(where, name, function)
        yield
    finally:
        for (where, name), function in before.items():
            setattr(where, name, function)


def value_of(value: Any) -> Any:
    """What a condition is, if it does not depend on the inputs."""
    import tensorflow as tf

    if not tf.is_tensor(value):
        return value
    known = tf.get_static_value(value)
    if known is not None or not hasattr(value, "graph"):
        return known
    seen, left = set(), [value.op]
    while left:
        op = left.pop()
        if op.type in ("Placeholder", "EagerPyFunc"):
            return None
        seen.add(op)
        left += [t.op for t in op.inputs if t.op not in seen]
    with tf.compat.v1.Session(graph=value.graph) as session:
        return session.run(value)


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
