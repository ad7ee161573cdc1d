"""Helper classes are cut out with what they use, and with nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from keras2torch.program import helpers
from keras2torch.program.library import helper_names, helper_source


@pytest.mark.parametrize("name", sorted(helper_names()))
def test_no_variable_is_called_like_another_helper(name: str) -> None:
    """It would be taken for a use of that helper, which the file then holds in vain."""
    own = helper_source([name])[-1]
    bound = {
        node.id
        for node in ast.walk(ast.parse(own))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {n.arg for n in ast.walk(ast.parse(own)) if isinstance(n, ast.arg)}
    assert not bound & helper_names()


def test_every_helper_is_found() -> None:
    files = Path(helpers.__path__[0]).glob("*.py")
    defined = {
        node.name
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    assert helper_names() == defined
