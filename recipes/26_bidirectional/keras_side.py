"""Digits read from both ends, in every way that Keras can merge the two."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: eight rows are eight steps, some of them padding
x = (load_digits().images[:4] / 16).astype("float32")
mask = np.arange(8) < np.array([[8], [3], [5], [1]])

# %% the same weights on both sides
rng = np.random.default_rng(0)
shapes = [(8, 64), (16, 64), (64,)]
forward = [rng.normal(0, 0.3, shape) for shape in shapes]
backward = [rng.normal(0, 0.3, shape) for shape in shapes]


def bidirectional(merge_mode, **arguments):
    layer = keras.layers.Bidirectional(
        keras.layers.LSTM(16, **arguments), merge_mode=merge_mode
    )
    layer.build((None, 8, 8))
    layer.set_weights([*forward, *backward])
    return layer


# %% every step: merge modes
modes = {
    str(mode): bidirectional(mode, return_sequences=True)(x)
    for mode in ["concat", "sum", "mul", "ave", None]
}

# %% one vector: each direction's last step
last = bidirectional("concat")(x)

# %% states
_, h, _, h_back, _ = bidirectional("concat", return_state=True)(x)

# %% padding
masked = bidirectional("concat", return_sequences=True)(x, mask=mask)
masked_last = bidirectional("concat")(x, mask=mask)

# %% go_backwards alone: the outputs stay reversed
alone = keras.layers.LSTM(16, return_sequences=True, go_backwards=True)
alone.build((None, 8, 8))
alone.set_weights(backward)
reversed_outputs = alone(x)

# %% two directions that are not alike
mixed = keras.layers.Bidirectional(
    keras.layers.LSTM(16, return_sequences=True),
    backward_layer=keras.layers.SimpleRNN(12, return_sequences=True, go_backwards=True),
)
mixed.build((None, 8, 8))
simple = [rng.normal(0, 0.3, shape) for shape in [(8, 12), (12, 12), (12,)]]
mixed.set_weights([*forward, *simple])

# %% results
results = {
    **modes,
    "last": last,
    "h": [h, h_back],
    "masked": masked,
    "masked, last": masked_last,
    "go_backwards": reversed_outputs,
    "mixed": mixed(x),
}
print({name: value.shape for name, value in modes.items() if name != "None"})
