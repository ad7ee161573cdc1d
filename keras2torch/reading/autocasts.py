"""Casts that layers do by themselves, which some releases of Keras 3 wrote down.

Their ``DTypePolicy.convert_input`` cast a symbolic input with an operation (measured:
3.6; not 3.4, not 3.14), so that a model under a policy of another precision has a
``Cast`` before its layers.
"""

from __future__ import annotations

from typing import Any

from keras2torch.reading.configs import dtype_name
from keras2torch.reading.topology import LayerSpec, ModelSpec, Ref, flat, mapped


def without_autocasts(model: ModelSpec) -> None:
    """Hand layers what was cast for them: they cast it to their own dtype anyway."""
    for layer in model.layers:
        if layer.model is not None:
            without_autocasts(layer.model)
    casts = {la.name: la for la in model.layers if la.kind == "ops.Cast"}
    if not casts or model.sequential:
        return
    for layer in model.layers:
        computes = _computes(layer)

        def source(value: Any, computes: frozenset[str] = computes) -> Any:
            while isinstance(value, Ref) and value.layer in casts:
                cast = casts[value.layer]
                tensors = list(cast.calls[value.call].refs())
                if cast.config.get("dtype") not in computes or len(tensors) != 1:
                    break
                value = tensors[0]
            return value

        for call in layer.calls:
            call.args = mapped(call.args, source)
            call.kwargs = mapped(call.kwargs, source)
    left = {r.layer for la in model.layers for c in la.calls for r in c.refs()}
    left |= {r.layer for r in flat(model.outputs) if isinstance(r, Ref)}
    model.layers = [
        la for la in model.layers if la.name not in casts or la.name in left
    ]


def _computes(layer: LayerSpec) -> frozenset[str]:
    """Return the dtypes in which a layer, or those of a model, compute."""
    if layer.model is not None:
        inside = [_computes(la) for la in layer.model.leaves()]
        return frozenset().union(*inside)
    if layer.kind.startswith("ops.") or layer.kind == "InputLayer":
        return frozenset()
    policy = dtype_name(layer.raw.get("dtype")) or "float32"
    return frozenset({policy.removeprefix("mixed_")})


__all__ = ["without_autocasts"]
