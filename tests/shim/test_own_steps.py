"""Models whose step calls something else than the model."""

from typing import Any

import numpy as np
import torch

import keras2torch as keras


def test_a_model_without_call_trains_by_its_step() -> None:
    class Pair(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

        def train_step(self, data: Any) -> dict[str, Any]:
            x = data[0] if isinstance(data, tuple) else data
            self.zero_grad()
            loss = self.one(x).square().mean()
            loss.backward()
            weights = list(self.one.trainable_weights)
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in weights], weights)
            return {"square": loss}

    model = Pair()
    model.compile(keras.optimizers.SGD(0.1))
    x = np.ones((8, 3), "float32")
    squares = model.fit(x, epochs=3, verbose=0).history["square"]
    assert 0 < squares[2] < squares[1] < squares[0]
