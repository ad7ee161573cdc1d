"""Noise in training: the modules, and the two that PyTorch has not."""

import torch
from torch import nn

torch.manual_seed(0)

# %% ones: what a layer answers is then its noise
sequences = torch.ones(2000, 10, 40)  # sample, step, channel
images = torch.ones(2000, 40, 4, 4)  # sample, channel, row, column


def measure(outputs, together):  # share of zeros, scale, share of whole maps
    whole = outputs.amax(dim=together).eq(outputs.amin(dim=together)).float()
    return torch.stack([(outputs == 0).float().mean(), outputs.max(), whole.mean()])


# %% Dropout, and Dropout that shares its mask along an axis
class SharedDropout(nn.Module):
    def forward(self, x):
        mask = torch.ones_like(x[:, :1])
        return x * nn.functional.dropout(mask, 0.25, self.training)


plain, shared = nn.Dropout(0.25), SharedDropout()


# %% SpatialDropout drops whole channels
class SpatialDropout1d(nn.Dropout1d):
    def forward(self, x):  # sample, step, channel
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


spatial_1d, spatial_2d = SpatialDropout1d(0.25), nn.Dropout2d(0.25)


# %% noise that is added, noise that is multiplied
class GaussianNoise(nn.Module):
    def forward(self, x):
        return x + 0.3 * torch.randn_like(x) if self.training else x


class GaussianDropout(nn.Module):
    def forward(self, x):
        noise = (0.25 / (1 - 0.25)) ** 0.5 * torch.randn_like(x)
        return x * (1 + noise) if self.training else x


noise, gaussian, alpha = GaussianNoise(), GaussianDropout(), nn.AlphaDropout(0.25)

# %% training
results = {
    "Dropout": measure(plain(sequences), 1),
    "noise_shape": measure(shared(sequences), 1),
    "SpatialDropout1D": measure(spatial_1d(sequences), 1),
    "SpatialDropout2D": measure(spatial_2d(images), (2, 3)),
    "GaussianNoise": torch.std_mean(noise(sequences)),
    "GaussianDropout": torch.std_mean(gaussian(sequences)),
    "AlphaDropout": alpha(sequences).mul(1e5).round().div(1e5).unique(),
}

# %% inference: nothing happens, and this is what a call by hand does
every = nn.ModuleList([plain, shared, spatial_1d, noise, gaussian, alpha]).eval()
results["inference"] = [layer(sequences).std() for layer in every]

# %% dropping in inference too (Monte Carlo dropout)
model = nn.Sequential(nn.Dropout(0.25), nn.LayerNorm(40)).eval()
model[0].train()
first, second = model(sequences[:1]), model(sequences[:1])
results["passes differ"] = float((first != second).any())

# %% a seed
masks = []
for _ in range(2):
    torch.manual_seed(1)
    masks.append(plain.train()(sequences))
results["same mask"] = float(torch.equal(*masks))

# %% results
print(results)
