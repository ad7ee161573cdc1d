"""Python names from Keras names: what a file says never becomes code unchecked."""

from __future__ import annotations

import builtins
import keyword
import re

# What nn.Module or the generated file already uses; a layer may not shadow it.
_TAKEN = frozenset(
    """
    T_destination add_module apply bfloat16 bool buffers call_super_init children
    compile cpu cuda double dump_patches eval extra_repr float forward get_buffer
    get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters parameters
    register_buffer register_forward_hook register_module register_parameter
    requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty
    train training type xpu zero_grad regularization self super torch nn load
    """.split()
)
_BUILTINS = frozenset(
    "abs all any bool bytes chr dict dir eval exec filter float format hash id input "
    "int iter len list map max min next object open ord pow print range repr round "
    "set slice sorted str sum super tuple type vars zip".split()
)

# A class name as Python's users write it.
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]{0,59}")


def identifier(name: str, default: str = "layer") -> str:
    """Return a safe attribute name, ``[a-z_][a-z0-9_]*``, for any Keras name.

    Examples
    --------
    >>> identifier("Conv1_bn/Relu")
    'conv1_bn_relu'
    >>> identifier('x"; import os #')
    'x_import_os'
    >>> identifier("../../evil")
    'evil'
    >>> identifier("3d")
    'layer_3d'
    """
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60].rstrip("_")
    if not text or text[0].isdigit():
        text = f"{default}_{text}".rstrip("_")
    if keyword.iskeyword(text) or keyword.issoftkeyword(text) or text in _TAKEN:
        text += "_layer"
    return text


def variable(name: str) -> str:
    """Return a safe local variable name: also no builtin is shadowed."""
    text = identifier(name, "value")
    return f"{text}_" if text in _BUILTINS or text == "f" else text


def class_name(name: str) -> str:
    """Return a class name for a model: ``mini_XCEPTION`` → ``MiniXception``.

    What is a class name already stays as it is.

    Examples
    --------
    >>> class_name("sequential_3"), class_name("resnet50"), class_name("U-Net")
    ('Model', 'Resnet50', 'UNet')
    >>> class_name("UNet"), class_name("RMSNorm"), class_name("SE")
    ('UNet', 'RMSNorm', 'SE')
    """
    if re.fullmatch(r"(sequential|functional|model)(_\d+)?", name.lower()):
        return "Model"
    if _CLASS.fullmatch(name) and not (keyword.iskeyword(name) or _is_builtin(name)):
        return name
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    text = "".join(w[:1].upper() + w[1:].lower() for w in words)[:60]
    if not text or not re.match(r"[A-Z]", text):
        text = f"Model{text}"
    return f"{text}Model" if keyword.iskeyword(text) or _is_builtin(text) else text


def _is_builtin(name: str) -> bool:
    return hasattr(builtins, name)


class Names:
    """Hands out each name once, with a number behind where it is taken."""

    def __init__(self, taken: frozenset[str] | set[str] = frozenset()) -> None:
        self._taken = set(taken)

    def has(self, name: str) -> bool:
        """Whether a name is taken."""
        return name in self._taken

    def unique(self, name: str) -> str:
        """Return ``name`` or ``name_1``, ``name_2`` …, and keep it."""
        return self._first_free(name, f"{name}_", 1)

    def unique_numbered(self, name: str) -> str:
        """Return ``units``, ``units_2``, ``units_3`` …."""
        return self._first_free(name, f"{name}_", 2)

    def unique_from_one(self, name: str) -> str:
        """Return ``conv1``, ``conv2`` …; ``block0_1`` for what ends with a number."""
        stem = f"{name}_" if name[-1].isdigit() else name
        return self._first_free(f"{stem}1", stem, 2)

    def unique_class(self, name: str) -> str:
        """Return ``Block``, ``Block2``, ``Block3`` … and ``Resnet50_2``."""
        return self._first_free(name, f"{name}_" if name[-1].isdigit() else name, 2)

    def _first_free(self, name: str, stem: str, n: int) -> str:
        found = name
        while found in self._taken:
            found, n = f"{stem}{n}", n + 1
        self._taken.add(found)
        return found
