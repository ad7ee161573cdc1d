"""Calls of what keras/src/ops/linalg.py has.

Of factors with a sign or a phase of their own the product is compared.
"""

from __future__ import annotations

from math import inf

import numpy as np
from calls import A, T, case

SQUARE = T((2, 3, 3))
TALL, WIDE = T((2, 5, 3)), T((2, 3, 5))
TRIANGLE = A(np.array([[[2, 0, 0], [1, 3, 0], [-1, 0.5, 1]]] * 2, "float32"))


def positive(o, x):
    return o.matmul(x, o.swapaxes(x, -1, -2)) + o.eye(3)


def of_eigh(o, x):
    values, vectors = o.linalg.eigh(positive(o, x))
    return values, o.abs(vectors)


def of_eig(o, x):
    values, vectors = o.linalg.eig(x)
    return o.sort(o.real(values)), o.shape(vectors)


def of_svd(o, x, full=True):
    u, s, v = o.linalg.svd(x, full)
    size = min(x.shape[-1], x.shape[-2])
    product = o.matmul(u[..., :size] * s[..., None, :], v[..., :size, :])
    return product, s, o.abs(u[..., :size])


CASES = [
    case(
        "cholesky",
        lambda o, x: o.linalg.cholesky(positive(o, x)),
        SQUARE,
        gradient=False,
    ),
    case(
        "cholesky upper",
        lambda o, x: o.cholesky(positive(o, x), upper=True),
        SQUARE,
        gradient=False,
    ),
    case("cholesky of any", lambda o, x: o.cholesky(-o.abs(x)), SQUARE, symbolic=False),
    case("cholesky misfit", lambda o, x: o.cholesky(x), TALL),
    case(
        "cholesky_inverse",
        lambda o, x: o.linalg.cholesky_inverse(x),
        TRIANGLE,
        gradient=False,
    ),
    case(
        "cholesky_inverse upper",
        lambda o, x: o.cholesky_inverse(o.swapaxes(x, 1, 2), upper=True),
        TRIANGLE,
        gradient=False,
    ),
    case("det", lambda o, x: o.linalg.det(x), SQUARE),
    case("det misfit", lambda o, x: o.det(x), TALL),
    case("eig", of_eig, SQUARE, symbolic=False, gradient=False),
    case("eigh", of_eigh, SQUARE, gradient=False),
    case("inv", lambda o, x: o.linalg.inv(positive(o, x)), SQUARE, close=1e-4),
    case("inv vector", lambda o, x: o.inv(x), (3,)),
    case(
        "jvp",
        lambda o, x, y: o.linalg.jvp(lambda a: o.sin(a) * a, (x,), (y,)),
        (2, 3),
        (2, 3),
        symbolic=False,
        gradient=False,
    ),
    case(
        "jvp aux",
        lambda o, x, y: o.jvp(lambda a: (a * a, a + 1), (x,), (y,), has_aux=True),
        (2, 3),
        (2, 3),
        symbolic=False,
        gradient=False,
    ),
    case(
        "lstsq",
        lambda o, a, b: o.linalg.lstsq(a, b),
        T((5, 3), unknown=()),
        T((5, 2), unknown=()),
        close=1e-4,
        gradient=False,
    ),
    case(
        "lstsq vector",
        lambda o, a, b: o.lstsq(a, b),
        T((5, 3), unknown=()),
        T((5,), unknown=()),
        close=1e-4,
        gradient=False,
    ),
    case(
        "lstsq wide",
        lambda o, a, b: o.lstsq(a, b, 0.3),
        T((3, 5), unknown=()),
        T((3, 2), unknown=()),
        close=1e-4,
        gradient=False,
    ),
    case(
        "lstsq misfit",
        lambda o, a, b: o.lstsq(a, b),
        T((5, 3), unknown=()),
        T((4,), unknown=()),
    ),
    case(
        "lu_factor",
        lambda o, x: o.linalg.lu_factor(x),
        T((4, 4), unknown=()),
        gradient=False,
        differs="Keras says the numbers of rows are floats, and gives int32",
    ),
    case("lu_factor misfit", lambda o, x: o.linalg.lu_factor(x), TALL),
    case(
        "matrix_rank",
        lambda o, x: o.linalg.matrix_rank(o.matmul(x, o.swapaxes(x, -1, -2))),
        TALL,
        gradient=False,
    ),
    case("matrix_rank tol", lambda o, x: o.matrix_rank(x, 2.0), TALL, gradient=False),
    *(
        case(
            f"norm {ord} {axis} {keep}",
            lambda o, x, a=(ord, axis, keep): o.linalg.norm(x, *a),
            T((2, 3, 4)),
            close=1e-4,
        )
        for ord, axis, keep in (
            (None, -1, False),
            (2, 1, True),
            (1, 0, False),
            (3, (1,), False),
            (0, 1, False),
            (inf, 1, False),
            (-inf, -1, True),
            (None, (0, 1), False),
            ("fro", (1, 2), True),
            (1, (1, 2), False),
            (-1, (2, 0), True),
            (inf, (0, 2), False),
            (-inf, (2, 1), False),
            ("nuc", (1, 2), False),
            (2, (0, 2), True),
            (-2, (1, 2), False),
        )
    ),
    case("norm of a matrix", lambda o, x: o.norm(x), T((3, 4), unknown=())),
    case("norm of ints", lambda o, x: o.norm(x, axis=1), T((3, 4), "int32")),
    case("norm of all", lambda o, x: o.norm(x), (2, 3, 4)),
    case("norm wrong", lambda o, x: o.norm(x, "fro", 1), (2, 3, 4)),
    case("norm wrong too", lambda o, x: o.norm(x, 3, (0, 1)), (2, 3, 4)),
    case("pinv", lambda o, x: o.linalg.pinv(x), TALL, close=1e-4, gradient=False),
    case("pinv rcond", lambda o, x: o.pinv(x, 0.4), WIDE, close=1e-4, gradient=False),
    case("qr", lambda o, x: o.linalg.qr(x), TALL, gradient=False),
    case("qr wide", lambda o, x: o.qr(x), WIDE, gradient=False),
    case("qr complete", lambda o, x: o.qr(x, "complete"), TALL, gradient=False),
    case("qr otherwise", lambda o, x: o.qr(x, "raw"), TALL),
    case(
        "solve",
        lambda o, a, b: o.linalg.solve(positive(o, a), b),
        SQUARE,
        (2, 3, 2),
        close=1e-4,
    ),
    case(
        "solve vector",
        lambda o, a, b: o.solve(a, b),
        T((3, 3), unknown=()),
        T((3,), unknown=()),
        close=1e-4,
    ),
    case("solve misfit", lambda o, a, b: o.solve(a, b), SQUARE, (2, 4, 2)),
    case(
        "solve_triangular",
        lambda o, a, b: o.linalg.solve_triangular(a, b, lower=True),
        TRIANGLE,
        (2, 3, 2),
        gradient=False,
    ),
    case(
        "solve_triangular upper",
        lambda o, a, b: o.solve_triangular(o.swapaxes(a, 1, 2), b),
        TRIANGLE,
        (2, 3, 2),
        gradient=False,
    ),
    case(
        "svd",
        of_svd,
        T((2, 5, 3), unknown=()),
        gradient=False,
        symbolic=False,
        close=1e-4,
    ),
    case(
        "svd reduced",
        lambda o, x: of_svd(o, x, False),
        T((2, 3, 5), unknown=()),
        symbolic=False,
        gradient=False,
        close=1e-4,
    ),
    case("svd values", lambda o, x: o.svd(x, compute_uv=False), TALL, gradient=False),
]
