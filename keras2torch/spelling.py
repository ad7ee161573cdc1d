"""Keras' spelling of class names, in names, paths and configs."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """Return ``conv2d_transpose`` for ``Conv2DTranspose``.

    Source: ``keras/src/utils/naming.py`` (3.15).
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
