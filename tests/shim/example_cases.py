"""Steps as Keras' examples of generative models have them, written for torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from parity.recording import Arrays, curves, floats, named, start, train
from shim.cases import N, X, Y, case, numbers

IMAGES, OTHERS = floats(11, 6, 8, 8, 3), floats(12, 6, 8, 8, 3)


def images(keras: Any, seed: int, *, scores: bool = False) -> Any:
    """A small net from images to images, or to a score for each patch."""
    layers = keras.layers
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, strides=2, padding="same")(x)
    y = layers.LeakyReLU(negative_slope=0.2)(layers.GroupNormalization(2)(y))
    if scores:
        y = layers.Conv2D(1, 3, padding="same")(y)
    else:
        y = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(y)
        y = layers.Conv2D(3, 3, padding="same", activation="tanh")(y)
    return start(keras.Model(x, y), seed)


def moved(optimizer: Any, loss: Any, model: Any, *, again: bool = False) -> None:
    weights = model.trainable_variables
    gradients = torch.autograd.grad(
        loss, [w.value for w in weights], retain_graph=again
    )
    with torch.no_grad():
        optimizer.apply_gradients(zip(gradients, weights, strict=True))


@case
def cyclegan(keras: Any) -> Arrays:
    """Four models, four optimizers, losses handed to compile."""

    class CycleGan(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self, gen_a: Any, gen_b: Any, disc_a: Any, disc_b: Any) -> None:
            super().__init__()
            self.gen_a, self.gen_b = gen_a, gen_b
            self.disc_a, self.disc_b = disc_a, disc_b

        def call(self, inputs: Any) -> Any:
            return self.disc_a(inputs), self.gen_a(inputs)

        def compile(self, gens: Any, discs: Any, gen_loss: Any, disc_loss: Any) -> None:  # type: ignore[override]
            super().compile()
            self.gen_optimizers, self.disc_optimizers = gens, discs
            self.gen_loss, self.disc_loss = gen_loss, disc_loss
            self.cycle_loss = keras.losses.MeanAbsoluteError()

        def train_step(self, data: Any) -> Any:
            a, b = data
            fake_b, fake_a = self.gen_a(a, training=True), self.gen_b(b, training=True)
            cycled = (
                self.gen_b(fake_b, training=True),
                self.gen_a(fake_a, training=True),
            )
            total = 10.0 * (
                self.cycle_loss(a, cycled[0]) + self.cycle_loss(b, cycled[1])
            )
            total = total + self.gen_loss(self.disc_b(fake_b, training=True))
            total = total + self.gen_loss(self.disc_a(fake_a, training=True))
            moved(self.gen_optimizers[0], total, self.gen_a, again=True)
            # The graph still has the weights from before that step.
            fakes = self.gen_a(a).detach(), self.gen_b(b).detach()
            found = {"total": total}
            for n, (disc, real, fake) in enumerate(
                ((self.disc_a, a, fakes[1]), (self.disc_b, b, fakes[0]))
            ):
                loss = self.disc_loss(disc(real, training=True), disc(fake))
                moved(self.disc_optimizers[n], loss, disc)
                found[f"disc_{n}"] = loss
            return found

    model = CycleGan(
        images(keras, 1),
        images(keras, 2),
        images(keras, 3, scores=True),
        images(keras, 4, scores=True),
    )
    adam = keras.optimizers.Adam
    squared = keras.losses.MeanSquaredError()
    model.compile(
        [adam(2e-3, beta_1=0.5) for _ in range(2)],
        [adam(2e-3, beta_1=0.5) for _ in range(2)],
        lambda fake: squared(torch.ones_like(fake), fake),
        lambda real, fake: (
            (
                squared(torch.ones_like(real), real)
                + squared(torch.zeros_like(fake), fake)
            )
            * 0.5
        ),
    )
    told = {"batch_size": 2, "epochs": 2, "shuffle": False, "verbose": 0}
    history = model.fit(IMAGES, OTHERS, **told)
    found = curves(history)
    for name in ("gen_a", "gen_b", "disc_a", "disc_b"):
        found |= named(name, getattr(model, name).get_weights())
    return found


@case
def gan_by_train_on_batch(keras: Any) -> Arrays:
    """The oldest way: two compiled models that share one, frozen in the second."""
    layers = keras.layers
    noise = keras.Input((2,))
    generator = keras.Model(noise, layers.Dense(5, activation="tanh")(noise))
    x = keras.Input((5,))
    y = layers.BatchNormalization(momentum=0.5)(layers.Dense(4, "relu")(x))
    critic = keras.Model(x, layers.Dense(1, "sigmoid")(y))
    start(generator, 1), start(critic, 2)
    critic.compile(
        keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"]
    )
    z = keras.Input((2,))
    both = keras.Model(z, critic(generator(z)))
    both.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    found: Arrays = {}
    for n in range(3):
        critic.trainable = True
        fake = generator.predict(Y, verbose=0)
        real = critic.train_on_batch(X, np.ones((N, 1)))
        found[f"{n}/real"] = np.array(real)
        found[f"{n}/fake"] = np.array(critic.train_on_batch(fake, np.zeros((N, 1))))
        critic.trainable = False
        found[f"{n}/both"] = np.array(both.train_on_batch(Y, np.ones((N, 1))))
    found |= named("generator", generator.get_weights())
    return found | named("critic", critic.get_weights())


@case
def loss_scaled(keras: Any) -> Arrays:
    """A step of one's own with accumulated, scaled and clipped gradients."""

    class Custom(keras.Model):  # type: ignore[name-defined,misc]
        def train_step(self, data: Any) -> Any:
            x, y, weight = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, weight, training=True)
            self._loss_tracker.update_state(loss)
            loss = self.optimizer.scale_loss(loss)
            self.zero_grad()
            loss.backward()
            weights = self.trainable_weights
            with torch.no_grad():
                self.optimizer.apply([w.value.grad for w in weights], weights)
            return self.compute_metrics(x, y, y_pred, sample_weight=weight)

    found: Arrays = {}
    inner = keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.5)
    for name, optimizer in {
        "scaled": keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0),
        "factor": keras.optimizers.Adam(0.02, loss_scale_factor=16.0),
        "accumulated": keras.optimizers.Adam(0.02, gradient_accumulation_steps=2),
    }.items():
        x = keras.Input((5,))
        y = keras.layers.Dense(4, activation="tanh", kernel_regularizer="l2")(x)
        model = start(Custom(x, keras.layers.Dense(2)(y)))
        model.compile(optimizer, "mse", weighted_metrics=["mae"])
        weight = np.abs(floats(4, N)) + 0.1
        made = train(model, X, Y, sample_weight=weight, batch_size=5, epochs=3)
        found |= {f"{name}/{k}": v for k, v in made.items()}
        y_pred = model(torch.from_numpy(X))
        found[f"{name}/losses"] = numbers(sum(model.losses) + y_pred.sum())
    return found
