"""What can go wrong with a user's input, each as one sentence that says what to do."""

from __future__ import annotations


class Keras2TorchError(Exception):
    """Base of every error that a user's input can cause; the CLI exits with 2."""


class UnusableFile(Keras2TorchError):
    """The file is not a Keras model, is damaged, or holds what a reader refuses."""


class UnknownLayers(Keras2TorchError):
    """The model holds layers that nobody taught this program.

    Parameters
    ----------
    layers
        Pairs of layer name and class name, in the order of the model.
    """

    def __init__(self, layers: list[tuple[str, str]]) -> None:
        self.layers = layers
        listed = ", ".join(f"{name!r} ({kind})" for name, kind in layers)
        super().__init__(
            "no PyTorch rule for these layers"
            f": {listed}; replace it by built-in Keras layers and save the model again."
        )


class PluginError(Keras2TorchError):
    """A PyTorch replacement that the user registered fails, or cannot be written."""


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
