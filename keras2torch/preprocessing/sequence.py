"""What scripts take from ``keras.preprocessing.sequence``."""

from keras2torch.data.sequences import pad_sequences

__all__ = ["pad_sequences"]
