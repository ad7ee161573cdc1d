"""Weights cut among the processes: FSDP2, ``fully_shard`` of torch.

Every process keeps a part of each weight, of its gradient and of the optimizer's state
beside it; they are whole while a batch is computed, and while a file is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from keras2torch import tree
from keras2torch.distribution.cut import full, is_cut
from keras2torch.distribution.processes import Group
from keras2torch.training.variables import Parameter


def shard(model: Any, group: Group) -> None:
    """Cut the weights of a model and the state of its optimizer, unless they are cut.

    Raises
    ------
    ValueError
        If the model has a ``call`` of its own or a weight that ``add_weight`` made, or
        the optimizer takes whole weights.
    """
    if sharded(model) is not None:
        return
    root = getattr(model, "_net", None)
    if root is None:
        raise ValueError(
            f"model {model.name!r} is no Sequential or Model of symbolic tensors, the "
            "program of which FSDP cuts: train it with DataParallel."
        )
    own = [p for p in model.parameters() if isinstance(p, Parameter)]
    if own:
        raise ValueError(
            f"the weight {own[0].path!r} is made by a layer's add_weight, which FSDP "
            "cannot cut: train with DataParallel, or let layers of Keras hold it."
        )
    optimizer = model.optimizer
    kept = _taken_apart(optimizer)
    for module in model.modules():
        if type(module).__name__ == "SparseEmbedding":
            # Only whole gradients are added up: equal look-ups are, too.
            vars(module)["forward"] = partial(nn.Embedding.forward, module)
    kind, device = type(root), next(model.parameters()).device
    mesh = init_device_mesh(device.type, (group.world,))
    _show_all_ends(root, model)
    # After a forward, too: regularizers and files ask for weights as they are kept.
    module = fully_shard(root, mesh=mesh, reshard_after_forward=True)
    # The share of each process is in its loss: gradients are summed.
    module.set_gradient_divide_factor(1.0)
    module.set_force_sum_reduction_for_comms(True)
    root.register_forward_hook(lambda _module, _given, made: made[0])
    type(root).__name__ = kind.__name__  # configs name it
    type(root).__qualname__, type(root).__module__ = kind.__qualname__, kind.__module__
    vars(model)["_sharded_root"] = root
    model._parameters_moved = None
    if kept is not None:
        optimizer.build(model.trainable_variables)
        optimizer.set_weights(kept)


def _show_all_ends(root: nn.Module, model: Any) -> None:
    """Have FSDP see whatever a loss is computed from.

    It brings the weights back when a gradient reaches what ``forward`` returns. A
    crossentropy begins before the last softmax, and ``add_loss`` anywhere.
    """
    run = root.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        made = run(*args, **kwargs)
        for tap in getattr(model, "_taps", ()):
            # A view would be another tensor than the one that FSDP is shown.
            if tap.value is not None and tap.value._is_view():
                tap.value = tap.value.clone()
        found = [tap.value for tap in getattr(model, "_taps", ())]
        found += [getattr(t, "_keras_logits", None) for t in tree.flatten(made)]
        for module in model.modules():
            found += getattr(module, "_losses", ())
        return made, [t for t in found if isinstance(t, torch.Tensor)]

    vars(root)["forward"] = forward


def sharded(model: Any) -> Any:
    """Return the module whose weights are cut, None if they are whole."""
    found = vars(model).get("_sharded_root") if isinstance(model, nn.Module) else None
    return found if isinstance(found, FSDPModule) else None


def _taken_apart(optimizer: Any) -> list[Any] | None:
    """Have an optimizer forget its weights; return what it kept beside them."""
    from keras2torch.optimizers import Optimizer

    if optimizer is None or isinstance(optimizer, type):
        return None
    if not isinstance(optimizer, Optimizer):
        raise ValueError(
            f"{type(optimizer).__name__} has the whole weights already: give compile() "
            "its class, or a Keras optimizer, to have the weights cut among processes."
        )
    for one in (optimizer, *_inner(optimizer)):
        if _looks_across(one):
            raise ValueError(
                f"{type(one).__name__} takes whole weights, which no process has under "
                "FSDP: train with DataParallel, or with another optimizer of Keras."
            )
    if not optimizer.built:
        return None
    kept = optimizer.get_weights()
    optimizer.state.clear()
    optimizer._variables.clear()
    optimizer.built = False
    return kept


def _inner(optimizer: Any) -> list[Any]:
    inner = getattr(optimizer, "inner_optimizer", None)
    return [*getattr(optimizer, "_inner_optimizers", ()), *([inner] if inner else ())]


def _looks_across(optimizer: Any) -> bool:
    """Whether a weight's step is more than one of elements and norms."""
    from keras2torch.optimizers import (
        Adafactor,
        LossScaleOptimizer,
        MultiOptimizer,
        Muon,
        Optimizer,
    )

    own = type(optimizer)._update is Optimizer._update
    if own and not isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        return True  # `update_step` moves one whole weight
    return isinstance(optimizer, (Adafactor, Muon))


@contextmanager
def whole(model: Any) -> Iterator[None]:
    """Have every process hold the whole weights and state of the optimizer.

    Changes of the weights within are lost.
    """
    root = sharded(model)
    if root is None:
        yield
        return
    found = [
        (holder, name, value)
        for holder in _holders(model)
        for name, value in holder.items()
        if is_cut(value)
    ]
    made = {id(value): full(value.detach()) for _, _, value in found}
    try:
        for holder, name, value in found:
            uncut = made[id(value)]
            if isinstance(value, nn.Parameter):
                uncut = nn.Parameter(uncut, requires_grad=value.requires_grad)
            holder[name] = uncut
        yield
    finally:
        for holder, name, value in found:
            holder[name] = value


def _holders(model: Any) -> Iterator[dict[str, Any]]:
    """Iterate over the dicts that hold weights, and what an optimizer keeps of them."""
    for module in model.modules():
        yield module._parameters
    yield from getattr(model.optimizer, "state", {}).values()
