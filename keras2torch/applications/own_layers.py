"""Layers that only networks of ``keras.applications`` have, and no one else.

Their definitions are :mod:`keras2torch.layers.applications`.
"""

from __future__ import annotations

from keras2torch.layers.applications import APPLICATIONS
from keras2torch.models.classes import of_definition

CustomScaleLayer = of_definition(APPLICATIONS["CustomScaleLayer"], __name__)
LayerScale = of_definition(APPLICATIONS["LayerScale"], __name__)
StochasticDepth = of_definition(APPLICATIONS["StochasticDepth"], __name__)

__all__ = ["CustomScaleLayer", "LayerScale", "StochasticDepth"]
