"""However a script reaches a name, it is the one that Keras 3 has."""

from __future__ import annotations

import pytest
from guide.asking import names, told

from keras2torch.guide.names import canonical, written

IMPORTS = {
    "plain": ("import keras\nkeras.layers.Dense(1)", ["layers.Dense"]),
    "as": ("import keras as K\nK.layers.Dense(1)", ["layers.Dense"]),
    "group": ("from keras import layers as L\nL.Dense(1)", ["layers.Dense"]),
    "tensorflow": (
        "import tensorflow as tf\ntf.keras.layers.Dense(1)",
        ["layers.Dense"],
    ),
    "from tensorflow": (
        "from tensorflow import keras\nkeras.layers.Dense(1)",
        ["layers.Dense"],
    ),
    "import tensorflow.keras as": (
        "import tensorflow.keras as keras\nkeras.Sequential()",
        ["Sequential"],
    ),
    "a name as another": (
        "from tensorflow.keras.layers import Dense as D\nD(1)",
        ["layers.Dense"],
    ),
    "python": (
        "from tensorflow.python.keras.layers import Dense\nDense(1)",
        ["layers.Dense"],
    ),
    "tf_keras": ("import tf_keras\ntf_keras.Model()", ["Model"]),
    "compat": (
        "import tensorflow.compat.v1 as tf\ntf.keras.layers.Dense(1)",
        ["layers.Dense"],
    ),
    "core": ("from keras.layers.core import Dense\nDense(1)", ["layers.Dense"]),
    "convolutional": (
        "from keras.layers.convolutional import Convolution2D, MaxPooling2D\n"
        "Convolution2D(1, 3, 3); MaxPooling2D()",
        ["layers.Conv2D", "layers.MaxPooling2D"],
    ),
    "advanced_activations": (
        "from keras.layers.advanced_activations import LeakyReLU\nLeakyReLU()",
        ["layers.LeakyReLU"],
    ),
    "np_utils": (
        "from keras.utils import np_utils\nnp_utils.to_categorical(y)",
        ["utils.to_categorical"],
    ),
    "np_utils itself": (
        "from keras.utils.np_utils import to_categorical\nto_categorical(y)",
        ["utils.to_categorical"],
    ),
    "image": (
        "from keras.preprocessing.image import ImageDataGenerator, load_img\n"
        "ImageDataGenerator(); load_img('a')",
        ["preprocessing.image.ImageDataGenerator", "utils.load_img"],
    ),
    "experimental": (
        "import tensorflow as tf\n"
        "tf.keras.layers.experimental.preprocessing.Rescaling(2)\n"
        "tf.keras.optimizers.experimental.AdamW()\n"
        "tf.keras.experimental.CosineDecay(1, 2)",
        ["layers.Rescaling", "optimizers.AdamW", "optimizers.schedules.CosineDecay"],
    ),
    "legacy": (
        "from tensorflow import keras\nkeras.optimizers.legacy.Adam()",
        ["optimizers.Adam"],
    ),
    "tf.optimizers": (
        "import tensorflow as tf\ntf.optimizers.Adam(); tf.losses.Huber()",
        ["optimizers.Adam", "losses.Huber"],
    ),
    "mixed precision": (
        "from tensorflow.keras.mixed_precision import experimental as mp\n"
        "mp.set_policy('mixed_float16')",
        ["mixed_precision.set_global_policy"],
    ),
    "backend": ("from keras import backend as K\nK.mean(x)", ["backend.mean"]),
    "applications": (
        "from keras.applications.vgg16 import VGG16, preprocess_input\n"
        "VGG16(); preprocess_input(x)",
        ["applications.VGG16", "applications.preprocess_input"],
    ),
    "ops": (
        "from keras import ops\nops.numpy.matmul(a, b); ops.nn.relu(x)\n"
        "ops.image.resize(x, (2, 2))",
        ["ops.matmul", "ops.relu", "ops.image.resize"],
    ),
    "datasets": (
        "from keras.datasets import mnist\nmnist.load_data()",
        ["datasets.mnist.load_data"],
    ),
    "star": ("from keras.layers import *\nDense(1); foo(2)", ["layers.Dense"]),
    "alias of a class": (
        "import keras\nDense = keras.layers.Dense\nx = Dense(1)",
        ["layers.Dense"],
    ),
    "alias of a module": (
        "import tensorflow as tf\nlayers = tf.keras.layers\nL = layers\nL.Dense(1)",
        ["layers.Dense"],
    ),
    "within a function": (
        "def f():\n    from keras import layers\n    return layers.Dense(1)",
        ["layers.Dense"],
    ),
    "either": (
        "try:\n    from tensorflow import keras\nexcept ImportError:\n"
        "    import keras\nkeras.Model()",
        ["Model"],
    ),
    "a global of a function": (
        "def f():\n    return layers.Dense(1)\nfrom keras import layers",
        ["layers.Dense"],
    ),
    "shadowed": (
        "from keras.layers import Dense\nfrom mine import Dense\nDense(1)",
        [],
    ),
    "bound anew": ("from keras import layers\nlayers = []\nlayers.append(1)", []),
    "a parameter shadows": (
        "from keras import layers\ndef f(layers):\n    return layers.Dense(1)",
        [],
    ),
    "relative": ("from .keras import layers\nlayers.Dense(1)", []),
    "another package": ("import keras_tuner as kt\nkt.RandomSearch(1)", []),
    "no Keras": ("import torch\ntorch.nn.Linear(1, 2)", []),
    "the shim": (
        "import keras2torch as keras\nfrom keras2torch import layers, convert\n"
        "layers.Dense(1); keras.Model(); keras.set_device('cpu'); convert('a')",
        ["layers.Dense", "Model"],
    ),
    "a method of a class": (
        "import keras\nkeras.Model.fit(m, x)\nkeras.utils.FeatureSpace.cross(['a'])",
        ["Model.fit", "FeatureSpace.cross"],
    ),
    "subscript and call": (
        "import keras\n[keras.layers.Dense][0](2)\nf(keras.losses.Huber())",
        ["layers.Dense", "losses.Huber"],
    ),
    "decorator": (
        "import keras\n@keras.saving.register_keras_serializable()\nclass A: pass",
        ["saving.register_keras_serializable"],
    ),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_names_are_followed(case, tmp_path):
    text, expected = IMPORTS[case]
    assert names(told(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("keras.losses.mse", "losses.mean_squared_error"),
        ("keras.initializers.he_normal", "initializers.HeNormal"),
        ("keras.regularizers.l1_l2", "regularizers.L1L2"),
        ("keras.layers.GlobalAvgPool2D", "layers.GlobalAveragePooling2D"),
        ("keras.models.load_model", "saving.load_model"),
        ("keras.engine.topology.Layer", "layers.Layer"),
        ("keras.src.layers.core.dense.Dense", "layers.Dense"),
        ("keras.api._v2.keras.layers.Dense", "layers.Dense"),
        ("keras.Layer", "layers.Layer"),
        ("tensorflow.data.Dataset.range", "tf.data.Dataset.range"),
        ("tensorflow", "tf"),
        ("tensorflow.keras", ""),
    ],
)
def test_spellings(path, expected):
    assert canonical(path) == expected


def test_what_a_recipe_lists_is_brought_into_the_same_form():
    assert written("tf.keras.Model") == "Model"
    assert written("layers.MaxPool2D") == "layers.MaxPooling2D"
    assert written("tf.GradientTape") == "tf.GradientTape"
