"""`export` to ONNX, and what the file computes."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
from keras import layers, ops
from sklearn.datasets import load_digits

# %% data: some images are negatives
images = load_digits().images[:40, ..., None].astype("float32") / 16
images[::3] = 1 - images[::3]


# %% model: a bright image is turned into its negative
class Darken(layers.Layer):
    def call(self, x):
        bright = ops.mean(x, axis=(1, 2, 3), keepdims=True) > 0.5
        return ops.where(bright, 1 - x, x)


model = keras.Sequential(
    [
        keras.Input((8, 8, 1), name="image"),
        Darken(),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(epsilon=1e-5),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, name="logits"),
    ]
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.weights])

# %% export
home = tempfile.TemporaryDirectory()
path = str(Path(home.name) / "digits.onnx")
wanted = model(images)  # one call, or export refuses
model.export(path, format="onnx", verbose=False)

# %% look into the file
graph = onnx.load(path).graph
shape = graph.input[0].type.tensor_type.shape.dim
fixed = [size.dim_value for size in shape[1:]]
any_number = not shape[0].dim_value

# %% run the file, on as many images as there are
session = onnxruntime.InferenceSession(path)
(from_file,) = session.run(None, {session.get_inputs()[0].name: images})

# %% results
results = {"model": wanted, "file": from_file}
results |= {"any number of images": any_number, "numbers in one": np.prod(fixed)}
print([node.op_type for node in graph.node], shape, np.ptp(from_file), sep="\n")
