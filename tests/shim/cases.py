"""What Keras' guides write for the torch backend: steps and loops of one's own.

Each function gets the package and returns numbers by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from parity.recording import Arrays, floats, integers, named, start, train, weights

N = 14
X, Y, LABELS = floats(1, N, 5), floats(2, N, 2), integers(3, 3, N)
WEIGHT = (np.abs(floats(4, N)) + 0.1).astype("float32")
CASES: dict[str, Callable[[Any], Arrays]] = {}


def case(run: Callable[[Any], Arrays]) -> Callable[[Any], Arrays]:
    CASES[run.__name__] = run
    return run


def numbers(value: Any) -> Any:
    return value.detach().cpu().numpy()


def two_layers(keras: Any, cls: Any, **given: Any) -> Any:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.Dense(4, activation="tanh", kernel_regularizer="l2")(x)
    y = layers.BatchNormalization(momentum=0.5)(y)
    return start(cls(x, layers.Dense(2)(y), **given))


def trained(keras: Any, model: Any, **given: Any) -> Arrays:
    model.compile(keras.optimizers.Adam(0.05), "mse", metrics=["mae"])
    fit = {"batch_size": 5, "validation_data": (X[:7], Y[:7])} | given
    found = train(model, X, Y, **fit)
    names = model.evaluate(X, Y, verbose=0, return_dict=True)
    return found | named("evaluate", names)


def step(model: Any, loss: Any) -> None:
    """The guide's own lines: zero, backward, apply without a gradient."""
    model.zero_grad()
    trainable_weights = [v for v in model.trainable_weights]
    loss.backward()
    gradients = [v.value.grad for v in trainable_weights]
    with torch.no_grad():
        model.optimizer.apply(gradients, trainable_weights)


@case
def train_step(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            self.zero_grad()
            trainable_weights = [v for v in self.trainable_weights]
            loss.backward()
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    return trained(keras, two_layers(keras, Custom))


@case
def own_trackers(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = keras.losses.MeanSquaredError()

        def train_step(self, data: Any) -> Any:
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {
                "loss": self.loss_tracker.result(),
                "mae": self.mae_metric.result(),
            }

        @property
        def metrics(self) -> list[Any]:
            return [self.loss_tracker, self.mae_metric]

    model = two_layers(keras, Custom)
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    return train(model, X, Y, batch_size=5, epochs=3)


@case
def sample_weights(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def train_step(self, data: Any) -> Any:
            if len(data) == 3:
                x, y, sample_weight = data
            else:
                sample_weight = None
                x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred, sample_weight=sample_weight)
            return {m.name: m.result() for m in self.metrics}

    model = two_layers(keras, Custom)
    return trained(keras, model, sample_weight=WEIGHT, validation_data=None)


@case
def test_step(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def test_step(self, data: Any) -> Any:
            x, y = data
            y_pred = self(x, training=False)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

        def predict_step(self, data: Any) -> Any:
            x = data[0] if isinstance(data, tuple) else data
            return {"twice": self(x, training=False) * 2.0}

    model = two_layers(keras, Custom)
    found = trained(keras, model)
    return found | {"predict": model.predict(X, verbose=0, batch_size=4)["twice"]}


@case
def super_steps(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            logs = super().train_step((x * 0.5, y))
            return {**logs, "rows": float(len(x))}

        def test_step(self, data: Any) -> Any:
            x, y = data
            return super().test_step((x, y + 1.0))

    return trained(keras, two_layers(keras, Custom))


@case
def compute_loss(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="own_loss")

        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            training: bool = True,
        ) -> Any:
            loss = torch.mean((y_pred - y) ** 2) + sum(self.losses)
            self.loss_tracker.update_state(loss)
            return loss

        def reset_metrics(self) -> None:
            self.loss_tracker.reset_state()

        @property
        def metrics(self) -> list[Any]:
            return [self.loss_tracker]

    model = two_layers(keras, Custom)
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    return train(model, X, Y, batch_size=5)


@case
def compute_loss_of_old(keras: Any) -> Arrays:
    # Without `training`, and the terms of layers left out.
    class Custom(keras.Model):
        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
        ) -> Any:
            return torch.mean(torch.abs(y_pred - y))

    return trained(keras, two_layers(keras, Custom))


@case
def compute_metrics(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def compute_metrics(
            self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
        ) -> Any:
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**found, "size": torch.max(torch.abs(y_pred.detach()))}

    return trained(keras, two_layers(keras, Custom))


@case
def gan(keras: Any) -> Arrays:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    discriminator = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ],
        name="discriminator",
    )
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3 * 3 * 2),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((3, 3, 2)),
            layers.Conv2DTranspose(4, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )
    start(discriminator, 1)
    start(generator, 2)
    noise = iter([torch.from_numpy(floats(k, 5, 3)) for k in range(99)])

    class GAN(keras.Model):
        def __init__(self, discriminator: Any, generator: Any, latent_dim: int) -> None:
            super().__init__()
            self.discriminator = discriminator
            self.generator = generator
            self.latent_dim = latent_dim
            self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
            self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
            self.seed_generator = keras.random.SeedGenerator(1337)
            self.built = True

        @property
        def metrics(self) -> list[Any]:
            return [self.d_loss_tracker, self.g_loss_tracker]

        def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
            super().compile()
            self.d_optimizer = d_optimizer
            self.g_optimizer = g_optimizer
            self.loss_fn = loss_fn

        def train_step(self, real_images: Any) -> Any:
            if isinstance(real_images, tuple):
                real_images = real_images[0]
            batch_size = real_images.shape[0]
            latent = next(noise)[:batch_size].to(real_images.device)
            generated = self.generator(latent)
            combined = torch.concat([generated, real_images], axis=0)
            labels = torch.concat(
                [torch.ones((batch_size, 1)), torch.zeros((batch_size, 1))], axis=0
            ).to(real_images.device)
            self.zero_grad()
            predictions = self.discriminator(combined)
            d_loss = self.loss_fn(labels, predictions)
            d_loss.backward()
            grads = [v.value.grad for v in self.discriminator.trainable_weights]
            with torch.no_grad():
                self.d_optimizer.apply(grads, self.discriminator.trainable_weights)

            latent = next(noise)[:batch_size].to(real_images.device)
            misleading = torch.zeros((batch_size, 1), device=real_images.device)
            self.zero_grad()
            predictions = self.discriminator(self.generator(latent))
            g_loss = self.loss_fn(misleading, predictions)
            g_loss.backward()
            grads = [v.value.grad for v in self.generator.trainable_weights]
            with torch.no_grad():
                self.g_optimizer.apply(grads, self.generator.trainable_weights)
            self.d_loss_tracker.update_state(d_loss)
            self.g_loss_tracker.update_state(g_loss)
            return {
                "d_loss": self.d_loss_tracker.result(),
                "g_loss": self.g_loss_tracker.result(),
            }

    model = GAN(discriminator, generator, 3)
    model.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.003),
        g_optimizer=keras.optimizers.Adam(learning_rate=0.003),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    found = train(model, floats(7, N, 6, 6, 1), batch_size=5)
    return found | {"images": numbers(generator(floats(8, 2, 3)))}


@case
def vae(keras: Any) -> Arrays:
    layers = keras.layers

    class Sampling(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs: Any) -> Any:
            mean, log_var = inputs
            epsilon = torch.cos(9.0 * mean.detach())  # noise, the same on both sides
            return mean + torch.exp(0.5 * log_var) * epsilon

    x = keras.Input((5,))
    y = layers.Dense(4, activation="relu")(x)
    mean, log_var = layers.Dense(2, name="mean")(y), layers.Dense(2, name="var")(y)
    encoder = keras.Model(
        x, [mean, log_var, Sampling()([mean, log_var])], name="encoder"
    )
    z = keras.Input((2,))
    decoder = keras.Model(z, layers.Dense(5)(layers.Dense(4, activation="relu")(z)))
    start(encoder, 1)
    start(decoder, 2)

    class VAE(keras.Model):
        def __init__(self, encoder: Any, decoder: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.encoder = encoder
            self.decoder = decoder
            self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
            self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")
            self.built = True

        @property
        def metrics(self) -> list[Any]:
            return [self.total_loss_tracker, self.kl_loss_tracker]

        def train_step(self, data: Any) -> Any:
            data = data[0] if isinstance(data, tuple) else data
            self.zero_grad()
            mean, log_var, z = self.encoder(data)
            made = self.decoder(z)
            reconstruction = torch.mean(torch.sum((data - made) ** 2, 1))
            kl = -0.5 * (1 + log_var - torch.square(mean) - torch.exp(log_var))
            kl = torch.mean(torch.sum(kl, axis=1))
            total = reconstruction + kl
            total.backward()
            trainable = self.trainable_weights
            gradients = [v.value.grad for v in trainable]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable)
            self.total_loss_tracker.update_state(total)
            self.kl_loss_tracker.update_state(kl)
            return {m.name: m.result() for m in self.metrics}

    model = VAE(encoder, decoder)
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    found = train(model, X, batch_size=5)
    latent = encoder.predict(X, verbose=0)
    return (
        found
        | named("latent", latent)
        | {"made": decoder.predict(latent[2], verbose=0)}
    )


@case
def vae_by_add_loss(keras: Any) -> Arrays:
    layers = keras.layers
    noise = torch.from_numpy(floats(9, N, 2))

    class Sampling(layers.Layer):
        def call(self, inputs: Any) -> Any:
            mean, log_var = inputs
            kl = -0.5 * torch.mean(
                log_var - torch.square(mean) - torch.exp(log_var) + 1
            )
            self.add_loss(kl)
            return mean + torch.exp(0.5 * log_var) * noise[: mean.shape[0]].to(
                mean.device
            )

    class Encoder(layers.Layer):
        def __init__(
            self, latent_dim: int = 2, name: str = "encoder", **kw: Any
        ) -> None:
            super().__init__(name=name, **kw)
            self.proj = layers.Dense(4, activation="relu")
            self.dense_mean = layers.Dense(latent_dim)
            self.dense_log_var = layers.Dense(latent_dim)
            self.sampling = Sampling()

        def call(self, inputs: Any) -> Any:
            x = self.proj(inputs)
            z_mean, z_log_var = self.dense_mean(x), self.dense_log_var(x)
            return z_mean, z_log_var, self.sampling((z_mean, z_log_var))

    class VAE(keras.Model):
        def __init__(self, name: str = "autoencoder", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.encoder = Encoder()
            self.decoder = keras.Sequential([layers.Dense(4), layers.Dense(5)])

        def call(self, inputs: Any) -> Any:
            z_mean, z_log_var, z = self.encoder(inputs)
            reconstructed = self.decoder(z)
            kl = -0.5 * torch.mean(z_log_var - z_mean**2 - torch.exp(z_log_var) + 1)
            self.add_loss(kl)
            return reconstructed

    model = VAE()
    model(X[:2])
    start(model)
    model.compile(keras.optimizers.Adam(0.02), loss=keras.losses.MeanSquaredError())
    found = train(model, X, X, batch_size=5)
    model(torch.from_numpy(X))
    return found | {"losses": np.array([float(v) for v in model.losses])}


@case
def distillation(keras: Any) -> Arrays:
    layers = keras.layers

    def net(width: int, seed: int) -> Any:
        made = [keras.Input((5,)), layers.Dense(width, activation="relu")]
        made += [layers.BatchNormalization(momentum=0.5), layers.Dense(3)]
        return start(keras.Sequential(made), seed)

    class Distiller(keras.Model):
        def __init__(self, student: Any, teacher: Any) -> None:
            super().__init__()
            self.teacher = teacher
            self.student = student

        def compile(
            self,
            optimizer: Any,
            metrics: Any,
            student_loss_fn: Any,
            distillation_loss_fn: Any,
            alpha: float = 0.1,
            temperature: float = 3,
        ) -> None:
            super().compile(optimizer=optimizer, metrics=metrics)
            self.student_loss_fn = student_loss_fn
            self.distillation_loss_fn = distillation_loss_fn
            self.alpha = alpha
            self.temperature = temperature

        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            allow_empty: bool = False,
            training: bool = True,
        ) -> Any:
            teacher_pred = self.teacher(x, training=False)
            student_loss = self.student_loss_fn(y, y_pred)
            distillation_loss = self.distillation_loss_fn(
                torch.softmax(teacher_pred / self.temperature, 1),
                torch.softmax(y_pred / self.temperature, 1),
            ) * (self.temperature**2)
            return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

        def call(self, x: Any) -> Any:
            return self.student(x)

    model = Distiller(student=net(4, 1), teacher=net(6, 2))
    model.teacher.trainable = False
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=0.3,
        temperature=4,
    )
    found = train(model, X, LABELS, batch_size=5)
    return found | named("evaluate", model.evaluate(X, LABELS, verbose=0))


@case
def contrastive(keras: Any) -> Arrays:
    layers = keras.layers

    class Distance(layers.Layer):
        def call(self, anchor: Any, positive: Any, negative: Any) -> Any:
            near = torch.sum(torch.square(anchor - positive), -1)
            return near, torch.sum(torch.square(anchor - negative), -1)

    tower = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(3, use_bias=False),  # a bias would have no gradient
        ]
    )
    inputs = [keras.Input((5,), name=n) for n in ("anchor", "positive", "negative")]
    network = keras.Model(inputs, Distance()(*[tower(i) for i in inputs]))

    class Siamese(keras.Model):
        def __init__(self, siamese_network: Any, margin: float = 0.5) -> None:
            super().__init__()
            self.siamese_network = siamese_network
            self.margin = margin
            self.loss_tracker = keras.metrics.Mean(name="loss")

        def call(self, inputs: Any) -> Any:
            return self.siamese_network(inputs)

        def _compute_loss(self, data: Any) -> Any:
            near, far = self.siamese_network(data)
            return torch.mean(torch.relu(near - far + self.margin))

        def train_step(self, data: Any) -> Any:
            data = data[0] if isinstance(data, tuple) else data
            loss = self._compute_loss(data)
            step(self, loss)
            self.loss_tracker.update_state(loss)
            return {"loss": self.loss_tracker.result()}

        def test_step(self, data: Any) -> Any:
            data = data[0] if isinstance(data, tuple) else data
            self.loss_tracker.update_state(self._compute_loss(data))
            return {"loss": self.loss_tracker.result()}

        @property
        def metrics(self) -> list[Any]:
            return [self.loss_tracker]

    start(network)
    model = Siamese(network)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    found = train(model, [X, floats(5, N, 5), floats(6, N, 5)], batch_size=5)
    x = [X[:6], X[6:12], X[8:14]]
    return found | named("evaluate", model.evaluate(x, verbose=0))


@case
def torch_loop(keras: Any) -> Arrays:
    """writing_a_custom_training_loop_in_torch: an optimizer of torch, by hand."""
    layers = keras.layers
    inputs = keras.Input((5,), name="digits")
    y = layers.Dense(4, activation="relu", name="dense_1")(inputs)
    model = start(keras.Model(inputs, layers.Dense(3, name="predictions")(y)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loss_fn = torch.nn.CrossEntropyLoss()
    accuracy = keras.metrics.CategoricalAccuracy()
    data = torch.utils.data.TensorDataset(
        torch.from_numpy(X), torch.from_numpy(np.eye(3, dtype="float32")[LABELS])
    )
    losses, scores = [], []
    for _ in range(2):
        for x, target in torch.utils.data.DataLoader(data, batch_size=5):
            logits = model(x)
            loss = loss_fn(logits, target.to(logits.device))
            model.zero_grad()
            loss.backward()
            optimizer.step()
            accuracy.update_state(target, logits)
            losses.append(float(loss))
        scores.append(float(accuracy.result()))
        accuracy.reset_state()
    return weights(model) | {"losses": np.array(losses), "scores": np.array(scores)}


@case
def keras_loop(keras: Any) -> Arrays:
    """The same guide with Keras' optimizer, losses and metrics, and add_loss."""
    layers = keras.layers

    class Penalty(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(1e-2 * torch.sum(inputs))
            return inputs

    inputs = keras.Input((5,))
    y = Penalty()(layers.Dense(4, activation="relu")(inputs))
    model = start(keras.Model(inputs, layers.Dense(3)(y)))
    optimizer = keras.optimizers.Adam(learning_rate=1e-2)
    loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.CategoricalAccuracy()
    data = torch.utils.data.TensorDataset(
        torch.from_numpy(X), torch.from_numpy(np.eye(3, dtype="float32")[LABELS])
    )
    losses = []
    for _ in range(2):
        for x, target in torch.utils.data.DataLoader(data, batch_size=5):
            logits = model(x)
            loss = loss_fn(target, logits) + sum(model.losses)
            model.zero_grad()
            trainable_weights = [v for v in model.trainable_weights]
            loss.backward()
            gradients = [v.value.grad for v in trainable_weights]
            with torch.no_grad():
                optimizer.apply(gradients, trainable_weights)
            metric.update_state(target, logits)
            losses.append(float(loss))
    return weights(model) | {
        "losses": np.array(losses),
        "score": float(metric.result()),
        "iterations": int(optimizer.iterations),
    }


@case
def apply_gradients(keras: Any) -> Arrays:
    layers = keras.layers
    x = keras.Input((6, 6, 2))
    y = layers.Conv2D(3, 3, strides=2, padding="same", activation="relu")(x)
    y = layers.LSTM(3)(layers.Reshape((3, 9))(y))
    model = start(keras.Model(x, layers.Dense(2, kernel_constraint="non_neg")(y)))
    found: Arrays = {}
    for name in ("apply", "apply_gradients"):
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.5)
        for _ in range(3):
            y_pred = model(torch.from_numpy(floats(4, N, 6, 6, 2)), training=True)
            loss = torch.mean((y_pred - torch.from_numpy(Y).to(y_pred.device)) ** 2)
            model.zero_grad()
            loss.backward()
            own = model.trainable_variables
            gradients = [v.value.grad for v in own]
            with torch.no_grad():
                if name == "apply":
                    optimizer.apply(gradients, own)
                else:
                    optimizer.apply_gradients(zip(gradients, own, strict=True))
        found |= {f"{name}/{k}": v for k, v in weights(model).items()}
    return found


@case
def torch_functions(keras: Any) -> Arrays:
    layers = keras.layers

    class Gated(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], 8), name="w")
            self.shift = self.add_weight(shape=(8,), initializer="zeros", name="b")

        def call(self, x: Any) -> Any:
            a, b = torch.chunk(torch.matmul(x, self.w), 2, dim=-1)
            y = torch.nn.functional.gelu(a) * torch.sigmoid(b)
            y = torch.cat([y, torch.roll(y, 1, dims=-1)], dim=-1)
            return y - y.mean(dim=-1, keepdim=True) + torch.relu(self.shift)

    x = keras.Input((5,))
    y = Gated()(x)
    found = {"shape": np.array([str(tuple(y.shape))])}
    model = keras.Model(x, layers.Dense(2)(y))
    gated, dense = model.layers[1], model.layers[2]
    gated.w.assign(floats(6, 5, 8))
    dense.set_weights([floats(7, 8, 2), floats(8, 2)])
    model.compile(keras.optimizers.SGD(0.02), "mse")
    model.fit(X, Y, batch_size=5, verbose=0, shuffle=False)
    return found | {
        "w": numbers(gated.w.value),
        "dense": dense.get_weights()[0],
        "predict": model.predict(X, verbose=0),
    }


@case
def attention_block(keras: Any) -> Arrays:
    layers = keras.layers

    class SelfAttention(layers.Layer):
        def __init__(self, heads: int, width: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.heads, self.width = heads, width
            self.query = layers.Dense(width)
            self.key = layers.Dense(width)
            self.value = layers.Dense(width)
            self.combine = layers.Dense(width)

        def split(self, x: Any) -> Any:
            rows, steps = x.shape[0], x.shape[1]
            parts = torch.reshape(x, (rows, steps, self.heads, -1))
            return torch.permute(parts, (0, 2, 1, 3))

        def call(self, x: Any) -> Any:
            rows, steps = x.shape[0], x.shape[1]
            q, k, v = (self.split(f(x)) for f in (self.query, self.key, self.value))
            score = torch.matmul(q, k.transpose(-1, -2)) / self.width**0.5
            y = torch.permute(torch.matmul(torch.softmax(score, -1), v), (0, 2, 1, 3))
            return self.combine(torch.reshape(y, (rows, steps, self.width)))

    class Block(layers.Layer):
        def __init__(self, heads: int, width: int) -> None:
            super().__init__()
            self.attend = SelfAttention(heads, width)
            self.ffn = keras.Sequential(
                [layers.Dense(5, activation="relu"), layers.Dense(width)]
            )
            self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
            self.drop = layers.Dropout(0.0)

        def call(self, x: Any, training: Any = None) -> Any:
            y = self.norms[0](x + self.drop(self.attend(x), training=training))
            return self.norms[1](y + self.drop(self.ffn(y), training=training))

    class Positions(layers.Layer):
        def __init__(self, steps: int, words: int, width: int) -> None:
            super().__init__()
            self.tokens = layers.Embedding(words, width)
            self.places = layers.Embedding(steps, width)

        def call(self, x: Any) -> Any:
            places = torch.arange(x.shape[-1], device=x.device)
            return self.tokens(x) + self.places(places)

    x = keras.Input((6,), dtype="int32")
    y = Block(2, 4)(Positions(6, 7, 4)(x))
    y = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(y))
    model = keras.Model(x, y)
    tokens = integers(5, 7, N, 6)
    model(tokens[:2])
    start(model)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return train(model, tokens, LABELS, batch_size=5)


@case
def gradient_penalty(keras: Any) -> Arrays:
    layers = keras.layers

    class Critic(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            x = x.clone().requires_grad_(True)
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
            (slope,) = torch.autograd.grad(y_pred.sum(), x, create_graph=True)
            loss = loss + 0.1 * torch.mean((slope.norm(dim=-1) - 1.0) ** 2)
            step(self, loss)
            self._loss_tracker.update_state(loss)
            return self.compute_metrics(x, y, y_pred, None)

    x = keras.Input((5,))
    y = layers.Dense(4, activation="tanh")(x)
    model = start(Critic(x, layers.Dense(2)(y)))
    model.compile(keras.optimizers.Adam(0.05), "mse", metrics=["mae"])
    return train(model, X, Y, batch_size=5)


@case
def accumulation(keras: Any) -> Arrays:
    class Custom(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.seen = 0

        def train_step(self, data: Any) -> Any:
            x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred) / 2
            if self.seen % 2 == 0:
                self.zero_grad()
            loss.backward()
            if self.seen % 2:
                own = self.trainable_weights
                with torch.no_grad():
                    self.optimizer.apply([v.value.grad for v in own], own)
            self.seen += 1
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss * 2)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    return trained(keras, two_layers(keras, Custom), batch_size=4)


@case
def functional_losses(keras: Any) -> Arrays:
    def ours(y_true: Any, y_pred: Any) -> Any:
        return torch.mean(torch.square(y_true - y_pred), dim=-1) + torch.abs(
            y_pred[:, 0]
        )

    def far(y_true: Any, y_pred: Any) -> Any:
        return torch.max(torch.abs(y_true - y_pred))

    model = two_layers(keras, keras.Model)
    model.compile(keras.optimizers.SGD(0.1), ours, metrics=[far])
    return train(model, X, Y, batch_size=5, validation_data=(X[:7], Y[:7]))


@case
def own_metric_and_callback(keras: Any) -> Arrays:
    class Hits(keras.metrics.Metric):
        def __init__(self, name: str = "hits", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.true_positives = self.add_variable(
                shape=(), name="ctp", initializer="zeros"
            )

        def update_state(
            self, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> None:
            y_pred = torch.argmax(y_pred, dim=1)
            values = (y_true.to(torch.int32) == y_pred.to(torch.int32)).float()
            if sample_weight is not None:
                values = values * sample_weight
            self.true_positives.assign_add(torch.sum(values))

        def result(self) -> Any:
            return self.true_positives.value

        def reset_state(self) -> None:
            self.true_positives.assign(0.0)

    log: list[float] = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            log.append(float(logs["loss"]))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            rate = float(self.model.optimizer.learning_rate)
            self.model.optimizer.learning_rate = rate * 0.5
            log.append(float(self.model.layers[-1].kernel.numpy().sum()))

    layers = keras.layers
    model = keras.Sequential([keras.Input((5,)), layers.Dense(3, activation="softmax")])
    start(model)
    model.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=[Hits()]
    )
    found = train(model, X, LABELS, batch_size=5, callbacks=[Watch()])
    return found | {"log": np.array(log)}
