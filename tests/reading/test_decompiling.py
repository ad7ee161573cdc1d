"""Stored functions as source: what nine Pythons wrote, compared with the functions."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras2torch.reading.decompiling import source_of

HERE = Path(__file__).parent
STORED = [
    json.loads(line)
    for line in (HERE / "stored_functions.jsonl").read_text().splitlines()
]
RNG = np.random.default_rng(0)
SQUARE, FLAT, DEEP = RNG.random((3, 4)), RNG.random((2, 9)), RNG.random((3, 4, 5))
PAIR = [RNG.random((3, 4)), RNG.random((3, 4))]


def _functions() -> list[Callable[..., Any]]:
    scope: dict[str, Any] = {"__name__": "functions"}
    exec((HERE / "make_stored_functions.py").read_text(), scope)
    scope["np"] = np
    functions: list[Callable[..., Any]] = scope["functions"]()
    return functions


FUNCTIONS = _functions()
# Number of the function → arguments, where one array will not do.
ARGUMENTS: dict[int, list[tuple[Any, ...]]] = {
    1: [(PAIR,)],
    3: [(SQUARE,), (DEEP,)],
    7: [(PAIR,)],
    8: [(9 * SQUARE, 3)],
    13: [(SQUARE,), (FLAT,), (RNG.random((3, 9)),)],
    14: [(SQUARE, 2)],
    15: [(2.0, None), (2.0, 5), (2.0, 1)],
    17: [(PAIR,)],
}


def _compiled(text: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {"np": np, "scale": 2.5, "off": [1, 2]}
    exec(f"function = {text}" if text.startswith("lambda") else text, scope)
    names = {"function", text.removeprefix("def ").partition("(")[0]}
    made: Callable[..., Any] = next(scope[n] for n in names if n in scope)
    return made


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
@pytest.mark.parametrize("stored", STORED, ids=lambda row: row["python"])
def test_source_computes_what_the_function_computes(
    stored: dict[str, Any], number: int
) -> None:
    found = source_of(stored["stored"][number])
    assert found is not None
    assert found.text
    major_minor = stored["python"] if stored["python"] != "2.7" else "2"
    assert major_minor in found.python.split(" or ")
    made = _compiled(found.text)
    expected = FUNCTIONS[number]
    assert list(inspect.signature(made).parameters) == list(
        inspect.signature(expected).parameters
    )
    for given in ARGUMENTS.get(number, [(SQUARE,)]):
        np.testing.assert_allclose(made(*given), expected(*given))


def test_free_variables_are_named() -> None:
    for row in STORED:
        found = source_of(row["stored"][6])
        assert found is not None
        assert found.free == ("off", "scale")


def test_what_is_no_function_has_no_source() -> None:
    for text in ("", "aGVsbG8=", "no base64 at all", "4wAAAAAAAAAA"):
        assert source_of(text) is None


def test_what_goes_too_far_has_none() -> None:
    """A generator, an exception handler, a while loop."""
    import codecs
    import marshal

    def generator(x: Any) -> Any:
        yield x

    def handler(x: Any) -> Any:
        try:
            return x[0]
        except IndexError:
            return x

    def loop(x: Any) -> Any:
        while x < 3:
            x = x + 1
        return x

    for function in (generator, handler, loop):
        text = codecs.encode(marshal.dumps(function.__code__), "base64").decode()
        found = source_of(text)
        assert found is not None
        assert found.text == "", found.text
