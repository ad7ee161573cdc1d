"""``report.md``: the report for a reader, the verdict first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from keras2torch.verification.report import (
    NOT_VERIFIED,
    Report,
    TensorRow,
    number,
)

_MEANING = {
    "exact": "The numbers are {} up to rounding.",
    "close": "The numbers are near {} but not the same to the last digits.",
    "different": "**The numbers are not {}.** Do not use this model as it is.",
    "unverified": f"**{NOT_VERIFIED} {{}}.** Nothing is known of the numbers.",
}
_FLOATS = "torch.randn({shape})"
_WHOLE = "torch.randint(0, 10, ({shape},))"
_EXAMPLE_SIZE = 32


def to_markdown(report: Report) -> str:
    """Return the text of ``report.md``."""
    parts = [
        *_head(report),
        *_tensors(report),
        *_layers(report),
        *_training(report),
        *_parameters(report),
        *_method(report),
        *_weights(report),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _head(report: Report) -> Iterator[str]:
    yield f"# {_text(report.name)}: {report.verdict}"
    yield ""
    owner = f"{report.judge}'" if report.judge.endswith("s") else f"{report.judge}'s"
    named = report.judge if report.verdict == "unverified" else owner
    yield _MEANING[report.verdict].format(named)
    yield ""
    yield f"{_text(report.sentence())}."
    yield ""
    if report.policy is not None:
        yield "Compared in float32 and float64, whatever the policy. Under the policy:"
        yield f"{_text(report.policy.sentence())}."
        yield ""
    if report.not_converted:
        listed = ", ".join(f"`{_text(n)}`" for n in report.not_converted)
        yield f"**Not converted:** {listed}"
        yield ""
    if report.remarks:
        yield from (f"- {_text(remark)}" for remark in report.remarks)
        yield ""


def _tensors(report: Report) -> Iterator[str]:
    yield "## Inputs and outputs"
    yield ""
    rows = [
        (kind, f"`{_text(t.name)}`", _shape(t), t.dtype, _moved(t))
        for kind, tensors in (("input", report.inputs), ("output", report.outputs))
        for t in tensors
    ]
    yield from _table(("", "name", "shape in PyTorch", "dtype", _axes_of(report)), rows)
    yield ""
    yield "```python"
    yield "import torch"
    yield "from model import load"
    yield ""
    yield "model = load()"
    arguments = []
    for i, tensor in enumerate(report.inputs):
        name = "x" if len(report.inputs) == 1 else f"x{i}"
        arguments.append(name)
        yield f"{name} = {_example(tensor)}"
    yield "with torch.no_grad():"
    yield f"    y = model({', '.join(arguments)})"
    yield "```"
    yield ""


def _axes_of(report: Report) -> str:
    return "Keras' axes" if report.judge == "Keras" else "the file's axes"


def _layers(report: Report) -> Iterator[str]:
    yield "## Layers"
    yield ""
    if report.first_different:
        yield f"The first that differs is `{_text(report.first_different)}`."
        yield ""
    rows = [
        (
            f"`{_text(row.name)}`",
            row.class_name,
            f"`{row.torch_name}`" if row.torch_name else "",
            f"`{_text(row.how)}`",
            row.verdict if row.verdict != "unverified" else "—",
            number(row.diff),
            number(row.float64_diff),
        )
        for row in report.layers
    ]
    what = "Keras layer" if report.judge == "Keras" else "module"
    head = (what, "class", "PyTorch", "as", "verdict", "difference", "float64")
    yield from _table(head, rows)
    yield ""


def _training(report: Report) -> Iterator[str]:
    if not report.notes and not report.idioms:
        return
    yield "## What differs in training"
    yield ""
    for entry in report.notes:
        yield f"- `{_text(entry['layer'])}`: {_text(entry['note'])}"
    if report.notes:
        yield ""
    yield from _idioms(report)


def _idioms(report: Report) -> Iterator[str]:
    if not report.idioms:
        return
    if report.form.get("faithful"):
        yield "With `--faithful` these layers train with Keras' numbers. Without it:"
    else:
        yield "These layers are torch's own; with `--faithful` they train as in Keras:"
    yield ""
    places: dict[str, list[str]] = {}
    for row in report.idioms:
        places.setdefault(row.why, []).append(row.layer)
    for why, layers in places.items():
        listed = ", ".join(f"`{_text(layer)}`" for layer in layers)
        yield f"- {_text(why)}: {listed}"
    yield ""


def _parameters(report: Report) -> Iterator[str]:
    found = report.parameters
    yield "## Parameters"
    yield ""
    yield from _table(
        ("", "Keras" if report.judge == "Keras" else "the file", "PyTorch"),
        [
            (
                kind,
                _count(found.get(f"keras_{kind}")),
                _count(found.get(f"torch_{kind}")),
            )
            for kind in ("trainable", "total")
        ],
    )
    yield ""


def _method(report: Report) -> Iterator[str]:
    yield "## How it is written and was verified"
    yield ""
    yield _form(report)
    yield ""
    if report.verdict == "unverified":
        yield f"{NOT_VERIFIED} {report.judge}. {_text(report.reason)}".rstrip()
        yield ""
        return
    sizes = " and ".join(map(str, report.batches))
    yield (
        f"Random inputs, batches of {sizes}, through {_text(report.reference)} in its "
        "own process and through the module made from `model.py`, both in inference "
        "mode. Differences are the largest ones, relative to the largest value that "
        f"{report.judge} puts out: exact up to 1e-5 in float32, or up to 1e-9 in "
        "float64 (more where float32 is a million times further off: rounding), "
        "close up to 1e-3."
    )
    yield ""
    slopes = report.gradients
    if slopes.compared:
        text = (
            f"The gradients of one scalar loss for {slopes.compared} parameter tensors "
            f"are {slopes.verdict}: largest relative difference "
            f"{number(slopes.max_rel_diff)}, in float64 "
            f"{number(slopes.float64_rel_diff)}"
        )
        yield text + (f" (`{slopes.worst}`)." if slopes.max_rel_diff else ".")
        yield ""
    if slopes.missing and report.judge == "Keras":
        names = ", ".join(f"`{n}`" for n in slopes.missing)
        yield f"Without a gradient on Keras' side to compare with: {names}."
        yield ""
    if report.seconds:
        stages = ", ".join(f"{k} {v:.1f} s" for k, v in report.seconds.items())
        yield f"Time: {stages}."
        yield ""


def _form(report: Report) -> str:
    channels = "last" if report.form.get("layout") == "keras" else "first"
    shape = (
        "one line a layer (`--flat`)"
        if report.form.get("flat")
        else "with classes for what the model repeats"
    )
    kind = (
        "layers that train with Keras' numbers (`--faithful`)"
        if report.form.get("faithful")
        else "torch's own layers where they compute the same"
    )
    return f"Written channels {channels}, {shape}, of {kind}."


def _weights(report: Report) -> Iterator[str]:
    if not report.weights:
        return
    yield "## Where the weights went"
    yield ""
    rows = [
        (
            ", ".join(f"`{_text(k.path)}`" for k in row.keras) or "—",
            f"`{row.torch_name}`",
            " × ".join(map(str, row.shape)),
            _text(row.how),
            "yes" if row.trainable else "no",
        )
        for row in report.weights
    ]
    yield from _table(("Keras", "PyTorch", "shape", "by", "trained"), rows)


# ----------------------------------------------------------------------- pieces
def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _text(value: str) -> str:
    """Return text from a file as it may stand in Markdown: one line, no markup."""
    plain = value
    if not value.isprintable():
        plain = "".join(c if c.isprintable() else " " for c in value)
    return plain.replace("`", "'").replace("<", "&lt;")


def _shape(tensor: TensorRow) -> str:
    sizes = [
        "N" if i == 0 and n is None else str(n) for i, n in enumerate(tensor.shape)
    ]
    return "(" + ", ".join("?" if s == "None" else s for s in sizes) + ")"


def _moved(tensor: TensorRow) -> str:
    axes = tensor.axes
    if axes is None:
        return "—"
    return "as in Keras" if axes == list(range(len(axes))) else str(axes)


def _example(tensor: TensorRow) -> str:
    sizes = [1 if i == 0 else _EXAMPLE_SIZE for i in range(len(tensor.shape))]
    shape = [s if n is None else n for n, s in zip(tensor.shape, sizes, strict=True)]
    text = ", ".join(map(str, shape))
    if tensor.dtype == "string":
        example = "'words'"
        for size in reversed(shape):
            example = "[" + ", ".join([example] * size) + "]"
        return example
    if tensor.dtype == "bool":
        return f"torch.ones({text}, dtype=torch.bool)"
    template = _WHOLE if tensor.dtype.startswith(("int", "uint")) else _FLOATS
    return template.format(shape=text)


def _count(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"
