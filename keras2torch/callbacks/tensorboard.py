"""Event files for TensorBoard."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from keras2torch.callbacks.callback import Callback
from keras2torch.callbacks.learning_rates import log_learning_rates
from keras2torch.callbacks.logs import Logs

# A module of this name keeps tensorboard from importing TensorFlow for its file system,
# which ends a process that holds torch (LLVM's options are registered twice).
WITHOUT_TENSORFLOW = "tensorboard.compat.notf"


class TensorBoard(Callback):
    """Writes metrics, weights and profiles for TensorBoard.

    Under ``train`` come ``epoch_loss``, ``epoch_learning_rate``, …, and under
    ``validation`` ``epoch_loss``, … and ``evaluation_loss_vs_iterations``.

    Parameters
    ----------
    log_dir
        The folder.
    histogram_freq
        Every how many epochs the weights are written as histograms; 0: never.
    write_graph
        Whether the layers of a Sequential or functional model are written.
    write_images
        Whether the histograms' weights are written as images too.
    write_steps_per_second
        Whether speed is written, by epoch and by batch.
    update_freq
        ``"epoch"``, or also after every so many batches (``"batch"``: 1), as
        ``batch_loss``, ….
    profile_batch
        The batch, or the first and last of the batches, that ``torch.profiler`` looks
        at, counted from 1; 0: none.
    embeddings_freq
        Every how many epochs the tables of Embedding layers are written; 0: never.
    embeddings_metadata
        File of labels, or one for each layer's name.

    Raises
    ------
    ImportError
        If the package ``tensorboard`` is not installed.
    ValueError
        For another ``profile_batch``, or when a layer of ``embeddings_metadata`` is not
        in the model.

    Notes
    -----
    Source: Keras 3.15, ``callbacks/tensorboard.py``. With an ``update_freq`` above 1
    Keras loses the epochs that end at another batch; here all are written.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError(
                "the TensorBoard callback needs the package tensorboard: "
                "pip install tensorboard"
            )
        self.log_dir = str(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._start_batch, self._stop_batch = _range(profile_batch)
        self._profiler: Any = None
        self._global_train_batch = 0
        self._previous_iterations = 0
        self._epoch_start_time = self._batch_start_time = 0.0
        self._train_dir = os.path.join(self.log_dir, "train")
        self._val_dir = os.path.join(self.log_dir, "validation")
        # Made when first written to: no empty event files.
        self._writers: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._writers = {}
        if self.write_graph:
            self._write_layers()
        if self.embeddings_freq:
            self._configure_embeddings()

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            sys.modules.setdefault(WITHOUT_TENSORFLOW, ModuleType(WITHOUT_TENSORFLOW))
            from torch.utils.tensorboard.writer import SummaryWriter

            self._writers[folder] = SummaryWriter(folder)
        return self._writers[folder]

    def _scalars(self, folder: str, values: Mapping[str, Any], step: int) -> None:
        for name, value in values.items():
            self._writer(folder).add_scalar(name, value, step)

    # --------------------------------------------------------------------------- hooks
    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._global_train_batch = 0
        self._previous_iterations = 0

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._stop_profiler()
        for writer in self._writers.values():
            writer.close()

    def on_test_end(self, logs: Logs | None = None) -> None:
        iterations = getattr(self.model.optimizer, "iterations", None)
        if iterations is None or not logs:
            return
        named = {f"evaluation_{k}_vs_iterations": v for k, v in logs.items()}
        self._scalars(self._val_dir, named, int(iterations))
        self._writer(self._val_dir).flush()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._global_train_batch += 1
        self._batch_start_time = time.time()
        if 0 < self._start_batch == self._global_train_batch:
            self._profiler = torch.profiler.profile(
                on_trace_ready=torch.profiler.tensorboard_trace_handler(self._train_dir)
            )
            self._profiler.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        step = self._global_train_batch
        if isinstance(self.update_freq, int) and step % self.update_freq == 0:
            values = {f"batch_{k}": v for k, v in (logs or {}).items()}
            if self.write_steps_per_second:
                seconds = time.time() - self._batch_start_time
                values["batch_steps_per_second"] = 1.0 / seconds
            self._scalars(self._train_dir, values, step)
        if step >= self._stop_batch:
            self._stop_profiler()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.write_steps_per_second:
            self._previous_iterations = int(self.model.optimizer.iterations)
            self._epoch_start_time = time.time()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._log_epoch_metrics(epoch, logs or {})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._log_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._log_embeddings()

    # ----------------------------------------------------------------- what is written
    def _log_epoch_metrics(self, epoch: int, logs: Logs) -> None:
        if not logs:
            return
        train = {k: v for k, v in logs.items() if not k.startswith("val_")}
        optimizer = self.model.optimizer
        log_learning_rates(getattr(optimizer, "inner_optimizer", optimizer), train)
        if self.write_steps_per_second:
            steps = int(optimizer.iterations) - self._previous_iterations
            train["steps_per_second"] = steps / (time.time() - self._epoch_start_time)
        validation = {
            k.removeprefix("val_"): v for k, v in logs.items() if k.startswith("val_")
        }
        for folder, values in ((self._train_dir, train), (self._val_dir, validation)):
            named = {f"epoch_{name}": value for name, value in values.items()}
            self._scalars(folder, named, epoch)

    def _log_weights(self, epoch: int) -> None:
        writer = self._writer(self._train_dir)
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path.replace(":", "_")
                array = weight.numpy()
                writer.add_histogram(f"{name}/histogram", array, epoch)
                images = _images(array) if self.write_images else None
                if images is not None:
                    tag = f"{name}/image"
                    writer.add_images(tag, images, epoch, dataformats="NHWC")
        writer.flush()

    def _write_layers(self) -> None:
        """Write the layers for TensorBoard's conceptual graph, as Keras does."""
        if type(self.model).__name__ not in ("Functional", "Sequential"):
            return
        writer = self._writer(self._train_dir)
        # An optional package, without types where it is.
        from tensorboard.compat.proto import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            summary_pb2,
        )
        from tensorboard.util.tensor_util import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            make_tensor_proto,
        )

        try:
            text = self.model.to_json()
        except (AttributeError, NotImplementedError, TypeError, ValueError):
            return  # a picture of the model is no reason not to train it
        metadata = summary_pb2.SummaryMetadata()
        metadata.plugin_data.plugin_name = "graph_keras_model"
        metadata.plugin_data.content = b"1"
        value = summary_pb2.Summary.Value(
            tag="keras", metadata=metadata, tensor=make_tensor_proto(text)
        )
        summary = summary_pb2.Summary(value=[value])
        writer._get_file_writer().add_summary(summary, 0)
        writer.flush()

    def _stop_profiler(self) -> None:
        if self._profiler is not None:
            self._profiler.stop()
            self._profiler = None

    # ---------------------------------------------------------------------- embeddings
    def _embeddings(self) -> list[Any]:
        return [
            layer
            for layer in self.model.layers
            if any(kind.__name__ == "Embedding" for kind in type(layer).__mro__)
        ]

    def _configure_embeddings(self) -> None:
        """Write what the projector shall show."""
        files = self.embeddings_metadata
        layers = self._embeddings()
        if isinstance(files, dict):
            unknown = set(files) - {layer.name for layer in layers}
            if unknown:
                raise ValueError(
                    "Unrecognized `Embedding` layer names passed to "
                    "`keras.callbacks.TensorBoard` `embeddings_metadata` "
                    f"argument: {', '.join(sorted(unknown))}"
                )
        entries = []
        for layer in layers:
            fields = {
                "tensor_name": f"{layer.name}/embeddings",
                "tensor_path": f"{layer.name}_embeddings.tsv",
            }
            labels = files.get(layer.name) if isinstance(files, dict) else files
            if labels is not None:
                fields["metadata_path"] = labels
            lines = "".join(f"  {k}: {_quoted(v)}\n" for k, v in fields.items())
            entries.append(f"embeddings {{\n{lines}}}\n")
        folder = Path(self.log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "projector_config.pbtxt").write_text("".join(entries))

    def _log_embeddings(self) -> None:
        for layer in self._embeddings():
            path = Path(self.log_dir) / f"{layer.name}_embeddings.tsv"
            np.savetxt(path, layer.weights[0].numpy(), delimiter="\t")


def _quoted(text: str) -> str:
    """Return a string of protobuf's text format."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _range(profile_batch: Any) -> tuple[int, int]:
    """Return the first and last batch that ``profile_batch`` means."""
    message = (
        "profile_batch must be a non-negative integer or 2-tuple of positive integers. "
        "A pair of positive integers signifies a range of batches to profile. "
        f"Found: {profile_batch}"
    )
    given = profile_batch
    if isinstance(given, str):
        given = [int(part) for part in given.split(",")]
        given = given[0] if len(given) == 1 else given
    if isinstance(given, int):
        given = (given, given)
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(message)
    start, stop = given
    if start < 0 or stop < start:
        raise ValueError(message)
    return start, stop


def _images(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Return a weight as images (count, height, width, 1), None where it is none."""
    image = array.squeeze()
    if image.ndim == 1:
        return image.reshape(1, -1, 1, 1)
    if image.ndim == 2:
        image = image.T if image.shape[0] > image.shape[1] else image
        return image[None, :, :, None]
    if image.ndim == 3:  # a kernel: one image for each of its last axis
        return image.transpose(2, 0, 1)[..., None]
    return image if image.ndim == 4 and image.shape[-1] in (1, 3, 4) else None
