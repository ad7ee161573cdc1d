"""Operations between layers: ``x * 2 + y``, ``ops.mean(x)``, ``tf.concat([x, y], -1)``.

Keras 3 writes them into the config as ``keras.src.ops`` classes, tf.keras as
``TFOpLambda`` with the name of a TensorFlow function, TensorFlow 2.0 to 2.3 as
``TensorFlowOpLayer`` with a node of TensorFlow's graph. All become, where a Keras layer
computes the same, that layer, and else operators of standard ONNX
(:mod:`keras2torch.reading.rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx_ir as ir

from keras2torch.dialect import GraphBuilder
from keras2torch.errors import UnusableFile
from keras2torch.reading import tensorflow_nodes
from keras2torch.reading.operation_calls import OperationCall
from keras2torch.reading.rules import RULES
from keras2torch.reading.tensorflow_names import TENSORFLOW
from keras2torch.reading.topology import OPERATIONS, Constant, LayerSpec

_NODE = "TensorFlowOpLayer"


def known(spec: LayerSpec) -> bool:
    """Whether there is a rule for an operation."""
    return _name(spec) in RULES


def _name(spec: LayerSpec) -> str:
    if spec.kind.startswith("ops."):
        return spec.kind[4:]
    if spec.kind == _NODE:
        return tensorflow_nodes.rule_of(spec.config)
    return TENSORFLOW.get(str(spec.config.get("function")), ("", {}))[0]


def is_operation(kind: str) -> bool:
    """Whether a class stands for an operation and not for a layer."""
    return kind.startswith("ops.") or kind in OPERATIONS


def said(spec: LayerSpec) -> str:
    """Return what an operation is called in messages."""
    if spec.kind.startswith("ops."):
        return f"keras.{spec.kind}"
    if spec.kind == _NODE:
        return f"tf.raw_ops.{tensorflow_nodes.op_of(spec.config)}"
    return f"tf.{spec.config.get('function')}"


def call(
    b: GraphBuilder, spec: LayerSpec, args: list[Any], kwargs: Mapping[str, Any]
) -> list[ir.Value]:
    """Call an operation on tensors and constants."""
    name = _name(spec)
    c = OperationCall(b, spec, name)
    args, kwargs = _valued(list(args)), _valued(dict(kwargs))
    if spec.kind == _NODE:
        args, options = tensorflow_nodes.arguments(c, spec.config, args)
    else:
        _, renamed = TENSORFLOW.get(str(spec.config.get("function")), ("", {}))
        # A TFOpLambda has the arguments of a layer; what the function takes is in
        # the call.
        options = dict(spec.config) if spec.kind.startswith("ops.") else {}
        options |= {renamed.get(k, k): v for k, v in kwargs.items()}
        options.pop("name", None)
    if name not in RULES:
        raise UnusableFile(f"operation {spec.name!r} ({said(spec)}) has no rule.")
    return c.follow(RULES[name], args, options)


def _valued(value: Any) -> Any:
    """Replace constants by their values."""
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, list):
        return [_valued(v) for v in value]
    if isinstance(value, dict):
        return {k: _valued(v) for k, v in value.items()}
    return value
