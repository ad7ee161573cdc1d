"""Images from folders, and transforms that augment them."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

# %% folders of PNG files, one to a class
home = tempfile.TemporaryDirectory()
folder = Path(home.name)
x, y = load_digits(return_X_y=True)
for i, label in enumerate(y[:200]):
    (folder / f"digit {label}").mkdir(exist_ok=True)
    picture = Image.fromarray((x[i] * 15.9).astype("uint8").reshape(8, 8))
    picture.save(folder / f"digit {label}" / f"{i}.png")

# %% read them
shrink = v2.Resize((5, 5), antialias=False)
read = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32), shrink])
dataset = ImageFolder(folder, read)
names = dataset.classes
labels = torch.cat([labels for _, labels in DataLoader(dataset, 64)])
images = torch.cat([images for images, _ in DataLoader(dataset, 64)])

# %% a part for validation
order = np.random.RandomState(1).permutation(len(dataset))
validation = Subset(dataset, order[-int(0.2 * len(dataset)) :])
held_back = [Path(dataset.samples[i][0]).name for i in validation.indices]

# %% augmentation with its chance taken out
tall = v2.Resize((16, 16))(images[:8])
wide = F.pad(tall, [8], padding_mode="symmetric")
bilinear = {"interpolation": v2.InterpolationMode.BILINEAR}
augmented = {
    "rotation": F.rotate(tall, 45, **bilinear),
    "reflected": F.center_crop(F.rotate(wide, 45, **bilinear), [16]),
    "translation": F.affine(tall, 0, [2, 4], 1, [0], **bilinear),
    "zoom": F.affine(tall, 0, [0, 0], 2, [0], **bilinear),
    "brightness": (tall + 0.2 * 255).clamp(0, 255),
    "center crop": v2.CenterCrop(10)(tall),
    "rescaling": tall / 127.5 - 1,
}

# %% chance is drawn for each image
flip = v2.RandomHorizontalFlip()
turned = torch.stack([flip(image) for image in images])
turned = (turned != images).flatten(1).any(dim=1)

# %% results
augmented = {name: image.movedim(1, -1) for name, image in augmented.items()}
results = {"names": names, "labels": labels, "images": images[:20].movedim(1, -1)}
results |= {"validation": held_back, **augmented}
results["some are turned, some not"] = bool(turned.any() and not turned.all())
print(names, held_back[:3], f"{turned.sum()} of {len(turned)} turned")
