"""Tensors in Keras: made, reshaped, cut, and never changed."""

import keras
from keras import ops
from sklearn.datasets import load_digits

# %% made from a shape
made = {
    "empty": ops.empty((2, 3)),
    "randn": keras.random.normal((2, 3)),
    "zeros": ops.zeros((2, 3)),
    "ones": ops.ones((2, 3)),
    "full": ops.full((2, 3), 7),
    "arange": ops.arange(6),
    "list": ops.convert_to_tensor([1, 2, 3]),
}
for name, tensor in made.items():
    print(f"{name:6} {tensor.shape} {tensor.dtype.name}")

# %% made from an array
array = load_digits().images[0].astype("float32")
image = ops.convert_to_tensor(array)
array[:] = -1

# %% shapes
shapes = [
    list(image.shape),
    [ops.ndim(image), ops.size(image)],
    list(ops.expand_dims(image, 0).shape),
    list(ops.squeeze(image[:1]).shape),
    list(ops.stack([image, image]).shape),
    list(ops.concatenate([image, image], axis=1).shape),
]

# %% another shape
halves = ops.reshape(image, (2, 4, 8))
flat = ops.reshape(image, (-1,))

# %% the columns one after another
columns = ops.reshape(ops.transpose(image), (64,))

# %% one row is written, the whole is kept
changed = ops.slice_update(image, (2, 0), ops.zeros((1, 8)))
third = image[2]

# %% back to an array
back = ops.convert_to_numpy(changed)

# %% results
types = {k: t.dtype.name for k, t in made.items()}
values = {k: t for k, t in made.items() if k not in ("empty", "randn")}
results = {
    "types": types,
    "made": values,
    "image": image,
    "shapes": shapes,
    "halves": halves,
    "flat": flat,
    "columns": columns,
    "third row": third,
    "changed": back,
}
