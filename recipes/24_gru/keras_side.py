"""Two kinds of GRU read digits row by row."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: eight rows are eight steps
images, y = load_digits().images[:1500], load_digits().target[:1500]
x = (images / 16).astype("float32")

# %% reset before the product
before = keras.layers.GRU(16, return_sequences=True, reset_after=False)
before.build((None, 8, 8))

# %% reset after the product
after = keras.layers.GRU(16, return_sequences=True)  # reset_after=True
after.build((None, 8, 8))

# %% the same weights on both sides
rng = np.random.default_rng(0)
kernel, recurrent, bias, weight = (
    rng.normal(0, 0.3, shape) for shape in [(8, 48), (16, 48), (2, 48), (16, 10)]
)
after.set_weights([kernel, recurrent, bias])  # bias: of inputs, of state
before.set_weights([kernel, recurrent, bias[0]])

# %% outputs
outputs = {"before": before(x[:4]), "after": after(x[:4])}

# %% train
losses = {}
for name, gru in [("before", before), ("after", after)]:
    inputs, head = keras.Input(shape=(8, 8)), keras.layers.Dense(10)
    model = keras.Model(inputs, head(gru(inputs)[:, -1]))
    head.set_weights([weight, np.zeros(10)])
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    history = model.fit(x, y, batch_size=50, epochs=3, shuffle=False, verbose=2)
    losses[f"loss, {name}"] = history.history["loss"]

# %% results
results = outputs | losses
results["bias, before"] = before.get_weights()[2]
results["bias, after"] = after.get_weights()[2]
print(
    {name: gru.count_params() for name, gru in [("before", before), ("after", after)]}
)
