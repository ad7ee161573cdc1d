"""Layers that only the models of ``keras.applications`` have.

Sources: ``convnext.py`` and ``inception_resnet_v2.py`` of ``keras/src/applications``
(Keras 3.15; the former the same since 2.10). They are no names of ``keras.layers``, and
many a project has a class of its own so called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from keras2torch.layers.base import (
    INTERNAL,
    Array,
    Call,
    Forward,
    Layer,
    Layout,
    Module,
    Shape,
    Source,
    Weight,
)
from keras2torch.layers.regularization import Dropout
from keras2torch.layers.text import call as call_text
from keras2torch.layers.text import literal


@dataclass(eq=False, kw_only=True, init=False)
class LayerScale(Layer):
    """A learned factor for each channel of a residual branch."""

    layout = "follow"

    init_values: float
    projection_dim: int

    def weights(self, *shapes: Shape) -> list[Weight]:
        """``gamma (channels,)``."""
        if shapes[0][-1] not in (None, self.projection_dim):
            raise self.unsupported(f"an input of {shapes[0][-1]} channels")
        return [Weight("gamma", (self.projection_dim,))]

    def layouts(self, call: Call) -> tuple[list[Layout], list[Layout]]:
        """Any order but a flattened one."""
        if call.x.layout.flat:
            order = Layout.keras(call.x.rank)
            return [order], [order]
        return super().layouts(call)

    def module(self, call: Call) -> Module:
        """``ChannelScale((64, 1, 1), 1e-06)`` where channels come first."""
        after = call.x.rank - 1 - call.x.layout.position(-1)
        shape = (self.projection_dim, *[1] * after)

        def spread(gamma: Array) -> Array:
            return gamma.reshape(shape)

        text = call_text("ChannelScale", shape, float(self.init_values))
        weights = {"weight": Source(("gamma",), spread, f"reshape{shape}")}
        return Module(text, weights, ("ChannelScale",))

    def forward(self, call: Call, module: str) -> Forward:
        """``self.layer_scale(x)``."""
        return Forward(f"{module}({call.x.name})")


@dataclass(eq=False, kw_only=True, init=False)
class StochasticDepth(Layer):
    """Drops a residual branch for whole examples of a batch, in training."""

    layout = "follow"

    drop_path_rate: float

    def _dropout(self, call: Call) -> Dropout:
        shape = (None, *[1] * (call.x.rank - 1))
        rate = float(self.drop_path_rate)
        return Dropout(name=self.name, rate=rate, noise_shape=shape)

    def module(self, call: Call) -> Module | None:
        """As a Dropout whose noise has the shape (batch, 1, 1, 1)."""
        return self._dropout(call).module(call)

    def forward(self, call: Call, module: str) -> Forward:
        """``self.stochastic_depth(x)``."""
        return self._dropout(call).forward(call, module)


@dataclass(eq=False, kw_only=True, init=False)
class CustomScaleLayer(Layer):
    """The first input and a part of the second: InceptionResNetV2's residual."""

    layout = "follow"

    scale: float

    def forward(self, call: Call, module: str) -> Forward:
        """``x + 0.17 * y``."""
        x, y = (t.name for t in call.inputs)
        return Forward(f"{x} + {literal(float(self.scale))} * {y}")


APPLICATIONS: dict[str, type[Layer]] = {
    "CustomScaleLayer": CustomScaleLayer,
    "LayerScale": LayerScale,
    "StochasticDepth": StochasticDepth,
}
INTERNAL.update(APPLICATIONS)
# Where Keras has them, and which module its files name.
HOMES = {
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
}


def is_one(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether a class without a module has the arguments of the one here.

    HDF5 files name no modules.
    """
    cls = APPLICATIONS.get(class_name)
    if cls is None:
        return False
    of_all = {f.name for f in fields(Layer)}
    return config.keys() - of_all == {f.name for f in fields(cls)} - of_all


__all__ = [
    "APPLICATIONS",
    "HOMES",
    "CustomScaleLayer",
    "LayerScale",
    "StochasticDepth",
    "is_one",
]
