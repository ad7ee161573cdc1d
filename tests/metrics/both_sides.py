"""What both sides are asked alike; it imports neither torch nor Keras."""

import inspect

# Of targets and predictions: what does "accuracy" mean?
SHAPES = [
    ((4, 1), (4, 1)),
    ((4,), (4, 1)),
    ((4, 5), (4, 1)),
    ((4,), (4, 5)),
    ((4, 1), (4, 5)),
    ((4, 5), (4, 5)),
    ((4, 7), (4, 7, 5)),
    ((4, 7, 1), (4, 7, 5)),
    ((4, 7, 5), (4, 7, 5)),
    ((4, 7, 1), (4, 7, 1)),
]


def signature(thing):
    """Names, kinds and defaults of arguments, in order."""
    parameters = inspect.signature(thing).parameters.values()
    return [[p.name, p.kind.name, repr(p.default)] for p in parameters]
