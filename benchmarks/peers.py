"""The ``fit`` of other libraries, for :mod:`fit`: the same module, data and batches.

Each is used as its documentation shows it, with its own way to slice arrays where it
has one; progress bars, logs and checkpoints are off. A function returns the loss of
each epoch and tells the clock where epochs begin and end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Epochs = int


def poutyne(
    module: Any, x: Any, y: Any, task: Any, clock: Any, epochs: Epochs
) -> list[float]:
    """Poutyne's Model, fitted on tensors."""
    import torch
    from poutyne import Callback, Model

    class Timing(Callback):
        def on_epoch_begin(self, epoch_number: int, logs: Any) -> None:
            clock.start()

        def on_epoch_end(self, epoch_number: int, logs: Any) -> None:
            clock.stop()

    model = Model(
        module,
        torch.optim.Adam(module.parameters(), lr=1e-3),
        "cross_entropy",
        batch_metrics=["accuracy"],
    )
    found = model.fit(
        x,
        y,
        epochs=epochs,
        batch_size=task.batch,
        verbose=False,
        callbacks=[Timing()],
    )
    return [float(entry["loss"]) for entry in found]


def skorch(
    module: Any, x: Any, y: Any, task: Any, clock: Any, epochs: Epochs
) -> list[float]:
    """skorch's NeuralNetClassifier, accuracy from the predictions that it caches."""
    import torch
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback, EpochScoring

    class Timing(Callback):
        def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
            clock.start()

        def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
            clock.stop()

    net = NeuralNetClassifier(
        module,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=task.batch,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        callbacks=[
            Timing(),
            EpochScoring("accuracy", name="train_accuracy", on_train=True),
        ],
    )
    net.fit(x.contiguous(), y)
    return [float(v) for v in net.history[:, "train_loss"]]


def lightning(
    module: Any, x: Any, y: Any, task: Any, clock: Any, epochs: Epochs
) -> list[float]:
    """Lightning's Trainer over a DataLoader, loss and accuracy logged an epoch."""
    import logging
    import warnings

    import torch
    from lightning.pytorch import Callback, LightningModule, Trainer
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, TensorDataset

    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    losses: list[float] = []

    class Classifier(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def training_step(self, batch: Any, index: int) -> Any:
            images, target = batch
            scores = self.module(images)
            loss = F.cross_entropy(scores, target)
            right = (scores.argmax(1) == target).float().mean()
            self.log_dict(
                {"loss": loss, "accuracy": right}, on_step=False, on_epoch=True
            )
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    class Timing(Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            clock.start()

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            clock.stop()
            losses.append(float(trainer.callback_metrics["loss"]))

    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Timing()],
    )
    data = TensorDataset(x, y)
    trainer.fit(Classifier(), DataLoader(data, batch_size=task.batch, shuffle=True))
    return losses


FITS: dict[str, Callable[..., list[float]]] = {
    "poutyne": poutyne,
    "skorch": skorch,
    "lightning": lightning,
}
