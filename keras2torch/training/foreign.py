"""What a script is told whose own code hands torch's tensors to TensorFlow."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType, TracebackType
from typing import Any

from keras2torch.errors import Keras2TorchError

_TAPE = "GradientTape"


@contextmanager
def told_of_tensorflow() -> Iterator[None]:
    """Say so where TensorFlow failed on torch's tensors.

    Raises
    ------
    Keras2TorchError
        In the place of what it raised.
    """
    try:
        yield
    except Exception as error:
        if (told := explained(error)) is None:
            raise
        raise told from error


def explained(error: Exception) -> Keras2TorchError | None:
    """Return the sentence for an error of TensorFlow's; None for another one."""
    frames = list(_frames(error.__traceback__))
    for frame, line in frames:
        if _TAPE in frame.f_code.co_names:
            return Keras2TorchError(
                f"{_place(frame, line)} takes gradients with tf.GradientTape, which "
                "knows TensorFlow's tensors alone; here they are torch's. In its "
                "place: `self.zero_grad()`, `loss.backward()`, `weights = "
                "self.trainable_weights`, `self.optimizer.apply([v.value.grad for v "
                "in weights], weights)`; for a gradient by itself "
                "`torch.autograd.grad(loss, tensors)`."
            )
    for (frame, line), (inner, _) in pairwise(frames):
        if _is_tensorflow(inner) and not _is_tensorflow(frame):
            return Keras2TorchError(
                f"{_place(frame, line)} calls TensorFlow on a tensor of torch: use "
                f"keras.ops or torch there. It said: {error}"
            )
    return None


def is_of_tensorflow(value: Any) -> bool:
    """Whether a value is a tensor of TensorFlow's."""
    return type(value).__module__.startswith("tensorflow.")


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    yield from traceback.walk_tb(trace)


def _is_tensorflow(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("tensorflow.")


def _place(frame: FrameType, line: int) -> str:
    return f"{frame.f_code.co_name}() ({frame.f_code.co_filename}:{line})"
