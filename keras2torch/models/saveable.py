"""What a file keeps of a layer, and what a user's layer may say about it.

Source: ``keras/src/layers/layer.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Saveable:
    """A layer as the reading and writing of files asks it."""

    build: Callable[..., None]

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what it was built for; a file keeps it for ``build_from_config``."""
        from keras2torch.models.configs import usual_build_config

        return usual_build_config(self)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build it as ``get_build_config`` says; of a user's own form, override it."""
        from keras2torch.models.layer import Layer

        if not config or type(self).build is Layer.build:
            return
        if "input_shape" in config:
            self.build(_as_shape(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**_as_shape(config["shapes_dict"]))

    def save_own_variables(self, store: Any) -> None:
        """Write the weights that are its own, not a part's, by number."""
        from keras2torch.saving.places import places

        for number, variable in enumerate(places(self)[0].variables):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read what :meth:`save_own_variables` wrote.

        Raises
        ------
        ValueError
            If there are more or fewer weights, or a shape is another one.
        """
        from keras2torch.saving.places import places
        from keras2torch.saving.stored import fill_variables

        fill_variables(places(self)[0], store)


def _as_shape(value: Any) -> Any:
    """Return tuples for the lists of sizes that JSON has."""
    if isinstance(value, list):
        if all(v is None or isinstance(v, int) for v in value):
            return tuple(value)
        return [_as_shape(v) for v in value]
    if isinstance(value, dict):
        return {k: _as_shape(v) for k, v in value.items()}
    return value
