"""``train.py``: the explicit loop that lies beside ``model.py``."""

from __future__ import annotations

from dataclasses import dataclass

from keras2torch.program import Program
from keras2torch.program.writer import formatted
from keras2torch.training.check import check
from keras2torch.training.compile_config import Version, parse
from keras2torch.training.facts import output_names
from keras2torch.training.loop import LoopWriter


@dataclass(frozen=True)
class TrainScript:
    """A written training script.

    Attributes
    ----------
    source
        The text of ``train.py``.
    notes
        What the file says about training and the script does not do.
    """

    source: str
    notes: tuple[str, ...] = ()


def train_script(
    program: Program, training_config: str | None, keras_version: str | None = None
) -> str | None:
    """Return the text of ``train.py``; see :func:`write_train_script`."""
    made = write_train_script(program, training_config, keras_version)
    return None if made is None else made.source


def write_train_script(
    program: Program, training_config: str | None, keras_version: str | None = None
) -> TrainScript | None:
    """Write the training loop that lies beside ``model.py``.

    Parameters
    ----------
    program
        The written model.
    training_config
        The compile config of the file, JSON as it stands there.
    keras_version
        Of the Keras that wrote it: names and formulas changed their meaning.

    Returns
    -------
    TrainScript or None
        Formatted and checked; ``None`` without a compile config. A loss, optimizer or
        schedule without a rule is a function that stops the script and says what
        belongs there; a metric without one is a comment.
    """
    if training_config is None:
        return None
    version = Version.parse(keras_version)
    names = [name for name, _ in output_names(program)]
    config = parse(training_config, version, names)
    source, notes = LoopWriter(program, config, version).write()
    source = formatted(source)
    check(source)
    return TrainScript(source, tuple(notes))
