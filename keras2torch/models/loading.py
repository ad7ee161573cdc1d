"""``load_model`` and ``load_weights``: files of every Keras → models that train.

Sources: ``keras/src/saving/saving_api.py``, ``saving_lib.py`` and
``keras/src/legacy/saving/legacy_h5_format.py`` (Keras 3.15).
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras2torch import serialization
from keras2torch.dialect import GraphBuilder
from keras2torch.errors import Keras2TorchError, UnusableFile
from keras2torch.models.operations import HeldOperation
from keras2torch.models.rebuilding import (
    Rebuilder,
    custom_class,
    own_inside,
    rebuilt,
)
from keras2torch.models.specs import owners_of
from keras2torch.reading import reader, topology, vocabularies
from keras2torch.reading.autocasts import without_autocasts
from keras2torch.reading.configs import class_of
from keras2torch.reading.sources import Source, open_source
from keras2torch.reading.topology import ModelSpec
from keras2torch.saving import stored
from keras2torch.saving.assets import read_assets
from keras2torch.saving.compiled import compile_arguments

Config = dict[str, Any]


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Return the model of a file: ``.keras``, or ``.h5`` of Keras 1, 2 or 3.

    Parameters
    ----------
    filepath
        The file.
    custom_objects
        Name → class or function of the user's own, besides what is registered.
    compile
        Whether to compile it as it was, with what the optimizer kept.
    safe_mode
        Accepted; bytecode is not run either way.

    Raises
    ------
    UnusableFile
        If it is no Keras model, or damaged.
    ValueError
        For a class that is not known, or a Lambda whose function is bytecode.
    """
    path = Path(filepath)
    with (
        serialization.CustomObjectScope(custom_objects),
        open_source(path) as source,
    ):
        model = _architecture(source)
        if source.archive is not None:
            read_assets(model, source.archive)
        if compile:
            _compile(model, source)
        else:
            model.compiled = False
    return model


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Return the model of what ``model.to_json()`` wrote, with new weights."""
    config = json.loads(json_string)
    with serialization.CustomObjectScope(custom_objects):
        own = custom_class(class_of(config))
        if own is not None:
            return own.from_config(config["config"])
        return rebuilt(config, custom_objects, version=_version(config))


def _version(config: Mapping[str, Any]) -> Any:
    from keras2torch.reading.versions import Version

    return Version.of(config.get("keras_version"), config)


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Any = None,
    call_function: Any = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Return a model of the same layers, made anew: with weights of its own.

    Parameters
    ----------
    model
        A Sequential or functional model.
    input_tensors
        Symbolic tensors to build the new model on.
    clone_function
        Called with each layer in place of ``from_config(get_config())``.
    call_function, recursive
        As in Keras; a ``call_function`` needs a functional model.

    Raises
    ------
    ValueError
        For a subclassed model: its calls are its code.
    """
    from keras2torch.models.cloning import cloned

    if kwargs:
        raise ValueError(f"Arguments not recognized: {kwargs}")
    return cloned(model, input_tensors, clone_function, call_function, recursive)


# ------------------------------------------------------------------- architecture
def _architecture(source: Source) -> Any:
    """Return the model of an open file, its weights in place."""
    own = custom_class(class_of(source.config))
    config: Any = source.config.get("config")
    listed = isinstance(config, (list, Mapping)) and "layers" in config
    if own is not None and not (listed and _is_plain(own)):
        model = own.from_config(dict(config or {}))
        _build(model, source.config.get("build_config"))
        stored.read_weights(model, source)
        return model
    ctx = reader.context_of(source)
    spec = topology.model_spec(source.config, None, ctx)
    without_autocasts(spec)
    vocabularies.complete(source, spec)
    builder = GraphBuilder(spec.name)
    model = Rebuilder(ctx, reader.peek_of(source, spec)).model(spec, own)
    if reader.unknown_layers(ctx, spec) or _has_own(spec) or _holds(model):
        stored.read_weights(model, source)
        return model
    if not model.built and not any(reader.stored_shapes(source, spec).values()):
        return model  # saved before it was built
    reader.built(source, spec, builder)
    arrays = reader.arrays_of(source, spec, builder)
    reader.fill(builder.layers, arrays, source.place)
    _assign(model, builder)
    return model


def _is_plain(cls: Any) -> bool:
    return "from_config" not in {k for c in _own_bases(cls) for k in vars(c)}


def _own_bases(cls: Any) -> list[Any]:
    return [c for c in cls.__mro__ if not c.__module__.startswith("keras2torch.")]


def _has_own(spec: ModelSpec) -> bool:
    """Whether a user's class stands for one of Keras' layers, or is inside of one."""
    return any(
        custom_class(la.given) is not None or own_inside(la.raw) for la in spec.leaves()
    )


def _holds(model: Any) -> bool:
    """Whether operations in it are called as they are, which no source has as text."""
    return any(isinstance(m, HeldOperation) for m in model.modules())


def _build(model: Any, config: Any) -> None:
    if isinstance(config, Mapping) and config and not model.built:
        model.build_from_config(config)


def _assign(model: Any, builder: GraphBuilder) -> None:
    """Give every layer its weights, by the path that both graphs know it by."""
    model.ensure_net()
    owners = owners_of(model._call_graph)
    for path, here in builder.layers.items():
        if not here.weights:
            continue
        state = owners[path]._torch_state
        if state is None:  # nothing of it is read in the program
            continue
        values = {w.name: v for w, v in zip(here.weights, here.values, strict=True)}
        for weight, variable in zip(state.declared, state.variables, strict=True):
            value = values[weight.name].const_value
            assert value is not None
            variable.assign(value.numpy())


# ------------------------------------------------------------------------ compile
def _compile(model: Any, source: Source) -> None:
    text = source.metadata.get("training_config")
    config = json.loads(text) if text else None
    if not config:
        return
    if not _compiles_plainly(type(model)):
        model.compile_from_config(config)
        if not model.compiled:
            return
    else:
        try:
            model.compile(**compile_arguments(config))
        except (Keras2TorchError, KeyError, TypeError, ValueError) as error:
            warnings.warn(
                f"{source.path} was not compiled as it says: {error}", stacklevel=4
            )
            return
    stored.read_optimizer(model, source)


def _compiles_plainly(cls: Any) -> bool:
    """Whether a class overrides neither ``compile`` nor what reads its arguments."""
    from keras2torch.training.trainer import Trainer

    same = cls.compile_from_config is Trainer.compile_from_config
    return same and cls.compile is Trainer.compile


# ------------------------------------------------------------------------ weights
def load_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    **kwargs: Any,
) -> None:
    """Read weights into a model: ``.weights.h5``, ``.keras``, or ``.h5`` of any Keras.

    Parameters
    ----------
    model
        Built.
    filepath
        The file.
    skip_mismatch
        Leave alone what does not fit, with a warning.
    kwargs
        ``by_name`` for ``.h5``: match layers by their names, not their order.
        ``objects_to_skip`` for ``.weights.h5``: layers that are left as they are.

    Raises
    ------
    ValueError
        If the weights do not fit.
    """
    skipped = kwargs.pop("objects_to_skip", None)
    by_name = kwargs.pop("by_name", None)
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    ending = str(filepath)
    of_keras3 = ending.endswith((".keras", ".weights.h5", ".weights.json"))
    if by_name is not None and of_keras3:
        raise ValueError(
            "`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: "
            f"{filepath}"
        )
    if skipped is not None and not ending.endswith((".weights.h5", ".weights.json")):
        raise ValueError(
            "`objects_to_skip` only supports loading '.weights.h5' files. Received: "
            f"{filepath}"
        )
    if not model.built:
        raise ValueError(
            "You are loading weights into a model that has not yet been built. Try "
            "building the model first by calling it on some data or by using "
            "`build()`."
        )
    path = Path(filepath)
    if not path.exists():
        raise ValueError(f"File not found: filepath={path}.")
    stored.load_weights(
        model,
        path,
        skip_mismatch=skip_mismatch,
        by_name=bool(by_name),
        skipped=list(skipped or ()),
    )


__all__ = [
    "UnusableFile",
    "clone_model",
    "load_model",
    "load_weights",
    "model_from_json",
]
