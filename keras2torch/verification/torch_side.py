"""The PyTorch side: the converted module run on Keras' inputs, seen in Keras' axes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from keras2torch.program import Program
from keras2torch.program.held import is_weight
from keras2torch.program.weights import TorchWeight
from keras2torch.verification.axes import Array, to_keras, to_torch
from keras2torch.verification.describe import arrived
from keras2torch.verification.watching import watching


@dataclass
class TorchRun:
    """What PyTorch computes, as :class:`keras2torch.tracing.Reference` has it.

    Attributes
    ----------
    outputs
        Per batch, the outputs in Keras' axes.
    layers
        ``(path, call)`` → the tensors that the layer put out, for the first batch.
    gradients
        Name of a trainable parameter → gradient, in PyTorch's axes.
    counts
        Of the module's parameters.
    """

    outputs: list[list[Array]]
    layers: dict[tuple[str, int], list[Array | None]]
    gradients: dict[str, Array]
    counts: ParameterCounts


@dataclass(frozen=True)
class ParameterCounts:
    """How many parameters an optimizer moves, and how many came from Keras."""

    trainable: int
    total: int


def run(
    program: Program,
    batches: Sequence[Sequence[Array]],
    make: Callable[[], nn.Module],
    *,
    double: bool = False,
) -> TorchRun:
    """Run the module in eval mode: outputs, layers' outputs, gradients.

    Parameters
    ----------
    program
        Says in which layout inputs and outputs are.
    batches
        In Keras' axes, in the order of the program's inputs.
    make
        Gives a fresh module.
    double
        In float64, weights as they are in float32.
    """
    module = make().eval()
    if _AT_REST.get():
        for part in module.modules():
            if hasattr(part, "augment"):
                vars(part)["augment"] = part.forward
    counts = _count(program, module)
    with _precision(double), warnings.catch_warnings():
        # Which kernel torch takes on this machine is nobody's concern here.
        warnings.simplefilter("ignore")
        if double:
            module = module.double()
        outputs = []
        layers: dict[tuple[str, int], list[Array | None]] = {}
        gradients: dict[str, Array] = {}
        for number, batch in enumerate(batches):
            given = _tensors(program, batch, double or program.double)
            if number == 0:
                # Gradients last: a backward pass must not meet a watched forward.
                with torch.no_grad(), watching(module, program.captures) as seen:
                    results = _forward(module, given)
                layers = seen.layers
            else:
                with torch.no_grad():
                    results = _forward(module, given)
            outputs.append(
                [
                    to_keras(_array(r), t.layout)
                    for r, t in zip(results, program.outputs, strict=True)
                ]
            )
        # oneDNN's convolution gradient has been seen to corrupt the heap (in
        # TensorFlow 2.21, and "double free" here); a reference need not be fast.
        with torch.backends.mkldnn.flags(enabled=False):
            gradients = _gradients(program, module, batches[0], double)
    return TorchRun(outputs, layers, gradients, counts)


def run_half(
    program: Program,
    batches: Sequence[Sequence[Array]],
    make: Callable[[], nn.Module],
    dtype: str | None,
) -> list[list[Array]]:
    """Run the module under autocast and return its outputs in Keras' axes.

    Parameters
    ----------
    dtype
        ``"bfloat16"``, ``"float16"``; ``None`` for no autocast.
    """
    module = make().eval()
    half = getattr(torch, dtype or "bfloat16")
    outputs = []
    with torch.no_grad(), torch.autocast("cpu", dtype=half, enabled=dtype is not None):
        for batch in batches:
            results = _forward(module, _tensors(program, batch, program.double))
            pairs = zip(results, program.outputs, strict=True)
            outputs.append([to_keras(_widened(r.detach()), t.layout) for r, t in pairs])
    return outputs


def _widened(tensor: torch.Tensor) -> Array:
    half = tensor.dtype in (torch.float16, torch.bfloat16)
    array: Array = (tensor.float() if half else tensor).cpu().numpy()
    return array


def _gradients(
    program: Program, module: nn.Module, batch: Sequence[Array], double: bool
) -> dict[str, Array]:
    """Return the gradient of sum over outputs o of sum(o * cos(arange(o.size)))."""
    parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
    results = _forward(module, _tensors(program, batch, double or program.double))
    terms = []
    for result, tensor in zip(results, program.outputs, strict=True):
        if tensor.dtype == "string":
            continue
        if result.is_floating_point() and result.requires_grad:
            sizes = to_keras(np.empty(result.shape), tensor.layout).shape
            ramp = np.cos(np.arange(np.prod(sizes), dtype="float64")).reshape(sizes)
            weights = torch.from_numpy(to_torch(ramp, tensor.layout)).to(result.dtype)
            terms.append((result * weights).sum())
    if terms and parameters:
        loss = torch.stack(terms).sum()
        slopes = torch.autograd.grad(
            loss, list(parameters.values()), allow_unused=True, materialize_grads=True
        )
    else:
        slopes = tuple(torch.zeros_like(p) for p in parameters.values())
    return {
        name: slope.detach().cpu().numpy()
        for name, slope in zip(parameters, slopes, strict=True)
    }


def _array(result: Any) -> Array:
    """Return what came out as an array: strings are nested lists."""
    if isinstance(result, torch.Tensor):
        return np.asarray(result.detach().cpu().numpy())
    return np.asarray(result)


def _tensors(program: Program, batch: Sequence[Array], double: bool) -> list[Any]:
    tensors: list[Any] = []
    for array, (_, tensor) in zip(batch, program.inputs, strict=True):
        if tensor.dtype == "string":
            tensors.append(array.tolist())
            continue
        given = torch.from_numpy(to_torch(array, tensor.layout))
        if given.is_floating_point():
            given = given.double() if double else given.float()
        tensors.append(given)
    return tensors


def _forward(module: nn.Module, given: Sequence[Any]) -> list[Any]:
    """Call the module; layers that keep a state between calls begin with zeros."""
    for part in module.modules():
        if callable(reset := getattr(part, "reset_states", None)):
            reset()
    result = module(*given)
    # A list that holds no tensors is one output: strings.
    listed = isinstance(result, list) and all(torch.is_tensor(r) for r in result)
    return list(result) if listed or isinstance(result, tuple) else [result]


@contextmanager
def _precision(double: bool) -> Iterator[None]:
    """Let tensors that ``forward`` makes be float64 as well."""
    before = torch.get_default_dtype()
    if double:
        torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _count(program: Program, module: nn.Module) -> ParameterCounts:
    """Count the parameters of the real module.

    The total is that of the entries that hold Keras weights: a second bias of zeros,
    a constant and ``num_batches_tracked`` have no counterpart there.
    """
    trainable = sum(p.numel() for p in module.parameters() if p.requires_grad)
    state = module.state_dict(keep_vars=True)
    seen: set[int] = set()
    total = 0
    for weight in program.weights:
        entry = state.get(weight.name)
        if entry is None or id(entry) in seen or not _holds_weights(weight):
            continue
        seen.add(id(entry))
        total += entry.numel()
    return ParameterCounts(trainable, total)


def _holds_weights(weight: TorchWeight) -> bool:
    ones = arrived(weight)
    if weight.held and not is_weight(weight.values[0]):
        return False
    return bool(weight.source.weights) and (ones.size == 0 or bool(ones.any()))


@contextmanager
def drawing(wanted: bool) -> Iterator[None]:
    """Let random numbers be those that Keras takes: ``tracing/patches.py``."""
    if not wanted:
        yield
        return
    random, init = cast(Any, torch), cast(Any, nn.init)

    def drawn(shape: Sequence[int], dtype: Any, device: Any, uniform: bool) -> Any:
        total = torch.zeros([1] * len(shape), dtype=torch.float64, device=device)
        for axis, size in enumerate(shape):
            steps = torch.arange(size, dtype=torch.float64, device=device)
            total = total + steps.reshape([-1] + [1] * (len(shape) - axis - 1))
        found = torch.cos(total)
        found = 0.5 + 0.45 * found if uniform else found
        return found.to(dtype or torch.get_default_dtype())

    def sized(uniform: bool) -> Callable[..., Any]:
        def draw(*sizes: Any, dtype: Any = None, device: Any = None) -> Any:
            shape = sizes[0] if len(sizes) == 1 and not _is_int(sizes[0]) else sizes
            return drawn(shape, dtype, device, uniform)

        return draw

    def like(uniform: bool) -> Callable[..., Any]:
        return lambda x, **_: drawn(x.shape, x.dtype, x.device, uniform)

    def integers(low: Any, high: Any, size: Any, **options: Any) -> Any:
        found = drawn(size, torch.float64, options.get("device"), True)
        found = torch.floor(low + found * (high - low))
        return found.to(options.get("dtype", torch.int64))

    def truncated(x: Any, **_: Any) -> Any:
        return x.copy_(drawn(x.shape, x.dtype, x.device, False))

    replaced = [
        (random, "randn", sized(False)),
        (random, "rand", sized(True)),
        (random, "randn_like", like(False)),
        (random, "rand_like", like(True)),
        (random, "randint", integers),
        (init, "trunc_normal_", truncated),
    ]
    before = [(where, name, getattr(where, name)) for where, name, _ in replaced]
    try:
        for where, name, function in replaced:
            setattr(where, name, function)
        yield
    finally:
        for where, name, function in before:
            setattr(where, name, function)


def _is_int(value: Any) -> bool:
    return isinstance(value, int)


# Whether images pass layers that would change them at random in every call.
_AT_REST: ContextVar[bool] = ContextVar("_AT_REST", default=False)


@contextmanager
def quiet(wanted: bool) -> Iterator[None]:
    """Switch off what is random at every call (``F.dropout(…, training=True)``)."""
    if not wanted:
        yield
        return
    resting = _AT_REST.set(True)
    names = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout")
    functional, random = torch.nn.functional, cast(Any, torch)
    before = {name: getattr(functional, name) for name in names}
    noise = random.randn_like
    try:
        for name in names:
            setattr(functional, name, lambda x, *_, **__: x)
        random.randn_like = torch.zeros_like
        yield
    finally:
        _AT_REST.reset(resting)
        random.randn_like = noise
        for name, function in before.items():
            setattr(functional, name, function)
