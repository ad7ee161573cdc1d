"""Names of Keras' ``Layer`` that are said in a line, or refused in one.

Source: ``keras/src/layers/layer.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_NO_INTEGERS = (
    "quantizes with Keras' own integer weights, which have no modules in torch: this "
    "is an nn.Module, so quantize it with torchao or torch.ao.quantization."
)


class LesserNames(nn.Module):
    """A layer by its lesser names."""

    name: str
    quantization_mode = None

    @property
    def path(self) -> str:
        """Its name: where it stands is not part of it."""
        return str(self.name)

    @property
    def input_dtype(self: Any) -> Any:
        """Dtype of what it computes with."""
        return self.compute_dtype

    @property
    def metrics(self) -> list[Any]:
        """The metrics that it and the layers within keep."""
        from keras2torch.training.steps import kept_metrics

        return list(kept_metrics(self.modules()))

    @property
    def metrics_variables(self) -> list[Any]:
        """Their states."""
        return [v for metric in self.metrics for v in metric.variables]

    def add_variable(self: Any, shape: Any, initializer: Any, **kwargs: Any) -> Any:
        """Make a weight; another name of ``add_weight``."""
        return self.add_weight(shape=shape, initializer=initializer, **kwargs)

    def compute_output_spec(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic tensors that a call on symbolic tensors makes."""
        made = self.symbolic_call(args, kwargs)
        self._inbound_nodes.pop()
        return made

    # -- what is not here
    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """As in Keras 3, no more.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "Layer.add_metric() is of Keras 2. Name the metric in "
            "Model.compile(metrics=[...]), or make it in __init__() as "
            "self.tracker = keras.metrics.Mean(name=...) and call "
            "self.tracker.update_state(value) in call()."
        )

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Not here.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(f"{type(self).__name__}.quantize() {_NO_INTEGERS}")

    def stateless_call(self, *args: Any, **kwargs: Any) -> Any:
        """Not here: torch's modules keep their weights.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            "stateless_call is of Keras on JAX; use torch.func.functional_call."
        )


def terms_of(loss: Any) -> list[torch.Tensor]:
    """Return the terms that ``add_loss`` was given.

    Raises
    ------
    ValueError
        For a tensor without values, which stands for a batch to come.
    """
    from keras2torch import tree
    from keras2torch.models.symbolic import KerasTensor

    found = tree.flatten(loss)
    for value in found:
        if isinstance(value, KerasTensor):
            raise ValueError(
                "`add_loss()` can only be called from inside `build()` or `call()`, on "
                f"a tensor input. Received invalid value: {value}. Call it in the "
                "call() of a layer of your own."
            )
    return [torch.as_tensor(value) for value in found]
