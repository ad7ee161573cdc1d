"""Last look at a ``train.py``: it may train a model and do nothing else."""

from __future__ import annotations

import ast

from keras2torch.program.check import UnsafeSource, check_inside

_IMPORTS = frozenset(
    {
        "collections.abc",
        "math",
        "model",
        "safetensors.torch",
        "torch",
        "torch.nn.functional",
        "torch.utils.data",
    }
)
_LAST = ast.dump(ast.parse('if __name__ == "__main__":\n    main()').body[0])


def check(source: str) -> None:
    """Parse a training script and refuse what training does not need.

    Raises
    ------
    UnsafeSource
        For other imports than torch and the model's own, for top-level statements
        besides imports, classes, functions and names bound to values, and for names
        such as ``exec``.
    """
    tree = ast.parse(source)
    *body, last = tree.body
    if ast.dump(last) != _LAST:
        raise UnsafeSource(f"line {last.lineno}: it does not end by calling main")
    for node in body:
        plain = isinstance(
            node,
            (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign),
        )
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (plain or docstring):
            raise UnsafeSource(f"line {node.lineno}: a {type(node).__name__}")
        check_inside(node, _IMPORTS)
