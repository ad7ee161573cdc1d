"""`autograd.grad`: Grad-CAM, and a penalty on the gradient of the inputs."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.autograd import grad

# %% data
x, y = load_digits(return_X_y=True)
images = torch.tensor(x / 16, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(y)

# %% model
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding="same"),
    nn.Tanh(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(8, 16),
    nn.Tanh(),
    nn.Linear(16, 10),
)

# %% the same weights on both sides
rng = np.random.default_rng(0)
with torch.no_grad():
    for weight in model.parameters():
        values = rng.normal(0, 0.5, [*weight.shape[2:], *weight.shape[1::-1]])
        values = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T
        weight.copy_(torch.from_numpy(values))

# %% gradients of the inputs
inputs = images[:32].requires_grad_()
scores = model(inputs).amax(dim=1)
(saliency,) = grad(scores.sum(), inputs)

# %% Grad-CAM: what the convolution saw of the predicted class
maps = []
hook = model[1].register_forward_hook(lambda layer, given, out: maps.append(out))
scores = model(inputs).amax(dim=1)
hook.remove()
(gradients,) = grad(scores.sum(), maps[0])
cam = torch.einsum("bchw,bc->bhw", maps[0], gradients.mean(dim=(2, 3))).relu()

# %% gradient penalty: a gradient of a gradient
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses, penalties = [], []
for i in range(0, 320, 32):
    inputs, labels = images[i : i + 32].requires_grad_(), y[i : i + 32]
    logits = model(inputs)
    scores = logits.amax(dim=1)
    (slopes,) = grad(scores.sum(), inputs, create_graph=True)
    norms = slopes.pow(2).sum(dim=(1, 2, 3)).sqrt()
    penalty = (norms - 1).pow(2).mean()
    loss = F.cross_entropy(logits, labels) + 2 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    penalties.append(penalty.item())

# %% several gradients from one tape, and one that is not there
weight = torch.tensor(3.0, requires_grad=True)
unused = torch.tensor(1.0, requires_grad=True)
square, cube = weight**2, weight**3
several = [*grad(square, weight), *grad(cube, weight)]
(missing,) = grad(weight**2, unused, allow_unused=True)

# %% results
results = {"saliency": saliency[:4, 0, ..., None], "cam": cam[:4], "losses": losses}
results |= {"penalties": penalties, "several": several, "missing": str(missing)}
print({name: results[name] for name in ["penalties", "several", "missing"]})
