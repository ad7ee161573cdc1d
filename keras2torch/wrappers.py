"""Models as estimators of scikit-learn, which is imported here and nowhere else.

Source: ``keras/src/wrappers/sklearn_wrapper.py`` (Keras 3.15).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from keras2torch.models import Model, clone_model

try:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
        TransformerMixin,
    )
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "keras.wrappers needs scikit-learn 1.6 or later: pip install scikit-learn."
    ) from error


class TargetReshaper(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Targets with a last axis of 1, which is taken away again from predictions."""

    def fit(self, y: Any) -> TargetReshaper:
        """Remember how many axes the targets have."""
        self.ndim_ = y.ndim
        return self

    def transform(self, y: Any) -> Any:
        """Return targets with an axis of outputs."""
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def inverse_transform(self, y: Any) -> Any:
        """Return predictions with the axes of the targets."""
        check_is_fitted(self)
        return np.squeeze(y, axis=1) if self.ndim_ == 1 and y.ndim == 2 else y


class SKLBase(BaseEstimator):  # type: ignore[misc]
    """What the wrappers share.

    Parameters
    ----------
    model
        A compiled model, which is cloned for each ``fit``, or a function of ``X``,
        ``y`` and ``model_kwargs`` that returns one.
    warm_start
        Taken, as in Keras.
    model_kwargs, fit_kwargs
        Arguments of that function, and of ``model.fit``.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Any:
        model = self.model
        if isinstance(model, Model):
            model = copy.deepcopy(model)
        # Keras 3.15 forgets fit_kwargs here, and a clone would train one epoch.
        return type(self)(model, self.warm_start, self.model_kwargs, self.fit_kwargs)

    @property
    def epoch_(self) -> Any:
        """The epochs of the last ``fit``."""
        return getattr(getattr(self, "history_", None), "epoch", 0)

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train a new model.

        Parameters
        ----------
        X, y
            Samples and targets.
        **kwargs
            Of ``model.fit``, beside ``fit_kwargs``.

        Raises
        ------
        RuntimeError
            If the model is not compiled.
        """
        X, y = validate_data(self, X, y)
        y = self._process_target(y, reset=True)
        model = self._new_model(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError(
                "Given model needs to be compiled, and have a loss and an optimizer."
            )
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _new_model(self, X: Any, y: Any) -> Any:
        if isinstance(self.model, Model):
            return clone_model(self.model)
        return self.model(X=X, y=y, **(self.model_kwargs or {}))

    def predict(self, X: Any) -> Any:
        """Return predictions in the form of the targets."""
        return self._target_encoder.inverse_transform(self._raw(X))

    def _raw(self, X: Any) -> Any:
        check_is_fitted(self)
        return self.model_.predict(validate_data(self, X, reset=False))

    def _process_target(self, y: Any, reset: bool = False) -> Any:
        type_of_target(y, raise_unknown=True)
        if reset:
            self._target_encoder = TargetReshaper().fit(y)
        return self._target_encoder.transform(y)


class SKLearnClassifier(ClassifierMixin, SKLBase):  # type: ignore[misc]
    """A model as a classifier; targets are classes, and one-hot in training."""

    def decision_function(self, X: Any) -> Any:
        """Return what the model gives for each class."""
        return self._raw(X)

    def _process_target(self, y: Any, reset: bool = False) -> Any:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                "Only binary and multiclass target types are supported. Target type: "
                f"{kind}"
            )
        if reset:
            self._target_encoder = make_pipeline(
                TargetReshaper(), OneHotEncoder(sparse_output=False)
            ).fit(y)
            self.classes_ = np.unique(y)
            if len(self.classes_) == 1:
                raise ValueError(
                    "Classifier can't train when only one class is present."
                )
        return self._target_encoder.transform(y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, SKLBase):  # type: ignore[misc]
    """A model as a regressor."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLBase):  # type: ignore[misc]
    """A model whose outputs are features for what comes after it."""

    def transform(self, X: Any) -> Any:
        """Return what the model makes of samples."""
        return self._raw(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
