"""The report in the terminal: a short table and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras2torch.verification.report import LayerRow, Report, number

_ROWS = 25
_STYLE = {
    "exact": "green",
    "close": "yellow",
    "different": "bold red",
    "unverified": "bold yellow",
}
_RANK = {"different": 0, "close": 1, "unverified": 2, "exact": 3}


def show(report: Report, console: Console | None = None) -> None:
    """Print the layers, the worst first where they are many, and the verdict.

    Where the output is not a terminal only the line with the verdict is printed.
    """
    console = console or Console()
    if console.is_terminal:
        rows = _chosen(report.layers)
        if rows:
            console.print(_table(rows))
        if len(rows) < len(report.layers):
            left = len(report.layers) - len(rows)
            console.print(Text(f"and {left} more, none worse", style="dim"))
        for line in _beside(report):
            console.print(Text(line, style="dim"))
    verdict = Text(report.sentence(), style=_STYLE[report.verdict])
    console.print(verdict, soft_wrap=True)


def _chosen(rows: Sequence[LayerRow]) -> list[LayerRow]:
    """Return all rows where they are few, else the worst."""
    if len(rows) <= _ROWS:
        return list(rows)
    ordered = sorted(rows, key=lambda r: (_RANK[r.verdict], -(r.diff or 0.0)))
    return ordered[: _ROWS - 1]


def _table(rows: Sequence[LayerRow]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("layer", "class", "PyTorch"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_column("verdict", no_wrap=True, min_width=10)
    table.add_column("difference", justify="right", no_wrap=True, min_width=10)
    for row in rows:
        # Text, not markup: names come from the file.
        table.add_row(
            Text(row.name),
            Text(row.class_name),
            Text(row.how),
            Text(
                row.verdict if row.verdict != "unverified" else "—",
                style=_STYLE[row.verdict],
            ),
            Text(number(row.diff)),
        )
    return table


def _beside(report: Report) -> list[str]:
    found = report.parameters
    lines = []
    if found.get("torch_trainable") is not None:
        lines.append(
            f"trainable parameters: Keras {found['keras_trainable']:,}, "
            f"PyTorch {found['torch_trainable']:,}"
        )
    slopes = report.gradients
    if slopes.compared:
        lines.append(
            f"gradients of {slopes.compared} weights: {slopes.verdict}, largest "
            f"difference {number(slopes.max_rel_diff)}"
        )
    if report.notes:
        lines.append(f"in training {len(report.notes)} notes apply: see report.md")
    return lines + report.remarks
