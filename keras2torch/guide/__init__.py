"""What becomes of a Keras script: read, never run, and told line by line.

``sources`` opens a file as Python text, ``script`` finds the Keras idioms in it by its
syntax tree, with the names of ``names`` and ``spellings``; ``equals`` knows what each
is in PyTorch, ``shim`` whether ``import keras2torch as keras`` carries it, ``advice``
which recipe teaches it. ``report`` puts that together; ``terminal`` and ``page`` show
it.
"""

from keras2torch.guide.report import Report, guide

__all__ = ["Report", "guide"]
