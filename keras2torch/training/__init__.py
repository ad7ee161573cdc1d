"""Keras' losses, optimizers, schedules and metrics in torch, as a ``train.py``."""

from keras2torch.training.script import (
    TrainScript,
    train_script,
    write_train_script,
)

__all__ = ["TrainScript", "train_script", "write_train_script"]
