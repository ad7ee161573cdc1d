"""A `fit` whose logs are written beforehand: the same for Keras' callbacks and ours.

It imports neither TensorFlow nor torch: it runs in both processes.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import shutil
import time
import warnings
from pathlib import Path


class Interrupted(Exception):
    """What the test throws in the midst of training."""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def only_epoch(epoch):
    return 0.1 / (epoch + 1)


SCHEDULES = {
    "halve": lambda epoch, rate: rate * 0.5 if epoch else rate,
    "epoch alone": only_epoch,
    "an int": lambda epoch, rate: 1,
}


def made(library, spec, folder):
    kind, options = spec
    options = {
        k: v.replace("DIR", str(folder)) if isinstance(v, str) else v
        for k, v in options.items()
    }
    if kind == "LearningRateScheduler":
        options["schedule"] = SCHEDULES[options["schedule"]]
    return getattr(library, kind)(**options)


def look(callback):
    """What a callback has counted; its name where it counts nothing."""
    names = "wait stopped_epoch best best_epoch cooldown_counter".split()
    return {n: getattr(callback, n) for n in names if hasattr(callback, n)}


def weight(model):
    return float(model.get_weights()[0].reshape(-1)[0])


def set_weight(model, value):
    model.set_weights([w * 0 + value for w in model.get_weights()])


def fit(job, library, model, callbacks, record, run):
    """The loop of Keras' trainers, with ``job["logs"]`` for what they compute."""
    logs = job["logs"]
    epochs = len(logs)
    every = library.CallbackList(
        callbacks,
        add_history=True,
        add_progbar=False,
        verbose=0,
        epochs=epochs,
        steps=job.get("batches", 1),
        model=model,
    )
    model.stop_training = False
    every.on_train_begin()
    record["restored"].append([model._initial_epoch, weight(model)])
    last = None
    for epoch in range(model._initial_epoch or 0, epochs):
        every.on_epoch_begin(epoch)
        # With steps_per_execution=2 only every second end of a batch is told.
        for batch in job.get("ends", range(job.get("batches", 1))):
            every.on_train_batch_begin(batch)
            set_weight(model, 1000 * run + 100 * (epoch + 1) + batch)
            given = job["batch_logs"][epoch][batch] if "batch_logs" in job else {}
            every.on_train_batch_end(batch, given)
            if job.get("interrupts", {}).get(str(run)) == [epoch, batch]:
                raise Interrupted
            if model.stop_training:
                break
        last = dict(logs[epoch])
        every.on_epoch_end(epoch, last)
        record["epochs"].append(epoch)
        record["rates"].append(float(model.optimizer.learning_rate))
        record["counted"].append([look(c) for c in callbacks])
        if model.stop_training:
            break
    every.on_train_end(last)
    record["history"].append(model.history.history)


def play(job, library, model, folder):
    """Run one job; return all that Keras and we should agree on."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in job.get("files", {}).items():
        (folder / name).write_text(text)
    for name in job.get("folders", ()):
        (folder / name).mkdir()
    record = {
        "restored": [],
        "epochs": [],
        "rates": [],
        "counted": [],
        "history": [],
        "saved": [],
        "error": None,
    }
    model._initial_epoch = None
    model.optimizer.learning_rate = 0.1
    set_weight(model, 0)

    def save(how):
        def saving(filepath, overwrite=False):
            path = Path(str(filepath))
            with path.open("wb"):  # a folder, or one that is not there, is an error
                pass
            saved = [how, str(path.relative_to(folder)), weight(model), overwrite]
            record["saved"].append(saved)

        return saving

    if not job.get("really saves"):
        model.save, model.save_weights = save("model"), save("weights")
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with contextlib.redirect_stdout(printed):
            try:
                callbacks = [made(library, s, folder) for s in job["callbacks"]]
                for run in range(job.get("fits", 1)):
                    if run and job.get("new callbacks"):
                        callbacks = [made(library, s, folder) for s in job["callbacks"]]
                    if run and "interrupts" in job:
                        set_weight(model, -1)  # lost with the process
                        model._initial_epoch = None
                    with contextlib.suppress(Interrupted):
                        fit(job, library, model, callbacks, record, run)
            except Exception as error:
                text = str(error).replace(str(folder), "DIR")
                record["error"] = f"{type(error).__name__}: {text}"
    if not job.get("really saves"):
        del model.save, model.save_weights
    record["weight"] = weight(model)
    record["printed"] = printed.getvalue().replace(str(folder), "DIR")
    record["warned"] = [
        str(w.message) for w in warned if issubclass(w.category, UserWarning)
    ]
    record["texts"] = {
        p.name: p.read_bytes().decode() for p in sorted(folder.glob("*.csv"))
    }
    return record


def swap(job, library, model, folder):
    """Which weights are in the model after each hook, with averages beside them."""
    optimizer = model.optimizer
    callback = library.SwapEMAWeights(swap_on_epoch=job["swap_on_epoch"])
    callback.set_params({"epochs": job["epochs"]})
    callback.set_model(model)
    set_weight(model, 3.0)
    (average,) = optimizer._model_variables_moving_average
    average.assign(average * 0 + 7.0)
    seen = []
    for hook, *arguments in job["hooks"]:
        getattr(callback, hook)(*arguments)
        averages = optimizer._model_variables_moving_average[0].numpy()
        seen.append([hook, weight(model), float(averages.reshape(-1)[0])])
    return {"seen": seen}


def progress(job, library, model, folder):
    """What a bar prints while the clock is set by hand."""
    clock = [1000.0]
    real, time.time = time.time, lambda: clock[0]
    out = Terminal() if job.get("terminal", True) else io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            if "bar" in job:
                bar = library.Progbar(**job["bar"])
                for seconds, current, values, finalize in job["updates"]:
                    clock[0] += seconds
                    bar.update(current, values, finalize=finalize)
            else:
                logger(job, library, clock)
    finally:
        time.time = real
    return {"printed": out.getvalue()}


def logger(job, library, clock):
    callback = library.ProgbarLogger()
    callback.set_params(job["params"])
    for seconds, hook, *arguments in job["hooks"]:
        clock[0] += seconds
        getattr(callback, hook)(*arguments)


PLAYS = {"fit": play, "swap": swap, "progress": progress}


def events(job, library, model, folder):
    """What TensorBoard finds after a scripted `fit`: folder, tag, step, kind, value."""
    callback = library.TensorBoard(str(folder), **job["options"])
    every = library.CallbackList(
        [callback], model=model, epochs=3, steps=3, verbose=0, add_progbar=False
    )
    model.optimizer.learning_rate = 0.1
    every.on_train_begin()
    done = 0
    for epoch in range(3):
        every.on_epoch_begin(epoch)
        for batch in range(3):
            done += 1
            every.on_train_batch_begin(batch)
            model.optimizer.iterations.assign(done)
            every.on_train_batch_end(batch, {"loss": 10.0 * epoch + batch})
        every.on_test_begin()
        every.on_test_batch_begin(0)
        every.on_test_batch_end(0, {"loss": 1.0})
        every.on_test_end({"loss": 0.5 + epoch, "mse": 0.25})
        every.on_epoch_end(epoch, {"loss": 2.0 + epoch, "val_loss": 0.5 + epoch})
    every.on_train_end()
    callback.set_model(model)  # `evaluate` after `fit`
    callback.on_test_begin()
    callback.on_test_end({"loss": 9.0})
    return {"events": found_events(Path(folder))}


def found_events(folder):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    found = []
    for path in folder.rglob("events.out.tfevents.*"):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                kind = value.metadata.plugin_data.plugin_name
                number = (
                    float(make_ndarray(value.tensor)) if kind == "scalars" else None
                )
                if "per_second" in value.tag:
                    number = None
                where = str(path.parent.relative_to(folder))
                found.append([where, value.tag, event.step, kind, number])
    return sorted(found, key=str)


def signatures(job, library, model, folder):
    """How each is made, and how the hooks are called: order, kinds, defaults."""
    found = {}
    for name in job["classes"]:
        kind = getattr(library, name)
        hooks = [n for n in dir(kind) if n.startswith("on_")]
        for method in ["__init__", "set_params", "set_model", *hooks]:
            if hasattr(kind, method):
                parameters = inspect.signature(getattr(kind, method)).parameters
                found[f"{name}.{method}"] = [
                    [
                        p.name,
                        str(p.kind),
                        "" if p.default is p.empty else repr(p.default),
                    ]
                    for p in parameters.values()
                ]
    return found


PLAYS |= {"events": events, "signatures": signatures}
