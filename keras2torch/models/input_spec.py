"""What a layer says of the inputs that it takes.

Source: ``keras/src/layers/input_spec.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from keras2torch import tree
from keras2torch.dtypes import standardize_dtype
from keras2torch.errors import UnfitCall


class InputSpec:
    """The rank, the sizes and the dtype that an input is to have.

    Parameters
    ----------
    dtype, shape
        ``None``, and ``None`` within a shape, for any.
    ndim, max_ndim, min_ndim
        Number of axes.
    axes
        Axis → its size.
    allow_last_axis_squeeze
        Whether a last axis of 1 may be there or not.
    name
        The key, where inputs come in a dict.
    optional
        Whether the input may be ``None``.

    Raises
    ------
    TypeError, ValueError
        If ``axes`` has other keys than the axes there are.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Iterable[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.name, self.optional = name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(k): v for k, v in (axes or {}).items()}
        except (ValueError, TypeError, AttributeError):
            raise TypeError(
                "Argument `axes` must be a dict with integer keys. Received: "
                f"axes={axes}"
            ) from None
        most = self.ndim or self.max_ndim
        if self.axes and most is not None and max(self.axes) > most - 1:
            raise ValueError(
                f"Axis {max(self.axes)} is greater than the maximum allowed value: "
                f"{most - 1}"
            )

    def __repr__(self) -> str:
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        told = [f"{n}={getattr(self, n)}" for n in names if getattr(self, n)]
        return f"InputSpec({', '.join(told)})"

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {n: getattr(self, n) for n in names}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> InputSpec:
        """Make one from what :meth:`get_config` returned."""
        return cls(**config)

    def problem(self, x: Any) -> str | None:
        """Return what an input is, and what was expected; None if it fits."""
        shape = tuple(x.shape)
        ndim, full = len(shape), f" Full shape received: {shape}"
        exact = self.ndim is not None and not self.allow_last_axis_squeeze
        if exact and ndim != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={ndim}.{full}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={ndim}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={ndim}.{full}"
        if self.dtype is not None:
            dtype = standardize_dtype(x.dtype)
            if dtype != self.dtype:
                return f"expected dtype={self.dtype}, found dtype={dtype}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                return (
                    f"expected axis {axis} of input shape to have value {size}, but "
                    f"received input with shape {shape}"
                )
        if self.shape is not None and not self._agrees(shape):
            return f"expected shape={self.shape}, found shape={shape}"
        return None

    def _agrees(self, shape: tuple[int | None, ...]) -> bool:
        wanted = self.shape or ()
        if self.allow_last_axis_squeeze:
            shape = shape[:-1] if shape and shape[-1] == 1 else shape
            wanted = wanted[:-1] if wanted and wanted[-1] == 1 else wanted
        pairs = zip(wanted, shape, strict=False)
        return all(a is None or b is None or a == b for a, b in pairs)


def check_input_spec(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Raise unless inputs are what a layer says that it takes.

    Raises
    ------
    ValueError
        In Keras' words.
    """
    specs = tree.flatten(input_spec)
    names = [getattr(spec, "name", None) for spec in specs]
    if isinstance(inputs, dict) and all(names):
        if missing := [n for n in names if n not in inputs]:
            raise ValueError(
                f'Missing data for input "{missing[0]}". You passed a data dictionary '
                f"with keys {list(inputs)}. Expected the following keys: {names}"
            )
        inputs = [inputs[n] for n in names]
    given = tree.flatten(inputs)
    if len(given) != len(specs):
        raise UnfitCall(
            f'Layer "{layer_name}" expects {len(specs)} input(s), but it received '
            f"{len(given)} input tensors. Inputs received: {given}"
        )
    for n, (x, spec) in enumerate(zip(given, specs, strict=True)):
        if spec is None or (x is None and spec.optional):
            continue
        if not hasattr(x, "shape"):
            raise ValueError(
                f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) "
                f"as input for layer '{layer_name}'."
            )
        if (problem := spec.problem(x)) is not None:
            raise UnfitCall(
                f"Input {n} with name '{spec.name}' of layer '{layer_name}' is "
                f"incompatible with the layer: {problem}"
            )
