"""What an expression of a script may be, as far as its names tell."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Found:
    """A Keras idiom at one place of a script.

    Parameters
    ----------
    line, column
        Where it stands; lines from 1, columns from 0.
    name
        The canonical name: ``layers.Dense``, ``Model.fit``, ``losses.Huber``.
    written
        As the script has it: ``L.Dense``, ``loss="mse"``.
    kind
        ``name``, ``method``, ``override`` (of a method, in a subclass), ``string`` (a
        name in quotes), ``argument`` or ``import``.
    argument
        Of an argument, its canonical name: ``Conv2D(padding)``.
    sure
        Whether it is certain that this is Keras', or only likely by its name.
    of
        Of an argument, the canonical name of what is called.
    like
        Under which name the tables list it, if not its own.
    """

    line: int
    column: int
    name: str
    written: str
    kind: str = "name"
    argument: str | None = None
    sure: bool = True
    of: str | None = None
    like: str | None = None

    @property
    def given(self) -> str:
        """Of an argument, its name as the script has it: ``border_mode``."""
        return self.written.partition("=")[0]


@dataclass(frozen=True)
class Path:
    """Something of Keras or TensorFlow, by the dotted path that the script imports."""

    path: str


@dataclass(frozen=True)
class Made:
    """An instance of a class: Keras' own by canonical name, or one of the script's.

    It is exact where the script makes it: `callback.model` may be a subclass, of which
    nobody knows the methods.
    """

    kind: str
    of: LocalClass | None = None
    exact: bool = True


@dataclass(frozen=True)
class Method:
    """A method, looked up on an instance: the kind it was found under, and its name."""

    kind: str
    name: str
    receiver: Made | None = None


@dataclass(frozen=True)
class Many:
    """A list or an iterable of which the elements are alike."""

    of: Value


@dataclass(frozen=True)
class Several:
    """A tuple."""

    items: tuple[Value | None, ...]


@dataclass(eq=False)
class LocalClass:
    """A class of the script; ``kind`` is the Keras class that it descends from."""

    name: str
    kind: str | None
    parent: LocalClass | None = None
    attributes: dict[str, Value | None] = field(default_factory=dict)

    def defines(self, name: str) -> bool:
        """Whether the script's class, or one of its parents there, has an attribute."""
        return name in self.attributes or bool(
            self.parent and self.parent.defines(name)
        )

    def attribute(self, name: str) -> Value | None:
        """Return what is known of an attribute, its own or a parent's."""
        if self.attributes.get(name):
            return self.attributes[name]
        return self.parent.attribute(name) if self.parent else None


@dataclass(eq=False)
class Function:
    """A function of the script; what it returns and is given, as seen so far."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    returns: Value | None = None
    given: dict[str, Value] = field(default_factory=dict)


Value: TypeAlias = Path | Made | Method | Many | Several | LocalClass | Function

_FAMILIES = {
    "optimizers": "Optimizer",
    "losses": "Loss",
    "metrics": "Metric",
    "callbacks": "Callback",
    "initializers": "Initializer",
    "regularizers": "Regularizer",
    "constraints": "Constraint",
    "layers": "Layer",
}
#: Functions of Keras and TensorFlow whose result has methods of interest.
RETURNS = {
    "saving.load_model": "Model",
    "models.clone_model": "Model",
    "models.model_from_json": "Model",
    "models.model_from_yaml": "Model",
    "models.model_from_config": "Model",
    "Model.from_config": "Model",
    "Sequential.from_config": "Sequential",
    "optimizers.get": "optimizers.Optimizer",
    "losses.get": "losses.Loss",
    "utils.image_dataset_from_directory": "tf.data.Dataset",
    "utils.text_dataset_from_directory": "tf.data.Dataset",
    "utils.audio_dataset_from_directory": "tf.data.Dataset",
    "utils.timeseries_dataset_from_array": "tf.data.Dataset",
    "utils.split_dataset": "tf.data.Dataset",
    "tf.data.TFRecordDataset": "tf.data.Dataset",
    "tf.data.TextLineDataset": "tf.data.Dataset",
    "tf.data.FixedLengthRecordDataset": "tf.data.Dataset",
    "tf.data.experimental.make_csv_dataset": "tf.data.Dataset",
    "tf.Variable": "tf.Variable",
    "Variable": "tf.Variable",
    "backend.variable": "tf.Variable",
    "Model.fit": "callbacks.History",
    "Model.fit_generator": "callbacks.History",
    "Model.get_layer": "layers.Layer",
    "Layer.add_weight": "tf.Variable",
    "Model.add_weight": "tf.Variable",
    "Metric.add_weight": "tf.Variable",
}
#: Attributes that lead on.
ATTRIBUTES: dict[str, Value] = {
    "Model.optimizer": Made("optimizers.Optimizer", exact=False),
    "Model.history": Made("callbacks.History", exact=False),
    "Model.layers": Many(Made("layers.Layer", exact=False)),
    "Model.metrics": Many(Made("metrics.Metric", exact=False)),
    "Model.compiled_metrics": Made("metrics.Metric", exact=False),
    "Callback.model": Made("Model", exact=False),
}


def made_by(name: str) -> Value | None:
    """Return what calling the Keras or TensorFlow object of a canonical name gives."""
    if name in RETURNS:
        kind = RETURNS[name]
        # What is loaded or looked up may be a class of the user's own.
        return Made(kind, exact=kind not in ("Model", "layers.Layer"))
    if name.startswith("tf.data.Dataset."):
        return Made("tf.data.Dataset")
    group, _, last = name.rpartition(".")
    if group == "applications" and last[:1].isupper():
        return Made("Model")
    if group == "layers" and last in (*"add average concatenate dot maximum".split(),):
        return Made("tensor")
    if last[:1].isupper() and name != "Input":
        return Made(name)
    if group.partition(".")[0] in ("ops", "tf", "backend", "random", "activations"):
        return Made("tensor")
    return Made("tensor") if name == "Input" else None


def kinds(kind: str) -> tuple[str, ...]:
    """Return under which names the methods of a kind may stand, the closest first."""
    if kind == "Model":
        return ("Model", "Layer")
    if kind == "Sequential":
        return ("Sequential", "Model", "Layer")
    if kind == "tensor":
        return ("tf.Tensor",)
    group, _, last = kind.rpartition(".")
    if group == "tf.train" and last.endswith("Optimizer"):
        return (kind, "Optimizer")
    if last == "FeatureSpace":
        return (last, "Layer")
    family = _FAMILIES.get(group)
    if group == "optimizers.schedules":
        family = "LearningRateSchedule"
    if family:
        return (last, family) if last != family else (family,)
    return (kind if kind.startswith("tf.") else last,)
