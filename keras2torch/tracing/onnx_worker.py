"""Runs an ONNX file in a process of its own: ONNX Runtime, then float64 by reference.

Self-contained: ``python onnx_worker.py request.json``. The request names the file, the
values wanted beside its outputs, the arrays and where answers go. The answer in the
file's own precision is written first; the one in float64 may take long, and whoever
waits ends the process.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


def main(request: Path) -> None:
    """Answer a request."""
    asked = json.loads(request.read_text(encoding="utf-8"))
    path, folder = Path(asked["model"]), Path(asked["folder"])
    model = onnx.load(path, load_external_data=False)
    names = [i["name"] for i in asked["inputs"]]
    with np.load(folder / "inputs.npz", allow_pickle=False) as given:
        batches = [
            {name: given[f"{b}/{k}"] for k, name in enumerate(names)}
            for b in range(asked["batches"])
        ]
    outputs = [o.name for o in model.graph.output]
    runs = {"native": _native, "float64": _double}
    for kind in asked["runs"]:
        try:
            answer = runs[kind](model, path, batches, outputs, asked["values"])
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
            _write(folder / f"{kind}.json", json.dumps({"error": why}).encode())
            continue
        partial = folder / f"{kind}.partial.npz"
        np.savez(partial, **answer)
        os.replace(partial, folder / f"{kind}.npz")


def _write(path: Path, data: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def _native(
    model: onnx.ModelProto,
    path: Path,
    batches: list[dict[str, Any]],
    outputs: list[str],
    values: list[str],
) -> dict[str, Any]:
    """Run ONNX Runtime, unoptimized: what the operators say, one by one."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    wanted = onnx.ModelProto()
    wanted.CopyFrom(model)
    wanted.graph.output.extend(onnx.ValueInfoProto(name=v) for v in values)
    folder = str(path.resolve().parent)
    key = "session.model_external_initializers_file_folder_path"
    options.add_session_config_entry(key, folder)
    providers = ["CPUExecutionProvider"]

    def session(proto: onnx.ModelProto) -> Any:
        return ort.InferenceSession(
            proto.SerializeToString(), options, providers=providers
        )

    try:
        runner, asked = session(wanted), [*outputs, *values]
    except Exception:
        # Some values cannot be outputs; then only those of the model are compared.
        runner, asked = session(model), outputs
    found = {}
    for number, batch in enumerate(batches):
        names = asked if number == 0 else outputs
        for name, array in zip(names, runner.run(names, batch), strict=True):
            found[f"{number}/{names.index(name)}"] = np.asarray(array)
    found["values"] = np.array(len(asked) > len(outputs))
    return found


# ------------------------------------------------------------------------- float64
def _double(
    model: onnx.ModelProto,
    path: Path,
    batches: list[dict[str, Any]],
    outputs: list[str],
    values: list[str],
) -> dict[str, Any]:
    """Run the reference evaluator of ONNX on a copy in float64."""
    from onnx import external_data_helper
    from onnx.reference import ReferenceEvaluator

    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    external_data_helper.load_external_data_for_model(wide, str(path.resolve().parent))
    _widen(wide.graph)
    wide.graph.output.extend(onnx.ValueInfoProto(name=v) for v in values)
    runner = ReferenceEvaluator(wide)
    found = {}
    for number, batch in enumerate(batches):
        given = {
            k: a.astype(np.float64) if a.dtype == np.float32 else a
            for k, a in batch.items()
        }
        names = [*outputs, *values] if number == 0 else outputs
        for k, array in enumerate(runner.run(names, given)):
            found[f"{number}/{k}"] = np.asarray(array)
    found["values"] = np.array(bool(values))
    return found


def _widen(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for info in [*graph.input, *graph.output, *graph.value_info]:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _widen_tensor(attribute.t)
            if attribute.name in ("to", "dtype") and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
            if attribute.HasField("g"):
                _widen(attribute.g)
        for attribute in list(node.attribute):
            if node.op_type == "Constant" and attribute.name.startswith("value_float"):
                value = onnx.helper.get_attribute_value(attribute)
                node.attribute.remove(attribute)
                array = np.array(value, dtype=np.float64)
                tensor = numpy_helper.from_array(array)
                node.attribute.append(onnx.helper.make_attribute("value", tensor))


def _widen_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        wide = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
