"""Every argument of layers at values that are not its default, a branch for each.

A row is a layer: what it is called on, what it must be given, and the arguments beside
that. What only matters in training (initializers, regularizers, constraints) is given
to each layer that takes it, all at once.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from conversion.cases import Table

TABLE = Table()

Arguments = dict[str, Any]
VECTOR, STEPS, IMAGE, VOLUME = (6,), (5, 6), (6, 5, 4), (4, 5, 6, 2)
TWO = (STEPS, (4, 6))
ONLY_2, ONLY_3 = ("tf_keras",), ("keras",)
FIRST = {"data_format": "channels_first"}


@dataclass(frozen=True)
class Row:
    """A layer, and the arguments that it is shown with.

    Attributes
    ----------
    shapes
        What it is called on, without the batch; of several a list.
    base
        Arguments that it must have.
    others
        One model branch each; with ``"in"`` of these libraries only, with ``"on"``
        of other shapes, with ``"call"`` those of the call.
    whole
        Inputs are integers.
    """

    shapes: tuple[tuple[int | None, ...], ...]
    base: Arguments
    others: tuple[Arguments, ...]
    whole: bool = False
    apart: bool = False


def row(
    shape: Any, base: Arguments | None = None, *others: Arguments, **kind: Any
) -> Row:
    shapes = shape if isinstance(shape[0], tuple) else (shape,)
    return Row(shapes, base or {}, others, **kind)


CORE = {
    "Dense": row(
        STEPS,
        {"units": 3},
        {"activation": "relu"},
        {"activation": "softmax", "on": IMAGE},
        {"use_bias": False},
    ),
    "EinsumDense": row(
        STEPS,
        {"equation": "abc,cd->abd", "output_shape": (None, 3)},
        {"activation": "tanh"},
        {"bias_axes": "d"},
        {"equation": "...c,cd->...d", "output_shape": 3, "bias_axes": "d"},
        {"equation": "ab...,bd->ad...", "output_shape": 3, "bias_axes": "d"},
        {"equation": "abc,bd->adc", "output_shape": (4, 6), "bias_axes": "d"},
        {"equation": "abc,bcd->abd", "output_shape": (5, 4), "bias_axes": "bd"},
        {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"},
    ),
    "Embedding": row(
        (5,),
        {"input_dim": 9, "output_dim": 3},
        {"mask_zero": True},
        {"input_length": 5, "in": ONLY_2},
        {"sparse": True, "in": ONLY_2},
        whole=True,
    ),
    "ReversibleEmbedding": row(
        (5,),
        {"input_dim": 9, "output_dim": 3},
        {"tie_weights": False},
        {"mask_zero": True},
        {"logit_soft_cap": 2.0},
        {"reverse_dtype": "float64"},
        whole=True,
    ),
    "Masking": row(STEPS, {}, {"mask_value": -1.5}),
    "Identity": row(STEPS),
}

ACTIVATION = {
    "Activation": row(STEPS, {"activation": "relu"}, {"activation": "gelu"}),
    "ELU": row(STEPS, {}, {"alpha": 0.4}),
    "LeakyReLU": row(
        STEPS,
        {},
        {"alpha": 0.15, "in": ONLY_2},
        {"negative_slope": 0.15, "in": ONLY_3},
    ),
    "PReLU": row(IMAGE, {}, {"shared_axes": [1, 2]}, {"shared_axes": [2]}),
    "ReLU": row(
        STEPS,
        {},
        {"max_value": 0.5},
        {"negative_slope": 0.2},
        {"threshold": 0.3},
        {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.25},
    ),
    "Softmax": row(
        IMAGE,
        {},
        {"axis": 1},
        {"axis": -2},
        # Keras 3 forgets a list of axes when it reads it from HDF5.
        {"axis": [1, 2], "in": ONLY_2},
        {"robust_masking": True, "in": ONLY_2},
    ),
    "ThresholdedReLU": row(STEPS, {}, {"theta": 0.4}),
}

MERGING = {
    **{
        name: row((IMAGE, IMAGE))
        for name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")
    },
    "Concatenate": row((IMAGE, IMAGE), {}, {"axis": 1}, {"axis": 2}, {"axis": -2}),
    "Dot": row(
        (STEPS, STEPS),
        {"axes": 2},
        {"axes": 1},
        {"axes": -1},
        {"axes": (1, 1)},
        {"axes": (2, 2), "normalize": True},
        {"axes": 1, "normalize": True},
    ),
}

REGULARIZATION = {
    "Dropout": row(
        STEPS, {"rate": 0.3}, {"noise_shape": (None, 1, 6)}, {"seed": 3}, {"rate": 0}
    ),
    "SpatialDropout1D": row(STEPS, {"rate": 0.3}, {"seed": 3, "in": ONLY_3}),
    "SpatialDropout2D": row(IMAGE, {"rate": 0.3}, FIRST, {"seed": 3, "in": ONLY_3}),
    "SpatialDropout3D": row(VOLUME, {"rate": 0.3}, FIRST, {"seed": 3, "in": ONLY_3}),
    "GaussianDropout": row(STEPS, {"rate": 0.3}, {"seed": 3}),
    "GaussianNoise": row(STEPS, {"stddev": 0.3}, {"seed": 3}),
    "AlphaDropout": row(
        STEPS, {"rate": 0.3}, {"noise_shape": (None, 1, 6)}, {"seed": 3}
    ),
    "ActivityRegularization": row(STEPS, {}, {"l1": 0.1}, {"l2": 0.2}),
}

RESHAPING = {
    "Cropping1D": row(STEPS, {}, {"cropping": 2}, {"cropping": (0, 3)}),
    "Cropping2D": row(
        IMAGE,
        {},
        {"cropping": 1},
        {"cropping": (2, 1)},
        {"cropping": ((1, 0), (2, 1))},
        {"cropping": ((1, 0), (2, 1)), **FIRST},
    ),
    "Cropping3D": row(
        VOLUME,
        {},
        {"cropping": 1},
        {"cropping": (1, 2, 1)},
        {"cropping": ((1, 0), (2, 1), (0, 3))},
        {"cropping": ((1, 0), (0, 1), (1, 0)), "on": (4, 5, 6, 7), **FIRST},
    ),
    "Flatten": row(IMAGE, {}, FIRST),
    "Permute": row(IMAGE, {"dims": (2, 1, 3)}, {"dims": (3, 1, 2)}),
    "RepeatVector": row(VECTOR, {"n": 3}),
    "Reshape": row(
        IMAGE,
        {"target_shape": (30, 4)},
        {"target_shape": (-1, 2)},
        {"target_shape": (4, 5, 6)},
    ),
    "UpSampling1D": row(STEPS, {}, {"size": 3}),
    "UpSampling2D": row(
        IMAGE,
        {},
        {"size": (2, 3)},
        {"size": 2, "interpolation": "bilinear"},
        {"size": 2, **FIRST},
        {"size": (3, 2), "interpolation": "bilinear", **FIRST},
    ),
    "UpSampling3D": row(VOLUME, {}, {"size": (1, 2, 3)}, FIRST),
    "ZeroPadding1D": row(
        STEPS, {}, {"padding": 2}, {"padding": (0, 3)}, {"in": ONLY_3, **FIRST}
    ),
    "ZeroPadding2D": row(
        IMAGE,
        {},
        {"padding": 2},
        {"padding": (2, 1)},
        {"padding": ((1, 0), (2, 3))},
        {"padding": ((1, 0), (2, 3)), **FIRST},
    ),
    "ZeroPadding3D": row(
        VOLUME,
        {},
        {"padding": 2},
        {"padding": (2, 1, 0)},
        {"padding": ((1, 0), (2, 3), (0, 1))},
        FIRST,
    ),
}


def _pooling(name: str, shape: tuple[int, ...]) -> dict[str, Row]:
    # Channels first has no kernel for it on a CPU, but in Keras 3's own.
    rank = len(shape) - 1
    wide = (3,) + (2,) * (rank - 1)
    size = wide[0] if rank == 1 else wide
    return {
        f"{name}{rank}D": row(
            shape,
            {"pool_size": 2},
            {"pool_size": size},
            {"strides": 1},
            {"pool_size": 3, "strides": 2},
            {"padding": "same"},
            {"pool_size": 3, "strides": 2, "padding": "same"},
            {"in": ONLY_3, **FIRST},
        )
    }


POOLING = {
    **{
        name: made
        for kind in ("AveragePooling", "MaxPooling")
        for shape in (STEPS, IMAGE, VOLUME)
        for name, made in _pooling(kind, shape).items()
    },
    **{
        f"Global{kind}Pooling{len(shape) - 1}D": row(
            shape,
            {},
            FIRST,
            {"keepdims": True, **({"in": ONLY_3} if (kind, shape) == OLD else {})},
        )
        for kind in ("Average", "Max")
        for shape in (STEPS, IMAGE, VOLUME)
        for OLD in [("Average", STEPS)]
    },
    **{
        f"Adaptive{kind}Pooling{len(shape) - 1}D": row(
            shape, {"output_size": 3}, {"output_size": 2}, FIRST
        )
        for kind in ("Average", "Max")
        for shape in (STEPS, IMAGE, VOLUME)
    },
}

CLIPPING = {"rmin": 0.5, "rmax": 2.0, "dmax": 3.0}
NORMALIZATION = {
    "BatchNormalization": row(
        IMAGE,
        {},
        {"axis": 1},
        {"axis": -2},
        {"axis": 2, "on": STEPS},
        {"momentum": 0.5},
        {"epsilon": 0.1},
        {"center": False},
        {"scale": False},
        {"center": False, "scale": False},
        {"synchronized": True},
        {"renorm": True},
        {"renorm": True, "renorm_momentum": 0.8, "renorm_clipping": CLIPPING},
        {"fused": False, "in": ONLY_2},
        {"fused": True, "in": ONLY_2},
    ),
    "LayerNormalization": row(
        IMAGE,
        {},
        {"axis": 1},
        {"axis": [1, 2, 3]},
        {"axis": [-2, -1]},
        {"axis": [1, 3]},
        {"epsilon": 0.1},
        {"center": False},
        {"scale": False},
        {"rms_scaling": True, "in": ONLY_3},
        {"rms_scaling": True, "axis": [1, 2], "in": ONLY_3},
    ),
    "GroupNormalization": row(
        IMAGE,
        {"groups": 2},
        {"groups": 1},
        {"groups": 4},
        {"groups": -1},
        {"axis": 1},
        {"axis": 2, "groups": 5},
        {"epsilon": 0.1},
        {"center": False},
        {"scale": False},
    ),
    "UnitNormalization": row(IMAGE, {}, {"axis": 1}, {"axis": [1, 2]}, {"axis": -2}),
    "RMSNormalization": row(
        IMAGE,
        {},
        # Keras multiplies by the scale as it is: it has to fit the last axes.
        {"axis": 2, "on": (6, 4, 4)},
        {"axis": [2, 3]},
        {"epsilon": 0.1},
    ),
}

ATTENTION = {
    "Attention": row(
        TWO,
        {},
        {"use_scale": True},
        {"score_mode": "concat"},
        {"score_mode": "concat", "use_scale": True},
        {"dropout": 0.3, "in": ONLY_3},
        {"seed": 3, "in": ONLY_3},
        {"dropout": 0.3, "in": ONLY_2},
        {"on": (*TWO, (4, 6))},
        {"call": {"use_causal_mask": True}},
        {"call": {"return_attention_scores": True}},
    ),
    "AdditiveAttention": row(
        TWO,
        {},
        {"use_scale": False},
        {"dropout": 0.3},
        {"on": (*TWO, (4, 6))},
        {"call": {"use_causal_mask": True}},
        {"call": {"return_attention_scores": True}},
    ),
    "MultiHeadAttention": row(
        TWO,
        {"num_heads": 2, "key_dim": 3},
        {"num_heads": 3, "key_dim": 2},
        {"key_dim": 5},
        {"value_dim": 4},
        {"dropout": 0.3},
        {"use_bias": False},
        {"output_shape": 7},
        {"output_shape": (2, 3)},
        {"attention_axes": 1},
        {"attention_axes": (1, 2), "on": (IMAGE, (3, 2, 4))},
        {"attention_axes": 2, "on": (IMAGE, (6, 3, 4))},
        {"sliding_window": 2, "in": ONLY_3},
        {"flash_attention": False, "in": ONLY_3},
        {"use_gate": True, "in": ONLY_3},
        {"seed": 3, "in": ONLY_3},
        {"softmax_robust_masking": True, "in": ONLY_2},
        {"on": (*TWO, (4, 3))},
        {"call": {"use_causal_mask": True}},
        {"use_bias": False, "key_dim": 4, "call": {"use_causal_mask": True}},
        apart=True,
    ),
    "GroupQueryAttention": row(
        TWO,
        {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
        {"head_dim": 2},
        {"num_query_heads": 2},
        {"num_key_value_heads": 1},
        {"dropout": 0.3},
        {"use_bias": False},
        {"sliding_window": 2},
        {"flash_attention": False},
        {"use_gate": True},
        {"seed": 3},
        {"on": (*TWO, (4, 3))},
        {"call": {"use_causal_mask": True}},
        {"call": {"return_attention_scores": True}},
        apart=True,
    ),
}

FAMILIES: dict[str, dict[str, Row]] = {
    "core": CORE,
    "activation": ACTIVATION,
    "merging": MERGING,
    "regularization": REGULARIZATION,
    "reshaping": RESHAPING,
    "pooling": POOLING,
    "normalization": NORMALIZATION,
    "attention": ATTENTION,
}

# What a row cannot show: a layer's place in a model, what `refused` has.
ELSEWHERE = frozenset(
    "self name dtype trainable kwargs weights dynamic lora_rank lora_alpha "
    "quantization_config gptq_unpacked_column_size".split()
)
# What a layer is trained with; numbers at inference are those of its weights.
TRAINING = {
    "_initializer": "ones",
    "_regularizer": "l2",
    "_constraint": "non_neg",
}


def library_of(keras: Any) -> str:
    return str(keras.__name__.partition(".")[0])


def for_training(layer: Any, name: str) -> Arguments:
    """Return every argument of a layer that only matters in training."""
    found: Arguments = {"trainable": False}
    if name.startswith("SpatialDropout"):
        return {}
    for key in inspect.signature(layer.__init__).parameters:
        for ending, value in TRAINING.items():
            if key.endswith(ending):
                found[key] = value
    return found


def branches(keras: Any, name: str, row: Row) -> list[Arguments]:
    """Return the arguments of each branch for a library."""
    layer = getattr(keras.layers, name)
    wanted = [{}, for_training(layer, name), *row.others]
    return [w for w in wanted if library_of(keras) in w.get("in", (library_of(keras),))]


def _builder(table: dict[str, Row]) -> Any:
    def build(keras: Any) -> Any:
        inputs: dict[Any, Any] = {}
        outputs: list[Any] = []

        def entry(shape: Any, whole: bool, at: int) -> Any:
            key = (shape, whole, at)
            if key not in inputs:
                kind = "int32" if whole else "float32"
                inputs[key] = keras.Input(shape, dtype=kind, name=f"in{len(inputs)}")
            return inputs[key]

        for name, row in table.items():
            if not hasattr(keras.layers, name):
                continue
            for i, others in enumerate(branches(keras, name, row)):
                given = {
                    k: v for k, v in others.items() if k not in ("in", "on", "call")
                }
                layer = getattr(keras.layers, name)(
                    **{**row.base, **given, "name": f"{name.lower()}_{i}"}
                )
                shapes = others.get("on", row.shapes)
                shapes = shapes if isinstance(shapes[0], tuple) else (shapes,)
                x = [entry(s, row.whole, k) for k, s in enumerate(shapes)]
                call = others.get("call", {})
                if row.apart:
                    made = layer(*x, **call)
                else:
                    made = layer(x if len(x) > 1 else x[0], **call)
                outputs += made if isinstance(made, (list, tuple)) else [made]
                if name == "ReversibleEmbedding":
                    outputs.append(layer(made, reverse=True))
        return keras.Model(list(inputs.values()), outputs)

    return build


def unshown(keras: Any) -> list[str]:
    """Return the arguments that no branch gives another value than the default."""
    found = []
    for table in FAMILIES.values():
        for name, row in table.items():
            if not hasattr(keras.layers, name):
                continue
            shown = {*row.base, *(k for b in branches(keras, name, row) for k in b)}
            layer = getattr(keras.layers, name)
            names = set(inspect.signature(layer.__init__).parameters)
            found += [f"{name}.{n}" for n in sorted(names - shown - ELSEWHERE)]
    return found


for _family, _table in FAMILIES.items():
    TABLE.add(_family, _builder(_table))
