"""A stack without names of its own is ``nn.Sequential(…)`` and no class."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from keras2torch.layers.base import Layer
from keras2torch.layers.definitions import Functional
from keras2torch.layers.loops import own_class
from keras2torch.layout import GraphPlan, LayerStep
from keras2torch.operators import Operator
from keras2torch.program.classtext import Capture, ClassText

CHAIN = "nn.Sequential"
# Functions of one tensor → their modules, which take the other arguments as they are.
_MODULES = {
    "F.relu": "nn.ReLU",
    "F.relu6": "nn.ReLU6",
    "F.elu": "nn.ELU",
    "F.selu": "nn.SELU",
    "F.celu": "nn.CELU",
    "F.gelu": "nn.GELU",
    "F.silu": "nn.SiLU",
    "F.mish": "nn.Mish",
    "F.leaky_relu": "nn.LeakyReLU",
    "F.softplus": "nn.Softplus",
    "F.softsign": "nn.Softsign",
    "F.hardsigmoid": "nn.Hardsigmoid",
    "F.hardswish": "nn.Hardswish",
    "F.softmax": "nn.Softmax",
    "F.log_softmax": "nn.LogSoftmax",
    "F.logsigmoid": "nn.LogSigmoid",
    "torch.softmax": "nn.Softmax",
    "torch.sigmoid": "nn.Sigmoid",
    "torch.tanh": "nn.Tanh",
    "F.tanhshrink": "nn.Tanhshrink",
    "F.hardtanh": "nn.Hardtanh",
}
# Modules that stand for each other between layers: which, an argument can tell.
_NAMES = "ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Hardswish Tanh"
ACTIVATIONS = frozenset(f"nn.{name}" for name in _NAMES.split())
# Keras' names of stacks that nobody named.
_STACKS = ("sequential", "functional", "model")


def is_nameless(plan: GraphPlan) -> bool:
    """Whether Keras numbered all the layers of a model, since nobody named them."""
    return all(
        _is_numbered(step.node.layer)
        for step in plan.steps
        if isinstance(step, LayerStep)
    )


def _is_numbered(layer: Layer) -> bool:
    plain = re.sub(r"(_\d+)?$", "", layer.name).replace("_", "").lower()
    kind = own_class(layer) or type(layer).__name__
    stack = isinstance(layer, Functional) and plain in _STACKS
    return isinstance(layer, Operator) or stack or plain == kind.lower()


@dataclass(frozen=True)
class _Stage:
    """An entry of the chain: an attribute of the class, or a module's text."""

    attribute: str = ""
    text: str = ""


def chained(text: ClassText) -> bool:
    """Turn a class into an ``nn.Sequential``, if it is one after the other.

    Its ``init`` then holds the constructor calls of the entries, its ``forward``
    nothing, and its captures the entries whose results they are.
    """
    made = [f"self.{a.name} = {a.text}" for a in text.attributes.values()]
    other = (text.held, text.penalties, text.frozen, text.given, text.notes)
    if any(other) or sorted(made) != sorted(text.init) or len(text.arguments) != 1:
        return False
    stages: list[_Stage] = []
    ends: dict[int, int] = {}
    before = text.arguments[0]
    for i, line in enumerate(text.forward):
        last = i == len(text.forward) - 1
        found = _statement(line, before, last=last)
        if not found:
            return False
        before, own = found
        stages += own
        ends[i] = len(stages) - 1
    names = [s.attribute for s in stages if s.attribute]
    if sorted(names) != sorted(a.name for a in text.attributes.values()):
        return False
    captures = [_moved(capture, ends) for capture in text.captures]
    if None in captures or not stages:
        return False
    text.captures = [c for c in captures if c is not None]
    by_name = {a.name: a for a in text.attributes.values()}
    text.init = []
    for i, stage in enumerate(stages):
        if stage.attribute:
            attribute = by_name[stage.attribute]
            attribute.name = str(i)
            text.init.append(attribute.text)
        else:
            text.init.append(stage.text)
    text.forward, text.name = [], CHAIN
    return True


def _moved(capture: Capture, ends: dict[int, int]) -> Capture | None:
    """Return where a result is to be seen: behind an entry."""
    alone = len(capture.variables) == 1 and capture.variables != ("_",)
    if capture.before or capture.turn or not alone:
        return None
    return replace(capture, statement=ends[capture.statement], variables=("",))


def _statement(
    line: str, before: str, *, last: bool
) -> tuple[str, list[_Stage]] | None:
    """Return what a statement binds and its stages, if it reads ``before`` alone."""
    [node] = ast.parse(line).body
    if last and isinstance(node, ast.Return) and node.value is not None:
        name, value = "", node.value
    elif not last and isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if not isinstance(target, ast.Name):
            return None
        name, value = target.id, node.value
    else:
        return None
    stages = list(_stages(value, before))
    if not stages or any(s is None for s in stages):
        return None
    return name, [s for s in stages if s is not None]


def _stages(node: ast.expr, before: str) -> Iterator[_Stage | None]:
    """Give the stages of nested calls, the innermost first; ``None`` for another."""
    if isinstance(node, ast.Name) and node.id == before:
        return
    if not isinstance(node, ast.Call):
        yield None
        return
    function = ast.unparse(node.func)
    if not node.args:
        yield None
        return
    yield from _stages(node.args[0], before)
    rest = [ast.unparse(a) for a in node.args[1:]]
    rest += [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords]
    told = all(_is_told(a) for a in [*node.args[1:], *[k.value for k in node.keywords]])
    if re.fullmatch(r"self\.\w+", function) and not rest:
        yield _Stage(attribute=function.removeprefix("self."))
    elif function in _MODULES and told and all(k.arg for k in node.keywords):
        yield _Stage(text=f"{_MODULES[function]}({', '.join(rest)})")
    elif function == "torch.flatten" and rest == ["1"]:
        yield _Stage(text="nn.Flatten()")
    elif function == "F.pad" and told:
        yield _padding(node)
    else:
        yield None


def _is_told(node: ast.expr) -> bool:
    """Whether an argument is a literal, infinity included."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "float"
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _padding(node: ast.Call) -> _Stage | None:
    """Return the module of ``F.pad(x, (0, 1, 0, 1), value=…)``."""
    told = {k.arg: ast.unparse(k.value) for k in node.keywords}
    if len(node.args) != 2 or told.keys() - {"value"}:
        return None
    sizes = ast.literal_eval(node.args[1])
    if len(sizes) not in (2, 4, 6):
        return None
    kind = "ConstantPad" if told else "ZeroPad"
    rest = "".join(f", {v}" for v in told.values())
    return _Stage(text=f"nn.{kind}{len(sizes) // 2}d({sizes}{rest})")


def module_text(function: str, argument: str) -> str:
    """Return the module that does what a function of one tensor does, if torch has it.

    Examples
    --------
    >>> module_text("F.pad(x, (0, 1, 0, 1))", "x")
    'nn.ZeroPad2d((0, 1, 0, 1))'
    """
    found = _statement(f"return {function}", argument, last=True)
    return found[1][0].text if found and len(found[1]) == 1 else ""


def constructor(text: ClassText) -> str:
    """Return the call that makes a chain."""
    return f"{CHAIN}({', '.join(text.init)})"
