"""Beside the usual road: Keras' ONNX export, then onnx2torch, on the same small models.

Usage: ``python benchmarks/usual_road.py``: makes the models of
tests/conversion/make_models.py (random weights, nothing downloaded) and prints for each
road whether it converts, how far it is from Keras, and which share of the trainable
weights PyTorch can still train. Keras, the export and onnx2torch run in processes of
their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAKER = ROOT / "tests" / "conversion" / "make_models.py"

EXPORT = """
import json, sys, keras, numpy as np
rng = np.random.default_rng(0)
model = keras.saving.load_model(sys.argv[1] + ".keras", compile=False)
batch = []
for x in model.inputs:
    shape = [3] + [n or 12 for n in x.shape[1:]]
    whole = "int" in str(x.dtype)
    a = rng.integers(1, 9, shape) if whole else rng.normal(0, 1, shape)
    batch.append(a.astype(x.dtype))
outputs = model.predict(batch[0] if len(batch) == 1 else batch, verbose=0)
outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
found = {f"i{k}": a for k, a in enumerate(batch)}
found |= {f"o{k}": a for k, a in enumerate(outputs)}
np.savez(sys.argv[1] + ".npz", **found)
json.dump(sum(int(np.prod(w.shape)) for w in model.trainable_weights),
          open(sys.argv[1] + ".json", "w"))
signature = [keras.InputSpec(shape=x.shape, dtype=x.dtype) for x in model.inputs]
signature = signature if len(signature) == 1 else [signature]
model.export(sys.argv[1] + ".onnx", format="onnx", verbose=False,
             input_signature=signature)
"""

USUAL = """
import json, sys, numpy as np, onnx2torch, torch
model = onnx2torch.convert(sys.argv[1] + ".onnx").eval()
data = np.load(sys.argv[1] + ".npz")
inputs = [torch.from_numpy(data[f"i{k}"]) for k in range(99) if f"i{k}" in data]
with torch.no_grad():
    outputs = model(*inputs)
outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
worst = max(float(np.abs(o.numpy() - data[f"o{k}"]).max() / np.abs(data[f"o{k}"]).max())
            for k, o in enumerate(outputs))
trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(json.dumps([worst, trained]))
"""


def run(*command: str) -> tuple[int, str, str]:
    """Run a command; return status, output and the last line of its errors."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    path = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        env={**os.environ, **quiet, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    last = lines[-1].split(": ", 1)[-1] if lines else ""
    return done.returncode, done.stdout, last


def ours(stem: Path) -> tuple[str, str]:
    """Convert a file and return the difference and the trainable share."""
    out = stem.with_name(f"{stem.name}_torch")
    source = str(stem.with_suffix(".keras"))
    command = [sys.executable, "-m", "keras2torch", "convert", source, "-o", str(out)]
    status, _, error = run(*command)
    if not (out / "report.json").exists():
        return f"status {status}: {error[:60]}", ""
    report = json.loads((out / "report.json").read_text())
    counts = report["parameters"]
    share = counts["torch_trainable"] / counts["keras_trainable"]
    return f"{report['verdict']}, {report['max_rel_diff']:.1e}", f"{share:.0%}"


def usual(stem: Path) -> tuple[str, str]:
    """Go the usual road and return the same."""
    status, _, error = run(sys.executable, "-c", EXPORT, str(stem))
    if status:
        return f"no export ({error[:56]})", ""
    status, output, error = run(sys.executable, "-c", USUAL, str(stem))
    if status:
        return f"no conversion ({error[:56]})", ""
    worst, trained = json.loads(output.strip().splitlines()[-1])
    expected = json.loads(stem.with_suffix(".json").read_text())
    return f"{worst:.1e}", f"{trained / expected:.0%}"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        status, _, error = run(sys.executable, str(MAKER), folder)
        if status:
            raise SystemExit(f"the models could not be made: {error}")
        print("| model | keras2torch | trainable | usual road | trainable |")
        print("|---|---|--:|---|--:|")
        for file in sorted(Path(folder).glob("*.keras")):
            stem = file.with_suffix("")
            cells = [stem.name, *ours(stem), *usual(stem)]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
