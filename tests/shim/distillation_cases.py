"""``keras.distillation``: what both packages make of a teacher and a student."""

from __future__ import annotations

from typing import Any

import torch
from parity.recording import Arrays, floats, named, start, train
from shim.cases import LABELS, X, case, numbers


def net(keras: Any, width: int, seed: int, classes: int = 3, **given: Any) -> Any:
    layers = keras.layers
    x = keras.Input((5,))
    y = layers.Dense(width, activation="tanh", name="first")(x)
    y = layers.BatchNormalization(momentum=0.5, name="norm")(y)
    y = layers.Dense(4, name="features")(y)
    y = layers.Dense(classes, name="logits", **given)(layers.ReLU()(y))
    return start(keras.Model(x, y), seed)


def distilled(keras: Any, losses: Any, *models: Any, **given: Any) -> Arrays:
    teacher, student = models or (net(keras, 6, 1), net(keras, 4, 2))
    model = keras.distillation.Distiller(teacher, student, losses, **given)
    model.compile(
        keras.optimizers.Adam(0.05),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    found = train(model, X, LABELS, batch_size=5, validation_data=(X[:7], LABELS[:7]))
    found |= named("evaluate", model.evaluate(X, LABELS, verbose=0, return_dict=True))
    found |= named("student", model.student.get_weights())
    found |= named("teacher", teacher.get_weights())
    return found | {"predict": model.predict(X, verbose=0)}


@case
def distiller_of_logits(keras: Any) -> Arrays:
    return distilled(keras, keras.distillation.LogitsDistillation())


@case
def distiller_of_divergence(keras: Any) -> Arrays:
    kl = keras.losses.KLDivergence()
    loss = keras.distillation.LogitsDistillation(temperature=2.5, loss=kl)
    return distilled(keras, loss, student_loss_weight=0.3)


@case
def distiller_of_features(keras: Any) -> Arrays:
    made = keras.distillation
    features = made.FeatureDistillation("mse", "features", "features")
    return distilled(
        keras,
        [made.LogitsDistillation(4.0, "categorical_crossentropy"), features],
        distillation_loss_weights=[1.0, 0.5],
    )


@case
def distiller_of_sequentials(keras: Any) -> Arrays:
    def made(width: int, seed: int) -> Any:
        layers = keras.layers
        hidden = layers.Dense(width, activation="relu", name="hidden")
        last = layers.Dense(3, name="last")
        return start(keras.Sequential([keras.Input((5,)), hidden, last]), seed)

    feature = keras.distillation.FeatureDistillation("cosine_similarity")
    return distilled(keras, feature, made(7, 1), made(3, 2), student_loss_weight=0)


@case
def distiller_of_a_loss_of_ones_own(keras: Any) -> Arrays:
    class Margin(keras.distillation.DistillationLoss):  # type: ignore[name-defined,misc]
        def compute_loss(self, teacher_outputs: Any, student_outputs: Any) -> Any:
            return torch.relu(teacher_outputs - student_outputs).mean()

    return distilled(keras, [Margin()], distillation_loss_weights=[0.7])


@case
def distillation_of_two_outputs(keras: Any) -> Arrays:
    made = keras.distillation
    ends = [[torch.tensor(floats(n, 6, 3)) for n in (a, a + 1)] for a in (1, 3)]
    labels = keras.losses.CategoricalCrossentropy(from_logits=True)
    losses = {
        "features": made.FeatureDistillation(["mae", labels]),
        "logits": made.LogitsDistillation(2.0, ["mse", None]),
        "kl": made.LogitsDistillation(3.0, [None, keras.losses.KLDivergence()]),
    }
    return {k: numbers(loss.compute_loss(*ends)) for k, loss in losses.items()}
