"""The coverage table, made from the registry so that it cannot lie."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from keras2torch.layers import REGISTRY
from keras2torch.layers.base import Layer

_NOT_LISTED = frozenset({"Functional", "Sequential"})


@dataclass(frozen=True)
class Row:
    """One layer: its Keras class, its family, and what it is in PyTorch."""

    name: str
    family: str
    becomes: str


def rows() -> list[Row]:
    """Return a row per registered layer, by family and name."""
    found = []
    for name, cls in REGISTRY.items():
        if name in _NOT_LISTED:
            continue
        family = cls.__module__.rpartition(".")[2].replace("_", " ")
        found.append(Row(name, family, _becomes(cls)))
    return sorted(found, key=lambda r: (r.family, r.name))


def _becomes(cls: type[Layer]) -> str:
    """Return the first sentence about the PyTorch side."""
    for method in ("module", "forward"):
        function = getattr(cls, method)
        if function is not getattr(Layer, method):
            text = inspect.getdoc(function) or ""
            first = " ".join(text.split("\n\n")[0].split())
            return first.replace("``", "`")
    return ""


def table() -> str:
    """Return the table as it stands in the README."""
    lines = ["| Keras layer | family | in PyTorch |", "|---|---|---|"]
    lines += [f"| `{r.name}` | {r.family} | {r.becomes} |" for r in rows()]
    return "\n".join(lines)


def show(*, markdown: bool = False) -> None:
    """Print the table."""
    if markdown:
        print(table())
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{len(rows())} Keras layers", title_justify="left")
    for head in ("Keras layer", "family", "in PyTorch"):
        shown.add_column(head)
    for r in rows():
        shown.add_row(r.name, r.family, r.becomes.replace("`", ""))
    Console().print(shown)
