"""A layer of one's own: weights made in `build`, and a function as a layer."""

import keras
import numpy as np
from keras import ops
from sklearn.datasets import load_wine

# %% data: thirteen features of very different sizes
x, y = load_wine(return_X_y=True)
order = np.random.default_rng(0).permutation(len(x))
x, y = x[order].astype("float32"), y[order]


# %% a layer with a gain that is learnt and a peak that is kept
@keras.saving.register_keras_serializable()
class PeakScale(keras.layers.Layer):
    """Divide each feature by the largest value seen, times a gain."""

    def __init__(self, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = gain

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
            constraint=keras.constraints.NonNeg(),
        )
        self.peak = self.add_weight(
            shape=(input_shape[-1],), initializer="ones", trainable=False
        )

    def call(self, inputs, training=None):
        if training:
            largest = ops.max(ops.abs(inputs), axis=0)
            self.peak.assign(ops.maximum(self.peak, largest))
        return self.gain * inputs / self.peak

    def get_config(self):
        return {**super().get_config(), "gain": self.start}


# %% the model: two such layers and a function between layers
model = keras.Sequential(
    [
        keras.Input(shape=(13,)),
        PeakScale(0.3),
        keras.layers.Dense(16),
        keras.layers.Lambda(lambda t: ops.relu(ops.concatenate([t, -t], -1))),
        PeakScale(),
        keras.layers.Dense(3),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
for layer in model.layers:
    if isinstance(layer, keras.layers.Dense):
        layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])

# %% train
model.compile(
    keras.optimizers.SGD(0.5),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
history = model.fit(x[:120], y[:120], batch_size=32, epochs=5, shuffle=False, verbose=2)

# %% results
first = model.layers[0]
results = {
    "gain": first.gain,
    "peak": first.peak,
    "predictions": model.predict(x[120:], verbose=0),
    "numbers in the file": sum(w.size for w in model.get_weights()),
    "numbers that are learnt": sum(w.numpy().size for w in model.trainable_weights),
}
