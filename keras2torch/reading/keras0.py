"""Models as Keras 0.3 wrote them → the form of Keras 1.

A layer's class is its ``name`` there and its name the ``custom_name``, often the same
for several layers; a model is a ``Sequential`` or a ``Graph`` of named nodes. Keras 1.0
kept ``Graph`` and wrote its nodes in its own form. After ``container_from_config`` in
``keras/utils/layer_utils.py`` and ``keras/layers/containers.py`` of Keras 0.3.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keras2torch.errors import UnsupportedLayer, UnusableFile

Config = dict[str, Any]

_CONTAINERS = ("Graph", "Sequential")
_MAX_DEPTH = 32


def is_keras0(config: Any) -> bool:
    """Whether this is a model of Keras 0.3."""
    return (
        isinstance(config, dict)
        and "class_name" not in config
        and config.get("name") in _CONTAINERS
        and ("layers" in config or "node_config" in config)
    )


def as_keras1(config: Mapping[str, Any]) -> Config:
    """Return a model of Keras 0.3 as Keras 1 would have written it."""
    return _Names(config).layer(config, 0)


def compiled(config: Mapping[str, Any], made: Mapping[str, Any]) -> str | None:
    """Return the compile config in the form of Keras 1, as JSON.

    Parameters
    ----------
    config
        The model as Keras 0.3 wrote it.
    made
        What :func:`as_keras1` made of it: there the outputs are called after layers.
    """
    optimizer = config.get("optimizer")
    if not isinstance(optimizer, dict):
        return None
    arguments = {k: v for k, v in optimizer.items() if k != "name"}
    found: Config = {
        "optimizer_config": {
            "class_name": str(optimizer.get("name")),
            "config": arguments,
        },
        "loss": config.get("loss"),
        "metrics": [],
        "loss_weights": config.get("loss_weights") or None,
        "sample_weight_mode": config.get("sample_weight_mode"),
    }
    if config.get("name") == "Graph":
        found = _by_layer(found, config, made["config"])
    return json.dumps(found)


def compiled_graph(training: str | None, config: Mapping[str, Any]) -> str | None:
    """Return the compile config of a ``Graph`` of Keras 1, outputs by their layers."""
    inner = config.get("config")
    if training is None or config.get("class_name") != "Graph":
        return training
    if not isinstance(inner, dict) or "node_config" not in inner:
        return training
    try:
        found = json.loads(training)
    except (ValueError, RecursionError):
        return training
    if not isinstance(found, dict):
        return training
    return json.dumps(_by_layer(found, inner, keras1_graph(inner)))


def _by_layer(
    training: Config, config: Mapping[str, Any], made: Mapping[str, Any]
) -> Config:
    """Return a compile config in which outputs are called after their layers."""
    ends = zip(config["output_config"], made["output_layers"], strict=True)
    layers = {spec.get("name"): layer for spec, (layer, _, _) in ends}
    return {
        key: {layers.get(k, k): v for k, v in value.items()}
        if key in ("loss", "loss_weights", "sample_weight_mode")
        and isinstance(value, dict)
        else value
        for key, value in training.items()
    }


class _Names:
    """Gives layers of the same name numbers, as Keras 1 did: ``dense_1``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        names = list(_names(config, 0))
        self._several = {n for n in names if names.count(n) > 1}
        self._taken = set(names)
        self._count: dict[str, int] = {}

    def name(self, given: str) -> str:
        """Return a name that no other layer has."""
        if given not in self._several:
            return given
        while True:
            self._count[given] = self._count.get(given, 0) + 1
            made = f"{given}_{self._count[given]}"
            if made not in self._taken:
                self._taken.add(made)
                return made

    def layer(self, config: Any, depth: int) -> Config:
        """Return a serialized layer or container."""
        if depth > _MAX_DEPTH or not isinstance(config, dict):
            raise UnusableFile("a layer in the config is damaged.")
        kind = config.get("name")
        if not isinstance(kind, str):
            raise UnusableFile("the config names no class for a layer: it is damaged.")
        if kind == "Sequential":
            layers = _list(config, "layers")
            return {"class_name": kind, "config": self._stack(layers, depth)}
        if kind == "Graph":
            return self._graph(config, depth)
        if kind == "AutoEncoder":
            return self._auto_encoder(config, depth)
        given = config.get("custom_name")
        name = self.name(given if isinstance(given, str) else kind.lower())
        made = {
            k: v
            for k, v in config.items()
            if k not in ("cache_enabled", "custom_name", "input_shape")
        }
        shape = config.get("input_shape")
        if kind == "Embedding":
            # Its ``input_shape`` is the number of words.
            made["batch_input_shape"] = [None, config.get("input_length")]
            made["input_dtype"] = "int32"
        elif isinstance(shape, list):
            made["batch_input_shape"] = [None, *shape]
        made["name"] = name
        if kind == "Merge":
            made["layers"] = [self.layer(la, depth + 1) for la in _list(made, "layers")]
            made = _merge(made)
        elif kind == "TimeDistributed":
            made["layer"] = self.layer(made.get("layer"), depth + 1)
        return {"class_name": kind, "config": made}

    def _stack(self, layers: list[Any], depth: int) -> list[Config]:
        made = []
        for one in layers:
            kind = one.get("name") if isinstance(one, dict) else None
            if kind == "Siamese":
                raise UnsupportedLayer(
                    "a layer that Sequential models share (add_shared_layer of Keras "
                    "0.3) has no rule: build the model as a Graph with add_shared_node"
                )
            made.append(self.layer(one, depth + 1))
        return made

    def _auto_encoder(self, config: Config, depth: int) -> Config:
        if not config.get("output_reconstruction", True):
            raise UnsupportedLayer(
                "AutoEncoder with output_reconstruction=False has no rule: save its "
                "encoder alone"
            )
        parts = [config.get("encoder_config"), config.get("decoder_config")]
        return {
            "class_name": "Sequential",
            "config": [self.layer(part, depth + 1) for part in parts],
        }

    # -- graphs
    def _graph(self, config: Config, depth: int) -> Config:
        nodes = config.get("nodes")
        if not isinstance(nodes, dict):
            raise UnusableFile("a Graph in the config has no nodes: it is damaged.")
        made = graph(
            config, lambda entry, name: _renamed(self.layer(entry, depth + 1), name)
        )
        return {"class_name": "Model", "config": made}


def _renamed(layer: Config, name: str) -> Config:
    config = layer["config"]
    if isinstance(config, dict):
        return layer | {"config": config | {"name": name}}
    return layer


def keras1_graph(config: Mapping[str, Any]) -> Config:
    """Return the config of a ``Graph`` of Keras 1.0 or 1.1 as a ``Model``'s."""

    def layer(entry: Any, name: str) -> Config:
        if is_old(entry):
            return _renamed(_Names(entry).layer(entry, 0), name)
        if not isinstance(entry, dict) or not isinstance(
            entry.get("config"), (dict, list)
        ):
            raise UnusableFile(f"node {name!r} of a Graph is damaged.")
        return {"class_name": entry.get("class_name"), "config": entry["config"]}

    return graph(config, layer)


def is_old(entry: Any) -> bool:
    """Whether a serialized layer is in Keras 0.3's form."""
    return isinstance(entry, dict) and "class_name" not in entry and "name" in entry


def graph(config: Mapping[str, Any], layer: Callable[[Any, str], Config]) -> Config:
    """Return a ``Graph`` as a ``Model``: inputs, nodes, merges and outputs.

    Parameters
    ----------
    config
        With ``input_config``, ``node_config``, ``output_config`` and ``nodes``.
    layer
        Returns a node's layer in the form of Keras 1: ``layer(entry, name)``.
    """
    nodes = config.get("nodes")
    made = _Graph(nodes if isinstance(nodes, dict) else {}, layer)
    inputs = [made.input(spec) for spec in _dicts(config, "input_config")]
    for spec in _dicts(config, "node_config"):
        made.node(spec)
    outputs = [
        made.source(spec, f"output_{spec.get('name')}")
        for spec in _dicts(config, "output_config")
    ]
    return {"layers": made.entries, "input_layers": inputs, "output_layers": outputs}


class _Graph:
    """The layers of a ``Graph``, and which call of one each of its names stands for."""

    def __init__(
        self, nodes: Mapping[str, Any], layer: Callable[[Any, str], Config]
    ) -> None:
        self.entries: list[Config] = []
        self._nodes = nodes
        self._layer = layer
        self._there: dict[str, list[Any]] = {}

    def input(self, spec: Config) -> list[Any]:
        """Add an input."""
        name = str(spec.get("name"))
        shape = spec.get("batch_input_shape")
        if shape is None and isinstance(spec.get("input_shape"), list):
            shape = [None, *spec["input_shape"]]
        dtype = "int32" if spec.get("dtype") == "int" else "float32"
        given = {"name": name, "batch_input_shape": shape, "input_dtype": dtype}
        self.entries.append(_entry("InputLayer", given, []))
        self._there[name] = [name, 0, 0]
        return self._there[name]

    def node(self, spec: Config) -> None:
        """Add a layer, or tell which of a shared one's calls a name is."""
        name = str(spec.get("name"))
        entry = spec.get("layer") or self._nodes.get(name)
        if not isinstance(entry, dict):
            raise UnusableFile(f"node {name!r} of a Graph is damaged.")
        kind = entry.get("name")
        if kind == "SiameseHead":
            shared, _, _ = self.source(spec, name)
            self._there[name] = [shared, int(entry.get("head", 0)), 0]
        elif kind == "Siamese":
            self._shared(spec, name, entry.get("layer"))
        elif spec.get("layer"):
            self._shared(spec, name, entry)
        else:
            taken = self.source(spec, name)
            made = self._layer(entry, name)
            entry = _entry(made["class_name"], made["config"], [[taken]], name)
            self.entries.append(entry)
            self._there[name] = [name, 0, 0]

    def _shared(self, spec: Config, name: str, inner: Any) -> None:
        mode = spec.get("merge_mode")
        shared = f"shared_for_{name}" if mode else name
        made = self._layer(inner, shared)
        calls = [[one] for one in self._refs(spec.get("inputs"))]
        entry = _entry(made["class_name"], made["config"], calls, shared)
        self.entries.append(entry)
        self._there[name] = [shared, 0, 0]
        for i, head in enumerate(spec.get("outputs") or []):
            self._there[str(head)] = [shared, i, 0]
        if mode:
            found = [[shared, i, 0] for i in range(len(calls))]
            self._there[name] = self._merged(spec, name, found)

    def source(self, spec: Mapping[str, Any], name: str) -> list[Any]:
        """Return the one tensor that a node takes, merged of several if need be."""
        single = spec.get("input")
        if single:
            return list(self._refs([single])[0])
        several = self._refs(spec.get("inputs"))
        if len(several) == 1:
            return list(several[0])
        return self._merged(spec, f"merge_for_{name}", several)

    def _merged(
        self, spec: Mapping[str, Any], name: str, several: list[Any]
    ) -> list[Any]:
        made = {"name": name, "mode": spec.get("merge_mode") or "concat"}
        made |= {k: spec[k] for k in ("concat_axis", "dot_axes") if k in spec}
        self.entries.append(_entry("Merge", _merge(made), [several]))
        return [name, 0, 0]

    def _refs(self, names: Any) -> list[Any]:
        known = isinstance(names, list) and all(
            isinstance(n, str) and n in self._there for n in names
        )
        if not known:
            raise UnusableFile(f"a Graph takes {names!r}, which is no node of it.")
        return [self._there[n] for n in names]


def _entry(kind: str, config: Any, nodes: list[Any], name: str | None = None) -> Config:
    return {
        "class_name": kind,
        "name": name or config["name"],
        "config": config,
        "inbound_nodes": nodes,
    }


def _merge(config: Config) -> Config:
    """Return a Merge whose axes are in the form of Keras 1."""
    axes = config.get("dot_axes")
    if config.get("mode") == "dot" and isinstance(axes, list):
        # One list of axes for each side.
        if not all(isinstance(a, int) or len(a) == 1 for a in axes):
            raise UnsupportedLayer(
                f"layer {config.get('name')!r} (Merge): dot_axes={axes!r} has no rule"
            )
        axes = [a if isinstance(a, int) else a[0] for a in axes]
        return config | {"dot_axes": axes}
    if config.get("mode") == "cos":
        # One number for each sample, without Keras 1's third axis.
        return config | {"mode": "cos0"}
    if config.get("mode") == "join":
        raise UnsupportedLayer(
            f"layer {config.get('name')!r} (Merge): mode='join' has no rule"
        )
    return config


def _list(config: Mapping[str, Any], key: str) -> list[Any]:
    found = config.get(key)
    if not isinstance(found, list):
        raise UnusableFile(f"a container in the config has no {key}: it is damaged.")
    return found


def _dicts(config: Mapping[str, Any], key: str) -> list[Config]:
    found = _list(config, key)
    if not all(isinstance(one, dict) for one in found):
        raise UnusableFile(f"{key} in the config of a Graph is damaged.")
    return found


def _names(value: Any, depth: int) -> Iterator[str]:
    """Yield the name of every layer, as it would be without a number."""
    if depth > 8 * _MAX_DEPTH:
        return
    if isinstance(value, list):
        for one in value:
            yield from _names(one, depth + 1)
    elif isinstance(value, dict):
        given, kind = value.get("custom_name"), value.get("name")
        if "cache_enabled" in value and isinstance(kind, str):
            yield given if isinstance(given, str) else kind.lower()
        for one in value.values():
            yield from _names(one, depth + 1)
