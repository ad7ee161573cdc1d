"""Images, lines and films in Keras: channels last."""

import keras
import numpy as np
from keras import layers
from PIL import Image
from sklearn.datasets import load_sample_image

# %% a picture as a file holds it
picture = Image.fromarray(load_sample_image("china.jpg")).resize((64, 40))
array = keras.utils.img_to_array(picture)  # height, width, channels; 0..255

# %% a batch of images in 0..1
grey = keras.utils.img_to_array(picture.convert("L"))
image = layers.Rescaling(1 / 255)(array[None])
grey_image = layers.Rescaling(1 / 255)(grey[None])

# %% a line, an image, a film
line = image[:, 20]  # batch, steps, channels
film = np.stack([image[:, :, t : t + 40] for t in range(8)], axis=1)
print("line", line.shape, "image", image.shape, "film", film.shape)

# %% the same weights on both sides
rng = np.random.default_rng(0)


def weights(*shape):
    return rng.normal(0, 0.2, shape).astype("float32")


# %% Conv1D for what is read along a line
conv1d = layers.Conv1D(4, 5)
conv1d.build(line.shape)
conv1d.set_weights([weights(5, 3, 4), weights(4)])

# %% Conv2D for images
conv2d = layers.Conv2D(4, 3)
conv2d.build(image.shape)
conv2d.set_weights([weights(3, 3, 3, 4), weights(4)])

# %% Conv3D for films and volumes
conv3d = layers.Conv3D(4, (2, 3, 3))
conv3d.build(film.shape)
conv3d.set_weights([weights(2, 3, 3, 3, 4), weights(4)])

# %% what else names the channels
features = conv2d(image)
both = keras.ops.concatenate([features, features], axis=-1)
shares = keras.ops.softmax(features)  # over the last axis
pooled = layers.GlobalAveragePooling2D()(features)

# %% and back
shown = np.asarray(image[0])

# %% results
results = {
    "grey": grey_image[0, ::8, ::8, 0],
    "line": conv1d(line),
    "image": features[:, ::8, ::8],
    "film": conv3d(film)[:, :, ::8, ::8],
    "both": both[:, ::8, ::8],
    "shares": shares[:, ::8, ::8],
    "pooled": pooled,
    "shown": shown[::8, ::8],
}
