"""An LSTM over digits, row by row, where some rows are padding."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: rows of -1 behind, in front, anywhere; one image has nothing else
images, y = load_digits().images[:1000] / 16, load_digits().target[:1000]
rng = np.random.default_rng(0)
rows, lengths = np.arange(8), rng.integers(1, 9, (1000, 1))
masks = {
    "behind": rows < lengths,
    "in front": rows[::-1] < lengths,
    "anywhere": rng.random((1000, 8)) < 0.5,
}
masks["anywhere"][0] = False
padded = {
    name: np.where(mask[..., None], images, -1).astype("float32")
    for name, mask in masks.items()
}

# %% model
masking = keras.layers.Masking(mask_value=-1)
lstm = keras.layers.LSTM(16)
model = keras.Sequential(
    [keras.Input(shape=(8, 8)), masking, lstm, keras.layers.Dense(10)]
)

# %% the same weights on both sides
model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])

# %% padding behind: the last valid step
last = lstm(masking(padded["behind"][:5]))

# %% any mask: a masked step repeats the output before it
steps = keras.layers.LSTM(16, return_sequences=True, return_state=True)
steps.build((None, 8, 8))
steps.set_weights(lstm.get_weights())
sequences = {name: steps(masking(x[:5])) for name, x in padded.items()}

# %% train
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=1.0),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(
    padded["behind"], y, batch_size=50, epochs=5, shuffle=False, verbose=2
)

# %% results
results = {"last": last, "loss": history.history["loss"]}
for name, (outputs, h, c) in sequences.items():
    results |= {f"outputs, {name}": outputs, f"h, {name}": h, f"c, {name}": c}
print(outputs[1, :, 0].numpy())
