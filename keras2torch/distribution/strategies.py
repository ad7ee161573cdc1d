"""How a training is spread over devices: ``DataParallel``, ``ModelParallel``.

Source: ``keras/src/distribution/distribution_lib.py`` (3.15). In Keras one process
drives many devices; in torch each device has a process, and ``torchrun`` starts them.
So the strategies say what ``fit`` does in each.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from keras2torch.distribution.layouts import (
    DeviceMesh,
    LayoutMap,
    TensorLayout,
    get_device_count,
    list_devices,
)
from keras2torch.distribution.processes import is_several, joined

_current: Distribution | None = None


class Distribution:
    """Base of the strategies.

    Parameters
    ----------
    device_mesh
        The devices.
    batch_dim_name
        Along which axis of the mesh batches are shared out.
    auto_shard_dataset
        Whether all processes are given the same data, of which each takes its part of
        every batch; if not, each has data of its own.
    """

    # What fit does with the weights.
    shards_weights = False

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset

    @property
    def num_processes(self) -> int:
        """How many processes there are."""
        group = joined()
        return 1 if group is None else group.world

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch goes."""
        return int(self._device_mesh.devices.size)

    @property
    def data_shard_id(self) -> int:
        """Which part of a batch is this process'."""
        group = joined()
        return 0 if group is None else group.rank

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """Along which axis of the mesh batches are shared out."""
        return self._batch_dim_name

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Have this strategy within, and the one before afterwards."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def get_data_layout(self, data_shape: Sequence[Any]) -> TensorLayout:
        """Return the layout of data: the first axis is shared out."""
        others = [None] * (len(data_shape) - 1)
        return TensorLayout([self._batch_dim_name, *others], self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return the layout of a weight: each device has it whole."""
        return TensorLayout([None] * len(variable.shape), self._device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of a tensor between layers: none is asked for."""
        del path
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """Return the data set: ``fit`` takes this process' part of each batch."""
        return dataset

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every device has all weights and computes a part of each batch.

    What ``fit`` does under ``torchrun`` without being told; setting it says so, and
    says by a warning where a script that expects several devices runs in one process.

    Parameters
    ----------
    device_mesh, devices
        At most one of them; all devices if not given.
    auto_shard_dataset
        False where each process is given data of its own: all rows that it reads are
        its part of the batch.

    Raises
    ------
    ValueError
        If the mesh is none.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Any = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is not None:
            if not isinstance(device_mesh, DeviceMesh):
                raise ValueError(
                    "Expect `mesh` to be an instance of `DeviceMesh`. "
                    f"Received: mesh={device_mesh} (of type {type(device_mesh)})"
                )
            if device_mesh.devices.ndim != 1:
                warnings.warn(
                    "Expect the input mesh to be 1D, but received "
                    f"mesh.devices.ndim={device_mesh.devices.ndim}. "
                    "The first axis will be used for data-parallel sharding.",
                    stacklevel=2,
                )
        else:
            devices = list(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh((len(devices),), ["batch"], devices)
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)


class ModelParallel(Distribution):
    """Every device keeps a part of the weights: FSDP2 (``fully_shard``) in torch.

    The numbers are those of ``DataParallel``; weights, gradients and the optimizer's
    state take a share of the memory each. FSDP2 cuts each tensor along its first axis,
    over all processes: which axes a ``layout_map`` names is not followed.

    Parameters
    ----------
    layout_map
        Keras' layouts of the weights; all weights are cut if it is not given.
    batch_dim_name
        The axis of the mesh along which data are shared out.
    auto_shard_dataset
        As of :class:`DataParallel`.

    Raises
    ------
    ValueError
        If ``layout_map`` is none.
    """

    shards_weights = True

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        given = kwargs.pop("device_mesh", None)
        if layout_map is None:
            layout_map = LayoutMap(
                given or DeviceMesh((get_device_count(),), ["batch"])
            )
        elif not isinstance(layout_map, LayoutMap):
            raise ValueError(
                "Argument `layout_map` must be a `LayoutMap` instance. "
                f"Received: layout_map={layout_map}"
            )
        elif len(layout_map):
            warnings.warn(
                "ModelParallel is FSDP2 here: every weight is cut along its first axis "
                "over all processes, whatever axes the layout_map names. The numbers "
                "are the same.",
                stacklevel=2,
            )
        mesh = layout_map.device_mesh
        name = batch_dim_name or mesh.axis_names[0]
        super().__init__(mesh, name, auto_shard_dataset)
        self._layout_map = layout_map

    @property
    def num_model_replicas(self) -> int:
        """How many devices the mesh has along the axis of batches."""
        names = list(self.device_mesh.axis_names)
        return int(self.device_mesh.shape[names.index(str(self.batch_dim_name))])

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return what the ``layout_map`` says of a weight."""
        found = self._layout_map[variable.path]
        return super().get_variable_layout(variable) if found is None else found

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return what the ``layout_map`` says of a path."""
        found: TensorLayout | None = self._layout_map[path]
        return found


def distribution() -> Distribution | None:
    """Return the strategy in force, ``None`` if none was set."""
    return _current


def set_distribution(value: Distribution | None) -> None:
    """Set the strategy; ``None`` takes it back.

    In a process that is alone, on a machine with several GPUs, a warning tells how to
    start one for each.
    """
    global _current
    _current = value
    if value is not None and not is_several() and torch.cuda.device_count() > 1:
        number = torch.cuda.device_count()
        warnings.warn(
            f"there are {number} GPUs, and this process works on one: `torchrun "
            f"--nproc_per_node={number} script.py` starts a process for each.",
            stacklevel=2,
        )


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Join the other processes; under ``torchrun`` that needs no arguments.

    Parameters
    ----------
    job_addresses
        ``"10.0.0.1:1234"`` of the first process; others after a comma are not asked.
        ``KERAS_DISTRIBUTION_JOB_ADDRESSES`` if not given.
    num_processes, process_id
        How many there are, and which this is; ``KERAS_DISTRIBUTION_NUM_PROCESSES`` and
        ``KERAS_DISTRIBUTION_PROCESS_ID`` if not given.
    """
    known = os.environ
    addresses = job_addresses or known.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    number = num_processes or known.get("KERAS_DISTRIBUTION_NUM_PROCESSES")
    place = process_id
    if place is None:
        place = known.get("KERAS_DISTRIBUTION_PROCESS_ID")  # type: ignore[assignment]
    if addresses:
        host, _, port = addresses.split(",")[0].rpartition(":")
        known["MASTER_ADDR"], known["MASTER_PORT"] = host, port
    if number:
        known["WORLD_SIZE"] = str(number)
    if place is not None:
        known["RANK"] = str(place)
    joined()
