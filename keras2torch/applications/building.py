"""What all builders of ``keras.applications`` share: the entry, the head, the weights.

Source: ``keras/src/applications/imagenet_utils.py`` (Keras 3.15) and what stands alike
in each of its neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, TypeAlias

from keras2torch import activations, layers
from keras2torch.applications.pretrained import Published
from keras2torch.models import Functional, Input, KerasTensor

# Layers are made when asked for, and say nothing of what they return.
Tensor: TypeAlias = Any
Shape: TypeAlias = tuple[int | None, ...]
Builder: TypeAlias = Callable[..., Any]

IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Request:
    """The arguments that all builders take.

    Attributes
    ----------
    published
        Where the weights trained on ImageNet are.
    default_size, min_size
        Height and width of an input that nobody named, and the least of one.
    """

    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Sequence[int | None] | None
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str | None
    published: Published
    default_size: int = 224
    min_size: int = 32

    def __post_init__(self) -> None:
        self._check_format()
        if self.imagenet:
            if self.include_top and self.classes != IMAGENET_CLASSES:
                raise ValueError(
                    'If using `weights="imagenet"` with `include_top=True`, `classes` '
                    f"should be {IMAGENET_CLASSES}. Received: classes={self.classes}"
                )
        elif self.weights is not None and not Path(self.weights).exists():
            raise ValueError(
                "`weights` should be None (random weights), 'imagenet', or the path "
                f"of a file of weights. Received: weights={self.weights!r}"
            )
        if self.weights is not None and self.include_top:
            self._check_activation()

    @property
    def imagenet(self) -> bool:
        """Whether the weights trained on ImageNet are wanted."""
        return bool(self.weights == "imagenet")

    def _check_format(self) -> None:
        from keras2torch.backend import image_data_format

        if image_data_format() != "channels_last":
            raise ValueError(
                "keras.applications takes images with channels last: set "
                "image_data_format to 'channels_last'."
            )

    def _check_activation(self) -> None:
        plain = (activations.get("softmax"), activations.get(None))
        if activations.get(self.classifier_activation) not in plain:
            raise ValueError(
                "With pretrained weights and `include_top=True`, "
                "`classifier_activation` is None or 'softmax'. Received: "
                f"classifier_activation={self.classifier_activation!r}"
            )

    def shape(self) -> Shape:
        """Return height, width and channels of the input."""
        size = self.default_size
        given = None if self.input_shape is None else tuple(self.input_shape)
        if self.imagenet and self.include_top:
            if given not in (None, (size, size, 3)):
                raise ValueError(
                    "When setting `include_top=True` and loading `imagenet` weights, "
                    f"`input_shape` should be {(size, size, 3)}. Received: "
                    f"input_shape={given}"
                )
            return size, size, 3
        if not given:
            return (size, size, 3) if self.include_top else (None, None, 3)
        self._check_shape(given)
        return given

    def _check_shape(self, given: Shape) -> None:
        if len(given) != 3:
            raise ValueError(
                "`input_shape` is (height, width, channels). Received: "
                f"input_shape={given}"
            )
        *sizes, channels = given
        if channels != 3 and self.imagenet:
            raise ValueError(
                "The weights of ImageNet take 3 channels. Received: "
                f"input_shape={given}"
            )
        if channels not in (1, 3):
            warnings.warn(
                "This model usually takes 1 or 3 channels; input_shape has "
                f"{channels}.",
                stacklevel=6,
            )
        if any(n is not None and n < self.min_size for n in sizes):
            raise ValueError(
                f"Input size must be at least {self.min_size}x{self.min_size}. "
                f"Received: input_shape={given}"
            )
        if self.include_top and None in given:
            raise ValueError(
                "If `include_top` is True, `input_shape` should be known. Received: "
                f"input_shape={given}"
            )

    def entry(self, shape: Shape | None = None) -> Tensor:
        """Return the tensor at which the model begins."""
        shape = self.shape() if shape is None else shape
        if self.input_tensor is None:
            return Input(shape=shape)
        if not isinstance(self.input_tensor, KerasTensor):
            raise ValueError(
                "`input_tensor` is a symbolic tensor, made by Input or by a layer. "
                f"Received a {type(self.input_tensor).__name__}."
            )
        return self.input_tensor

    def check_tensor(self) -> None:
        """Refuse an ``input_tensor`` that is not as wide as ``input_shape`` says."""
        if self.input_tensor is None or self.input_shape is None:
            return
        width = self.entry().shape[2]
        if width != self.input_shape[1]:
            raise ValueError(
                "`input_shape` should be that of `input_tensor`. Received: "
                f"input_shape={self.input_shape}, and an input_tensor of shape "
                f"{self.input_tensor.shape}"
            )

    def pooled(self, x: Tensor, *, named: bool = False) -> Tensor:
        """Return the features, pooled as was asked."""
        if self.pooling == "avg":
            name = "avg_pool" if named else None
            return layers.GlobalAveragePooling2D(name=name)(x)
        if self.pooling == "max":
            name = "max_pool" if named else None
            return layers.GlobalMaxPooling2D(name=name)(x)
        return x

    def scores(self, x: Tensor, name: str = "predictions", **settings: Any) -> Tensor:
        """Return the score of each class."""
        activation = self.classifier_activation
        return layers.Dense(self.classes, activation=activation, name=name, **settings)(
            x
        )

    def head(
        self, x: Tensor, *, named: bool = False, dropout: float = 0.0, **settings: Any
    ) -> Tensor:
        """Return scores from the mean over the image, or pooled features.

        Parameters
        ----------
        x
            The last features.
        named
            Whether the pooling has a name of its own without a top, too.
        dropout
            Rate before the scores.
        settings
            Of the layer that scores.
        """
        if not self.include_top:
            return self.pooled(x, named=named)
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout > 0:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return self.scores(x, **settings)

    def model(self, entry: Tensor, outputs: Tensor, name: str | None = None) -> Any:
        """Return the model, with its weights; ``name`` is for one that has none."""
        begin = entry if self.input_tensor is None else sources(entry)
        name = name if self.name is None else self.name
        named = {} if name is None else {"name": name}
        made = Functional(begin, outputs, **named)
        if self.imagenet:
            made.load_weights(self.published.file(include_top=self.include_top))
        elif self.weights is not None:
            made.load_weights(self.weights)
        return made


def sources(tensor: Tensor) -> list[Tensor]:
    """Return the inputs that a tensor comes from, each once."""
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        here = waiting.pop()
        node = here.node
        if node is None or id(here) in seen:
            continue
        seen.add(id(here))
        if node.is_input:
            found[id(here)] = here
        waiting += reversed(node.inputs)
    return list(found.values())


def correct_pad(x: Tensor, kernel_size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the zeros before a stride of 2 that TensorFlow's "same" would add.

    Of an unknown height it says what is right for even ones.
    """
    height, width = x.shape[1:3]
    half = kernel_size // 2
    if height is None or width is None:
        return (half - 1, half), (half - 1, half)
    return (half - 1 + height % 2, half), (half - 1 + width % 2, half)


def divisible(value: float, divisor: int = 8) -> int:
    """Return the nearest multiple, but none that is smaller by more than a tenth."""
    found = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * value else found


def called(
    builder: Builder, name: str, module: str, summary: str, **more: str
) -> Builder:
    """Return a builder under its public name, with what its arguments mean."""
    builder.__name__ = builder.__qualname__ = name
    builder.__module__ = module
    meant = ARGUMENTS | more
    told = [f"{k}\n    {meant[k]}" for k in signature(builder).parameters]
    builder.__doc__ = "\n".join([summary, "", _BEFORE, *told, "", _AFTER])
    return builder


_BEFORE = """Source: this module's namesake in ``keras/src/applications`` (Keras 3.15).

Parameters
----------"""
ARGUMENTS = {
    "include_top": "Whether the layers that score classes are part of it.",
    "weights": 'None for random ones, ``"imagenet"``, or the path of a file.',
    "input_tensor": "A symbolic tensor to begin at.",
    "input_shape": "Height, width and channels.",
    "pooling": 'Without a top: ``"avg"`` or ``"max"`` over the image, or None.',
    "classes": "How many the top scores.",
    "classifier_activation": "Of the top; None gives logits.",
    "name": "Of the model.",
}
_AFTER = """Returns
-------
Model
    Of symbolic tensors; its layers have Keras' names."""
