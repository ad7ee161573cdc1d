"""Losses and metrics of a compile config → expressions of the script."""

from __future__ import annotations

from dataclasses import dataclass

from keras2torch.training.compile_config import Named, Option, Version
from keras2torch.training.text import (
    NoRule,
    Piece,
    arguments,
    flag,
    key,
    numeric,
    shown,
)

# Function → other names it goes by in Keras 1 to 3, the class's included.
_LOSSES: dict[str, tuple[str, ...]] = {
    "mean_squared_error": ("mse",),
    "mean_absolute_error": ("mae",),
    "mean_absolute_percentage_error": ("mape",),
    "mean_squared_logarithmic_error": ("msle",),
    "binary_crossentropy": ("bce",),
    "categorical_crossentropy": (),
    "sparse_categorical_crossentropy": (),
    "hinge": (),
    "squared_hinge": (),
    "categorical_hinge": (),
    "huber": ("huberloss",),
    "log_cosh": ("logcosherror",),
    "kl_divergence": ("kld", "kullbackleiblerdivergence"),
    "poisson": (),
    "cosine_similarity": ("cosineproximity", "cosine"),
}
_METRICS: dict[str, tuple[str, ...]] = {
    "binary_accuracy": (),
    "categorical_accuracy": (),
    "sparse_categorical_accuracy": (),
    "top_k_categorical_accuracy": (),
    "sparse_top_k_categorical_accuracy": (),
}
# Words that stand for one of three functions; the one for targets like the outputs.
_WORDS = {
    "accuracy": "categorical_accuracy",
    "acc": "categorical_accuracy",
    "crossentropy": "categorical_crossentropy",
    "ce": "categorical_crossentropy",
}
_NO_DIM = frozenset({"accuracy", "binary_accuracy"})
_SPARSE = "sparse_categorical_crossentropy"
_MEANS = ("auto", "sum_over_batch_size", "mean", "mean_with_sample_weight")
_IGNORED = frozenset({"name", "dtype", "reduction", "fn"})


def _aliases(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {key(a): name for name, others in table.items() for a in (name, *others)}


_LOSS_OF = _aliases(_LOSSES)
_METRIC_OF = _aliases(_METRICS)


@dataclass(frozen=True)
class Output:
    """What a rule has to know of an output.

    Attributes
    ----------
    name
        In Keras.
    shape
        In Keras, batch first.
    dim
        Where Keras' last axis is in PyTorch, -1 where it is the last.
    """

    name: str
    shape: tuple[int | None, ...]
    dim: int = -1


def loss_function(loss: Named) -> str | None:
    """Return the canonical name of a loss; ``None`` for one that is not Keras' own."""
    kind = loss.kind
    if kind == "LossFunctionWrapper" and isinstance(loss.options.get("fn"), str):
        kind = str(loss.options["fn"])
    return None if loss.own else _LOSS_OF.get(key(kind))


def is_sparse(loss: Named | None) -> bool:
    """Whether the targets are class numbers."""
    return loss is not None and loss_function(loss) == _SPARSE


def loss_text(
    loss: Named,
    output: Output,
    version: Version,
    y_true: str,
    y_pred: str,
    logits: str | None = None,
) -> Piece:
    """Return the expression of a loss, reduced to one number.

    Parameters
    ----------
    loss, output, version
        The loss, what it is of, and the Keras that wrote it.
    y_true, y_pred
        Variables of the script.
    logits
        Variable that holds what went into the last sigmoid or softmax, if there is one.

    Raises
    ------
    NoRule
        If the loss is not Keras' own, or is with an argument that has no rule.
    """
    name = loss_function(loss)
    if name is None:
        raise NoRule("it is not one of Keras' own losses")
    if key(loss.kind) == "cosineproximity" and version.number < (2, 1):
        raise NoRule("before Keras 2.1 it was a mean over the axis, later a sum")
    reduction = loss.options.get("reduction", "auto")
    if reduction not in (*_MEANS, "sum"):
        raise NoRule(f"reduction={shown(reduction)} has no rule")
    options = _function_options(name, loss, output)
    if logits is not None:
        y_pred, options["from_logits"] = logits, True
    if reduction != "sum" and options.get("from_logits"):
        known = _torch_crossentropy(name, options, output, y_true, y_pred)
        if known is not None:
            return known
    extra = arguments(**options)
    call = f"{name}({y_true}, {y_pred}{', ' + extra if extra else ''})"
    return Piece(f"{call}.{'sum' if reduction == 'sum' else 'mean'}()", (name,))


def _torch_crossentropy(
    name: str, options: dict[str, Option], output: Output, y_true: str, y_pred: str
) -> Piece | None:
    """Return torch's own cross-entropy from logits where it is Keras'."""
    smoothing = options.get("label_smoothing")
    if name == "binary_crossentropy":
        text = f"F.binary_cross_entropy_with_logits({y_pred}, {y_true})"
        return Piece(text) if smoothing is None else None
    # It wants the classes at axis 1.
    if options.get("ignore_class") is not None or (
        output.dim != 1 and len(output.shape) != 2
    ):
        return None
    extra = arguments(label_smoothing=smoothing)
    given = f"{y_pred}, {y_true}{', ' + extra if extra else ''}"
    return Piece(f"F.cross_entropy({given})")


def unsaid(loss: Named, version: Version) -> str | None:
    """Say what Keras does not write of a loss, if anything."""
    lost = {"Huber": "delta", "CosineSimilarity": "axis"}.get(loss.kind)
    if lost is None or version.number < (3, 0) or lost in loss.options:
        return None
    # keras/src/losses/losses.py, get_config; Keras itself forgets it on loading.
    return f"Keras 3 does not write the {lost} of {loss.kind}: taken at its default"


def _function_options(name: str, given: Named, output: Output) -> dict[str, Option]:
    """Return the arguments of a function beside targets and predictions."""
    if given.strange:
        raise NoRule(f"argument {shown(given.strange[0])} has no rule")
    found: dict[str, Option] = {}
    left = {k: v for k, v in given.options.items() if k not in _IGNORED}
    axis = left.pop("axis", -1)
    if axis not in (-1, len(output.shape) - 1) or isinstance(axis, bool):
        raise NoRule(f"axis={shown(axis)} has no rule")
    crosses = name.endswith("crossentropy")
    if crosses:
        found["from_logits"] = flag(left, "from_logits") or None
        left.pop("from_logits", None)
    if name in ("binary_crossentropy", "categorical_crossentropy"):
        if smoothing := numeric(left, "label_smoothing", 0.0):
            found["label_smoothing"] = float(smoothing)
        left.pop("label_smoothing", None)
    if name == _SPARSE and left.get("ignore_class") is not None:
        ignored = left.pop("ignore_class")
        if type(ignored) is not int:
            raise NoRule(f"ignore_class={shown(ignored)} is no class")
        found["ignore_class"] = ignored
    if name == "huber":
        delta = numeric(left, "delta", 1.0)
        if delta <= 0:
            raise NoRule(f"delta={shown(delta)} is not above 0")
        if delta != 1:
            found["delta"] = float(delta)
        left.pop("delta", None)
    if name == "binary_accuracy":
        threshold = numeric(left, "threshold", 0.5)
        if threshold != 0.5:
            found["threshold"] = float(threshold)
        left.pop("threshold", None)
    if name.endswith("top_k_categorical_accuracy"):
        k = numeric(left, "k", 5)
        if k != int(k):
            raise NoRule(f"k={shown(k)} is no integer")
        if k != 5:
            found["k"] = int(k)
        left.pop("k", None)
    for other, value in left.items():
        if value not in (None, False):
            raise NoRule(f"argument {shown(other)} has no rule")
    if output.dim != -1 and name not in _NO_DIM:
        found["dim"] = output.dim
    return found


# --------------------------------------------------------------------------- metrics
def metric_text(
    metric: Named, loss: Named | None, output: Output, version: Version
) -> Piece:
    """Return the expression that makes the accumulator of a metric.

    Raises
    ------
    NoRule
        If it is not one of Keras' own, or one without a rule.
    """
    kind, word = key(metric.kind), True
    if kind == "meanmetricwrapper":
        function = metric.options.get("fn")
        if not isinstance(function, str):
            raise NoRule("the function that it wraps is not named")
        guessed = _word_of(metric, key(function), loss)
        kind, word = guessed or key(function), guessed is not None
    elif metric.kind == "Accuracy" and "name" in metric.options:
        word = False  # the class
    if metric.own:
        raise NoRule("it is not one of Keras' own metrics")
    if kind in ("precision", "recall", "auc", "rootmeansquarederror"):
        return _counted(kind, metric, output)
    if kind == "accuracy" and not word:
        name = "accuracy"  # compares values
    elif kind in _WORDS:
        name = accuracy_of(loss, output, version)
        if _WORDS[kind].endswith("crossentropy"):
            name = name.replace("accuracy", "crossentropy")
    elif kind in _METRIC_OF:
        name = _METRIC_OF[kind]
    elif kind in _LOSS_OF:
        name = _LOSS_OF[kind]
    else:
        raise NoRule("it is not one of the metrics that have a rule")
    dense = "sparse" not in name and name.endswith(("accuracy", "crossentropy"))
    if dense and is_sparse(loss) and name.startswith(("cat", "top")):
        raise NoRule("the loss says that targets are class numbers, it wants one-hot")
    extra = arguments(**_function_options(name, metric, output))
    # A loss counts down, a metric up.
    name = "cosine" if name == "cosine_similarity" else name
    return Piece(f"Mean({name}{', ' + extra if extra else ''})", ("Mean", name))


def _word_of(metric: Named, function: str, loss: Named | None) -> str | None:
    """Return the word that a wrapper stands for, where its function is a guess.

    tf_keras resolves the word "accuracy" by the shapes of targets and outputs. A model
    that is saved before it saw targets is written as if they were like its outputs
    (``saving_utils.py``, ``try_build_compiled_arguments``), also where its loss takes
    class numbers. Only the name still tells what was given.
    """
    name = metric.options.get("name")
    if not isinstance(name, str) or not is_sparse(loss):
        return None
    guessed = _WORDS.get(key(name))
    return key(name) if guessed is not None and key(guessed) == function else None


def accuracy_of(loss: Named | None, output: Output, version: Version) -> str:
    """Return which accuracy Keras takes for the word "accuracy".

    Raises
    ------
    NoRule
        If it depends on targets that a loss of the user's own does not reveal.
    """
    function = loss_function(loss) if loss is not None else None
    if output.shape[-1] == 1:
        return "binary_accuracy"
    if function is None:
        raise NoRule("which accuracy it is depends on the shape of the targets")
    if function == _SPARSE:
        return "sparse_categorical_accuracy"
    # Until tf.keras 2.2 the loss decided, since then the shapes alone do.
    by_loss = version.number < (2, 3) or version.standalone
    if by_loss and function == "binary_crossentropy":
        return "binary_accuracy"
    return "categorical_accuracy"


def _counted(kind: str, metric: Named, output: Output) -> Piece:
    options = {k: v for k, v in metric.options.items() if k not in _IGNORED}
    if metric.strange:
        raise NoRule(f"argument {shown(metric.strange[0])} has no rule")
    if kind == "rootmeansquarederror":
        extra = arguments(dim=output.dim if output.dim != -1 else None)
        text = f"RootMean(mean_squared_error{', ' + extra if extra else ''})"
        return Piece(text, ("RootMean", "mean_squared_error"))
    if kind == "auc":
        expected = {"curve": "ROC", "summation_method": "interpolation"}
        for argument, only in expected.items():
            if str(options.pop(argument, only)).lower() != only.lower():
                raise NoRule(f"{argument} other than {only} has no rule")
        count = numeric(options, "num_thresholds", 200)
        options.pop("num_thresholds", None)
        if count != int(count) or not 3 <= count <= 100_000:
            raise NoRule(f"num_thresholds={shown(count)} has no rule")
        given = None if count == 200 else int(count)
        made = Piece(f"AUC({arguments(num_thresholds=given)})", ("AUC",))
        if _even(options, int(count)):  # Keras writes them out, but for both ends
            options.pop("thresholds")
    else:
        name = kind.capitalize()
        threshold = options.pop("thresholds", None)
        if isinstance(threshold, tuple) and len(threshold) == 1:
            threshold = threshold[0]
        value = float(numeric({"thresholds": threshold}, "thresholds", 0.5))
        extra = arguments(threshold=None if value == 0.5 else value)
        made = Piece(f"{name}({extra})", (name,))
    for other, left in options.items():
        if left not in (None, False):
            raise NoRule(f"argument {shown(other)} has no rule")
    return made


def _even(options: dict[str, Option], count: int) -> bool:
    """Whether thresholds that are written out are the ones Keras makes itself."""
    written = options.get("thresholds")
    if not isinstance(written, tuple):
        return False
    inner = [i / (count - 1) for i in range(1, count - 1)]
    return len(written) == len(inner) and all(
        abs(a - b) < 1e-6 for a, b in zip(written, inner, strict=True)
    )
