"""Which sizes of a result are those of an input, where no number is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from keras2torch.operators.sizes import FAR, Size

Entry = int | Size | None
Dims = Sequence[int | Size] | None
Array = npt.NDArray[Any]

_SAME = frozenset(
    "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh "
    "CumSum Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity "
    "InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Log "
    "BatchNormalization GroupNormalization LogSoftmax LpNormalization "
    "MeanVarianceNormalization Mish Neg Not PRelu "
    "Reciprocal Relu Round Rsqrt ScatterElements ScatterND Selu Shrink Sigmoid Sign "
    "Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu "
    "Trilu".split()
)
_BROADCAST = frozenset(
    "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater "
    "GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where "
    "Xor".split()
)


def dims(
    node: ir.Node,
    known: Sequence[Dims],
    arrays: Sequence[Array | None],
    attributes: dict[str, Any],
) -> list[list[Entry] | None]:
    """Return what is known of the sizes of each output of a node.

    Parameters
    ----------
    node
        The node.
    known
        The sizes of its inputs.
    arrays
        What is known of the inputs themselves.
    attributes
        Its attributes.
    """
    first = known[0] if known else None
    if node.domain == "keras" and node.op_type == "StopGradient":
        return [None if first is None else list(first)]
    if node.domain == "keras":
        # The batch goes through a layer; a model of the user's may fold it.
        if first is None or "_body" in node.attributes or not first:
            return []
        return [
            [first[0], *[None] * (len(v.shape) - 1)] if v.shape else None
            for v in node.outputs
        ]
    if node.domain not in ("", "ai.onnx") or first is None:
        return []
    if node.op_type in _SAME:
        return [list(first)]
    if node.op_type in _BROADCAST:
        return [_broadcast(known)]
    rule = _RULES.get(node.op_type)
    made = rule(first, known, arrays, attributes) if rule is not None else None
    return [made] * len(node.outputs)


def _broadcast(known: Sequence[Dims]) -> list[Entry] | None:
    shapes = [list(k) for k in known if k is not None]
    if len(shapes) < len(known) or not shapes:
        return None
    rank = max(map(len, shapes))
    found: list[Entry] = []
    padded: list[list[int | Size]] = [[*[1] * (rank - len(s)), *s] for s in shapes]
    for sizes in zip(*padded, strict=True):
        rest = list(dict.fromkeys(n for n in sizes if n != 1))
        fixed = [n for n in rest if isinstance(n, int)]
        if fixed:
            found.append(fixed[0])
        else:
            # Two that are not known: either may be 1.
            found.append(rest[0] if len(rest) == 1 else (None if rest else 1))
    return found


Rule = Callable[
    [Sequence[int | Size], Sequence[Dims], Sequence["Array | None"], dict[str, Any]],
    "list[Entry] | None",
]


def _numbers(
    arrays: Sequence[Array | None], i: int, attribute: Any = None
) -> list[Any] | None:
    found = arrays[i] if i < len(arrays) else None
    if found is None:
        return list(attribute) if attribute is not None else None
    return [v if isinstance(v, Size) else int(v) for v in np.atleast_1d(found)]


def _transposed(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry]:
    return [x[a] for a in attributes.get("perm") or range(len(x))[::-1]]


def reshaped(x: Sequence[int | Size], target: list[Any], *, copies: bool) -> list[Any]:
    """Return the sizes that a Reshape makes: no 0 that copies, and no -1 if it can.

    Parameters
    ----------
    x
        The old sizes.
    target
        What was asked for.
    copies
        Whether a 0 stands for the old size.
    """
    made = [
        x[i] if copies and isinstance(n, int) and n == 0 else n
        for i, n in enumerate(target)
    ]
    if -1 not in made:
        return made
    total: Any = 1
    for n in x:
        total = total * n
    rest: Any = 1
    for n in made:
        if not (isinstance(n, int) and n == -1):
            rest = rest * n
    if isinstance(rest, int) and rest == 0:
        return made
    left = total // rest
    if left * rest == total:
        made[made.index(-1)] = left
    return made


def _reshape(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    target = _numbers(arrays, 1)
    if target is None:
        return None
    made = reshaped(x, target, copies=not attributes.get("allowzero"))
    return [None if isinstance(n, int) and n == -1 else n for n in made]


def _unsqueezed(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    axes = _numbers(arrays, 1, attributes.get("axes"))
    if axes is None:
        return None
    made: list[Entry] = list(x)
    rank = len(x) + len(axes)
    for axis in sorted(a % rank for a in axes):
        made.insert(axis, 1)
    return made


def _squeezed(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    axes = _numbers(arrays, 1, attributes.get("axes"))
    if axes is None:
        return None
    gone = [a % len(x) for a in axes]
    return [n for i, n in enumerate(x) if i not in gone]


def _concatenated(
    x: Any, known: Any, arrays: Any, attributes: Any
) -> list[Entry] | None:
    if any(k is None for k in known):
        return None
    made: list[Entry] = list(x)
    axis = attributes["axis"] % len(x)
    for other in known[1:]:
        made[axis] = made[axis] + other[axis]
    return made


def _sliced(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    starts = _numbers(arrays, 1, attributes.get("starts"))
    axes = _numbers(arrays, 3, attributes.get("axes"))
    if axes is None:
        if starts is None:
            return None
        axes = list(range(len(starts)))
    ends = _numbers(arrays, 2, attributes.get("ends"))
    steps = _numbers(arrays, 4) or [1] * len(axes)
    made: list[Entry] = list(x)
    for i, axis in enumerate(axes):
        part = (starts[i], ends[i], steps[i]) if starts and ends else None
        made[axis] = _left(x[axis], part)
    return made


def _left(size: int | Size, part: tuple[Any, Any, Any] | None) -> Entry:
    """Return how many entries a slice leaves, if that is known."""
    if part is None:
        return None
    start, end, step = part
    if type(start) is type(end) is type(step) is int:
        if isinstance(size, int) and step > 0:
            return len(range(*slice(start, end, step).indices(size)))
        if (start, step) == (0, 1) and end >= FAR:
            return size
    return size if end == size and (start, step) == (0, 1) else None


def _gathered(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    if known[1] is None:
        return None
    axis = attributes.get("axis", 0) % len(x)
    return [*x[:axis], *known[1], *x[axis + 1 :]]


def _multiplied(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    right = known[1]
    if right is None:
        return None
    outer = _broadcast([x[:-2], right[:-2]]) or []
    return [
        *outer,
        *(x[-2:-1] if len(x) > 1 else []),
        *(right[-1:] if len(right) > 1 else []),
    ]


def _reduced(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    axes = _numbers(arrays, 1, attributes.get("axes"))
    if not axes:
        if len(arrays) > 1 and axes is None:
            return None
        axes = [] if attributes.get("noop_with_empty_axes") else list(range(len(x)))
    gone = [a % len(x) for a in axes]
    if attributes.get("keepdims", 1):
        return [1 if i in gone else n for i, n in enumerate(x)]
    return [n for i, n in enumerate(x) if i not in gone]


def _searched(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    axis = attributes.get("axis", 0)
    return _reduced(x, known, arrays[:1], {**attributes, "axes": [axis]})


def _split(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry]:
    made: list[Entry] = list(x)
    made[attributes.get("axis", -1 if "k" in attributes else 0)] = None
    return made


def _best(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry]:
    made: list[Entry] = list(x)
    made[attributes.get("axis", -1)] = None
    return made


def _expanded(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    target = _numbers(arrays, 1)
    return None if target is None else _broadcast([x, target])


def _padded(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    pads = _numbers(arrays, 1, attributes.get("pads"))
    axes = _numbers(arrays, 3) or list(range(len(x)))
    if pads is None:
        return None
    made: list[Entry] = list(x)
    for i, axis in enumerate(axes):
        made[axis] = x[axis] + pads[i] + pads[i + len(axes)]
    return made


def _tiled(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    repeats = _numbers(arrays, 1)
    if repeats is None:
        return None
    return [a * b for a, b in zip(x, repeats, strict=True)]


def _filled(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry] | None:
    return _numbers(arrays, 0)


def _spatial(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry]:
    return [x[0], *[None] * (len(x) - 1)]


def _pooled(x: Any, known: Any, arrays: Any, attributes: Any) -> list[Entry]:
    return [*x[:2], *[None] * (len(x) - 2)]


_RULES: dict[str, Rule] = {
    "ArgMax": _searched,
    "ArgMin": _searched,
    "AveragePool": _pooled,
    "Concat": _concatenated,
    "ConstantOfShape": _filled,
    "RandomInteger": _filled,
    "RandomNormal": _filled,
    "RandomTruncated": _filled,
    "RandomUniform": _filled,
    "Conv": _spatial,
    "ConvTranspose": _spatial,
    "DepthToSpace": _spatial,
    "Expand": _expanded,
    "Gather": _gathered,
    "GlobalAveragePool": _pooled,
    "GlobalMaxPool": _pooled,
    "MatMul": _multiplied,
    "MaxPool": _pooled,
    "Pad": _padded,
    "Reshape": _reshape,
    "Resize": _pooled,
    "Slice": _sliced,
    "SpaceToDepth": _spatial,
    "Split": _split,
    "Squeeze": _squeezed,
    "Tile": _tiled,
    "TopK": _best,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
    **{
        f"Reduce{name}": _reduced
        for name in ("L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split())
    },
}

__all__ = ["dims", "reshaped"]
