"""The report: what was compared, how, and with which verdict."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from keras2torch.program.idioms import Idiom
from keras2torch.verification.difference import Verdict

NOT_VERIFIED = "NOT VERIFIED against"


@dataclass
class TensorRow:
    """An input or output as the module has it.

    Attributes
    ----------
    shape
        In PyTorch's order, ``None`` for what is open.
    axes
        Position ``i`` holds Keras' axis ``axes[i]``: ``[0, 3, 1, 2]`` for NHWC → NCHW.
    """

    name: str
    shape: list[int | None]
    dtype: str
    axes: list[int] | None


@dataclass
class LayerRow:
    """A Keras layer.

    Attributes
    ----------
    name
        Its path through nested models: ``encoder/conv1``.
    class_name
        ``"Conv2D"``.
    torch_name
        The submodule, ``encoder.conv1``; ``None`` for what is an expression.
    how
        What it became: ``nn.Conv2d(3, 8, kernel_size=3)``.
    verdict, diff, float64_diff
        Of its own output, relative to its largest value; ``"unverified"`` and ``None``
        where there was nothing to compare.
    """

    name: str
    class_name: str
    torch_name: str | None
    how: str
    verdict: Verdict = "unverified"
    diff: float | None = None
    float64_diff: float | None = None


@dataclass
class KerasWeight:
    """A weight as Keras has it.

    Attributes
    ----------
    layer
        Its path through nested models: ``encoder/conv1``.
    name
        Within the layer: ``kernel``, ``forward/recurrent_kernel``.
    index
        Its place in the layer's ``get_weights()``; ``None`` of one that no layer of
        Keras' own holds.
    shape
        In Keras.
    """

    layer: str
    name: str
    index: int | None
    shape: list[int]

    @property
    def path(self) -> str:
        """Layer and name."""
        return f"{self.layer}/{self.name}" if self.layer else self.name


@dataclass
class WeightRow:
    """An entry of the state dict and the Keras weights that it is made of.

    Attributes
    ----------
    torch_name, shape
        Its key in the state dict, and its shape there.
    keras
        What it is made of.
    how
        What is done, in words.
    axes
        The permutation of the one weight's axes, where that is all.
    steps
        What is done, step by step: see the README. ``None`` where no steps tell it, and
        ``how`` then says why.
    """

    torch_name: str
    shape: list[int]
    keras: list[KerasWeight]
    how: str
    axes: list[int] | None
    steps: list[dict[str, Any]] | None
    trainable: bool


@dataclass
class Gradients:
    """The gradients of one scalar loss, compared weight by weight.

    Attributes
    ----------
    compared, missing
        How many weights were compared, and the names of those that were not.
    max_rel_diff, float64_rel_diff
        By the largest gradient of the weight.
    worst
        The weight that differs most.
    """

    compared: int = 0
    missing: list[str] = field(default_factory=list)
    verdict: Verdict = "unverified"
    max_rel_diff: float | None = None
    float64_rel_diff: float | None = None
    worst: str | None = None


@dataclass
class Policy:
    """The same inputs under the model's own dtype policy.

    Attributes
    ----------
    name
        ``"mixed_bfloat16"``; of several, the most frequent first.
    autocast
        What ``torch.autocast`` computes in; ``None`` if PyTorch ran in float32.
    max_rel_diff, limit, agrees
        Between Keras under its policy and PyTorch, by the largest output; how much
        half precision may come to; whether it is within.
    """

    name: str
    autocast: str | None
    max_rel_diff: float | None = None
    limit: float | None = None
    agrees: bool | None = None

    def sentence(self) -> str:
        """Say what was compared with what."""
        ours = f"torch.autocast in {self.autocast}" if self.autocast else "in float32"
        if self.max_rel_diff is None:
            return f"{self.name}: not compared"
        text = f"{self.name}: Keras under it and PyTorch {ours} differ by at most "
        text += f"{number(self.max_rel_diff)} of the output"
        if not self.agrees:
            text += f", more than rounding explains ({number(self.limit)})"
        return text


@dataclass
class Report:
    """What a conversion came to.

    Attributes
    ----------
    verdict
        ``"exact"``, ``"close"``, ``"different"`` or ``"unverified"``.
    max_abs_diff, max_rel_diff, float64_rel_diff
        Of the whole model's outputs; the relative ones by the largest output.
    judge
        ``"Keras"``, or ``"ONNX Runtime"`` of a file that came as ONNX.
    reference
        Which Keras it was compared with, and whether that model was rebuilt from the
        graph because no Keras loads the file.
    reason
        Why it is unverified or different, where there is more to say than numbers.
    first_different
        The first layer in running order whose output is not exact.
    not_converted
        Layers that have no PyTorch counterpart.
    notes
        What differs in training, by layer.
    idioms
        Where the idiomatic and the faithful form train otherwise; ``form`` says which
        of them is written.
    remarks
        What to know about the comparison itself.
    permutes
        Changes of layout inside the program.
    form
        In which form the program is written: ``layout``, ``flat``, ``faithful``.
    policy
        Of a model with half precision; the other figures are those of float32.
    """

    verdict: Verdict
    name: str
    max_abs_diff: float | None = None
    max_rel_diff: float | None = None
    float64_rel_diff: float | None = None
    judge: str = "Keras"
    reference: str = ""
    rebuilt: bool = False
    reason: str = ""
    first_different: str | None = None
    inputs: list[TensorRow] = field(default_factory=list)
    outputs: list[TensorRow] = field(default_factory=list)
    parameters: dict[str, int | None] = field(default_factory=dict)
    gradients: Gradients = field(default_factory=Gradients)
    layers: list[LayerRow] = field(default_factory=list)
    not_converted: list[str] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)
    idioms: list[Idiom] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    permutes: int = 0
    form: dict[str, Any] = field(default_factory=dict)
    policy: Policy | None = None
    weights: list[WeightRow] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def gradient_rel_diff(self) -> float | None:
        """The largest relative difference of a gradient."""
        return self.gradients.max_rel_diff

    @property
    def same_trainable(self) -> bool | None:
        """Whether PyTorch trains as many parameters; ``None`` if not counted."""
        keras = self.parameters.get("keras_trainable")
        torch = self.parameters.get("torch_trainable")
        return None if keras is None or torch is None else keras == torch

    def sentence(self) -> str:
        """Return the verdict in one line, as terminal and report begin."""
        if self.verdict == "unverified":
            why = f": {self.reason}" if self.reason else ""
            return f"{NOT_VERIFIED} {self.judge}{why}"
        against = f"against {self.reference}"
        if self.rebuilt:
            against = f"against a rebuilt Keras model ({self.reference.split(' (')[0]})"
        if self.reason:
            figures = self.reason
        else:
            figures = f"largest difference {number(self.max_rel_diff)} of the output"
        if self.float64_rel_diff is not None and not self.reason:
            figures += f", {number(self.float64_rel_diff)} in float64"
        text = f"{self.verdict}, {against}: {figures}"
        if self.verdict != "exact" and self.first_different:
            text += f"; the first layer that differs is {self.first_different!r}"
        return text

    def exit_status(self, *, require_verified: bool = False) -> int:
        """Return 0 if done, 1 if converted but different or not wholly."""
        if self.verdict == "different" or self.not_converted:
            return 1
        return int(require_verified and self.verdict == "unverified")

    # -- files
    def to_dict(self) -> dict[str, Any]:
        """Return what ``report.json`` holds; what is not finite becomes ``None``."""
        data: dict[str, Any] = _plain(self)
        for row in data["layers"]:
            row["class"] = row.pop("class_name")
        return data

    def to_json(self) -> str:
        """Return ``report.json``."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def files(self) -> dict[str, str]:
        """Return the report's files: name → text."""
        from keras2torch.verification.markdown import to_markdown

        return {"report.json": self.to_json(), "report.md": to_markdown(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """Return the report that :meth:`to_dict` described."""
        known = {f.name for f in fields(cls)}
        kept = {k: v for k, v in data.items() if k in known}
        for key in ("inputs", "outputs"):
            kept[key] = [TensorRow(**row) for row in kept.get(key, [])]
        kept["layers"] = [
            LayerRow(class_name=row["class"], **_without(row, "class"))
            for row in kept.get("layers", [])
        ]
        kept["weights"] = [
            WeightRow(
                keras=[KerasWeight(**w) for w in row["keras"]], **_without(row, "keras")
            )
            for row in kept.get("weights", [])
        ]
        kept["idioms"] = [Idiom(**row) for row in kept.get("idioms", [])]
        kept["gradients"] = Gradients(**kept.get("gradients", {}))
        if kept.get("policy"):
            kept["policy"] = Policy(**kept["policy"])
        return cls(**kept)

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read ``report.json``."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))


def number(value: float | None) -> str:
    """Return a difference as it stands in a table.

    Examples
    --------
    >>> number(0.0), number(1.234e-7), number(None)
    ('0', '1.2e-07', '—')
    """
    if value is None or not math.isfinite(value):
        return "—"
    return "0" if value == 0 else f"{value:.1e}"


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != key}


def _plain(value: Any) -> Any:
    """Return what JSON can hold; `asdict` would copy each string and number first."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value
