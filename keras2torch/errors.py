"""What can go wrong with a user's input, each as one sentence that says what to do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


class Keras2TorchError(Exception):
    """Base of every error that a user's input can cause; the CLI exits with 2."""


class UnusableFile(Keras2TorchError):
    """The file is not a Keras model, is damaged, or holds what a reader refuses."""


@dataclass(frozen=True)
class UnknownLayer:
    """A layer that nobody taught this program.

    Attributes
    ----------
    name, kind
        Its name and its class, as the file has them.
    what
        What is known of its code: ``"a function stored as bytecode of Python 3.6"``.
    """

    name: str
    kind: str
    what: str = ""

    @property
    def key(self) -> str:
        """What a replacement is registered for: the class, or a Lambda's own name."""
        own = self.kind == "Lambda" or self.kind.startswith("ops.")
        return self.name if own else self.kind.rpartition(">")[2]


class UnknownLayers(Keras2TorchError):
    """The model holds layers that nobody taught this program.

    Parameters
    ----------
    layers
        All of them, in the order of the model; pairs of name and class will do.
    source, weights
        The files, for the commands that the message proposes.
    custom_objects, missing
        The file with the user's Keras code, and which of the names it does not define.
    trust
        Whether the file's own code was allowed to run, and did not.
    reason
        Why Keras could not run it, in a few words.

    Attributes
    ----------
    items
        The layers as :class:`UnknownLayer`.
    layers
        Pairs of layer name and class name.
    """

    def __init__(
        self,
        layers: Sequence[UnknownLayer | tuple[str, str]],
        source: object = None,
        weights: object = None,
        *,
        custom_objects: object = None,
        missing: Sequence[str] = (),
        trust: bool = False,
        reason: str = "",
    ) -> None:
        self.items = [
            item if isinstance(item, UnknownLayer) else UnknownLayer(*item)
            for item in layers
        ]
        self.layers = [(item.name, item.kind) for item in self.items]
        self.trust, self.reason = trust, reason
        self.custom_objects, self.missing = custom_objects, list(missing)
        self._source, self._weights = source, weights
        self._command = _command(source, weights)
        super().__init__("\n".join([*self._head(), *self.ways()]))

    def failed(
        self,
        *,
        trust: bool,
        custom_objects: object,
        missing: Sequence[str],
        reason: str,
    ) -> UnknownLayers:
        """Return the refusal after Keras was allowed to run code and could not."""
        return UnknownLayers(
            self.items,
            self._source,
            self._weights,
            custom_objects=custom_objects,
            missing=missing,
            trust=trust,
            reason=reason,
        )

    def _head(self) -> list[str]:
        count = len(self.items)
        some = "a layer" if count == 1 else f"{count} layers"
        where = printable(self._source) if self._source is not None else "the model"
        lines = [f"{where} holds {some} that no rule covers:"]
        shown = self.items[:_MOST_SHOWN]
        width = max((len(printable(i.name)) for i in shown), default=0)
        for item in shown:
            what = f", {printable(item.what)}" if item.what else ""
            lines.append(
                f"  {printable(item.name):{width}}  {printable(item.kind)}{what}"
            )
        if count > len(shown):
            lines.append(f"  … and {count - len(shown)} more")
        return lines

    def ways(self) -> list[str]:
        """Return the ways on, as lines: each the command, and what it does."""
        keys = list(dict.fromkeys(printable(i.key) for i in self.items))
        named = ", ".join(keys[:_MOST_NAMED]) + (
            " …" if len(keys) > _MOST_NAMED else ""
        )
        own = printable(self.custom_objects or "my_layers.py")
        trusted = " --trust" if self.trust else ""
        lines = []
        if self.missing:
            lines.append(
                f"{own} does not define: {', '.join(map(printable, self.missing))}"
            )
        if self.reason:
            lines.append(f"Keras could not run it: {printable(self.reason)}")
        lines.append("Ways on:")
        if not self.trust:
            # Of a class a file has the name and the module alone.
            inside = any(item.what for item in self.items)
            what = (
                "runs the code in the file, in a process of its own"
                if inside
                else "imports the modules that the file names, where they are installed"
            )
            lines += [
                f"  {self._command} --trust",
                f"      {what}; only if you trust its author",
            ]
        elif any("bytecode" in i.what and ": " not in i.what for i in self.items):
            pythons = [i.what.partition("bytecode of ")[2] for i in self.items]
            which = next((p.partition(" that")[0] for p in pythons if p), "that Python")
            lines += [
                f"  {self._command} --trust --keras-python /path/to/python",
                f"      with the Python of an environment of {which} with TensorFlow: "
                "bytecode runs where it was made",
            ]
        lines += [
            f"  {self._command}{trusted} --custom-objects {own}",
            f"      with the Keras code of: {named} (a class, or for a Lambda a "
            "function of its layer's name)",
            f"  {self._command} --plugin my_torch_layers.py",
            "      with PyTorch modules for them: "
            f'@keras2torch.register("{keys[0] if keys else "MyLayer"}")',
        ]
        return lines


_MOST_SHOWN = 40
_MOST_NAMED = 8


def _command(source: object, weights: object) -> str:
    file = "model.h5" if source is None else shlex.quote(printable(source))
    more = (
        f" --weights {shlex.quote(printable(weights))}" if weights is not None else ""
    )
    return f"keras2torch convert {file}{more}"


def printable(value: object) -> str:
    """Return text of a file as a terminal may show it: no controls, not endless."""
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= 200 else f"{text[:199]}…"


class PluginError(Keras2TorchError):
    """A PyTorch replacement that the user registered fails, or cannot be written."""


class NeedsTracing(UnusableFile):
    """The model's structure is in its code and not in the file."""


class NotTraced(Keras2TorchError):
    """Keras does not load or run the model that has to be traced."""


class UnsupportedLayer(Keras2TorchError):
    """A known layer with an argument or a shape that has no rule."""


class UnfitCall(UnsupportedLayer, ValueError):
    """A layer is called on a shape that it cannot take; Keras raises ValueError."""


class UnfitTargets(Keras2TorchError, ValueError):
    """Targets that a loss cannot compare with what the model returns."""


class WeightMismatch(Keras2TorchError):
    """The weights in the file do not fit the architecture."""


class VerificationUnavailable(Keras2TorchError):
    """Verification was asked for and Keras could not be run."""


_ALL_RECIPES = "`keras2torch recipes` lists all."


class UnknownRecipe(Keras2TorchError):
    """No recipe is called so, or several are."""

    def __init__(self, name: str, near: list[str]) -> None:
        help_ = f"did you mean {', '.join(near)}?" if near else _ALL_RECIPES
        super().__init__(f"no recipe is called {name!r}; {help_}")
