"""Two digits and a sign: three inputs, one encoder, three outputs, three losses."""

import keras
import numpy as np
from sklearn.datasets import load_digits

# %% data: left plus or minus right
images, digits = load_digits(return_X_y=True)
images, digits = (images / 16).astype("float32"), digits.astype("int32")
rng = np.random.default_rng(0)
left, right = rng.integers(0, 1797, (2, 1500))
sign = rng.choice([-1.0, 1.0], (1500, 1)).astype("float32")
inputs = {"left": images[left], "right": images[right], "sign": sign}
targets = {
    "left_digit": digits[left],
    "right_digit": digits[right],
    "result": digits[left] + sign[:, 0] * digits[right],
}

# %% model: one encoder and one classifier, each used twice
encoder = keras.layers.Dense(32, activation="relu")
classifier = keras.layers.Dense(10)
hidden, value = keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)
left_image = keras.Input(shape=(64,), name="left")
right_image = keras.Input(shape=(64,), name="right")
sign_input = keras.Input(shape=(1,), name="sign")
a, b = encoder(left_image), encoder(right_image)
joined = keras.layers.Concatenate()([a, b, sign_input])
model = keras.Model(
    inputs={"left": left_image, "right": right_image, "sign": sign_input},
    outputs={
        "left_digit": classifier(a),
        "right_digit": classifier(b),
        "result": value(hidden(joined)),
    },
)

# %% the same weights on both sides
for layer in (encoder, classifier, hidden, value):
    layer.set_weights([rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])

# %% a loss for each output, and their weights
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1),
    loss={"left_digit": cross_entropy, "right_digit": cross_entropy, "result": "mse"},
    loss_weights={"left_digit": 1.0, "right_digit": 0.5, "result": 0.02},
    metrics={"left_digit": ["accuracy"]},
)

# %% train
history = model.fit(inputs, targets, batch_size=32, epochs=4, shuffle=False, verbose=2)

# %% results
results = {**history.history, "parameters": model.count_params()}
results |= model.predict({name: x[:4] for name, x in inputs.items()}, verbose=0)
results["result"] = results["result"][:, 0]
print("parameters:", results["parameters"], "results:", results["result"])
