"""Configs as attributes, layer calls as nodes, and both through ONNX' own bytes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from keras2torch.dialect import (
    GraphBuilder,
    LayerNode,
    from_node,
    is_layer,
    shape_of,
    to_node,
)
from keras2torch.dialect.attributes import decode, encode
from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import (
    LSTM,
    REGISTRY,
    Dense,
    Embedding,
    Functional,
    Layer,
    from_config,
    to_config,
)
from keras2torch.layers.merging import Add, Concatenate
from keras2torch.layers.multi_head import MultiHeadAttention

# ------------------------------------------------------------------------- attributes
VALUES = [
    0,
    -3,
    2**62,
    2**64,
    True,
    False,
    None,
    0.1,
    0.001,
    1e-7,
    0.5,
    -0.0,
    1 / 3,
    1e300,
    0.009999999776482582,
    "",
    "relu",
    "json:",
    'json:"x"',
    "größe",
    'quote " and \n newline',
    [],
    [1, 2, 3],
    [0.1, 0.2],
    [1 / 3, 0.5],
    [1, 0.5],
    [True, False],
    ["a", "b"],
    ["json:a", "b"],
    [None, 1],
    [[0, 1], [2, 3]],
    [[], []],
    {},
    {"class_name": "L2", "config": {"l2": 0.01}},
    {"b": 1, "a": [1, {"c": None}]},
]


# float32 does not hold 1e300, which is how the encoder finds that it travels as JSON.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in cast")


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_were(value):
    back = decode(encode("x", value))
    assert back == value
    assert type(back) is type(value)
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_survive_serialization(value):
    node = ir.Node("keras", "Dense", [], [encode("x", value)], num_outputs=1)
    proto = ir.to_proto(ir.Graph([], [], nodes=[node], name="g"))
    again = ir.from_proto(onnx.GraphProto.FromString(proto.SerializeToString()))
    back = decode(again[0].attributes["x"])
    assert back == value
    assert type(back) is type(value)


def test_infinity_and_nan_survive():
    assert decode(encode("x", float("inf"))) == float("inf")
    assert np.isnan(decode(encode("x", float("nan"))))


def test_tuples_come_back_as_lists():
    assert decode(encode("x", (1, 2))) == [1, 2]
    assert decode(encode("x", ((1, 2), (3, 4)))) == [[1, 2], [3, 4]]


# ---------------------------------------------------------------------- every layer
_BY_TYPE: dict[str, list[Any]] = {
    "int": [3],
    "float": [0.25],
    "bool": [True, False],
    "str": ["same", "valid"],
}


def example(cls: type[Layer], *, unusual: bool) -> Layer:
    """Make a layer with its required arguments, or with every argument set."""
    given: dict[str, Any] = {"name": "outer/my layer"}
    for field in dataclasses.fields(cls):
        required = (
            field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        )
        if not field.init or field.name == "name" or not (required or unusual):
            continue
        if value := _value(field, unusual=unusual):
            given[field.name] = value[0]
    return cls(**given)


INNER = {
    "layer": {"class_name": "LSTM", "config": {"name": "inner", "units": 3}},
    "cell": {"class_name": "LSTMCell", "config": {"name": "inner", "units": 3}},
}


def _value(field: Any, *, unusual: bool) -> list[Any]:
    if field.name in INNER:
        return [INNER[field.name]]
    if unusual and field.name in ("name", "activity_regularizer"):
        return []
    kinds = str(field.type).replace(" ", "").split("|")
    for kind in kinds:
        choices = _BY_TYPE.get(kind, [])
        fresh = [c for c in choices if c != field.default or type(c) is bool]
        if unusual and kind == "bool":
            return [not field.default]
        if fresh:
            return fresh
    if unusual and field.default is not dataclasses.MISSING:
        return [{"class_name": "Any", "config": {"x": [1, None, 0.1, "é"]}}]
    return [[1, 2]]


@pytest.mark.parametrize("unusual", [False, True], ids=["required", "all"])
@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_every_layer_round_trips(kind, unusual):
    try:
        layer = example(REGISTRY[kind], unusual=unusual)
    except (UnsupportedLayer, TypeError, ValueError, KeyError, AttributeError) as why:
        if unusual:
            pytest.skip(f"these arguments are refused: {why}")
        raise
    x, w = ir.Value(name="x"), ir.Value(name="w")
    call = LayerNode(
        layer,
        path="outer/my layer",
        inputs=[x],
        masks=[ir.Value(name="m")],
        states=[ir.Value(name="s")],
        named={"attention_mask": ir.Value(name="a")},
        weights={"forward/kernel": w},
        options={"training": True, "use_causal_mask": False},
    )
    node = to_node(call, "outer/my layer:1", 2)
    graph = ir.Graph(
        [x, *call.states, *call.named.values(), call.masks[0], w],
        node.outputs,
        nodes=[node],
        name="g",
        opset_imports={"keras": 1},
    )
    for value in node.outputs:
        value.name = f"y{value.index()}"
    proto = ir.to_proto(graph)
    graph = ir.from_proto(onnx.GraphProto.FromString(proto.SerializeToString()))
    [again] = list(graph)
    assert is_layer(again)
    assert again.op_type == kind
    back = from_node(again)
    assert type(back.layer) is type(layer)
    wanted = json.dumps(to_config(layer), sort_keys=True, default=repr)
    assert json.dumps(to_config(back.layer), sort_keys=True, default=repr) == wanted
    assert back.path == "outer/my layer"
    assert [v.name for v in back.inputs] == ["x"]
    assert [v.name for v in back.masks if v] == ["m"]
    assert [v.name for v in back.states] == ["s"]
    assert {k: v.name for k, v in back.named.items()} == {"attention_mask": "a"}
    assert {k: v.name for k, v in back.weights.items()} == {"forward/kernel": "w"}
    assert back.options == {"training": True, "use_causal_mask": False}
    assert [v.name for v in back.outputs] == ["y0", "y1"]
    assert back.mask is None


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_config_round_trips(kind):
    layer = example(REGISTRY[kind], unusual=False)
    again = from_config(kind, to_config(layer))
    assert to_config(again) == to_config(layer)


def test_older_names_of_arguments_are_read():
    for kind, cls in REGISTRY.items():
        fields = {f.name for f in dataclasses.fields(cls)}
        for old in cls.aliases:
            assert old not in fields, f"{kind}: {old} is an argument of its own"


def test_an_unknown_argument_is_named():
    with pytest.raises(UnsupportedLayer, match=r"'d'.*Dense.*telepathy='yes'"):
        from_config("Dense", {"name": "d", "units": 2, "telepathy": "yes"})
    plain = from_config("Dense", {"name": "d", "units": 2, "telepathy": None})
    assert isinstance(plain, Dense)


def test_an_unknown_class_is_a_key_error():
    with pytest.raises(KeyError):
        from_config("Mine", {})


# ----------------------------------------------------------------------- the builder
def weights_of(model: ir.Model) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(int(n) for n in value.shape)  # type: ignore[union-attr]
        for name, value in model.graph.initializers.items()
    }


def filled(b: GraphBuilder) -> GraphBuilder:
    """Give every weight data: without, an initializer is not serialized."""
    for layer in b.layers.values():
        for value in layer.values:
            shape = [int(n) for n in value.shape]  # type: ignore[union-attr]
            value.const_value = ir.tensor(np.ones(shape, "float32"))
    return b


def through_bytes(model: ir.Model) -> ir.Model:
    text = ir.to_proto(model).SerializeToString()
    return ir.from_proto(onnx.ModelProto.FromString(text))


def test_a_model_survives_serialization():
    b = GraphBuilder("m")
    x = b.input("words", (None, 5), "int32")
    [x] = b.call(Embedding(7, 4, mask_zero=True, name="embed"), [x])
    [y] = b.call(MultiHeadAttention(2, 2, name="att"), [x, x])
    [z] = b.call(LSTM(3, name="lstm"), [y])
    [z] = b.call(Dense(2, name="dense"), [z])
    model = through_bytes(filled(b).model([z], keras_version="2.3.1"))
    assert model.metadata_props["keras_version"] == "2.3.1"
    calls = {n.layer.name: n for n in map(from_node, model.graph)}
    assert list(calls) == ["embed", "att", "lstm", "dense"]
    assert calls["embed"].mask is not None
    assert [m.name for m in calls["att"].masks if m] == ["embed/y/mask"] * 2
    assert [m.name for m in calls["lstm"].masks if m] == ["embed/y/mask"]
    assert list(calls["att"].weights)[:2] == ["query/kernel", "query/bias"]
    assert weights_of(model)["att/attention_output/kernel"] == (2, 2, 4)
    assert model.graph.inputs[0].metadata_props["keras_name"] == "words"


def test_a_shared_layer_has_its_weights_once():
    b = GraphBuilder("m")
    x = b.input("x", (None, 4))
    dense = Dense(4, name="dense")
    [y] = b.call(dense, [x])
    [z] = b.call(dense, [y])
    [out] = b.call(Add(name="add"), [y, z])
    model = through_bytes(filled(b).model([out]))
    first, second, _ = map(from_node, model.graph)
    assert (first.path, second.path) == ("dense", "dense")
    assert [n.name for n in model.graph] == ["dense", "dense:1", "add"]
    assert first.weights == second.weights
    assert weights_of(model) == {"dense/kernel": (4, 4), "dense/bias": (4,)}


def test_a_model_inside_keeps_its_graph():
    b = GraphBuilder("outer")
    x = b.input("x", (None, 4))
    inner = b.nested("encoder")
    i = inner.input("x", (None, 4))
    [h] = inner.call(Dense(3, name="dense"), [i])
    [y] = b.call_model(Functional(name="encoder"), inner, [x], [h])
    [z] = b.call(Dense(2, name="dense"), [y])
    model = through_bytes(filled(b).model([z]))
    call = from_node(model.graph[0])
    assert call.body is not None
    assert call.body.inputs[0].metadata_props["keras_name"] == "x"
    [dense] = map(from_node, call.body)
    assert dense.path == "encoder/dense"
    assert dense.weights["kernel"].name == "encoder/dense/kernel"
    assert set(weights_of(model)) == {
        "encoder/dense/kernel",
        "encoder/dense/bias",
        "dense/kernel",
        "dense/bias",
    }


def test_masks_end_where_keras_ends_them():
    b = GraphBuilder("m")
    words = b.input("words", (None, 5), "int32")
    [x] = b.call(Embedding(7, 4, mask_zero=True, name="embed"), [words])
    [y] = b.call(Dense(4, name="dense"), [x])
    assert b.mask_of(y) is b.mask_of(x) is not None
    plain = b.input("plain", (None, 5, 4))
    [both] = b.call(Concatenate(axis=1, name="join"), [y, plain])
    made = b.mask_of(both)
    assert made is not None
    assert made is not b.mask_of(x)
    assert shape_of(made) == (None, 10)
    [last] = b.call(LSTM(3, name="lstm"), [both])
    assert b.mask_of(last) is None
    [added] = b.call(Add(name="add"), [y, plain])
    assert b.mask_of(added) is None
