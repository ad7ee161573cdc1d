"""Data sets in use, for tf.data and for us."""

from __future__ import annotations

from typing import Any

import numpy as np

X = np.arange(33, dtype="float32").reshape(11, 3)
Y = np.arange(11) % 3
NAMES = np.array([f"n{i}" for i in range(11)])


def shown(value: Any) -> Any:
    """Return numbers in lists, and strings as text."""
    if isinstance(value, dict):
        return {k: shown(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(v) for v in value]
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if array.dtype == object or array.dtype.kind == "S":
        return array.astype("U").tolist()
    return [str(array.dtype), array.tolist()]


def answers(dataset: Any) -> dict[str, Any]:
    """Return what comes out of each pipeline, and how long it says it is."""
    pairs = dataset.from_tensor_slices((X, Y))
    by_name = dataset.from_tensor_slices({"b": X, "a": NAMES})
    lengths = dataset.from_generator(_ragged, output_signature=_signature(dataset))
    made = {
        "slices": pairs,
        "numbers": dataset.from_tensor_slices([1, 2, 3]),
        "floats": dataset.from_tensor_slices(([1.5, 2.5], [[1], [2]])),
        "one": dataset.from_tensors((X, Y)),
        "range": dataset.range(2, 20, 3),
        "by name": by_name,
        "by name, batched": by_name.batch(4),
        "batch": pairs.batch(4),
        "batch, whole": pairs.batch(4, drop_remainder=True),
        "batch of batches": pairs.batch(2, drop_remainder=True).batch(3),
        "unbatched": pairs.batch(4).unbatch(),
        "map": pairs.map(lambda x, y: (x * 2, y + 1)),
        "map to one": pairs.map(lambda x, y: x[0]),
        "map of dicts": by_name.map(lambda row: row["b"]),
        "map in threads": pairs.map(lambda x, y: (y, x), num_parallel_calls=3),
        "map of batches": pairs.batch(3).map(lambda x, y: {"x": x[:, 0], "y": y}),
        "filter": pairs.filter(lambda x, y: y == 1),
        "take": pairs.take(3),
        "take all": pairs.take(-1),
        "take too many": pairs.take(99),
        "skip": pairs.skip(8),
        "skip all": pairs.skip(99),
        "shard": pairs.shard(3, 1),
        "repeat": pairs.repeat(2).batch(5),
        "endless": pairs.repeat().take(13),
        "cache": pairs.cache().repeat(2),
        "prefetch": pairs.batch(2).prefetch(2),
        "concatenate": pairs.take(2).concatenate(pairs.skip(9)),
        "zip": dataset.zip((pairs, dataset.range(4))),
        "zip of two": dataset.zip(pairs, dataset.range(20)),
        "enumerate": dataset.range(3).enumerate(),
        "flat_map": dataset.range(1, 4).flat_map(_repeated(dataset)),
        "rebatch": pairs.batch(4).rebatch(3),
        "padded": lengths.padded_batch(2),
        "padded to": lengths.padded_batch(3, padded_shapes=[6]),
        "apply": pairs.apply(lambda d: d.take(1)),
    }
    found = {name: [shown(e) for e in data] for name, data in made.items()}
    for name, data in made.items():
        found[f"{name}: length"] = int(data.cardinality())
    whole = {k: [shown(e) for e in made[k]] for k in ("cache", "prefetch", "take")}
    found["again"] = all(found[k] == v for k, v in whole.items())
    for size in (3, 99):
        order = [int(v) for v in dataset.range(11).shuffle(size)]
        found[f"shuffled by {size}"] = sorted(order)
        found[f"shuffled by {size}, early"] = all(
            v < size + n for n, v in enumerate(order)
        )
    found["reduce"] = shown(dataset.range(5).reduce(np.int64(0), lambda s, v: s + v))
    first = next(pairs.batch(4).as_numpy_iterator())
    found["numpy"] = [type(part).__name__ for part in first]
    for name in ("slices", "batch", "batch, whole", "by name, batched"):
        found[f"{name}: spec"] = specs(made[name].element_spec)
    return found


def specs(spec: Any) -> Any:
    """Return shapes of specifications."""
    if isinstance(spec, dict):
        return {k: specs(v) for k, v in spec.items()}
    if isinstance(spec, tuple) and not hasattr(spec, "dtype"):
        return [specs(s) for s in spec]
    return [n for n in spec.shape]


def _ragged() -> Any:
    for n in (1, 4, 2, 5, 3):
        yield np.arange(n, dtype="float32")


def _signature(dataset: Any) -> Any:
    """Return what TensorFlow has to be told."""
    if not dataset.__module__.startswith("tensorflow"):
        return None
    import tensorflow as tf

    return tf.TensorSpec((None,), "float32")


def _repeated(dataset: Any) -> Any:
    return lambda n: dataset.from_tensors(n).repeat(2)
