"""Where a model's last sigmoid or softmax gets its input from."""

from __future__ import annotations

import ast
from collections.abc import Sequence

# Loss → the activation before which Keras on TensorFlow takes it, whatever from_logits
# says (keras/src/backend/tensorflow/nn.py, _get_logits).
ACTIVATION_BEFORE = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


def source_of_logits(
    forward: Sequence[str], output: int, activation: str, dim: int
) -> str | None:
    """Return the attribute of the model whose output the last activation takes.

    Parameters
    ----------
    forward
        Statements of the model's ``forward``.
    output
        Which of the values that it returns.
    activation, dim
        ``"sigmoid"`` or ``"softmax"``, and the axis that the latter has to run over.

    Returns
    -------
    str or None
        ``"digit"`` for ``return F.softmax(self.digit(x), dim=-1)``; ``None`` where the
        model ends otherwise, or where that layer is called more than once.
    """
    lines = list(
        ast.parse("def forward():\n" + "".join(f"    {s}\n" for s in forward)).body
    )
    assert isinstance(lines[0], ast.FunctionDef)
    body = lines[0].body
    end = body[-1]
    if not isinstance(end, ast.Return) or end.value is None:
        return None
    returned = end.value.elts if isinstance(end.value, ast.Tuple) else [end.value]
    if output >= len(returned):
        return None
    last, at = _defined(returned[output], body, len(body) - 1)
    function = {"sigmoid": "torch.sigmoid", "softmax": "F.softmax"}[activation]
    if not isinstance(last, ast.Call) or ast.unparse(last.func) != function:
        return None
    if activation == "softmax" and [ast.unparse(k) for k in last.keywords] != [
        f"dim={dim}"
    ]:
        return None
    before, _ = _defined(last.args[0], body, at)
    if not isinstance(before, ast.Call) or not isinstance(before.func, ast.Attribute):
        return None
    owner = before.func.value
    if not isinstance(owner, ast.Name) or owner.id != "self":
        return None
    calls = [
        n
        for n in ast.walk(lines[0])
        if isinstance(n, ast.Attribute) and n.attr == before.func.attr
    ]
    return before.func.attr if len(calls) == 1 else None


def _defined(
    value: ast.expr, body: Sequence[ast.stmt], before: int
) -> tuple[ast.expr, int]:
    """Return what a variable was last bound to, and where; other values as they are."""
    if isinstance(value, ast.Name):
        for i in range(before - 1, -1, -1):
            statement = body[i]
            bound = {
                n.id
                for n in ast.walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            if value.id in bound:
                plain = isinstance(statement, ast.Assign) and isinstance(
                    statement.targets[0], ast.Name
                )
                return (statement.value, i) if plain else (value, before)  # type: ignore[attr-defined]
    return value, before
