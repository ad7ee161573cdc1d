"""``KerasFileEditor``: look into a weights file, change it, write it again.

Source: ``keras/src/saving/file_editor.py`` (Keras 3.15).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rich.console import Console
from rich.markup import escape

from keras2torch.reading import hdf5
from keras2torch.reading.archive import Archive
from keras2torch.replacing import replacing
from keras2torch.saving.entries import entries

Tree = dict[str, Any]


class KerasFileEditor:
    """Inspect, edit and write again what a ``.weights.h5`` or ``.keras`` file holds.

    Parameters
    ----------
    filepath
        The file.

    Attributes
    ----------
    weights_dict
        Object → object or weight: ``{"layers": {"dense": {"0": array}}}``.
    object_metadata
        Path → what is noted of the object, its ``name``.
    config, metadata
        Of a ``.keras`` file.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    """

    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        self.filepath = str(filepath)
        self.console = Console(highlight=False)
        self.weights_dict: Tree = {}
        self.object_metadata: dict[str, Any] = {}
        if not self.filepath.endswith((".keras", ".weights.h5")):
            raise ValueError(
                "Invalid filename: expected a `.keras` `.weights.h5` extension. "
                f"Received: filepath={filepath}"
            )
        with ExitStack() as stack:
            place, self.config, self.metadata = self._opened(stack)
            root = stack.enter_context(place.opened())
            for path, group in sorted(hdf5.groups_with_vars(root), key=_first):
                self._read(path, group)
        self.console.print(f"Keras model file {escape(repr(self.filepath))}")
        if self.metadata is not None:
            version, date = (
                self.metadata.get(key) for key in ("keras_version", "date_saved")
            )
            self.console.print(f"Saved with Keras {version} - date: {date}")

    def _opened(self, stack: ExitStack) -> tuple[hdf5.Place, Any, Any]:
        path = Path(self.filepath)
        if self.filepath.endswith(".weights.h5"):
            return hdf5.Place(self.filepath, path), None, None
        archive = Archive(path)
        stack.callback(archive.close)
        config, about = (
            json.loads(archive.read(name)) for name in ("config.json", "metadata.json")
        )
        inside = archive.opener("model.weights.h5")
        return hdf5.Place(self.filepath, path, inside), config, about

    def _read(self, path: str, group: h5py.Group) -> None:
        if group.attrs:
            self.object_metadata[path] = {
                key: _text(value) for key, value in group.attrs.items()
            }
        names = sorted(group, key=lambda n: (len(n), n) if n.isdigit() else (1 << 9, n))
        if not names:
            return
        here = self.weights_dict
        for part in filter(None, path.split("/")):
            here = here.setdefault(part, {})
        here.update({name: hdf5.array(group, name)() for name in names})

    # -- looking
    def summary(self) -> None:
        """Print the objects and their weights."""
        self.console.print("Weights structure")
        self._print(self.weights_dict, "  ", "")

    def _print(self, tree: Tree, prefix: str, path: str) -> None:
        for number, (key, value) in enumerate(tree.items()):
            last = number == len(tree) - 1
            mark = "> " if not path and not number else ("└─ " if last else "├─ ")
            if not isinstance(value, dict):
                told = f"shape={value.shape}, dtype={value.dtype}"
                self.console.print(f"{prefix}{mark}[bold]{key}[/]: {escape(told)}")
                continue
            here = f"{path}/{key}".lstrip("/")
            name = self.object_metadata.get(here, {}).get("name")
            told = f" ('{name}')" if name else ""
            self.console.print(f"{prefix}{mark}[bold]{key}[/]{escape(told)}")
            self._print(value, prefix + ("    " if last else "│   "), here)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print what a model has and the file has not, or in another shape.

        Parameters
        ----------
        reference_model
            Built.

        Returns
        -------
        dict
            ``status`` (``"success"`` or ``"error"``), ``error_count``,
            ``match_count``.
        """
        self.console.print("Running comparison")
        wanted: Tree = {}
        for entry in entries(reference_model):
            for key, array in entry.arrays.items():
                _put(wanted, f"{entry.path}/{key}".lstrip("/"), array)
        matched = 0
        faults = [
            *_missing(self.weights_dict, wanted, "saved file", "reference model"),
            *_missing(wanted, self.weights_dict, "reference model", "saved file"),
        ]
        for path, array in _walked(wanted):
            found = _at(self.weights_dict, path)
            if isinstance(array, dict) or found is None or isinstance(found, dict):
                continue
            if found.shape == array.shape:
                matched += 1
                continue
            faults.append(
                f"...Weight shape mismatch for /{path}\n    In reference model: shape="
                f"{array.shape}\n    In saved file: shape={found.shape}"
            )
        for fault in faults:
            self.console.print(f"[color(160)]{escape(fault)}[/]")
        self.console.print("─────────────────────")
        if faults:
            self.console.print(
                f"[color(160)][bold]Found {_counted(len(faults), 'error')}:[/] saved "
                "file is not compatible with the reference model[/]"
            )
        else:
            self.console.print(
                "[color(28)][bold]Comparison successful:[/] saved file is compatible "
                "with the reference model[/]\n"
                f"    Found {_counted(matched, 'matching weight')}"
            )
        return {
            "status": "error" if faults else "success",
            "error_count": len(faults),
            "match_count": matched,
        }

    # -- changing
    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Parameters
        ----------
        object_name
            Its path, or its name where no other has it.
        new_name
            A name, not a path.

        Raises
        ------
        ValueError
            If there is none, or several, or the new name is a path.
        """
        if "/" in new_name:
            raise ValueError(
                "Argument `target_name` should be a leaf name, not a full path name. "
                f"Received: target_name='{new_name}'"
            )
        holder, name = self._found(object_name)
        holder[new_name] = holder.pop(name)

    def delete_object(self, object_name: str) -> None:
        """Remove an object with all that is in it."""
        holder, name = self._found(object_name)
        del holder[name]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Add an object.

        Parameters
        ----------
        object_path
            Its whole path, ``"layers/dense_2"``; what it lies in is there.
        weights
            Name, usually ``"0"``, ``"1"`` …, → array.

        Raises
        ------
        ValueError
            If ``weights`` is no dict, or what the object lies in is not there.
        """
        given = _checked(weights)
        *parents, name = object_path.split("/")
        holder = _at(self.weights_dict, "/".join(parents)) if parents else None
        if parents and not isinstance(holder, dict):
            raise ValueError(f"Path '{'/'.join(parents)}' not found in model.")
        (self.weights_dict if holder is None else holder)[name] = given

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Add weights to an object, or replace them."""
        given = _checked(weights)
        holder, name = self._found(object_name)
        holder[name].update(given)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove one weight of an object.

        Raises
        ------
        ValueError
            If the object, or the weight in it, is not there.
        """
        holder, name = self._found(object_name)
        if weight_name not in holder[name]:
            raise ValueError(
                f"Weight {weight_name} not found in object {object_name}. Weights "
                f"found: {list(holder[name])}"
            )
        del holder[name][weight_name]

    def _found(self, name: str) -> tuple[Tree, str]:
        """Return what holds an object, and its name in it."""
        if "/" in name:
            above, _, leaf = name.rpartition("/")
            holder = _at(self.weights_dict, above)
            if not isinstance(holder, dict) or leaf not in holder:
                raise ValueError(f"Path '{name}' not found in model.")
            return holder, leaf
        holders = [self.weights_dict] + [
            value for _, value in _walked(self.weights_dict) if isinstance(value, dict)
        ]
        holders = [holder for holder in holders if name in holder]
        if len(holders) > 1:
            raise ValueError(
                f"Name '{name}' occurs more than once in the model; try passing a "
                "complete path"
            )
        if not holders:
            raise ValueError(
                f"Source name '{name}' does not appear in the model. Use "
                "`editor.summary()` to list all objects."
            )
        return holders[0], name

    # -- writing
    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights to ``NAME.weights.h5``.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        """
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(
                "Invalid `filepath` argument: expected a `.weights.h5` extension. "
                f"Received: filepath={filepath}"
            )
        with replacing(filepath) as beside, h5py.File(beside, "w") as file:
            self._write(file, self.weights_dict, "")

    resave_weights = save

    def _write(self, file: h5py.File, tree: Tree, path: str) -> None:
        arrays = {k: v for k, v in tree.items() if not isinstance(v, dict)}
        about = self.object_metadata.get(path, {})
        if arrays or about:
            group = file.require_group(f"{path}/vars" if path else "vars")
            group.attrs.update(about)
            for key, array in arrays.items():
                group[key] = np.asarray(array)
        for key, value in tree.items():
            if isinstance(value, dict):
                self._write(file, value, f"{path}/{key}".lstrip("/"))


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _checked(weights: Any) -> Tree:
    if not isinstance(weights, Mapping):
        raise ValueError(
            "Argument `weights` should be a dict where keys are weight names (usually "
            "'0', '1', etc.) and values are NumPy arrays. Received: type(weights)="
            f"{type(weights)}"
        )
    return dict(weights)


def _walked(tree: Tree, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        here = f"{path}/{key}".lstrip("/")
        yield here, value
        if isinstance(value, dict):
            yield from _walked(value, here)


def _at(tree: Tree, path: str) -> Any:
    here: Any = tree
    for part in path.split("/"):
        if not isinstance(here, dict) or part not in here:
            return None
        here = here[part]
    return here


def _put(tree: Tree, path: str, value: Any) -> None:
    *parents, name = path.split("/")
    for part in parents:
        tree = tree.setdefault(part, {})
    tree[name] = value


def _missing(target: Tree, there: Tree, lacks: str, has: str) -> Iterator[str]:
    """Say what one has and the other lacks, of an object that is missing only that."""
    gone: list[str] = []
    for path, value in _walked(there):
        if any(path.startswith(f"{g}/") for g in gone) or _at(target, path) is not None:
            continue
        gone.append(path)
        kind = "Object" if isinstance(value, dict) else "Weight"
        told = f"...{kind} /{path} present in {has}, missing from {lacks}"
        if isinstance(value, dict):
            told += f"\n    In {has}, /{path} contains the following keys: "
            told += str(list(value))
        yield told


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
