"""Evaluate with the moving average of the weights."""

from __future__ import annotations

import torch

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.logs import Logs


class SwapEMAWeights(Callback):
    """Swaps the weights with their moving averages around every evaluation.

    Parameters
    ----------
    swap_on_epoch
        Also from the end of each epoch to the begin of the next, so that callbacks
        after this one (`ModelCheckpoint`) see the averages.

    Raises
    ------
    ValueError
        If the optimizer keeps no averages (``use_ema=True``).

    Notes
    -----
    Source: Keras 3.15, ``callbacks/swap_ema_weights.py``. Two things are as its
    documentation says and its code does not: after `predict` the weights are back, and
    swapping there and back changes no bit.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def _pairs(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return every tensor that the optimizer moves, with its average."""
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        several = getattr(optimizer, "optimizers", None)
        if several is not None:
            several = [one for one in several if getattr(one, "use_ema", False)]
            if not several:
                raise ValueError(
                    "SwapEMAWeights must be used when at least one inner "
                    "optimizer has `use_ema=True` set. Received a "
                    "MultiOptimizer with all inner optimizers having "
                    "`use_ema=False`."
                )
        pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
        for one in [optimizer] if several is None else several:
            moved = [t for group in one.param_groups for t in group["params"]]
            # A built optimizer has them, a new one nothing.
            if not moved or any("average" not in one.state[t] for t in moved):
                raise ValueError(
                    "SwapEMAWeights must be used when "
                    "`use_ema=True` is set on the optimizer. "
                    f"Received: use_ema={getattr(one, 'use_ema', False)}"
                )
            pairs += [(t, one.state[t]["average"]) for t in moved]
        return pairs

    @torch.no_grad()
    def _swap_variables(self) -> None:
        for weight, average in self._pairs():
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)

    @torch.no_grad()
    def _finalize_ema_values(self) -> None:
        for weight, average in self._pairs():
            average.copy_(weight)

    def _show(self, averages: bool) -> None:
        """Have the averages in the model, or the weights."""
        if self._ema_weights_in_model != averages:
            self._swap_variables()
            self._ema_weights_in_model = averages

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._show(averages=False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch and not self._ema_weights_in_model:
            self._show(averages=True)
            # At the end of `fit` the optimizer writes its averages into the model: they
            # are there already, and the optimizer's hold the weights.
            if epoch == self.params["epochs"] - 1:
                self._finalize_ema_values()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._show(averages=True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._show(averages=False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._show(averages=True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._show(averages=False)
