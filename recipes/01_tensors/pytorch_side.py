"""Tensors in PyTorch: views share memory, and writing is allowed."""

import torch
from sklearn.datasets import load_digits

# %% made from a shape
made = {
    "empty": torch.empty(2, 3),  # whatever the memory held
    "randn": torch.randn(2, 3),
    "zeros": torch.zeros(2, 3),
    "ones": torch.ones(2, 3),
    "full": torch.full((2, 3), 7.0),  # a whole number 7 makes int64
    "arange": torch.arange(6, dtype=torch.int32),
    "list": torch.tensor([1, 2, 3], dtype=torch.int32),
}
for name, tensor in made.items():
    print(f"{name:6} {tuple(tensor.shape)} {tensor.dtype}")

# %% made from an array
array = load_digits().images[0].astype("float32")
image = torch.tensor(array)  # a copy
shared = torch.from_numpy(array)  # the same memory
array[:] = -1
assert (shared == -1).all()

# %% shapes
shapes = [
    list(image.shape),
    [image.ndim, image.numel()],
    list(image.unsqueeze(0).shape),
    list(image[:1].squeeze(0).shape),
    list(torch.stack([image, image]).shape),
    list(torch.cat([image, image], dim=1).shape),
]

# %% another shape
halves = image.view(2, 4, 8)
flat = image.view(-1)
assert flat.data_ptr() == image.data_ptr()  # no copy was made

# %% the columns one after another
turned = image.T  # a view too
assert turned.stride() == (1, 8)  # its rows are 1 apart, its columns 8
try:
    turned.view(64)
except RuntimeError as error:
    print(error)
assert image.reshape(64).data_ptr() == image.data_ptr()  # a view
assert turned.reshape(64).data_ptr() != image.data_ptr()  # a copy
columns = turned.reshape(64)

# %% one row is written, the whole is kept
changed = image.clone()
changed[2] = 0
third = image[2]

# %% back to an array
back = changed.numpy()  # the same memory again

# %% results
types = {k: str(t.dtype).removeprefix("torch.") for k, t in made.items()}
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
