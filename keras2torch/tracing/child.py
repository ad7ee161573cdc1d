"""The converter of a live model: the child of the process in which the model lives.

``python -m keras2torch.tracing.child FOLDER`` reads ``options.json`` there and leaves
``out``. It writes the commands of the worker's protocol to stdout and reads the replies
from stdin; beside these, ``{"stage": NAME}``, and at last ``{"done": true}`` or
``{"error": TEXT, "kind": CLASS}``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from keras2torch.errors import (
    Keras2TorchError,
    NeedsTracing,
    UnknownLayers,
    UnsupportedLayer,
)
from keras2torch.tracing.client import KerasProcess
from keras2torch.tracing.errors import KerasUnavailable


class Parent(KerasProcess):
    """The process that started this one, as the Keras process.

    Parameters
    ----------
    replies, commands
        Its ends of the pipes.
    """

    # In the user's session nothing runs that need not.
    makes_onnx = False

    def __init__(self, replies: IO[str], commands: IO[str]) -> None:
        self.python = sys.executable
        self.timeout = 600.0
        self._from, self._to = replies, commands
        self._folder = tempfile.TemporaryDirectory(prefix="keras2torch-")

    def close(self) -> None:
        """Leave it as it is."""
        self._folder.cleanup()

    def wait(self) -> str:
        """It is there."""
        return ""

    def say(self, value: dict[str, Any]) -> None:
        """Tell it something."""
        self._to.write(json.dumps(value) + "\n")
        self._to.flush()

    def _send(self, command: dict[str, Any]) -> None:
        self.say(command)

    def _receive(self, timeout: float) -> dict[str, Any]:
        line = self._from.readline()
        if not line:
            raise KerasUnavailable("the process with the model ended")
        reply: dict[str, Any] = json.loads(line)
        return reply


def main(folder: Path) -> None:
    """Convert what the parent left in a folder."""
    commands = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever else is printed is no command.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    parent = Parent(sys.stdin, commands)
    try:
        _convert(folder, parent)
    except Keras2TorchError as error:
        parent.say({"error": str(error), "kind": type(error).__name__})
    except KerasUnavailable as error:
        parent.say({"error": str(error), "kind": "NotTraced"})
    else:
        parent.say({"done": True})
    finally:
        parent.close()


def _convert(folder: Path, parent: Parent) -> None:
    from keras2torch.conversion import convert_file
    from keras2torch.plugins import using

    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    path = Path(options["path"])
    with using(options["plugins"]):
        traced = _needs_parent(path)
        if traced and not options["traced"]:
            raise UnsupportedLayer(
                "the model runs on another backend than TensorFlow and holds layers "
                "of your own, which only TensorFlow can trace: save it, and convert "
                "the file with --custom-objects my_layers.py, or register a PyTorch "
                "replacement for each (keras2torch.register)."
            )
        made = convert_file(
            path,
            layout=options["layout"],
            flat=options["flat"],
            faithful=options["faithful"],
            verify=options["verify"],
            name=options["name"],
            trust=traced,
            keras_python=options["keras_python"],
            process=parent if traced else None,
            progress=lambda name: parent.say({"stage": name}),
        )
        made.save(folder / "out", keep_onnx=True)


def _needs_parent(path: Path) -> bool:
    """Whether the model's own code is needed, to trace it or to compare with it."""
    from keras2torch.reading import read
    from keras2torch.verification.graph import layers_of

    if path.is_dir():
        return True
    try:
        graph = read(path, None)
    except (UnknownLayers, NeedsTracing):
        return True
    return any(layer.replaced for layer in layers_of(graph))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
