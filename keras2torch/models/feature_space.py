"""``keras.utils.FeatureSpace``: columns of a table, each encoded in its way.

Source: ``keras/src/layers/preprocessing/feature_space.py`` (3.15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras2torch import layers, tree
from keras2torch.data import elements
from keras2torch.data.dataset import Dataset
from keras2torch.data.words import Words
from keras2torch.dtypes import is_int_dtype
from keras2torch.models.layer import Layer
from keras2torch.models.naming import auto_name
from keras2torch.models.symbolic import Input
from keras2torch.serialization import (
    deserialize_keras_object,
    register_keras_serializable,
    serialize_keras_object,
)
from keras2torch.tensors import torch_dtype


@dataclass
class Cross:
    """Features that are hashed together.

    Attributes
    ----------
    feature_names
        Which.
    crossing_dim
        Into how many numbers.
    output_mode
        ``"one_hot"`` or ``"int"``.
    """

    feature_names: Sequence[str]
    crossing_dim: int
    output_mode: str = "one_hot"

    def __post_init__(self) -> None:
        self.feature_names = tuple(self.feature_names)
        if self.output_mode not in ("int", "one_hot"):
            raise ValueError(
                "Invalid value for argument `output_mode`. Expected one of {'int', "
                f"'one_hot'}}. Received: output_mode={self.output_mode}"
            )

    @property
    def name(self) -> str:
        """``"age_X_sex"``."""
        return "_X_".join(self.feature_names)


@dataclass
class Feature:
    """A column.

    Attributes
    ----------
    dtype
        Of its values.
    preprocessor
        The layer that encodes them.
    output_mode
        ``"float"``, ``"one_hot"`` or ``"int"``.
    """

    dtype: str
    preprocessor: Any
    output_mode: str

    def __post_init__(self) -> None:
        if isinstance(self.preprocessor, dict):
            self.preprocessor = deserialize_keras_object(self.preprocessor)
        if self.output_mode not in ("int", "one_hot", "float"):
            raise ValueError(
                "Invalid value for argument `output_mode`. Expected one of {'int', "
                f"'one_hot', 'float'}}. Received: output_mode={self.output_mode}"
            )


@register_keras_serializable(package="keras2torch")
class FeatureSpace(Layer):
    """Columns of a table as numbers, side by side or by name.

    Parameters
    ----------
    features
        Name → what it is: ``"float"``, ``"float_rescaled"``, ``"float_normalized"``,
        ``"float_discretized"``, ``"integer_categorical"``, ``"string_categorical"``,
        ``"integer_hashed"``, ``"string_hashed"``, or what the method of that name
        returns.
    output_mode
        ``"concat"``: one tensor; ``"dict"``: one by name.
    crosses
        Names of features that are hashed together, tuples of them or what
        :meth:`cross` returns.
    crossing_dim, hashing_dim, num_discretization_bins
        Sizes of crosses, hashes and bins that are given none.
    name
        ``feature_space`` if not given.

    Raises
    ------
    ValueError
        If there are no features, or one is none of these.
    """

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Sequence[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        if output_mode not in ("dict", "concat"):
            raise ValueError(
                "Invalid value for argument `output_mode`. Expected one of {'dict', "
                f"'concat'}}. Received: output_mode={output_mode}"
            )
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {n: self._feature(n, f) for n, f in features.items()}
        self.crosses = [self._cross(c) for c in crosses or ()]
        self.preprocessors = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {
            c.name: layers.HashedCrossing(c.crossing_dim, name=c.name)
            for c in self.crosses
        }
        self.inputs = {
            n: Input(shape=(1,), dtype=f.dtype, name=n)
            for n, f in self.features.items()
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self.concat = layers.Concatenate(axis=-1)
        self.encoded_features: Any = None
        self._adapted = False

    # -- what a feature may be
    @classmethod
    def cross(
        cls,
        feature_names: Sequence[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> Cross:
        """Return features to be hashed together."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """Return a feature that a layer of one's own encodes."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:  # type: ignore[override]
        """Return numbers as they are."""
        name = name or auto_name("float")
        return Feature("float32", layers.Identity(name=f"{name}_preprocessor"), "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Return numbers times ``scale`` plus ``offset``."""
        name = name or auto_name("float_rescaled")
        layer = layers.Rescaling(scale, offset, name=f"{name}_preprocessor")
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Return numbers less their mean, over their deviation."""
        name = name or auto_name("float_normalized")
        layer = layers.Normalization(axis=-1, name=f"{name}_preprocessor")
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return the bins that numbers are in."""
        name = name or auto_name("float_discretized")
        layer = layers.Discretization(
            num_bins=num_bins,
            bin_boundaries=bin_boundaries,
            name=f"{name}_preprocessor",
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return the places of integers in a vocabulary."""
        name = name or auto_name("integer_categorical")
        layer = layers.IntegerLookup(
            name=f"{name}_preprocessor",
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return the places of strings in a vocabulary."""
        name = name or auto_name("string_categorical")
        layer = layers.StringLookup(
            name=f"{name}_preprocessor",
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return hashes of strings."""
        name = name or auto_name("string_hashed")
        layer = layers.Hashing(name=f"{name}_preprocessor", num_bins=num_bins)
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return hashes of integers."""
        name = name or auto_name("integer_hashed")
        layer = layers.Hashing(name=f"{name}_preprocessor", num_bins=num_bins)
        return Feature("int32", layer, output_mode)

    def _feature(self, name: str, given: Any) -> Feature:
        if isinstance(given, Feature):
            return given
        if isinstance(given, dict):
            return Feature(**given)
        sizes = {
            "float_discretized": self.num_discretization_bins,
            "integer_hashed": self.hashing_dim,
            "string_hashed": self.hashing_dim,
        }
        kinds = (
            "float float_normalized float_rescaled integer_categorical "
            "string_categorical"
        ).split()
        if given in sizes:
            found: Feature = getattr(self, given)(sizes[given], name=name)
            return found
        if given not in kinds:
            raise ValueError(f"Invalid feature type: {given}")
        found = getattr(self, given)(name=name)
        return found

    def _cross(self, given: Any) -> Cross:
        if isinstance(given, Cross):
            return given
        if isinstance(given, dict):
            return Cross(**given)
        if not self.crossing_dim:
            raise ValueError(
                "When specifying `crosses`, the argument `crossing_dim` "
                "(dimensionality of the crossing space) should be specified as well."
            )
        if unknown := [n for n in given if n not in self.features]:
            raise ValueError(
                "All features referenced in the `crosses` argument should be present "
                f"in the `features` dict. Received unknown features: {unknown}"
            )
        return Cross(given, self.crossing_dim)

    # -- learning
    def adapt(self, dataset: Any) -> None:
        """Learn vocabularies, means and bins.

        Parameters
        ----------
        dataset
            A dict of arrays or lists, or a ``Dataset`` of dicts, in batches or not.

        Raises
        ------
        ValueError
            If it is neither.
        """
        if isinstance(dataset, Mapping):
            dataset = Dataset.from_tensor_slices(dict(dataset))
        elif not isinstance(dataset, Dataset):
            raise ValueError(
                "`adapt()` can only be called on a data set or a dict of arrays/lists. "
                f"Received instead: {dataset} (of type {type(dataset)})"
            )
        for name in self._learning():
            column = dataset.map(_item(name))
            rank = next(iter(column)).ndim
            column = column.batch(32) if rank == 0 else column
            if rank < 2:
                column = column.map(_with_last_axis)
            self.preprocessors[name].adapt(column)
        self._adapted = True
        self.get_encoded_features()
        self.built = True

    def _learning(self) -> list[str]:
        """Return the names of features whose layers learn from data."""
        return [n for n, layer in self.preprocessors.items() if _learns(layer)]

    def _ready(self) -> None:
        if not self._adapted and self._learning():
            raise ValueError(
                "You need to call `.adapt(dataset)` on the FeatureSpace before you can "
                "start using it."
            )
        self._adapted = True

    # -- encoding
    def get_inputs(self) -> dict[str, Any]:
        """Return the symbolic tensors of the columns, by name."""
        self._ready()
        self.get_encoded_features()
        return dict(self.inputs)

    def get_encoded_features(self) -> Any:
        """Return the symbolic tensor of what comes out, or a dict of them."""
        self._ready()
        if self.encoded_features is None:
            self.encoded_features = self._encoded(dict(self.inputs))
        return self.encoded_features

    def __call__(self, data: Any) -> Any:
        """Return the encoded columns of a dict of values, of one sample or several."""
        self._ready()
        self.get_encoded_features()
        if not isinstance(data, Mapping):
            raise ValueError(
                "A FeatureSpace can only be called with a dict. Received: data="
                f"{data} (of type {type(data)})"
            )
        single = False
        columns: dict[str, Any] = {}
        for name, feature in self.features.items():
            if name not in data:
                raise ValueError(f"the feature {name!r} is missing in {list(data)}.")
            value = elements.tensors(data[name])
            if not isinstance(value, Words) and not is_int_dtype(feature.dtype):
                value = value.to(torch_dtype(feature.dtype))
            single = single or value.ndim == 0
            while value.ndim < 2:
                value = value.unsqueeze(-1)
            columns[name] = value
        made = self._encoded(columns)
        return tree.map_structure(lambda t: t.squeeze(0), made) if single else made

    def _encoded(self, columns: dict[str, Any]) -> Any:
        found = {n: self.preprocessors[n](columns[n]) for n in self.features}
        crossed = {
            c.name: self.crossers[c.name]([found[n] for n in c.feature_names])
            for c in self.crosses
        }
        specs: dict[str, Any] = {**self.features, **{c.name: c for c in self.crosses}}
        made: dict[str, Any] = {}
        for name, value in (
            *sorted(found.items()),
            *sorted(crossed.items()),
        ):
            if specs[name].output_mode == "one_hot":
                made[name] = self._one_hot(name, value)
            else:
                made[name] = value
            if self.output_mode == "concat" and not _is_float(made[name]):
                raise ValueError(
                    f"Cannot concatenate features because feature '{name}' has not "
                    f"been encoded (it has dtype {made[name].dtype}). Consider using "
                    "`output_mode='dict'`."
                )
        if self.output_mode == "dict":
            return made
        values = list(made.values())
        return self.concat(values) if len(values) > 1 else values[0]

    def _one_hot(self, name: str, value: Any) -> Any:
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            self.one_hot_encoders[name] = layers.CategoryEncoding(
                num_tokens=_cardinality(name, layer), output_mode="multi_hot"
            )
        return self.one_hot_encoders[name](value)

    # -- configs
    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes it from; it is to be adapted again."""
        return {
            "features": {
                n: {
                    "dtype": f.dtype,
                    "preprocessor": serialize_keras_object(f.preprocessor),
                    "output_mode": f.output_mode,
                }
                for n, f in self.features.items()
            },
            "output_mode": self.output_mode,
            "crosses": [
                {
                    "feature_names": list(c.feature_names),
                    "crossing_dim": c.crossing_dim,
                    "output_mode": c.output_mode,
                }
                for c in self.crosses
            ],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
            "name": self.name,
        }

    def save(self, filepath: Any) -> None:
        """Not here: save the model that begins with it.

        Raises
        ------
        NotImplementedError
            Always, with what to use.
        """
        raise NotImplementedError(
            f"FeatureSpace.save({str(filepath)!r}): save a model whose inputs are "
            "get_inputs() and whose first tensor is get_encoded_features() instead."
        )


def _item(name: str) -> Any:
    return lambda row: row[name]


def _with_last_axis(value: Any) -> Any:
    return value.unsqueeze(-1)


def _learns(layer: Any) -> bool:
    """Whether a layer has to see data before it is used."""
    if not hasattr(layer, "adapt"):
        return False
    config = layer.get_config()
    known = ("mean", "vocabulary", "bin_boundaries")
    return all(config.get(n) is None for n in known)


def _cardinality(name: str, layer: Any) -> int:
    """Return how many numbers a layer gives."""
    kind = type(layer).__name__
    if kind in ("IntegerLookup", "StringLookup"):
        return int(layer.vocabulary_size())
    if kind == "CategoryEncoding":
        return int(layer.get_config()["num_tokens"])
    if kind == "Discretization":
        config = layer.get_config()
        edges = config.get("bin_boundaries")
        return int(config["num_bins"] or len(edges) + 1)
    if kind in ("HashedCrossing", "Hashing"):
        return int(layer.get_config()["num_bins"])
    raise ValueError(
        f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard "
        "feature and the dimensionality of its output space is not known, thus it "
        "cannot be one-hot encoded. Try using `output_mode='int'`."
    )


def _is_float(value: Any) -> bool:
    return "float" in str(value.dtype)
