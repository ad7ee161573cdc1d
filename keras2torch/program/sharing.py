"""One class for bodies that are the same but for numbers in their constructors.

A user's ``Block(64)`` and ``Block(128, strides=2)`` arrive as two graphs; here they
become ``class Block`` with arguments again. Bodies that differ in anything else stay
classes of their own.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from keras2torch.program.arguments import Meanings
from keras2torch.program.chains import CHAIN
from keras2torch.program.classtext import Capture, ClassText, shortened
from keras2torch.program.columns import Column, columns
from keras2torch.program.comprehensions import comprehended
from keras2torch.program.constructors import (
    NumberReader,
    read_init,
    with_arguments,
)
from keras2torch.program.derived import derived, inserted, own_pads, put_derived
from keras2torch.program.docstrings import common
from keras2torch.program.flags import Optional, flags_of, options_of, put_flags
from keras2torch.program.names import Names, class_name
from keras2torch.program.numbers import (
    OTHER,
    Key,
    read_forward,
    with_attributes,
)
from keras2torch.program.schedules import scheduled

_TOKEN = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|self\.\w+|[A-Za-z_]\w*|\S"""
)
_TOKEN_OR_SPACE = re.compile(rf"{_TOKEN.pattern}|\s+")
_NAME_OR_CALL = re.compile(r"\b([A-Za-z]\w*)\b(\(\))?")
# A person passes these by position.
_LEADING = re.compile(
    r"(in|out|hidden)_(channels|features)|num_embeddings|embedding_dim|.*size"
)


@dataclass
class _Member:
    """A body: what of it is its own, and the rest by which it is found again."""

    text: ClassText
    key: tuple[object, ...]
    names: list[str]
    literals: dict[Key, str]
    meanings: dict[Key, str]
    # Statements of __init__ that others lack, or this one.
    options: dict[int, Optional] = field(default_factory=dict)


@dataclass
class _Group:
    members: list[_Member] = field(default_factory=list)


def share(
    texts: Sequence[ClassText],
    wishes: Mapping[str, Sequence[str]],
    names: Names,
) -> list[ClassText]:
    """Merge the classes of bodies, and give them their names.

    Parameters
    ----------
    texts
        Every class, the innermost first and the model's own last; those inside have
        names that only stand in for the right ones. They are changed in place.
    wishes
        Stand-in → names that would suit, the best first.
    names
        Of the file.

    Returns
    -------
    list[ClassText]
        The classes to write.
    """
    level: dict[int, int] = {}
    for text in texts:
        inside = [id(a.body) for a in text.attributes.values() if a.body is not None]
        level[id(text)] = 1 + max((level[n] for n in inside), default=0)
    for family in {t.family for t in texts if t.family}:
        # An optional part may hold classes: those who lack it wait for them.
        alike = [id(t) for t in texts if t.family == family]
        level.update(dict.fromkeys(alike, max(level[n] for n in alike)))
    stand_ins = {id(text): text.name for text in texts}
    meanings = Meanings()
    written: dict[int, ClassText] = {}
    for height in sorted(set(level.values())):
        groups: dict[tuple[object, ...], _Group] = {}
        for text in texts[:-1]:
            if level[id(text)] == height and text.name != CHAIN:
                member = _member(text, meanings)
                groups.setdefault(member.key, _Group()).members.append(member)
        made: dict[str, tuple[str, str]] = {}
        for group in _parted(groups.values()):
            own = [stand_ins[id(m.text)] for m in group.members]
            name = names.unique_class(_class_name([wishes[o] for o in own]))
            calls = _merged(group.members, name, meanings)
            made |= {o: (name, call) for o, call in zip(own, calls, strict=True)}
            first = group.members[0].text
            written[id(first)] = first
        for text in texts:
            _rename(text, made)
    classes = _inner_first([t for t in texts if id(t) in written or t is texts[-1]])
    parameters = {t.name: list(t.parameters) for t in classes}
    for text in classes:
        looped = [comprehended(line, parameters) for line in text.init]
        text.init = scheduled(looped, parameters)
    return classes


def _inner_first(classes: Sequence[ClassText]) -> list[ClassText]:
    """Put classes before those that hold them; the order of the file else."""
    named = {text.name: text for text in classes}
    found: dict[str, ClassText] = {}

    def add(text: ClassText) -> None:
        if text.name in found:
            return
        held = _NAME_OR_CALL.findall("\n".join(text.init))
        for name in dict.fromkeys(name for name, _ in held):
            if name in named and name != text.name:
                add(named[name])
        found[text.name] = text

    for text in classes:
        add(text)
    return list(found.values())


def _parted(groups: Iterable[_Group]) -> Iterator[_Group]:
    """Part groups whose members have different things in the same optional place."""
    for group in groups:
        order = {id(member): i for i, member in enumerate(group.members)}
        parts: list[tuple[_Group, set[tuple[str, ...]]]] = []
        for member in sorted(group.members, key=_lacks):
            options = [member.options[i] for i in sorted(member.options)]
            own = tuple(text for o in options for text in (o.skeleton, o.other))
            fitting = (p for p in parts if all(_fit(own, other) for other in p[1]))
            part = next(fitting, None)
            if part is None:
                parts.append(part := (_Group(), set()))
            part[0].members.append(member)
            part[1].add(own)
        for made, _ in parts:
            made.members.sort(key=lambda m: order[id(m)])
            yield made


def _lacks(member: _Member) -> int:
    return sum(not option.there for option in member.options.values())


def _fit(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    return all(x == y or not x or not y for x, y in zip(a, b, strict=True))


def _class_name(wishes: Sequence[Sequence[str]]) -> str:
    """Return a name that suits every instance: ``Tower`` for tower_a and tower_b."""
    for several in zip(*wishes, strict=True):
        words = [re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name) for name in several]
        shared = []
        for word, *others in zip(*words, strict=False):
            if any(o != word for o in others):
                break
            shared.append(word)
        while len(set(several)) > 1 and shared and shared[-1].isdigit():
            shared.pop()
        text = several[0] if len(set(several)) == 1 else "_".join(shared)
        name = class_name(text) if text else "Model"
        if name != "Model":
            return name
    return "Block"


# ------------------------------------------------------------------ what is the same
def _member(text: ClassText, meanings: Meanings) -> _Member:
    if text.given:
        # Modules that come from outside: nobody else has these.
        return _Member(text, ("given", id(text)), [], {}, {})
    text.init = [shortened(line, 1) for line in text.init]
    names = _own_names(text)
    known = {} if text.pinned else {n: _stem(n) for n in names}
    numbered: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for name, stem in known.items():
        numbered[name] = f"{stem}#{seen[stem]}"
        seen[stem] += 1
    factors = re.findall(r"@ self\.(\w+)", "\n".join(text.forward))
    options = options_of(text)
    skeletons, literals, told = read_init(text.init, meanings, factors, options)
    init = [_canonical(line, numbered) for line in skeletons]
    for i, option in options.items():
        # Who lacks a part fits to those who have it.
        option.skeleton = init[i] if option.there else ""
        option.other = init[i] if option.differs else ""
        init[i] = f"option {i}"
    lines = [text.forward, text.penalties, [f"self.{f}" for f in text.frozen]]
    steps, inner, said = read_forward(text.forward)
    literals |= inner
    told |= said
    lines[0] = steps
    rest = [tuple(_canonical(line, numbered) for line in part) for part in lines]
    key = (
        tuple(init),
        *rest,
        tuple(numbered.get(a, a) for a in text.arguments),
        text.returns,
        tuple(text.strings.items()),
        tuple(text.returned_strings.items()),
        tuple(sorted(text.helpers)) if not text.family else (),
        tuple(sorted(text.pieces.items())),
        (text.family, tuple(text.flags)),
    )
    return _Member(text, key, names, literals, told, options)


def _own_names(text: ClassText) -> list[str]:
    """Return attributes and variables, in the order in which they first appear."""
    attributes = {a.name.partition(".")[0] for a in text.attributes.values()}
    attributes |= {h.name for h in text.held}
    variables = set(text.arguments)
    for node in ast.walk(ast.parse("\n".join(text.forward))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            variables.add(node.id)
    found: dict[str, None] = {}
    for line in [*text.init, *text.arguments, *text.forward]:
        for token in _TOKEN.findall(line):
            if token.startswith("self.") and token[5:] in attributes:
                found[token[5:]] = None
            elif token in variables:
                found[token] = None
    for held in text.held:
        found[held.name] = None
    return list(found)


def _stem(name: str) -> str:
    return re.sub(r"(_?\d+)+$", "", name) or name


def _canonical(line: str, names: Mapping[str, str]) -> str:
    return " ".join(_renamed(token, names) for token in _TOKEN.findall(line))


def _renamed(token: str, names: Mapping[str, str]) -> str:
    if token.startswith("self."):
        return f"self.{names.get(token[5:], token[5:])}"
    return names.get(token, token)


# ------------------------------------------------------------------------ one class
def _merged(members: list[_Member], name: str, meanings: Meanings) -> list[str]:
    """Make the first member the class of all; return the call that makes each."""
    first = members[0].text
    taken = Names({"self", "torch", "nn", "F", "math"})
    flags = flags_of([m.text for m in members], taken)
    told = {k: meaning for m in reversed(members) for k, meaning in m.meanings.items()}
    attributes = [line.partition(" = ")[0].removeprefix("self.") for line in first.init]
    literals = [m.literals for m in members]
    found = columns(literals, told, attributes, taken, meanings.usual())
    told_by = _name_flags(found, flags, members)
    # Before the first member is given what it lacks.
    others = _others(members)
    first.init = _with_options(members)
    alone = {i for i, option in members[0].options.items() if option.differs}
    alone -= others.keys()
    for member in members[1:]:
        _adopt(member, members[0].names)
    arguments = {key: column.name for column in found for key in column.keys}
    if arguments:
        first.init = [
            with_arguments(i, line, arguments, OTHER if i in alone else 0)
            for i, line in enumerate(first.init)
        ]
        others = {
            i: with_arguments(i, line, arguments, OTHER) for i, line in others.items()
        }
        for i, member in enumerate(members):
            given = {column.name: column.of(i) for column in found}
            own = {n: o for n, o in others.items() if member.options[n].differs}
            missing = {n for n, o in member.options.items() if not o.there}
            lacking = {n for n in missing if not member.options[n].either}
            made = {k: v for k, v in member.literals.items() if k[0] >= 0}
            again: dict[Key, str] = {}
            for n, line in enumerate(first.init):
                if n not in lacking:
                    option = member.options.get(n)
                    calls = OTHER if option is not None and option.differs else 0
                    reader = NumberReader(n, meanings, factor=False, calls=calls)
                    reader.visit(inserted(ast.parse(own.get(n, line)), given))
                    again |= reader.literals
            assert again == made, member.text.path
    sizes = {tuple(c.told()): c.name for c in found if None not in c.values}
    follows = derived(
        found, told, own_pads(first.init, members[0].options, found, flags)
    )
    sizes = {size: follows.get(name, name) for size, name in sizes.items()}
    first.init, computed = put_derived(first.init, follows)
    found = [column for column in found if column.name not in follows]
    first.parameters = {column.name: column.annotation() for column in found}
    put_flags(first, flags, members[0].options, told_by, others)
    if arguments:
        kept = {key: name for key, name in arguments.items() if key[0] < 0}
        first.forward = with_attributes(first.forward, kept)
        first.init[:0] = [f"self.{n} = {n}" for n in dict.fromkeys(kept.values())]
    first.init[:0] = computed
    first.docstring = common([m.text.docstring for m in members], sizes)
    meanings.add(name, first.parameters)
    return [_call(name, found, flags, i) for i in range(len(members))]


def _name_flags(
    found: Sequence[Column], flags: dict[str, list[bool]], members: list[_Member]
) -> dict[str, str]:
    """Have the number that only an optional part needs say that it is there.

    Returns flag → argument.
    """
    told_by: dict[str, str] = {}
    for flag in list(flags):
        options = members[0].options.items()
        lines = {i for i, o in options if o.flag == flag and not o.either}
        own = [c for c in found if c.lacks() == [not there for there in flags[flag]]]
        inside = len(own) == 1 and all(key[0] in lines for key in own[0].keys)
        inside = inside and None not in own[0].numbers().values()
        inside = inside and bool(own[0].numbers())
        if inside:
            if flag not in members[0].text.flags:
                own[0].name = flag
            own[0].default = "None"
            told_by[flag] = own[0].name
            del flags[flag]
    return told_by


def _with_options(members: list[_Member]) -> list[str]:
    """Return ``__init__`` with all parts, those that the first member lacks too."""
    lines = list(members[0].text.init)
    for i, option in members[0].options.items():
        if option.there:
            continue
        has = next((m for m in members if m.options[i].there), None)
        if has is not None:
            new = dict(zip(has.names, members[0].names, strict=True))
            line = has.text.init[i]
            lines[i] = _named_anew(line, new)
            members[0].text.absorb(has.text)
    return lines


def _others(members: list[_Member]) -> dict[int, str]:
    """Return what stands in ``__init__`` in the place of what some members have."""
    found: dict[int, str] = {}
    for i, option in members[0].options.items():
        lacking = [m for m in members if m.options[i].differs]
        if option.either and 0 < len(lacking) < len(members):
            new = dict(zip(lacking[0].names, members[0].names, strict=True))
            found[i] = _named_anew(lacking[0].text.init[i], new)
            members[0].text.absorb(lacking[0].text)
    return found


def _named_anew(line: str, names: Mapping[str, str]) -> str:
    return _TOKEN_OR_SPACE.sub(lambda m: _renamed(m[0], names), line)


def _call(
    name: str, found: Sequence[Column], flags: Mapping[str, Sequence[bool]], i: int
) -> str:
    parts, leading = [], True
    for column in found:
        value = column.values[i]
        if column.default is not None and value in (None, column.default):
            continue
        leading = leading and bool(_LEADING.fullmatch(column.name))
        leading = leading and column.default is None
        parts.append(f"{value}" if leading else f"{column.name}={value}")
    parts += [f"{flag}=True" for flag, there in flags.items() if there[i]]
    return f"{name}({', '.join(parts)})"


def _adopt(member: _Member, names: Sequence[str]) -> None:
    """Give an instance the names of the class that it now is."""
    text = member.text
    new = dict(zip(member.names, names, strict=True))
    for attribute in text.attributes.values():
        head, dot, rest = attribute.name.partition(".")
        attribute.name = f"{new.get(head, head)}{dot}{rest}"
    for held in text.held:
        held.name = new.get(held.name, held.name)
    text.captures = [_with_names(c, new) for c in text.captures]


def _with_names(capture: Capture, new: Mapping[str, str]) -> Capture:
    found = []
    for variable in capture.variables:
        found.append(
            _TOKEN.sub(lambda m: _renamed(m[0], new), variable) if variable else ""
        )
    return replace(capture, variables=tuple(found))


def _rename(text: ClassText, made: Mapping[str, tuple[str, str]]) -> None:
    """Write the classes that stand-ins turned out to be: their names and calls."""
    if text.name in made:
        text.name, _ = made[text.name]

    def one(found: re.Match[str]) -> str:
        if found[1] not in made:
            return found[0]
        name, call = made[found[1]]
        return call if found[2] else name

    text.init = [_NAME_OR_CALL.sub(one, line) for line in text.init]
    for attribute in text.attributes.values():
        attribute.text = _NAME_OR_CALL.sub(one, attribute.text)
