"""Keras' operations that move, take and put entries."""

from __future__ import annotations

import numpy as np
from operation_cases import Case, F, I, along, named, one, two

SHAPES: dict[str, Case] = {
    "reshape": one(lambda o, x: o.reshape(x, (-1, 15))),
    "reshape_more": one(lambda o, x: o.reshape(x, (-1, 5, 3, 1))),
    "reshape_batch": one(lambda o, x: o.reshape(x, (-1, 5))),
    "ravel": one(named("ravel")),
    "expand_dims": one(lambda o, x: o.expand_dims(x, (1, -1))),
    "squeeze": Case(named("squeeze"), ((2, 1, 3, 1),), whole=True),
    "squeeze_axis": Case(along("squeeze", axis=2), ((3, 1),)),
    "broadcast_to": Case(
        lambda o, x: o.broadcast_to(x, (2, 4, 3)), ((2, 1, 3),), whole=True
    ),
    "ones_like": one(named("ones_like")),
    "zeros_like": one(lambda o, x: o.zeros_like(x, dtype="int32")),
    "full_like": one(lambda o, x: o.full_like(x, 2.5)),
    "transpose": one(named("transpose")),
    "transpose_axes": one(lambda o, x: o.transpose(x, (2, 0, 1))),
    "permute": one(lambda o, x: o.transpose(x, (0, 2, 1))),
    "swapaxes": one(lambda o, x: o.swapaxes(x, 1, -1)),
    "moveaxis": one(lambda o, x: o.moveaxis(x, 1, -1)),
    "flip": one(along("flip", axis=1)),
    "fliplr": one(named("fliplr")),
    "flipud": one(named("flipud")),
    "roll": one(lambda o, x: o.roll(x, 2, axis=1)),
    "roll_back": one(lambda o, x: o.roll(x, (-1, 2), axis=(1, 2))),
    "rot90": one(lambda o, x: o.rot90(x, 1, axes=(1, 2))),
    "rot90_back": one(lambda o, x: o.rot90(x, 3, axes=(1, 2))),
    "rearrange": Case(
        lambda o, x: o.rearrange(x, "b h w -> b w h"), ((2, 3, 5),), whole=True
    ),
    "rearrange_apart": Case(
        lambda o, x: o.rearrange(x, "b (h k) w -> b h (w k)", k=2),
        ((2, 6, 5),),
        whole=True,
    ),
    "concatenate": two(lambda o, x, y: o.concatenate([x, y], axis=1)),
    "concatenate_batch": two(lambda o, x, y: o.concatenate([x, y], axis=0)),
    "concatenate_mixed": two(lambda o, x, y: o.concatenate([x, y], axis=-1), F, I),
    "append": two(lambda o, x, y: o.append(x, y, axis=1)),
    "stack": two(lambda o, x, y: o.stack([x, y], axis=1)),
    "stack_last": two(lambda o, x, y: o.stack([x, y], axis=-1)),
    "hstack": two(lambda o, x, y: o.hstack([x, y])),
    "vstack": two(lambda o, x, y: o.vstack([x, y])),
    "dstack": two(lambda o, x, y: o.dstack([x, y])),
    "tile": one(lambda o, x: o.tile(x, (1, 2, 3))),
    "repeat": one(lambda o, x: o.repeat(x, 2, axis=1)),
    "meshgrid": Case(lambda o, x, y: o.meshgrid(x, y), ((3,), (4,)), whole=True),
    "meshgrid_ij": Case(
        lambda o, x, y: o.meshgrid(x, y, indexing="ij"), ((3,), (4,)), whole=True
    ),
    "split": one(lambda o, x: o.split(x, 3, axis=1)),
    "split_places": one(lambda o, x: o.split(x, [1, 4], axis=2)),
    "array_split": one(lambda o, x: o.array_split(x, 2, axis=2)),
    "hsplit": one(lambda o, x: o.hsplit(x, 3)),
    "dsplit": one(lambda o, x: o.dsplit(x, 5)),
    "vsplit": Case(lambda o, x: o.vsplit(x, 2), ((4, 3),), whole=True),
    "unstack": one(lambda o, x: o.unstack(x, axis=1)),
    "pad": one(lambda o, x: o.pad(x, ((0, 0), (1, 2), (0, 1)))),
    "pad_value": one(
        lambda o, x: o.pad(x, ((0, 0), (1, 0), (0, 3)), constant_values=1.5)
    ),
    "pad_reflect": one(lambda o, x: o.pad(x, ((0, 0), (1, 2), (0, 3)), mode="reflect")),
    "pad_symmetric": one(
        lambda o, x: o.pad(x, ((0, 0), (2, 3), (1, 0)), mode="symmetric")
    ),
    "tril": one(named("tril")),
    "triu": one(lambda o, x: o.triu(x, k=1)),
    "diag": Case(named("diag"), ((4,),), whole=True),
    "diag_lower": Case(lambda o, x: o.diag(x, k=-2), ((4,),), whole=True),
    "diag_taken": Case(lambda o, x: o.diag(x, k=1), ((4, 5),), whole=True),
    "diagflat": Case(named("diagflat"), ((2, 2),), whole=True),
    "diagonal": one(lambda o, x: o.diagonal(x, offset=1, axis1=1, axis2=2)),
    "diagonal_below": one(lambda o, x: o.diagonal(x, offset=-1, axis1=1, axis2=2)),
    "trace": one(lambda o, x: o.trace(x, axis1=1, axis2=2)),
    "linspace": two(lambda o, x, y: o.linspace(x, y, 4, axis=1)),
    "linspace_open": two(lambda o, x, y: o.linspace(x, y, 4, endpoint=False)),
    "size": Case(named("size"), ((2, 3),), whole=True),
    "view_cast": one(lambda o, x: o.cast(x, "int32")),
    "cast_bool": one(lambda o, x: o.cast(x, "bool"), I),
    "saturate_cast": one(lambda o, x: o.saturate_cast(x * 200, "uint8")),
    "stop_gradient": one(named("stop_gradient")),
    "convert_to_tensor": one(named("convert_to_tensor")),
    # -- places
    "item": one(lambda o, x: x[:, 1]),
    "item_last": one(lambda o, x: x[..., -1]),
    "item_all": one(lambda o, x: x[:, :, :]),
    "item_back": one(lambda o, x: x[:, ::-1]),
    "item_back_part": one(lambda o, x: x[:, 2:0:-1, -4::2]),
    "item_steps": one(lambda o, x: x[:, ::2, 1:-1]),
    "item_new": one(lambda o, x: x[:, None, ..., None]),
    "item_new_and_gone": one(lambda o, x: x[:, 0, None]),
    "item_many": one(lambda o, x: x[:, 1:, 2]),
    "item_negative": one(lambda o, x: x[:, -2:, -3]),
    "item_first": one(lambda o, x: x[0]),
    "take": one(lambda o, x: o.take(x, [0, 2, -1], axis=2)),
    "take_tensor": Case(lambda o, x, i: o.take(x, i, axis=1), ((6, 2), (3,)), (F, I)),
    "take_from_array": one(
        lambda o, x: o.take(np.arange(10, dtype=F).reshape(5, 2), x, axis=0), I
    ),
    "take_along_axis": two(
        lambda o, x, i: o.take_along_axis(x, i, axis=2), F, I, second=(3, 2)
    ),
    "slice": Case(
        lambda o, x: o.slice(x, (0, 1, 2), (2, 2, 3)), ((2, 3, 5),), whole=True
    ),
    "slice_update": Case(
        lambda o, x, y: o.slice_update(x, (0, 1, 2), y),
        ((2, 3, 5), (2, 2, 3)),
        whole=True,
    ),
    "scatter": Case(
        lambda o, v: o.scatter(np.array([[0, 1], [2, 0], [1, 2]]), v, (3, 4)),
        ((3,),),
        whole=True,
    ),
    "scatter_update": Case(
        lambda o, x, v: o.scatter_update(x, np.array([[0, 1], [1, 0]]), v),
        ((3, 4), (2,)),
        whole=True,
    ),
    "one_hot": one(lambda o, x: o.one_hot(x, 4), I),
    "one_hot_axis": one(lambda o, x: o.one_hot(x, 6, axis=1, dtype="int32"), I),
    "multi_hot": one(lambda o, x: o.multi_hot(x, 6), I),
    "searchsorted": Case(
        lambda o, x: o.searchsorted(np.array([-1.0, 0.0, 0.5], F), x),
        ((5,),),
        whole=True,
    ),
    "digitize": one(lambda o, x: o.digitize(x, np.array([-1.0, 0.0, 0.5], F))),
    "unravel_index": Case(
        lambda o, x: o.unravel_index(x, (3, 2)), ((5,),), (I,), whole=True
    ),
}
