"""The recipes: each Keras idiom beside its PyTorch form, to be read and searched.

The recipes themselves are the folder ``recipes`` at the top of the project; here is
what finds them (``catalogue``), shows them in a terminal (``terminal``) and makes their
site (``site``).
"""

from keras2torch.recipes.catalogue import Recipe, Region, Side, catalogue, find

__all__ = ["Recipe", "Region", "Side", "catalogue", "find"]
