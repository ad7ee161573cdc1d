"""What the guide says, in a terminal: under each line of a script what is new."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from keras2torch.guide import advice
from keras2torch.guide.report import Idiom, Report
from keras2torch.recipes.catalogue import Recipe

_INDENT = 7
_NARROWEST = 60
# More lines than these are counted, not listed.
_PLACES = 6


def show(report: Report, console: Console | None = None) -> None:
    """Print the idioms in the order of the script, each once, and the sum of them."""
    console = console or Console(highlight=False)
    head = Text(f"{report.path}: {report.sentence()}", style="bold")
    console.print(head, soft_wrap=not console.is_terminal)
    line = 0
    for places in report.first.values():
        first = places[0]
        if first.found.line != line:
            line = first.found.line
            _source_line(console, report, first)
        _idiom(console, places)
    console.print()
    for text in _sum(report):
        console.print(text, soft_wrap=not console.is_terminal)


def told(word: str) -> RenderableType:
    """Return what is known of a Keras name that no recipe lists."""
    known = advice.named(word)
    if not known:
        return Text(f"no recipe speaks of {word!r}; `keras2torch recipes` lists all.")
    lines = []
    for name, equal, recipes in known:
        text = Text(name, style="cyan")
        if equal.torch:
            text.append(" → ").append(equal.torch, style="green")
        if equal.note:
            text.append(f"  {equal.note}")
        if recipes:
            names = ", ".join(recipe.name for recipe in recipes[: advice.CLOSE])
            text.append(f"  recipe {names}", style="magenta")
        lines.append(text)
    return Group(*lines)


def _source_line(console: Console, report: Report, idiom: Idiom) -> None:
    lines = report.source.lines
    number = min(idiom.found.line, len(lines))
    text = Text(f"{idiom.label:>5}  ", style="dim")
    text.append(lines[number - 1].strip(), style="not dim bold")
    text.truncate(max(console.width, _NARROWEST), overflow="ellipsis")
    console.print()
    console.print(text, no_wrap=True, soft_wrap=not console.is_terminal)


def _idiom(console: Console, places: list[Idiom]) -> None:
    first = places[0]
    if first.found.kind in ("import", "package"):
        name = f"{first.name}: " if first.found.kind == "package" else ""
        text = Text(f"{name}{first.note}", style="dim")
    else:
        text = _said(first)
        more = [p.label for p in places[1:] if p.label != first.label]
        others = list(dict.fromkeys(more))
        if len(others) > _PLACES:
            text.append(f"  and {len(others)} more lines", style="dim")
        elif others:
            text.append(f"  also {', '.join(others)}", style="dim")
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, _INDENT)))
    else:
        console.print(Text(" " * _INDENT) + text, soft_wrap=True)


def _said(idiom: Idiom) -> Text:
    """Return what is said of an idiom: name, equal, note, shim, recipes."""
    text = Text(idiom.name, style="cyan")
    if idiom.found.kind == "string":
        text.append(f" ({idiom.found.written})", style="dim")
    if not idiom.found.sure:
        text.append(" (by its name)", style="dim")
    if idiom.torch:
        text.append(" → ")
        text.append(idiom.torch, style="green")
    elif not idiom.known:
        text.append(" unknown: neither recipe nor equal", style="bold red")
    if idiom.note:
        text.append(f"  {idiom.note}" if idiom.torch else f": {idiom.note}")
    if idiom.lack and idiom.known:
        text.append(f"  {idiom.lack}", style="yellow")
    if idiom.recipes:
        numbers = ", ".join(f"{r.number:02d}" for r in idiom.closest)
        text.append(f"  recipe {numbers}", style="magenta")
    return text


def _sum(report: Report) -> Iterator[Text]:
    if not report.names:
        return
    shimmed = _without(report.without_shim, report)
    if shimmed:
        yield _titled("Not in the shim", "yellow", shimmed)
    elif report.tensorflow:
        yield _titled(
            "The shim", "green", "carries every Keras name; the tf.* are left to torch"
        )
    else:
        yield _titled(
            "The shim", "green", "carries every name: import keras2torch as keras"
        )
    if report.refused:
        listed = [f"{name} (line {line})" for name, line in report.refused.items()]
        yield _titled("Arguments not in the shim", "yellow", ", ".join(listed))
    if report.tensorflow:
        count = len(report.tensorflow)
        names = ", ".join(report.tensorflow[:_PLACES])
        rest = f" and {count - _PLACES} more" if count > _PLACES else ""
        yield _titled("TensorFlow's own", "yellow", f"{names}{rest}")
    if report.without_equal:
        names = ", ".join(name for name, _ in report.without_equal)
        yield _titled("Without an equal, see the line", "", names)
    if report.unknown:
        yield _titled("Unknown", "bold red", _without(report.unknown, report))
    if report.recipes:
        yield Text("Read, in this order:", style="bold")
        for recipe in report.recipes:
            yield _recipe(recipe)
        example = report.recipes[0].name
        yield Text(f"keras2torch recipes show {example}", style="dim")


def _recipe(recipe: Recipe) -> Text:
    text = Text(f"  {recipe.number:02d}  ", style="magenta")
    text.append(recipe.name.partition("_")[2].ljust(26), style="not magenta cyan")
    text.append(recipe.title.replace("`", ""), style="not magenta")
    return text


def _without(names: list[str], report: Report) -> str:
    return ", ".join(f"{name} (line {report.names[name][0].label})" for name in names)


def _titled(title: str, style: str, text: str) -> Text:
    return Text.assemble((f"{title}: ", f"bold {style}".strip()), text)
