"""LSTM, GRU, SimpleRNN and their cuDNN forms.

Sources: ``keras/src/layers/rnn`` (Keras 3.15); ``tf_keras/src/layers/rnn/cudnn_*.py``
(Keras 2) for CuDNNLSTM and CuDNNGRU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.layers.activation import name_of
from keras2torch.layers.base import (
    Array,
    Source,
    layer,
    made,
)
from keras2torch.layers.recurrence import Recurrent


@layer
class LSTM(Recurrent):
    """Long short-term memory; gates i, f, c, o as in torch, but one bias."""

    torch_name = "LSTM"
    gates = (0, 1, 2, 3)
    state_count = 2

    units: int
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    unit_forget_bias: bool = True
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed: int | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    use_cudnn: Any = "auto"
    zero_output_for_mask: bool = False
    keras2: bool = False

    def is_plain(self) -> bool:
        """With tanh and sigmoid, and no recurrent dropout."""
        return super().is_plain() and name_of(self.recurrent_activation) == "sigmoid"

    def stepped_activations(self) -> list[Any]:
        """Both."""
        return [self.activation, self.recurrent_activation]


@layer
class GRU(Recurrent):
    """Gated recurrent unit; gates z, r, h, which are r, z, n in torch."""

    torch_name = "GRU"
    gates = (1, 0, 2)

    units: int
    activation: Any = "tanh"
    recurrent_activation: Any = "sigmoid"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed: int | None = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    reset_after: bool = True
    use_cudnn: Any = "auto"
    zero_output_for_mask: bool = False
    keras2: bool = False

    def bias_shape(self) -> tuple[int, ...]:
        """One bias, or one for the inputs and one for the state."""
        wide = 3 * self.units
        return (2, wide) if self.reset_after else (wide,)

    def biases(self, name: str) -> tuple[Source, Source]:
        """With reset_after Keras has torch's two biases, else one."""
        if not self.reset_after:
            return super().biases(name)
        return (
            made([name], lambda b: self.reordered(b[0]), "row 0, gates reordered"),
            made([name], lambda b: self.reordered(b[1]), "row 1, gates reordered"),
        )

    def is_plain(self) -> bool:
        """With tanh and sigmoid, the reset gate after, and no recurrent dropout."""
        sigmoid = name_of(self.recurrent_activation) == "sigmoid"
        return super().is_plain() and sigmoid and self.reset_after

    def stepped_activations(self) -> list[Any]:
        """Both."""
        return [self.activation, self.recurrent_activation]

    def stepped_options(self) -> dict[str, Any]:
        """Where the reset gate is, if not where torch has it."""
        return {} if self.reset_after else {"reset_after": False}


@layer
class SimpleRNN(Recurrent):
    """``activation(x @ kernel + h @ recurrent_kernel + bias)``."""

    torch_name = "SimpleRNN"
    gates = (0,)

    units: int
    activation: Any = "tanh"
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    # Keras' own order: LSTM and GRU have it behind recurrent_dropout.
    seed: int | None = None
    zero_output_for_mask: bool = False
    keras2: bool = False

    def is_plain(self) -> bool:
        """With tanh or relu, and no recurrent dropout."""
        known = name_of(self.activation) in ("tanh", "relu")
        return known and not self.recurrent_dropout

    def plain_options(self) -> dict[str, Any]:
        """Relu is the other one that torch has."""
        return {"nonlinearity": name_of(self.activation)}


class _CuDNN(Recurrent):
    """A layer on cuDNN's own parameters: two biases, each gate's matrix as it lies.

    Keras hands ``kernel[:, gate]``, of shape (in, units), to cuDNN without transposing
    it, which reads the same memory as (units, in): so does torch's matrix
    (``tf_keras/src/layers/rnn/gru_lstm_utils.py``, canonical_to_params; the conversion
    to an LSTM in ``legacy/hdf5_format.py`` undoes it).
    """

    cell_path = ""
    transposes = False
    activation = "tanh"
    use_bias = True
    dropout = 0.0
    recurrent_dropout = 0.0
    zero_output_for_mask = False
    keras2 = False

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of both biases, one after the other."""
        return (2 * len(self.gates) * self.units,)

    def input_matrix(self, kernel: Array) -> Array:
        """Read each gate's memory as (units, in)."""
        size = kernel.shape[0]
        blocks = [b.reshape(self.units, size) for b in self._blocks(kernel)]
        return np.concatenate(blocks)

    def recurrent_matrix(self, kernel: Array) -> Array:
        """Read each gate's memory as (units, units)."""
        return np.concatenate(self._blocks(kernel))

    def biases(self, name: str) -> tuple[Source, Source]:
        """Return the first half and the second."""
        return (
            made(
                [name],
                lambda b: self.reordered(np.split(b, 2)[0]),
                "first half" + self._gates_said(),
            ),
            made(
                [name],
                lambda b: self.reordered(np.split(b, 2)[1]),
                "second half" + self._gates_said(),
            ),
        )


@layer
class CuDNNLSTM(_CuDNN):
    """Keras 2's LSTM on cuDNN: tanh and sigmoid, two biases."""

    torch_name = "LSTM"
    gates = (0, 1, 2, 3)
    state_count = 2

    units: int
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    unit_forget_bias: bool = True
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False


@layer
class CuDNNGRU(_CuDNN):
    """Keras 2's GRU on cuDNN: tanh and sigmoid, the reset gate after, two biases."""

    torch_name = "GRU"
    gates = (1, 0, 2)

    units: int
    kernel_initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    recurrent_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    recurrent_constraint: Any = None
    bias_constraint: Any = None
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False


__all__ = ["GRU", "LSTM", "CuDNNGRU", "CuDNNLSTM", "SimpleRNN"]
