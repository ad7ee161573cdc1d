"""Convolutions that Keras 1 on Theano padded in its own way: padding made a layer.

``same`` was Theano's ``half``: k // 2 before and, as the last column was cut off for
even kernels, (k - 1) // 2 behind, whatever the stride. TensorFlow splits what the
stride leaves, and the two agree for odd kernels without strides only. ``full`` was
Theano's alone (``_postprocess_conv2d_output`` in ``theano_backend.py`` of Keras 1.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.reading.keras0 import Config

_SIZES = {
    "AtrousConvolution1D": ("filter_length",),
    "AtrousConvolution2D": ("nb_row", "nb_col"),
    "Convolution1D": ("filter_length",),
    "Convolution2D": ("nb_row", "nb_col"),
    "Convolution3D": ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}
_INPUTS = ("batch_input_shape", "input_dtype")


def padded(config: Config) -> Config:
    """Return a model's config with every such padding as a layer of its own."""
    layers = config.get("layers")
    if not isinstance(layers, list):
        return config
    return config | {"layers": [one for la in layers for one in _taken_apart(la)]}


def _taken_apart(entry: Any) -> list[Any]:
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(config, dict):
        return [entry]
    kind = str(entry.get("class_name"))
    if kind == "Deconvolution2D" and config.get("border_mode") == "same":
        return [entry | {"config": config | {"border_mode": "half"}}]
    if kind == "TimeDistributed":
        *before, last = _taken_apart(config.get("layer"))
        rest = config | {"layer": last}
        if not before:
            return [entry | {"config": rest}]
        padding: Config = {"layer": before[0]}
    else:
        amounts = _amounts(config, _SIZES.get(kind, ()))
        if amounts is None:
            return [entry]
        rest = config | {"border_mode": "valid"}
        kind = f"ZeroPadding{len(amounts)}D"
        padding = {"padding": amounts[0] if len(amounts) == 1 else amounts}
    padding["name"] = f"{entry.get('name') or config.get('name')}_padding"
    padding |= {k: config[k] for k in (*_INPUTS, "dim_ordering") if k in config}
    first: Config = {"class_name": kind, "config": padding}
    rest = {k: v for k, v in rest.items() if k not in _INPUTS}
    second = entry | {"config": rest}
    nodes = entry.get("inbound_nodes")
    if isinstance(nodes, list):
        first |= {"name": padding["name"], "inbound_nodes": nodes}
        calls = [[[padding["name"], i, 0]] for i in range(len(nodes))]
        second["inbound_nodes"] = calls
    return [first, second]


def _amounts(config: Mapping[str, Any], sizes: tuple[str, ...]) -> list[Any] | None:
    """Return how much is added before and behind each axis, if it is not usual."""
    mode = config.get("border_mode")
    kernel = _numbers([config.get(size) for size in sizes])
    rates = _numbers(config.get("atrous_rate", 1))
    if mode not in ("same", "full") or not kernel or len(rates) not in (1, len(kernel)):
        return None
    rates = rates * (len(kernel) // len(rates))
    reach = [(k - 1) * r + 1 for k, r in zip(kernel, rates, strict=True)]
    if mode == "full":
        return [[k - 1, k - 1] for k in reach]
    strides = _numbers(config.get("subsample", config.get("subsample_length", 1)))
    if all(k % 2 for k in reach) and all(s == 1 for s in strides):
        return None
    return [[k // 2, (k - 1) // 2] for k in reach]


def _numbers(value: Any) -> list[int]:
    """Return sizes as a list; nothing if they are none."""
    found = value if isinstance(value, list) else [value]
    return found if all(type(n) is int and n > 0 for n in found) else []
