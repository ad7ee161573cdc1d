"""Keras 1 layers and arguments → Keras 2 and later.

After ``keras/legacy/interfaces.py`` of Keras 2.2, which translated such calls.
"""

from __future__ import annotations

from typing import Any

from keras2torch.reading.text import dicts

Config = dict[str, Any]

_CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
    "cos0": "Dot",
}
_ARGUMENTS = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "pool_length": "pool_size",
    "stride": "strides",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "depthwise_init": "depthwise_initializer",
    "pointwise_init": "pointwise_initializer",
}
_BY_CLASS = {
    "Dense": {"output_dim": "units"},
    "LSTM": {"output_dim": "units"},
    "GRU": {"output_dim": "units"},
    "SimpleRNN": {"output_dim": "units"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"},
    "ParametricSoftplus": {"beta_init": "beta_init"},
    "PReLU": {"init": "alpha_initializer"},
    "MaxoutDense": {"output_dim": "units"},
    "SReLU": {
        f"{name}_init": f"{name}_initializer"
        for name in ("t_left", "a_left", "t_right", "a_right")
    },
    "Reshape": {"dims": "target_shape"},
}
_INITIALIZERS = {
    "normal": "RandomNormal",
    "uniform": "RandomUniform",
    "zero": "Zeros",
    "one": "Ones",
}
# Of how Keras 1 ran a layer, not of what it computes.
_GONE = ("consume_less", "input_length", "mode_type")
_KERNELS = {
    "Conv2D": ("nb_row", "nb_col"),
    "ConvLSTM2D": ("nb_row", "nb_col"),
    "Conv2DTranspose": ("nb_row", "nb_col"),
    "LocallyConnected2D": ("nb_row", "nb_col"),
    "SeparableConv2D": ("nb_row", "nb_col"),
    "Conv3D": ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}
# Layers whose config says nothing of the order of the axes that they work on.
_UNORDERED = frozenset(
    f"{kind}{rank}D"
    for kind in ("Cropping", "UpSampling", "ZeroPadding")
    for rank in (2, 3)
)


def dim_ordering(config: Any) -> str | None:
    """Return the order that most layers of a model name: ``"th"`` or ``"tf"``.

    It was a setting of the machine that the model was made on, and some layers did not
    write it down (``ZeroPadding2D``).
    """
    counts = {"th": 0, "tf": 0}
    for here in dicts(config):
        named = here.get("dim_ordering")
        if isinstance(named, str) and named in counts:
            counts[named] += 1
    if not any(counts.values()):
        return None
    return max(counts, key=lambda k: counts[k])


def as_functional(config: Any) -> Config | None:
    """Return a Sequential that begins with a Merge of branches as a graph of layers.

    Each branch is a layer or a Sequential with an input of its own. ``None`` for any
    other config.
    """
    layers = config.get("layers") if isinstance(config, dict) else config
    first = layers[0] if isinstance(layers, list) and layers else None
    if not isinstance(first, dict) or first.get("class_name") != "Merge":
        return None
    merge = first.get("config")
    branches = merge.get("layers") if isinstance(merge, dict) else None
    if not isinstance(layers, list) or not isinstance(branches, list):
        return None
    made: list[Config] = []
    ends: list[Any] = []
    inputs: list[Any] = []
    for i, branch in enumerate(branches):
        if not isinstance(branch, dict):
            return None
        name = _name_of(branch) or f"branch_{i + 1}"
        declared = _declared_inputs(branch)
        refs = []
        for k, shape in enumerate(declared):
            number = f"_{k + 1}" if len(declared) > 1 else ""
            given = {"name": f"{name}_input{number}"} | shape
            made.append(_entry({"class_name": "InputLayer", "config": given}, []))
            refs.append([given["name"], 0, 0])
        made.append(_entry(branch, refs, name))
        inputs += refs
        ends.append([name, 0, 0])
    for i, layer in enumerate(layers):
        made.append(_entry(layer, ends, _name_of(layer) or f"layer_{i + 1}"))
        ends = [[made[-1]["name"], 0, 0]]
    return {"layers": made, "input_layers": inputs, "output_layers": ends}


def _name_of(entry: Config) -> str | None:
    config = entry.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    return name if isinstance(name, str) else None


def _entry(layer: Config, inbound: list[Any], name: str | None = None) -> Config:
    nodes = [inbound] if inbound else []
    return layer | {"name": name or _name_of(layer), "inbound_nodes": nodes}


def _declared_inputs(entry: Any) -> list[Config]:
    """Return shape and dtype of each input that the first layer of a branch declares.

    There are several where a branch begins with a Merge itself.
    """
    while isinstance(entry, dict):
        config = entry.get("config")
        if isinstance(config, dict) and "batch_input_shape" in config:
            keys = ("batch_input_shape", "input_dtype")
            return [{k: config[k] for k in keys if k in config}]
        inner = config.get("layers") if isinstance(config, dict) else config
        if not isinstance(inner, list) or not inner:
            break
        if entry.get("class_name") == "Merge":
            return [found for branch in inner for found in _declared_inputs(branch)]
        entry = inner[0]
    return [{}]


def translated(
    kind: str, config: Config, ordering: str | None = None
) -> tuple[str, Config]:
    """Return class and config of a Keras 1 layer as Keras 2 has them.

    ``ordering`` is the order of axes of a layer that does not name its own.
    """
    if kind == "Merge":
        return _merge(config)
    kind = _CLASSES.get(kind, kind)
    names = _ARGUMENTS | _BY_CLASS.get(kind, {})
    made = {names.get(k, k): v for k, v in config.items() if k not in _GONE}
    if kind in _KERNELS and all(k in made for k in _KERNELS[kind]):
        made["kernel_size"] = [made.pop(k) for k in _KERNELS[kind]]
    # Keras 2 dropped the dropout of an Embedding, as it had no successor.
    made.pop("dropout" if kind == "Embedding" else "input_dim", None)
    ordering = made.pop("dim_ordering", ordering if kind in _UNORDERED else None)
    if ordering in ("th", "tf"):
        first = ordering == "th"
        made["data_format"] = "channels_first" if first else "channels_last"
    if kind == "BatchNormalization":
        _normalization(made)
    if kind in ("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D"):
        if made.get("recurrent_activation") is None and kind != "SimpleRNN":
            made["recurrent_activation"] = "hard_sigmoid"
        if made.pop("forget_bias_init", "one") not in ("one", "ones"):
            made["unit_forget_bias"] = False
    if kind == "Conv2DTranspose":
        _sizes(made)
    for key in list(made):
        if key.endswith("_initializer") and isinstance(made[key], str):
            made[key] = _INITIALIZERS.get(made[key], made[key])
    return kind, made


def _sizes(config: Config) -> None:
    """Say which sizes come out; Keras 1 was told the whole shape."""
    shape = config.pop("output_shape", None)
    first = config.get("data_format") == "channels_first"
    if isinstance(shape, list) and len(shape) == 4:
        sizes = shape[2:] if first else shape[1:3]
        config["sizes"] = None if None in sizes else sizes


def _normalization(config: Config) -> None:
    # mode 0: by feature, statistics kept. 1 goes by sample, 2 by the statistics of the
    # batch even after training.
    if config.get("mode") == 0:
        del config["mode"]


def _merge(config: Config) -> tuple[str, Config]:
    mode = config.get("mode")
    made: Config = {"name": config.get("name")}
    if "trainable" in config:
        made["trainable"] = config["trainable"]
    if not isinstance(mode, str) or mode not in _MERGES:
        # A function: its bytecode is in the config, and stays there.
        return "Merge", made | {"mode": "function"}
    if mode == "concat":
        made["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos", "cos0"):
        made["axes"] = config.get("dot_axes", -1)
        if mode != "dot":
            made |= {"normalize": True, "expand": mode == "cos"}
    return _MERGES[mode], made


def regularizer(value: Config) -> Any:
    """Return a Keras 1 regularizer or constraint in today's form."""
    name = value.get("name")
    rest = {k: v for k, v in value.items() if k != "name"}
    if name in ("WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer"):
        if not any(rest.values()):
            return None
        return {"class_name": "L1L2", "config": rest}
    if isinstance(name, str):
        return {"class_name": name, "config": rest}
    return value
