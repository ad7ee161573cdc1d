"""The Keras side: which Keras is the judge, and what it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import onnx_ir as ir

from keras2torch.dialect import DOMAIN, DRAWS, is_layer
from keras2torch.dialect.attributes import decode, encode
from keras2torch.errors import Keras2TorchError, VerificationUnavailable
from keras2torch.layers.augmentation_base import Augmentation
from keras2torch.layers.definitions import REGISTRY
from keras2torch.tracing import (
    KerasError,
    KerasProcess,
    LoadedModel,
    RunResult,
    available,
)
from keras2torch.verification.difference import Array, says_little
from keras2torch.verification.graph import producers
from keras2torch.verification.inputs import Input, attempts, inputs_of, make_batches
from keras2torch.verification.onnx_side import OnnxRuntime
from keras2torch.verification.rebuild import rebuilt

# Above this many parameters a float64 copy with all its gradients no longer fits
# beside everything else: float64 is then asked for only where float32 disagrees, and
# its gradients not at all above the second figure.
_LARGE = 30_000_000
_HUGE = 100_000_000
_SCALES = (1.0, 0.1, 0.01)

# Drawn at random whenever they are called with training=True.
_NOISE = frozenset(
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise "
    "GaussianDropout AlphaDropout".split()
)
# Standard operators that draw by themselves.
_UNSEEN = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}


@dataclass(frozen=True)
class Judge:
    """The model that Keras holds.

    Attributes
    ----------
    loaded
        What Keras says of it.
    rebuilt
        Made from our graph, because no Keras loads the file.
    renamed
        Path in the graph → path in Keras.
    why
        Why it had to be rebuilt.
    """

    loaded: LoadedModel
    rebuilt: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def label(self) -> str:
        """How the report names it: ``Keras 3.15.1 (rebuilt Keras model)``."""
        return self.loaded.keras + (" (rebuilt Keras model)" if self.rebuilt else "")


@dataclass(frozen=True)
class Computed:
    """A run of the judge, in the order of the graph's inputs and outputs."""

    batches: list[list[Array]]
    result: RunResult
    outputs: list[int]
    remarks: list[str]


def reference(
    stack: ExitStack, python: str | None = None, *, needed: bool = False
) -> KerasProcess | None:
    """Start Keras in its own process, so that it loads while the rest is done.

    Parameters
    ----------
    stack
        Ends the process.
    python
        Interpreter of an environment with TensorFlow; this one by default.
    needed
        Whether it is an error if there is none.

    Returns
    -------
    KerasProcess or None
        ``None`` where TensorFlow is not installed.
    """
    if python is None and not available():
        if needed:
            raise VerificationUnavailable(
                "TensorFlow is not installed here, so nothing can be compared with "
                "Keras; install keras2torch[tensorflow] or name an interpreter that "
                "has it (--keras-python)."
            )
        return None
    return stack.enter_context(KerasProcess(python))


def rebuild(process: KerasProcess, model: ir.Model, why: str) -> Judge:
    """Have Keras build the model from our graph."""
    try:
        again = rebuilt(model)
        loaded = process.rebuild(again.config, again.weights, again.keras)
    except (KerasError, Keras2TorchError, ValueError) as error:
        raise VerificationUnavailable(
            f"no Keras here loads the file ({why}), and it cannot be rebuilt from "
            f"the graph: {_first_line(error)}"
        ) from error
    return Judge(loaded, True, again.paths, why)


def compute(
    process: KerasProcess | OnnxRuntime,
    judge: Judge,
    model: ir.Model,
    *,
    half: bool = False,
) -> Computed:
    """Run the judge on inputs that it takes and that say something.

    ``half``: its layers compute in half precision, so that float32 is asked for too.

    Sizes that the file leaves open are enlarged until Keras takes them, and plain
    floats made smaller where they drive every output into saturation.

    Raises
    ------
    KerasError
        If it takes none.
    """
    inputs = inputs_of(model)
    names = [i.name for i in inputs]
    order = matched(names, [t.name for t in judge.loaded.inputs])
    drawn = draws(model)

    def run(attempt: int, scale: float) -> tuple[list[list[Array]], RunResult]:
        batches = make_batches(inputs, attempt=attempt, scale=scale)
        given = [
            [batch[order.index(k)] for k in range(len(order))] for batch in batches
        ]
        large = judge.loaded.total > _LARGE
        if (drawn or half) and isinstance(process, KerasProcess):
            return batches, process.run(
                given,
                layers=True,
                gradients=True,
                float64=not large,
                float32=half,
                draws=drawn,
            )
        return batches, process.run(
            given, layers=True, gradients=True, float64=not large
        )

    attempt, (batches, result) = _first_size(run, inputs)
    remarks = []
    # Layers and gradients are those of the first batch: that one has to say something.
    if says_little(result.native.outputs[0]):
        for scale in _SCALES[1:] if _scalable(inputs) else ():
            again, calmer = run(attempt, scale)
            if not says_little(calmer.native.outputs[0]):
                batches, result = again, calmer
                break
        else:
            remarks.append(
                "The outputs are constant or saturated on random inputs, so that their "
                "agreement says little; that of the layers says more."
            )
    if result.float64_error:
        why = f"{name_of(process)} has no float64 result: {result.float64_error}"
        remarks.append(why)
    if result.gradient_error:
        remarks.append(f"Keras has no gradients: {result.gradient_error}")
    outputs = matched(producers(model.graph), [t.name for t in judge.loaded.outputs])
    return Computed(batches, result, outputs, remarks)


def in_float64(
    process: KerasProcess | OnnxRuntime,
    judge: Judge,
    computed: Computed,
    model: ir.Model,
) -> Computed:
    """Run a large model in float64 after all."""
    names = [i.name for i in inputs_of(model)]
    order = matched(names, [t.name for t in judge.loaded.inputs])
    given = [
        [batch[order.index(k)] for k in range(len(order))] for batch in computed.batches
    ]
    slopes = judge.loaded.total <= _HUGE
    again = process.run(given, layers=True, gradients=slopes, float64=True)
    result = replace(
        computed.result,
        seconds=computed.result.seconds + again.seconds,
        float64=again.float64,
        float64_error=again.float64_error,
    )
    return Computed(computed.batches, result, computed.outputs, computed.remarks)


def name_of(process: KerasProcess | OnnxRuntime) -> str:
    """Return what the judge is called in a sentence."""
    return process.name if isinstance(process, OnnxRuntime) else "Keras"


def matched(ours: Sequence[str], theirs: Sequence[str]) -> list[int]:
    """Return for each of our names its place among theirs; by position if unclear.

    Examples
    --------
    >>> matched(["a", "b"], ["b", "a"]), matched(["x", "y"], ["b", "a"])
    ([1, 0], [0, 1])
    """
    if len(set(ours)) == len(ours) and sorted(ours) == sorted(theirs):
        return [list(theirs).index(name) for name in ours]
    return list(range(len(ours)))


def always_random(model: ir.Model) -> list[ir.Node]:
    """Return the noise layers that ``training=True`` keeps on at inference."""
    found = []

    def look(graph: ir.Graph) -> None:
        for node in graph:
            if not is_layer(node):
                continue
            if "_call" in node.attributes and _is_noise(node.op_type):
                options = decode(node.attributes["_call"])
                if options.get("training"):
                    found.append(node)
            if "_body" in node.attributes:
                look(node.attributes["_body"].as_graph())

    look(model.graph)
    return found


def _is_noise(kind: str) -> bool:
    cls = REGISTRY.get(kind)
    return kind in _NOISE or (cls is not None and issubclass(cls, Augmentation))


def draws(model: ir.Model) -> bool:
    """Whether the model itself draws random numbers, at inference too."""

    def inside(graph: ir.Graph) -> bool:
        return any(
            (node.domain == DOMAIN and node.op_type in DRAWS)
            or ("_body" in node.attributes and inside(_body(node)))
            for node in graph
        )

    return inside(model.graph)


def draws_unseen(model: ir.Model) -> bool:
    """Whether it draws where nobody can give both sides the same numbers.

    So do the functions that a SavedModel restores, and ONNX files.
    """

    def inside(graph: ir.Graph) -> bool:
        return any(
            (node.domain == "" and node.op_type in _UNSEEN)
            or ("_body" in node.attributes and inside(_body(node)))
            for node in graph
        )

    return inside(model.graph)


def _body(node: ir.Node) -> ir.Graph:
    return node.attributes["_body"].as_graph()


@contextmanager
def without_training(nodes: Sequence[ir.Node]) -> Iterator[None]:
    """Let these nodes be called without ``training=True``."""
    before = [node.attributes["_call"] for node in nodes]
    try:
        for node, attribute in zip(nodes, before, strict=True):
            options = {k: v for k, v in decode(attribute).items() if k != "training"}
            node.attributes["_call"] = encode("_call", options)
        yield
    finally:
        for node, attribute in zip(nodes, before, strict=True):
            node.attributes["_call"] = attribute


def _first_size(
    run: Callable[[int, float], tuple[list[list[Array]], RunResult]],
    inputs: Sequence[Input],
) -> tuple[int, tuple[list[list[Array]], RunResult]]:
    failure: KerasError | None = None
    empty = None
    for attempt in range(attempts(inputs)):
        try:
            found = run(attempt, 1.0)
        except KerasError as error:
            failure = failure or error
            continue
        # TensorFlow convolves an image smaller than the kernel to one without pixels.
        layers = found[1].native.layers.values()
        if all(
            a.size for a in [*_all(found[1]), *(a for each in layers for a in each)]
        ):
            return attempt, found
        empty = empty or (attempt, found)
    if empty is not None:
        return empty
    assert failure is not None
    raise failure


def _all(result: RunResult) -> list[Array]:
    return [array for batch in result.native.outputs for array in batch]


def _scalable(inputs: Sequence[Input]) -> bool:
    return any(
        i.dtype.startswith(("float", "bfloat"))
        and i.need.limit is None
        and i.need.center is None
        and not i.need.pixels
        for i in inputs
    )


def reasons(error: KerasError) -> str:
    """Return why Keras failed, library by library where it says so."""
    tried = "; ".join(f"{k}: {v}" for k, v in error.tried.items())
    return f"{error} ({tried})" if tried else str(error)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
