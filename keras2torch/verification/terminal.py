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
# Below this many columns the PyTorch text is left out.
_WIDE = 90


def show(report: Report, console: Console | None = None) -> None:
    """Print the layers, the worst first where they are many, and the verdict.

    Where the output is not a terminal only the line with the verdict is printed.
    """
    console = console or Console()
    if console.is_terminal:
        rows = _chosen(report.layers)
        if rows:
            console.print(_table(rows, wide=console.width >= _WIDE))
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


def _table(rows: Sequence[LayerRow], *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    table.add_column("layer", overflow="ellipsis", no_wrap=True, max_width=32)
    table.add_column("class", overflow="ellipsis", no_wrap=True, max_width=22)
    if wide:
        # The longest text takes what the others leave.
        table.add_column("PyTorch", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("verdict", no_wrap=True, min_width=10)
    table.add_column("difference", justify="right", no_wrap=True, min_width=10)
    for row in rows:
        # Text, not markup: names come from the file.
        verdict = row.verdict if row.verdict != "unverified" else "—"
        cells = [Text(row.name), Text(row.class_name)]
        cells += [Text(row.how)] if wide else []
        cells += [Text(verdict, style=_STYLE[row.verdict]), Text(number(row.diff))]
        table.add_row(*cells)
    return table


def _beside(report: Report) -> list[str]:
    found = report.parameters
    lines = []
    if found.get("torch_trainable") is not None:
        lines.append(
            f"trainable parameters: {report.judge} {found['keras_trainable']:,}, "
            f"PyTorch {found['torch_trainable']:,}"
        )
    slopes = report.gradients
    if slopes.compared:
        lines.append(
            f"gradients of {slopes.compared} weights: {slopes.verdict}, largest "
            f"difference {number(slopes.max_rel_diff)}"
        )
    if report.policy is not None:
        lines.append(report.policy.sentence())
    if report.notes:
        lines.append(f"in training {len(report.notes)} notes apply: see report.md")
    return lines + report.remarks
