"""Softmax and cross-entropy by hand, then by the loss class."""

import keras
import numpy as np
from keras import ops
from sklearn.datasets import load_digits

# %% logits that are large
images, labels = load_digits(return_X_y=True)
means = np.stack([images[labels == k].mean(axis=0) for k in range(10)])
logits = (images @ means.T - (means**2).sum(axis=1) / 2) / 8
logits = logits.astype("float32")
logits, y = ops.convert_to_tensor(logits), ops.convert_to_tensor(labels)
print("largest logit:", float(ops.max(logits)))
print("its exponential:", float(ops.exp(ops.max(logits))))

# %% softmax by hand
shifted = logits - ops.max(logits, axis=1, keepdims=True)
powers = ops.exp(shifted)
p = powers / ops.sum(powers, axis=1, keepdims=True)

# %% log-softmax by hand
log_p = shifted - ops.log(ops.sum(powers, axis=1, keepdims=True))

# %% negative log-likelihood by hand
each = -ops.take_along_axis(log_p, y[:, None], axis=1)[:, 0]
by_hand = ops.mean(each)

# %% the same in one call
softmax = ops.softmax(logits, axis=1)
log_softmax = ops.log_softmax(logits, axis=1)
of_p = keras.losses.SparseCategoricalCrossentropy()
nll = of_p(y, softmax)
of_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
loss = of_logits(y, logits)
print(f"loss {float(loss):.4f}, by hand {float(by_hand):.4f}")

# %% accuracy by hand
accuracy = np.mean(np.argmax(logits, axis=1) == labels)
metric = keras.metrics.SparseCategoricalAccuracy()
metric.update_state(y, logits)
print(f"accuracy {accuracy:.4f}, by the metric {float(metric.result()):.4f}")

# %% results
results = {
    "softmax by hand": p[:20],
    "log-softmax by hand": log_p[:20],
    "loss by hand": by_hand,
    "softmax": softmax[:20],
    "log-softmax": log_softmax[:20],
    "nll": nll,
    "loss": loss,
    "accuracy": accuracy,
}
