"""Computing with what is known: numbers, and sizes among small integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.operators.sizes import FAR, Size, larger, smaller

Array = npt.NDArray[Any]


# Told to the rules: the sizes were cast to floats.
FLOAT = " float"


class _Unknown(Exception):
    """The result depends on a size in a way that has no rule."""


def attributes_of(node: ir.Node) -> dict[str, Any]:
    """Return the attributes of a node as Python values and arrays."""
    # Circular otherwise: dialect asks ops for the operators.
    from keras2torch.dialect.attributes import decode

    found: dict[str, Any] = {}
    for a in node.attributes.values():
        if isinstance(a, ir.Attr):
            tensor = a.type == ir.AttributeType.TENSOR
            found[a.name] = a.as_tensor().numpy() if tensor else decode(a)
    return found


def constant_of(attributes: dict[str, Any]) -> Array:
    """Return what a Constant holds."""
    dtypes = {"int": np.int64, "float": np.float32}
    for name, value in attributes.items():
        if name == "value":
            return np.asarray(value)
        kind = name.removeprefix("value_").removesuffix("s")
        return np.asarray(value, dtype=dtypes.get(kind))
    raise ValueError("a Constant without a value")


def shape_of(
    kind: str, dims: Sequence[int | Size], attributes: dict[str, Any]
) -> Array:
    """Return what Shape or Size gives."""
    if kind == "Size":
        total: int | Size = 1
        for n in dims:
            total = total * n
        return _array(total)
    part = slice(attributes.get("start", 0), attributes.get("end"))
    return _array(list(dims)[part])


def _array(value: Any) -> Array:
    """Return an array, of objects where sizes are in it."""
    found = np.asarray(value, dtype=object)
    if any(isinstance(v, Size) for v in found.reshape(-1)):
        return found
    return found.astype(np.int64)


def evaluated(
    node: ir.Node,
    inputs: list[Array | None],
    attributes: dict[str, Any],
    opset: int,
) -> list[Array] | None:
    """Return the outputs of a node whose inputs are known; ``None`` without a rule."""
    symbolic = any(a is not None and a.dtype == object for a in inputs)
    rule = _RULES.get(node.op_type)
    if rule is not None:
        try:
            made = rule(inputs, attributes)
        except _Unknown:
            return None
        return made if isinstance(made, list) else [made]
    return None if symbolic else _reference(node, inputs, opset)


def _reference(
    node: ir.Node, inputs: list[Array | None], opset: int
) -> list[Array] | None:
    """Compute by ONNX' own reference implementation."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    names = [None if v is None else f"x{i}" for i, v in enumerate(node.inputs)]
    proto = ir.to_proto(node)
    del proto.input[:]
    proto.input.extend(n or "" for n in names)
    del proto.output[:]
    proto.output.extend(f"y{i}" for i in range(len(node.outputs)))
    made_of = {n: a for n, a in zip(names, inputs, strict=True) if n is not None}
    graph = onnx.helper.make_graph(
        [proto],
        "constant",
        [
            onnx.helper.make_tensor_value_info(
                n, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape
            )
            for n, a in made_of.items()
            if a is not None
        ],
        [onnx.ValueInfoProto(name=n) for n in proto.output],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", opset)]
    )
    try:
        made = ReferenceEvaluator(model).run(None, made_of)
    except Exception:  # What it cannot do stays for the model.
        return None
    if not all(isinstance(a, np.ndarray | np.generic) for a in made):
        return None
    return [np.asarray(a) for a in made]


# --------------------------------------------------------------------------- rules
Inputs = list[Array | None]
Rule = Callable[[Inputs, dict[str, Any]], "Array | list[Array]"]


def _at(inputs: Inputs, i: int) -> Array:
    found = inputs[i] if i < len(inputs) else None
    if found is None:
        raise _Unknown
    return found


def _numbers(inputs: Inputs, i: int, other: Any = None) -> Any:
    """Return an input that must be all numbers, as a list."""
    found = inputs[i] if i < len(inputs) else None
    if found is None:
        return other
    if found.dtype == object:
        raise _Unknown
    return found.tolist()


def _binary(of: Callable[[Any, Any], Any], plain: Callable[[Any, Any], Any]) -> Rule:
    def rule(inputs: Inputs, attributes: dict[str, Any]) -> Array:
        left, right = _at(inputs, 0), _at(inputs, 1)
        if object in (left.dtype, right.dtype):
            function = np.frompyfunc(of, 2, 1)
            return np.asarray(
                function(left.astype(object), right.astype(object)), dtype=object
            )
        with np.errstate(all="ignore"):
            return np.asarray(plain(left, right))

    return rule


def _checked(of: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(a: Any, b: Any) -> Any:
        for value in (a, b):
            if isinstance(value, float) and value != int(value):
                raise _Unknown
        a, b = (int(v) if isinstance(v, float) else v for v in (a, b))
        return of(a, b)

    return checked


def _quotient(a: Any, b: Any) -> Any:
    made = a // b
    # Sizes are not negative; of what could be, the fraction is cut off, not floored.
    for value in (a, b):
        if isinstance(value, Size) and not value.never_negative():
            if not isinstance(made, int):
                raise _Unknown
        elif not isinstance(value, Size) and value < 0:
            raise _Unknown
    return made


def _divided(left: Array, right: Array) -> Array:
    if left.dtype.kind in "iu":
        return np.asarray(np.fix(left / right)).astype(left.dtype)
    return np.asarray(left / right)


def _true_quotient(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    of = _exact if attributes.get(FLOAT) else _quotient
    return np.asarray(_binary(_checked(of), _divided)(inputs, attributes))


def _exact(a: Any, b: Any) -> Any:
    """Return a quotient of floats, if it is a whole one."""
    made = a // b
    if not (made * b == a):
        raise _Unknown
    return made


def _compared(kind: str) -> Rule:
    plain = {
        "Equal": np.equal,
        "Less": np.less,
        "LessOrEqual": np.less_equal,
        "Greater": np.greater,
        "GreaterOrEqual": np.greater_equal,
    }[kind]

    def of(a: Any, b: Any) -> Any:
        gap = a - b
        if isinstance(gap, Size):
            # Of sizes only this is sure: none is negative.
            if _least(gap) > 0 or _is_far(a, b):
                gap = 1
            elif _least(-gap) > 0 or _is_far(b, a):
                gap = -1
            else:
                raise _Unknown
        return bool(plain(gap, 0))

    rule = _binary(_checked(of), plain)

    def boolean(inputs: Inputs, attributes: dict[str, Any]) -> Array:
        return np.asarray(rule(inputs, attributes)).astype(bool)

    return boolean


def _is_far(a: Any, b: Any) -> bool:
    """Whether the first is more than any axis has, and the second the size of one."""
    return isinstance(b, Size) and b.dim is not None and type(a) is int and a >= FAR


def _least(size: int | Size) -> int:
    """Return a number below which a size never is; one below 0 if there is none."""
    if isinstance(size, int):
        return size
    found = size.least()
    return -1 if found is None else found


def _cast(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x = _at(inputs, 0)
    if x.dtype == object:
        return x
    kind = ir.DataType(attributes["to"])
    with np.errstate(all="ignore"):
        return x.astype(kind.numpy())


def _gather(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x, indices = _at(inputs, 0), _numbers(inputs, 1)
    return np.asarray(np.take(x, indices, axis=attributes.get("axis", 0)))


def _slice(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x = _at(inputs, 0)
    starts = _numbers(inputs, 1, attributes.get("starts"))
    ends = _numbers(inputs, 2, attributes.get("ends"))
    axes = _numbers(inputs, 3, attributes.get("axes")) or range(len(starts))
    steps = _numbers(inputs, 4) or [1] * len(starts)
    key: list[slice] = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop = None if step < 0 and end < -x.shape[axis] else end
        key[axis] = slice(start, stop, step)
    return x[tuple(key)]


def _concat(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    parts = [_at(inputs, i) for i in range(len(inputs))]
    if any(p.dtype == object for p in parts):
        parts = [p.astype(object) for p in parts]
    return np.concatenate(parts, axis=attributes["axis"])


def _squeeze(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x, axes = _at(inputs, 0), _numbers(inputs, 1, attributes.get("axes"))
    return np.squeeze(x, None if axes is None else tuple(axes))


def _unsqueeze(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    axes = _numbers(inputs, 1, attributes.get("axes"))
    return np.expand_dims(_at(inputs, 0), tuple(axes))


def _reshape(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x, target = _at(inputs, 0), _numbers(inputs, 1)
    if not attributes.get("allowzero"):
        target = [x.shape[i] if n == 0 else n for i, n in enumerate(target)]
    return x.reshape(target)


def _transpose(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    return np.transpose(_at(inputs, 0), attributes.get("perm"))


def _reduced(of: Callable[[Any, Any], Any], plain: Callable[..., Any]) -> Rule:
    def rule(inputs: Inputs, attributes: dict[str, Any]) -> Array:
        x, axes = _at(inputs, 0), _numbers(inputs, 1, attributes.get("axes"))
        keep = bool(attributes.get("keepdims", 1))
        if x.dtype != object:
            if not axes and attributes.get("noop_with_empty_axes"):
                return x
            axis = tuple(axes) if axes else None
            made = plain(x, axis=axis, keepdims=keep)
            return np.asarray(made).astype(x.dtype)
        if x.ndim != 1:
            raise _Unknown
        total = x[0]
        for value in x[1:]:
            total = of(total, value)
        made = np.empty((1,) if keep else (), dtype=object)
        made[...] = total
        return made

    return rule


def _several(of: Callable[[Any, Any], Any], plain: Callable[[Any, Any], Any]) -> Rule:
    rule = _binary(_checked(of), plain)

    def folded(inputs: Inputs, attributes: dict[str, Any]) -> Array:
        total = _at(inputs, 0)
        for other in inputs[1:]:
            total = np.asarray(rule([total, other], attributes))
        return total

    return folded


def _where(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    condition, yes, no = (_at(inputs, i) for i in range(3))
    if condition.dtype == object:
        raise _Unknown
    if object in (yes.dtype, no.dtype):
        yes, no = yes.astype(object), no.astype(object)
    return np.where(condition, yes, no)


def _filled(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    shape, value = _numbers(inputs, 0), attributes.get("value")
    if int(np.prod(shape)) > 1 << 20:
        raise _Unknown
    fill = np.zeros(1, np.float32) if value is None else value
    return np.full(shape, fill.reshape(-1)[0], dtype=fill.dtype)


def _expand(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x, target = _at(inputs, 0), _numbers(inputs, 1)
    return np.array(np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(target))))


def _range(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    start, end, step = (_at(inputs, i) for i in range(3))
    if object in (start.dtype, end.dtype, step.dtype):
        raise _Unknown
    return np.arange(start.item(), end.item(), step.item(), dtype=start.dtype)


def _scatter_nd(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    x, indices, updates = (_at(inputs, i) for i in range(3))
    if indices.dtype == object or attributes.get("reduction", "none") != "none":
        raise _Unknown
    made = np.array(x, dtype=object if object in (x.dtype, updates.dtype) else x.dtype)
    for place in np.ndindex(*indices.shape[:-1]):
        made[tuple(indices[place])] = updates[place]
    return made


def _split(inputs: Inputs, attributes: dict[str, Any]) -> list[Array]:
    x, sizes = _at(inputs, 0), _numbers(inputs, 1, attributes.get("split"))
    axis = attributes.get("axis", 0)
    if sizes is None:
        count = attributes.get("num_outputs")
        if not count:
            raise _Unknown
        size = -(-x.shape[axis] // count)
        sizes = [size] * (count - 1)
    return list(np.split(x, np.cumsum(sizes)[: len(sizes) - (count_of(inputs))], axis))


def count_of(inputs: Inputs) -> int:
    """Whether the sizes of a split include the last part's."""
    return int(len(inputs) > 1 and inputs[1] is not None)


def _same(inputs: Inputs, attributes: dict[str, Any]) -> Array:
    return _at(inputs, 0)


def _unary(plain: Callable[[Any], Any], of: Callable[[Any], Any] | None = None) -> Rule:
    def rule(inputs: Inputs, attributes: dict[str, Any]) -> Array:
        x = _at(inputs, 0)
        if x.dtype != object:
            return np.asarray(plain(x))
        if of is None:
            raise _Unknown
        return np.asarray(np.frompyfunc(of, 1, 1)(x), dtype=object)

    return rule


def _magnitude(value: Any) -> Any:
    if isinstance(value, Size):
        if not value.never_negative():
            raise _Unknown
        return value
    return abs(value)


_RULES: dict[str, Rule] = {
    "Abs": _unary(np.abs, _magnitude),
    "Add": _binary(_checked(lambda a, b: a + b), np.add),
    "And": _binary(lambda a, b: a and b, np.logical_and),
    "Cast": _cast,
    "Ceil": _unary(np.ceil, lambda v: v),
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Div": _true_quotient,
    "Expand": _expand,
    "Floor": _unary(np.floor, lambda v: v),
    "Gather": _gather,
    "Identity": _same,
    "Max": _several(larger, np.maximum),
    "Min": _several(smaller, np.minimum),
    "Mul": _binary(_checked(lambda a, b: a * b), np.multiply),
    "Neg": _unary(np.negative, lambda v: -v),
    "Not": _unary(np.logical_not),
    "Or": _binary(lambda a, b: a or b, np.logical_or),
    "Range": _range,
    "ReduceMax": _reduced(larger, np.max),
    "ReduceMin": _reduced(smaller, np.min),
    "ReduceProd": _reduced(lambda a, b: a * b, np.prod),
    "ReduceSum": _reduced(lambda a, b: a + b, np.sum),
    "Reshape": _reshape,
    "ScatterND": _scatter_nd,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Sub": _binary(_checked(lambda a, b: a - b), np.subtract),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
    **{
        kind: _compared(kind)
        for kind in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    },
}
