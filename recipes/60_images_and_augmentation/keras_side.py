"""Images from folders, and layers that augment them."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits

# %% folders of PNG files, one to a class
home = tempfile.TemporaryDirectory()
folder = Path(home.name)
x, y = load_digits(return_X_y=True)
for i, label in enumerate(y[:200]):
    (folder / f"digit {label}").mkdir(exist_ok=True)
    picture = Image.fromarray((x[i] * 15.9).astype("uint8").reshape(8, 8))
    picture.save(folder / f"digit {label}" / f"{i}.png")

# %% read them
dataset = keras.utils.image_dataset_from_directory(
    folder, image_size=(5, 5), batch_size=64, shuffle=False
)
names = dataset.class_names
labels = np.concatenate([labels for _, labels in dataset])
images = np.concatenate([images for images, _ in dataset])

# %% a part for validation
dataset = keras.utils.image_dataset_from_directory(
    folder, validation_split=0.2, subset="validation", seed=1
)
held_back = [Path(path).name for path in dataset.file_paths]

# %% augmentation with its chance taken out
tall = layers.Resizing(16, 16)(images[:8])
black = {"fill_mode": "constant", "fill_value": 0.0}
augmented = {
    "rotation": layers.RandomRotation((0.125, 0.125), **black),
    "reflected": layers.RandomRotation((0.125, 0.125)),
    "translation": layers.RandomTranslation((0.25, 0.25), (0.125, 0.125), **black),
    "zoom": layers.RandomZoom((-0.5, -0.5), **black),
    "brightness": layers.RandomBrightness((0.2, 0.2)),
    "center crop": layers.CenterCrop(10, 10),
    "rescaling": layers.Rescaling(1 / 127.5, offset=-1),
}
augmented = {name: layer(tall, training=True) for name, layer in augmented.items()}

# %% chance is drawn for each image
turned = layers.RandomFlip("horizontal")(images, training=True)
turned = np.any(turned != images, axis=(1, 2, 3))

# %% results
results = {"names": names, "labels": labels, "images": images[:20]}
results |= {"validation": held_back, **augmented}
results["some are turned, some not"] = bool(turned.any() and not turned.all())
print(names, held_back[:3], f"{turned.sum()} of {len(turned)} turned")
