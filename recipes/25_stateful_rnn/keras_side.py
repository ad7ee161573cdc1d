"""A stateful LSTM reads a long text in pieces and keeps its state between them."""

import unicodedata

import keras
import numpy as np

# %% data: 16 readers, each gets the next 20 letters of its own part of the text
text = " ".join(unicodedata.name(chr(i)) for i in range(0x2190, 0x2300))
letters = sorted(set(text))
numbers = np.array([letters.index(letter) for letter in text])


def pieces(numbers):
    many = len(numbers) // (16 * 20)
    parts = numbers[: 16 * many * 20].reshape(16, many, 20)
    return parts.transpose(1, 0, 2).reshape(-1, 20)  # first the first piece of each


x_train, y_train = pieces(numbers[:8000]), pieces(numbers[1:8001])
x_val, y_val = pieces(numbers[8000:-1]), pieces(numbers[8001:])


# %% model
def make(readers, steps):
    return keras.Sequential(
        [
            keras.Input(batch_shape=(readers, steps), dtype="int32"),
            keras.layers.Embedding(len(letters), 16),
            keras.layers.LSTM(32, return_sequences=True, stateful=True),
            keras.layers.Dense(len(letters)),
        ]
    )


model = make(readers=16, steps=20)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])


# %% train: an epoch starts from zeros, and so does a validation
class ResetState(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.layers[1].reset_state()

    def on_test_begin(self, logs=None):
        self.model.layers[1].reset_state()


model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.2, momentum=0.9),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(
    x_train,
    y_train,
    batch_size=16,
    epochs=5,
    shuffle=False,
    validation_data=(x_val, y_val),
    validation_batch_size=16,
    callbacks=[ResetState()],
    verbose=2,
)

# %% letter by letter: one reader, one step
one = make(readers=1, steps=1)
one.set_weights(model.get_weights())
for letter in "RIGHTWARDS ARRO":
    logits = one(np.array([[letters.index(letter)]]))[0, 0]

# %% results
results = {**history.history, "letter by letter": logits}
print("RIGHTWARDS ARRO", letters[np.argmax(logits)])
