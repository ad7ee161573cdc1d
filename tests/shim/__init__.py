"""Keras' PyTorch idioms, on Keras' torch backend and on keras2torch."""
