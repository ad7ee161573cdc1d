"""Batches where Keras on TensorFlow has no answer: torch's data, errors."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from keras2torch.data import PyDataset, arrays, make_batches, split
from tests.data.cases import IMAGES, X, Y, ramp


def rows(batches: Any) -> list[float]:
    return [float(v) for x, _, _ in batches for v in x.reshape(len(x), -1)[:, 0]]


N = 70
COUNT = np.arange(N, dtype="float32")[:, None] * np.ones((1, 3), "float32")


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("big", [False, True])
def test_every_sample_once(
    shuffle: Any, big: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if big:
        monkeypatch.setattr(arrays, "MOVED_WHOLE", 0)
    batches = make_batches(COUNT, COUNT[:, 0], batch_size=16, shuffle=shuffle)
    assert (batches.num_batches, batches.batch_size, batches.num_samples) == (5, 16, N)
    epochs = [rows(batches) for _ in range(2)]
    assert all(sorted(epoch) == list(range(N)) for epoch in epochs)
    assert (epochs[0] == sorted(epochs[0])) == (shuffle is False)
    assert (epochs[0] == epochs[1]) == (shuffle is False)
    if shuffle == "batch":
        assert sorted(epochs[0][:16]) == list(range(16))
    assert [len(x) for x, _, _ in batches] == [16, 16, 16, 16, 6]
    for x, y, w in batches:
        assert torch.equal(x[:, 0], y)
        assert w is None


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("big", [False, True])
def test_batches_are_on_the_device(
    shuffle: Any, big: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if big:
        monkeypatch.setattr(arrays, "MOVED_WHOLE", 0)
    # A device that every machine has.
    made = [
        make_batches([X, IMAGES], Y, device="meta"),
        make_batches([X, IMAGES], Y, Y, batch_size=4, shuffle=shuffle, device="meta"),
        make_batches(ramp(2, 3), device="meta"),
    ]
    for batches in made:
        for x, y, w in batches:
            tensors = [*(x if isinstance(x, list) else [x]), y, w]
            found = {t.device.type for t in tensors if t is not None}
            assert found == {"meta"}
    assert made[0].source.columns[0].tensor.device.type == ("cpu" if big else "meta")


def test_a_seed_gives_an_order() -> None:
    def once(seed: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed)
        return rows(make_batches(COUNT, shuffle=True, generator=generator))

    assert once(1) == once(1) != once(2)


def test_memory_is_shared_where_nothing_is_shuffled() -> None:
    tensor = torch.rand(12, 2)
    found = [x for x, _, _ in make_batches(tensor, batch_size=4)]
    assert found[1].data_ptr() == tensor[4:].data_ptr()
    array = np.random.rand(12, 2).astype("float32")
    found = [x for x, _, _ in make_batches(array, batch_size=4)]
    assert found[2].data_ptr() == torch.from_numpy(array)[8:].data_ptr()


@pytest.mark.parametrize("inference", [False, True])
def test_a_model_that_writes_into_its_input_leaves_the_data(inference: bool) -> None:
    array = COUNT.copy()
    batches = make_batches(array, batch_size=16)
    with torch.inference_mode(inference):
        for _ in range(2):
            for x, _, _ in batches:
                x /= 255
    np.testing.assert_array_equal(array, COUNT)


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        ([1.0, 2.0, 3.0], torch.float32, (3,)),
        ([[1, 2], [3, 4], [5, 6]], torch.int64, (3, 2)),
        (((1.0,), (2.0,)), torch.float32, (2, 1)),
        ([np.float64(1.0), np.float64(2.0)], torch.float32, (2,)),
        (np.array([1, 2], "uint16"), torch.int32, (2,)),
        (np.array([1, 2], "uint32"), torch.int64, (2,)),
        (np.array([1.0, 2.0], ">f4"), torch.float32, (2,)),
        (np.array([1, True], object), torch.int64, (2,)),
        (np.broadcast_to(np.float32(1), (2, 3)), torch.float32, (2, 3)),
        (np.longdouble([1.0, 2.0]), torch.float32, (2,)),
        (torch.tensor([1.0, 2.0], dtype=torch.bfloat16), torch.float32, (2,)),
        (torch.tensor([1.0, 2.0], requires_grad=True), torch.float32, (2,)),
        (np.ma.masked_array([1.0, 2.0], [True, False]), torch.float32, (2,)),
    ],
)
def test_what_is_an_array(value: Any, dtype: torch.dtype, shape: Any) -> None:
    ((x, _, _),) = make_batches(value)
    assert (x.dtype, tuple(x.shape), x.requires_grad) == (dtype, shape, False)


class Frame:
    """As much of a DataFrame or Series as is asked."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)
        self.shape, self.ndim = self.array.shape, self.array.ndim

    @property
    def iloc(self) -> Any:
        outer = self

        class Places:
            def __getitem__(self, at: Any) -> Frame:
                return Frame(outer.array[at])

        return Places()

    def to_numpy(self) -> Any:
        return self.array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


def test_a_series_is_a_column() -> None:
    train, validation = split((Frame(X), Frame(Y), None), 0.25)
    assert isinstance(train[0], Frame)
    ((x, y, _),) = make_batches(*train)
    assert (tuple(x.shape), tuple(y.shape)) == ((8, 3), (8, 1))
    ((x, y, _),) = make_batches(*validation)
    np.testing.assert_array_equal(y[:, 0], Y[8:])


@pytest.mark.parametrize("shuffle", [False, True])
def test_sparse_rows_become_dense(shuffle: bool) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.where(X > 0, X, 0).astype("float32")
    batches = make_batches(
        sparse.coo_array(dense), np.arange(len(X)), batch_size=4, shuffle=shuffle
    )
    for x, places, _ in batches:
        np.testing.assert_array_equal(x, dense[places])
    (train, _, _), (validation, _, _) = split((sparse.csc_array(dense), Y, None), 0.25)
    assert (train.shape[0], validation.shape[0]) == (8, 3)


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("processes", [False, True])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_workers_keep_the_order(workers: int, processes: bool) -> None:
    class Slow(PyDataset):
        def __len__(self) -> int:
            return 9

        def __getitem__(self, index: int) -> Any:
            time.sleep(0.004 * (index % 3 == 0))
            return COUNT[index : index + 1], COUNT[index : index + 1]

    batches = make_batches(
        Slow(workers=workers, use_multiprocessing=processes, max_queue_size=3)
    )
    assert [rows(batches) for _ in range(2)] == [list(range(9))] * 2
    next(iter(batches))  # left in the middle: nothing hangs
    assert rows(batches) == list(range(9))


def test_threads_work_ahead_and_no_further_than_told() -> None:
    asked = []

    class Endless(PyDataset):
        num_batches = None

        def __getitem__(self, index: int) -> Any:
            asked.append(index)
            return {"x": np.full((2, 1), float(index))}

    batches = make_batches(Endless(workers=2, max_queue_size=4), steps_per_epoch=3)
    assert batches.num_batches == 3
    for start in (0, 3):  # the next epoch goes on
        found = [float(x["x"][0]) for x, _, _ in batches]
        assert found == [start, start + 1, start + 2]
    assert len(asked) <= 6 + 4 + 1


def test_what_a_worker_raises_arrives() -> None:
    class Broken(PyDataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            if index == 2:
                raise KeyError("no such file")
            return (COUNT[:2],)

    for kwargs in ({}, {"workers": 3}):
        batches = make_batches(Broken(**kwargs))
        with pytest.raises(KeyError, match="no such file") as caught:
            list(batches)
        told = "".join(traceback.format_exception(caught.value))
        assert "PyDataset given as x, for epoch 1, batch 3" in told


def test_hooks_are_called_once_by_hand_or_not() -> None:
    calls = []

    class Told(PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return (COUNT[:2],)

        def on_epoch_begin(self) -> None:
            calls.append("begin")

        def on_epoch_end(self) -> None:
            calls.append("end")

    batches = make_batches(Told())
    list(batches)
    batches.on_epoch_begin()
    list(batches)
    batches.on_epoch_end()
    next(iter(batches))  # `break`
    list(batches)
    assert calls == ["begin", "end"] * 4


@pytest.mark.parametrize("shuffle", [False, True])
def test_torch_data(shuffle: bool) -> None:
    samples = TensorDataset(torch.from_numpy(COUNT), torch.arange(N))
    loader = DataLoader(samples, batch_size=16)
    batches = make_batches(loader, shuffle=shuffle)  # its order is its own
    assert (batches.num_batches, batches.batch_size, batches.num_samples) == (5, 16, N)
    assert rows(batches) == list(range(N))
    batches = make_batches(samples, batch_size=20, shuffle=shuffle)
    assert batches.num_batches == 4
    assert (rows(batches) == list(range(N))) == (not shuffle)
    assert sorted(rows(batches)) == list(range(N))

    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            return iter({"x": row} for row in COUNT)

    batches = make_batches(Stream(), batch_size=16)
    assert batches.num_batches is None
    assert [len(x["x"]) for x, _, _ in batches] == [16, 16, 16, 16, 6]
    assert batches.num_batches == 5  # known by now


def test_a_generator_goes_on_and_ends() -> None:
    batches = make_batches((b for b in ramp(5)), steps_per_epoch=4)
    assert rows(batches)[::4] == [0, 1, 2, 3]
    assert not batches.exhausted
    with pytest.warns(UserWarning, match="ran out of data"):
        assert rows(batches)[::4] == [4]
    assert batches.exhausted
    with pytest.warns(UserWarning, match="ran out of data"):
        assert rows(batches) == []
    with pytest.warns(UserWarning, match="ran out of data"):
        found = rows(make_batches(map(lambda i: (np.full((1, 1), i),), [1, 2])))
    assert found == [1, 2]


def test_an_iterator_is_not_asked_for_more_than_is_needed() -> None:
    asked = []

    def stream() -> Iterator[Any]:
        for batch in ramp(100):
            asked.append(batch)
            yield batch

    batches = make_batches(stream(), steps_per_epoch=3)
    list(batches)
    assert len(asked) == 3


def test_a_view_of_the_callers_array_is_copied() -> None:
    class Views(PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return (array[index : index + 1],)

    array = COUNT.copy()
    for x, _, _ in make_batches(Views()):
        x += 1
    np.testing.assert_array_equal(array, COUNT)


def dies() -> Iterator[Any]:
    yield from ramp(3)
    raise OSError("disk gone")


def test_a_generator_that_dies_tells_where() -> None:
    batches = make_batches(dies(), steps_per_epoch=2)
    list(batches)
    with pytest.raises(OSError, match="disk gone") as caught:
        list(batches)
    told = "".join(traceback.format_exception(caught.value))
    assert "generator given as x, for epoch 2, batch 2" in told


def gen() -> Any:
    return ramp(2)


class Empty(PyDataset):
    def __len__(self) -> int:
        return 0


class EmptyIterable:
    def __iter__(self) -> Iterator[Any]:
        return iter(())


ERRORS: dict[str, tuple[Any, str]] = {
    "lengths": (
        lambda: make_batches([X, IMAGES[:4]], Y, Y[:3]),
        r"x\[0\] has shape \(11, 3\), x\[1\] has shape \(4, 4, 5, 3\), "
        r"y has shape \(11,\), sample_weight has shape \(3,\)",
    ),
    "names": (lambda: make_batches({"b": X}, Y[:3]), r"x\['b'\] has shape \(11, 3\)"),
    "no samples": (lambda: make_batches(X[:0], Y[:0]), r"x has shape \(0, 3\)"),
    "an empty list": (lambda: make_batches([]), "no samples"),
    "nothing": (lambda: make_batches(None), "x is None"),
    "a number": (lambda: make_batches(np.float64(3)), "no axis of samples"),
    "text": (lambda: make_batches(np.zeros((2, 1)), ["a", "b"]), "y holds text"),
    "text in objects": (
        lambda: make_batches(np.array([1, "b"], object)),
        "holds text",
    ),
    "dates": (lambda: make_batches(np.array(["2020"], "M8[Y]")), "datetime64"),
    "ragged list": (lambda: make_batches([[1, 2], [3]]), "different lengths"),
    "ragged": (
        lambda: make_batches(np.array([[1, 2], [3]], object)),
        "Python objects",
    ),
    "y no array": (lambda: make_batches(X, {"a": object()}), r"y\['a'\] is a object"),
    "no data": (lambda: make_batches(object()), "kind .* batches: object"),
    "a string": (lambda: make_batches("path"), "text|kind"),
    "batch size": (lambda: make_batches(X, batch_size=-2), "positive"),
    "steps": (lambda: make_batches(X, steps_per_epoch=0), "positive"),
    "both weights": (
        lambda: make_batches(X, Y, Y, class_weight={0: 1.0}),
        "at the same time",
    ),
    "class weight of two": (
        lambda: make_batches(X, [Y, Y], class_weight={0: 1.0}),
        "single output",
    ),
    "class weight of steps": (
        lambda: make_batches(X, IMAGES, class_weight={0: 1.0}),
        "one class a sample",
    ),
    "class weight alone": (lambda: make_batches(X, class_weight={0: 1.0}), "needs y"),
    "weights of outputs": (
        lambda: make_batches(X, [Y, Y], [Y]),
        r"y\[0\], y\[1\] and sample_weight\[0\]",
    ),
    "steps of outputs": (lambda: make_batches(X, [Y, Y], X), r"shape \(11, 3\)"),
    "y of a generator": (lambda: make_batches(gen(), Y), "beside a generator"),
    "y of a PyDataset": (lambda: make_batches(Empty(), Y), "beside a PyDataset"),
    "weights of a loader": (
        lambda: make_batches(DataLoader(TensorDataset(torch.ones(2))), None, Y),
        "beside a torch DataLoader",
    ),
    "class weight of a generator": (
        lambda: make_batches(gen(), class_weight={0: 1.0}),
        "beside a generator",
    ),
    "empty generator": (lambda: make_batches(iter(())), "yields no batch"),
    "empty PyDataset": (lambda: make_batches(Empty()), "Empty .* no batch"),
    "empty Dataset": (lambda: make_batches(TensorDataset(torch.ones(0))), "no sample"),
    "empty iterable": (lambda: list(make_batches(EmptyIterable())), "no batch"),
    "a list yielded": (lambda: list(make_batches(iter([[X, X]]))), "tuple"),
    "four yielded": (lambda: list(make_batches(iter([(X,) * 4]))), "4 items"),
    "an odd PyDataset": (
        lambda: list(make_batches(type("D", (Empty,), ODD)())),
        "not a str",
    ),
    "split a generator": (lambda: split((gen(), None, None), 0.2), "validation_data"),
    "split of one": (lambda: split((X[:1], Y[:1], None), 0.2), "nothing for training"),
    "split too fine": (
        lambda: split((X, Y, None), 1e-20),
        "nothing for validation",
    ),
    "split of lengths": (lambda: split((X, Y[:3], None), 0.2), "number of samples"),
    "split by 1": (lambda: split((X, Y, None), 1.0), "fraction"),
}
ODD = {"__len__": lambda self: 1, "__getitem__": lambda self, index: "odd"}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_sentence(name: str) -> None:
    call, message = ERRORS[name]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_class_without_weight_is_named() -> None:
    with pytest.warns(UserWarning, match=r"classes \[0, 2\]"):
        ((_, _, w),) = make_batches(X, Y, class_weight={1: 5.0})
    np.testing.assert_array_equal(w, np.where(Y == 1, 5.0, 1.0))


@pytest.mark.parametrize("form", [np.array, list, lambda x: np.array(x, object)])
def test_strings_are_batched_as_they_are(form) -> None:
    words = [["a"], ["b"], ["c"]]
    batches = make_batches(form(words), np.arange(3.0), batch_size=2, shuffle=False)
    found = [(x.tolist(), y.tolist()) for x, y, _ in batches]
    assert found == [([["a"], ["b"]], [0.0, 1.0]), ([["c"]], [2.0])]
    shuffled = make_batches(form(words), batch_size=3, shuffle=True)
    [(x, _, _)] = shuffled
    assert sorted(x.tolist()) == words
