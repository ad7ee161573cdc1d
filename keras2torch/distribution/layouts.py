"""Devices, and which part of a tensor is on which: what Keras scripts say of them.

Source: ``keras/src/distribution/distribution_lib.py`` (3.15).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.distribution.processes import joined


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the devices of all processes: ``["gpu:0", "gpu:1"]``.

    Parameters
    ----------
    device_type
        ``"cpu"`` or ``"gpu"``; GPUs if not given and there are any.
    """
    gpus = torch.cuda.device_count()
    kind = device_type.lower() if device_type else "gpu" if gpus else "cpu"
    group = joined()
    found = {"gpu": gpus, "cuda": gpus, "cpu": 1}.get(kind, 0)
    if group is not None and found:
        found = group.world  # a process works on one device
    name = "gpu" if kind == "cuda" else kind
    return [f"{name}:{number}" for number in range(found)]


def get_device_count(device_type: str | None = None) -> int:
    """Return how many devices :func:`list_devices` finds."""
    return len(list_devices(device_type))


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Parameters
    ----------
    shape, axis_names
        Sizes and names of the axes.
    devices
        Those of :func:`list_devices` if not given.

    Raises
    ------
    ValueError
        If shape, names and devices do not go together.
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None
    ) -> None:
        if not shape or not axis_names:
            raise ValueError(
                "Shape and axis_names cannot be empty. Received: "
                f"shape={shape}, axis_names={axis_names}"
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                "Shape and axis_names should have same size. "
                f"Received: shape={shape}, axis_names={axis_names}"
            )
        devices = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != devices.size:
            raise ValueError(
                "Shape does not match the number of devices. "
                f"Received: shape={shape}; devices.shape={devices.shape}"
            )
        self._shape, self._axis_names = shape, axis_names
        self._devices = devices.reshape(tuple(shape))

    @property
    def shape(self) -> Sequence[int]:
        """Sizes of the axes."""
        return self._shape

    @property
    def axis_names(self) -> Sequence[str]:
        """Names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> Any:
        """Array of the devices' names."""
        return self._devices

    @property
    def backend_mesh(self) -> Any:
        """The mesh of ``torch.distributed``.

        Raises
        ------
        ValueError
            In a process that is alone.
        """
        from torch.distributed.device_mesh import init_device_mesh

        if joined() is None:
            raise ValueError(
                "a device mesh of torch needs a process for each device: start the "
                "script with `torchrun --nproc_per_node=2 script.py`."
            )
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        names = tuple(self._axis_names)
        return init_device_mesh(kind, tuple(self._shape), mesh_dim_names=names)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of a tensor are cut; ``None`` for whole.

    Parameters
    ----------
    axes
        A name for each axis of the tensor, or ``None``.
    device_mesh
        May be given later, once.

    Raises
    ------
    ValueError
        If the mesh has no such axis.
    """

    def __init__(
        self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None
    ) -> None:
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._validate_axes()

    @property
    def axes(self) -> tuple[str | None, ...]:
        """A name for each axis, or ``None``."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The devices."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(
                "Cannot override device mesh value. Existing "
                f"value is {self._device_mesh}"
            )
        self._device_mesh = device_mesh
        self._validate_axes()

    @property
    def backend_layout(self) -> tuple[Any, list[Any]]:
        """The mesh of torch, and its placements."""
        from torch.distributed.tensor import Replicate, Shard

        if self._device_mesh is None:
            raise ValueError(
                "Cannot create sharding when device mesh is not set for TensorLayout."
            )
        cut = {name: place for place, name in enumerate(self._axes) if name}
        placements = [
            Shard(cut[name]) if name in cut else Replicate()
            for name in self._device_mesh.axis_names
        ]
        return self._device_mesh.backend_mesh, placements

    def _validate_axes(self) -> None:
        if self._device_mesh is None:
            return
        valid = set(self._device_mesh.axis_names)
        if set(self._axes) - {None} - valid:
            raise ValueError(
                "Invalid axis names for Layout. Valid axis "
                f"names: {valid}, Got {set(self._axes) - {None}}"
            )

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping[str, Any]):
    """Layouts of weights, by patterns that match their paths.

    Parameters
    ----------
    device_mesh
        Of layouts that are given as tuples.
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self._layout_map: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    def __getitem__(self, key: str) -> Any:
        """Return the layout of a path, ``None`` if no pattern matches.

        Raises
        ------
        ValueError
            If several do.
        """
        if key in self._layout_map:
            return self._layout_map[key]
        found = [k for k in self._layout_map if re.fullmatch(k, key)]
        if len(found) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple layout specification keys: {found}. "
                "Please make sure each tensor/variable path only matches at most "
                "one layout specification key in the LayoutMap."
            )
        return self._layout_map[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layout_map:
            raise ValueError(
                f"{key} already exist in the LayoutMap with "
                f"value {self._layout_map[key]}. Please make sure to "
                "not use duplicated keys."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(axes=layout, device_mesh=None)
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"{layout} should be a TensorLayout type, got {type(layout)}"
            )
        if layout.device_mesh is None:
            layout.device_mesh = self._device_mesh
        self._layout_map[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layout_map[key]

    def __len__(self) -> int:
        return len(self._layout_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout_map)

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """Return a tensor cut among the processes: a ``DTensor``; symbolic ones as is."""
    from torch.distributed.tensor import distribute_tensor as distributed

    if not isinstance(tensor, (torch.Tensor, np.ndarray)):
        return tensor
    if isinstance(layout, TensorLayout):
        layout = layout.backend_layout
    mesh, placements = layout
    return distributed(torch.as_tensor(tensor), mesh, placements)
