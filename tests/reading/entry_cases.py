"""Keras' operations entry by entry, and along axes."""

from __future__ import annotations

import numpy as np
from operation_cases import Case, F, I, along, named, one, two

_FLOATS = (
    "cos cosh sin sinh tan tanh arctan arcsinh exp exp2 expm1 floor ceil erf".split()
)
_POSITIVE = "log log10 log1p log2 sqrt rsqrt reciprocal".split()
_UNIT = "arccos arcsin arctanh".split()
_ANY = "abs absolute negative sign square".split()
_ACTIVATIONS = (
    "relu relu6 sigmoid sparse_sigmoid softplus softsign soft_shrink sparse_plus silu "
    "squareplus log_sigmoid leaky_relu hard_sigmoid hard_silu elu selu gelu celu "
    "tanh_shrink hard_tanh hard_shrink softmax log_softmax sparsemax"
).split()
_REDUCED = "max min mean sum prod std var amax amin ptp logsumexp".split()
_BINARY = "add subtract multiply maximum minimum fmax fmin".split()
_COMPARED = "equal greater greater_equal less less_equal not_equal".split()
_LOGICAL = "logical_and logical_or logical_xor".split()
_NAN = "nanmax nanmean nanmin nanprod nanstd nansum nanvar".split()

ENTRIES: dict[str, Case] = {
    **{n: one(named(n)) for n in _FLOATS + _ANY + _ACTIVATIONS},
    **{n: one(named(n), "positive") for n in _POSITIVE},
    **{n: one(named(n), "unit") for n in _UNIT},
    **{f"{n}_int": one(named(n), I) for n in ["cos", "exp", "floor", *_ANY]},
    **{n: two(named(n)) for n in _BINARY},
    **{f"{n}_ranks": two(named(n), second=(2, 3, 5)) for n in _BINARY[:3]},
    **{f"{n}_mixed": two(named(n), I, F) for n in _BINARY[:3]},
    **{n: two(named(n), I) for n in _COMPARED},
    **{n: two(named(n), "bool") for n in _LOGICAL},
    **{f"{n}_all": one(named(n)) for n in _REDUCED},
    **{f"{n}_axis": one(along(n, axis=1)) for n in _REDUCED},
    **{f"{n}_kept": one(along(n, axis=(1, 2), keepdims=True)) for n in _REDUCED},
    **{
        f"{n}_int": one(along(n, axis=1), I)
        for n in ("max", "sum", "mean", "std", "prod")
    },
    **{n: one(along(n, axis=2), "holes") for n in _NAN},
    "all": one(along("all", axis=1), "bool"),
    "any": one(along("any", axis=-1), I),
    "arccosh": one(lambda o, x: o.arccosh(x + 1.5), "positive"),
    "add_number": one(lambda o, x: x + 2.5),
    "add_number_int": one(lambda o, x: x + 2.5, I),
    "add_whole_int": one(lambda o, x: 2 + x, I),
    "add_array": one(lambda o, x: x + np.arange(5, dtype=F)),
    "array_first": one(lambda o, x: o.subtract(np.arange(5, dtype=F), x)),
    "add_doubles": one(lambda o, x: x + np.arange(5) / 3),
    "number_first": one(lambda o, x: 1.0 - x),
    "number_divided": one(lambda o, x: 2 / x, "positive"),
    "divide": two(named("divide"), I, "positive"),
    "divide_int": one(lambda o, x: x / 3, I),
    "true_divide": two(named("true_divide"), F, "positive"),
    "divide_no_nan": two(named("divide_no_nan"), F, I),
    "power": one(lambda o, x: x**2),
    "power_first": one(lambda o, x: 2.0**x),
    "power_tensor": two(named("power"), "positive", F),
    "floor_divide": one(lambda o, x: x // 0.7),
    "floor_divide_int": one(lambda o, x: (x - 2) // 3, I),
    "mod": one(lambda o, x: x % 0.7),
    "mod_negative": one(lambda o, x: x % -0.7),
    "mod_int": one(lambda o, x: (x - 2) % 3, I),
    "fmod": one(lambda o, x: o.fmod(x, 0.7)),
    "remainder": one(lambda o, x: o.mod(x, 3), I),
    "arctan2": two(named("arctan2")),
    "hypot": two(named("hypot")),
    "heaviside": two(named("heaviside"), I, F),
    "ldexp": two(named("ldexp"), F, I),
    "logaddexp": two(named("logaddexp")),
    "logaddexp2": two(named("logaddexp2")),
    "logical_not": one(named("logical_not"), "bool"),
    "bitwise_and": two(named("bitwise_and"), I),
    "bitwise_or": two(named("bitwise_or"), I),
    "bitwise_xor": two(named("bitwise_xor"), I),
    "bitwise_not": one(named("bitwise_not"), I),
    "bitwise_invert": one(named("bitwise_invert"), I),
    "left_shift": two(named("left_shift"), I),
    "right_shift": two(named("right_shift"), I),
    "bitwise_left_shift": two(named("bitwise_left_shift"), I),
    "bitwise_right_shift": two(named("bitwise_right_shift"), I),
    "isclose": two(lambda o, x, y: o.isclose(x, x + y * 1e-5)),
    "allclose": two(lambda o, x, y: o.allclose(x, y)),
    "isfinite": one(named("isfinite"), "odd"),
    "isinf": one(named("isinf"), "odd"),
    "isnan": one(named("isnan"), "odd"),
    "isneginf": one(named("isneginf"), "odd"),
    "isposinf": one(named("isposinf"), "odd"),
    "isreal": one(named("isreal")),
    "isin": one(lambda o, x: o.isin(x, [1, 3]), I),
    "nan_to_num": one(
        lambda o, x: o.nan_to_num(x, nan=2.0, posinf=5.0, neginf=-4.0), "odd"
    ),
    "nancumsum": one(along("nancumsum", axis=1), "holes"),
    "nancumprod": one(along("nancumprod", axis=1), "holes"),
    "nanargmax": one(along("nanargmax", axis=1), "holes"),
    "nanargmin": one(along("nanargmin", axis=2), "holes"),
    "signbit": one(named("signbit")),
    "sinc": one(named("sinc")),
    "cbrt": one(named("cbrt")),
    "erfc": one(named("erfc")),
    "deg2rad": one(named("deg2rad")),
    "rad2deg": one(named("rad2deg")),
    "round": one(named("round")),
    "round_decimals": one(lambda o, x: o.round(x, 2)),
    "trunc": one(named("trunc")),
    "real": one(named("real")),
    "imag": one(named("imag")),
    "conj": one(named("conj")),
    "conjugate": one(named("conjugate")),
    "copy": one(named("copy")),
    "angle": one(named("angle")),
    "array": one(lambda o, x: o.array(x)),
    "fabs": one(named("fabs")),
    "clip": one(lambda o, x: o.clip(x, -0.5, 0.7)),
    "where": two(lambda o, x, y: o.where(x > 0, x, y)),
    "where_number": one(lambda o, x: o.where(x > 0, x, 1)),
    "where_numbers": one(lambda o, x: o.where(x > 0, 1.0, -1.0)),
    "select": two(lambda o, x, y: o.select([x > 1, y > 0], [x, y], 0.5)),
    "average": one(along("average", axis=1)),
    "average_weights": two(lambda o, x, y: o.average(x, axis=1, weights=y)),
    "count_nonzero": one(along("count_nonzero", axis=1), I),
    "argmax": one(along("argmax", axis=1)),
    "argmin_kept": one(along("argmin", axis=-1, keepdims=True)),
    "argmax_all": one(named("argmax")),
    "argsort": one(along("argsort", axis=1)),
    "sort": one(along("sort", axis=1)),
    "sort_int": one(along("sort", axis=-1), I),
    "top_k": one(lambda o, x: o.top_k(x, 3)),
    "in_top_k": Case(lambda o, t, p: o.in_top_k(t, p, 2), ((), (5,)), (I, F)),
    "quantile": one(lambda o, x: o.quantile(x, 0.3, axis=1)),
    "quantiles": one(lambda o, x: o.quantile(x, [0.25, 0.8], axis=2)),
    "percentile": one(lambda o, x: o.percentile(x, 40, axis=2, keepdims=True)),
    "cumsum": one(along("cumsum", axis=1)),
    "cumsum_flat": Case(named("cumsum"), ((2, 3),), whole=True),
    "cumprod": one(along("cumprod", axis=1)),
    "diff": one(along("diff", axis=1)),
    "diff_twice": one(along("diff", n=2, axis=2)),
    "trapezoid": one(named("trapezoid")),
    "median": one(along("median", axis=1)),
    "median_kept": one(along("median", axis=(1, 2), keepdims=True)),
    "moments": one(lambda o, x: o.moments(x, axes=[1])),
    "segment_sum": Case(
        lambda o, x, s: o.segment_sum(x, s, num_segments=5), ((4,), ()), (F, I)
    ),
    "segment_sum_left_out": Case(
        lambda o, x, s: o.segment_sum(x, s % 3 - 1, num_segments=2), ((4,), ()), (F, I)
    ),
    "segment_max": Case(
        lambda o, x, s: o.segment_max(x, s % 2, num_segments=2), ((4,), ()), (F, I)
    ),
    "segment_min": Case(
        lambda o, x, s: o.segment_min(x, s * 0, num_segments=1), ((4,), ()), (F, I)
    ),
    "segment_prod": Case(
        lambda o, x, s: o.segment_prod(x, s, num_segments=5), ((4,), ()), (F, I)
    ),
}
