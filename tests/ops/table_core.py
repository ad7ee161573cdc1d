"""Calls of what keras/src/ops/core.py has."""

from __future__ import annotations

import numpy as np
from calls import A, T, case

_PLACES = A([[0, 1], [2, 3], [0, 1]], unknown=())
_ROWS = A([[2], [0], [2]], unknown=())
INT = T((2, 3), "int32")

CASES = [
    case("cast int", lambda o, x: o.cast(x, "int32"), (2, 3)),
    case("cast half", lambda o, x: o.cast(x, "float16"), (2, 3)),
    case("cast bfloat16", lambda o, x: o.cast(x, "bfloat16"), (2, 3)),
    case("cast bool", lambda o, x: o.cast(x, bool), T((2, 3), "int32", 0, 1)),
    case("cast python int", lambda o, x: o.cast(x, int), (2, 3)),
    case("cast python float", lambda o, x: o.cast(x, float), INT),
    case("cast numpy", lambda o, x: o.cast(x, np.float64), INT),
    case("cast uint8", lambda o, x: o.cast(x, "uint8"), T((2, 3), low=0, high=200)),
    case(
        "saturate_cast uint8",
        lambda o, x: o.saturate_cast(x, "uint8"),
        T((2, 9), low=-300, high=600),
    ),
    case(
        "saturate_cast int8 of int32",
        lambda o, x: o.saturate_cast(x, "int8"),
        T((2, 9), "int32", low=-99, high=600),
    ),
    case(
        "saturate_cast half", lambda o, x: o.saturate_cast(x, "float16"), A([1e6, -1e9])
    ),
    case("convert_to_tensor", lambda o, x: o.convert_to_tensor(x), (2, 3)),
    case("convert_to_tensor int", lambda o, x: o.convert_to_tensor(x, "int32"), (2, 3)),
    case("convert_to_tensor list", lambda o: o.convert_to_tensor([1, 2.5])),
    case("convert_to_tensor ints", lambda o: o.convert_to_tensor([[1, 2]])),
    case("convert_to_tensor bools", lambda o: o.convert_to_tensor([True])),
    case("convert_to_tensor number", lambda o: o.convert_to_tensor(3)),
    case("convert_to_tensor cut", lambda o: o.convert_to_tensor([1, 2.5], "int32")),
    case("convert_to_tensor float64", lambda o: o.convert_to_tensor(np.ones(2))),
    case(
        "convert_to_numpy", lambda o, x: o.convert_to_numpy(x), (2, 3), symbolic=False
    ),
    case("convert_to_numpy list", lambda o: o.convert_to_numpy([1, 2.5])),
    case("shape", lambda o, x: o.shape(x), (2, 3), symbolic=False),
    case("shape of a list", lambda o: o.shape([[1, 2], [3, 4]])),
    case("dtype", lambda o, x: o.dtype(x), INT, symbolic=False),
    case(
        "is_tensor",
        lambda o, x: [o.is_tensor(v) for v in (o.array(x), np.ones(2), 1)],
        (2,),
        symbolic=False,
    ),
    case("stop_gradient", lambda o, x: o.stop_gradient(x) * x, (2, 3)),
    case("unstack", lambda o, x: o.unstack(x, axis=1), (2, 3, 4)),
    case("unstack num", lambda o, x: o.unstack(x, 4, -1), (2, 3, 4)),
    case("unstack wrong num", lambda o, x: o.unstack(x, 3, -1), (2, 3, 4)),
    case("slice", lambda o, x: o.slice(x, [0, 1, 2], [2, 2, 2]), (2, 3, 4)),
    case("slice rest", lambda o, x: o.slice(x, (0, 1, 2), (-1, -1, 1)), (2, 3, 4)),
    case(
        "slice at", lambda o, x, i: o.slice(x, i, [1, 2]), (2, 3), A([1, 0], unknown=())
    ),
    case("slice beyond", lambda o, x: o.slice(x, [0, 2], [2, 2]), (2, 3)),
    case(
        "slice_update",
        lambda o, x, y: o.slice_update(x, [1, 0], y),
        T((3, 3), unknown=()),
        T((2, 2), unknown=()),
    ),
    case(
        "slice_update beyond",
        lambda o, x, y: o.slice_update(x, [2, 2], y),
        T((3, 3), unknown=()),
        T((2, 2), unknown=()),
    ),
    case(
        "slice_update in a batch",
        lambda o, x, y: o.slice_update(x, [0, 1], y),
        (2, 3),
        (2, 2),
    ),
    case(
        "scatter", lambda o, i, v: o.scatter(i, v, (3, 4)), _PLACES, T((3,), unknown=())
    ),
    case(
        "scatter rows",
        lambda o, i, v: o.scatter(i, v, (3, 4)),
        _ROWS,
        T((3, 4), unknown=()),
    ),
    case(
        "scatter ints",
        lambda o, i, v: o.scatter(i, v, (5,)),
        _ROWS,
        T((3,), "int32", unknown=()),
    ),
    case("scatter beyond", lambda o, i, v: o.scatter(i, v, (2,)), _ROWS, (3,)),
    case("scatter misfit", lambda o, i, v: o.scatter(i, v, (3, 4)), _ROWS, (3,)),
    *(
        case(
            f"scatter_update {how}",
            lambda o, x, i, v, how=how: o.scatter_update(x, i, v, how),
            T((3, 4), unknown=()),
            _PLACES,
            T((3,), unknown=()),
        )
        for how in ("add", "max", "min", "mul")
    ),
    case(
        "scatter_update",
        lambda o, x, i, v: o.scatter_update(x, i, v),
        T((3, 4), unknown=()),
        A([[0, 1], [2, 3], [1, 1]], unknown=()),
        T((3,), unknown=()),
    ),
    case(
        "scatter_update rows",
        lambda o, x, i, v: o.scatter_update(x, i, v, "mul"),
        T((3, 4), unknown=()),
        _ROWS,
        T((3, 4), unknown=()),
    ),
    case(
        "scatter_update wrong reduction",
        lambda o, x, i, v: o.scatter_update(x, i, v, "mean"),
        (3, 4),
        _ROWS,
        (3, 4),
    ),
    case(
        "cond",
        lambda o, x: o.cond(o.all(x > -9), lambda: x * 2, lambda: x),
        (2, 3),
        symbolic=False,
    ),
    case(
        "cond of a bool", lambda o, x: o.cond(False, lambda: x * 2, lambda: x), (2, 3)
    ),
    case(
        "cond of constants",
        lambda o, x: o.cond(o.all(x > 9), lambda: o.ones(2), lambda: o.zeros(2)),
        (2, 3),
    ),
    *(
        case(
            f"switch {i}",
            lambda o, x, i=i: o.switch(i, [lambda v: v, lambda v: v * 2], x),
            (2, 3),
        )
        for i in (-3, 0, 1, 7)
    ),
    case(
        "while_loop",
        lambda o, x: o.while_loop(
            lambda n, v: n < 4, lambda n, v: (n + 1, v * 1.5), (0, x)
        ),
        (2, 3),
        symbolic=False,
    ),
    case(
        "while_loop of one",
        lambda o, x: o.while_loop(lambda v: o.sum(v) < 40, lambda v: v * 1.5, x),
        T((2, 3), low=1),
    ),
    case(
        "while_loop with an end",
        lambda o, x: o.while_loop(lambda v: o.sum(v) < 1e9, lambda v: v + 1, x, 3),
        (2, 3),
    ),
    case(
        "fori_loop",
        lambda o, x: o.fori_loop(1, 4, lambda i, v: v * o.cast(i, "float32"), x),
        (2, 3),
    ),
    case("map", lambda o, x: o.map(lambda v: v * 2 + o.sum(v), x), (2, 3)),
    case(
        "map two",
        lambda o, x, y: o.map(lambda v: (v[0] + v[1], v[0]), (x, y)),
        (2, 3),
        (2, 3),
    ),
    case(
        "vectorized_map",
        lambda o, x: o.vectorized_map(lambda v: v * o.max(v), x),
        (2, 3),
    ),
    case(
        "vectorized_map two",
        lambda o, x, y: o.vectorized_map(lambda v: v[0] * v[1], (x, y)),
        (2, 3),
        (2, 3),
    ),
    case(
        "scan",
        lambda o, x: o.scan(lambda c, v: (c + v, c * v), x[0], x),
        (4, 3),
        symbolic=False,
    ),
    case(
        "scan back",
        lambda o, x: o.scan(lambda c, v: (c + v, c * v), x[0], x, reverse=True),
        (4, 3),
        symbolic=False,
    ),
    case(
        "scan without entries",
        lambda o, x: o.scan(lambda c, v: (c * 2, c), x, length=3),
        T((2, 3), unknown=()),
    ),
    case(
        "scan without results",
        lambda o, x: o.scan(lambda c, v: (c + v, None), x[0], x),
        (4, 3),
        symbolic=False,
        gradient=False,
    ),
    case("scan nothing", lambda o, x: o.scan(lambda c, v: (c, c), x), (4, 3)),
    *(
        case(
            f"associative_scan {n} {back}",
            lambda o, x, back=back: o.associative_scan(
                lambda a, b: a * b, x, reverse=back, axis=1
            ),
            (2, n, 3),
        )
        for n, back in (
            (1, False),
            (2, False),
            (3, True),
            (4, False),
            (7, True),
            (8, True),
        )
    ),
    case(
        "associative_scan two",
        lambda o, x, y: o.associative_scan(
            lambda a, b: (a[0] + b[0], a[1] * b[1]), (x, y)
        ),
        T((5, 3), unknown=()),
        T((5, 3), unknown=()),
    ),
]
