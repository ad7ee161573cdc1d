"""Training and predicting batch by batch, and collecting what came out."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

# %% data
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% model with the same weights on both sides
rng = np.random.default_rng(0)
layers = [keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)]
model = keras.Sequential(layers)
model.set_weights([rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
model.compile(
    optimizer=keras.optimizers.SGD(0.2),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train on batches: an answer is of one batch, before its step
answers = []
for start in range(0, 1500, 32):
    inputs, labels = x[:1500][start : start + 32], y[:1500][start : start + 32]
    model.reset_metrics()  # an older Keras 3 goes on with its mean
    answers.append(model.train_on_batch(inputs, labels))

# %% test on a batch
tested = model.test_on_batch(x[1500:], y[1500:])

# %% predict in batches
probabilities = keras.ops.softmax(model.predict(x, batch_size=256, verbose=0))

# %% predictions and labels of a shuffled dataset
dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(256)
predicted, wanted = [], []
for inputs, labels in dataset:
    predicted.append(model.predict_on_batch(inputs).argmax(axis=1))
    wanted.append(labels)
predicted, wanted = np.concatenate(predicted), np.concatenate(wanted)
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (wanted, predicted), 1)

# %% results
results = {"answers": answers, "tested": tested, "confusion": confusion}
results |= {"probabilities": probabilities[::90], "rows": len(probabilities)}
results["accuracy"] = np.mean(predicted == wanted)
print(*answers[-1], *tested, results["accuracy"])
