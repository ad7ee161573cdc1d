"""``Model``: of symbolic tensors, or a subclass with a ``call`` of its own.

A model of symbolic tensors is the converter's program: the calls become a graph, the
graph becomes PyTorch source, and the module made by executing it is what is trained.

Sources: ``keras/src/models/model.py`` and ``functional.py`` (3.15).
"""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from keras2torch import tree
from keras2torch.dialect import GraphBuilder
from keras2torch.models import precision, programs
from keras2torch.models.builtin import BuiltIn
from keras2torch.models.checking import check_inputs
from keras2torch.models.context import (
    NOT_GIVEN,
    calling,
    default_device,
    resolved,
    within,
)
from keras2torch.models.explaining import located
from keras2torch.models.jit import Compiled
from keras2torch.models.layer import Layer
from keras2torch.models.logits import Tap, taps
from keras2torch.models.modes import Modes
from keras2torch.models.naming import auto_name
from keras2torch.models.specs import (
    assembler,
    is_given,
    model_spec,
    outputs_of,
    owners_of,
)
from keras2torch.models.symbolic import (
    InputLayer,
    KerasTensor,
    Network,
    Node,
    is_symbolic,
    network,
)
from keras2torch.models.symbolic_model import STRING, SymbolicModel
from keras2torch.program import Program
from keras2torch.reading.topology import ModelSpec
from keras2torch.training.trainer import Trainer

Axes = tuple[int, ...]


class Model(Trainer, SymbolicModel):
    """A model: ``Model(inputs, outputs)``, or a subclass that defines ``call``.

    Every model is an ``nn.Module``. Arrays go in and come out with Keras' axes (images
    channels last); inside, images are channels first.

    Parameters
    ----------
    inputs, outputs
        Symbolic tensors: one, or a list or dict of them.
    name
        Snake case of the class if not given.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _of_keras_1(kwargs)
        inputs, outputs = kwargs.pop("inputs", None), kwargs.pop("outputs", None)
        if args and is_symbolic(args[0]):
            inputs, args = args[0], args[1:]
            if args:
                outputs, args = args[0], args[1:]
            if args:
                kwargs["name"], args = args[0], args[1:]
        if args:
            raise TypeError(
                f"{type(self).__name__} takes symbolic inputs and outputs; "
                f"got {args[0]!r}."
            )
        if inputs is not None and "name" not in kwargs and type(self) is Model:
            kwargs["name"] = auto_name("Functional")
        Layer.__init__(self, **kwargs)
        Trainer.__init__(self)
        self._call_graph: Network | None = None
        self._net: Any = None
        self._modes: Any = None
        self._jit: Any = None
        self._net_keys: set[str] = set()
        self._taps: list[Tap] = []
        self._mixing: Any = None
        self._out_kinds: list[Any] | None = None
        self._has_given = False
        if inputs is not None:
            if outputs is None:
                raise ValueError("A model of symbolic inputs needs outputs, too.")
            self._set_graph(inputs, outputs)

    # -- the graph
    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        flat_in, flat_out = tree.flatten(inputs), tree.flatten(outputs)
        for tensor in (*flat_in, *flat_out):
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    "All `inputs` and `outputs` of a model are symbolic tensors, made "
                    f"by Input and by calling layers; got a {type(tensor).__name__}."
                )
        self.drop_net()
        self._call_graph = network(flat_in, flat_out)
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._in_specs = [
            (
                t.name,
                t.shape,
                STRING if t.dtype == STRING else getattr(torch, t.dtype, torch.float32),
            )
            for t in flat_in
        ]
        for operation in self._call_graph.operations:
            if isinstance(operation, Layer):
                operation._users.add(self)
        self.built = True

    @property
    def is_written(self) -> bool:  # type: ignore[override]
        """Whether the source of a model around it has it as text."""
        return self._call_graph is not None and type(self).call is Model.call

    def model_spec(self) -> ModelSpec:
        """Return the model as specs."""
        assert self._call_graph is not None
        return model_spec(
            self.name,
            self._call_graph,
            self._inputs_struct,
            self._outputs_struct,
            trainable=self._trainable,
        )

    def calls_own_code(self) -> bool:
        """Not a model that is its program; its layers are asked by themselves."""
        return not self.is_written

    def _graph(self) -> tuple[GraphBuilder, list[Any], list[Any]]:
        b = GraphBuilder(self.name)
        outputs = assembler().outermost(self.model_spec(), b)
        return b, outputs, [b.mask_of(v) for v in outputs]

    def _program(self, *, tidy: bool) -> tuple[Program, GraphBuilder, list[Any]]:
        b, outputs, masks = self._graph()
        told = list(dict.fromkeys(m for m in masks if m is not None))
        at = [None if m is None else told.index(m) for m in masks]
        assert self._call_graph is not None
        pinned = {
            path
            for path, owner in owners_of(self._call_graph).items()
            if getattr(owner, "pinned", False)
        }
        program = programs.compiled(
            b,
            [*outputs, *told],
            name=self.name,
            in_keras_order=frozenset(pinned),
            tidy=tidy,
        )
        return program, b, at

    def ensure_net(self) -> bool:
        """Write and execute the program, unless that was done; False without a graph.

        Layers get their weights here, by their initializers, if they have none.
        """
        if self._net is not None:
            return True
        if self._call_graph is None:
            return False
        owners = owners_of(self._call_graph)
        # Asked before they are linked: what is made now is made on the CPU.
        placed = [programs.device_of(o) for o in owners.values() if _has_tensors(o)]
        while True:
            program, b, mask_at = self._program(tidy=False)
            try:
                net = programs.linked(program, b, owners)
            except programs.OtherOrder as other:
                owner = owners[other.path]
                if owner.pinned:
                    raise
                owner.pin()
                continue
            break
        device = placed[0] if placed else default_device()
        self._use(program, net.to(device), mask_at)
        return True

    def _use(self, program: Program, net: nn.Module, mask_at: list[Any]) -> None:
        self._net_keys = set()
        for key, module in net._modules.items():
            if key not in self._modules:
                self._net_keys.add(key)
                self._modules[key] = module
        object.__setattr__(self, "_net", net)
        self.__dict__["_jit"] = None
        self._mask_at = mask_at
        self._in_axes = [_moved(t.layout.axes) for _, t in program.inputs]
        count = len(tree.flatten(self._outputs_struct))
        self._out_axes = [_moved(_inverse(t.layout.axes)) for t in program.outputs]
        self._out_axes = self._out_axes[:count]
        self._taps = taps(program, net)
        assert self._call_graph is not None
        made = programs.modules_of(program, net)
        self._modes = Modes(net, self._call_graph, made)
        self._has_given = bool(program.classes[-1].given)
        self._set_kinds()
        # One input whose sizes are all known needs no second look.
        shape = self._in_specs[0][1][1:]
        known = len(self._in_specs) == 1 and None not in shape
        sizes = [n for n in shape if n is not None]
        self._alone = torch.Size(sizes) if known else None
        net.train(self.training)

    def _set_kinds(self) -> None:
        """Look up what it takes, computes and gives, by the policies of its layers."""
        assert self._call_graph is not None
        layers = [
            o
            for o in owners_of(self._call_graph).values()
            if isinstance(o, Layer) and getattr(o, "_call_graph", None) is None
        ]
        policies = {layer.dtype_policy for layer in layers}
        mixed = [p for p in policies if p.is_mixed]
        self._mixing = mixed[0] if mixed else None
        only = next(iter(policies)).variable_dtype if len(policies) == 1 else None
        self._in_specs = [
            (
                t.name,
                t.shape,
                STRING
                if t.dtype == STRING
                else precision.torch_dtype(_kind(t.dtype, only)),
            )
            for t in tree.flatten(self._inputs_struct)
        ]
        self._out_kinds = None
        if self._mixing is not None or len(policies) > 1:
            self._out_kinds = [
                getattr(t.node.operation, "compute_dtype", None)
                if getattr(t.node.operation, "_call_graph", None) is None
                else None
                for t in tree.flatten(self._outputs_struct)
            ]

    def _now_in(self, dtype: torch.dtype) -> None:
        super()._now_in(dtype)
        if self._call_graph is None:
            return
        for operation in self._call_graph.operations:
            if isinstance(operation, Layer):
                operation._now_in(dtype)
        if self._net is not None:
            self._set_kinds()

    def drop_net(self) -> None:
        """Forget the program: a layer is held otherwise now."""
        for key in self._net_keys:
            self._modules.pop(key, None)
        self._net_keys = set()
        object.__setattr__(self, "_net", None)
        for model in list(self._users):
            if model is not self:
                model.drop_net()

    def source(self) -> str:
        """Return the PyTorch source of what is trained.

        For a model of symbolic tensors it is the text that was executed, formatted. A
        subclass with a ``call`` of its own is shown with what its layers are in torch.
        """
        if self._call_graph is None or not self.is_written:
            from keras2torch.models.shown import shown

            return str(shown(self))
        source: str = self._program(tidy=True)[0].source
        return source

    # -- torch
    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Any]]:
        """As in torch; the program is written first."""
        self.ensure_net()
        yield from super().named_modules(*args, **kwargs)

    def named_children(self) -> Iterator[tuple[str, nn.Module]]:
        """As in torch; the program is written first."""
        self.ensure_net()
        yield from super().named_children()

    def get_submodule(self, target: str) -> nn.Module:
        """As in torch; the program is written first, and lists have their modules.

        A layer is found by its own name, too, where :meth:`source` calls it otherwise.
        """
        self.ensure_net()
        module: nn.Module = self
        for name in filter(None, target.split(".")):
            found = module._modules.get(name)
            if found is None:
                made = self._modes.made if self._modes is not None else {}
                layer: nn.Module | None = made.get(target.replace(".", "/"))
                return layer if layer is not None else super().get_submodule(target)
            module = found
        return module

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """As in torch: the names of :meth:`source`, torch's shapes."""
        self.ensure_net()
        return super().state_dict(*args, **kwargs)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """As in torch; takes what ``model.safetensors`` of a conversion holds.

        Models that nobody named are ``functional`` here and ``functional_2`` there:
        where names differ by such numbers alone, the weights go by their order.
        """
        own = self.state_dict()
        if own.keys() != state_dict.keys() and _told(own) == _told(state_dict):
            state_dict = dict(zip(own, state_dict.values(), strict=True))
        return super().load_state_dict(state_dict, *args, **kwargs)

    def train(self, mode: bool = True) -> Model:
        """Set the mode; frozen BatchNormalization stays in inference mode."""
        super().train(mode)
        if self._modes is not None:
            self._modes.forget()
        return self

    # -- calls
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._assert_begun()
        plain = len(args) == 1 and type(args[0]) is torch.Tensor
        if not plain and is_symbolic(list(args), kwargs):
            return self.symbolic_call(args, kwargs)
        return self._entered(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call on tensors or arrays with Keras' axes."""
        if self._call_graph is None or type(self).call not in _OWN_CALLS:
            return Layer.forward(self, *args, **kwargs)
        if self._has_given and not within():
            self._clear_losses()
        if not args:
            args = (kwargs.pop("inputs"),)
        return self._run(args[0], kwargs.get("training", NOT_GIVEN))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Compute; a subclass without symbolic tensors overrides it."""
        if self._call_graph is None:
            raise NotImplementedError(
                f"Model {type(self).__name__} does not have a `call()` method "
                "implemented."
            )
        return self._run(inputs, training)

    def _run(self, inputs: Any, training: bool | None) -> Any:
        if self._net is None:
            self.ensure_net()
        if training is None:
            training = NOT_GIVEN
        training = resolved(training, self.training)
        tensors = self._standardized(inputs)
        net = self._net
        self._modes.set(training)
        run = self._compiled() if self.jit_compile else net
        try:
            if self._mixing is not None or precision.is_mixed():
                policy = self._mixing or self._policy
                with (
                    calling(training, told=self._modes.told),
                    precision.computing(policy, tensors[0].device),
                ):
                    made = run(*tensors)
            elif self._has_given:
                with calling(training, told=self._modes.told):
                    made = run(*tensors)
            else:
                made = run(*tensors)
        except Exception as error:
            assert self._call_graph is not None
            told = located(error, self, owners_of(self._call_graph))
            if told is error:
                raise
            raise told from error
        values = list(made) if isinstance(made, tuple) else [made]
        outputs = [
            v if axes is None else v.permute(axes)
            for v, axes in zip(values, self._out_axes, strict=False)
        ]
        if self._out_kinds is not None:
            outputs = [
                v if kind is None else precision.cast(v, precision.torch_dtype(kind))
                for v, kind in zip(outputs, self._out_kinds, strict=True)
            ]
        masks = values[len(outputs) :]
        for tap in self._taps:
            tap.mark(outputs, self._permuted)
        for output, at in zip(outputs, self._mask_at, strict=True):
            if at is not None:
                output._keras_mask = masks[at]
        struct = self._outputs_struct
        if not tree.is_nested(struct):
            return outputs[0]
        packed = tree.pack(struct, outputs)
        return packed

    def _compiled(self) -> Any:
        """Return the program as ``torch.compile`` has it, itself where it cannot."""
        if self._jit is None:
            self.__dict__["_jit"] = Compiled(self._net)
        return self._jit

    def _permuted(self, output: int, value: torch.Tensor) -> torch.Tensor:
        axes = self._out_axes[output]
        return value if axes is None else value.permute(axes)

    def symbolic_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write down that it was called."""
        if is_given(self):
            return super().symbolic_call(args, kwargs)
        if not args:
            args = (kwargs.pop("inputs"),)
        tensors = self._in_order(args[0])
        check_inputs(self, tensors)
        told = {k: v for k, v in kwargs.items() if k == "training" and v is not None}
        node = Node(self, (list(tensors),), told)
        self._inbound_nodes.append(node)
        node.outputs = outputs_of(node)
        struct = self._outputs_struct
        return (
            tree.pack(struct, node.outputs)
            if tree.is_nested(struct)
            else (node.outputs[0])
        )

    def build(self, input_shape: Any = None) -> None:
        """Make the weights of a subclass, by calling it on zeros of a shape."""
        if self._call_graph is not None:
            self.ensure_net()
            return
        if input_shape is None:
            self.built = True
            return
        Layer.build(self, input_shape)
        if type(self).call is Model.call:
            return
        nested = isinstance(input_shape, dict) or (
            bool(input_shape) and isinstance(input_shape[0], (list, tuple))
        )
        shapes = (
            tree_of_shapes(input_shape) if nested else KerasTensor(tuple(input_shape))
        )
        node = Node(self, (shapes,))
        self._probe(node)

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if type(self).build is Model.build:
            first = args[0] if args else next(iter(kwargs.values()), None)
            shape = tree.map_structure(lambda t: (None, *tuple(t.shape)[1:]), first)
            self._built_shapes({"input_shape": shape})
            self.built = True
            return
        super()._build_for(args, kwargs)

    # -- files
    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        zipped: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the model to ``NAME.keras`` or ``NAME.h5``, or to a folder."""
        from keras2torch.saving.archive import save_model

        save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        max_shard_size: float | None = None,
    ) -> None:
        """Write the weights to ``NAME.weights.h5``, or to several files."""
        from keras2torch.saving.weights import save_weights

        save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any
    ) -> None:
        """Read the weights of a file, of any Keras."""
        from keras2torch.models.loading import load_weights

        load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write what the model computes in inference: ``"onnx"`` or ``"torch"``."""
        from keras2torch.export import export_model

        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON; ``kwargs`` are those of ``json.dumps``."""
        from keras2torch.models.configs import serialized

        return json.dumps(serialized(self), **kwargs)

    # -- what a user looks at
    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, the shapes that come out, and the numbers of parameters."""
        from keras2torch.models.summary import print_summary

        print_summary(
            self,
            line_length=line_length,
            positions=positions,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )

    def get_config(self) -> dict[str, Any]:
        """Return what a model of symbolic tensors is made from."""
        if self._call_graph is None:
            own = self._own_arguments(Model.get_config)
            return {"name": self.name, **own, "trainable": self._trainable}
        from keras2torch.models.configs import functional_config

        config: dict[str, Any] = functional_config(self)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make a model from what :meth:`get_config` returned."""
        if "layers" in config:
            from keras2torch.models.configs import model_from_config

            return model_from_config(cls, config, custom_objects)
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


# `call` of models that are their program; Sequential adds its own.
_OWN_CALLS: set[Any] = {Model.call}


def _of_keras_1(kwargs: dict[str, Any]) -> None:
    """Rename what Keras 1 called otherwise."""
    for old in ("input", "output"):
        if old in kwargs and f"{old}s" not in kwargs and is_symbolic(kwargs[old]):
            warnings.warn(
                f"Argument `{old}` is called `{old}s` since Keras 2.", stacklevel=4
            )
            kwargs[f"{old}s"] = kwargs.pop(old)


def tree_of_shapes(shapes: Any) -> Any:
    """Return symbolic tensors for a list or dict of shapes."""
    if isinstance(shapes, dict):
        return {k: KerasTensor(tuple(v)) for k, v in shapes.items()}
    return [KerasTensor(tuple(s)) for s in shapes]


def _moved(axes: Axes) -> Axes | None:
    """Return None where nothing is moved."""
    return None if axes == tuple(range(len(axes))) else axes


def _inverse(axes: Axes) -> Axes:
    return tuple(axes.index(i) for i in range(len(axes)))


def _has_tensors(owner: Any) -> bool:
    if isinstance(owner, BuiltIn):
        return owner._torch_state is not None
    return isinstance(owner, nn.Module) and is_given(owner)


def _told(state: Mapping[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    """Return names without the numbers that were counted up, and shapes."""
    return [
        (re.sub(r"_\d+(?=\.)", "", name), tuple(getattr(value, "shape", ())))
        for name, value in state.items()
    ]


def _kind(dtype: str, floating: str | None) -> str:
    """Return the dtype of an input; floats are of the layers' dtype."""
    return floating if floating and dtype.startswith(("float", "bfloat")) else dtype


__all__ = ["InputLayer", "Model", "inspect"]
