"""Random colours: images made brighter, paler, blurred … in training."""

import torch
import torch.nn.functional as F
from torch import nn

from keras2torch.program.helpers.augmentation import draw
from keras2torch.program.helpers.augmentation_base import Augmentation


def per_image(x: torch.Tensor, bounds: tuple[float, float]) -> torch.Tensor:
    """Draw a number for each image, which all its pixels share."""
    return draw(x, bounds).to(x.dtype).view(-1, 1, 1, 1)


def chosen(x: torch.Tensor, bounds: tuple[float, float]) -> torch.Tensor:
    """Choose images, each by a probability that is drawn for it."""
    return per_image(x, (0.0, 1.0)) < per_image(x, bounds)


def to_range(
    x: torch.Tensor, old: tuple[float, float], new: tuple[float, float]
) -> torch.Tensor:
    """Map values from one range to another."""
    if old == new:
        return x
    return (x - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]


def grayscale(x: torch.Tensor) -> torch.Tensor:
    """Brightness of red, green and blue, as one channel."""
    if x.shape[1] == 1:
        return x
    weights = x.new_tensor([0.2989, 0.587, 0.114])
    return torch.einsum("nchw,c->nhw", x, weights).unsqueeze(1)


def rgb_to_hsv(x: torch.Tensor) -> torch.Tensor:
    """Hue and saturation from 0 to 1, and the value of the strongest channel."""
    red, green, blue = x.unbind(1)
    value, least = x.amax(1), x.amin(1)
    span = value - least
    unit = 1 / (6 * torch.where(span > 0, span, torch.ones_like(span)))
    hue = torch.where(
        red == value,
        unit * (green - blue),
        torch.where(
            green == value, unit * (blue - red) + 1 / 3, unit * (red - green) + 2 / 3
        ),
    )
    hue = torch.where(span > 0, torch.where(hue < 0, hue + 1, hue), span)
    positive = torch.where(value > 0, value, torch.ones_like(value))
    saturation = torch.where(value > 0, span / positive, torch.zeros_like(value))
    return torch.stack([hue, saturation, value], dim=1)


def hsv_to_rgb(x: torch.Tensor) -> torch.Tensor:
    """Red, green and blue of hue, saturation and value."""
    hue, saturation, value = x.unbind(1)
    hue = 6 * hue
    pure = [
        (hue - 3).abs() - 1,
        2 - (hue - 2).abs(),
        2 - (hue - 4).abs(),
    ]
    share = torch.stack(pure, dim=1).clamp(0, 1)
    saturation, value = saturation.unsqueeze(1), value.unsqueeze(1)
    return (1 - saturation + saturation * share) * value


class RandomBrightness(Augmentation):
    """Adds a number to each image while training."""

    def __init__(
        self, bounds: tuple[float, float], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        low, high = self.value_range
        return self.change(x, per_image(x, self.bounds) * (high - low))

    def change(self, x: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
        return (x + delta).clamp(*self.value_range)


class RandomContrast(Augmentation):
    """Moves pixels away from the mean of their channel, or to it, while training."""

    def __init__(
        self,
        bounds: tuple[float, float],
        value_range: tuple[float, float] = (0, 255),
        shared: bool = False,
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range
        self.shared = shared

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        factor = per_image(x, self.bounds)
        return self.change(x, factor[:1] if self.shared else factor)

    def change(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)
        return ((x - mean) * factor + mean).clamp(*self.value_range)


class RandomHue(Augmentation):
    """Turns the hues of each image one way or the other while training."""

    def __init__(
        self, bounds: tuple[float, float], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        back = per_image(x, (0.0, 1.0)) > 0.5
        turn = per_image(x, self.bounds) * 0.5
        return self.change(x, torch.where(back, -turn, turn))

    def change(self, x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        hsv = rgb_to_hsv(to_range(x, self.value_range, (0, 1)))
        hue = hsv[:, :1] + turn
        hue = torch.where(hue > 1, hue - 1, hue)
        hue = torch.where(hue < 0, hue + 1, hue)
        x = hsv_to_rgb(torch.cat([hue, hsv[:, 1:]], dim=1)).clamp(0, 1)
        return to_range(x, (0, 1), self.value_range)


class RandomSaturation(Augmentation):
    """Multiplies the saturation of each image while training."""

    def __init__(
        self, bounds: tuple[float, float], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        factor = per_image(x, self.bounds)
        return self.change(x, factor / (1 - factor + 1e-7))

    def change(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        hsv = rgb_to_hsv(x)
        # Keras clips to the range of the pixels: above 1 where that is 255.
        saturation = (hsv[:, 1:2] * factor).clamp(*self.value_range)
        return hsv_to_rgb(torch.cat([hsv[:, :1], saturation, hsv[:, 2:]], dim=1))


class RandomColorJitter(Augmentation):
    """Changes brightness, contrast, saturation and hue while training."""

    def __init__(self, *parts: Augmentation) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.parts:
            assert isinstance(part, Augmentation)
            x = part.augment(x)
        return x


class RandomColorDegeneration(Augmentation):
    """Mixes each image with its grey one while training."""

    def __init__(
        self, bounds: tuple[float, float], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, per_image(x, self.bounds))

    def change(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        return (x + factor * (grayscale(x) - x)).clamp(*self.value_range)


class RandomSharpness(Augmentation):
    """Blurs each image, or the contrary of it, while training."""

    def __init__(
        self, bounds: tuple[float, float], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, per_image(x, self.bounds))

    def change(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        channels = x.shape[1]
        kernel = x.new_full((channels, 1, 3, 3), 1 / 13)
        kernel[:, :, 1, 1] = 5 / 13
        smooth = F.conv2d(x, kernel, padding=1, groups=channels)
        return (x + (1 - 2 * factor) * (smooth - x)).clamp(*self.value_range)


class RandomGrayscale(Augmentation):
    """Takes the colours from some images while training."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, per_image(x, (0.0, 1.0)) < self.p)

    def change(self, x: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        return torch.where(which, grayscale(x), x)


class RandomInvert(Augmentation):
    """Inverts some images while training; their probability is drawn, too."""

    def __init__(
        self, bounds: tuple[float, float], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(x, chosen(x, self.bounds))

    def change(self, x: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        return torch.where(which, self.value_range[1] - x, x)


class RandomPosterization(Augmentation):
    """Keeps the first bits of the pixels of each image while training."""

    def __init__(
        self, bits: tuple[int, int], value_range: tuple[float, float] = (0, 255)
    ) -> None:
        super().__init__()
        self.bits = bits
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        low, high = self.bits
        # The upper bound is not drawn, as in Keras.
        size = (len(x), 1, 1, 1)
        bits = torch.randint(low, max(high, low + 1), size, device=x.device)
        return self.change(x, 8 - bits)

    def change(self, x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        pixels = to_range(x, self.value_range, (0, 255)).to(torch.uint8)
        kept = (pixels.int() >> shift) << shift
        return to_range(kept.to(x.dtype), (0, 255), self.value_range)


class RandomGaussianBlur(Augmentation):
    """Blurs some images while training, those of a batch alike."""

    def __init__(
        self,
        bounds: tuple[float, float],
        kernel_size: tuple[int, int],
        sigma: tuple[float, float],
        value_range: tuple[float, float] = (0, 255),
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.kernel_size = kernel_size
        self.sigma = sigma
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        sigma = x.new_empty(2).uniform_(*self.sigma) + 1e-6
        return self.change(x, chosen(x, self.bounds), sigma)

    def change(
        self, x: torch.Tensor, which: torch.Tensor, sigma: torch.Tensor
    ) -> torch.Tensor:
        lines = []
        for size, deviation in zip(self.kernel_size, sigma, strict=True):
            at = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
            line = torch.exp(-0.5 * (at / deviation) ** 2)
            lines.append(line / line.sum())
        # Keras reads the columns as rows where the kernel is no square.
        kernel = torch.outer(lines[1], lines[0]).reshape(self.kernel_size)
        kernel = kernel.expand(x.shape[1], 1, *self.kernel_size)
        blurred = F.conv2d(x, kernel, padding="same", groups=x.shape[1])
        return torch.where(which, blurred, x).clamp(*self.value_range)


class Solarization(Augmentation):
    """Adds to the pixels and inverts those above a threshold while training."""

    def __init__(
        self,
        additions: tuple[float, float],
        thresholds: tuple[float, float],
        value_range: tuple[float, float] = (0, 255),
    ) -> None:
        super().__init__()
        self.additions = additions
        self.thresholds = thresholds
        self.value_range = value_range

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(
            x, per_image(x, self.additions), per_image(x, self.thresholds)
        )

    def change(
        self, x: torch.Tensor, addition: torch.Tensor, threshold: torch.Tensor
    ) -> torch.Tensor:
        x = (to_range(x, self.value_range, (0, 255)) + addition).clamp(0, 255)
        x = torch.where(x < threshold, x, 255 - x)
        return to_range(x, (0, 255), self.value_range)


class RandomErasing(Augmentation):
    """Covers a rectangle of some images with noise or a colour while training."""

    def __init__(
        self,
        bounds: tuple[float, float],
        scale: tuple[float, float],
        fill_value: float | tuple[float, ...] | None = None,
        value_range: tuple[float, float] = (0, 255),
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.scale = scale
        self.fill_value = fill_value
        self.value_range = value_range

    def between(self, x: torch.Tensor, size: int) -> torch.Tensor:
        """Draw where rectangles begin and end along an axis."""
        length = per_image(x, self.scale).sqrt() * size
        start = per_image(x, (0.0, 1.0)) * (size - length)
        at = torch.arange(size, device=x.device)
        return (at >= start) & (at < start + length)

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        rows = self.between(x, x.shape[2]).transpose(2, 3)
        inside = rows & self.between(x, x.shape[3])
        if self.fill_value is None:
            fill = torch.randn_like(x) * self.value_range[1]
        else:
            fill = x.new_tensor(self.fill_value).view(-1, 1, 1)
        return self.change(x, inside & chosen(x, self.bounds), fill)

    def change(
        self, x: torch.Tensor, inside: torch.Tensor, fill: torch.Tensor
    ) -> torch.Tensor:
        return torch.where(inside, fill.clamp(*self.value_range), x)


class Equalization(Augmentation):
    """Spreads the values of each channel of a batch evenly while training."""

    def __init__(
        self, value_range: tuple[float, float] = (0, 255), bins: int = 256
    ) -> None:
        super().__init__()
        self.value_range = value_range
        self.bins = bins

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        x = to_range(x, self.value_range, (0, 255))
        channels = [self.equalized(channel) for channel in x.unbind(1)]
        x = torch.stack(channels, dim=1)
        return to_range(x, (0, 255), self.value_range)

    def equalized(self, x: torch.Tensor) -> torch.Tensor:
        bins = (x * (self.bins - 1) / 255).long().clamp(0, self.bins - 1)
        counts = torch.bincount(bins.flatten(), minlength=self.bins)
        if int(counts.count_nonzero()) <= 1:
            return x
        total = counts.cumsum(0)
        first = total[total > 0][0]
        table = (total - first).double() * 255 / (total[-1] - first)
        index = (x / 255 * (self.bins - 1)).clamp(0, self.bins - 1).long()
        return table.round().to(x.dtype)[index]


def auto_contrast(
    x: torch.Tensor,
    value_range: tuple[float, float] = (0, 255),
    dims: tuple[int, int] = (2, 3),
) -> torch.Tensor:
    """Spread the values of each channel over the whole range; not if all are equal."""
    pixels = to_range(x, value_range, (0, 255))
    low, high = pixels.amin(dims, keepdim=True), pixels.amax(dims, keepdim=True)
    scale = 255 / (high - low)
    spread = (pixels * scale - low * scale).clamp(0, 255)
    spread = to_range(spread, (0, 255), value_range)
    return torch.where(spread.isnan(), x, spread)


class CLAHE(nn.Module):
    """Contrast limited adaptive histogram equalization: tile by tile."""

    def __init__(
        self,
        clip_limit: float = 4.0,
        tiles: tuple[int, int] = (8, 8),
        value_range: tuple[float, float] = (0, 255),
    ) -> None:
        super().__init__()
        self.clip_limit = clip_limit
        self.tiles = tiles
        self.value_range = value_range

    def tables(self, pixels: torch.Tensor) -> torch.Tensor:
        """New values (batch, channels, rows, columns, 256) for those in each tile."""
        batch, channels, height, width = pixels.shape
        rows, columns = self.tiles
        size = (height // rows) * (width // columns)
        tiles = pixels.reshape(batch, channels, rows, height // rows, columns, -1)
        tiles = tiles.transpose(3, 4).flatten(4)
        ones = torch.ones_like(tiles, dtype=torch.get_default_dtype())
        counts = ones.new_zeros(*tiles.shape[:4], 256).scatter_add(4, tiles, ones)
        if self.clip_limit > 0:
            clipped = counts.clamp(max=self.clip_limit * size / 256)
            excess = (counts - clipped).sum(dim=4, keepdim=True)
            counts = clipped + excess / 256
        total = counts.cumsum(4)
        least = total.amin(4, keepdim=True)
        rest = size - least
        rest = torch.where(rest == 0, torch.ones_like(rest), rest)
        return ((total - least) * 255 / rest).clamp(0, 255)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        images = to_range(x, self.value_range, (0, 255))
        for dim, count in zip((2, 3), self.tiles, strict=True):
            # Mirrored until tiles of one size cover it.
            missing = -images.shape[dim] % count
            mirrored = images.flip(dim).narrow(dim, 0, missing)
            images = torch.cat([images, mirrored], dim=dim)
        pixels = images.clamp(0, 255).long()
        tables = self.tables(pixels)
        places, shares = [], []
        for dim, count in zip((2, 3), self.tiles, strict=True):
            tile = pixels.shape[dim] // count
            at = torch.arange(pixels.shape[dim], device=x.device)
            at = (at - tile / 2) / tile
            before = at.floor()
            places.append([i.clamp(0, count - 1).long() for i in (before, before + 1)])
            shares.append(at - before)
        batch = torch.arange(len(x), device=x.device).view(-1, 1, 1, 1)
        channel = torch.arange(x.shape[1], device=x.device).view(-1, 1, 1)
        found = []
        for row in places[0]:
            left, right = (
                tables[batch, channel, row[:, None], column, pixels]
                for column in places[1]
            )
            found.append(left * (1 - shares[1]) + right * shares[1])
        down = shares[0][:, None]
        images = (found[0] * (1 - down) + found[1] * down)[:, :, :height, :width]
        return to_range(images, (0, 255), self.value_range).to(x.dtype)
