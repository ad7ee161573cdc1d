"""Names of a script and what they stand for."""

from __future__ import annotations

from keras2torch.guide import equals
from keras2torch.guide.names import canonical
from keras2torch.guide.values import LocalClass, Path, Value


class Scope:
    """Names and what they stand for, in a module, a function or a class."""

    def __init__(self, outer: Scope | None = None, of: LocalClass | None = None):
        self.names: dict[str, Value | None] = {}
        self.stars: list[str] = []
        self.outer = outer
        self.of = of

    def look_up(self, name: str) -> Value | None:
        """Return what a name stands for, by the rules of Python's scopes."""
        scope: Scope | None = self
        while scope:
            if name in scope.names and (scope is self or scope.of is None):
                return scope.names[name]
            for module in scope.stars:
                if equals.is_listed(canonical(f"{module}.{name}")):
                    return Path(f"{module}.{name}")
            scope = scope.outer
        return None
