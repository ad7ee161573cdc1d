"""Names of Keras' layers and models that do little, or refuse in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import keras2torch as keras

X, Y = np.ones((6, 3), "float32"), np.zeros((6, 1), "float32")


class Counting(keras.layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.mean = keras.metrics.Mean(name="mean")
        self.scale = self.add_variable((3,), "ones", name="scale")

    def call(self, x: Any) -> Any:
        self.mean.update_state(x)
        return x * self.scale


class OfKeras2(keras.Model):
    def train_step(self, data: Any) -> Any:
        x, y = data
        y_pred = self(x, training=True)
        loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
        self.zero_grad()
        loss.backward()
        weights = self.trainable_variables
        self.optimizer.apply_gradients(
            zip([w.value.grad for w in weights], weights, strict=True)
        )
        self.compiled_metrics.update_state(y, y_pred)
        return {"loss": loss, "mae": self.get_metrics_result()["mae"]}


def model(cls: Any = keras.Model) -> Any:
    x = keras.Input((3,))
    return cls(x, keras.layers.Dense(1, name="dense")(x))


def test_metrics_of_layers() -> None:
    layer = Counting()
    layer(X)
    assert [m.name for m in layer.metrics] == ["mean"]
    assert len(layer.metrics_variables) == 2
    assert float(layer.mean.result()) == 1.0
    stack = keras.Sequential([layer, keras.layers.Dense(1)])
    stack.compile("sgd", "mse")
    assert stack.fit(X, Y, verbose=0).history["mean"] == [1.0]


def test_output_specs_leave_no_call_behind() -> None:
    layer = keras.layers.Conv1D(4, 3)
    found = layer.compute_output_spec(keras.KerasTensor((None, 7, 2)))
    assert found.shape == (None, 5, 4)
    assert not hasattr(layer, "output")


def test_a_step_of_keras_2() -> None:
    old, new = model(OfKeras2), model()
    new.set_weights(old.get_weights())
    for one in (old, new):
        one.compile("sgd", "mse", metrics=["mae"])
    with pytest.warns(UserWarning, match="deprecated"):
        found = old.fit(X, Y, verbose=0).history
    expected = new.fit(X, Y, verbose=0).history
    np.testing.assert_allclose(found["mae"], expected["mae"])
    np.testing.assert_allclose(old.get_weights()[0], new.get_weights()[0])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m: m.quantize("int8"), "torchao"),
        (lambda m: m.layers[1].quantize("int4"), "torchao"),
        (lambda m: m.stateless_call([], [], X), "functional_call"),
        (lambda m: m.layers[1].add_metric(1.0, name="a"), "of Keras 2"),
        (lambda m: m.add_loss(m.output), "inside `build"),
    ],
)
def test_refused(call: Any, told: str) -> None:
    with pytest.raises((NotImplementedError, ValueError), match=told):
        call(model())


def test_a_model_as_keras_1_wrote_it() -> None:
    x = keras.Input((3,))
    y = keras.layers.Dense(2)(x)
    with pytest.warns(UserWarning, match="`inputs` since Keras 2"):
        old: Any = keras.Model(input=x, output=y)
    assert old.predict(X, verbose=0).shape == (6, 2)
