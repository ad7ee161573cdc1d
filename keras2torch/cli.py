"""The command line: each command is a few lines over the public functions."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class _Group(click.Group):
    """A group whose commands end bad input in one sentence and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a :class:`Keras2TorchError` becomes its sentence."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from keras2torch.errors import Keras2TorchError

            if not isinstance(error, Keras2TorchError):
                raise
            click.echo(f"keras2torch: {error}", err=True)
            ctx.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keras2torch")
def main() -> None:
    """Convert Keras models to PyTorch source, weights, and proof."""


def _source_options(command: F) -> F:
    command = click.option(
        "--weights",
        type=click.Path(path_type=Path),
        help="Weights, where SOURCE is an architecture (JSON or YAML).",
    )(command)
    return click.argument("source", type=click.Path(path_type=Path))(command)


def _trust_options(command: F) -> F:
    command = click.option(
        "--custom-objects",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Python file that defines the model's own Keras layers.",
    )(command)
    return click.option(
        "--trust", is_flag=True, help="Run code that the file carries."
    )(command)


def _plugin_option(command: F) -> F:
    return click.option(
        "--plugin",
        "plugins",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        multiple=True,
        help="Python file with PyTorch replacements for custom layers; repeatable.",
    )(command)


@main.command()
@_source_options
@_plugin_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder to write; SOURCE's name and _torch if not given.",
)
@click.option(
    "--layout",
    type=click.Choice(["torch", "keras"]),
    default="torch",
    show_default=True,
    help="Order of image axes at the model's boundary.",
)
@click.option(
    "--flat",
    is_flag=True,
    help="One line a layer: what the model repeats is not made a class.",
)
@click.option(
    "--faithful",
    is_flag=True,
    help="Train with Keras' numbers, also where torch's own module has others.",
)
@click.option("--name", help="Class name of the model.")
@click.option("--no-verify", is_flag=True, help="Do not compare with Keras.")
@click.option(
    "--require-verified",
    is_flag=True,
    help="Fail unless the verdict is exact or close.",
)
@_trust_options
@click.option(
    "--keras-python", metavar="EXE", help="Python of an environment with Keras."
)
@click.option("--keep-onnx", is_flag=True, help="Also write the graph: model.onnx.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def convert(
    source: Path,
    weights: Path | None,
    output: Path | None,
    layout: Any,
    flat: bool,
    faithful: bool,
    name: str | None,
    no_verify: bool,
    require_verified: bool,
    trust: bool,
    custom_objects: Path | None,
    keras_python: str | None,
    keep_onnx: bool,
    plugins: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Convert SOURCE to a folder with model.py, its weights and a report."""
    if no_verify and require_verified:
        raise click.UsageError("--no-verify and --require-verified exclude each other.")
    from keras2torch.deferred import defer

    defer()
    # Nearly all that is made lives to the end: looking through it again and again
    # for what does not took a tenth of the time.
    gc.set_threshold(100_000)
    from keras2torch.conversion import convert as run

    output = output or Path(f"{source.stem or source.name}_torch")
    with _progress() as progress:
        made = run(
            source if weights is None else (source, weights),
            output,
            layout=layout,
            flat=flat,
            faithful=faithful,
            verify="never" if no_verify else "auto",
            trust=trust,
            custom_objects=custom_objects,
            name=name,
            keras_python=keras_python,
            keep_onnx=keep_onnx,
            plugins=plugins,
            progress=progress,
        )
    _show(made.report, as_json)
    if not as_json:
        click.echo(f"wrote {output}")
    # Python would look through it all once more before it ends.
    gc.freeze()
    sys.exit(made.report.exit_status(require_verified=require_verified))


@main.command()
@_source_options
@_plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(
    source: Path, weights: Path | None, plugins: tuple[Path, ...], as_json: bool
) -> None:
    """Show what is in SOURCE without converting it."""
    import json

    from keras2torch.plugins import using
    from keras2torch.reading.inspection import inspect as look

    with using(plugins):
        found = look(source, weights)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    title = f"{found.name}: {found.kind} of {len(found.layers)} layers, Keras"
    text = (
        f"{title} {found.keras_version}, {found.format}, {found.parameters:,} weights"
    )
    console.print(text, markup=False)
    for name, shape in found.inputs.items():
        console.print(f"input {name}: {shape}", markup=False)
    table = Table()
    for head in ("layer", "class", "arguments", "weights"):
        table.add_column(head)
    for layer in found.layers:
        config = ", ".join(f"{k}={v!r}" for k, v in layer.config.items())
        shapes = ", ".join(f"{k} {v}" for k, v in layer.weights.items())
        frozen = "" if layer.trainable else " (frozen)"
        cells = (layer.path, layer.kind + frozen, config, shapes)
        table.add_row(*[escape(c) for c in cells])
    console.print(table)
    for problem in found.problems:
        console.print(f"cannot be converted: {problem}", markup=False)
    for line in found.ways:
        click.echo(line)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_source_options
@_trust_options
@_plugin_option
@click.option("--keras-python", metavar="EXE", help="Python with Keras.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(
    folder: Path,
    source: Path,
    weights: Path | None,
    trust: bool,
    custom_objects: Path | None,
    plugins: tuple[Path, ...],
    keras_python: str | None,
    as_json: bool,
) -> None:
    """Compare the model in FOLDER with the Keras file SOURCE once more."""
    from keras2torch.conversion import verify_folder
    from keras2torch.plugins import using

    with using(plugins), _progress() as progress:
        report = verify_folder(
            folder,
            source,
            weights,
            trust=trust,
            custom_objects=custom_objects,
            keras_python=keras_python,
            progress=progress,
        )
    _show(report, as_json)
    sys.exit(report.exit_status(require_verified=True))


@main.command()
@click.option("--markdown", is_flag=True, help="Print the table of the README.")
def layers(markdown: bool) -> None:
    """List the Keras layers that have a rule."""
    from keras2torch.coverage import show

    show(markdown=markdown)


class _Recipes(_Group):
    """`recipes EarlyStopping` is short for `recipes list EarlyStopping`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the command before what is none."""
        first = args[0] if args else ""
        if first not in self.commands and first not in ctx.help_option_names:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@main.group(cls=_Recipes)
def recipes() -> None:
    """List, search and show the recipes: Keras idioms beside their PyTorch form.

    `recipes` lists all, `recipes EarlyStopping` those for a Keras name.
    """


@recipes.command("list")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_recipes(words: tuple[str, ...], as_json: bool) -> None:
    """List the recipes for a Keras name or for WORDS; all, without any."""
    import json

    from keras2torch.recipes.catalogue import catalogue, search

    wanted = " ".join(words)
    found = search(wanted) if wanted else list(catalogue())
    if as_json:
        click.echo(json.dumps([recipe.to_dict() for recipe in found], indent=2))
        return
    from rich.console import Console

    console = Console(highlight=False)
    if found:
        from keras2torch.recipes.terminal import listed

        console.print(listed(found))
    else:
        from keras2torch.guide.terminal import told

        console.print(told(wanted))


@recipes.command("show")
@click.argument("name")
@click.option("--code", is_flag=True, help="The two sides without the text.")
def show_recipe(name: str, code: bool) -> None:
    """Show the recipe NAME (or its number), Keras and PyTorch side by side."""
    from rich.console import Console

    from keras2torch.recipes.catalogue import find
    from keras2torch.recipes.terminal import Shown

    Console(highlight=False).print(Shown(find(name), code_only=code))


@recipes.command("site")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("recipes.html"),
    show_default=True,
    help="File to write.",
)
def write_site(output: Path) -> None:
    """Write all recipes as one page that needs no network."""
    from keras2torch.recipes.page import write

    write(output)
    click.echo(f"wrote {output}")


@main.command()
@click.argument(
    "scripts",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="SCRIPT...",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Page to write.")
def guide(scripts: tuple[Path, ...], as_json: bool, html: Path | None) -> None:
    """Read a Keras SCRIPT (.py, .ipynb) and say what becomes of each line.

    It is read, never run. Several scripts are taken one after the other.
    """
    import json

    from keras2torch.guide import guide as read

    reports = [read(script) for script in scripts]
    if html:
        from keras2torch.guide.page import write

        write(reports, html)
    if as_json:
        found = [report.to_dict() for report in reports]
        click.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2))
    elif html:
        for report in reports:
            click.echo(f"{report.path}: {report.sentence()}")
        click.echo(f"wrote {html}")
    else:
        from keras2torch.guide.terminal import show

        for report in reports:
            show(report)


def _show(report: Any, as_json: bool) -> None:
    if as_json:
        click.echo(report.to_json())
        return
    if not sys.stdout.isatty() and "FORCE_COLOR" not in os.environ:
        # As rich would print it; rich takes longer to import than to read most files.
        click.echo(report.sentence())
        return
    from keras2torch.verification.terminal import show

    show(report)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show the stage at work, where someone is looking."""
    if not sys.stderr.isatty():
        yield lambda stage: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        BarColumn(24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=len(_STAGES))

        def begin(stage: str) -> None:
            done = _STAGES.index(stage) if stage in _STAGES else None
            bar.update(task, description=stage, completed=done)

        yield begin


_STAGES = ("reading", "writing", "running Keras", "running PyTorch", "comparing")
