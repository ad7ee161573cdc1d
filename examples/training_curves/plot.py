"""Draw the losses of six trainings, by Keras and by keras2torch.

    python examples/training_curves/plot.py

Each script is one function in ``tests/parity/cases/trainings.py``. It runs twice, in a
process with ``keras`` on TensorFlow and in one with ``keras2torch`` in its place: same
weights at the start, same batches. ``curves.svg`` shows the loss of every step.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TITLES = {
    "mlp": "MLP, Adam",
    "cnn-batch-normalization": "CNN with batch normalization, SGD",
    "bilstm-mask": "bidirectional LSTM with mask, Adam",
    "transformer": "transformer block, cosine decay",
    "two-in-two-out": "two inputs, two outputs, RMSprop",
    "autoencoder": "convolutional autoencoder, AdamW",
}
SIDES = {"keras": "Keras on TensorFlow", "keras2torch": "keras2torch"}
# Keras is the broad line below, keras2torch the narrow one on it.
STROKES = {
    "keras": 'stroke="#f2b8b5" stroke-width="5"',
    "keras2torch": 'stroke="#1f3a5f" stroke-width="1.3"',
}
WIDTH, HEIGHT, MARGIN = 300, 190, 42


def train(side: str, folder: Path) -> dict[str, np.ndarray]:
    """Run the six trainings in a process of their own; the losses of all steps."""
    out = folder / f"{side}.npz"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, "-m", "parity.run", side, "trainings/", "--out", out]
    threads = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    subprocess.run(
        command, env={**os.environ, **threads, "PYTHONPATH": paths}, check=True
    )
    with np.load(out) as arrays:
        return {name: arrays[f"trainings/{name}|steps"] for name in TITLES}


def panel(title: str, curves: dict[str, np.ndarray], left: float, top: float) -> str:
    """One plot: its frame, its scale, both lines, and how far they are apart."""
    both = np.concatenate(list(curves.values()))
    low, high = float(both.min()), float(both.max())

    def points(values: np.ndarray) -> str:
        x = left + np.linspace(0, WIDTH, len(values))
        y = top + HEIGHT * (high - values) / (high - low)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    apart = np.max(np.abs(curves["keras2torch"] / curves["keras"] - 1))
    steps = len(curves["keras"])
    below = f"{steps} steps, largest relative difference {apart:.0e}"
    lines = [
        f'<text x="{left}" y="{top - 10}" font-weight="bold">{title}</text>',
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" '
        'fill="none" stroke="#bbb"/>',
        f'<text x="{left - 5}" y="{top + 9}" text-anchor="end">{high:.2f}</text>',
        f'<text x="{left - 5}" y="{top + HEIGHT}" text-anchor="end">{low:.2f}</text>',
        f'<text x="{left}" y="{top + HEIGHT + 16}">{below}</text>',
    ]
    lines += [
        f'<polyline fill="none" {STROKES[side]} points="{points(values)}"/>'
        for side, values in curves.items()
    ]
    return "\n".join(lines)


def draw(found: dict[str, dict[str, np.ndarray]]) -> str:
    across, down = WIDTH + MARGIN + 18, HEIGHT + 62
    size = f"{3 * across + 18} {2 * down + 40}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
        'font-family="sans-serif" font-size="11" fill="#222">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (name, title) in enumerate(TITLES.items()):
        curves = {side: found[side][name] for side in SIDES}
        row, column = divmod(number, 3)
        parts.append(panel(title, curves, MARGIN + column * across, 40 + row * down))
    for number, (side, label) in enumerate(SIDES.items()):
        x, y = MARGIN + 170 * number, 2 * down + 22
        parts.append(
            f'<line x1="{x}" x2="{x + 24}" y1="{y}" y2="{y}" {STROKES[side]}/>'
            f'<text x="{x + 30}" y="{y + 4}">{label}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {side: train(side, Path(folder)) for side in SIDES}
    picture = HERE / "curves.svg"
    picture.write_text(draw(found), encoding="utf-8")
    print(f"wrote {picture}")


if __name__ == "__main__":
    main()
