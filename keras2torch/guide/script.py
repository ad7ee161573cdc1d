"""The Keras idioms of a script, found by following its names through the syntax tree.

Nothing is run. Assignments are followed in the order of the text, functions after the
text around them; two rounds, so that the second knows what functions return.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from keras2torch.guide import arguments, equals
from keras2torch.guide.imports import shimmed
from keras2torch.guide.methods import UNMISTAKABLE, by_keywords
from keras2torch.guide.names import canonical, is_keras, is_shim
from keras2torch.guide.scopes import Scope
from keras2torch.guide.values import (
    ATTRIBUTES,
    Found,
    Function,
    LocalClass,
    Made,
    Many,
    Method,
    Path,
    Several,
    Value,
    kinds,
    made_by,
)

# A function is followed once for its text, not for each call: a round is linear.
_ROUNDS = 3
# Attributes whose assignment is an idiom of its own.
_SET = frozenset(
    "trainable learning_rate lr stop_training supports_masking stateful".split()
)
_KEEP_DATASET = "tf.data.Dataset"


def idioms(tree: ast.Module, lines: Sequence[str]) -> list[Found]:
    """Return the Keras idioms of a module in the order of the text."""
    reader = _Reader(lines)
    for _ in range(_ROUNDS):
        reader.round(tree)
    unique = dict.fromkeys(reader.found)
    return sorted(unique, key=lambda f: (f.line, f.column))


class _Reader:
    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.found: list[Found] = []
        self._functions: dict[ast.AST, Function] = {}
        self._classes: dict[ast.AST, LocalClass] = {}
        self._later: list[Callable[[], None]] = []
        self._returning: list[Function] = []
        self._uses_keras = False

    def round(self, tree: ast.Module) -> None:
        """Read the whole text once."""
        self.found, self._later = [], []
        scope = Scope()
        self._body(tree.body, scope)
        while self._later:
            self._later.pop(0)()

    # -- what is found
    def _add(self, node: ast.AST, name: str, written: str = "", **more: Any) -> None:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        # Of `a.b(...).c` over several lines it is the last name that counts.
        if isinstance(node, ast.Attribute) and node.end_lineno:
            line = node.end_lineno
        text = written or ast.unparse(node)
        self.found.append(Found(line, column, name, text, **more))

    # -- statements
    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self._statement(statement, scope)

    def _statement(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Import):
            self._import(node, scope)
        elif isinstance(node, ast.ImportFrom):
            self._import_from(node, scope)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, ast.Assign):
            value = self._value(node.value, scope)
            for target in node.targets:
                self._bind(target, value, scope)
        elif isinstance(node, ast.AnnAssign):
            self._value(node.annotation, scope)
            value = self._value(node.value, scope) if node.value else None
            self._bind(node.target, value, scope)
        elif isinstance(node, ast.AugAssign):
            self._value(node.value, scope)
            self._value(node.target, scope)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._bind(node.target, _element(self._value(node.iter, scope)), scope)
            self._body([*node.body, *node.orelse], scope)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                value = self._value(item.context_expr, scope)
                if item.optional_vars:
                    self._bind(item.optional_vars, value, scope)
            self._body(node.body, scope)
        elif isinstance(node, ast.Return):
            value = self._value(node.value, scope) if node.value else None
            if self._returning and value is not None:
                self._returning[-1].returns = value
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self._value(child, scope)
                else:
                    self._statement(child, scope)

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            if is_keras(alias.name):
                self._uses_keras = True
                path = alias.name if alias.asname else alias.name.partition(".")[0]
                scope.names[alias.asname or path] = Path(path)
                if not is_shim(alias.name):
                    text = shimmed([alias])
                    self._add(node, canonical(alias.name), text, kind="import")
            else:
                scope.names[alias.asname or alias.name.partition(".")[0]] = None
                self._package(node, alias.name)

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = node.module or ""
        ours = not node.level and is_keras(module)
        if not ours and not node.level:
            self._package(node, module)
        if ours:
            self._uses_keras = True
            if not is_shim(module):
                text = shimmed(node.names, module)
                self._add(node, canonical(module), text, kind="import")
        for alias in node.names:
            if not ours:
                scope.names[alias.asname or alias.name] = None
            elif alias.name == "*":
                scope.stars.append(module)
            else:
                path = Path(f"{module}.{alias.name}")
                scope.names[alias.asname or alias.name] = path
                if not is_shim(module):
                    name = canonical(path.path)
                    self._add(alias, name, alias.name, kind="imported")

    def _package(self, node: ast.AST, module: str) -> None:
        root = module.partition(".")[0]
        if equals.is_package(root):
            self._add(node, root, kind="package")

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope
    ) -> None:
        made = self._functions.setdefault(node, Function(node))
        for decorator in node.decorator_list:
            self._value(decorator, scope)
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in given:
            if argument.annotation:
                self._value(argument.annotation, scope)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default:
                self._value(default, scope)
        within = scope.of
        is_property = any(
            isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list
        )
        if within is None:
            scope.names[node.name] = made
        elif is_property and made.returns:
            within.attributes[node.name] = made.returns
        elif not is_property:
            within.attributes[node.name] = made
        inner = Scope(scope)
        for argument in _parameters(node.args):
            inner.names[argument.arg] = made.given.get(argument.arg)
        static = any(
            isinstance(d, ast.Name) and d.id in ("staticmethod", "classmethod")
            for d in node.decorator_list
        )
        if within and given and not static:
            inner.names[given[0].arg] = Made(within.kind or "object", within)
            inner.names["super()"] = Made(within.kind or "object", within.parent)

        def read() -> None:
            self._returning.append(made)
            self._body(node.body, inner)
            self._returning.pop()

        self._later.append(read)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        made = self._classes.setdefault(node, LocalClass(node.name, None))
        for decorator in node.decorator_list:
            self._value(decorator, scope)
        for base in node.bases:
            value = self._value(base, scope)
            if isinstance(value, Path):
                made.kind = made.kind or canonical(value.path)
            elif isinstance(value, LocalClass):
                made.parent = value
                made.kind = made.kind or value.kind
        inner = Scope(scope, made)
        for statement in node.body:
            if made.kind and isinstance(statement, ast.FunctionDef):
                self._override(statement, made.kind)
            self._statement(statement, inner)
        made.attributes.update({k: v for k, v in inner.names.items() if v})
        scope.names[node.name] = made

    def _override(self, node: ast.FunctionDef, kind: str) -> None:
        if name := equals.method_of(kinds(kind), node.name):
            self._add(node, name, f"def {node.name}", kind="override")

    # -- binding
    def _bind(self, target: ast.expr, value: Value | None, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items: Sequence[Value | None] = [None] * len(target.elts)
            if isinstance(value, Several) and len(value.items) == len(items):
                items = value.items
            elif isinstance(value, Many):
                items = [value.of] * len(items)
            elif value == Made(_KEEP_DATASET):
                # Of `subset="both"` and of split_dataset: never one dataset's elements.
                items = [value] * len(items)
            for one, item in zip(target.elts, items, strict=True):
                self._bind(one, item, scope)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None, scope)
        elif isinstance(target, ast.Attribute):
            owner = self._value(target.value, scope)
            if isinstance(owner, Made) and owner.of is not None:
                owner.of.attributes[target.attr] = value or owner.of.attributes.get(
                    target.attr
                )
            if target.attr in _SET:
                self._attribute_of(target, owner, called=False)
        else:
            self._value(target, scope)

    # -- expressions
    def _value(self, node: ast.expr | None, scope: Scope) -> Value | None:
        if node is None:
            return None
        read = getattr(self, f"_read_{type(node).__name__}", None)
        if read:
            value: Value | None = read(node, scope)
            return value
        self._children(node, scope)
        return None

    def _children(self, node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._value(child, scope)
            else:
                self._children(child, scope)

    def _read_Name(self, node: ast.Name, scope: Scope) -> Value | None:
        value = scope.look_up(node.id)
        if isinstance(value, Path):
            self._path(node, value.path)
        return value

    def _read_Attribute(self, node: ast.Attribute, scope: Scope) -> Value | None:
        return self._attribute(node, scope, called=False)

    def _attribute(
        self, node: ast.Attribute, scope: Scope, *, called: bool
    ) -> Value | None:
        # The whole chain at once: `tf.keras.layers.Dense` is one name, not two.
        names, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            names.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            root = scope.look_up(base.id)
            if isinstance(root, Path):
                path = ".".join([root.path, *names])
                self._path(node, path)
                return Path(path)
        owner = self._value(node.value, scope)
        if isinstance(owner, Path):
            return Path(f"{owner.path}.{node.attr}")
        return self._attribute_of(node, owner, called=called)

    def _attribute_of(
        self, node: ast.Attribute, owner: Value | None, *, called: bool
    ) -> Value | None:
        if isinstance(owner, LocalClass):
            return owner.attribute(node.attr)
        if not isinstance(owner, Made):
            if owner is None:
                return self._guess(node, called=called)
            return None
        if owner.of and owner.of.defines(node.attr):
            return owner.of.attribute(node.attr)
        homes = kinds(owner.kind)
        if name := equals.method_of(homes, node.attr):
            self._add(node, name, f".{node.attr}", kind="method")
            home = name.rpartition(".")[0]
            return ATTRIBUTES.get(name, Method(home, node.attr, owner))
        inexact = owner.of or not owner.exact or owner.kind in ("tensor", "object")
        whole = not inexact
        if whole and called and not node.attr.startswith("_"):
            self._add(node, f"{homes[0]}.{node.attr}", f".{node.attr}", kind="method")
        return Method(homes[0], node.attr, owner)

    def _guess(self, node: ast.Attribute, *, called: bool) -> Value | None:
        """Take a name that nothing but Keras has for Keras', and say so."""
        home = UNMISTAKABLE.get(node.attr)
        if home is None or not self._uses_keras:
            return None
        name = f"{home}.{node.attr}"
        if called or node.attr in ("trainable", "trainable_variables"):
            self._add(node, name, f".{node.attr}", kind="method", sure=False)
        return ATTRIBUTES.get(name, Method(home, node.attr))

    def _path(self, node: ast.expr, path: str) -> None:
        name = canonical(path)
        if equals.is_module(name):
            return
        owner, _, last = name.rpartition(".")
        if owner and not equals.is_listed(name):
            # `keras.Model.fit(model, x)`: a method, taken from its class.
            name = equals.method_of(kinds(owner), last) or name
        if is_shim(path) and equals.lookup(name) is None:
            # `keras2torch.convert` and its like are no names of Keras.
            return
        self._add(node, name)

    def _read_Call(self, node: ast.Call, scope: Scope) -> Value | None:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            self._children(node, scope)
            return scope.look_up("super()")
        if isinstance(node.func, ast.Attribute):
            callee = self._attribute(node.func, scope, called=True)
        else:
            callee = self._value(node.func, scope)
        given = [self._value(a, scope) for a in node.args]
        named = {k.arg: self._value(k.value, scope) for k in node.keywords}
        if callee is None and isinstance(node.func, ast.Attribute) and self._uses_keras:
            callee = self._by_keywords(node, node.func)
        if isinstance(callee, Function):
            return _called(callee, given, named)
        if isinstance(callee, LocalClass):
            init = callee.attribute("__init__")
            if isinstance(init, Function):
                _called(init, given, named)
            return Made(callee.kind or "object", callee)
        if isinstance(callee, Path):
            return self._called_path(node, canonical(callee.path), given)
        if isinstance(callee, Method):
            name = f"{callee.kind}.{callee.name}"
            sure = callee.receiver is not None
            said = arguments.of_call(name, (callee.name,), node, sure=sure)
            self.found += said
            if callee.kind == _KEEP_DATASET and not callee.name.startswith("as_"):
                return Made(_KEEP_DATASET)
            return made_by(name) if name[:1].isupper() else None
        if isinstance(callee, Made) and callee.kind != "object":
            return self._called_made(callee)
        return None

    def _called_path(
        self, node: ast.Call, name: str, given: list[Value | None]
    ) -> Value | None:
        last = name.rpartition(".")[2]
        if name == "Model" and (node.args or node.keywords) and self.found:
            self._functional(node)
        self.found += arguments.of_call(name, kinds(name), node)
        if name in ("layers.TimeDistributed", "layers.Bidirectional"):
            return Made(name)
        if last == "from_config":
            return made_by(name.removesuffix(".from_config"))
        if name in ("models.clone_model",) and given and isinstance(given[0], Made):
            return given[0]
        return made_by(name)

    def _functional(self, node: ast.Call) -> None:
        """Tell `Model(inputs, outputs)` from the class that others are derived from."""
        for at, found in enumerate(reversed(self.found), start=1):
            if found.name == "Model" and found.column == node.func.col_offset:
                self.found[-at] = replace(found, argument="Functional")
                return

    @staticmethod
    def _called_made(callee: Made) -> Value | None:
        if callee.of:
            method = callee.of.attribute("call")
            if isinstance(method, Function) and method.returns:
                return method.returns
        return Made("tensor") if kinds(callee.kind)[-1] == "Layer" else None

    def _by_keywords(self, node: ast.Call, func: ast.Attribute) -> Value | None:
        names = {k.arg for k in node.keywords if k.arg}
        if not by_keywords(func.attr, names):
            return None
        name = f"Model.{func.attr}"
        self._add(func, name, f".{func.attr}", kind="method", sure=False)
        return Method("Model", func.attr)

    def _read_Subscript(self, node: ast.Subscript, scope: Scope) -> Value | None:
        owner = self._value(node.value, scope)
        self._value(node.slice, scope)
        if isinstance(owner, Several):
            at = node.slice
            if isinstance(at, ast.Constant) and isinstance(at.value, int):
                inside = -len(owner.items) <= at.value < len(owner.items)
                return owner.items[at.value] if inside else None
        if isinstance(owner, Many):
            return owner if isinstance(node.slice, ast.Slice) else owner.of
        return owner if isinstance(owner, Made) and owner.kind == "tensor" else None

    def _read_BinOp(self, node: ast.BinOp, scope: Scope) -> Value | None:
        sides = [self._value(node.left, scope), self._value(node.right, scope)]
        tensor = Made("tensor")
        return tensor if tensor in sides else None

    def _read_IfExp(self, node: ast.IfExp, scope: Scope) -> Value | None:
        self._value(node.test, scope)
        body, other = self._value(node.body, scope), self._value(node.orelse, scope)
        return body or other

    def _read_BoolOp(self, node: ast.BoolOp, scope: Scope) -> Value | None:
        values = [self._value(v, scope) for v in node.values]
        return next((v for v in values if v), None)

    def _read_NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> Value | None:
        value = self._value(node.value, scope)
        self._bind(node.target, value, scope)
        return value

    def _read_Tuple(self, node: ast.Tuple, scope: Scope) -> Value | None:
        return Several(tuple(self._value(e, scope) for e in node.elts))

    def _read_List(self, node: ast.List, scope: Scope) -> Value | None:
        values = [self._value(e, scope) for e in node.elts]
        known = [v for v in values if v is not None]
        return Many(known[0]) if known and len(known) == len(values) else None

    def _read_Await(self, node: ast.Await, scope: Scope) -> Value | None:
        return self._value(node.value, scope)

    def _read_Lambda(self, node: ast.Lambda, scope: Scope) -> Value | None:
        inner = Scope(scope)
        for argument in _parameters(node.args):
            inner.names[argument.arg] = None
        made = self._functions.setdefault(node, Function(node))
        made.returns = self._value(node.body, inner)
        return made

    def _comprehension(self, node: Any, scope: Scope) -> Value | None:
        inner = Scope(scope)
        for part in node.generators:
            self._bind(part.target, _element(self._value(part.iter, inner)), inner)
            for test in part.ifs:
                self._value(test, inner)
        if isinstance(node, ast.DictComp):
            self._value(node.key, inner)
            self._value(node.value, inner)
            return None
        value = self._value(node.elt, inner)
        return Many(value) if value else None

    _read_ListComp = _read_SetComp = _comprehension
    _read_GeneratorExp = _read_DictComp = _comprehension


def _parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from filter(None, (arguments.vararg, arguments.kwarg))


def _element(value: Value | None) -> Value | None:
    return value.of if isinstance(value, Many) else None


def _called(
    callee: Function, given: list[Value | None], named: dict[str | None, Value | None]
) -> Value | None:
    """Remember what a function is called with; return what it returned."""
    parameters = [a.arg for a in _parameters(callee.node.args)]
    if parameters[:1] in (["self"], ["cls"]):
        del parameters[0]
    for name, value in (*zip(parameters, given, strict=False), *named.items()):
        if name in parameters and isinstance(value, (Made, Path, Function)):
            callee.given[str(name)] = value
    return callee.returns
