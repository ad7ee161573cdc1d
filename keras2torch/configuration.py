"""Settings of the session, as ``keras.config`` has them.

Source: ``keras/src/backend/config.py`` (Keras 3.15). Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass

_FORMATS = ("channels_last", "channels_first")


@dataclass
class Settings:
    """What was set; the defaults are Keras'."""

    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    interactive_logging: bool = True
    traceback_filtering: bool = True
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    flash_attention: bool | None = None


settings = Settings()


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
