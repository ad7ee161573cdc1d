"""The files of weights trained on ImageNet: found in Keras' cache, or downloaded.

Names, addresses and hashes are those of ``keras/src/applications`` (Keras 3.15).
"""

from __future__ import annotations

from dataclasses import dataclass

GOOGLE = "https://storage.googleapis.com/tensorflow/keras-applications/"


def cached(name: str, origin: str, file_hash: str | None) -> str:
    """Return the path of a file in ``~/.keras/models``; download it if it is not there.

    Raises
    ------
    OSError
        If it is not there and cannot be downloaded.
    """
    from keras2torch.conveniences import get_file

    return str(get_file(name, origin, cache_subdir="models", file_hash=file_hash))


@dataclass(frozen=True)
class Published:
    """The two files of a model.

    Attributes
    ----------
    origin
        The folder, on the web.
    names, hashes
        With a top and without one. Some have no hash.
    stored
        Their names in the cache, where these are others.
    """

    origin: str
    names: tuple[str, str]
    hashes: tuple[str | None, str | None] = (None, None)
    stored: tuple[str, str] | None = None

    def file(self, *, include_top: bool) -> str:
        """Return the path of the file."""
        which = 0 if include_top else 1
        name = self.names[which]
        here = (self.stored or self.names)[which]
        return cached(here, self.origin + name, self.hashes[which])


def tf_kernels(folder: str, stem: str, hashes: tuple[str, str]) -> Published:
    """Return files as most models have them: ``vgg16_weights_tf_dim_ordering…h5``."""
    name = f"{stem}_weights_tf_dim_ordering_tf_kernels"
    return Published(f"{GOOGLE}{folder}/", (f"{name}.h5", f"{name}_notop.h5"), hashes)
