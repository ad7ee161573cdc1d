"""Keras model files → a graph of ``keras`` operators; nothing in them is executed.

``sniffing`` tells what a file is; ``archive``, ``hdf5`` and ``text`` open it with
suspicion; ``sources`` finds config and weights in it; ``configs``, ``keras1`` and
``topology`` bring every version's way of writing a model into one form; ``build``
calls the layers on a graph; ``legacy_hdf5`` and ``keras3_weights`` say which array is
whose; ``inspection`` says what is there.
"""

from keras2torch.reading.inspection import Inspection, LayerInfo, inspect
from keras2torch.reading.reader import read
from keras2torch.reading.sniffing import kind

__all__ = ["Inspection", "LayerInfo", "inspect", "kind", "read"]
