"""Normalization whose parameters are computed, as functions."""

from __future__ import annotations

from keras2torch.layers.base import Forward
from keras2torch.layers.text import literal, short
from keras2torch.operators.base import Call, Layout, Operator, followed, operators


class _Normalization(Operator):
    """Base: an epsilon, and channels at position 1."""

    layout = "keras"

    def eps(self, default: float = 1e-5) -> str:
        """Return the epsilon."""
        return literal(short(float(self.attributes.get("epsilon", default))))


@operators("LayerNormalization", "RMSNormalization")
class LayerNormalization(_Normalization):
    """Over the last axes."""

    tensors = frozenset({0, 1, 2})

    def forward(self, call: Call, module: str) -> Forward:
        """``F.layer_norm(x, (64,), self.gamma, self.beta, 1e-5)``."""
        x, *given = self.terms(call)
        axis = self.attributes.get("axis", -1) % call.x.rank
        sizes = call.x.shape[axis:]
        known = None not in sizes
        shape = literal(tuple(sizes)) if known else f"{x}.shape[{axis}:]"
        args = [f"weight={given[0]}"] if given else []
        # Of fewer axes, a scale is the same for the others.
        for value, name in zip(given, ("weight", "bias"), strict=False):
            tensor = next(t for t in call.inputs if t.name == value)
            if tensor.shape != sizes and None not in sizes:
                broadcast = f"{value}.expand({', '.join(map(str, sizes))})"
            else:
                broadcast = value
            args = [a for a in args if not a.startswith(f"{name}=")]
            args.append(f"{name}={broadcast}")
        function = "layer_norm" if self.kind[0] == "L" else "rms_norm"
        return Forward(
            f"F.{function}({', '.join([x, shape, *args])}, eps={self.eps()})"
        )


@operators("InstanceNormalization")
class InstanceNormalization(_Normalization):
    """Over the pixels of each channel."""

    tensors = frozenset({0, 1, 2})

    def forward(self, call: Call, module: str) -> Forward:
        """``F.instance_norm(x, weight=scale, bias=bias)``."""
        x, scale, bias = self.terms(call)
        return Forward(
            f"F.instance_norm({x}, weight={scale}, bias={bias}, eps={self.eps()})"
        )


@operators("GroupNormalization")
class GroupNormalization(_Normalization):
    """Over the pixels of groups of channels."""

    tensors = frozenset({0, 1, 2})

    def forward(self, call: Call, module: str) -> Forward:
        """``F.group_norm(x, 4, scale, bias)``."""
        x, scale, bias = self.terms(call)
        groups, channels = self.attributes["num_groups"], call.x.shape[1]
        if channels is None:
            raise self.unsupported("the number of channels is not known")
        # Opset 18 has one scale a group, 21 one a channel.
        if call.inputs[1].shape[0] == groups != channels:
            each = channels // groups
            scale, bias = (f"{v}.repeat_interleave({each})" for v in (scale, bias))
        return Forward(f"F.group_norm({x}, {groups}, {scale}, {bias}, {self.eps()})")


@operators("BatchNormalization")
class BatchNormalization(_Normalization):
    """With the statistics that are given."""

    tensors = frozenset(range(5))

    def forward(self, call: Call, module: str) -> Forward:
        """``F.batch_norm(x, mean, var, scale, bias, eps=1e-5)``."""
        if self.attributes.get("training_mode"):
            raise self.unsupported("training_mode")
        x, scale, bias, mean, var = self.terms(call)
        return Forward(
            f"F.batch_norm({x}, {mean}, {var}, {scale}, {bias}, eps={self.eps()})"
        )


@operators("LRN")
class LRN(_Normalization):
    """By what is near among the channels."""

    def forward(self, call: Call, module: str) -> Forward:
        """``F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)``."""
        size = self.attributes["size"]
        if size % 2 == 0:
            raise self.unsupported("an even size, which PyTorch pads otherwise")
        alpha, beta, k = (
            literal(short(float(self.attributes.get(n, d))))
            for n, d in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
        )
        return Forward(
            f"F.local_response_norm({call.x.name}, {size}, alpha={alpha}, "
            f"beta={beta}, k={k})"
        )


@operators("MeanVarianceNormalization", "LpNormalization")
class AlongAxes(Operator):
    """Mean 0 and variance 1, or length 1, along axes."""

    def orders(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Follow."""
        order = followed(call.x)
        return [order], [order]

    def forward(self, call: Call, module: str) -> Forward:
        """``F.normalize(x, dim=1)``."""
        x, layout = call.x.name, call.x.layout
        if self.kind == "LpNormalization":
            dim, p = layout.position(self.attributes.get("axis", -1)), self.attributes
            extra = "" if p.get("p", 2) == 2 else f", p={literal(float(p['p']))}"
            return Forward(f"F.normalize({x}{extra}, dim={dim})")
        axes = self.attributes.get("axes", [0, 2, 3])
        dims = literal(tuple(sorted(layout.position(a) for a in axes)))
        mean = f"mean = {x}.mean(dim={dims}, keepdim=True)"
        # ONNX' reference adds this to the deviation.
        deviation = f"{x}.std(dim={dims}, keepdim=True, correction=0) + 1e-9"
        return Forward(f"({x} - mean) / ({deviation})", before=(mean,))
