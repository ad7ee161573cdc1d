"""How the Keras process fails."""

from __future__ import annotations

from collections.abc import Mapping


class KerasUnavailable(RuntimeError):
    """Keras cannot be run: no TensorFlow, or its process died or does not answer."""


class KerasError(RuntimeError):
    """Keras ran and refused or failed.

    Attributes
    ----------
    tried
        Why each Keras failed to load the file, by ``"keras"`` and ``"tf_keras"``.
    unsafe
        Whether the file was refused because loading it would run its code.
    """

    def __init__(
        self,
        message: str,
        tried: Mapping[str, str] | None = None,
        *,
        unsafe: bool = False,
    ) -> None:
        super().__init__(message)
        self.tried = dict(tried or {})
        self.unsafe = unsafe
