"""Tensors that stand for a batch to come, and the calls that made them.

A layer called on a :class:`KerasTensor` computes nothing: the call is written down as
a :class:`Node`. A model is what lies between some of these tensors and others
(``keras/src/ops/function.py``, Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras2torch import tree
from keras2torch.layers.base import Shape


@dataclass(eq=False)
class Operation:
    """What is no layer: ``x * 2``, ``x[:, 0]``.

    Attributes
    ----------
    name
        Unique within a model.
    kind
        Its class in ``keras.ops``: ``"Multiply"``, ``"GetItem"``.
    """

    name: str
    kind: str
    _inbound_nodes: list[Node] = field(default_factory=list)


def is_layer(operation: Any) -> bool:
    """Whether it is no operation between layers."""
    return not (isinstance(operation, Operation) or hasattr(operation, "kind_of_op"))


class InputLayer:
    """The place where a batch comes in; the arguments are those of :func:`Input`."""

    trainable = True
    weights: tuple[Any, ...] = ()

    def __init__(
        self,
        shape: Sequence[int | None] | int | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        from keras2torch.models.naming import auto_name, dtype_name, floatx

        # As Keras 2 called them.
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        if sparse or optional or ragged:
            raise ValueError(
                "Input: sparse, ragged and optional inputs are not supported."
            )
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if batch_shape is None:
            if shape is None:
                raise ValueError("Input wants a shape: Input(shape=(28, 28, 1)).")
            sizes = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *sizes)
        self.batch_shape: Shape = tuple(
            None if n is None else int(n) for n in batch_shape
        )
        self.dtype = dtype_name(dtype or floatx())
        self.name = name or auto_name("input_layer")
        node = Node(self)
        tensor_name = name or auto_name("keras_tensor")
        tensor = KerasTensor(self.batch_shape, self.dtype, name=tensor_name, node=node)
        node.outputs = [tensor]
        self._inbound_nodes = [node]

    @property
    def output(self) -> KerasTensor:
        """The tensor that stands for the batch."""
        return self._inbound_nodes[0].outputs[0]

    def get_weights(self) -> list[Any]:
        """Return nothing."""
        return []

    def count_params(self) -> int:
        """Return 0."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """Return name, shape and dtype."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "name": self.name,
        }


@dataclass(eq=False)
class Node:
    """One call.

    Attributes
    ----------
    operation
        A layer, a model, an :class:`Operation` or an :class:`InputLayer`.
    args, kwargs
        What it was called with; structures that hold :class:`KerasTensor`.
    outputs
        What came out, flat.
    declared
        The weights that this call wants of a layer.
    """

    operation: Any
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    outputs: list[KerasTensor] = field(default_factory=list)
    declared: Sequence[Any] | None = None

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors that it took."""
        found = [*tree.leaves(list(self.args)), *tree.leaves(self.kwargs)]
        return [t for t in found if isinstance(t, KerasTensor)]

    @property
    def is_input(self) -> bool:
        """Whether a batch comes in here."""
        return isinstance(self.operation, InputLayer)


def _operated(kind: str, *args: Any, **options: Any) -> Any:
    import keras2torch.ops  # noqa: F401  # it fills the table
    from keras2torch.ops.base import OPERATIONS

    return OPERATIONS[kind](*args, **options)


def _binary(kind: str) -> Callable[..., Any]:
    return lambda self, other: _operated(kind, self, other)


def _reflected(kind: str) -> Callable[..., Any]:
    return lambda self, other: _operated(kind, other, self)


def _unary(kind: str) -> Callable[..., Any]:
    return lambda self: _operated(kind, self)


class KerasTensor:
    """A tensor without values: a shape, a dtype, and the call that makes it.

    Parameters
    ----------
    shape
        In Keras' order, the batch first, ``None`` for a size that is not known.
    dtype
        ``"float32"``.
    node, index
        The call, and which of its outputs this is.
    mask_shape
        Shape of the mask that travels with it, if one does.
    """

    # numpy must not take it apart: array * tensor is the tensor's business.
    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(
        self,
        shape: Iterable[int | None],
        dtype: str = "float32",
        *,
        name: str = "",
        node: Node | None = None,
        index: int = 0,
        mask_shape: Shape | None = None,
    ) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.node = node
        self.index = index
        self.mask_shape = mask_shape

    @property
    def ndim(self) -> int:
        """Number of axes, the batch included."""
        return len(self.shape)

    @property
    def sparse(self) -> bool:
        """Never."""
        return False

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(
            f"the KerasTensor {self.name!r} stands for a batch to come and has no "
            "values: call the model on data to get some."
        )

    def __iter__(self) -> Any:
        raise TypeError(
            "Iterating over a symbolic KerasTensor is not supported: its "
            f"shape is {self.shape}."
        )

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __len__(self) -> int:
        raise TypeError("A symbolic KerasTensor has no length.")

    def __hash__(self) -> int:
        return id(self)

    def reshape(self, newshape: Sequence[int | None]) -> Any:
        """As ``ops.reshape``."""
        return _operated("Reshape", self, newshape=tuple(newshape))

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Any:
        """As ``ops.squeeze``."""
        return _operated("Squeeze", self, axis=axis)

    def __eq__(self, other: object) -> Any:
        return _operated("Equal", self, other) if _is_operand(other) else self is other

    def __ne__(self, other: object) -> Any:
        return _operated("NotEqual", self, other) if _is_operand(other) else True

    def __round__(self, ndigits: int | None = None) -> Any:
        return _operated("Round", self, decimals=ndigits or 0)

    __add__, __radd__ = _binary("Add"), _reflected("Add")
    __sub__, __rsub__ = _binary("Subtract"), _reflected("Subtract")
    __mul__, __rmul__ = _binary("Multiply"), _reflected("Multiply")
    __truediv__, __rtruediv__ = _binary("TrueDivide"), _reflected("TrueDivide")
    __floordiv__, __rfloordiv__ = _binary("FloorDivide"), _reflected("FloorDivide")
    __mod__, __rmod__ = _binary("Mod"), _reflected("Mod")
    __pow__, __rpow__ = _binary("Power"), _reflected("Power")
    __matmul__, __rmatmul__ = _binary("Matmul"), _reflected("Matmul")
    __and__, __rand__ = _binary("LogicalAnd"), _reflected("LogicalAnd")
    __or__, __ror__ = _binary("LogicalOr"), _reflected("LogicalOr")
    __xor__, __rxor__ = _binary("LogicalXor"), _reflected("LogicalXor")
    __lt__, __le__ = _binary("Less"), _binary("LessEqual")
    __gt__, __ge__ = _binary("Greater"), _binary("GreaterEqual")
    __getitem__ = _binary("GetItem")
    __neg__, __abs__ = _unary("Negative"), _unary("Absolute")
    __invert__ = _unary("LogicalNot")


_ELEMENTWISE = frozenset(
    "Add Subtract Multiply TrueDivide Power Less Greater LessEqual GreaterEqual".split()
)


def _broadcast(kind: str, shapes: Sequence[Shape]) -> None:
    """Raise where tensors of these shapes cannot be added or multiplied."""
    for i in range(1, max(map(len, shapes)) + 1):
        sizes = {s[-i] for s in shapes if len(s) >= i} - {None, 1}
        if len(sizes) > 1:
            raise ValueError(
                f"{kind} of tensors of shapes {' and '.join(map(str, shapes))}: along "
                f"axis -{i} they do not fit."
            )


def _inner(left: Shape, right: Shape) -> None:
    """Raise where tensors of these shapes have no product."""
    sizes = {left[-1], right[-2] if len(right) > 1 else right[0]} - {None}
    if len(sizes) > 1:
        raise ValueError(
            f"Inner dimensions (`x1.shape[-1]` and `x2.shape[-2]`) must be equal, but "
            f"received x1.shape={left}, x2.shape={right}."
        )


def _is_operand(other: object) -> bool:
    return isinstance(other, (int, float))


def operate(
    kind: str, *args: Any, name: str | None = None, **kwargs: Any
) -> list[KerasTensor]:
    """Write down an operation on symbolic tensors; its results.

    Raises
    ------
    UnsupportedLayer
        If its arguments have no rule.
    """
    from keras2torch.models.naming import auto_name
    from keras2torch.models.specs import outputs_of

    operation = Operation(name or auto_name(kind), kind)
    node = Node(operation, args, kwargs)
    shapes = [tuple(a.shape) for a in args if hasattr(a, "shape")]
    if kind in _ELEMENTWISE:
        _broadcast(kind, shapes)
    if kind == "Matmul" and len(shapes) == 2 and all(shapes):
        _inner(*shapes)
    operation._inbound_nodes.append(node)
    node.outputs = outputs_of(node)
    return node.outputs


def is_keras_tensor(x: Any) -> bool:
    """Whether this is a tensor without values, as :func:`Input` returns one."""
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: Any) -> Any:
    """Return the tensors of ``Input`` that a symbolic tensor is computed from."""
    if not isinstance(tensor, KerasTensor):
        return tensor
    found: list[KerasTensor] = []
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        last = stack.pop()
        node = last.node
        if id(last) in seen:
            continue
        seen.add(id(last))
        if node is None:
            found.append(last)
        elif node.is_input:
            found += [t for t in node.outputs if all(t is not f for f in found)]
        else:
            stack += reversed(node.inputs)
    return found


def is_symbolic(*structures: Any) -> bool:
    """Whether any leaf is a tensor without values."""
    return any(isinstance(v, KerasTensor) for s in structures for v in tree.flatten(s))


def Input(
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a tensor that stands for a batch.

    Parameters
    ----------
    shape
        Of one sample, in Keras' order: ``(28, 28, 1)``.
    batch_size, batch_shape
        The size of a batch, if it is fixed, or the whole shape.
    dtype
        ``"float32"`` if not given.
    name
        ``"keras_tensor"`` and a number if not given.
    tensor
        Returned as it is.
    sparse, ragged, optional
        Not supported when true.
    """
    if tensor is not None:
        return tensor
    return InputLayer(
        shape,
        batch_size,
        dtype,
        sparse,
        ragged,
        batch_shape,
        optional=optional,
        name=name,
    ).output


@dataclass
class Network:
    """What lies between tensors: the calls in order, and who is called."""

    nodes: list[Node]
    operations: list[Any]


def network(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> Network:
    """Return the calls between tensors, and the operations in Keras' order.

    That order, by depth from the outputs, is the order of ``model.layers`` and so of
    ``get_weights`` (``keras/src/ops/function.py``, map_graph).

    Raises
    ------
    ValueError
        If an output depends on a tensor that is no input, or two layers share a name.
    """
    given = {id(t) for t in inputs}
    order: list[Node] = []
    index: dict[int, int] = {}
    operations: dict[int, Any] = {}
    done: set[int] = set()
    # Without recursion: a model may be thousands of layers deep.
    for output in outputs:
        stack: list[tuple[KerasTensor, bool]] = [(output, False)]
        while stack:
            tensor, leaving = stack.pop()
            node = tensor.node
            if node is None:
                raise ValueError(f"{tensor} was not made by a layer or Input.")
            if leaving:
                if id(node) not in done:
                    done.add(id(node))
                    order.append(node)
                continue
            if id(node) in done:
                continue
            if not node.is_input and id(tensor) in given:
                continue
            if id(node.operation) not in index:
                index[id(node.operation)] = len(index)
                operations[id(node.operation)] = node.operation
            stack.append((tensor, True))
            if not node.is_input:
                stack += [(t, False) for t in reversed(node.inputs)]
    depth: dict[int, int] = {}
    height: dict[int, int] = {}
    inside = {id(n) for n in order}
    for node in reversed(order):
        here = max(depth.get(id(node), 0), height.get(id(node.operation), 0))
        depth[id(node)] = height[id(node.operation)] = here
        for tensor in node.inputs:
            before = tensor.node
            if before is not None and id(before) in inside:
                depth[id(before)] = max(here + 1, depth.get(id(before), 0))
    for tensor in inputs:
        node = tensor.node
        if node is not None and node.is_input and id(node.operation) not in height:
            height[id(node.operation)], index[id(node.operation)] = 0, -1
            operations[id(node.operation)] = node.operation
    _connected(order, given)
    found = sorted(operations.values(), key=lambda o: (-height[id(o)], index[id(o)]))
    names = [o.name for o in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f'The name "{name}" is used {names.count(name)} times in the model. '
                "All operation names should be unique."
            )
    return Network(order, found)


def _connected(order: Sequence[Node], given: set[int]) -> None:
    for node in order:
        for tensor in [*node.inputs, *(node.outputs if node.is_input else ())]:
            source = tensor.node
            if source is not None and source.is_input and id(tensor) not in given:
                raise ValueError(
                    f"Graph disconnected: the tensor {tensor} is no input of the "
                    f"model, but layer {node.operation.name!r} needs it. Name it "
                    "among the inputs."
                )
