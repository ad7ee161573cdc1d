"""What layers compute in, and what their weights are kept in.

Source: ``keras/src/dtype_policies/dtype_policy.py`` (Keras 3.15).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

_FLOATS = ("bfloat16", "float16", "float32", "float64")
_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
_OTHERS = tuple("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 string".split())


class DTypePolicy:
    """A dtype for computing and one for weights.

    Parameters
    ----------
    name
        A dtype, for both; or ``"mixed_float16"`` or ``"mixed_bfloat16"``: the half
        precision computes, the weights are float32. The policy in force if not given.

    Raises
    ------
    ValueError
        For another name.
    """

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            from keras2torch.models.naming import global_policy

            name = global_policy()
        if not isinstance(name, str):
            raise TypeError(
                f"'name' must be a string, such as 'mixed_float16'. Received: {name!r} "
                f"(of type {type(name)})"
            )
        known = (*_FLOATS, *_MIXED, *_OTHERS)
        if name not in known:
            raise ValueError(
                f"Cannot convert {name!r} to a dtype policy. Valid policies are "
                f"{', '.join(known)}."
            )
        self._name = name

    @property
    def name(self) -> str:
        """``"mixed_float16"``."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """What a layer computes in, and what comes out of it."""
        return _MIXED.get(self._name, self._name)

    @property
    def variable_dtype(self) -> str:
        """What weights are kept in."""
        return "float32" if self._name in _MIXED else self._name

    @property
    def quantization_mode(self) -> None:
        """None: nothing is quantized here."""
        return None

    @property
    def is_mixed(self) -> bool:
        """Whether it computes in another dtype than weights have."""
        return self._name in _MIXED

    def get_config(self) -> dict[str, Any]:
        """Return the name."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DTypePolicy:
        """Make a policy from what :meth:`get_config` returned."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash((DTypePolicy, self._name))

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


FloatDTypePolicy = DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the paths of layers, and one for all other layers.

    Parameters
    ----------
    default_policy
        For other layers; the policy in force if not given.
    policy_map
        Path, or a regular expression that matches whole paths → policy.

    Raises
    ------
    ValueError, TypeError
        If the default is a map, or the map is no dict.
    """

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, Any] | None = None
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                "If specified, `policy_map` must be a dict. Received: "
                f"policy_map={policy_map} of type {type(policy_map)}"
            )
        self._given = default_policy
        self._map: dict[str, Any] = policy_map or {}
        super().__init__(get(default_policy).name)

    @property
    def name(self) -> str:
        """``"map_float32"``."""
        return f"map_{self._name}"

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers without one."""
        return get(self._name)

    def __getitem__(self, key: str) -> Any:
        if key in self._map:
            return self._map[key]
        found = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple dtype policy specification keys: "
                f"{found}. Please make sure each path only matches at most one dtype "
                "policy specification key in the DTypePolicyMap."
            )
        return self._map[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._map:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap with value "
                f"{self._map[key]}. Please make sure to not use duplicated keys."
            )
        self._map[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __bool__(self) -> bool:
        return True

    def get_config(self) -> dict[str, Any]:
        """Return the default as it was given, and the policies as dicts."""
        given = self._given
        return {
            "default_policy": serialize(given)
            if isinstance(given, DTypePolicy)
            else given,
            "policy_map": {k: serialize(v) for k, v in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DTypePolicyMap:
        """Make a map from what :meth:`get_config` returned."""
        policies = {k: get(v) for k, v in (config.get("policy_map") or {}).items()}
        default = config.get("default_policy")
        return cls(None if default is None else get(default), policies)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DTypePolicyMap)
            and other._name == self._name
            and other._map == self._map
        )

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        pairs = [(k, v.name) for k, v in self._map.items()]
        return f"<DTypePolicyMap default_policy={self._name}, mapping={pairs}>"


def get(identifier: Any) -> DTypePolicy:
    """Return a policy of a name, a dtype, a config or a policy.

    Raises
    ------
    ValueError
        If it names none.
    """
    from keras2torch.models.naming import policy_name

    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict) and "policy_map" in identifier.get("config", {}):
        return DTypePolicyMap.from_config(identifier["config"])
    return DTypePolicy(policy_name(identifier))


def of_layer(identifier: Any, path: str) -> DTypePolicy:
    """Return the policy of a layer: of a map, what it has for the layer's name."""
    policy = get(identifier)
    if isinstance(policy, DTypePolicyMap):
        found: DTypePolicy = policy[path]
        return found
    return policy


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as a dictionary that JSON can hold."""
    return {
        "module": "keras",
        "class_name": type(dtype_policy).__name__,
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Any = None) -> DTypePolicy:
    """Make a policy from what :func:`serialize` returned."""
    return get(config)
