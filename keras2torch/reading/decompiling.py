"""A stored function as Python source, whichever Python wrote its bytecode.

Bytecode only runs on the Python that wrote it, and most published Lambdas are older
than today's. What stands in them is short: expressions, assignments, a branch, a loop.
The instructions of Python 2.7 and 3.4 to 3.13 are played on a stack of syntax trees
(opcode.py of each version has the numbers); nothing is run or loaded. What goes beyond
that (exceptions, ``with``, generators) is no source, and never a guess.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from keras2torch.reading.bytecode import Code, code_of
from keras2torch.reading.instructions import (
    PYTHON_2,
    PYTHON_3,
    PYTHON_311,
    PYTHON_313,
)

_BINARY_OP = (
    "+ & // << @ * % | ** >> - / ^ + & // << @ * % | ** >> - / ^"  # plain, in place
).split()
_COMPARE = ("<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not")
_OPERATORS: dict[str, ast.operator] = {
    "+": ast.Add(),
    "-": ast.Sub(),
    "*": ast.Mult(),
    "/": ast.Div(),
    "//": ast.FloorDiv(),
    "%": ast.Mod(),
    "**": ast.Pow(),
    "@": ast.MatMult(),
    "<<": ast.LShift(),
    ">>": ast.RShift(),
    "&": ast.BitAnd(),
    "|": ast.BitOr(),
    "^": ast.BitXor(),
}
_COMPARISONS: dict[str, ast.cmpop] = {
    "<": ast.Lt(),
    "<=": ast.LtE(),
    "==": ast.Eq(),
    "!=": ast.NotEq(),
    ">": ast.Gt(),
    ">=": ast.GtE(),
    "in": ast.In(),
    "not in": ast.NotIn(),
    "is": ast.Is(),
    "is not": ast.IsNot(),
}
_UNARY: dict[str, ast.unaryop] = {
    "UNARY_POSITIVE": ast.UAdd(),
    "UNARY_NEGATIVE": ast.USub(),
    "UNARY_NOT": ast.Not(),
    "UNARY_INVERT": ast.Invert(),
}
_MOST_STATEMENTS = 400


class NoSource(ValueError):
    """The function does more than source is made of here."""


@dataclass(frozen=True)
class Source:
    """A stored function as source.

    Attributes
    ----------
    text
        ``lambda x: …`` or a ``def``; defaults stand elsewhere in the file. Empty where
        the function does more than can be told.
    free
        Names of the variables of the function around it.
    python
        Which Python wrote the bytecode.
    """

    text: str
    free: tuple[str, ...]
    python: str


def source_of(text: str) -> Source | None:
    """Return the source of a function stored in base64; ``None`` if it is none.

    Parameters
    ----------
    text
        ``base64`` of ``marshal`` data, as Keras' ``func_dump`` wrote it.
    """
    code = code_of(text)
    if code is None:
        return None
    try:
        made = ast.unparse(ast.fix_missing_locations(_function(code)))
    except (NoSource, IndexError, RecursionError, TypeError, ValueError):
        made = ""
    return Source(made, code.free, code.python)


def _function(code: Code, name: str | None = None) -> ast.expr | ast.stmt:
    """Return a lambda where the function is one expression, else a ``def``."""
    body = _Play(code).body()
    arguments = _arguments(code)
    lone = body[0] if len(body) == 1 else None
    if isinstance(lone, ast.Return) and lone.value is not None and name is None:
        return ast.Lambda(arguments, lone.value)
    called = name or (code.name if code.name.isidentifier() else "function")
    made = ast.parse(f"def {called}():\n    pass").body[0]
    assert isinstance(made, ast.FunctionDef)
    made.args, made.body = arguments, body
    return made


def _arguments(code: Code) -> ast.arguments:
    if code.flags & 0x2A0:
        raise NoSource("generators")
    names = list(code.variables)
    count = code.arguments + code.keyword_only
    stars = [bool(code.flags & bit) for bit in (0x4, 0x8)]
    rest = iter(names[count:])
    return ast.arguments(
        posonlyargs=[],
        args=[ast.arg(_identifier(n)) for n in names[: code.arguments]],
        vararg=ast.arg(_identifier(next(rest))) if stars[0] else None,
        kwonlyargs=[ast.arg(_identifier(n)) for n in names[code.arguments : count]],
        kw_defaults=[None] * code.keyword_only,
        kwarg=ast.arg(_identifier(next(rest))) if stars[1] else None,
        defaults=[],
    )


def _identifier(name: str) -> str:
    if name.startswith("."):
        name = f"_{name[1:]}"
    if not name.isidentifier():
        raise NoSource("a name that is none")
    return name


@dataclass(frozen=True)
class _Step:
    """One instruction; ``target`` is where it jumps, ``after`` the next one."""

    name: str
    argument: int
    target: int
    after: int


class _Marker:
    """What lies on the stack beside values: NULL, an iterator, a saved variable."""


_NULL = _Marker()


@dataclass
class _Import:
    module: str


@dataclass
class _Defined:
    """A function that is being made."""

    code: Code


Item = ast.expr | _Marker | _Defined | _Import


@dataclass
class _Play:
    """Plays one function's instructions."""

    code: Code
    made: int = 0
    statements: int = 0
    keywords: tuple[str, ...] = ()
    steps: dict[int, _Step] = field(default_factory=dict)

    def body(self) -> list[ast.stmt]:
        """Return the function's statements."""
        self.steps = dict(_steps(self.code))
        if any(step.name == "PUSH_EXC_INFO" for step in self.steps.values()):
            raise NoSource("an exception handler")
        return self._run(0, [], frozenset())

    # -- flow
    def _run(self, at: int, stack: list[Item], loops: frozenset[int]) -> list[ast.stmt]:
        """Return the statements from an instruction to the end of its branch.

        ``loops`` has where each loop around begins.
        """
        out: list[ast.stmt] = []
        while True:
            self.statements += 1
            if self.statements > 20 * _MOST_STATEMENTS or len(out) > _MOST_STATEMENTS:
                raise NoSource("too long")
            step = self.steps.get(at)
            if step is None:
                raise NoSource("the instructions end")
            name = step.name
            if name == "RETURN_VALUE":
                return [*out, ast.Return(self._pop(stack))]
            if name == "RETURN_CONST":
                value = self.code.constants[step.argument]
                return [*out, ast.Return(_constant(value))]
            if name in ("JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD"):
                if step.target in loops:
                    return [*out, ast.Continue()]
                if name == "JUMP_BACKWARD" or step.target <= at:
                    raise NoSource("a while loop")
                at = step.target
                continue
            if "JUMP" in name:
                return [*out, *self._branch(step, stack, loops)]
            if name == "FOR_ITER":
                return [*out, *self._loop(at, step, stack, loops)]
            statement = self._play(step, stack)
            if statement is not None:
                out.append(statement)
            at = step.after

    def _branch(
        self, step: _Step, stack: list[Item], loops: frozenset[int]
    ) -> list[ast.stmt]:
        """``if`` with everything that follows in both branches."""
        out: list[ast.stmt] = []
        test = self._pop(stack)
        kept = "OR_POP" in step.name
        if kept and not isinstance(test, ast.Name):
            test = self._named(test, out)
        jumps = list(stack) + ([test] if kept else [])
        if "NONE" in step.name:
            none = ast.Constant(None)
            test = ast.Compare(test, [ast.Is()], [none])
            when = "NOT_NONE" not in step.name
        else:
            when = "IF_TRUE" in step.name
        if step.target in loops:
            there: list[ast.stmt] = [ast.Continue()]
        else:
            there = self._run(step.target, jumps, loops)
        here = self._run(step.after, list(stack), loops)
        yes, no = (there, here) if when else (here, there)
        alone = (yes[0], no[0]) if len(yes) == len(no) == 1 else ()
        if all(isinstance(s, ast.Return) for s in alone) and alone:
            a, b = (s.value for s in alone if isinstance(s, ast.Return))
            assert a is not None
            assert b is not None
            return [*out, ast.Return(ast.IfExp(test, a, b))]
        return (
            [*out, ast.If(test, yes, []), *no]
            if _ends(yes)
            else [
                *out,
                ast.If(test, yes, no),
            ]
        )

    def _loop(
        self, at: int, step: _Step, stack: list[Item], loops: frozenset[int]
    ) -> list[ast.stmt]:
        """``for``: what is on the stack by now gets names, for the body to find it."""
        out: list[ast.stmt] = []
        iterated = self._pop(stack)
        for k, item in enumerate(stack):
            if isinstance(item, ast.expr) and not isinstance(item, ast.Name):
                stack[k] = self._named(item, out)
        item = ast.Name(self._fresh("item"), ast.Load())
        inside: list[Item] = [*stack, _Marker(), item]
        body = self._run(step.after, inside, loops | {at})
        if body and isinstance(body[-1], ast.Continue):
            body.pop()
        target = ast.Name(item.id, ast.Store())
        out.append(ast.For(target, iterated, body or [ast.Pass()], []))
        end = step.target
        behind = self.steps.get(end)
        if behind is not None and behind.name == "END_FOR":
            end = behind.after
            if self.code.python == "3.13":
                # There END_FOR leaves the iterator to a POP_TOP.
                popped = self.steps.get(end)
                end = popped.after if popped and popped.name == "POP_TOP" else end
        return [*out, *self._run(end, stack, loops)]

    # -- the stack
    def _pop(self, stack: list[Item]) -> ast.expr:
        item = stack.pop()
        if isinstance(item, _Defined):
            made = _function(item.code)
            if not isinstance(made, ast.Lambda):
                raise NoSource("an inner function")
            return made
        if not isinstance(item, ast.expr):
            raise NoSource("no value")
        return item

    def _several(self, stack: list[Item], count: int) -> list[ast.expr]:
        found = [self._pop(stack) for _ in range(count)]
        return found[::-1]

    def _fresh(self, wish: str) -> str:
        self.made += 1
        return f"_{wish}_{self.made}"

    def _named(self, value: ast.expr, out: list[ast.stmt]) -> ast.Name:
        name = self._fresh("value")
        out.append(ast.Assign([ast.Name(name, ast.Store())], value, lineno=0))
        return ast.Name(name, ast.Load())

    # -- instructions
    def _play(self, step: _Step, stack: list[Item]) -> ast.stmt | None:
        """Play an instruction that goes on to the next; return its statement."""
        name, n = step.name, step.argument
        if name.startswith("BINARY_") and name[7:] in _OPERATORS:
            self._binary(stack, name[7:])
        elif name == "BINARY_OP":
            self._binary(stack, _BINARY_OP[n])
        elif name in _UNARY:
            stack.append(ast.UnaryOp(_UNARY[name], self._pop(stack)))
        elif name.startswith("STORE_"):
            return self._store(step, stack)
        elif name.startswith("LOAD_"):
            self._load(step, stack)
        elif name in _PLAYS:
            _PLAYS[name](self, stack, n)
        elif name == "POP_TOP":
            return self._drop(stack)
        elif name == "UNPACK_SEQUENCE":
            return self._unpack(stack, n)
        elif name == "LIST_APPEND":
            value = self._pop(stack)
            there = stack[-n]
            if not isinstance(there, ast.Name):
                raise NoSource("a comprehension of another kind")
            call = ast.Call(ast.Attribute(there, "append", ast.Load()), [value], [])
            return ast.Expr(call)
        elif name not in ("NOP", "CACHE", "END_FOR"):
            raise NoSource(name)
        return None

    def _binary(self, stack: list[Item], op: str) -> None:
        left, right = self._several(stack, 2)
        stack.append(ast.BinOp(left, _OPERATORS[op], right))

    def _load(self, step: _Step, stack: list[Item]) -> None:
        name, n, code = step.name, step.argument, self.code
        if name == "LOAD_CONST":
            value = code.constants[n]
            stack.append(
                _Defined(value) if isinstance(value, Code) else _constant(value)
            )
        elif name == "LOAD_GLOBAL":
            if code.layout == "3.11":
                if n & 1 and code.python != "3.13":
                    stack.append(_NULL)
                n, null = n >> 1, n & 1
                stack.append(_load(code.names[n]))
                if null and code.python == "3.13":
                    stack.append(_NULL)
            else:
                stack.append(_load(code.names[n]))
        elif name in ("LOAD_ATTR", "LOAD_METHOD"):
            method = name == "LOAD_METHOD"
            if name == "LOAD_ATTR" and _folded_methods(code):
                n, method = n >> 1, bool(n & 1)
            value = ast.Attribute(
                self._pop(stack), _identifier(code.names[n]), ast.Load()
            )
            stack += (
                [value, _NULL]
                if method and _null_behind(code)
                else ([_NULL, value] if method else [value])
            )
        elif name in ("LOAD_DEREF", "LOAD_CLOSURE"):
            names = code.variables if code.layout == "3.11" else code.cells
            stack.append(_load(names[n]))
        elif name == "LOAD_FAST_AND_CLEAR":
            stack.append(_Marker())
        elif name == "LOAD_FAST_LOAD_FAST":
            stack += [_load(code.variables[n >> 4]), _load(code.variables[n & 15])]
        else:
            stack.append(_load(code.variables[n]))

    def _store(self, step: _Step, stack: list[Item]) -> ast.stmt | None:
        name, n, code = step.name, step.argument, self.code
        if name == "STORE_FAST_STORE_FAST":
            first = self._assign(code.variables[n >> 4], stack)
            second = self._assign(code.variables[n & 15], stack)
            return _both(first, second)
        if name == "STORE_FAST_LOAD_FAST":
            made = self._assign(code.variables[n >> 4], stack)
            stack.append(_load(code.variables[n & 15]))
            return made
        if name == "STORE_DEREF":
            names = code.variables if code.layout == "3.11" else code.cells
            return self._assign(names[n], stack)
        return self._assign(code.variables[n], stack)

    def _assign(self, name: str, stack: list[Item]) -> ast.stmt | None:
        name = _identifier(name)
        top = stack[-1]
        if isinstance(top, _Marker):
            # A comprehension gives a variable back what it had before.
            stack.pop()
            return None
        if isinstance(top, _Defined):
            stack.pop()
            made = _function(top.code, name)
            assert isinstance(made, ast.stmt)
            return made
        if isinstance(top, _Import):
            stack.pop()
            return ast.Import([ast.alias(top.module, name)])
        value = self._pop(stack)
        return ast.Assign([ast.Name(name, ast.Store())], value, lineno=0)

    def _drop(self, stack: list[Item]) -> ast.stmt | None:
        top = stack.pop()
        calls = isinstance(top, ast.Call)
        return ast.Expr(top) if calls and isinstance(top, ast.expr) else None

    def _unpack(self, stack: list[Item], n: int) -> ast.stmt:
        names = [self._fresh("part") for _ in range(n)]
        value = self._pop(stack)
        stack += [ast.Name(name, ast.Load()) for name in reversed(names)]
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
        return ast.Assign([ast.Tuple(targets, ast.Store())], value, lineno=0)

    # -- instructions that only change the stack
    def _subscribed(self, stack: list[Item], n: int) -> None:
        value, key = self._several(stack, 2)
        stack.append(ast.Subscript(value, key, ast.Load()))

    def _sliced(self, stack: list[Item], n: int) -> None:
        value, start, stop = self._several(stack, 3)
        stack.append(
            ast.Subscript(value, ast.Slice(_end(start), _end(stop)), ast.Load())
        )

    def _slice(self, stack: list[Item], n: int) -> None:
        stack.append(ast.Slice(*[_end(e) for e in self._several(stack, n)]))

    def _old_slice(self, stack: list[Item], ends: int) -> None:
        stop = self._pop(stack) if ends & 2 else None
        start = self._pop(stack) if ends & 1 else None
        value = self._pop(stack)
        stack.append(ast.Subscript(value, ast.Slice(start, stop), ast.Load()))

    def _tuple(self, stack: list[Item], n: int) -> None:
        if n and all(isinstance(i, _Marker) for i in stack[-n:]):
            raise NoSource("closures")
        stack.append(ast.Tuple(self._several(stack, n), ast.Load()))

    def _list(self, stack: list[Item], n: int) -> None:
        stack.append(ast.List(self._several(stack, n), ast.Load()))

    def _map(self, stack: list[Item], n: int) -> None:
        pairs = self._several(stack, 2 * n)
        stack.append(ast.Dict([*pairs[::2]], pairs[1::2]))

    def _keyed_map(self, stack: list[Item], n: int) -> None:
        keys = self._pop(stack)
        if not isinstance(keys, ast.Tuple | ast.Constant):
            raise NoSource("a dictionary")
        found: list[ast.expr | None] = []
        found += keys.elts if isinstance(keys, ast.Tuple) else []
        stack.append(ast.Dict(found, self._several(stack, n)))

    def _extend(self, stack: list[Item], n: int) -> None:
        more, there = self._pop(stack), stack[-n]
        if not isinstance(there, ast.List):
            raise NoSource("a list")
        parts = more.elts if isinstance(more, ast.Tuple | ast.List) else None
        there.elts += parts if parts is not None else [ast.Starred(more, ast.Load())]

    def _to_tuple(self, stack: list[Item], n: int) -> None:
        value = self._pop(stack)
        parts = value.elts if isinstance(value, ast.List) else None
        if parts is None:
            raise NoSource("a tuple")
        stack.append(ast.Tuple(parts, ast.Load()))

    def _compared(self, stack: list[Item], n: int) -> None:
        if self.code.layout == "3.11" and self.code.python != "3.11":
            shift = {"3.13": 5}.get(self.code.python, 4)
            n = n >> shift if n >= 16 or self.code.python == "3.13" else n
        left, right = self._several(stack, 2)
        stack.append(ast.Compare(left, [_COMPARISONS[_COMPARE[n]]], [right]))

    def _is(self, stack: list[Item], n: int) -> None:
        left, right = self._several(stack, 2)
        stack.append(ast.Compare(left, [ast.IsNot() if n else ast.Is()], [right]))

    def _contains(self, stack: list[Item], n: int) -> None:
        left, right = self._several(stack, 2)
        stack.append(ast.Compare(left, [ast.NotIn() if n else ast.In()], [right]))

    def _call(self, stack: list[Item], n: int) -> None:
        """Before 3.11: in 3.5 and older the count of keywords is the high byte."""
        keywords = []
        if _wide(self.code):
            for _ in range(n >> 8):
                value, key = self._pop(stack), self._pop(stack)
                keywords.append(ast.keyword(_text(key), value))
            n &= 255
        given = self._several(stack, n)
        self._called(stack, given, keywords[::-1])

    def _call_keywords(self, stack: list[Item], n: int) -> None:
        keys = self._pop(stack)
        names = [_text(k) for k in keys.elts] if isinstance(keys, ast.Tuple) else None
        if names is None:
            raise NoSource("a call")
        self._call_named(stack, n, tuple(names))

    def _new_call(self, stack: list[Item], n: int) -> None:
        names, self.keywords = self.keywords, ()
        self._call_named(stack, n, names)

    def _call_named(self, stack: list[Item], n: int, names: tuple[str, ...]) -> None:
        given = self._several(stack, n)
        split = n - len(names)
        keywords = [
            ast.keyword(k, v) for k, v in zip(names, given[split:], strict=True)
        ]
        self._called(stack, given[:split], keywords)

    def _called(
        self, stack: list[Item], given: list[ast.expr], keywords: list[ast.keyword]
    ) -> None:
        if stack[-1] is _NULL:
            stack.pop()
        function = stack.pop()
        inner = bool(stack) and isinstance(stack[-1], _Defined)
        if not given and inner and isinstance(function, ast.expr):
            # 3.11 calls a comprehension as a method of what it iterates over.
            given, function = [function], stack.pop()
        if stack and stack[-1] is _NULL:
            stack.pop()
        if isinstance(function, _Defined):
            if len(given) == 1 and not keywords and function.code.name == "<listcomp>":
                stack.append(_comprehension(function.code, given[0]))
                return
            stack.append(function)
            function = self._pop(stack)
        if not isinstance(function, ast.expr):
            raise NoSource("a call")
        stack.append(ast.Call(function, given, keywords))

    def _call_unpacked(self, stack: list[Item], n: int) -> None:
        more = self._pop(stack) if n & 1 else None
        given = self._pop(stack)
        keywords = [ast.keyword(None, more)] if more is not None else []
        self._called(stack, [ast.Starred(given, ast.Load())], keywords)

    def _keyword_names(self, stack: list[Item], n: int) -> None:
        self.keywords = tuple(self.code.constants[n])

    def _make_function(self, stack: list[Item], n: int) -> None:
        top = stack.pop()
        if not isinstance(top, _Defined):
            # Until 3.10 the function's name lies above its code.
            top = stack.pop()
        if not isinstance(top, _Defined):
            raise NoSource("a function")
        if self.code.python != "3.13":
            if _wide(self.code):
                if n:
                    raise NoSource("defaults")
            else:
                if n & 7:
                    raise NoSource("defaults")
                if n & 8:
                    stack.pop()
        stack.append(top)

    def _set_attribute(self, stack: list[Item], n: int) -> None:
        top = stack.pop()
        if n != 8 or not isinstance(top, _Defined):
            raise NoSource("defaults")
        stack.pop()
        stack.append(top)

    def _import(self, stack: list[Item], n: int) -> None:
        stack.pop()
        stack.pop()
        stack.append(_Import(".".join(map(_identifier, self.code.names[n].split(".")))))

    def _copy(self, stack: list[Item], n: int) -> None:
        stack.append(_again(stack[-n]))

    def _swap(self, stack: list[Item], n: int) -> None:
        stack[-1], stack[-n] = stack[-n], stack[-1]

    def _duplicate(self, stack: list[Item], n: int) -> None:
        stack.append(_again(stack[-1]))

    def _rotate(self, stack: list[Item], count: int) -> None:
        top = stack.pop()
        stack.insert(len(stack) - count + 1, top)

    def _intrinsic(self, stack: list[Item], n: int) -> None:
        if n == 5:  # INTRINSIC_UNARY_POSITIVE
            stack.append(ast.UnaryOp(ast.UAdd(), self._pop(stack)))
        elif n == 6:  # INTRINSIC_LIST_TO_TUPLE
            self._to_tuple(stack, n)
        else:
            raise NoSource("an intrinsic")

    def _kept(self, stack: list[Item], n: int) -> None:
        """An iterator is what it iterates over."""

    def _null(self, stack: list[Item], n: int) -> None:
        stack.append(_NULL)


_PLAYS: dict[str, Callable[[_Play, list[Item], int], None]] = {
    "BINARY_SLICE": _Play._sliced,
    "BINARY_SUBSCR": _Play._subscribed,
    "BUILD_CONST_KEY_MAP": _Play._keyed_map,
    "BUILD_LIST": _Play._list,
    "BUILD_MAP": _Play._map,
    "BUILD_SLICE": _Play._slice,
    "BUILD_TUPLE": _Play._tuple,
    "CALL": _Play._new_call,
    "CALL_FUNCTION": _Play._call,
    "CALL_FUNCTION_EX": _Play._call_unpacked,
    "CALL_FUNCTION_KW": _Play._call_keywords,
    "CALL_INTRINSIC_1": _Play._intrinsic,
    "CALL_KW": _Play._call_keywords,
    "COMPARE_OP": _Play._compared,
    "CONTAINS_OP": _Play._contains,
    "COPY": _Play._copy,
    "DUP_TOP": _Play._duplicate,
    "GET_ITER": _Play._kept,
    "IMPORT_NAME": _Play._import,
    "IS_OP": _Play._is,
    "KW_NAMES": _Play._keyword_names,
    "LIST_EXTEND": _Play._extend,
    "LIST_TO_TUPLE": _Play._to_tuple,
    "MAKE_FUNCTION": _Play._make_function,
    "PUSH_NULL": _Play._null,
    "ROT_FOUR": lambda play, stack, _: play._rotate(stack, 4),
    "ROT_THREE": lambda play, stack, _: play._rotate(stack, 3),
    "ROT_TWO": lambda play, stack, _: play._rotate(stack, 2),
    "SET_FUNCTION_ATTRIBUTE": _Play._set_attribute,
    "SLICE_0": lambda play, stack, _: play._old_slice(stack, 0),
    "SLICE_1": lambda play, stack, _: play._old_slice(stack, 1),
    "SLICE_2": lambda play, stack, _: play._old_slice(stack, 2),
    "SLICE_3": lambda play, stack, _: play._old_slice(stack, 3),
    "SWAP": _Play._swap,
}


# ---------------------------------------------------------------------- the pieces
def _steps(code: Code) -> Iterator[tuple[int, _Step]]:
    """Take the instructions apart; their places are offsets of bytes."""
    table = PYTHON_3
    if code.layout == "2":
        table = PYTHON_2
    elif code.layout == "3.11":
        table = PYTHON_313 if code.python == "3.13" else PYTHON_311
    extended = 144 if table is not PYTHON_313 else 71
    body, at, more, start = code.instructions, 0, 0, 0
    wide = _wide(code)
    while at < len(body):
        if wide and body[at] < 90:
            number, argument, after = body[at], 0, at + 1
        elif wide:
            number, argument = body[at], body[at + 1] | body[at + 2] << 8
            after = at + 3
        else:
            number, argument, after = body[at], body[at + 1], at + 2
        argument |= more << (16 if wide else 8)
        if number == extended:
            more, at = argument, after
            continue
        name = table.get(number, f"instruction {number}")
        more = 0
        yield start, _Step(name, argument, _target(code, name, argument, after), after)
        at = start = after


def _target(code: Code, name: str, argument: int, after: int) -> int:
    """Return where an instruction jumps; caches behind it count since 3.11."""
    if "JUMP" not in name and name != "FOR_ITER":
        return after
    if code.layout == "3.11":
        body = code.instructions
        while after < len(body) and body[after] == 0:
            after += 2
        return after - 2 * argument if "BACKWARD" in name else after + 2 * argument
    relative = name in ("FOR_ITER", "JUMP_FORWARD")
    words = 2 if code.python == "3.10" else 1
    return (after if relative else 0) + argument * words


def _wide(code: Code) -> bool:
    """Whether instructions have one or three bytes, as until 3.5."""
    return code.layout == "2" or code.python == "3.0 to 3.5"


def _folded_methods(code: Code) -> bool:
    """Whether LOAD_ATTR loads methods too: since 3.12."""
    return code.layout == "3.11" and code.python != "3.11"


def _null_behind(code: Code) -> bool:
    """Whether the NULL of a call lies above the function: since 3.13."""
    return code.python == "3.13"


def _load(name: str) -> ast.Name:
    return ast.Name(_identifier(name), ast.Load())


def _constant(value: object) -> ast.expr:
    if isinstance(value, tuple):
        return ast.Tuple([_constant(v) for v in value], ast.Load())
    if isinstance(value, bytes):
        # Python 2's strings.
        value = value.decode("latin-1")
    if value is None or isinstance(value, bool | int | float | complex | str):
        return ast.Constant(value)
    if value is ...:
        return ast.Constant(...)
    raise NoSource("a constant")


def _text(value: ast.expr) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return _identifier(value.value)
    raise NoSource("a keyword")


def _end(value: ast.expr) -> ast.expr | None:
    nothing = isinstance(value, ast.Constant) and value.value is None
    return None if nothing else value


def _again(item: Item) -> Item:
    """Return a value that is used twice: only if to compute it twice is the same."""
    if isinstance(item, ast.expr) and not isinstance(item, ast.Name | ast.Constant):
        raise NoSource("a value used twice")
    return item


def _both(first: ast.stmt | None, second: ast.stmt | None) -> ast.stmt | None:
    if first is None or second is None:
        return first or second
    return ast.If(ast.Constant(True), [first, second], [])


def _ends(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Return | ast.Continue)


def _comprehension(code: Code, iterated: ast.expr) -> ast.expr:
    """``[… for … in …]``, which is a function of its own until 3.11."""
    body = _Play(code).body()
    if len(body) == 3 and isinstance(body[1], ast.For):
        loop, last = body[1], body[1].body[-1]
        names = [s for s in loop.body[:-1] if isinstance(s, ast.Assign)]
        call = last.value if isinstance(last, ast.Expr) else None
        if len(names) == len(loop.body) - 1 == 1 and isinstance(call, ast.Call):
            assert isinstance(names[0], ast.Assign)
            target = names[0].targets[0]
            made = ast.comprehension(target, iterated, [], 0)
            return ast.ListComp(call.args[0], [made])
    raise NoSource("a comprehension")
