"""`torch.onnx.export`, and what the file computes."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from sklearn.datasets import load_digits
from torch import nn

# %% data: some images are negatives
images = torch.tensor(load_digits().images[:40, None] / 16, dtype=torch.float32)
images[::3] = 1 - images[::3]


# %% model: a bright image is turned into its negative
class Darken(nn.Module):
    def forward(self, x):
        bright = x.mean(dim=(1, 2, 3), keepdim=True) > 0.5
        return torch.where(bright, 1 - x, x)


class ChannelsLast(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1)  # Keras' order for Flatten


model = nn.Sequential(
    Darken(),
    nn.Conv2d(1, 4, 3),
    nn.ReLU(),
    nn.BatchNorm2d(4),
    ChannelsLast(),
    nn.Flatten(),
    nn.Dropout(0.5),
    nn.Linear(144, 10),
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.state_dict().values():
        if weight.is_floating_point():
            shape = [*weight.shape[2:], *weight.shape[1::-1]]
            values = rng.uniform(0.1, 0.5, shape)
            values = values.transpose(3, 2, 0, 1) if len(shape) == 4 else values.T
            weight.copy_(torch.from_numpy(values))

# %% export
home = tempfile.TemporaryDirectory()
path = str(Path(home.name) / "digits.onnx")
names = {"input_names": ["image"], "output_names": ["logits"]}
free = {"image": {0: "images"}, "logits": {0: "images"}}
example = images[:2]
model.eval()
torch.onnx.export(model, (example,), path, dynamo=False, dynamic_axes=free, **names)

# %% look into the file
graph = onnx.load(path).graph
shape = graph.input[0].type.tensor_type.shape.dim
fixed = [size.dim_value for size in shape[1:]]
any_number = not shape[0].dim_value

# %% run the file, on as many images as there are
session = ReferenceEvaluator(path)
(from_file,) = session.run(None, {"image": images.numpy()})

# %% results
with torch.no_grad():
    results = {"model": model(images), "file": from_file}
results |= {"any number of images": any_number, "numbers in one": np.prod(fixed)}
print([node.op_type for node in graph.node], shape, np.ptp(from_file), sep="\n")
