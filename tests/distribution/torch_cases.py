"""Trainings that only torch has, or whose chance is torch's.

What is expected of several processes is what one process finds, which is compared with
Keras elsewhere.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from distribution.cases import data, found, with_weights


def dense(keras, *sizes, activation=None, inputs=3):
    layers = [keras.layers.Dense(n, activation="tanh") for n in sizes[:-1]]
    layers.append(keras.layers.Dense(sizes[-1], activation=activation))
    return keras.Sequential([keras.Input((inputs,)), *layers])


def shuffled(keras):
    """One order for all, drawn as one process draws it; weights of the first one."""
    model = dense(keras, 5, 2)
    model.compile(torch.optim.AdamW, torch.nn.MSELoss(), steps_per_execution=2)
    x, y = data(31, 3), data(31, 2, seed=1)
    history = model.fit(x, y, batch_size=7, epochs=3, verbose=0)
    set_ = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    loader = torch.utils.data.DataLoader(set_, batch_size=6, shuffle=True)
    second = model.fit(loader, epochs=2, verbose=0).history["loss"]
    third = model.fit(x, y, shuffle="batch", batch_size=9, verbose=0).history["loss"]
    return found(model, history, second=second, third=third)


def accumulated(keras):
    """Gradients of several steps, clipped together, and moving averages."""
    model = dense(keras, 6, 2)
    optimizer = keras.optimizers.Lamb(
        0.01, gradient_accumulation_steps=2, global_clipnorm=0.1, use_ema=True
    )
    model.compile(optimizer, "mse")
    history = model.fit(data(22, 3), data(22, 2, seed=1), 5, epochs=2, verbose=0)
    return found(model, history)


def looked_up(keras):
    """Rows of a table whose look-ups stay apart, in several processes, too."""
    layers = keras.layers
    embed = layers.Embedding(7, 4)
    model = keras.Sequential([keras.Input((6,)), embed, layers.Flatten()])
    model.add(layers.Dense(1))
    with_weights(model)
    x = np.random.default_rng(0).integers(0, 7, (13, 6))
    model.compile("adam", "mse")
    history = model.fit(x, data(13, 1), 4, epochs=2, shuffle=False, verbose=0)
    return found(model, history)


def two_optimizers(keras):
    """A GAN: weights are made in the first step, each model moves by its own rate."""

    class Gan(keras.Model):
        def __init__(self):
            super().__init__()
            self.maker = keras.Sequential([keras.layers.Dense(3, name="maker")])
            self.judge = keras.Sequential([keras.layers.Dense(1, name="judge")])
            self.tracker = keras.metrics.Mean(name="judged")

        def compile(self, maker, judge, loss):
            super().compile()
            self.of_maker, self.of_judge, self.measure = maker, judge, loss

        def train_step(self, real):
            real = real[0] if isinstance(real, tuple) else real
            noise = real.flip(1)
            made = self.maker(noise)
            judged = self.judge(torch.cat([real, made.detach()]))
            labels = torch.cat([torch.ones(len(real), 1), torch.zeros(len(real), 1)])
            loss = self.measure(labels, judged)
            self.zero_grad()
            loss.backward()
            weights = self.judge.trainable_weights
            self.of_judge.apply([w.value.grad for w in weights], weights)
            self.zero_grad()
            fooled = self.measure(
                torch.ones(len(real), 1), self.judge(self.maker(noise))
            )
            fooled.backward()
            weights = self.maker.trainable_weights
            self.of_maker.apply([w.value.grad for w in weights], weights)
            self.tracker.update_state(loss)
            return {"judged": self.tracker.result(), "fooled": fooled}

        @property
        def metrics(self):
            return [self.tracker]

    model = Gan()
    model.compile(
        keras.optimizers.SGD(0.5),
        keras.optimizers.Adam(0.1),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(data(19, 3), batch_size=5, epochs=2, shuffle=False, verbose=0)
    return found(model, history)


def with_torch_step(keras):
    """A train_step as torch has it, with compute_loss and an optimizer of torch."""

    class Own(keras.Model):
        def train_step(self, given):
            x, y = given
            self.optimizer.zero_grad()
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            loss.backward()
            self.optimizer.step()
            return {"own loss": loss}

    inputs = keras.Input((3,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(4)(inputs))
    model = Own(inputs, keras.layers.Dense(2)(hidden))
    with_weights(model)
    optimizer = torch.optim.SGD(list(model.parameters()), lr=0.1, momentum=0.9)
    model.compile(optimizer, "mse")
    x, y = data(18, 3), data(18, 2, seed=1)
    history = model.fit(x, y, batch_size=7, epochs=2, shuffle=False, verbose=0)
    single = model.train_on_batch(x[:5], y[:5], return_dict=True)
    return found(model, history, single=single["own loss"])


def cut(keras):
    """FSDP: every process keeps a part of each weight; files hold them whole."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((5, 4))])
    model.add(layers.GRU(5, recurrent_regularizer="l2"))
    model.add(layers.BatchNormalization())
    model.add(layers.Dense(3, activation="softmax"))
    with_weights(model)
    optimizer = keras.optimizers.Lamb(0.01, clipnorm=0.3, use_ema=True)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], distribute="fsdp")
    x, y = data(17, 5, 4), np.random.default_rng(0).integers(0, 3, 17)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        save = keras.callbacks.ModelCheckpoint(path)
        given = {"batch_size": 8, "shuffle": False, "verbose": 0}
        history = model.fit(x, y, epochs=2, callbacks=[save], **given)
        path = told(path)
        read = keras.models.load_model(path)
        again = read.fit(x, y, **given).history["loss"]
        barrier()
    evaluated = model.evaluate(x, y, verbose=0)
    state = [np.asarray(v) for v in optimizer.variables]
    out = found(model, history, again=again, evaluated=evaluated)
    out |= {f"state {n}": v for n, v in enumerate(state)}
    model.set_weights(model.get_weights())
    out["more"] = model.fit(x, y, **given).history["loss"]
    out["parts"] = sum(p.numel() for p in map(local, model.parameters()))
    return out


def cut_by_strategy(keras):
    """ModelParallel, a step of one's own, and what counts by whole variables."""
    layers = keras.layers

    class Own(keras.Model):
        def train_step(self, given):
            x, y = given
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            if not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)
            self.zero_grad()
            loss.backward()
            self.optimizer.step()
            return {"loss": loss}

    inputs = keras.Input((6,), dtype="int32")
    h = layers.Embedding(7, 4)(inputs)
    h = layers.MultiHeadAttention(2, 3)(h, h)
    model = Own(inputs, layers.Dense(2)(layers.Flatten()(h)))
    with_weights(model)
    x, y = np.random.default_rng(0).integers(0, 7, (12, 6)), data(12, 2, seed=1)
    with keras.distribution.ModelParallel().scope():
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        history = model.fit(x, y, batch_size=6, epochs=2, shuffle=False, verbose=0)
    return found(model, history, predicted=model.predict(x, verbose=0))


def local(tensor):
    return getattr(tensor, "to_local", lambda: tensor)()


def several():
    return torch.distributed.is_initialized()


def told(path):
    """Return the path of the first process: only that one has written there."""
    box = [str(path)]
    if several():
        torch.distributed.broadcast_object_list(box)
    return box[0]


def barrier():
    if several():
        torch.distributed.barrier()


TORCH_CASES = {
    case.__name__: case
    for case in (
        shuffled,
        accumulated,
        looked_up,
        two_optimizers,
        with_torch_step,
        cut,
        cut_by_strategy,
    )
}
