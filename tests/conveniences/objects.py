"""Small public classes in use, for Keras and for us."""

from __future__ import annotations

from typing import Any

import numpy as np

X = np.linspace(-1.0, 2.0, 24).reshape(6, 4).astype("float32")
Y = (X.sum(1, keepdims=True) * 0.5).astype("float32")


def numbers(value: Any) -> Any:
    """Return numbers in lists."""
    value = value.detach() if hasattr(value, "detach") else value
    return np.asarray(value, dtype="float64").tolist()


def answers(keras: Any) -> dict[str, Any]:
    """Return what they give, by case."""
    return {
        **variables(keras),
        **specs(keras),
        **operations(keras),
        **policies(keras),
        **estimators(keras),
        **feature_spaces(keras),
    }


def variables(keras: Any) -> dict[str, Any]:
    """Return what layers with variables of their own learn."""

    class Scaled(keras.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.kernel = keras.Variable("ones", shape=(4, 2), name="kernel")
            self.count = keras.Variable(2.0, trainable=False, name="count")
            self.shifts = [keras.Variable("zeros", shape=(2,)) for _ in range(2)]

        def build(self, input_shape: Any) -> None:
            self.last = self.add_weight(shape=(2,), initializer="ones", name="last")

        def call(self, x: Any) -> Any:
            self.count.assign_add(1.0)
            made = keras.ops.matmul(x, self.kernel) / self.count
            return (made + self.shifts[0] - self.shifts[1]) * self.last

    layer = Scaled()
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(X, Y, batch_size=3, epochs=2, shuffle=False, verbose=0)
    value = keras.Variable([1.0, 2.0, 4.0], name="value")
    value.assign_sub([0.5, 0.5, 0.5])
    whole = keras.Variable(3)
    keras.optimizers.SGD(0.5).apply([keras.ops.ones((3,))], [value])
    with keras.name_scope("outer"), keras.name_scope("inner"):
        path = keras.Variable(0.0, name="deep").path
    return {
        "variable count": numbers(layer.count),
        "variable weights": [numbers(w) for w in layer.get_weights()],
        "variable names": [w.name for w in (layer.kernel, layer.count)],
        "variable counts": [
            len(layer.trainable_weights),
            len(layer.non_trainable_weights),
        ],
        "variable value": [numbers(value), numbers(value * 2 + 1), numbers(value[1:])],
        "variable dtype": [keras.backend.standardize_dtype(whole.dtype), int(whole)],
        "variable is": [
            isinstance(w, keras.Variable) for w in (layer.kernel, layer.last)
        ],
        "variable path": path,
        "variable wrong": _wrong(lambda: keras.Variable("zeros"))[:90],
        "variable slash": _wrong(lambda: keras.Variable(1.0, name="a/b")),
    }


def _wrong(function: Any) -> str:
    try:
        function()
    except (ValueError, TypeError) as error:
        return type(error).__name__ if not str(error) else str(error).split("\n")[0]
    return "nothing"


def _raised(function: Any) -> str:
    try:
        function()
    except Exception as error:
        return "ValueError" if isinstance(error, ValueError) else repr(error)
    return "nothing"


def specs(keras: Any) -> dict[str, Any]:
    """Return what layers say of inputs that do not fit."""
    given = {
        "ndim": {"ndim": 3},
        "axes": {"axes": {-1: 5}},
        "min": {"min_ndim": 3},
        "max": {"max_ndim": 1},
        "shape": {"shape": (None, 7)},
        "dtype": {"dtype": "int32"},
        "fits": {"shape": (None, 4), "ndim": 2, "axes": {1: 4}},
    }
    found: dict[str, Any] = {}
    for name, options in given.items():

        class Strict(keras.layers.Layer):
            def __init__(self) -> None:
                super().__init__(name="strict")
                self.input_spec = keras.InputSpec(**options)  # noqa: B023

            def call(self, x: Any) -> Any:
                return x

        spec = keras.layers.InputSpec(**options)
        found[f"spec {name}"] = [repr(spec), repr(spec.get_config())]
        # Beyond these words Keras appends what the arguments were.
        found[f"spec {name} eager"] = _sentence(lambda: Strict()(X))
        symbol = keras.Input((4,))
        found[f"spec {name} symbolic"] = _sentence(lambda: Strict()(symbol))  # noqa: B023
    found["spec wrong"] = _wrong(lambda: keras.InputSpec(ndim=2, axes={2: 3}))
    return found


def _sentence(function: Any) -> str:
    return _wrong(function).split("Full shape")[0].strip()


def operations(keras: Any) -> dict[str, Any]:
    """Return what operations and functions compute."""

    class Twice(keras.Operation):
        def call(self, x: Any, plus: float = 0.0) -> Any:
            return x * 2.0 + plus

    operation = Twice(name="twice")
    x, other = keras.Input((4,)), keras.Input((4,))
    middle = operation(x, plus=1.0)
    dense = keras.layers.Dense(3, kernel_initializer="ones", name="sums")
    outputs = {"a": dense(middle), "b": [middle * other]}
    function = keras.Function([x, other], outputs)
    made = function([X, X + 1.0])
    inner = keras.Function(middle, dense(middle))
    shapes = function.compute_output_shape([(None, 4), (None, 4)])
    return {
        "operation": numbers(operation(keras.ops.convert_to_tensor(X))),
        "operation config": operation.get_config(),
        "operation shape": list(middle.shape),
        "function a": numbers(made["a"]),
        "function b": numbers(made["b"][0]),
        "function inner": numbers(inner(keras.ops.convert_to_tensor(X))),
        "function shapes": [list(shapes["a"]), list(shapes["b"][0])],
        "function model": numbers(keras.Model([x, other], outputs)([X, X])["a"]),
        "function wrong": _raised(lambda: function([X])),
    }


def policies(keras: Any) -> dict[str, Any]:
    """Return what maps of policies give."""
    policies = keras.dtype_policies
    made = policies.DTypePolicyMap(policies.DTypePolicy("float16"))
    made["encoder/.*"] = policies.DTypePolicy("mixed_bfloat16")
    made["decoder"] = policies.DTypePolicy("float32")
    paths = ("encoder/a/b", "decoder", "decoder/a")
    return {
        "policy": [made[p].name for p in paths],
        "policy of others": [made.name, made.compute_dtype, made.variable_dtype],
        "policy size": [len(made), list(made), "decoder" in made],
        "policy twice": _wrong(lambda: made.__setitem__("decoder", "float32"))[:30],
    }


def estimators(keras: Any) -> dict[str, Any]:
    """Return what scikit-learn's interface predicts."""

    def model(X: Any, y: Any, units: int = 3) -> Any:
        made = keras.Sequential(
            [
                keras.Input((X.shape[1],)),
                keras.layers.Dense(units, "tanh", kernel_initializer="ones"),
                keras.layers.Dense(
                    y.shape[1], kernel_initializer=keras.initializers.Constant(0.3)
                ),
            ]
        )
        made.compile(keras.optimizers.SGD(0.05), "mse")
        return made

    options = {"epochs": 3, "batch_size": 2, "shuffle": False, "verbose": 0}
    made = {"model": model, "fit_kwargs": options, "model_kwargs": {"units": 2}}
    wrappers = keras.wrappers
    classes = np.array(["b", "a", "c", "a", "b", "c"])
    regressor = wrappers.SKLearnRegressor(**made).fit(X, Y[:, 0])
    classifier = wrappers.SKLearnClassifier(**made).fit(X, classes)
    transformer = wrappers.SKLearnTransformer(**made).fit(X, Y)
    compiled = wrappers.SKLearnRegressor(model(X, Y), fit_kwargs=options)
    return {
        "regressor": numbers(regressor.predict(X)),
        "regressor score": float(regressor.score(X, Y[:, 0])),
        "classifier": [str(c) for c in classifier.predict(X)],
        "classifier classes": [str(c) for c in classifier.classes_],
        "classifier decision": numbers(classifier.decision_function(X)),
        "transformer": numbers(transformer.transform(X)),
        "compiled": list(np.shape(compiled.fit(X, Y).predict(X))),
    }


def feature_spaces(keras: Any) -> dict[str, Any]:
    """Return encoded columns, eager and as part of a model."""
    rng = np.random.default_rng(0)
    space = keras.utils.FeatureSpace
    words = np.array(["red", "green", "blue"])[rng.integers(0, 3, 20)]
    columns = {
        "plain": rng.normal(size=20).astype("float32"),
        "normal": rng.normal(3, 2, 20).astype("float32"),
        "scaled": rng.normal(size=20).astype("float32"),
        "bins": rng.uniform(0, 9, 20).astype("float32"),
        "number": rng.integers(0, 5, 20),
        "word": words,
        "hashed": np.array([f"w{i}" for i in rng.integers(0, 20, 20)]),
        "code": rng.integers(0, 99, 20),
    }
    features = {
        "plain": "float",
        "normal": "float_normalized",
        "scaled": space.float_rescaled(2.0, 1.0),
        "bins": space.float_discretized(num_bins=4),
        "number": "integer_categorical",
        "word": space.string_categorical(num_oov_indices=2),
        "hashed": "string_hashed",
        "code": space.integer_hashed(7),
    }
    crosses = [("word", "number"), space.cross(("number", "code"), crossing_dim=5)]
    made = space(features, crosses=crosses, crossing_dim=6, hashing_dim=8)
    early = _wrong(lambda: made(columns))
    made.adapt(columns)
    encoded = made(columns)
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(
        made.get_encoded_features()
    )
    model = keras.Model(made.get_encoded_features(), outputs)
    kept = {k: columns[k] for k in ("word", "plain")}
    named = space(
        {"word": space.string_categorical(output_mode="int"), "plain": "float"},
        output_mode="dict",
    )
    named.adapt(kept)
    one = named({"word": "blue", "plain": 2.5})
    return {
        "space": numbers(encoded),
        "space early": early,
        "space inputs": sorted(made.get_inputs()),
        "space model": numbers(model(encoded)),
        "space by name": {k: numbers(v) for k, v in one.items()},
        "space wrong": _wrong(lambda: space({"a": "nothing"})),
    }
