"""Calls that Keras and keras2torch make alike: ``run(keras)`` → name → array."""

import numpy as np


def run(keras):
    Q = keras.quantizers
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 5)).astype("float32")
    found = {}

    def keep(name, values):
        for i, value in enumerate(values if isinstance(values, tuple) else (values,)):
            array = (
                keras.ops.convert_to_numpy(value) if hasattr(value, "dtype") else value
            )
            found[f"{name} {i}"] = np.asarray(array)

    for axis in (0, -1, (0, 1)):
        for to_numpy in (False, True):
            keep(
                f"abs_max {axis} {to_numpy}",
                Q.abs_max_quantize(x, axis, to_numpy=to_numpy),
            )
    keep("abs_max int4", Q.abs_max_quantize(x, 1, (-8, 7), "int8", 1e-3))
    keep("quantizer", Q.AbsMaxQuantizer(axis=0)(x))
    keep("quantizer call", Q.AbsMaxQuantizer(value_range=(-8, 7))(x, axis=0))
    alike = np.concatenate([np.full((3, 5), 0.5, "float32"), x])
    for block in (2, 3, 7, 10, 16):
        for to_numpy in (False, True):
            made = Q.abs_max_quantize_grouped_with_zero_point(
                alike, block, to_numpy=to_numpy
            )
            keep(f"grouped {block} {to_numpy}", made)
    for bits in (8, 4):
        for narrow in (False, True):
            made = Q.fake_quant_with_min_max_vars(x, -0.7, 1.3, bits, narrow)
            keep(f"faked {bits} {narrow}", made)
            low, high = (
                np.float32([-1, -2, -0.5, 0.1, -3]),
                np.float32([1, 2, 0.7, 3, 0.0]),
            )
            low[3] = 0.0
            made = Q.fake_quant_with_min_max_vars(x, low, high, bits, narrow, axis=1)
            keep(f"faked channels {bits} {narrow}", made)
    keep("faked front", Q.fake_quant_with_min_max_vars(x.T.copy(), low, high, axis=0))
    for shape, axis in (((5, 3), 0), ((4, 5), 1), ((2, 3, 5), -1), ((7,), 0)):
        numbers = rng.integers(-8, 8, shape).astype("int8")
        packed, size, count = Q.pack_int4(numbers, axis=axis)
        keep(f"packed {shape}", (packed, np.asarray(size), np.asarray(count)))
        keep(f"unpacked {shape}", Q.unpack_int4(packed, count, axis=axis))
        whole = rng.integers(0, 16, shape).astype("uint8")
        packed, _, count = Q.pack_int4(whole, axis=axis, dtype="uint8")
        keep(f"packed uint8 {shape}", packed)
        keep(f"unpacked uint8 {shape}", Q.unpack_int4(packed, count, axis, "uint8"))
    amax = keras.ops.convert_to_tensor(np.float32([2.0, 0.0, np.inf, 100.0]))
    scale = keras.ops.convert_to_tensor(np.float32([1.0, 0.5, 3.0, 2.0]))
    keep("scale", Q.compute_float8_scale(amax, scale, 448.0, margin=1))
    keep("history", Q.compute_float8_amax_history(x, amax))
    for kind in ("float8_e4m3fn", "float8_e5m2"):
        wide = keras.ops.convert_to_tensor(x * 300)
        keep(f"back {kind}", Q.quantize_and_dequantize(wide, 0.7, kind, "float32"))
    config = Q.serialize(Q.AbsMaxQuantizer(axis=1))["config"]
    found["config"] = np.asarray(sorted(config))
    return found
