"""Images, lines and films in PyTorch: the channels come first."""

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn

# %% a picture as a file holds it
picture = Image.fromarray(load_sample_image("china.jpg")).resize((64, 40))
array = torch.from_numpy(np.array(picture))  # height, width, channels

# %% a batch of images in 0..1
grey = torch.from_numpy(np.array(picture.convert("L")))  # no channels
image = array.permute(2, 0, 1)[None] / 255
grey_image = grey[None, None] / 255

# %% a line, an image, a film
line = image[:, :, 20]  # batch, channels, steps
film = torch.stack([image[..., t : t + 40] for t in range(8)], dim=2)
print("line", line.shape, "image", image.shape, "film", film.shape)

# %% the same weights on both sides
rng = np.random.default_rng(0)


def weights(*shape):
    return torch.from_numpy(rng.normal(0, 0.2, shape).astype("float32"))


# %% Conv1D for what is read along a line
conv1d = nn.Conv1d(3, 4, kernel_size=5)
kernel, bias = weights(5, 3, 4), weights(4)
conv1d.load_state_dict({"weight": kernel.permute(2, 1, 0), "bias": bias})

# %% Conv2D for images
conv2d = nn.Conv2d(3, 4, kernel_size=3)
kernel, bias = weights(3, 3, 3, 4), weights(4)
conv2d.load_state_dict({"weight": kernel.permute(3, 2, 0, 1), "bias": bias})

# %% Conv3D for films and volumes
conv3d = nn.Conv3d(3, 4, kernel_size=(2, 3, 3))
kernel, bias = weights(2, 3, 3, 3, 4), weights(4)
conv3d.load_state_dict({"weight": kernel.permute(4, 3, 0, 1, 2), "bias": bias})

# %% what else names the channels
features = conv2d(image)
both = torch.cat([features, features], dim=1)
shares = torch.softmax(features, dim=1)
pooled = features.mean(dim=(2, 3))

# %% and back
shown = image[0].permute(1, 2, 0)  # as matplotlib and PIL want it


# %% results
def channels_last(x):
    return x.detach().movedim(1, -1)


results = {
    "grey": grey_image[0, 0, ::8, ::8],
    "line": channels_last(conv1d(line)),
    "image": channels_last(features)[:, ::8, ::8],
    "film": channels_last(conv3d(film))[:, :, ::8, ::8],
    "both": channels_last(both)[:, ::8, ::8],
    "shares": channels_last(shares)[:, ::8, ::8],
    "pooled": pooled,
    "shown": shown[::8, ::8],
}
