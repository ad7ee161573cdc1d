"""``compile``, ``fit``, ``evaluate`` and ``predict``.

Sources: ``keras/src/trainers/trainer.py`` and those of its backends (3.15).
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from keras2torch import callbacks as callbacks_module
from keras2torch import configuration, tree
from keras2torch.callbacks.logs import LazyLogs, pythonify_logs
from keras2torch.data.arrays import split, whole
from keras2torch.data.batches import make_batches
from keras2torch.data.epochs import Batches
from keras2torch.data.packing import unpack_x_y_sample_weight
from keras2torch.data.tensors import add_note, to_tensor
from keras2torch.distribution.engine import several
from keras2torch.metrics import Mean
from keras2torch.training.compiled import CompileLoss, CompileMetrics
from keras2torch.training.executions import Executions, joined, packed
from keras2torch.training.memory import keep_buffers
from keras2torch.training.steps import Steps, _first_tensor, _moved_along
from keras2torch.training.variables import holding_values


class Trainer(Executions):
    """What makes a model trainable; a part of ``Model``.

    ``train_step``, ``test_step``, ``predict_step``, ``compute_loss`` and
    ``compute_metrics`` may be overridden, as in Keras.
    """

    # -- compile
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        *,
        device: str | torch.device | None = None,
        distribute: str | None = None,
    ) -> None:
        """Say how to train.

        Under ``torchrun --nproc_per_node=2 script.py`` ``fit`` is one of several
        processes: each computes a part of every batch, and the losses are those of one
        process.

        Parameters
        ----------
        optimizer
            A name, one of Keras', or a ``torch.optim`` optimizer or class, which is
            taken as it is.
        loss, metrics, weighted_metrics
            Names, objects or functions; lists or dicts of them for several outputs. A
            loss of ``torch.nn`` is called in torch's order of arguments.
        loss_weights
            A number per output.
        run_eagerly
            Switches ``jit_compile`` off.
        steps_per_execution
            How many batches go between two calls of the callbacks.
        jit_compile
            True: ``torch.compile``; ``"auto"`` means no.
        auto_scale_loss
            Whether ``mixed_float16`` has its loss scaled.
        device
            Where to train; where the weights are, if not given.
        distribute
            What several processes do with the weights. ``"ddp"``: each has them all,
            as if it was not given. ``"fsdp"``: each keeps a part of them, of their
            gradients and of the optimizer's state (``fully_shard``).
        """
        if distribute not in (None, "ddp", "fsdp"):
            raise ValueError(f'distribute is "ddp" or "fsdp", not {distribute!r}.')
        self.distribute = distribute
        from keras2torch import optimizers

        self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self._policy_name() == "mixed_float16":
            own = isinstance(self.optimizer, optimizers.Optimizer)
            if own and not isinstance(self.optimizer, optimizers.LossScaleOptimizer):
                self.optimizer = optimizers.LossScaleOptimizer(
                    self.optimizer, name="loss_scale_optimizer"
                )
        names = getattr(self, "output_names", None)
        self.loss = loss if loss is not None else self.loss
        # What is not given stays as it was, as in Keras.
        if loss is not None:
            self._compile_loss = CompileLoss(loss, loss_weights, names)
        if metrics is not None or weighted_metrics is not None:
            self._compile_metrics = CompileMetrics(metrics, weighted_metrics, names)
        if jit_compile is True and run_eagerly:
            warnings.warn(
                "If `run_eagerly` is True, then `jit_compile` cannot also be True. "
                "Disabling `jit_compile`.",
                stacklevel=2,
            )
        self.jit_compile = jit_compile is True and not run_eagerly
        self.run_eagerly = bool(run_eagerly)
        self.steps_per_execution = whole(steps_per_execution, "steps_per_execution")
        self.train_function = self.test_function = self.predict_function = None
        self._loss_tracker = Mean(name="loss")
        self.stop_training = False
        self.compiled = True
        self._parameters_moved = None
        self._scaler = None
        self._scaled = bool(auto_scale_loss)
        self._compile_config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        if device is not None:
            self._to(device)

    def _to(self, device: str | torch.device) -> None:
        from keras2torch.models.context import set_device

        assert isinstance(self, nn.Module)
        if next(self.parameters(), None) is None:
            set_device(device)  # it has no weights yet: they are made there
        self.to(device)

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(
                f"Model {getattr(self, 'name', '')!r} must be compiled before "
                f"{method}(): call compile(optimizer, loss) first."
            )

    # -- data
    def _batches(self, x: Any, y: Any, sample_weight: Any, **options: Any) -> Batches:
        shared = None
        self._engine = several()
        if self._engine is not None:
            shared = self._engine.sharing()
        x, y = self._built_for(x, y)
        if self._engine is not None:
            self._engine.place(self)
        return make_batches(
            x,
            y,
            sample_weight,
            device=self._device(),
            generator=self._shuffle_generator,
            shared=shared,
            **options,
        )

    def _built_for(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Build a model that waits for its first batch; return the data whole."""
        if x is None:
            raise ValueError(
                f"Model {getattr(self, 'name', '')!r} was given no data: x is None."
            )
        if getattr(self, "_call_graph", None) is not None:
            self.ensure_net()  # type: ignore[attr-defined]
            return x, y
        # A step of a user's own may call something else, as a GAN's does.
        own = type(self).train_step is not Steps.train_step
        if own or self._has_weights():
            return x, y
        if isinstance(x, Iterator):
            first = next(x, None)
            if first is None:
                raise ValueError("the generator given as x yields no batch.")
            x = itertools.chain([first], x)
            sample = first
        elif _is_in_memory(x):
            sample = (tree.map_structure(lambda a: a[:2], _listed(x)),)
        else:
            sample = next(iter(x), None)
            if sample is None:
                raise ValueError(f"the {type(x).__name__} given as x yields no batch.")
        batch, _, _ = unpack_x_y_sample_weight(sample)
        batch = tree.map_structure(self._sample, batch)
        with torch.no_grad(), holding_values():
            self(batch, training=False)  # type: ignore[operator]
        self._clear_losses()  # type: ignore[attr-defined]
        return x, y

    def _sample(self, value: Any) -> Any:
        return None if value is None else to_tensor(value, "x").to(self._device())

    def _has_weights(self) -> bool:
        assert isinstance(self, nn.Module)
        return bool(self.built) and next(self.parameters(), None) is not None

    # -- fit
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train, epoch by epoch.

        Parameters
        ----------
        x, y, sample_weight
            Arrays, tensors, or lists or dicts of them, with Keras' axes; or ``x``
            alone: a DataLoader, Dataset, PyDataset, generator, or iterable of batches.
        batch_size
            32 if not given; of several processes, that of all together.
        epochs, initial_epoch
            The last epoch and the first, counted from 0.
        verbose
            0: silent. 1: a progress line. 2: a line an epoch. ``"auto"``: 1 at a
            terminal, else one line an epoch.
        callbacks
            See :mod:`keras2torch.callbacks`.
        validation_split
            The last fraction of the arrays, taken before they are shuffled.
        validation_data, validation_steps, validation_batch_size, validation_freq
            As in Keras.
        shuffle
            Whether each epoch has another order; arrays alone.
        class_weight
            Class → weight of its samples.
        steps_per_epoch
            Batches an epoch, if not all there are.

        Returns
        -------
        History
            ``.history``: name → a value per epoch.

        Raises
        ------
        ValueError
            If it was not compiled, or data and model do not fit; the message names
            layer and shapes. The model can be fitted again then. What a generator or
            a ``PyDataset`` raises comes through, with epoch and batch in a note.

        Notes
        -----
        NaN in inputs, targets or weights makes a loss that is NaN, and training goes
        on, as in Keras; ``callbacks.TerminateOnNaN`` stops it.
        """
        self._assert_compiled("fit")
        epochs = _limited(whole(epochs, "epochs"))
        keep_buffers()
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split(
                (x, y, sample_weight), validation_split
            )
        batches = self._batches(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
        )
        self._prepare()
        batches.reset()
        callbacks, verbose = self._of_this_process(callbacks, verbose)
        if not isinstance(callbacks, callbacks_module.CallbackList):
            callbacks = callbacks_module.CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=epochs,
                steps=batches.num_batches,
                model=self,
            )
        self.stop_training = False
        self.make_train_function()
        logs: Any = {}
        validation: Batches | None = None
        with self._recovering(), self._training():
            callbacks.on_train_begin()
            if self._engine is not None:
                self._engine.shard(self)
            for epoch in range(self._initial_epoch or initial_epoch, epochs):
                self.reset_metrics()
                callbacks.on_epoch_begin(epoch)
                self.train()  # type: ignore[attr-defined]
                last = self._train_epoch(batches, callbacks)
                logs = self._epoch_logs(last)
                if self._engine is not None:
                    self._engine.settle(self)
                self.eval()  # type: ignore[attr-defined]
                if validation_data is not None and _is_due(epoch, validation_freq):
                    with _noted(f"Raised by validation_data, after epoch {epoch + 1}."):
                        if validation is None:
                            vx, vy, vw = unpack_x_y_sample_weight(validation_data)
                            validation = self._batches(
                                vx,
                                vy,
                                vw,
                                batch_size=validation_batch_size or batch_size,
                                steps_per_epoch=validation_steps,
                            )
                        found = self._evaluate(validation, callbacks)
                    logs |= {f"val_{k}": v for k, v in found.items()}
                callbacks.on_epoch_end(epoch, logs)
                self._agree_to_stop()
                if self.stop_training or batches.exhausted:
                    break
            if hasattr(self.optimizer, "finalize_variable_values") and epochs > 0:
                self.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
            callbacks.on_train_end(logs)
        return self.history

    @contextmanager
    def _recovering(self) -> Iterator[None]:
        """Leave a model that failed as it was: in inference mode, matched with no data.

        Which losses and metrics go with data that do not fit must not stay.
        """
        try:
            yield
        except Exception:
            if self._compile_loss is not None:
                self._compile_loss.forget()
            if self._compile_metrics is not None:
                self._compile_metrics.forget()
            raise
        finally:
            self.eval()  # type: ignore[attr-defined]

    def _prepare(self) -> None:
        """Look once at what every step would have to look at."""
        assert isinstance(self, nn.Module)
        self._adds_losses = self._may_add_losses()
        _moved_along(self.optimizer)

    def _may_add_losses(self) -> bool:
        regularized = any(
            getattr(v, "regularizer", None) is not None
            for v in self.trainable_variables  # type: ignore[attr-defined]
        )
        own: bool = self.runs_own_code()  # type: ignore[attr-defined]
        return regularized or own

    def _train_epoch(self, batches: Batches, callbacks: Any) -> Any:
        """Train on every batch; return the logs of the last, if a step makes any."""
        wanted = self._agreed(callbacks.wants_train_batches)
        logs: Any = None
        for first, last, data in self._executions(batches):
            if wanted:
                callbacks.on_train_batch_begin(first)
            logs = self._of_all(self.train_function(data), data, wanted)
            if wanted:
                callbacks.on_train_batch_end(last, logs)
                self._agree_to_stop()
            if self.stop_training:
                break
        return logs

    def _epoch_logs(self, last: Any) -> dict[str, Any]:
        """Return the metrics, or what the last step returned if it names others."""
        if self._engine is not None:
            last = self._engine.logs(self, last, self._last_part)
            return pythonify_logs(last)
        metrics = self.get_metrics_result()
        plain = isinstance(last, LazyLogs) and last.is_of(self.get_metrics_result)
        if last is None or plain or set(last) == set(metrics):
            return pythonify_logs(metrics)
        return pythonify_logs(last)

    # -- several processes
    def _of_this_process(self, callbacks: Any, verbose: Any) -> tuple[Any, Any]:
        """Return the callbacks and the verbosity: one process writes and prints."""
        if self._engine is None or self._engine.group.is_main:
            return callbacks, verbose
        return self._engine.callbacks(callbacks), 0

    def _training(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._engine is None else self._engine.training(self)

    def _agreed(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return flag if self._engine is None else self._engine.group.any(flag)

    def _agree_to_stop(self) -> None:
        self.stop_training = self._agreed(self.stop_training)

    def _of_all(self, logs: Any, data: list[Any], wanted: bool) -> Any:
        """Return the logs of a step as those of all processes, if anyone looks."""
        if self._engine is None:
            return logs
        self._last_part = data[-1].part
        return self._engine.logs(self, logs, self._last_part) if wanted else logs

    # -- evaluate
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the loss and the metrics on data.

        Parameters are those of :meth:`fit`.

        Returns
        -------
        float, list or dict
            The loss, or loss and metrics in the order of ``metrics_names``, or by name.
        """
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        self._assert_compiled("evaluate")
        keep_buffers()
        batches = self._batches(
            x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps
        )
        self._prepare()
        callbacks, verbose = self._of_this_process(callbacks, verbose)
        if not isinstance(callbacks, callbacks_module.CallbackList):
            callbacks = callbacks_module.CallbackList(
                callbacks,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=1,
                steps=batches.num_batches,
                model=self,
            )
        with self._recovering():
            logs = self._evaluate(batches, callbacks)
        return logs if return_dict else self._flattened(logs)

    def _evaluate(self, batches: Batches, callbacks: Any) -> dict[str, Any]:
        batches.reset()
        self.eval()  # type: ignore[attr-defined]
        self.stop_evaluating = False
        self.make_test_function()
        callbacks.on_test_begin()
        self.reset_metrics()
        wanted = self._agreed(callbacks.wants_test_batches)
        logs: Any = None
        for first, last, data in self._executions(batches):
            if wanted:
                callbacks.on_test_batch_begin(first)
            logs = self._of_all(self.test_function(data), data, wanted)
            if wanted:
                callbacks.on_test_batch_end(last, logs)
            if self.stop_evaluating:
                break
        found = self._epoch_logs(logs)
        callbacks.on_test_end(found)
        return found

    def _flattened(self, logs: dict[str, Any]) -> Any:
        """Return the values in the order of the metrics."""
        names: list[str] = []
        for metric in self.metrics:
            if isinstance(metric, CompileMetrics):
                names += [m.name for m in metric.metrics]
            else:
                names.append(metric.name)
        values = [logs[n] for n in names if n in logs]
        values += [logs[k] for k in sorted(logs) if k not in names]
        return values[0] if len(values) == 1 else values

    # -- predict
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return what the model makes of data, as numpy arrays with Keras' axes."""
        keep_buffers()
        batches = self._batches(
            x, None, None, batch_size=batch_size, steps_per_epoch=steps
        )
        callbacks, verbose = self._of_this_process(callbacks, verbose)
        if not isinstance(callbacks, callbacks_module.CallbackList):
            callbacks = callbacks_module.CallbackList(
                callbacks,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=1,
                steps=batches.num_batches,
                model=self,
            )
        self.eval()  # type: ignore[attr-defined]
        self.stop_predicting = False
        self.make_predict_function()
        wanted = callbacks.wants_predict_batches
        callbacks.on_predict_begin()
        made: list[Any] = []
        for first, last, data in self._executions(batches):
            if wanted:
                callbacks.on_predict_batch_begin(first)
            made.append(self.predict_function(data))
            if wanted:
                callbacks.on_predict_batch_end(last, {"outputs": made[-1]})
            if self.stop_predicting:
                break
        callbacks.on_predict_end()
        return tree.map_structure(_array, joined(made))

    # -- single batches
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch; return loss and metrics of that batch."""
        self._assert_compiled("train_on_batch")
        batch = self._one_batch(x, y, sample_weight, class_weight)
        self._prepare()
        self.reset_metrics()
        self.train()  # type: ignore[attr-defined]
        self.make_train_function()
        with self._recovering():
            data = [packed(batch)]
            logs = self._of_all(self.train_function(data), data, True)
            logs = pythonify_logs(logs)
        return logs if return_dict else self._flattened(logs)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Return loss and metrics of one batch."""
        self._assert_compiled("test_on_batch")
        batch = self._one_batch(x, y, sample_weight, None)
        self._prepare()
        self.reset_metrics()
        self.eval()  # type: ignore[attr-defined]
        self.make_test_function()
        with self._recovering():
            data = [packed(batch)]
            logs = self._of_all(self.test_function(data), data, True)
            logs = pythonify_logs(logs)
        return logs if return_dict else self._flattened(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Return what the model makes of one batch, as numpy arrays."""
        batch = self._one_batch(x, None, None, None)
        self.eval()  # type: ignore[attr-defined]
        self.make_predict_function()
        return tree.map_structure(_array, self.predict_function([packed(batch)]))

    def _one_batch(self, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
        count = len(_first_tensor(_listed(x)))
        batches = self._batches(
            x, y, sample_weight, batch_size=count, class_weight=class_weight
        )
        return next(iter(batches))

    def get_compile_config(self) -> dict[str, Any]:
        """Return what ``compile`` was given, as Keras writes it."""
        from keras2torch.saving.compiled import compile_config

        return compile_config(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with what :meth:`get_compile_config` returned."""
        from keras2torch.saving.compiled import compile_arguments

        if type(self).compile is not Trainer.compile:
            warnings.warn(
                "`compile()` was not called as part of model loading because the "
                "model's `compile()` method is custom. All subclassed Models that have "
                "`compile()` overridden should also override `get_compile_config()` "
                "and `compile_from_config(config)`. Alternatively, you can call "
                "`compile()` manually after loading.",
                stacklevel=2,
            )
            return
        if config:
            self.compile(**compile_arguments(config))


def _limited(epochs: int) -> int:
    """Return the number of epochs, no more than ``keras.config`` allows."""
    most = configuration.max_epochs()
    if not most or most >= epochs:
        return epochs
    warnings.warn(f"Limiting epochs to {most}", stacklevel=3)
    return most


def _listed(x: Any) -> Any:
    """Return a mapping as a dict."""
    return dict(x) if isinstance(x, Mapping) else x


def _is_in_memory(x: Any) -> bool:
    leaves = tree.flatten(_listed(x))
    return all(
        a is None or (hasattr(a, "shape") and hasattr(a, "__getitem__")) for a in leaves
    ) and any(a is not None for a in leaves)


def _array(value: Any) -> Any:
    tensor = torch.as_tensor(value)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.detach().cpu().numpy()


@contextmanager
def _noted(note: str) -> Iterator[None]:
    """Tell more about an exception, below its message."""
    try:
        yield
    except Exception as error:
        add_note(error, note)
        raise


def _is_due(epoch: int, frequency: Any) -> bool:
    """Whether an epoch is one to validate after."""
    if isinstance(frequency, int):
        if frequency < 1:
            raise ValueError(f"validation_freq is a positive number, not {frequency}.")
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency
