"""What a person calls a block, by what it does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from keras2torch.layers.definitions import Add, Concatenate, Layer, Tensor
from keras2torch.layout import LayerStep, Step
from keras2torch.operators import Operator

# Names that only say what a block is made of.
GENERAL = frozenset({"Block", "ConvBlock", "DepthwiseBlock", "SeparableBlock", "MLP"})
_FEW = 2
# Zoph et al. 2018: sums joined, of what the two cells before made.
CELLS = ("NormalCell", "ReductionCell")


def class_of(steps: Sequence[Step], given: Tensor | None) -> str:
    """Return the name of the class for some steps.

    Parameters
    ----------
    steps
        Those of the block.
    given
        What goes in.
    """
    layers = [s.node.layer for s in steps if isinstance(s, LayerStep)]
    kinds = [x.kind if isinstance(x, Operator) else type(x).__name__ for x in layers]
    convolves = any("Conv" in type(x).__name__ for x in _all_layers(steps))
    if isinstance(layers[-1], Concatenate) and _joins_sums(steps):
        return CELLS[_is_strided(steps)]
    if kinds[-1] == "BatchNormalization" and _is_factorized(steps):
        return "FactorizedReduction"
    joins = any(isinstance(x, Concatenate) for x in layers)
    if (joins or "Add" not in kinds) and any(enlarges(x) for x in layers):
        return "UpBlock"
    if isinstance(layers[-1], Concatenate) and convolves:
        joins_input = any(t is given for t in steps[-1].reads)
        branches = len(steps[-1].reads)
        made = {id(t) for step in steps for t in step.writes}
        own = sum(id(t) in made for t in steps[-1].reads)
        if joins_input:
            return "DenseLayer"
        return "InceptionBlock" if own > 1 or branches > _FEW else "ConvBlock"
    attention = sum("Attention" in kind for kind in kinds)
    if attention:
        return _transformer(kinds, attention)
    if kinds[-1] in ("Multiply", "Mul") and any("Pool" in kind for kind in kinds):
        return "SqueezeExcite"
    if "Add" in kinds or _adds_to(steps, given):
        return _residual(layers, kinds)
    if any(kind.startswith("Separable") for kind in kinds):
        return "SeparableBlock"
    if any(kind.startswith("Depthwise") for kind in kinds):
        return "DepthwiseBlock"
    if convolves:
        return "ConvBlock"
    dense = sum(kind == "Dense" for kind in kinds)
    return "MLP" if dense > 1 and "Concatenate" not in kinds else "Block"


def enlarges(layer: Layer) -> bool:
    """Whether a layer makes an image larger."""
    return bool(re.match(r"UpSampling|Conv\dDTranspose", type(layer).__name__))


def _joins_sums(steps: Sequence[Step]) -> bool:
    """Whether the last step joins several tensors of which most are sums."""
    sums = {
        id(t)
        for step in steps
        if isinstance(step, LayerStep) and isinstance(step.node.layer, Add)
        for t in step.writes
    }
    joined = [id(t) in sums for t in steps[-1].reads]
    return len(joined) > _FEW and 2 * sum(joined) > len(joined)


def _is_factorized(steps: Sequence[Step]) -> bool:
    """Whether two halves of the channels are made of every other pixel."""
    layers = [s.node.layer for s in steps if isinstance(s, LayerStep)]
    pools = sum("Pool" in type(x).__name__ for x in layers)
    joins = any(isinstance(x, Concatenate) for x in layers)
    return pools > 1 and joins and _is_strided(steps)


def _is_strided(steps: Sequence[Step]) -> bool:
    """Whether no way through the steps leads around those with a stride."""
    near: set[int] = set()
    made = {id(t) for step in steps for t in step.writes}
    for step in steps:
        layer = step.node.layer if isinstance(step, LayerStep) else None
        stride = max(whole_numbers(getattr(layer, "strides", 1)), default=1)
        reached = any(id(t) in near or id(t) not in made for t in step.reads)
        if stride == 1 and reached:
            near |= {id(t) for t in step.writes}
    return not near & {id(t) for t in steps[-1].writes}


def whole_numbers(value: object) -> list[int]:
    """Return the whole numbers of a setting that may be one or one for each axis."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [v for v in values if isinstance(v, int)]


def _adds_to(steps: Sequence[Step], given: Tensor | None) -> bool:
    """Whether one of the last steps joins what goes in with what became of it."""
    return any(
        len(step.reads) > 1 and any(t is given for t in step.reads)
        for step in steps[-2:]
    )


def _all_layers(steps: Sequence[Step]) -> Iterator[Layer]:
    """Give the layers, those of the blocks inside too."""
    for step in steps:
        if isinstance(step, LayerStep):
            yield step.node.layer
            if step.body is not None:
                yield from _all_layers(step.body.steps)


def snake(name: str) -> str:
    """Return the name of an attribute for a class."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _transformer(kinds: Sequence[str], attention: int) -> str:
    if "Dense" not in kinds and "EinsumDense" not in kinds:
        return "AttentionBlock"
    return "DecoderBlock" if attention > 1 else "TransformerBlock"


def _residual(layers: Sequence[Layer], kinds: Sequence[str]) -> str:
    """Return the names of He et al. 2015 and Sandler et al. 2018."""
    if any(kind.startswith("Depthwise") for kind in kinds) and "Conv2D" in kinds:
        return "InvertedResidual"
    sizes = [_size(x) for x in layers if type(x).__name__ == "Conv2D"]
    # The convolution of the shortcut stands before or behind them.
    if [1, 3, 1] in (sizes[-3:], sizes[:3]):
        return "Bottleneck"
    basic = len(sizes) < 4 and [3, 3] in (sizes[-2:], sizes[:2])
    return "BasicBlock" if basic else "ResidualBlock"


def _size(layer: Layer) -> int:
    size = getattr(layer, "kernel_size", 0)
    sizes = list(size) if isinstance(size, (list, tuple)) else [size]
    return int(sizes[0]) if len(set(sizes)) == 1 else 0
