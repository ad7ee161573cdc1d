"""Settings of the session, as ``keras.config`` has them.

Source: ``keras/src/backend/config.py`` (Keras 3.15). Nothing here imports torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

_FORMATS = ("channels_last", "channels_first")


@dataclass
class Settings:
    """What was set; the defaults are Keras', and its environment variables count."""

    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    interactive_logging: bool = True
    traceback_filtering: bool = True
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    flash_attention: bool | None = None


def _from_environment(name: str) -> int | None:
    value = os.environ.get(name)
    return int(value) if value else None


settings = Settings(
    max_epochs=_from_environment("KERAS_MAX_EPOCHS"),
    max_steps_per_epoch=_from_environment("KERAS_MAX_STEPS_PER_EPOCH"),
)


def epsilon() -> float:
    """Return what keeps divisions finite, 1e-7 unless another was set."""
    return settings.epsilon


def set_epsilon(value: float) -> None:
    """Set what keeps divisions finite where none is given."""
    settings.epsilon = value


def image_data_format() -> str:
    """Return where images have their channels, ``"channels_last"`` if not set."""
    return settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set where images have their channels, where layers are not told.

    Raises
    ------
    ValueError
        If it is neither ``"channels_last"`` nor ``"channels_first"``.
    """
    settings.image_data_format = standardize_data_format(str(data_format))


def standardize_data_format(data_format: str | None) -> str:
    """Return a data format in lower case, the one that was set for ``None``.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if data_format is None:
        return settings.image_data_format
    found = str(data_format).lower()
    if found not in _FORMATS:
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', "
            f"'channels_last'}}. Received: data_format={found}"
        )
    return found


def version() -> str:
    """Return the version of the Keras whose interface this is.

    ``__version__`` is that of this package.
    """
    return "3.15.1"


# ----------------------------------------------------------------------------- limits
def max_epochs() -> int | None:
    """Return how many epochs ``fit`` trains at most, None for no limit."""
    return settings.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of each ``fit``, to try a script; None: no limit."""
    settings.max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """Return how many batches an epoch has at most, None for no limit."""
    return settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of each epoch, to try a script; None: no limit."""
    settings.max_steps_per_epoch = max_steps_per_epoch


# ------------------------------------------------------------------------------ lines
def enable_interactive_logging() -> None:
    """Write progress and messages to standard output, as is the default."""
    settings.interactive_logging = True


def disable_interactive_logging() -> None:
    """Write progress and messages to Python's logging, at the level INFO."""
    settings.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress and messages go to standard output."""
    return settings.interactive_logging


def enable_traceback_filtering() -> None:
    """Set the switch of Keras; tracebacks are whole here, whatever it says."""
    settings.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Set the switch of Keras; tracebacks are whole here, whatever it says."""
    settings.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether the switch is on. Nothing is cut out of tracebacks here."""
    return settings.traceback_filtering


# ------------------------------------------------------------------------------- torch
def enable_flash_attention() -> None:
    """Let torch choose the kernel of ``F.scaled_dot_product_attention``."""
    import torch

    settings.flash_attention = None
    torch.backends.cuda.enable_flash_sdp(True)


def disable_flash_attention() -> None:
    """Keep torch from the flash kernel of ``F.scaled_dot_product_attention``."""
    import torch

    settings.flash_attention = False
    torch.backends.cuda.enable_flash_sdp(False)


def is_flash_attention_enabled() -> bool | None:
    """Return False where it was switched off, else None, as Keras does."""
    return settings.flash_attention


def is_nnx_enabled() -> bool:
    """Return False: NNX is of JAX."""
    return False


def set_backend(backend: str) -> None:
    """Take ``"torch"``, the only backend there is.

    Raises
    ------
    ValueError
        For another.
    """
    if backend != "torch":
        raise ValueError(
            f"set_backend({backend!r}): this is Keras' interface on PyTorch, and the "
            'only backend is "torch"; leave the line out.'
        )


def enable_unsafe_deserialization() -> None:
    """Do nothing: a file never runs code here (``safe_mode`` cannot be switched off).

    Layers with code in them, such as a Lambda, are made by passing ``custom_objects``.
    """
    import warnings

    warnings.warn(
        "enable_unsafe_deserialization() has no effect: code in a file is never run "
        "here. Give load_model the functions and classes as custom_objects.",
        stacklevel=2,
    )
