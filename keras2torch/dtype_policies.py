"""What layers compute in, and what their weights are kept in.

Source: ``keras/src/dtype_policies/dtype_policy.py`` (Keras 3.15).
"""

from __future__ import annotations

from collections.abc import Mapping
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
    return DTypePolicy(policy_name(identifier))


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as a dictionary that JSON can hold."""
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Any = None) -> DTypePolicy:
    """Make a policy from what :func:`serialize` returned."""
    return get(config)
