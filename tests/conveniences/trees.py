"""Calls of keras.tree, for Keras and for us."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

Pair = namedtuple("Pair", "left right")
STRUCTURES: dict[str, Any] = {
    "leaf": 3,
    "none": None,
    "empty": [],
    "empty dict": {},
    "dict": {"b": 1, "a": [2, (3, None)]},
    "ordered": OrderedDict([("b", 1), ("a", {"d": 2, "c": 3})]),
    "default": defaultdict(list, {"z": 4, "y": (5,)}),
    "named": Pair([1, 2], {"x": None}),
    "deep": [(1, [2, {"k": (3,)}]), []],
}
PAIRS: dict[str, tuple[Any, Any]] = {
    "same": ({"b": 1, "a": [2]}, {"a": [5], "b": 6}),
    "a list for a tuple": ([1, 2], (1, 2)),
    "a leaf for a list": ([1, 2], 3),
    "a list for a leaf": ([1, 2], [[3], 4]),
    "longer": ([1], [1, 2]),
    "other keys": ({"a": 1}, {"b": 1}),
    "named": (Pair(1, 2), (1, 2)),
    "none": ([None, 1], [2, None]),
    "ordered": (OrderedDict([("b", 1), ("a", 2)]), {"a": 1, "b": 2}),
    "empty": ([], []),
}


def shown(value: Any) -> str:
    """Return a text that tells types and order apart."""
    if isinstance(value, dict):
        inner = ", ".join(f"{k!r}: {shown(v)}" for k, v in value.items())
        return f"{type(value).__name__}({inner})"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}[{', '.join(map(shown, value))}]"
    return repr(value)


def answers(tree: Any) -> dict[str, str]:
    """Return what each function gives, or that it raises ValueError."""
    found: dict[str, str] = {}

    def ask(name: str, function: Any, *args: Any, **kwargs: Any) -> None:
        try:
            found[name] = shown(function(*args, **kwargs))
        except (ValueError, KeyError):
            found[name] = "ValueError"

    def doubled(x: Any) -> Any:
        return tree.MAP_TO_NONE if x == 3 else x * 2 if isinstance(x, int) else None

    for name, s in STRUCTURES.items():
        ask(f"is_nested|{name}", tree.is_nested, s)
        ask(f"flatten|{name}", tree.flatten, s)
        ask(f"with path|{name}", tree.flatten_with_path, s)
        ask(f"map|{name}", tree.map_structure, lambda x: (x,), s)
        ask(
            f"map, none|{name}",
            tree.map_structure,
            lambda x: str(x),
            s,
            none_is_leaf=False,
        )
        ask(f"pack|{name}", tree.pack_sequence_as, s, list("abcd"))
        ask(f"tuples|{name}", tree.lists_to_tuples, s)
        for down in (True, False):
            ask(f"traverse {down}|{name}", tree.traverse, doubled, s, top_down=down)
        ask(f"shapes|{name}", tree.map_shape_structure, repr, s)
    for name, (a, b) in PAIRS.items():
        ask(f"same structure|{name}", tree.assert_same_structure, a, b)
        ask(f"same paths|{name}", tree.assert_same_paths, a, b)
        ask(f"map two|{name}", tree.map_structure, lambda x, y: [x, y], a, b)
        ask(f"up to|{name}", tree.map_structure_up_to, a, lambda x: [x], b)
    return found
