"""The Keras side: one script, run in a process of its own, that answers in JSON.

TensorFlow and torch cannot share a process, so Keras never meets the converter: this
file is started as ``python worker.py`` and speaks one JSON object a line, commands on
stdin and replies on the stdout it was started with. Arrays travel in ``.npz`` files.
It imports nothing of keras2torch and keeps to the syntax of Python 3.8, because it
also runs in a user's old environment, beside the Keras that wrote the file.

The first line it writes says whether TensorFlow can be imported::

    {"ok": true, "python": "3.11.9", "tensorflow": "2.21.0"}

Then, for each command, one reply with ``"ok"``; a failure carries ``"error"`` (one
line) and leaves the worker alive:

``{"do": "load", "source": PATH, "weights": PATH | null}``
    Loads a model. May carry ``"trust": true`` (run the code that a file brings along)
    and ``"custom_objects": PATH`` (a Python file with the classes it names).
``{"do": "rebuild", "config": PATH, "weights": PATH, "keras": "keras" | "tf_keras"}``
    Builds a model from ``{"class_name", "config"}`` and sets every weight from the
    arrays ``"<layer path>/<index in layer.weights>"``.
``{"do": "run", "inputs": PATH, "outputs": PATH, "float64": bool, "layers": bool,
"gradients": bool, "draws": bool}``
    Reads ``b{batch}/i{input}`` and writes ``b{batch}/o{output}``; for batch 0 also
    ``b0/layer/{path}/{call}/{output}`` and ``grad/{path}/{index}``. The gradient is
    that of the sum over all floating outputs o of sum(o * cos(arange(o.size))), where
    the cosine is taken in float64 and rounded to o's dtype. With ``float64`` all of it
    again under ``f64/``, by a copy of the model that computes in float64; so
    ``float32`` under ``f32/``, for a model of other policies. With
    ``draws`` random numbers are those of ``patches.py``.
``{"do": "train", "inputs": PATH, "targets": PATH, "outputs": PATH, "steps": int,
"learning_rate": float}``
    Plain SGD with ``training=True`` on the mean over outputs of mean((y - t)^2);
    writes ``losses`` and ``w/{path}/{index}`` and puts the old weights back.
``{"do": "trace", "folder": PATH, "known": [CLASS, …], "opaque": [PATH, …]}``
    Traces the model, see ``tracer.py``; layers of the known classes stay whole, but for
    those named as opaque. The reply's ``"onnx"`` says whether the graphs are ONNX
    files already; an environment without tf2onnx leaves that to another, and so
    does one that is asked to (``"onnx": false``).
``{"do": "to_onnx", "folder": PATH}``
    Makes ONNX files of the graphs of a trace.
``{"do": "quit"}``

A layer's path is ``outer/inner`` through nested models. A wrapper (Bidirectional,
TimeDistributed) is one layer.
"""

# The percent signs below format numbers: one exception for the file says it once.
# ruff: noqa: UP031

from __future__ import annotations

import ast
import codecs
import contextlib
import functools
import hashlib
import importlib.util
import inspect
import json
import marshal
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
import types
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, cast

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = b"PK\x03\x04"

# What Keras calls the dtypes and policies of which copies are made in another.
FLOATING = {
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "mixed_float16",
    "mixed_bfloat16",
}
POLICIES = {
    "Policy",
    "PolicyV1",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "QuantizedDTypePolicy",
}

# Keras' own modules hold what a config may name; these hold helpers that download,
# read and write files, and have no business in one.
KERAS_MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")
KERAS_HELPERS = {
    "applications",
    "callbacks",
    "config",
    "datasets",
    "distribution",
    "export",
    "legacy",
    "preprocessing",
    "saving",
    "trainers",
    "tree",
    "utils",
    "wrappers",
}
PLAIN_BUILTINS = {"dict", "ellipsis", "float", "int", "list", "slice", "str", "tuple"}
# Layers of keras.applications, which are no names of keras.layers, and a function that
# stands beside them.
APPLICATIONS_CLASSES = {
    "CustomScaleLayer": "InceptionResNetV2",
    "LayerScale": "ConvNeXtTiny",
    "StochasticDepth": "ConvNeXtTiny",
}
FOREIGN_CLASSES = {
    "FlaxLayer",
    "JaxLayer",
    "TFSMLayer",
    "TorchModuleWrapper",
}
# TensorFlow ops by name (TFOpLambda, TensorFlowOpLayer) that do more than compute.
UNSAFE_OP = re.compile(
    r"(^|\.)(io|data|saved_model|raw_ops|train|summary|config|debugging|distribute"
    r"|experimental|lite|profiler|sysconfig|test|autograph|estimator|feature_column"
    r"|gfile|initializers|losses|mlir|tpu|tools|types|version|xla|python_io|app|flags"
    r"|logging|resource_loader|user_ops|queue|lookup|__internal__|applications"
    r"|callbacks|datasets|models|preprocessing|saving|utils)(\.|$)"
    r"|py_func|numpy_function|load_|import_|print|file|session|function|save|restore",
    re.IGNORECASE,
)
UNSAFE_NODE = re.compile(
    r"Py|File|Save|Restore|Read|Write|Load|Call|Remote|Sql|Http|Dataset|Send|Recv"
)


class Unsafe(Exception):
    """The file asks for something that only ``trust`` may give."""


class NotLoaded(Exception):
    """No Keras here loads the file; ``tried`` says why, library by library."""

    def __init__(self, message: str, tried: dict[str, str]) -> None:
        super().__init__(message)
        self.tried = tried


# --------------------------------------------------------------------- the libraries


class Library:
    """One Keras: the module, and how this script calls it."""

    def __init__(self, name: str, module: Any, label: str) -> None:
        self.name = name
        self.module = module
        self.label = label

    @property
    def is_keras3(self) -> bool:
        return self.name == "keras"

    def is_model(self, layer: Any) -> bool:
        return isinstance(layer, self.module.Model)

    def flatten(self, structure: Any) -> list[Any]:
        tree = getattr(self.module, "tree", None) if self.is_keras3 else None
        if tree is None:
            import tensorflow as tf

            tree = tf.nest
        return list(tree.flatten(structure))

    def pack(self, structure: Any, flat: list[Any]) -> Any:
        tree = getattr(self.module, "tree", None) if self.is_keras3 else None
        if tree is None:
            import tensorflow as tf

            tree = tf.nest
        return tree.pack_sequence_as(structure, flat)

    def build(self, config: dict[str, Any], custom: dict[str, Any], safe: bool) -> Any:
        """A model from ``{"class_name", "config"}``, old style or new."""
        if self.is_keras3:
            from keras.src.saving import serialization_lib

            with serialization_lib.SafeModeScope(safe):
                if "module" in config or "registered_name" in config:
                    return serialization_lib.deserialize_keras_object(
                        config, custom_objects=custom, safe_mode=safe
                    )
                from keras.src.legacy.saving import saving_options, saving_utils

                with saving_options.keras_option_scope(use_legacy_config=True):
                    return saving_utils.model_from_config(config, custom)
        return self.module.models.model_from_json(
            json.dumps(config), custom_objects=custom
        )

    def load_model(self, path: str, custom: dict[str, Any], safe: bool) -> Any:
        load = self.module.models.load_model
        options: dict[str, Any] = {"compile": False, "custom_objects": custom}
        if "safe_mode" in inspect.signature(load).parameters:
            options["safe_mode"] = safe
        return load(path, **options)

    @contextlib.contextmanager
    def precision(self, dtype: str) -> Iterator[None]:
        """Keras' defaults in a dtype, for a model that is built and run inside."""
        backend = self.module.backend
        before = backend.floatx()
        policy = None
        if self.is_keras3:
            policy = self.module.config.dtype_policy()
        backend.set_floatx(dtype)
        if self.is_keras3:
            self.module.config.set_dtype_policy(dtype)
        try:
            yield
        finally:
            backend.set_floatx(before)
            if self.is_keras3:
                self.module.config.set_dtype_policy(policy)


@functools.lru_cache(maxsize=None)
def library(name: str) -> Library:
    """Import ``keras`` (3) or ``tf_keras`` (2, from whichever package has it)."""
    import tensorflow as tf

    _transpose_channels_first_on_cpu()
    _leaky_relu_in_float64()
    _cast_numbers_to_float64()
    if name == "keras":
        import keras

        version = str(keras.__version__)
        if version.split(".")[0] != "3":
            raise ImportError(f"the installed keras is {version}, not Keras 3")
        if keras.backend.backend() != "tensorflow":
            raise ImportError("Keras 3 does not run on TensorFlow here")
        _add_biases_along_their_axis()
        _normalize_by_whole_constants(keras.layers.Normalization)
        return Library("keras", keras, "Keras " + version)
    try:
        import tf_keras
    except ImportError:
        # Between 2.6 and 2.15 it has no version; its number is TensorFlow's then.
        version = str(getattr(tf.keras, "__version__", tf.__version__))
        if version.split(".")[0] != "2":
            raise
        return Library("tf_keras", tf.keras, "tf.keras " + version)
    return Library("tf_keras", tf_keras, "tf_keras " + str(tf_keras.__version__))


@functools.lru_cache(maxsize=None)
def names() -> Any:
    """What ``keras`` and ``tensorflow.keras`` mean to a user's code."""
    return beside("naming_keras").Names()


def _replace(
    owner: Any, name: str, by: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Put what ``by`` makes of a function in its place, once in a process."""
    plain = getattr(owner, name)
    if not hasattr(plain, "replaces"):
        made: Any = functools.wraps(plain)(by(plain))
        made.replaces = plain
        setattr(owner, name, made)


def _transpose_channels_first_on_cpu() -> None:
    """Let TensorFlow run channels-first models without a GPU.

    Its CPU kernels know NHWC only and tf_keras hands NCHW to them as it is. Replaced
    in ``gen_nn_ops`` because every road to a kernel, gradients included, passes there.
    """
    import tensorflow as tf

    try:
        from tensorflow.python.ops import gen_nn_ops
    except ImportError:
        return

    def transposing(op: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(op)
        float64 = {"max_pool3d": "max", "avg_pool3d": "mean"}.get(op.__name__)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return op(*args, **kwargs)
            bound.apply_defaults()
            values = bound.arguments
            data_format = values.get("data_format")
            if isinstance(data_format, bytes):
                data_format = data_format.decode()
            if data_format not in ("NCHW", "NCDHW"):
                if float64 and dtype_of(values["input"]) == "float64":
                    return pool3d_in_float64(float64, **values)
                return op(*args, **kwargs)
            rank = len(data_format)
            last = [0, *list(range(2, rank)), 1]
            first = [0, rank - 1, *list(range(1, rank - 1))]
            values["data_format"] = "NHWC" if rank == 4 else "NDHWC"
            for key in ("strides", "dilations", "ksize"):
                if values.get(key) is not None and len(values[key]) == rank:
                    values[key] = [values[key][axis] for axis in last]
            paddings = values.get("explicit_paddings")
            if paddings is not None and len(paddings) == 2 * rank:
                pairs = [list(paddings[2 * axis : 2 * axis + 2]) for axis in last]
                values["explicit_paddings"] = [n for pair in pairs for n in pair]
            sizes = values.get("input_sizes")
            if sizes is not None:
                values["input_sizes"] = tf.gather(sizes, last)
            for key in ("input", "value", "x", "out_backprop"):
                if values.get(key) is not None:
                    values[key] = tf.transpose(values[key], last)
            if float64 and dtype_of(values["input"]) == "float64":
                result = pool3d_in_float64(float64, **values)
            else:
                result = op(*bound.args, **bound.kwargs)
            if hasattr(result, "_replace"):  # a batch norm's y, mean, variance …
                return result._replace(y=tf.transpose(result.y, first))
            return tf.transpose(result, first)

        return call

    for name in (
        "conv2d",
        "conv2d_backprop_input",
        "conv3d",
        "conv3d_backprop_input_v2",
        "depthwise_conv2d_native",
        "depthwise_conv2d_native_backprop_input",
        "max_pool",
        "max_pool3d",
        "avg_pool",
        "avg_pool3d",
        "fused_batch_norm_v3",
    ):
        if hasattr(gen_nn_ops, name):
            _replace(gen_nn_ops, name, transposing)


def _leaky_relu_in_float64() -> None:
    """Let the slope of a leaky ReLU be 0.3 in float64, too.

    It is an attribute of the operation, which is float32: 0.30000001192092896.
    """
    import numpy as np

    try:
        from tensorflow.python.ops import array_ops, gen_nn_ops
    except ImportError:
        return

    def exactly(plain: Callable[..., Any]) -> Callable[..., Any]:
        def leaky_relu(features: Any, alpha: Any = 0.2, name: Any = None) -> Any:
            if dtype_of(features) != "float64":
                return plain(features, alpha, name)
            slope = float(str(np.float32(alpha)))
            return array_ops.where_v2(features > 0, features, slope * features)

        return leaky_relu

    _replace(gen_nn_ops, "leaky_relu", exactly)


def _cast_numbers_to_float64() -> None:
    """Let a Python number that a layer casts to float64 be no float32 on the way."""
    import tensorflow as tf

    def exactly(plain: Callable[..., Any]) -> Callable[..., Any]:
        def cast(x: Any, dtype: Any, name: Any = None) -> Any:
            if type(x) is float and tf.as_dtype(dtype) == tf.float64:
                return tf.constant(x, tf.float64, name=name)
            return plain(x, dtype, name)

        return cast

    for module in (tf, tf.compat.v2):
        _replace(module, "cast", exactly)


def _add_biases_along_their_axis() -> None:
    """Let Keras 3 add the bias of a channels-first layer along the channels.

    Its ``add`` takes (1, C, 1, 1) for a bias of the last axis wherever that axis has C
    entries too (keras/src/backend/tensorflow/numpy.py, 3.15); only TensorFlow's does.
    """
    try:
        from keras.src.backend.tensorflow import numpy as backend
    except ImportError:
        return

    def broadcasting(plain: Callable[..., Any]) -> Callable[..., Any]:
        def add(x1: Any, x2: Any) -> Any:
            shape = getattr(x2, "shape", None)
            rank = getattr(shape, "rank", None) or 0
            # The other way round nothing of it looks like a bias of the last axis.
            swapped = shape is not None and rank > 1 and shape[-1] == 1
            swapped = swapped and hasattr(x1, "shape")
            return plain(x2, x1) if swapped else plain(x1, x2)

        return add

    _replace(backend, "add", broadcasting)


def _normalize_by_whole_constants(normalization: Any) -> None:
    """Let Keras 3 not round given means to float32 before it casts them to float64."""
    import numpy as np

    def exactly(plain: Callable[..., Any]) -> Callable[..., Any]:
        def build(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self.input_mean is not None and self.compute_dtype == "float64":
                self.input_mean = np.asarray(self.input_mean, "float64")
                self.input_variance = np.asarray(self.input_variance, "float64")
            return plain(self, *args, **kwargs)

        return build

    _replace(normalization, "build", exactly)


def pool3d_in_float64(
    kind: str, input: Any, ksize: Any, strides: Any, padding: Any, **_: Any
) -> Any:
    """Pool NDHWC in three dimensions, for which TensorFlow has no float64 kernel."""
    import tensorflow as tf

    same = text_of(padding) == "SAME"
    counts, pads = [], [[0, 0]]
    for n, size, stride in zip(input.shape[1:4], ksize[1:4], strides[1:4]):
        counts.append(-(-n // stride) if same else (n - size) // stride + 1)
        missing = max((counts[-1] - 1) * stride + size - n, 0) if same else 0
        pads.append([missing // 2, missing - missing // 2])
    pads.append([0, 0])

    def windows(value: Any, filler: float) -> Any:
        value = tf.pad(value, pads, constant_values=tf.cast(filler, value.dtype))
        return tf.stack(
            [
                value[
                    :,
                    a : a + (counts[0] - 1) * strides[1] + 1 : strides[1],
                    b : b + (counts[1] - 1) * strides[2] + 1 : strides[2],
                    c : c + (counts[2] - 1) * strides[3] + 1 : strides[3],
                ]
                for a in range(ksize[1])
                for b in range(ksize[2])
                for c in range(ksize[3])
            ]
        )

    if kind == "max":
        return tf.reduce_max(windows(input, float("-inf")), axis=0)
    inside = tf.reduce_sum(windows(tf.ones_like(input), 0.0), axis=0)
    return tf.reduce_sum(windows(input, 0.0), axis=0) / inside


@functools.lru_cache(maxsize=None)
def beside(name: str) -> Any:
    """Load a script that lies beside this one, whose folder is on no path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("keras2torch_" + name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["beside"] = beside
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------ what a file holds


class Source:
    """What a file says of itself before any Keras has seen it."""

    def __init__(self, path: str, weights: str | None) -> None:
        if not os.path.exists(path):
            raise FileNotFoundError("no such file: " + path)
        self.path = path
        self.weights = weights
        self.config: dict[str, Any] = {}
        self.version: str | None = None
        self.backend: str | None = None
        self.container = sniff(path)
        if self.container == "hdf5":
            self._read_hdf5(path)
        elif self.container == "zip":
            self._read_zip(path)
        elif self.container == "text":
            self._read_text(path)
        if weights is not None:
            weights_container = sniff(weights)
            if weights_container == "hdf5":
                check_hdf5(weights)
                version, backend = hdf5_version(weights)
                self.version = self.version or version
                self.backend = backend or self.backend
            elif weights_container == "zip":
                check_zip(weights)
        elif self.container == "text":
            raise ValueError("an architecture without its weights file")
        if self.major == 1 and self.backend is None:
            holder = weights if weights is not None else path
            if sniff(holder) == "hdf5" and not tensorflow_wrote(holder):
                self.backend = "theano"

    def _read_hdf5(self, path: str) -> None:
        import h5py

        check_hdf5(path)
        with h5py.File(path, "r") as file:
            raw = file.attrs.get("model_config")
        if raw is None:
            raise ValueError(
                "the HDF5 file holds weights only: its architecture is missing"
            )
        self.config = parse_json(text_of(raw))
        self.version, self.backend = hdf5_version(path)
        self.version = self.version or "1"

    def _read_zip(self, path: str) -> None:
        check_zip(path)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" not in names:
                raise ValueError("the zip file holds no config.json: no Keras model")
            self.config = parse_json(archive.read("config.json").decode("utf-8"))
            if "metadata.json" in names:
                metadata = json.loads(archive.read("metadata.json").decode("utf-8"))
                self.version = metadata.get("keras_version")

    def _read_text(self, path: str) -> None:
        with open(path, encoding="utf-8") as file:
            self.config = parse_text(file.read())
        self.version = self.config.get("keras_version")
        self.backend = self.config.get("backend")

    @property
    def major(self) -> int:
        """The major version of the Keras that wrote the file."""
        match = re.match(r"\d+", str(self.version or ""))
        if match:
            return int(match.group())
        if self.mentions("W_regularizer") or self.mentions("border_mode"):
            return 1
        return 3 if self.mentions("batch_shape") or self.mentions("DTypePolicy") else 2

    @property
    def by_itself(self) -> bool:
        """Whether it was Keras before 2.4, not ``tf.keras`` (``2.2.4-tf``)."""
        match = re.match(r"(\d+)\.(\d+)[.\d]*$", str(self.version or ""))
        return self.major == 1 or bool(
            match and (int(match.group(1)), int(match.group(2))) < (2, 4)
        )

    def mentions(self, word: str) -> bool:
        return f'"{word}"' in json.dumps(self.config)


def text_of(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def parse_json(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if isinstance(value, str):  # json.dump(model.to_json(), file)
        value = json.loads(value)
    if not isinstance(value, dict):
        raise ValueError("the model config is not a JSON object")
    return value


def parse_text(text: str) -> dict[str, Any]:
    """JSON, or the YAML that Keras wrote before 2.6."""
    try:
        return parse_json(text)
    except ValueError as error:
        not_json = error
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ValueError(
            "the architecture is YAML and PyYAML is not installed"
        ) from not_json

    class Loader(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
        pass

    Loader.add_constructor(
        "tag:yaml.org,2002:python/tuple",
        lambda loader, node: loader.construct_sequence(cast(Any, node), deep=True),
    )
    Loader.add_constructor(
        "tag:yaml.org,2002:python/unicode",
        lambda loader, node: loader.construct_scalar(cast(Any, node)),
    )
    try:
        value = yaml.load(text, Loader=Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError("the architecture is neither JSON nor YAML") from error
    if not isinstance(value, dict):
        raise ValueError("the architecture is not a Keras config")
    return value


def sniff(path: str) -> str:
    """``hdf5``, ``zip``, ``folder``, ``checkpoint`` or ``text``, by the bytes."""
    if os.path.isdir(path):
        return "folder"
    if not os.path.exists(path):
        if os.path.exists(path + ".index"):
            return "checkpoint"
        raise FileNotFoundError("no such file: " + path)
    with open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(HDF5_MAGIC):
        return "hdf5"
    if head.startswith(ZIP_MAGIC):
        return "zip"
    if head.startswith(b"version https://git-lfs"):
        raise ValueError("a Git LFS pointer: the model itself was not downloaded")
    if head.startswith(b"\x80"):
        raise ValueError("a Python pickle, which is not loaded")
    if b"\0" in head or not head.strip():
        raise ValueError("not a Keras file: neither HDF5, zip, JSON nor YAML")
    return "text"


def hdf5_version(path: str) -> tuple[str | None, str | None]:
    """``keras_version`` and ``backend``, which Keras wrote here or one group down."""
    import h5py

    found: list[str | None] = [None, None]
    with h5py.File(path, "r") as file:
        places = [file]
        if isinstance(file.get("model_weights"), h5py.Group):
            places.append(file["model_weights"])
        for place in places:
            for index, key in enumerate(("keras_version", "backend")):
                if found[index] is None and key in place.attrs:
                    found[index] = text_of(place.attrs[key])
    return found[0], found[1]


def tensorflow_wrote(path: str) -> bool:
    """Whether a Keras 1 file's weights are called ``dense_1_W:0``, as in TensorFlow."""
    import h5py

    names: list[str] = []
    with h5py.File(path, "r") as file:
        group = file.get("model_weights", file)
        for layer in group:
            names += [text_of(n) for n in group[layer].attrs.get("weight_names", [])]
    return not names or any(":" in name for name in names)


# ------------------------------------------------------------------------- refusals


def check_hdf5(path: str) -> None:
    """Refuse links and storage that lead out of the file, and shape bombs.

    CVE-2026-1669 (external links and storage read other local files into weights) and
    CVE-2026-0897 (a huge declared shape with nothing stored).
    """
    import h5py

    def visit(group: Any) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise Unsafe("the HDF5 file links to other places: " + name)
            item = group[name]
            if isinstance(item, h5py.Group):
                if item.id not in seen:
                    seen.append(item.id)
                    visit(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise Unsafe("the HDF5 file reads from other files: " + name)
                declared = item.size * item.dtype.itemsize
                stored = item.id.get_storage_size()
                if declared > 1 << 28 and declared > 1000 * max(stored, 1):
                    raise Unsafe("the HDF5 file declares far more than it holds")

    with h5py.File(path, "r") as file:
        seen: list[Any] = [file.id]
        visit(file)


def check_zip(path: str) -> None:
    with zipfile.ZipFile(path) as archive:
        names: set[str] = set()
        for member in archive.infolist():
            if member.filename in names:
                raise Unsafe("the zip file holds " + member.filename + " twice")
            names.add(member.filename)
            if member.filename.startswith("/") or ".." in member.filename.split("/"):
                raise Unsafe("the zip file names a path outside itself")
            packed = max(member.compress_size, 1)
            if member.file_size > 1 << 26 and member.file_size > 100 * packed:
                raise Unsafe("the zip file unpacks to far more than it holds")


def check_config(value: Any, custom: dict[str, Any]) -> None:
    """Refuse configs that run code, import modules or open files when loaded.

    Keras' own safe mode does not cover HDF5 files, and tf_keras' covers little.
    """
    if isinstance(value, (list, tuple)):
        for item in value:
            check_config(item, custom)
    if not isinstance(value, dict):
        return
    name = value.get("class_name")
    known = name in custom or value.get("registered_name") in custom
    if name in ("Lambda", "__lambda__"):
        raise Unsafe("the model holds a Lambda, whose code runs only when trusted")
    if name in FOREIGN_CLASSES:
        raise Unsafe(f"{name} loads a foreign model, which runs only when trusted")
    names_object = "class_name" in value or "config" in value
    if "module" in value and names_object and not known:
        check_module(value["module"], name)
    inner = value.get("config")
    if isinstance(inner, dict):
        if name == "TFOpLambda" and UNSAFE_OP.search(str(inner.get("function"))):
            raise Unsafe("the model calls tf." + str(inner.get("function")))
        if name == "TensorFlowOpLayer":
            for op in re.findall(r"\bop\W+(\w+)", str(inner.get("node_def"))):
                if UNSAFE_NODE.search(op):
                    raise Unsafe("the model runs the TensorFlow op " + op)
    for key, item in value.items():
        if key in ("vocabulary", "idf_weights") and isinstance(item, str):
            raise Unsafe(f"the model reads its {key} from a file")
        if key == "name" and isinstance(item, str) and ".." in re.split(r"[/\\]", item):
            raise Unsafe("a layer's name leads out of its folder: " + repr(item))
        check_config(item, custom)


def classes_of_applications(lib: Library, config: Any) -> dict[str, Any]:
    """Keras' own classes that Keras does not find by name, as far as a file has them.

    HDF5 files name no modules; where one does, and it is the user's, so is the class.
    """
    found: dict[str, Any] = {}
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            name, module = value.get("class_name"), value.get("module")
            if isinstance(name, str) and name in APPLICATIONS_CLASSES:
                parts = str(module or "keras.applications").split(".")
                if parts[0] not in KERAS_MODULES or "applications" not in parts:
                    return {}
                found[name] = None
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value
    for name in found:
        # Older versions lack one or the other: their files then have none.
        beside_it = getattr(lib.module.applications, APPLICATIONS_CLASSES[name], None)
        home = getattr(beside_it and inspect.unwrap(beside_it), "__globals__", {})
        found[name] = home.get(name)
    return {name: value for name, value in found.items() if value is not None}


def check_module(module: Any, name: Any) -> None:
    if module is None:
        return
    if module == "builtins":
        if name in PLAIN_BUILTINS or name == "function":
            return
    elif isinstance(module, str):
        for root in KERAS_MODULES:
            if module == root or module.startswith(root + "."):
                rest = module[len(root) :].split(".")[1:]
                rest = [part for part in rest if part not in ("src", "engine")]
                if not rest or rest[0] not in KERAS_HELPERS:
                    return
    raise Unsafe(
        f"the file names {name} of the module {module!r}, "
        "which is imported only when trusted"
    )


# -------------------------------------------------------------------------- repairs


# Keras 1's names: class → class, argument → argument (None: of no matter here).
KERAS1_CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
}
KERAS1_ARGUMENTS = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "depth_multiplier": "depth_multiplier",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "inner_activation": "recurrent_activation",
    "length": "size",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
    "activity_regularizer": None,
    "b_constraint": None,
    "b_regularizer": None,
    "beta_init": None,
    "consume_less": None,
    "forget_bias_init": None,
    "gamma_init": None,
    "init": None,
    "inner_init": None,
    "output_shape": None,
    "U_constraint": None,
    "U_regularizer": None,
    "W_constraint": None,
    "W_regularizer": None,
}
KERAS1_MERGES = {
    "ave": "Average",
    "concat": "Concatenate",
    "cos": "Dot",
    "dot": "Dot",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}

# How Keras 1 called the sizes of a kernel.
KERAS1_SIZES = {"filter_length", "nb_col", "nb_row"} | {
    f"kernel_dim{n}" for n in (1, 2, 3)
}


def refuse_early_keras1(source: Source) -> None:
    """Refuse a file whose numbers tf_keras would take for something else."""
    numbers = re.findall(r"\d+", str(source.version or "1.0"))
    early = source.container == "text" and [int(n) for n in numbers[:3]] < [1, 0, 6]
    left: list[Any] = [source.config]
    while left:
        here = left.pop()
        left += here.values() if isinstance(here, dict) else here
        left = [value for value in left if isinstance(value, (dict, list))]
        if not isinstance(here, dict):
            continue
        if early and here.get("class_name") == "BatchNormalization":
            raise ValueError("Keras before 1.0.6 kept deviations, not variances")
        strides = here.get("subsample", here.get("subsample_length", 1))
        sizes = [here[k] for k in here if k in KERAS1_SIZES]
        odd = all(size % 2 for size in sizes) and strides in (1, [1, 1], [1, 1, 1])
        usual = here.get("border_mode") != "same" or not sizes or odd
        if source.backend == "theano" and not usual:
            raise ValueError("Keras 1 on Theano padded otherwise")


def from_keras1(item: dict[str, Any]) -> None:
    """Rewrite a Keras 1 layer with the names of Keras 2, as Keras 2.0 read it."""
    name, old = item["class_name"], item["config"]
    if name == "Merge":
        if old.get("layers") or old.get("mode") not in KERAS1_MERGES:
            raise ValueError("Keras 1's Merge of branches is not rewritten")
        item["class_name"] = KERAS1_MERGES[old["mode"]]
        item["config"] = {"name": old["name"]}
        if old["mode"] == "concat":
            item["config"]["axis"] = old.get("concat_axis", -1)
        if old["mode"] in ("dot", "cos"):
            item["config"]["axes"] = old.get("dot_axes", -1)
            item["config"]["normalize"] = old["mode"] == "cos"
        return
    if name == "BatchNormalization" and old.pop("mode", 0) != 0:
        raise ValueError("Keras 1's BatchNormalization mode is not rewritten")
    new: dict[str, Any] = {}
    for key, value in old.items():
        if name == "Embedding" and key in ("output_dim", "dropout"):
            if key == "output_dim":
                new[key] = value
        elif key == "input_dtype":
            new["dtype"] = value
        elif key in ("input_dim", "input_length") and name != "Embedding":
            pass  # batch_input_shape says the same
        elif key == "dim_ordering":
            if value in ("th", "tf"):
                new["data_format"] = "channels_" + (
                    "first" if value == "th" else "last"
                )
        elif key in ("nb_row", "nb_col"):
            new["kernel_size"] = [old["nb_row"], old["nb_col"]]
        elif re.match(r"kernel_dim\d$", key):
            new["kernel_size"] = [old["kernel_dim%d" % k] for k in (1, 2, 3)]
        elif KERAS1_ARGUMENTS.get(key, key) is not None:
            new[str(KERAS1_ARGUMENTS.get(key, key))] = value
    if name == "Embedding":
        # Integers went in as float32 or int32; Keras 2 computes in the dtype it finds.
        new.pop("dtype", None)
    item["class_name"] = KERAS1_CLASSES.get(name, name)
    item["config"] = new


def repaired(
    config: dict[str, Any], major: int, lib: Library, custom: dict[str, Any]
) -> dict[str, Any]:
    """Return the config as ``lib`` must read it to compute what its writer computed."""
    config = json.loads(json.dumps(config))
    if "model_config" in config and "class_name" not in config:
        config = config["model_config"]
    config.pop("keras_version", None)
    config.pop("backend", None)
    if lib.is_keras3 and config.get("class_name") == "Model":
        config["class_name"] = "Functional"
    _repair(config, major, lib, custom)
    return config


def _repair(value: Any, major: int, lib: Library, custom: dict[str, Any]) -> None:
    if isinstance(value, list):
        for item in value:
            _repair(item, major, lib, custom)
    if not isinstance(value, dict):
        return
    name = value.get("class_name")
    if name == "Sequential" and isinstance(value.get("config"), list):
        # Before Keras 2.2.3 a Sequential's config was the list of its layers.
        value["config"] = {
            "name": value.get("name", "sequential"),
            "layers": value["config"],
        }
    inner = value.get("config")
    if isinstance(inner, dict):
        if major == 1 and "name" in inner and "layers" not in inner:
            from_keras1(value)
            name, inner = value["class_name"], value["config"]
        if major < 3:
            repair_recurrent(value)
        for key in list(inner):
            kind = key.rpartition("_")[2]
            if kind in ("regularizer", "constraint") and isinstance(inner[key], dict):
                # They matter in training alone, and are custom now and then.
                known = dir(getattr(lib.module, kind + "s"))
                if inner[key].get("class_name") not in {*known, *custom}:
                    inner[key] = None
        if name in ("Functional", "Model") and not lib.is_keras3:
            for key in ("input_layers", "output_layers"):
                if isinstance(inner.get(key), dict):
                    inner[key] = [inner[key][k] for k in sorted(inner[key])]
    for item in value.values():
        _repair(item, major, lib, custom)


def repair_recurrent(item: dict[str, Any]) -> None:
    """Keras 2's GRU and cuDNN layers by the names that say what they compute."""
    name, inner = item.get("class_name"), item["config"]
    if name == "GRU":
        # Keras 2.1.2 brought the argument, and False as its default.
        inner.setdefault("reset_after", False)
    if name in ("CuDNNLSTM", "CuDNNGRU"):
        # The same arithmetic without the GPU; loading converts the weights.
        item["class_name"] = name[len("CuDNN") :]
        inner["activation"] = "tanh"
        inner["recurrent_activation"] = "sigmoid"
        inner["use_bias"] = True
        inner.pop("time_major", None)
        if name == "CuDNNGRU":
            inner["reset_after"] = True


def flip_theano_kernels(model: Any, lib: Library) -> None:
    """Theano convolves where TensorFlow correlates: its kernels are mirrored.

    Keras 2's ``preprocess_weights_for_loading`` did this; tf_keras and Keras 3 read
    such files without a word and compute something else.
    """

    def leaves(layer: Any) -> Iterator[Any]:
        for child in ("layer", "forward_layer", "backward_layer"):
            inner = getattr(layer, child, None)
            if inner is not None and hasattr(inner, "weights"):
                yield from leaves(inner)
                if child == "forward_layer":
                    yield from leaves(layer.backward_layer)
                return
        if lib.is_model(layer):
            for inner in layer.layers:
                yield from leaves(inner)
            return
        yield layer

    mirrored: set[int] = set()
    kinds = {"Conv1D": 1, "Conv2D": 1, "Conv3D": 1, "Conv2DTranspose": 1}
    kinds["ConvLSTM2D"] = 2
    for layer in leaves(model):
        for variable in layer.weights[: kinds.get(type(layer).__name__, 0)]:
            if id(variable) not in mirrored:
                mirrored.add(id(variable))
                kernel = array(variable)
                spatial = (slice(None, None, -1),) * (kernel.ndim - 2)
                variable.assign(kernel[spatial].copy())


def compute_as_keras_by_itself(model: Any, lib: Library) -> None:
    """Let tf_keras compute as Keras before 2.4 did, which was not yet ``tf.keras``.

    A Bidirectional zeroed no masked steps there, and a bilinear UpSampling2D was
    TensorFlow 1's ``resize_bilinear``, which reads pixel i at i / factor.
    """
    import tensorflow as tf

    def enlarged(layer: Any) -> Callable[[Any], Any]:
        first = layer.data_format == "channels_first"

        def call(inputs: Any) -> Any:
            x = tf.transpose(inputs, (0, 2, 3, 1)) if first else inputs
            size = tf.shape(x)[1:3] * tf.constant(layer.size)
            x = tf.cast(tf.compat.v1.image.resize_bilinear(x, size), inputs.dtype)
            x = tf.transpose(x, (0, 3, 1, 2)) if first else x
            return tf.ensure_shape(x, layer.compute_output_shape(inputs.shape))

        return call

    for layer in model.layers:
        kind = type(layer).__name__
        if lib.is_model(layer):
            compute_as_keras_by_itself(layer, lib)
        elif kind == "Bidirectional":
            layer.forward_layer.zero_output_for_mask = False
            layer.backward_layer.zero_output_for_mask = False
        elif kind == "UpSampling2D" and layer.interpolation == "bilinear":
            layer.call = enlarged(layer)


# -------------------------------------------------------------------------- loading


class Loaded:
    """The model at hand and what the commands need to know of it."""

    def __init__(self, model: Any, lib: Library, custom: dict[str, Any], safe: bool):
        self.model = model
        self.lib = lib
        self.custom = custom
        self.safe = safe
        # Whether it computes as Keras before 2.4 (compute_as_keras_by_itself).
        self.by_itself = False
        # A structure of tf.TensorSpec; the tracing finds dtypes that nobody told.
        self.inputs = declared_inputs(self)

    def layers(self, model: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Every layer with its path, nested models before what is in them."""
        holding = beside("holding")
        model = self.model if model is None else model
        if not prefix and self.own_weights(model):
            yield "", model
        for segment, layer in holding.children(self.lib, model):
            path = prefix + segment
            yield path, layer
            if self.holds(layer):
                yield from self.layers(layer, path + "/")

    def holds(self, layer: Any) -> bool:
        """Whether a layer's weights are those of the layers in it: a model, or code."""
        holding = beside("holding")
        own = holding.is_keras_class(holding.borrowed(layer) or type(layer))
        wraps = own and holding.own_code_in(layer) is not None
        return self.lib.is_model(layer) or not own or wraps

    def own_weights(self, layer: Any) -> list[Any]:
        """What a model or a custom layer holds beside its layers."""
        parts = beside("holding").children(self.lib, layer)
        held = {id(v) for _, part in parts for v in part.weights}
        return [v for v in layer.weights if id(v) not in held]

    def weights(self, layer: Any) -> list[Any]:
        found = self.own_weights(layer) if self.holds(layer) else list(layer.weights)
        # tf_keras has the table of a lookup among the weights.
        return [v for v in found if hasattr(v, "shape")]

    def short_name(self, variable: Any) -> str:
        """What a variable is called where it is held."""
        return weight_name(variable).rpartition("/")[2]

    def trains(self, variable: Any, restored: bool) -> bool:
        """Whether a variable is trained; inside a restored graph no layer says so."""
        if restored:
            return any(variable is v for v in self.model.trainable_weights)
        if self.lib.is_keras3 and variable is tf_variable(variable):
            # Keras 3 looks after its own variables alone.
            return False
        return bool(getattr(variable, "trainable", False))

    def was_made_trainable(self, variable: Any) -> bool:
        """Whether a variable is trained where nothing is frozen.

        Keras 3 tells a layer's variables when it is frozen; its lists stay.
        """
        if getattr(variable, "trainable", False):
            return True
        lists = (getattr(x, "_trainable_variables", ()) for _, x in self.layers())
        return any(variable is v for listed in lists for v in listed or ())

    def attribute_of(self, variable: Any) -> str:
        """What the layer that made a variable calls it; empty if it does not."""
        for _, layer in self.layers():
            for name, value in vars(layer).items():
                if value is variable and name.strip("_"):
                    return str(name.strip("_"))
        return ""

    def variables(self) -> Iterator[tuple[str, Any]]:
        for path, layer in self.layers():
            for index, variable in enumerate(self.weights(layer)):
                yield "%s/%d" % (path, index), variable


class Restored(Loaded):
    """A signature of a SavedModel, for whose folder there is no Keras."""

    def __init__(self, signature: Any) -> None:
        import tensorflow as tf

        lib = Library("saved_model", tf.keras, "TensorFlow " + str(tf.__version__))
        super().__init__(signature, lib, {}, False)

    def layers(self, model: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
        yield from self.model.holders

    def weights(self, layer: Any) -> list[Any]:
        return list(layer.weights)

    def short_name(self, variable: Any) -> str:
        return str(self.model.names[id(variable)])

    def trains(self, variable: Any, restored: bool) -> bool:
        return super().trains(variable, True)


def load_folder(
    path: str, trust: bool, custom_file: str | None
) -> tuple[Loaded, dict[str, str]]:
    """Load a SavedModel with the Keras that wrote it, or its signature."""
    if not trust:
        raise Unsafe("a SavedModel is a program: it runs only when trusted")
    if not os.path.exists(os.path.join(path, "saved_model.pb")):
        raise NotLoaded("the folder is no SavedModel: it holds no saved_model.pb", {})
    frozen = beside("frozen")
    tried: dict[str, str] = {}
    if frozen.is_keras_folder(path):
        try:
            lib = library("tf_keras")
            names().mean(lib.module)
            custom = custom_objects(custom_file) if custom_file else {}
            give_lambdas_names(lib, custom)
            model = lib.load_model(path, custom, False)
            if not lib.is_model(model):
                raise ValueError("it restores no model but a " + type(model).__name__)
            loaded = Loaded(model, lib, custom, False)
            if loaded.inputs is None:
                raise ValueError("it does not say what its inputs are")
            finalize(loaded)
            # Some restored layers are called otherwise than they were saved.
            import tensorflow as tf

            tf.function(
                lambda given: called(loaded, given, training=False), autograph=False
            ).get_concrete_function(loaded.inputs)
            return loaded, tried
        except Exception as error:
            traceback.print_exc()
            tried["tf_keras"] = one_line(error)
    try:
        return Restored(frozen.Signature(path)), tried
    except frozen.NotFrozen as error:
        raise NotLoaded(str(error), tried) from error
    except Exception as error:
        traceback.print_exc()
        tried["tensorflow"] = one_line(error)
    raise NotLoaded("TensorFlow does not restore the folder", tried)


def load(
    path: str,
    weights: str | None,
    trust: bool,
    custom_file: str | None,
    functions: dict[str, dict[str, Any]],
) -> tuple[Loaded, dict[str, str]]:
    """Load a model with the Keras that computes what the file's writer meant."""
    if os.path.isdir(path):
        return load_folder(path, trust, custom_file)
    source = Source(path, weights)
    tried: dict[str, str] = {}
    # A file is read by the Keras of its own generation: Keras 3 loads many older files
    # and silently computes another hard_sigmoid, whose old form is tf_keras'.
    order = ["tf_keras", "keras"] if source.major < 3 else ["keras", "tf_keras"]
    for name in order:
        try:
            lib = library(name)
        except Exception as error:
            tried[name] = one_line(error)
            continue
        try:
            names().mean(lib.module)
            custom = classes_of_applications(lib, source.config)
            custom.update(custom_objects(custom_file) if custom_file else {})
            if trust:
                give_lambdas_names(lib, custom)
                config = with_own_bytecode(source.config, functions)
            else:
                config = source.config
                check_source(source, custom)
            refuse_other_meaning(source, lib)
            if source.major == 1:
                refuse_early_keras1(source)
            with contextlib.ExitStack() as stack:
                stack.enter_context(beside("patches").whole_numbers())
                made = tempfile.TemporaryDirectory(prefix="keras2torch-")
                folder = stack.enter_context(made)
                model = open_with(lib, source, config, custom, not trust, folder)
            if source.backend == "theano":
                flip_theano_kernels(model, lib)
            loaded = Loaded(model, lib, custom, not trust)
            loaded.by_itself = source.by_itself and not lib.is_keras3
            finalize(loaded)
            return loaded, tried
        except Unsafe:
            raise
        except Exception as error:
            traceback.print_exc()
            tried[name] = one_line(error)
    raise NotLoaded("no Keras here loads the file", tried)


class ForeignBytecode(Unsafe):
    """A function that another Python stored, whose source cannot be told."""


def with_own_bytecode(config: Any, functions: dict[str, dict[str, Any]]) -> Any:
    """Replace the bytecode of other Pythons, which crashes this one, by our own."""
    here = "%d.%d" % sys.version_info[:2]

    def visit(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: visit(item) for key, item in value.items()}
        if isinstance(value, list):
            return [visit(item) for item in value]
        known = functions.get(value) if isinstance(value, str) else None
        if known is None or known["python"] == here:
            return value
        if known["text"]:
            return compiled(known["text"], known["free"])
        if here in known["python"].split(" or "):
            return value
        raise ForeignBytecode(
            "a Lambda stores bytecode of Python %s, which Python %s does not run, and "
            "which does more than can be told as source" % (known["python"], here)
        )

    return visit(config)


def compiled(source: str, free: list[str]) -> str:
    """A function as Keras stores it: base64 of its marshalled code."""
    inside = "\n".join("    " + line for line in source.splitlines())
    name = ast.parse(source).body[0]
    made = name.name if isinstance(name, ast.FunctionDef) else None
    lines = ["def around(%s):" % ", ".join(free)]
    lines += [inside, "    return " + made] if made else ["    return " + source]
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)  # noqa: S102 (the user trusts the file)
    code = scope["around"](*free).__code__
    return codecs.encode(marshal.dumps(code), "base64").decode("ascii")


def give_lambdas_names(lib: Library, custom: dict[str, Any]) -> None:
    """Let the stored code of a Lambda find what its script had imported.

    Keras gives such a function the globals of its own module, in which ``tf``, ``K``
    and the script's functions are missing.
    """
    import math

    import numpy as np
    import tensorflow as tf

    keras = lib.module
    names = {
        "K": keras.backend,
        "backend": keras.backend,
        "keras": keras,
        "layers": keras.layers,
        "math": math,
        "np": np,
        "numpy": np,
        "tensorflow": tf,
        "tf": tf,
    }
    if lib.is_keras3:
        names.update(ops=keras.ops, random=keras.random)
    names.update(custom)
    # Where func_load is, and where it is called with the globals of its caller.
    places = ("python_utils", "generic_utils", "lambda_layer", "keras.layers.core")
    for title, module in list(sys.modules.items()):
        if "keras" in title and title.endswith(places) and module is not None:
            for name, value in names.items():
                vars(module).setdefault(name, value)


def check_source(source: Source, custom: dict[str, Any]) -> None:
    compiled = ("compile_config", "build_config")
    config = {k: v for k, v in source.config.items() if k not in compiled}
    check_config(config, custom)


def refuse_other_meaning(source: Source, lib: Library) -> None:
    """Stop where another generation of Keras would load and compute another thing."""
    if lib.is_keras3 and source.major == 1:
        raise ValueError(lib.label + " does not convert the weights of Keras 1")
    if source.mentions("hard_sigmoid") and lib.is_keras3 != (source.major >= 3):
        raise ValueError(
            "the file's hard_sigmoid is that of Keras %d, and %s computes another"
            % (source.major, lib.label)
        )


def open_with(
    lib: Library,
    source: Source,
    config: dict[str, Any],
    custom: dict[str, Any],
    safe: bool,
    folder: str,
) -> Any:
    config = repaired(config, source.major, lib, custom)
    if source.weights is not None:
        model = lib.build(config, custom, safe)
        load_weights(model, source.weights, folder)
        return model
    if source.container == "zip":
        copy = os.path.join(folder, "model.keras")
        rewrite_zip(source, config, lib, copy)
        model = lib.load_model(copy, custom, safe)
        check_weights_arrived(model, copy, folder)
        return model
    copy = os.path.join(folder, "model.h5")
    if config == source.config:
        place(source.path, copy)
    else:
        import h5py

        shutil.copyfile(source.path, copy)
        os.chmod(copy, 0o600)
        with h5py.File(copy, "r+") as file:
            # As bytes, which is what Keras writes and TensorFlow 2.3 expects.
            file.attrs["model_config"] = json.dumps(config).encode("utf-8")
    return lib.load_model(copy, custom, safe)


def place(path: str, target: str) -> None:
    try:
        os.symlink(os.path.abspath(path), target)
    except OSError:
        shutil.copyfile(path, target)


def rewrite_zip(
    source: Source, config: dict[str, Any], lib: Library, target: str
) -> None:
    """The archive under the ending Keras wants, repaired where it needs to be."""
    import h5py

    config.pop("compile_config", None)
    with zipfile.ZipFile(source.path) as archive, zipfile.ZipFile(target, "w") as out:
        for member in archive.infolist():
            data = archive.read(member)
            if member.filename == "config.json":
                data = json.dumps(config).encode("utf-8")
            elif member.filename == "model.weights.h5":
                plain = target + ".weights.h5"
                with open(plain, "wb") as file:
                    file.write(data)
                check_hdf5(plain)
                with h5py.File(plain, "r+") as weights:
                    renamed = rename_weight_groups(weights)
                if renamed:
                    with open(plain, "rb") as file:
                        data = file.read()
                os.remove(plain)
            out.writestr(member.filename, data)


def rename_weight_groups(file: Any) -> bool:
    """Mend keys that no Keras of today looks for; returns whether there were any.

    Keras 2.13 and 2.14 wrote ``_layer_checkpoint_dependencies`` for ``layers``; on
    Windows they put backslashes into names where groups were meant.
    """
    renamed = False

    def visit(group: Any) -> None:
        nonlocal renamed
        for name in sorted(group):  # a parent before what goes into it
            target = name.replace("\\", "/")
            target = target.replace("_layer_checkpoint_dependencies", "layers")
            if target != name and target not in group:
                group.move(name, target)
                renamed = True
        for name in list(group):
            if hasattr(group[name], "keys"):
                visit(group[name])

    visit(file)
    return renamed


def load_weights(model: Any, path: str, folder: str) -> None:
    container = sniff(path)
    if container == "checkpoint":
        model.load_weights(path).expect_partial()
        return
    if container == "zip":
        copy = os.path.join(folder, "weights.keras")
    else:
        import h5py

        with h5py.File(path, "r") as file:
            legacy = "layer_names" in file.attrs or "layer_names0" in file.attrs
            legacy = legacy or "model_weights" in file
        copy = os.path.join(folder, "model.h5" if legacy else "model.weights.h5")
    place(path, copy)
    model.load_weights(copy)
    if not copy.endswith("model.h5"):
        check_weights_arrived(model, copy, folder)


def check_weights_arrived(model: Any, path: str, folder: str) -> None:
    """Every weight of the model must be an array of the file.

    Keras skips what it does not find in a ``.keras`` file without a word.
    """
    import h5py

    if sniff(path) == "zip":
        with zipfile.ZipFile(path) as archive:
            if "model.weights.h5" not in archive.namelist():
                return
            path = archive.extract("model.weights.h5", folder)
    present: set[tuple[str, bytes]] = set()

    def collect(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub":
            present.add(fingerprint(item[()]))

    with h5py.File(path, "r") as file:
        file.visititems(collect)
    dtypes = {dtype for dtype, _ in present}
    for variable in model.weights:
        value = array(variable)
        mark = fingerprint(value)
        if value.size and mark[0] in dtypes and mark not in present:
            raise ValueError(
                "Keras loads the model without its weights: "
                f"{weight_name(variable)} is not in the file"
            )


def fingerprint(value: Any) -> tuple[str, bytes]:
    import numpy as np

    value = np.ascontiguousarray(value)
    return str(value.dtype), hashlib.sha1(value.tobytes()).digest()


def custom_objects(path: str) -> dict[str, Any]:
    """The classes and functions of a Python file that the user named."""
    with open(path, encoding="utf-8") as file:
        code = compile(file.read(), path, "exec")
    module = types.ModuleType("custom_objects")
    module.__file__ = path
    sys.modules["custom_objects"] = module
    folder = os.path.dirname(os.path.abspath(path))
    before = list(sys.modules)
    sys.path.insert(0, folder)
    try:
        exec(code, module.__dict__)  # noqa: S102 (the user named this file)
    finally:
        sys.path.remove(folder)
        beside("naming_keras").forget(folder, before)
    found = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value)
    }
    for name, value in list(found.items()):
        if isinstance(value, type):
            found["{}>{}".format("Custom", name)] = value
    return found


def rebuild(config_path: str, weights_path: str, name: str) -> Loaded:
    import numpy as np

    with open(config_path, encoding="utf-8") as file:
        config = parse_json(file.read())
    lib = library(name)
    custom = classes_of_applications(lib, config)
    check_config(config, custom)
    names().mean(lib.module)
    if not lib.is_keras3:
        custom.update(beside("keras1_layers").classes(lib.module))
    loaded = Loaded(lib.build(config, custom, True), lib, custom, True)
    with np.load(weights_path, allow_pickle=False) as arrays:
        for key, variable in loaded.variables():
            if key not in arrays:
                raise KeyError("no array for the weight " + key)
            value = arrays[key]
            if tuple(value.shape) != tuple(variable.shape):
                raise ValueError(
                    f"the weight {key} has shape {tuple(variable.shape)}, "
                    f"its array {value.shape}"
                )
            variable.assign(value)
    finalize(loaded)
    return loaded


def finalize(loaded: Loaded) -> None:
    """Let a loaded model compute what its file says.

    What Normalization layers compute with are copies of their weights: Keras 3 forgets
    to renew those in nested models when it reads HDF5. So does tf_keras with the bins
    of a Discretization that it reads from .keras files.
    """
    if loaded.by_itself:
        compute_as_keras_by_itself(loaded.model, loaded.lib)
    for _, layer in loaded.layers():
        kind = type(layer).__name__
        unbinned = kind == "Discretization" and not layer.bin_boundaries
        if kind == "Normalization" or (unbinned and layer.built):
            layer.finalize_state()


# --------------------------------------------------------------------- describing


def array(value: Any) -> Any:
    """A tensor or variable as a numpy array that ``np.load`` reads without pickle."""
    import numpy as np

    if hasattr(value, "to_tensor"):  # ragged
        value = value.to_tensor()
    elif hasattr(value, "dense_shape"):
        import tensorflow as tf

        value = tf.sparse.to_dense(value)
    value = getattr(value, "value", value) if not hasattr(value, "numpy") else value
    value = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if value.dtype == object:
        return np.char.decode(value.astype("S"), "utf-8")
    if value.dtype.kind == "V" or str(value.dtype) == "bfloat16":
        return value.astype("float32")
    return value


def shape_of(tensor: Any) -> list[int | None]:
    shape = tensor.shape
    if getattr(shape, "rank", 0) is None:
        return []
    return [None if n is None else int(n) for n in tuple(shape)]


def dtype_of(tensor: Any) -> str:
    dtype = tensor.dtype
    return str(getattr(dtype, "name", dtype))


def weight_name(variable: Any) -> str:
    name = str(getattr(variable, "path", None) or variable.name)
    return name[:-2] if name.endswith(":0") else name


def describe(loaded: Loaded) -> dict[str, Any]:
    model, lib = loaded.model, loaded.lib

    def described(flat: list[Any], names: list[str]) -> list[dict[str, Any]]:
        return [
            {"name": name, "shape": shape_of(tensor), "dtype": dtype_of(tensor)}
            for name, tensor in zip(names, flat)
        ]

    specs = lib.flatten(loaded.inputs or [])
    try:
        made = lib.flatten(getattr(model, "outputs", None) or [])
    except (AttributeError, ValueError):  # a model that was never called
        made = []

    layers = []
    for path, layer in loaded.layers():
        trainable = {id(v) for v in layer.trainable_weights}
        layers.append(
            {
                "path": path,
                "class": type(layer).__name__,
                "trainable": bool(layer.trainable),
                "nested": lib.is_model(layer),
                "weights": [
                    {
                        "name": weight_name(variable),
                        "shape": shape_of(variable),
                        "trainable": id(variable) in trainable,
                    }
                    for variable in loaded.weights(layer)
                ],
            }
        )
    return {
        "ok": True,
        "keras": lib.label,
        "inputs": described(specs, input_names(loaded)),
        "outputs": described(made, [tensor_name(t) for t in made]),
        "trainable": count(model.trainable_weights),
        "total": count(model.weights),
        "layers": layers,
    }


def input_names(loaded: Loaded) -> list[str]:
    """Names of the inputs: the layers', the keys of a dictionary, the arguments'."""
    names: list[str] = []

    def visit(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key in sorted(value):
                visit(value[key], str(key))
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                visit(item, "%s_%d" % (name, number))
        else:
            names.append(str(getattr(value, "name", None) or name))

    parameters = [
        name
        for name in inspect.signature(loaded.model.call).parameters
        if name not in ("training", "mask", "self")
    ]
    visit(loaded.inputs, parameters[0] if parameters else "inputs")
    return names


def count(variables: list[Any]) -> int:
    total = 0
    for variable in {id(v): v for v in variables}.values():
        size = 1
        shape = getattr(variable, "shape", (0,))  # a table is no variable
        if None in tuple(shape):
            shape = variable.numpy().shape
        for n in tuple(shape):
            size *= int(n)
        total += size
    return total


# ------------------------------------------------------------------------ running


def structure_of(model: Any) -> Any:
    """How the model wants its inputs: one tensor, a list or a dictionary."""
    inner = getattr(model, "_functional", None) or model
    for attribute in ("_inputs_struct", "_nested_inputs"):
        found = getattr(inner, attribute, None)
        if found is not None:
            return found
    return None


def declared_inputs(loaded: Loaded) -> Any:
    """The model's inputs as a structure of ``tf.TensorSpec``, ``None`` if unknown.

    Of a subclassed model Keras remembers the shapes that it was built with.
    """
    import tensorflow as tf

    model, lib = loaded.model, loaded.lib
    if isinstance(loaded, Restored):
        return dict(model.specs)
    structure = structure_of(model)
    if structure is not None:
        specs = [
            tf.TensorSpec(tuple(shape_of(t)), dtype_of(t), name=tensor_name(t))
            for t in lib.flatten(structure)
        ]
        return lib.pack(structure, specs)
    seen = getattr(model, "_saved_model_inputs_spec", None)
    if seen is not None:
        return tf.nest.map_structure(any_batch, seen)
    shapes = getattr(model, "_build_shapes_dict", None) or {}
    if not shapes and getattr(model, "_build_input_shape", None) is not None:
        shapes = {"input_shape": model._build_input_shape}
    if not shapes:
        return None
    made = {key.replace("_shape", ""): specs_of(s) for key, s in shapes.items()}
    return next(iter(made.values())) if len(made) == 1 else Arguments(made)


class Arguments(dict):
    """Inputs that ``call`` takes as several arguments."""


def specs_of(shape: Any) -> Any:
    """A structure of shapes as one of ``tf.TensorSpec``; floats, for want of more."""
    import tensorflow as tf

    if isinstance(shape, dict):
        return {key: specs_of(value) for key, value in shape.items()}
    sizes = shape.as_list() if hasattr(shape, "as_list") else shape
    if all(n is None or isinstance(n, int) for n in sizes):
        return tf.TensorSpec((None, *sizes[1:]), tf.float32)
    return [specs_of(part) for part in sizes]


def any_batch(spec: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, *shape_of(spec)[1:]), spec.dtype, name=spec.name)


def tensor_name(tensor: Any) -> str:
    history = getattr(tensor, "_keras_history", None)
    return str((history[0] if history else tensor).name)


def called(loaded: Loaded, inputs: Any, training: bool) -> Any:
    """Call the model on its inputs, as their structure says."""
    model = loaded.model
    options: dict[str, Any] = {}
    if structure_of(model) is not None or takes(model.call, "training"):
        options["training"] = training
    if isinstance(inputs, Arguments):
        return model(**inputs, **options)
    return model(inputs, **options)


def takes(function: Any, name: str) -> bool:
    parameters = inspect.signature(function).parameters
    kinds = {p.kind for p in parameters.values()}
    return name in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def tensors_for(loaded: Loaded, batch: list[Any]) -> list[Any]:
    import tensorflow as tf

    wanted: list[Any] = [dtype_of(t) for t in loaded.lib.flatten(loaded.inputs or [])]
    if wanted and len(wanted) != len(batch):
        raise ValueError(
            "the model has %d inputs, the batch %d" % (len(wanted), len(batch))
        )
    wanted = wanted or [None] * len(batch)
    result = []
    for value, dtype in zip(batch, wanted):
        if value.dtype.kind in "US" or dtype == "string":
            result.append(tf.constant(value.tolist(), dtype=tf.string))
        else:
            tensor = tf.constant(value)
            result.append(tf.cast(tensor, dtype) if dtype else tensor)
    return result


def reset_states(loaded: Loaded) -> None:
    """Let stateful layers start from zero.

    A tf_keras ConvLSTM keeps what it drops, in inference ones of the batch's size.
    """
    for _, layer in loaded.layers():
        cell = getattr(layer, "cell", None)
        for method in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
            if not loaded.lib.is_keras3 and hasattr(cell, method):
                getattr(cell, method)()
        if getattr(layer, "stateful", False) and not loaded.lib.is_model(layer):
            for method in ("reset_states", "reset_state"):
                if hasattr(layer, method):
                    with contextlib.suppress(ValueError, AttributeError):
                        getattr(layer, method)()
                    break


def forward(loaded: Loaded, tensors: list[Any], training: bool) -> list[Any]:
    """Call the model; its outputs, flat."""
    lib, structure = loaded.lib, loaded.inputs
    if isinstance(structure, Arguments):
        packed: Any = Arguments(lib.pack(dict(structure), tensors))
    elif structure is not None:
        packed = lib.pack(structure, tensors)
    else:
        packed = tensors[0] if len(tensors) == 1 else tensors
    outputs = called(loaded, packed, training)
    return [t for t in lib.flatten(outputs) if t is not None]


def has_long_loop(loaded: Loaded, tensors: list[Any]) -> bool:
    """Whether a recurrent layer would loop in Python over many steps."""

    def recurrent(layer: Any) -> bool:
        names = [kind.__name__ for kind in type(layer).__mro__]
        return "Bidirectional" in names or any("RNN" in name for name in names)

    longest = max([n for t in tensors for n in tuple(t.shape)[1:]] or [0])
    return longest > 64 and any(recurrent(layer) for _, layer in loaded.layers())


def casts_pixels(loaded: Loaded, tensors: list[Any]) -> bool:
    """Whether a layer gets integer images: Keras 3 casts them within a graph only."""

    def casts(layer: Any) -> bool:
        kinds = [kind.__name__ for kind in type(layer).__mro__]
        return "BaseImagePreprocessingLayer" in kinds

    integers = any(t.dtype.is_integer and len(t.shape) > 2 for t in tensors)
    return integers and any(casts(layer) for _, layer in loaded.layers())


def evaluate(
    loaded: Loaded, function: Callable[..., Any], tensors: list[Any], *more: Any
) -> Any:
    """Call ``function`` eagerly, or as one graph where eager loops would take minutes.

    905 steps of a bidirectional LSTM: 22 s for the gradient eagerly, 3 s as a graph.
    Integer images are floats in the graphs of ``predict`` and ``fit`` alone.
    """
    import tensorflow as tf

    reset_states(loaded)
    if has_long_loop(loaded, tensors) or casts_pixels(loaded, tensors):
        try:
            return tf.function(function, autograph=False)(tensors, *more)
        except Exception:
            traceback.print_exc()
            reset_states(loaded)
    return function(tensors, *more)


def execution_order(loaded: Loaded, model: Any) -> dict[int, list[int]]:
    """For each layer of a functional model, its nodes' numbers in running order.

    A layer called twice has its calls numbered as the config numbers them, which is
    not always the order in which they run.
    """
    inner = getattr(model, "_functional", None) or model
    by_depth = getattr(inner, "_nodes_by_depth", None)
    if not by_depth:
        return {}
    running = [n for depth in sorted(by_depth, reverse=True) for n in by_depth[depth]]
    place_of = {id(node): place for place, node in enumerate(running)}
    order: dict[int, list[int]] = {}
    for layer in model.layers:
        kept = [n for n in layer._inbound_nodes if id(n) in place_of]
        ranked = sorted(range(len(kept)), key=lambda k: place_of[id(kept[k])])
        if len(ranked) > 1:
            order[id(layer)] = ranked
    return order


@contextlib.contextmanager
def recording(loaded: Loaded) -> Iterator[dict[str, Any]]:
    """Keep what each layer returns, by ``path/call/output``, while a model runs.

    ``call`` is replaced on the instances, and behind the back of Keras' attribute
    tracking.
    """
    records: dict[str, Any] = {}
    undo: list[tuple[Any, Any]] = []
    order: dict[int, list[int]] = {}
    models = [m for _, m in loaded.layers() if loaded.lib.is_model(m)]
    for model in [loaded.model, *models]:
        order.update(execution_order(loaded, model))
    missing = object()
    seen: set[int] = set()

    def wrap(path: str, layer: Any) -> None:
        original = layer.call
        calls = [0]
        ranked = order.get(id(layer), [0])

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            own = beside("holding").own_activation(layer)
            if own is not None:
                # It stands behind the layer in the converted model.
                layer.activation = loaded.lib.module.activations.linear
            try:
                result = original(*args, **kwargs)
            finally:
                if own is not None:
                    layer.activation = own
            number = calls[0]
            calls[0] += 1
            size = len(ranked)
            number = number - number % size + ranked[number % size]
            for k, tensor in enumerate(loaded.lib.flatten(result)):
                if tensor is not None:
                    records[f"{path}/{number}/{k}"] = tensor
            return result if own is None else own(result)

        undo.append((layer, layer.__dict__.get("call", missing)))
        layer.__dict__["call"] = call

    try:
        holding = beside("holding")
        inside: list[str] = []
        for path, layer in loaded.layers():
            if path.startswith(tuple(inside)):
                continue  # It is called once a step.
            if type(layer).__name__ in holding.LOOPS and loaded.holds(layer):
                inside.append(path + "/")
            if layer is not loaded.model and id(layer) not in seen:
                seen.add(id(layer))
                wrap(path, layer)
        yield records
    finally:
        for layer, before in undo:
            if before is missing:
                layer.__dict__.pop("call", None)
            else:
                layer.__dict__["call"] = before


def tf_variable(variable: Any) -> Any:
    """The tf.Variable in a Keras 3 variable, or what it is already."""
    inner = getattr(variable, "value", None)
    return variable if inner is None or callable(inner) else inner


def outputs_and_layers(
    loaded: Loaded, tensors: list[Any], layers: bool
) -> tuple[list[Any], dict[str, Any]]:
    """Run the model for inference; its outputs, and what each layer returned."""
    import tensorflow as tf

    def compute(tensors: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        if not layers:
            return forward(loaded, tensors, training=False), {}
        with recording(loaded) as records:
            outputs = forward(loaded, tensors, training=False)
        # A layer may have run inside a loop, whose graph is out of reach here.
        here = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        return outputs, {
            key: tensor
            for key, tensor in records.items()
            if hasattr(tensor, "dtype") and graph_of(tensor) in (None, here)
        }

    outputs, records = evaluate(loaded, compute, tensors)
    return outputs, records


def graph_of(tensor: Any) -> Any:
    """Return the graph of a symbolic tensor, None for one with a value."""
    return None if hasattr(tensor, "numpy") else getattr(tensor, "graph", "unknown")


def gradients(loaded: Loaded, tensors: list[Any]) -> dict[str, Any]:
    """Differentiate the scalar loss of the protocol by every floating weight."""
    import numpy as np
    import tensorflow as tf

    watched = {
        key: tf_variable(variable)
        for key, variable in loaded.variables()
        if dtype_of(variable) in FLOATING
    }

    def compute(tensors: list[Any]) -> dict[str, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in watched.values():
                tape.watch(variable)
            terms = []
            for output in forward(loaded, tensors, training=False):
                if output.dtype.is_floating:
                    size = tf.size(output)
                    ramp = tf.cos(tf.cast(tf.range(size), tf.float64))
                    weights = tf.reshape(tf.cast(ramp, output.dtype), tf.shape(output))
                    terms.append(tf.reduce_sum(output * weights))
            if not terms:
                return {}
            loss = tf.add_n([tf.cast(term, terms[0].dtype) for term in terms])
        slopes = tape.gradient(loss, watched)
        return {
            key: tf.convert_to_tensor(slope)  # IndexedSlices become dense
            for key, slope in slopes.items()
            if slope is not None
        }

    slopes = evaluate(loaded, compute, tensors)
    return {"grad/" + key: np.asarray(array(v)) for key, v in slopes.items()}


def in_dtype(value: Any, dtype: str) -> Any:
    """A config in which every floating dtype and policy reads ``dtype``."""
    if isinstance(value, dict):
        if value.get("class_name") in POLICIES:
            policy = dict(value.get("config") or {}).get("name")
            # That of a layer that computes indices, such as Hashing.
            whole = str(policy).startswith(("int", "uint", "string", "bool"))
            return policy if whole else dtype
        return {
            key: dtype
            if key in ("dtype", "value_dtype") and str(item) in FLOATING
            else in_dtype(item, dtype)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        items = [in_dtype(item, dtype) for item in value]
        if isinstance(value, tuple):
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        return items
    return value


def copy_in(dtype: str, loaded: Loaded, batch: list[Any]) -> Loaded:
    """A copy of the model that computes in a dtype; the batch builds what is not."""
    import tensorflow as tf

    lib, model = loaded.lib, loaded.model
    options: dict[str, Any] = {}
    if "custom_objects" in inspect.signature(type(model).from_config).parameters:
        options["custom_objects"] = loaded.custom
    with contextlib.ExitStack() as stack:
        for package in ("keras", "tf_keras"):
            name = package + ".src.saving.serialization_lib"
            if name in sys.modules:
                stack.enter_context(sys.modules[name].SafeModeScope(loaded.safe))
        scope = getattr(lib.module.utils, "custom_object_scope", None)
        if scope is not None:
            stack.enter_context(scope(loaded.custom))
        copied = type(model).from_config(in_dtype(model.get_config(), dtype), **options)
    copy = Loaded(copied, lib, loaded.custom, loaded.safe)
    copy.by_itself = loaded.by_itself
    if structure_of(copied) is None and loaded.inputs is not None:
        # Of a model that is code, the weights are made in its first call.
        specs = [
            tf.TensorSpec(t.shape, dtype if t.dtype.is_floating else t.dtype)
            for t in lib.flatten(loaded.inputs)
        ]
        copy.inputs = lib.pack(loaded.inputs, specs)
    if len(list(copy.variables())) < len(list(loaded.variables())):
        forward(copy, tensors_for(copy, batch), training=False)
    targets = dict(copy.variables())
    sources = dict(loaded.variables())
    if list(targets) != list(sources):
        raise ValueError(f"the {dtype} copy has other weights than the model")
    for key, variable in targets.items():
        value = array(sources[key])
        variable.assign(value.astype(dtype_of(variable)))
    finalize(copy)
    copied_layers = dict(copy.layers())
    for path, layer in loaded.layers():
        if hasattr(layer, "get_vocabulary"):
            copy_vocabulary(layer, copied_layers[path])
    return copy


def copy_vocabulary(layer: Any, other: Any) -> None:
    """Give a lookup the vocabulary of another, if the config has it not."""
    layer = getattr(layer, "_lookup_layer", layer)
    other = getattr(other, "_lookup_layer", other)
    if other.input_vocabulary is not None:
        return
    terms = layer.get_vocabulary()
    if layer.output_mode == "tf_idf":
        weights = layer.idf_weights_const.numpy()[: len(terms)]
        other.set_vocabulary(terms, idf_weights=weights)
    else:
        other.set_vocabulary(terms)


def batches_of(arrays: Any, kind: str) -> list[list[Any]]:
    """``b{batch}/{kind}{k}`` as a list of lists."""
    found: dict[int, dict[int, Any]] = {}
    for key in arrays.files:
        match = re.match(rf"b(\d+)/{kind}(\d+)$", key)
        if match:
            found.setdefault(int(match.group(1)), {})[int(match.group(2))] = arrays[key]
    return [[found[b][k] for k in sorted(found[b])] for b in sorted(found)]


def run(
    loaded: Loaded, batches: list[list[Any]], layers: bool, slopes: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays to write, and what went wrong beside the outputs themselves."""
    arrays: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for number, batch in enumerate(batches):
        tensors = tensors_for(loaded, batch)
        outputs, records = outputs_and_layers(loaded, tensors, layers and number == 0)
        for key, value in records.items():
            arrays["b0/layer/" + key] = array(value)
        for k, output in enumerate(outputs):
            arrays["b%d/o%d" % (number, k)] = array(output)
        if slopes and number == 0:
            try:
                arrays.update(gradients(loaded, tensors))
            except Exception as error:
                traceback.print_exc()
                errors["gradient_error"] = one_line(error)
    return arrays, errors


def train(
    loaded: Loaded,
    batches: list[list[Any]],
    targets: list[list[Any]],
    steps: int,
    learning_rate: float,
) -> dict[str, Any]:
    """Take the steps and return losses and weights; the model is left as it was."""
    import numpy as np
    import tensorflow as tf

    variables = dict(loaded.variables())
    before = {key: array(variable).copy() for key, variable in variables.items()}
    updated = [tf_variable(v) for v in loaded.model.trainable_weights]

    def compute(tensors: list[Any], wanted: list[Any]) -> tuple[Any, list[Any]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in updated:
                tape.watch(variable)
            outputs = forward(loaded, tensors, training=True)
            if len(outputs) != len(wanted):
                raise ValueError(
                    f"the model has {len(outputs)} outputs, the targets {len(wanted)}"
                )
            terms = [
                tf.reduce_mean(tf.square(y - tf.cast(t, y.dtype)))
                for y, t in zip(outputs, wanted)
            ]
            loss = tf.add_n(terms) / len(terms)
        slopes = tape.gradient(loss, updated)
        return loss, [None if s is None else tf.convert_to_tensor(s) for s in slopes]

    losses = []
    try:
        for step in range(steps):
            tensors = tensors_for(loaded, batches[step])
            wanted = [tf.constant(t) for t in targets[step]]
            loss, slopes = evaluate(loaded, compute, tensors, wanted)
            losses.append(float(loss))
            for variable, slope in zip(updated, slopes):
                if slope is not None:
                    rate = tf.cast(learning_rate, variable.dtype)
                    variable.assign_sub(rate * slope)
        arrays = {"w/" + key: array(v).copy() for key, v in variables.items()}
    finally:
        for key, variable in variables.items():
            variable.assign(before[key])
    arrays["losses"] = np.asarray(losses, dtype="float64")
    return arrays


# ------------------------------------------------------------------------ the worker


class Worker:
    """Holds one model at a time and answers commands."""

    def __init__(self) -> None:
        self.loaded: Loaded | None = None

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        commands: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "load": self.load,
            "rebuild": self.rebuild,
            "run": self.run,
            "to_onnx": self.to_onnx,
            "trace": self.trace,
            "train": self.train,
        }
        try:
            method = commands.get(str(command.get("do")))
            if method is None:
                raise ValueError("no such command: {!r}".format(command.get("do")))
            return method(command)
        except Unsafe as error:
            return {"ok": False, "error": str(error), "unsafe": True}
        except NotLoaded as error:
            return {"ok": False, "error": str(error), "tried": error.tried}
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            traceback.print_exc()
            return {"ok": False, "error": one_line(error)}

    def current(self) -> Loaded:
        if self.loaded is None:
            raise RuntimeError("no model is loaded")
        seed_everything()
        return self.loaded

    def forget(self) -> None:
        if self.loaded is not None:
            lib, self.loaded = self.loaded.lib, None
            lib.module.backend.clear_session()

    def load(self, command: dict[str, Any]) -> dict[str, Any]:
        self.forget()
        self.loaded, tried = load(
            command["source"],
            command.get("weights"),
            bool(command.get("trust")),
            command.get("custom_objects"),
            command.get("functions") or {},
        )
        reply = describe(self.loaded)
        reply["tried"] = tried
        return reply

    def rebuild(self, command: dict[str, Any]) -> dict[str, Any]:
        self.forget()
        self.loaded = rebuild(
            command["config"], command["weights"], command.get("keras", "keras")
        )
        return describe(self.loaded)

    def trace(self, command: dict[str, Any]) -> dict[str, Any]:
        loaded = self.current()
        beside("tracer").trace(
            loaded,
            command["folder"],
            command["known"],
            command.get("opaque", []),
            sys.modules[__name__],
        )
        made = importlib.util.find_spec("tf2onnx") is not None
        made = made and bool(command.get("onnx", True))
        if made:
            beside("frozen").to_onnx(command["folder"])
        return dict(describe(loaded), onnx=made)

    def to_onnx(self, command: dict[str, Any]) -> dict[str, Any]:
        beside("frozen").to_onnx(command["folder"])
        return {"ok": True}

    def run(self, command: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        loaded = self.current()
        start = time.perf_counter()
        layers = bool(command.get("layers"))
        slopes = bool(command.get("gradients"))
        with np.load(command["inputs"], allow_pickle=False) as inputs:
            batches = batches_of(inputs, "i")
        if command.get("draws"):
            patches = beside("patches")
            with patches.drawn_by(patches.same_on_both_sides):
                return self.run(dict(command, draws=False))
        arrays, errors = run(loaded, batches, layers, slopes)
        for dtype, short in (("float64", "f64/"), ("float32", "f32/")):
            if not command.get(dtype):
                continue
            try:
                with loaded.lib.precision(dtype):
                    again, more = run(
                        copy_in(dtype, loaded, batches[0]), batches, layers, slopes
                    )
                arrays.update({short + key: value for key, value in again.items()})
                if "gradient_error" in more:
                    errors.setdefault("gradient_error", more["gradient_error"])
            except Exception as error:
                traceback.print_exc()
                errors[dtype + "_error"] = one_line(error)
        np.savez(command["outputs"], **arrays)
        seconds = time.perf_counter() - start
        return dict({"ok": True, "seconds": seconds}, **errors)

    def train(self, command: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        loaded = self.current()
        start = time.perf_counter()
        with np.load(command["inputs"], allow_pickle=False) as inputs:
            batches = batches_of(inputs, "i")
        with np.load(command["targets"], allow_pickle=False) as values:
            targets = batches_of(values, "t")
        arrays = train(
            loaded, batches, targets, int(command["steps"]), command["learning_rate"]
        )
        np.savez(command["outputs"], **arrays)
        return {"ok": True, "seconds": time.perf_counter() - start}


def seed_everything() -> None:
    import numpy as np
    import tensorflow as tf

    np.random.seed(0)
    tf.random.set_seed(0)


def one_line(error: BaseException) -> str:
    message = " ".join(str(error).split())
    if len(message) > 600:
        message = message[:597] + "..."
    return f"{type(error).__name__}: {message}"


def main() -> int:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or os.curdir) != here]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # oneDNN's conv2d_backprop_filter corrupts the heap (TensorFlow 2.21, a 2x64x64x1
    # input): the process dies, or worse, does not.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # TensorFlow writes to file descriptor 1 from C++: replies go to a copy of it.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def reply(value: dict[str, Any]) -> None:
        replies.write(json.dumps(value) + "\n")
        replies.flush()

    hello: dict[str, Any] = {"ok": True, "python": sys.version.split()[0]}
    try:
        import tensorflow as tf

        hello["tensorflow"] = str(tf.__version__)
    except Exception as error:
        reply({"ok": False, "error": "TensorFlow: " + one_line(error)})
        return 1
    reply(hello)
    for name in ("keras", "tf_keras"):  # warm up while the first command is on its way
        try:
            library(name)
        except Exception as error:
            print(one_line(error), file=sys.stderr)
    worker = Worker()
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            command = json.loads(line)
        except ValueError as error:
            reply({"ok": False, "error": one_line(error)})
            continue
        if command.get("do") == "quit":
            break
        reply(worker.answer(command))
    return 0


if __name__ == "__main__":
    sys.exit(main())
