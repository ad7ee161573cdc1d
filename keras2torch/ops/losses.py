"""Cross-entropies, entry by entry, and connectionist temporal classification.

Source: ``keras/src/ops/nn.py`` and ``keras/src/backend/tensorflow/nn.py`` (3.15).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from keras2torch import losses
from keras2torch.models.symbolic import KerasTensor
from keras2torch.ops.base import operation
from keras2torch.ops.promotion import common_dtype, floats, kind, tensor, tensors
from keras2torch.training.losses import impossible_ctc


@operation("BinaryCrossentropy", "target output")
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Cross-entropy of each entry, which says yes or no.

    Parameters
    ----------
    target, output
        Of one shape.
    from_logits
        Whether ``output`` is what goes into a sigmoid.
    """
    target, output = tensors(target, output)
    if target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    # The function takes a mean over the last axis: here over one entry.
    single = floats(output).unsqueeze(-1)
    if (logits := getattr(output, "_keras_logits", None)) is not None:
        single._keras_logits = logits.unsqueeze(-1)  # type: ignore[attr-defined]
    return losses.binary_crossentropy(target.unsqueeze(-1), single, from_logits)


@operation("CategoricalCrossentropy", "target output")
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Cross-entropy of one-hot targets.

    Parameters
    ----------
    target, output
        Of one shape.
    from_logits
        Whether ``output`` is what goes into a softmax.
    axis
        Of the classes.
    """
    target, output = tensors(target, output)
    if not target.ndim or target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape, of at least "
            f"one axis. Received: target.shape={tuple(target.shape)}, "
            f"output.shape={tuple(output.shape)}"
        )
    return losses.categorical_crossentropy(target, output, from_logits, axis=axis)


@operation("SparseCategoricalCrossentropy", "target output")
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Cross-entropy of class numbers.

    Parameters
    ----------
    target
        The shape of ``output`` without the classes, or 1 in their place.
    output
        (…, classes).
    from_logits
        Whether it is what goes into a softmax.
    axis
        Of the classes: the last.
    """
    target, output = tensors(target, output)
    return losses.sparse_categorical_crossentropy(
        target, output, from_logits, axis=axis
    )


# -------------------------------------------------------------------------------- CTC
def _loss_spec(
    target: Any,
    output: Any,
    target_length: Any,
    output_length: Any,
    mask_index: int = 0,
) -> KerasTensor:
    return KerasTensor(tuple(output.shape)[:1], _dtype(output))


def _dtype(x: Any) -> str:
    """Return the dtype of scores: float32, or float64 if they have it."""
    found = common_dtype(str(x.dtype).removeprefix("torch."), "float32")
    return str(found).removeprefix("torch.")


@operation("CTCLoss", "target output target_length output_length", spec=_loss_spec)
def ctc_loss(
    target: Any,
    output: Any,
    target_length: Any,
    output_length: Any,
    mask_index: int = 0,
) -> Any:
    """Connectionist temporal classification.

    Parameters
    ----------
    target
        Class numbers (batch, labels).
    output
        Logits (batch, steps, classes).
    target_length, output_length
        How many labels and steps of each count.
    mask_index
        The class that stands for none.
    """
    labels, logits, label_sizes, sizes = tensors(
        target, output, target_length, output_length
    )
    dtype = common_dtype(kind(logits), "float32")
    blank = mask_index % logits.shape[-1]
    scores = logits.to(dtype).log_softmax(-1).transpose(0, 1)
    labels, label_sizes, sizes = labels.long(), label_sizes.long(), sizes.long()
    values = F.ctc_loss(
        scores, labels, sizes, label_sizes, blank, "none", zero_infinity=True
    )
    counts = torch.arange(labels.shape[1], device=labels.device) < label_sizes[:, None]
    again = ((labels[:, 1:] == labels[:, :-1]) & counts[:, 1:]).sum(-1)
    # Where the steps are too few, torch has infinity and TensorFlow a number.
    for row in (label_sizes + again > sizes).nonzero().flatten().tolist():
        own = labels[row : row + 1, : int(label_sizes[row])]
        own = torch.where(own < blank, own + 1, own)  # class 0 is to be the blank
        around = [blank, *(c for c in range(scores.shape[-1]) if c != blank)]
        steps = scores[: int(sizes[row]), row : row + 1][..., around]
        found = impossible_ctc(own, steps, label_sizes[row : row + 1])
        values = values.index_copy(0, torch.tensor([row], device=values.device), found)
    return values


def _decode_spec(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[KerasTensor, KerasTensor]:
    paths = 1 if strategy == "greedy" else top_paths
    batch, steps = tuple(inputs.shape)[:2]
    decoded = KerasTensor((paths, batch, steps), "int32")
    return decoded, KerasTensor((batch, paths), _dtype(inputs))


@operation("CTCDecode", "inputs sequence_lengths", gives=tuple, spec=_decode_spec)
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> Any:
    """Return the labels that logits of connectionist temporal classification say.

    Parameters
    ----------
    inputs
        Logits (batch, steps, classes).
    sequence_lengths
        How many steps of each count.
    strategy
        ``"greedy"``: the best class of each step; ``"beam_search"``: the best labels.
    beam_width
        How many beginnings are followed.
    top_paths
        How many results there are; greedy has one.
    merge_repeated
        Whether, if greedy, equal classes of steps side by side are one label.
    mask_index
        The class that stands for none; the last if it is ``None``.

    Returns
    -------
    tuple
        Labels (paths, batch, steps), -1 behind the last, and scores (batch, paths):
        logarithms of the probabilities; if greedy, the best logits, added and negative.
    """
    scores = tensor(inputs)
    scores = scores.to(common_dtype(kind(scores), "float32"))
    lengths = [int(n) for n in tensor(sequence_lengths).tolist()]
    blank = (-1 if mask_index is None else mask_index) % scores.shape[-1]
    if strategy == "greedy":
        best, classes = scores.max(-1)
        there = torch.arange(scores.shape[1], device=scores.device)
        inside = there < torch.tensor(lengths, device=scores.device)[:, None]
        total = -torch.where(inside, best, 0).sum(-1, keepdim=True)
        rows = [
            [_collapsed(c[:n], blank, merge_repeated)]
            for c, n in zip(classes.tolist(), lengths, strict=True)
        ]
    elif strategy == "beam_search":
        from keras2torch.ops.beams import best_labels

        logs = scores.log_softmax(-1).double().cpu().numpy()
        found = [
            best_labels(row[:n], blank, beam_width, top_paths)
            for row, n in zip(logs, lengths, strict=True)
        ]
        rows = [[labels for labels, _ in paths] for paths in found]
        total = scores.new_tensor([[score for _, score in paths] for paths in found])
    else:
        raise ValueError(
            f"Invalid strategy {strategy}. Supported values are 'greedy' and "
            "'beam_search'."
        )
    decoded = torch.full(
        (len(rows[0]) if rows else top_paths, *scores.shape[:2]), -1, dtype=torch.int32
    )
    for n, paths in enumerate(rows):
        for p, labels in enumerate(paths):
            decoded[p, n, : len(labels)] = torch.tensor(labels, dtype=torch.int32)
    return decoded.to(scores.device), total


def _collapsed(classes: list[int], blank: int, merge: bool) -> list[int]:
    """Return the labels of the best classes."""
    before = [None, *classes[:-1]]
    return [
        c
        for c, last in zip(classes, before, strict=True)
        if c != blank and not (merge and c == last)
    ]


__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "ctc_decode",
    "ctc_loss",
    "sparse_categorical_crossentropy",
]
