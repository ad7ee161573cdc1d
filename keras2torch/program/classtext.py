"""What is known of a class of the generated file, and its text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from keras2torch.layers.definitions import Source, Tensor
from keras2torch.layout import Held
from keras2torch.program.docstrings import Docstring
from keras2torch.program.held import HeldText, access


@dataclass(frozen=True)
class Capture:
    """Where a layer's output is to be seen while the program runs.

    Attributes
    ----------
    statement
        Index of the statement of ``forward``, those inside a loop counted as they
        stand there.
    variables
        One per output; ``"_"`` where nobody reads it; a single ``""`` stands for what
        ``forward`` returns. Of a result without a name its expression.
    path, tensors
        The Keras layer, and its outputs with their layouts.
    turn
        How often the statement ran before, in a loop.
    before
        Whether to look before the statement, which computes it as a part, or after.
    """

    statement: int
    variables: tuple[str, ...]
    path: str
    tensors: tuple[Tensor, ...]
    turn: int = 0
    before: bool = False


@dataclass
class Attribute:
    """A layer as an attribute of the class."""

    name: str
    path: str
    text: str
    weights: dict[str, Source]
    trainable: bool
    notes: tuple[str, ...] = ()
    body: ClassText | None = None
    given: bool = False


@dataclass
class ClassText:
    """A class of the generated file.

    Attributes
    ----------
    given
        Arguments of the constructor: modules that are not written here → their paths.
    held
        Parameters and buffers of the class itself.
    pieces, imports, files
        What its modules need: see :class:`Module`.
    parameters
        Arguments of the constructor: numbers that differ between instances → types.
    strings, returned_strings
        Arguments, and places among what returns, that are strings → their types.
    pinned
        Its names are used from outside.
    family
        Not 0: classes with the same number differ in flags at most.
    options
        Attributes that other instances lack, or this one → flag, and whether it is
        there.
    either
        Those of them in whose place others have something else.
    flags
        What ``forward`` asks → how it is here.
    """

    name: str
    path: str
    docstring: Docstring
    init: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    returns: int = 1
    penalties: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)
    held: list[HeldText] = field(default_factory=list)
    pieces: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    strings: dict[str, str] = field(default_factory=dict)
    returned_strings: dict[int, str] = field(default_factory=dict)
    pinned: bool = False
    family: int = 0
    options: dict[str, tuple[str, bool]] = field(default_factory=dict)
    either: set[str] = field(default_factory=set)
    flags: dict[str, bool] = field(default_factory=dict)

    def absorb(self, other: ClassText) -> None:
        """Need what another needs, whose text becomes part of this one."""
        self.helpers |= other.helpers
        self.pieces |= other.pieces
        self.imports |= other.imports
        self.files |= other.files

    def looks_at_outputs(self) -> bool:
        """Whether something is added to the loss for what layers put out."""
        own = any(term.endswith(".penalty") for term in self.penalties)
        inner = [a.body for a in self.attributes.values() if a.body is not None]
        return own or any(body.looks_at_outputs() for body in inner)

    def source(self) -> str:
        """Return the text of the class, not yet formatted."""
        lines = [f"class {self.name}(nn.Module):"]
        lines += [f"    {line}".rstrip() for line in self.docstring.lines()]
        given = "".join(f", {g}: nn.Module" for g in self.given)
        given += "".join(f", {p}: {kind}" for p, kind in self.parameters.items())
        lines += ["", f"    def __init__(self{given}) -> None:"]
        lines += ["        super().__init__()"]
        lines += [f"        {_plain(shortened(line))}" for line in self.init]
        arguments = ", ".join(
            f"{a}: {self.strings.get(a, 'torch.Tensor')}" for a in self.arguments
        )
        kinds = [
            self.returned_strings.get(i, "torch.Tensor") for i in range(self.returns)
        ]
        returned = kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"
        lines += ["", f"    def forward(self, {arguments}) -> {returned}:"]
        lines += [f"        {line}" for line in self.forward]
        if self.penalties:
            what = " for the weights"
            if self.looks_at_outputs():
                what += " and the last outputs"
            lines += [
                "",
                "    def regularization(self) -> torch.Tensor:",
                f'        """What Keras adds to the loss{what}."""',
                f"        return {' + '.join(self.penalties)}",
            ]
        if self.frozen:
            name = self.name
            lines += [
                "",
                f'    def train(self, mode: bool = True) -> "{name}":',
                '        """Frozen layers stay in inference mode, as in Keras."""',
                "        super().train(mode)",
                *[f"        {access('self', f)}.eval()" for f in self.frozen],
                "        return self",
            ]
        return "\n".join(lines)


def nested_strings(tensor: Tensor) -> str:
    """Return the type of nested lists of strings, as many deep as there are axes.

    Examples
    --------
    >>> nested_strings(Tensor((None, 1), "string"))
    'list[list[str]]'
    """
    return "list[" * tensor.rank + "str" + "]" * tensor.rank


def located(text: ClassText, held: Held) -> str | None:
    """Return the name of a value within a class: ``token.weight``."""
    for own in text.held:
        if own.value is held.value:
            return own.name
    for attribute in text.attributes.values():
        if found := within(attribute, held):
            return found
    return None


def within(attribute: Attribute, held: Held) -> str | None:
    """Return the name of a value that belongs to an attribute: ``token.weight``."""
    if attribute.path == held.layer:
        source = attribute.weights.get(held.member)
        order = source.order(held.tensor.rank) if source is not None else None
        return (
            f"{attribute.name}.{held.member}"
            if order == (held.tensor.layout.axes)
            else None
        )
    if attribute.body is None:
        return None
    inner = located(attribute.body, held)
    return f"{attribute.name}.{body_prefix(attribute)}{inner}" if inner else None


def pin(text: ClassText) -> None:
    """Say that the names in a class, and in those inside, are used from outside."""
    text.pinned = True
    for attribute in text.attributes.values():
        if attribute.body is not None:
            pin(attribute.body)


def body_prefix(attribute: Attribute) -> str:
    """Return where a wrapper keeps the model inside, if it is not the model itself."""
    assert attribute.body is not None
    return "" if attribute.text.startswith(f"{attribute.body.name}(") else "module."


def statements(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements of a method as captures count them, no docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return list(_flat(function.body[1:] if documented else function.body))


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.For):
            yield from _flat(statement.body)


def shortened(line: str, least: int = 2) -> str:
    """Write a list of equal modules as a person does: ``[Block() for _ in range(4)]``.

    Examples
    --------
    >>> shortened("self.a = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.ReLU()])")
    'self.a = nn.ModuleList([nn.ReLU() for _ in range(3)])'
    """
    if " = nn.ModuleList([" not in line:
        return line
    [statement] = ast.parse(line).body
    assert isinstance(statement, ast.Assign)
    call = statement.value
    if not isinstance(call, ast.Call) or not isinstance(call.args[0], ast.List):
        return line
    entries = [ast.get_source_segment(line, e) or "" for e in call.args[0].elts]
    if len(entries) < least or len(set(entries)) > 1:
        return line
    head = line.partition("[")[0]
    return f"{head}[{entries[0]} for _ in range({len(entries)})])"


def _plain(line: str) -> str:
    """Undo that for a list of one."""
    return re.sub(r"(nn\.ModuleList\(\[.*) for _ in range\(1\)\]\)$", r"\1])", line)
