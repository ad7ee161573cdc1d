"""Torch's hooks on a layer whose model runs as one program.

The program's text calls no layer. One that has a hook is called by itself from then on,
on tensors with Keras' axes; the rest of the model stays text.
"""

from __future__ import annotations

from typing import Any

from keras2torch.models.layer import Layer


class Hooked(Layer):
    """A layer or model that a program may write out."""

    def register_forward_hook(self, hook: Any, **kwargs: Any) -> Any:
        """As in torch; what comes out has Keras' axes."""
        self._called_itself()
        return super().register_forward_hook(hook, **kwargs)

    def register_forward_pre_hook(self, hook: Any, **kwargs: Any) -> Any:
        """As in torch; what goes in has Keras' axes."""
        self._called_itself()
        return super().register_forward_pre_hook(hook, **kwargs)

    def register_full_backward_hook(self, hook: Any, prepend: bool = False) -> Any:
        """As in torch; gradients have Keras' axes."""
        self._called_itself()
        return super().register_full_backward_hook(hook, prepend)

    def register_full_backward_pre_hook(self, hook: Any, prepend: bool = False) -> Any:
        """As in torch; gradients have Keras' axes."""
        self._called_itself()
        return super().register_full_backward_pre_hook(hook, prepend)

    def _called_itself(self) -> None:
        """Have the models around call it, and not write it out."""
        if self.called_by_itself:
            return
        if self.is_written:
            for node in self._inbound_nodes:
                self._probe(node)
        self.__dict__["called_by_itself"] = True
        for model in list(self._users):
            if model is not self:
                model.drop_net()
