"""Random geometry: images flipped, turned, moved, zoomed and cut out in training."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from keras2torch.program.helpers.augmentation_base import Augmentation
from keras2torch.program.helpers.images import crop_to_aspect_ratio


def draw(x: torch.Tensor, bounds: tuple[float, float]) -> torch.Tensor:
    """Draw a number for each image of a batch."""
    low, high = bounds
    return torch.empty(len(x), device=x.device).uniform_(low, high)


class Wrap(nn.Module):
    """Brings points beside an image back in, by laps as TensorFlow counts them."""

    def forward(self, grid: torch.Tensor, height: int, width: int) -> torch.Tensor:
        size = grid.new_tensor([width, height])
        last = (size - 1).clamp(min=1)
        at = ((grid + 1) * size - 1) / 2
        forth = at + size * ((-at / last).floor() + 1)
        back = at - size * (at / last).floor()
        # Rounding must not send an edge to the opposite one.
        at = torch.where(at < -1e-4, forth, torch.where(at > last + 1e-4, back, at))
        return (2 * at + 1) / size - 1


def sample(
    x: torch.Tensor,
    grid: torch.Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    fill_value: float = 0.0,
) -> torch.Tensor:
    """Sample images; what lies beside them is repeated or filled with a value."""
    # 16 bits would be too few for coordinates.
    dtype = torch.promote_types(x.dtype, grid.dtype)
    x, grid = x.to(dtype) - fill_value, grid.to(dtype)
    return F.grid_sample(x, grid, mode, padding_mode, align_corners=False) + fill_value


class RandomAffine(Augmentation):
    """Base of affine maps whose numbers are drawn between bounds for each image."""

    def __init__(
        self,
        *bounds: tuple[float, float],
        mode: str = "bilinear",
        padding_mode: str = "reflection",
        fill_value: float = 0.0,
        wrap: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.mode = mode
        self.padding_mode = padding_mode
        self.fill_value = fill_value
        self.wrap = wrap

    def theta(self, x: torch.Tensor, *drawn: torch.Tensor) -> list[torch.Tensor]:
        """Upper two rows of the matrix, for coordinates from -1 to 1."""
        raise NotImplementedError

    def warp(self, x: torch.Tensor, *drawn: torch.Tensor) -> torch.Tensor:
        """Map the images by numbers drawn for them."""
        theta = torch.stack(self.theta(x, *drawn), dim=1).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        if self.wrap is not None:
            grid = self.wrap(grid, *x.shape[-2:])
        y = sample(x, grid, self.mode, self.padding_mode, self.fill_value)
        return y.to(x.dtype)

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        return self.warp(x, *(draw(x, b) for b in self.bounds))


class RandomRotation(RandomAffine):
    """Turns each image about its middle, by a part of a full turn."""

    def theta(self, x: torch.Tensor, *drawn: torch.Tensor) -> list[torch.Tensor]:
        angle = 2 * math.pi * drawn[0]
        cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        ratio = x.shape[-1] / x.shape[-2]
        return [cos, -sin / ratio, zero, sin * ratio, cos, zero]


class RandomTranslation(RandomAffine):
    """Moves each image, by parts of its height and of its width."""

    def theta(self, x: torch.Tensor, *drawn: torch.Tensor) -> list[torch.Tensor]:
        height, width = drawn
        one, zero = torch.ones_like(height), torch.zeros_like(height)
        return [one, zero, -2 * width, zero, one, -2 * height]


class RandomZoom(RandomAffine):
    """Shows each image from farther off (above 0) or closer, as wide as high or not."""

    def theta(self, x: torch.Tensor, *drawn: torch.Tensor) -> list[torch.Tensor]:
        height, width = 1 + drawn[0], 1 + drawn[-1]
        zero = torch.zeros_like(height)
        return [width, zero, zero, zero, height, zero]


class RandomShear(RandomAffine):
    """Slants each image along its width and along its height, from its corner."""

    def theta(self, x: torch.Tensor, *drawn: torch.Tensor) -> list[torch.Tensor]:
        across, down = drawn
        height, width = x.shape[-2:]
        one, across, down = torch.ones_like(across), across / width, down / height
        return [
            *(one, across * height, across * (height - 1)),
            *(down * width, one, down * (width - 1)),
        ]

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        sign = torch.where(draw(x, (0.0, 1.0)) > 0.5, -1.0, 1.0)
        return self.warp(x, *(sign * draw(x, b) for b in self.bounds))


class RandomFlip(Augmentation):
    """Flips about half of the images.

    Along both axes it flips an image both ways or not at all, unless the axes are
    drawn separately.
    """

    def __init__(self, mode: str, separately: bool = False) -> None:
        super().__init__()
        dims = {"horizontal": [-1], "vertical": [-2]}.get(mode, [-1, -2])
        self.flips = [[dim] for dim in dims] if separately else [dims]

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        for dims in self.flips:
            which = draw(x, (0.0, 1.0)) <= 0.5
            x = torch.where(which.view(-1, 1, 1, 1), x.flip(dims), x)
        return x


def homography(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Matrices (N, 3, 3) of the projections that send points (N, 4, 2) to others."""
    one, zero = torch.ones_like(source[..., :1]), torch.zeros_like(source)
    point = torch.cat([source, one], dim=-1)
    to_x = torch.cat([point, zero, zero[..., :1], -source * target[..., :1]], dim=-1)
    to_y = torch.cat([zero, zero[..., :1], point, -source * target[..., 1:]], dim=-1)
    left = torch.cat([to_x, to_y], dim=1)
    right = torch.cat([target[..., 0], target[..., 1]], dim=1)
    found = torch.linalg.solve(left, right)
    return torch.cat([found, torch.ones_like(found[:, :1])], dim=1).view(-1, 3, 3)


class RandomPerspective(Augmentation):
    """Tilts images: moves their corners, but the first, by parts of the image."""

    def __init__(
        self,
        factor: tuple[float, float],
        scale: float = 1.0,
        mode: str = "bilinear",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__()
        self.factor = factor
        self.scale = scale
        self.mode = mode
        self.fill_value = fill_value

    def tilt(self, x: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """Multiply what the corners (N, 4, 2) are away from the first one."""
        size = moves.new_tensor([x.shape[-1], x.shape[-2]])
        corners = moves.new_tensor([[0, 0], [1, 0], [0, 1], [1, 1]]) * (size - 1)
        # Coordinates go from -1 to 1, from edge to edge.
        before = (2 * corners + 1) / size - 1
        after = (2 * corners * (1 + moves) + 1) / size - 1
        matrix = homography(after, before.expand_as(after))
        plain = torch.eye(2, 3).to(matrix).expand(len(x), -1, -1)
        grid = F.affine_grid(plain, list(x.shape), align_corners=False)
        grid = F.pad(grid, (0, 1), value=1.0) @ matrix.mT.unsqueeze(1)
        grid = grid[..., :2] / grid[..., 2:]
        return sample(x, grid, self.mode, "zeros", self.fill_value).to(x.dtype)

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        which = draw(x, (0.0, 1.0)) < draw(x, self.factor)
        moves = self.scale * (torch.rand(len(x), 4, 2, device=x.device) - 0.5)
        return torch.where(which.view(-1, 1, 1, 1), self.tilt(x, moves), x)


class RandomElasticTransform(Augmentation):
    """Distorts images by smooth noise, which is the same along both axes."""

    def __init__(
        self,
        factor: tuple[float, float],
        scale: tuple[float, float],
        mode: str = "bilinear",
        padding_mode: str = "reflection",
        fill_value: float = 0.0,
        value_range: tuple[float, float] = (0.0, 255.0),
    ) -> None:
        super().__init__()
        self.factor = factor
        self.scale = scale
        self.mode = mode
        self.padding_mode = padding_mode
        self.fill_value = fill_value
        self.value_range = value_range

    def distort(
        self, x: torch.Tensor, noise: torch.Tensor, strength: float
    ) -> torch.Tensor:
        """Move the pixels by noise (N, 1, H, W), which is blurred before."""
        height, width = x.shape[-2:]
        alpha, sigma = 0.1 * strength * max(height, width), 0.05 * strength
        sigma *= min(height, width)
        radius = 3 * int(sigma)
        kernel = torch.arange(-radius, radius + 1).to(noise) / sigma
        kernel = torch.exp(-0.5 * kernel**2)
        kernel = kernel / kernel.sum()
        noise = F.conv2d(sigma * noise, kernel.view(1, 1, -1, 1), padding=(radius, 0))
        noise = F.conv2d(noise, kernel.view(1, 1, 1, -1), padding=(0, radius))

        rows, columns = torch.arange(height), torch.arange(width)
        at = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
        at = at.to(noise) + alpha * noise.movedim(1, -1)
        size, padding_mode = at.new_tensor([width, height]), self.padding_mode
        if padding_mode == "wrap":
            at, size, padding_mode = at % size, size + 1, "border"
            x = F.pad(x, (0, 1, 0, 1), mode="circular")
        elif padding_mode == "reflection":
            # At the upper and left edge the first pixel is not repeated.
            at = at.abs()
        grid = (2 * at + 1) / size - 1
        return sample(x, grid, self.mode, padding_mode, self.fill_value).to(x.dtype)

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        which = draw(x, (0.0, 1.0)) < draw(x, self.factor)
        noise = torch.randn_like(x[:, :1])
        strength = float(draw(x[:1], self.scale))
        y = self.distort(x, noise, strength)
        return torch.where(which.view(-1, 1, 1, 1), y, x).clamp(*self.value_range)


class RandomCrop(Augmentation):
    """Cuts a batch at one random place in training; passes it on at inference.

    Images that are not larger in both ways are cut in the middle, and resized; so are
    all at inference, if it is to cut always.
    """

    def __init__(self, height: int, width: int, always: bool = False) -> None:
        super().__init__()
        self.size = (height, width)
        self.always = always

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[-2:]
        rows, columns = self.size
        if height > rows and width > columns:
            top = int(torch.randint(height - rows + 1, ()))
            left = int(torch.randint(width - columns + 1, ()))
            return x[..., top : top + rows, left : left + columns]
        return self.resize(x)

    def resize(self, x: torch.Tensor) -> torch.Tensor:
        """Cut from where the largest part of the size's aspect ratio begins."""
        height, width = x.shape[-2:]
        rows, columns = self.size
        top = (height - max(min(height, width * rows // columns), 1)) // 2
        left = (width - max(min(width, height * columns // rows), 1)) // 2
        x = x[..., top : top + rows, left : left + columns]
        return F.interpolate(x, size=self.size, mode="bilinear")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            return self.augment(x)
        return self.resize(x) if self.always else x


class RandomCropOrResize(Augmentation):
    """Cuts a batch at one random place in training.

    At inference, and where images are too small, what fits the size is resized.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)

    def resize(self, x: torch.Tensor) -> torch.Tensor:
        """Resize the largest middle part of the size's aspect ratio."""
        x = crop_to_aspect_ratio(x, self.size)
        return F.interpolate(x, size=self.size, mode="bilinear")

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[-2:]
        rows, columns = self.size
        if height < rows or width < columns:
            return self.resize(x)
        top = int(torch.randint(height - rows + 1, ()))
        left = int(torch.randint(width - columns + 1, ()))
        return x[..., top : top + rows, left : left + columns]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.augment(x) if self.training else self.resize(x)


class RandomStretch(Augmentation):
    """Makes the images of a batch higher or wider, by one part of their size."""

    def __init__(
        self, dim: int, factor: tuple[float, float], mode: str = "bilinear"
    ) -> None:
        super().__init__()
        self.dim = dim
        self.factor = factor
        self.mode = mode

    def augment(self, x: torch.Tensor) -> torch.Tensor:
        size = list(x.shape[-2:])
        size[self.dim] = int(size[self.dim] * float(1 + draw(x[:1], self.factor)))
        return F.interpolate(x, size=size, mode=self.mode)
