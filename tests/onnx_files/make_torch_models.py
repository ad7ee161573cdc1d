"""Models exported by PyTorch, run in a process of its own: ``… FOLDER``.

Writes the files and, as ``trainable.json``, how many parameters each model trains.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

SEQUENCE = {0: "N", 1: "T"}


class ResidualBlock(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.down = nn.Conv2d(inner, outer, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add both ways."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.down(x))


class ResNet(nn.Module):
    """A small residual network."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 7, 2, 3)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layers = nn.Sequential(ResidualBlock(8, 8, 1), ResidualBlock(8, 12, 2))
        self.fc = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify."""
        x = self.layers(self.pool(self.stem(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Mobile(nn.Module):
    """Depthwise convolutions, PReLU, instance and group normalization, a flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(6, 12, 3, padding=2, dilation=2, groups=6)
        self.act = nn.PReLU(12)
        self.norm = nn.InstanceNorm2d(12, affine=True)
        self.group = nn.GroupNorm(3, 12)
        self.one = nn.PReLU()
        self.pool = nn.AvgPool2d(3, 2, padding=1, ceil_mode=True)
        self.hard = nn.Hardswish()
        self.fc = nn.Linear(12 * 6 * 7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify."""
        x = self.norm(self.act(self.depthwise(x)))
        x = self.hard(self.one(self.group(x)))
        return F.log_softmax(self.fc(self.pool(x).flatten(1)), dim=1)


class UNet(nn.Module):
    """Down, up by a transposed convolution and by interpolation, with skips."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(3, 6, 3, padding=1)
        self.down2 = nn.Conv2d(6, 8, 3, padding=1)
        self.middle = nn.Conv2d(8, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1)
        self.join = nn.Conv2d(16, 6, 3, padding=1)
        self.out = nn.Conv2d(12, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment."""
        first = F.relu(self.down1(x))
        second = F.relu(self.down2(F.max_pool2d(first, 2)))
        x = self.up(F.leaky_relu(self.middle(F.max_pool2d(second, 2)), 0.1))
        x = self.join(torch.cat([x, second], dim=1))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return torch.sigmoid(self.out(torch.cat([x, first], dim=1)))


class Conv1d3d(nn.Module):
    """One and three spatial axes, and padding that differs at both ends."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv1d(4, 6, 3, padding=1)
        self.bn = nn.BatchNorm1d(6)
        self.up = nn.ConvTranspose1d(6, 5, 4, 2)
        self.three = nn.Conv3d(2, 3, (1, 3, 2), stride=(1, 2, 1))
        self.pool = nn.MaxPool3d((1, 2, 2))

    def forward(self, x: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return both."""
        x = self.up(F.elu(self.bn(self.one(F.pad(x, (2, 0))))))
        return x, self.pool(self.three(v)).mean(dim=(2, 3, 4))


class LSTMs(nn.Module):
    """Two layers in both directions, the last states."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the steps, and the end."""
        x, (h, c) = self.lstm(x)
        return self.fc(x), torch.cat([h[-1], c[-2]], dim=1)


class GRUs(nn.Module):
    """Time first, one direction; a plain RNN with relu."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 4)
        self.rnn = nn.RNN(4, 3, nonlinearity="relu", bidirectional=True)
        self.start = nn.Parameter(torch.randn(1, 1, 4))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the steps and the end."""
        x, h = self.gru(x, self.start.expand(1, x.shape[1], 4).contiguous())
        return self.rnn(x)[0], h[0]


class Encoder(nn.Module):
    """A transformer encoder layer over embeddings with learned positions."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(20, 16)
        self.position = nn.Parameter(torch.randn(7, 16))
        self.block = nn.TransformerEncoderLayer(
            16, 4, 32, batch_first=True, activation="gelu"
        )
        self.head = nn.Linear(16, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Classify a text."""
        return self.head(self.block(self.token(tokens) + self.position).mean(1))


class OwnAttention(nn.Module):
    """Attention as people write it, with tied weights and a temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(19, 12)
        self.norm = nn.LayerNorm(12)
        self.qkv = nn.Linear(12, 36, bias=False)
        self.proj = nn.Linear(12, 12)
        self.temperature = nn.Parameter(torch.tensor([1.3]))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits over the tokens."""
        x = self.token(tokens)
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (a.view(n, t, 3, 4).transpose(1, 2) for a in (q, k, v))
        scores = q @ k.transpose(-2, -1) / self.temperature
        a = F.softmax(scores, dim=-1) @ v
        x = x + self.proj(a.transpose(1, 2).reshape(n, t, d))
        return x @ self.token.weight.T


class MLP(nn.Module):
    """LayerNorm, GELU, Dropout, a shared layer, arithmetic between."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(9, 16)
        self.norm = nn.LayerNorm(16, eps=1e-6)
        self.drop = nn.Dropout(0.3)
        self.shared = nn.Linear(16, 16)
        self.last = nn.Linear(16, 2, bias=False)
        self.scale = nn.Parameter(torch.rand(16) + 0.5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Compare two things."""
        x, y = (self.norm(F.gelu(self.first(v))) for v in (x, y))
        x, y = (torch.tanh(self.shared(self.drop(v))) for v in (x, y))
        return self.last((x - y).abs() * self.scale + 0.25 * x * y)


IMAGES = {0: "N"}
# Name → model, example inputs, dynamic axes, further options of the export.
MODELS = {
    "resnet": (ResNet, [(2, 3, 37, 33)], [IMAGES], {}),
    "mobile": (Mobile, [(2, 6, 11, 13)], [IMAGES], {}),
    "unet": (UNet, [(2, 3, 24, 32)], [{0: "N", 2: "H", 3: "W"}], {}),
    "conv1d3d": (Conv1d3d, [(2, 4, 11), (2, 2, 3, 9, 7)], [IMAGES, IMAGES], {}),
    "lstm": (LSTMs, [(2, 7, 5)], [SEQUENCE], {}),
    "gru": (GRUs, [(7, 2, 5)], [{0: "T", 1: "N"}], {}),
    "encoder": (Encoder, ["tokens:20"], [IMAGES], {}),
    "attention": (OwnAttention, ["tokens:19"], [SEQUENCE], {}),
    "mlp": (MLP, [(3, 9), (3, 9)], [IMAGES, IMAGES], {}),
    "mlp_13": (MLP, [(3, 9), (3, 9)], [IMAGES, IMAGES], {"opset_version": 13}),
    "unet_11": (UNet, [(2, 3, 24, 32)], [IMAGES], {"opset_version": 11}),
    "resnet_kept": (
        *(ResNet, [(2, 3, 37, 33)], [IMAGES]),
        {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE},
    ),
}


def main(folder: Path) -> None:
    """Export every model."""
    trainable = {}
    for name, (make, inputs, axes, options) in MODELS.items():
        torch.manual_seed(len(name))
        model = make()
        for parameter in model.parameters():
            if parameter.dim() == 1:
                # Biases of zero would hide where they went.
                nn.init.uniform_(parameter, 0.2, 1.0)
        model.train()
        example = [
            torch.randint(0, int(i[7:]), (2, 7))
            if isinstance(i, str)
            else torch.randn(*i)
            for i in inputs
        ]
        with torch.no_grad():
            model(*example)  # moves the statistics
        model.eval()
        names = [f"x{k}" for k in range(len(example))]
        torch.onnx.export(
            model,
            tuple(example),
            str(folder / f"{name}.onnx"),
            dynamo=False,
            input_names=names,
            dynamic_axes=dict(zip(names, axes, strict=True)),
            **options,
        )
        trainable[name] = sum(p.numel() for p in model.parameters())
    (folder / "trainable.json").write_text(json.dumps(trainable))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
