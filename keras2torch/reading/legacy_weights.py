"""Arrays as old Keras stored them → as Keras stores them today.

After ``preprocess_weights_for_loading`` in ``keras/engine/saving.py`` (Keras 2.2) and
``tf_keras/src/saving/legacy/hdf5_format.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from keras2torch.dialect import LayerWeights
from keras2torch.errors import WeightMismatch
from keras2torch.reading.hdf5 import Stored
from keras2torch.reading.topology import LayerSpec
from keras2torch.reading.versions import Version

Array = npt.NDArray[Any]

_CONV = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")
_SPATIAL = {"Conv1D": 1, "Conv2D": 2, "Conv3D": 3, "Conv2DTranspose": 2}
_SPATIAL |= {"ConvLSTM2D": 2, "SeparableConv2D": 2}
# Layers of which Keras 1 stored (kernel, recurrent kernel, bias) gate by gate.
_GATES = {"LSTM": 4, "GRU": 3, "ConvLSTM2D": 4}
# The gates of today in the order in which Keras 1 stored them: i, c, f, o; z, r, h.
_GATE_ORDER = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2), "ConvLSTM2D": (0, 2, 1, 3)}
_RECURRENT_GATES = {"LSTM": 4, "GRU": 3, "CuDNNLSTM": 4, "CuDNNGRU": 3}


@dataclass(frozen=True)
class _Inner:
    """The layer that does the work inside wrappers."""

    kind: str
    given: str
    config: Mapping[str, Any]
    raw: Mapping[str, Any]
    copies: int


def _inner(spec: LayerSpec) -> _Inner:
    kind, given, copies = spec.kind, spec.given, 1
    config: Mapping[str, Any] = spec.config
    raw = spec.raw
    while kind in ("Bidirectional", "TimeDistributed"):
        layer, raw_layer = config.get("layer"), raw.get("layer")
        if not isinstance(layer, dict) or not isinstance(raw_layer, dict):
            break
        copies *= 2 if kind == "Bidirectional" else 1
        kind, given = str(layer["class_name"]), str(raw_layer.get("class_name"))
        config, raw = layer["config"] or {}, raw_layer.get("config") or {}
    return _Inner(kind, given, config, raw, copies)


def flags(
    spec: LayerSpec, weights: LayerWeights, version: Version, optional: bool = True
) -> list[bool]:
    """Return for each array of a layer in the file whether it is trainable.

    ``optional`` says whether weights are there that not every Keras stored.
    """
    today = [w.trainable for w in weights.weights if optional or not w.optional]
    inner = _inner(spec)
    if version.major == 1 and _gate_by_gate(inner):
        return [True] * (len(today) * _GATES[inner.kind])
    return today


def _gate_by_gate(inner: _Inner) -> bool:
    return inner.kind in _GATES and inner.raw.get("consume_less") != "gpu"


def converted(
    spec: LayerSpec,
    weights: LayerWeights,
    arrays: Sequence[Stored],
    version: Version,
    backend: str | None,
) -> list[Stored]:
    """Return a layer's arrays as today's Keras has them.

    Parameters
    ----------
    arrays
        In the order in which that layer had them.
    backend
        ``"theano"``: its convolutions flip their kernels.
    """
    inner = _inner(spec)
    size = len(arrays) // inner.copies
    made: list[Stored] = []
    for i in range(inner.copies):
        part = list(arrays[i * size : (i + 1) * size])
        wanted = [w.shape for w in weights.weights]
        wanted = wanted[i * len(wanted) // inner.copies :]
        for change in _changes(inner, part, wanted, version, backend):
            part = change(part)
        made += part
    return made


_Change = Callable[[list[Stored]], list[Stored]]


def _changes(
    inner: _Inner,
    arrays: list[Stored],
    wanted: list[tuple[int, ...]],
    version: Version,
    backend: str | None,
) -> list[_Change]:
    found: list[_Change] = []
    kind = inner.kind
    if kind == "BatchNormalization" and len(arrays) > 1 and version.keeps_deviations:
        found.append(lambda a: _variances(a, inner.config))
    if kind == "Embedding" and version.before_1 and inner.raw.get("dropout"):
        found.append(lambda a: _scaled(a, 1.0 - float(inner.raw["dropout"])))
    if version.major == 1:
        if _gate_by_gate(inner):
            turned = kind == "ConvLSTM2D" and (
                inner.config.get("data_format") == "channels_first"
            )
            found.append(lambda a: _joined(a, kind, 0 if turned else -1))
        if kind == "Highway" and len(arrays) == 4 and len(arrays[1].shape) == 1:
            # Before Keras 1.2: kernel, bias, carry kernel, carry bias.
            found.append(lambda a: [a[0], a[2], a[1], a[3]])
        if kind in _SPATIAL and arrays:
            first = inner.config.get("data_format") == "channels_first"
            found.append(lambda a: _keras1_kernel(a, kind, first, inner.config))
    if kind in _CONV and arrays and backend == "theano":
        found.append(lambda a: _on_kernels(a, kind, _flipped))
    if kind in _CONV and arrays and version.major < 3:
        shape = wanted[0]
        found.append(lambda a: _transposed_if_needed(a, kind, shape))
    if kind in _RECURRENT_GATES and len(wanted) >= 3 and len(arrays) in (3, 9, 12):
        bias = wanted[2]
        found.append(lambda a: _between_cudnn(a, kind, bias))
    return found


# ------------------------------------------------------------------ convolutions
def _on_kernels(
    arrays: list[Stored], kind: str, change: Callable[[Array], Array]
) -> list[Stored]:
    """Change the kernel, of ConvLSTM2D the recurrent one as well."""
    count = 2 if kind == "ConvLSTM2D" else 1
    return [
        a.holding(np.ascontiguousarray(change(a()))) if i < count else a
        for i, a in enumerate(arrays)
    ]


def _flipped(kernel: Array) -> Array:
    """Theano convolves, the others correlate: ``convert_kernel`` in conv_utils."""
    return kernel[(slice(None, None, -1),) * (kernel.ndim - 2)]


def _transposed_if_needed(
    arrays: list[Stored], kind: str, shape: tuple[int, ...]
) -> list[Stored]:
    if arrays[0].shape == shape or len(arrays[0].shape) != 4:
        return arrays
    return _on_kernels(arrays, kind, lambda k: k.transpose(3, 2, 0, 1))


def _keras1_kernel(
    arrays: list[Stored], kind: str, first: bool, config: Mapping[str, Any]
) -> list[Stored]:
    if kind == "Conv1D":
        return _on_kernels(arrays, kind, lambda k: _keras1_conv1d(k, config))
    if kind == "SeparableConv2D":
        if not first or len(arrays[0].shape) != 4:
            return arrays
        turned = [
            a.holding(np.ascontiguousarray(a().transpose(2, 3, 1, 0)))
            for a in arrays[:2]
        ]
        return [*turned, *arrays[2:]]
    axes = {
        ("Conv2D", True): (2, 3, 1, 0),
        ("Conv3D", True): (2, 3, 4, 1, 0),
        ("ConvLSTM2D", True): (2, 3, 1, 0),
        ("Conv2DTranspose", False): (0, 1, 3, 2),
        ("Conv2DTranspose", True): (2, 3, 0, 1),
    }.get((kind, first))
    if axes is None or len(arrays[0].shape) != len(axes):
        return arrays
    return _on_kernels(arrays, kind, lambda k: k.transpose(axes))


def _keras1_conv1d(kernel: Array, config: Mapping[str, Any]) -> Array:
    """It was a Conv2D with one column; before Keras 1.2 with the filters first."""
    if kernel.ndim != 4:
        return kernel
    size, filters = config.get("kernel_size"), config.get("filters")
    size = size[0] if isinstance(size, list) else size
    if kernel.shape[:2] != (size, 1) or kernel.shape[3] != filters:
        kernel = kernel.transpose(2, 3, 1, 0)
    return kernel[:, 0, :, :]


# ----------------------------------------------------------- other layers of Keras 0
def _variances(arrays: list[Stored], config: Mapping[str, Any]) -> list[Stored]:
    """Return statistics with a variance where Keras before 1.0.6 had a deviation.

    It divided by ``std + epsilon`` where Keras divides by ``sqrt(variance + epsilon)``.
    """
    epsilon = float(config.get("epsilon", 1e-6))
    deviation = arrays[-1]
    values = deviation().astype(np.float64)
    made = ((values + epsilon) ** 2 - epsilon).astype(deviation.dtype)
    return [*arrays[:-1], deviation.holding(made)]


def _scaled(arrays: list[Stored], kept: float) -> list[Stored]:
    """Keras 0.3 left words out in training and scaled all of them by that after it."""
    return [a.holding((a() * kept).astype(a.dtype)) for a in arrays]


# --------------------------------------------------------------------- recurrent
def _joined(arrays: list[Stored], kind: str, axis: int) -> list[Stored]:
    """Join the gates: kernels, recurrent kernels, biases.

    ``axis`` is where a kernel has its filters: first, until a ConvLSTM2D of channels
    first has its kernels turned.
    """
    gates = _GATES[kind]
    if len(arrays) != 3 * gates:
        return arrays
    made = []
    for part in range(3):
        of_gate = [arrays[3 * g + part] for g in _GATE_ORDER[kind]]
        values = [a() for a in of_gate]
        made.append(of_gate[0].holding(np.concatenate(values, axis=axis)))
    return made


def _between_cudnn(
    arrays: list[Stored], kind: str, bias_shape: tuple[int, ...]
) -> list[Stored]:
    """Weights saved by a cuDNN layer, loaded into a plain one, or the other way.

    The same model may be built of either (``_convert_rnn_weights``).
    """
    kernel, recurrent, bias = arrays
    if bias.shape == bias_shape or bias.shape[-1:] == ():
        return arrays
    gates, to_cudnn = _RECURRENT_GATES[kind], kind.startswith("CuDNN")
    units = recurrent.shape[0]
    two = (2 * units * gates,)
    if (bias_shape if to_cudnn else bias.shape) != two:
        return arrays
    if kind.endswith("GRU") and (bias.shape if to_cudnn else bias_shape) != (
        2,
        units * gates,
    ):
        raise WeightMismatch(
            f"{bias.name} comes from a GRU with reset_after=False, which no cuDNN "
            "layer computes: the architecture belongs to other weights."
        )
    order: Literal["C", "F"] = "C" if to_cudnn else "F"

    def each(a: Array, change: Callable[[Array], Array]) -> Array:
        return np.hstack([change(k) for k in np.hsplit(a, gates)])

    kernels = each(kernel(), lambda k: k.T.reshape(k.shape, order=order))
    recurrents = each(recurrent(), lambda k: k.T)
    values = bias()
    if kind == "LSTM":
        biases = values.reshape(2, -1).sum(axis=0)
    elif kind == "CuDNNLSTM":
        biases = np.tile(0.5 * values, 2)
    else:
        biases = values.reshape(bias_shape)
    return [
        kernel.holding(np.ascontiguousarray(kernels)),
        recurrent.holding(np.ascontiguousarray(recurrents)),
        bias.holding(biases.astype(values.dtype)),
    ]
