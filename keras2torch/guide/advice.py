"""Which recipes teach a Keras name: exactly, by an argument, or by its family."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache

from keras2torch.errors import UnusableFile
from keras2torch.guide import equals
from keras2torch.guide.names import written
from keras2torch.guide.spellings import pascal
from keras2torch.guide.values import kinds
from keras2torch.recipes.catalogue import Recipe, catalogue
from keras2torch.spelling import snake_case

# Where no recipe lists a name: by whose recipe it is taught. The first that is listed
# by any recipe counts.
_FAMILIES = (
    ("layers.Conv*DTranspose", "layers.Conv2DTranspose layers.Conv2D"),
    ("layers.ConvLSTM*", "layers.LSTM"),
    ("layers.*Conv*D", "layers.Conv2D"),
    ("layers.Max*Pooling*", "layers.MaxPooling2D"),
    ("layers.Average*Pooling*", "layers.AveragePooling2D layers.MaxPooling2D"),
    ("layers.*Dropout*", "layers.Dropout"),
    ("layers.GaussianNoise", "layers.Dropout"),
    ("layers.Random*", "layers.RandomFlip"),
    ("layers.Center*", "layers.RandomFlip"),
    ("layers.Resizing", "layers.RandomFlip"),
    ("layers.*Lookup", "layers.StringLookup"),
    ("layers.Hash*", "layers.StringLookup"),
    ("layers.*Attention", "layers.MultiHeadAttention"),
    ("layers.*RNN", "layers.LSTM"),
    ("layers.*Cell", "layers.LSTM"),
    ("layers.Masking", "layers.Embedding"),
    ("layers.*Normalization", "layers.BatchNormalization"),
    ("Layer.adapt", "layers.Normalization"),
    ("Layer.*_vocabulary", "layers.TextVectorization"),
    ("Layer.build", "layers.Layer"),
    ("Layer.add_weight", "layers.Layer"),
    ("Layer.call", "layers.Layer"),
    ("Layer.compute_mask", "layers.Embedding"),
    ("Layer.losses", "Layer.add_loss"),
    ("Layer.trainable", "Model.trainable"),
    ("Layer.*trainable*", "Layer.trainable_variables"),
    ("Layer.count_params", "Model.summary"),
    ("Layer.get_weights", "Model.get_weights Model.save_weights"),
    ("Layer.set_weights", "Model.set_weights Model.load_weights"),
    ("activations.*", "Dense(activation) layers.Activation"),
    ("callbacks.*", "callbacks.Callback"),
    ("Callback.*", "callbacks.Callback"),
    ("History.*", "callbacks.History Model.fit"),
    ("initializers.*", "initializers.GlorotUniform layers(kernel_initializer)"),
    ("regularizers.*", "regularizers.L2"),
    ("losses.Loss", "losses.Loss"),
    ("Loss.*", "losses.Loss"),
    ("losses.Categorical*", "losses.CategoricalCrossentropy"),
    ("losses.*crossentropy", "losses.CategoricalCrossentropy"),
    ("losses.*", "compile(loss) Model.compile"),
    ("Metric.*", "metrics.Metric"),
    ("metrics.*", "metrics.Metric compile(metrics)"),
    ("optimizers.schedules.*", "optimizers.schedules.ExponentialDecay"),
    ("LearningRateSchedule.*", "optimizers.schedules.LearningRateSchedule"),
    ("optimizers.*", "optimizers.Adam optimizers.SGD"),
    ("Optimizer.apply*", "tf.GradientTape Model.train_step"),
    ("Optimizer.learning_rate", "callbacks.LearningRateScheduler"),
    ("Optimizer.lr", "callbacks.LearningRateScheduler"),
    ("Model.*_generator", "utils.PyDataset"),
    ("PyDataset.*", "utils.PyDataset"),
    ("Model.save*", "Model.save"),
    ("Model.load*", "Model.load_weights Model.save_weights"),
    ("saving.*_model", "saving.load_model Model.save"),
    ("Model.predict*", "Model.predict"),
    ("Model.*_on_batch", "Model.train_on_batch"),
    ("Model.*_step", "Model.train_step"),
    ("Model.compute_loss", "Model.train_step"),
    ("Model.layers", "Model.get_layer Model.summary"),
    ("applications.*", "applications.ResNet50 applications.MobileNetV2"),
    ("tf.GradientTape*", "tf.GradientTape"),
    ("tf.data.*", "tf.data.Dataset"),
    ("tf.distribute.*", "tf.distribute.MirroredStrategy"),
    ("distribution.*", "tf.distribute.MirroredStrategy"),
    ("mixed_precision.*", "mixed_precision.set_global_policy"),
    ("tf.random.set_seed", "utils.set_random_seed"),
    ("tf.set_random_seed", "utils.set_random_seed"),
    ("utils.*_dataset_from_directory", "utils.image_dataset_from_directory"),
    ("preprocessing.image.*", "utils.image_dataset_from_directory"),
    ("ImageDataGenerator.*", "utils.image_dataset_from_directory"),
    ("preprocessing.text.*", "layers.TextVectorization"),
    ("Tokenizer.*", "layers.TextVectorization"),
    ("random.*", "utils.set_random_seed"),
    ("tf.train.Checkpoint*", "callbacks.BackupAndRestore callbacks.ModelCheckpoint"),
    ("ExportArchive.*", "Model.export"),
    ("export.*", "Model.export"),
    ("ops.convert_to_tensor", "ops.convert_to_tensor tf.constant"),
)
_ARGUMENT = re.compile(r"^([\w.]+)\((.+)\)$")
# Of many recipes for one name the others are about other things.
CLOSE = 3
# Recipes that list a name beside many others come after those that are about it.
_MANY = 12
# A name of so few letters begins too many words.
_SHORT = 5


def recipes_for(name: str, argument: str | None = None) -> tuple[Recipe, ...]:
    """Return the recipes of a canonical name, those that are about it first.

    Parameters
    ----------
    name
        ``layers.Conv2D``, ``Model.fit``.
    argument
        ``Conv2D(padding)``, if it is an argument that the recipe shall be about.
    """
    for key in (argument, name):
        if key and (found := _by_key(key)):
            return found
    for pattern, others in _FAMILIES:
        if fnmatchcase(name, pattern):
            for other in others.split():
                if found := _by_key(other):
                    return found
    return ()


def named(word: str) -> list[tuple[str, equals.Equal, tuple[Recipe, ...]]]:
    """Return what is known of a Keras name that a person typed, in any case.

    Each is a canonical name with its equal and its recipes; ``Conv2DTranspose`` is
    ``layers.Conv2DTranspose``, and ``dropout`` also a function of ``random``.
    """
    wanted = word.strip().lower().removeprefix("tf.").removeprefix("keras.")
    return [
        (name, equal, recipes_for(name))
        for name, equal in equals.names()
        if "*" not in name and f".{name.lower()}".endswith(f".{wanted}")
    ]


def _by_key(key: str) -> tuple[Recipe, ...]:
    for spelled in _spelled(key):
        if spelled in taught():
            return taught()[spelled]
    return ()


def _spelled(key: str) -> list[str]:
    """Return the ways in which a recipe may name this, the closest first."""
    if match := _ARGUMENT.match(key):
        home, argument = match.groups()
        bare = argument.partition("=")[0]
        return [key, f"{home}({bare})"]
    home, _, last = key.rpartition(".")
    found = [key]
    if last in pascal():
        found += [f"{home}.{pascal()[last]}", f"losses.{pascal()[last]}"]
    if home in ("losses", "metrics"):
        found.append(f"{home}.{snake_case(last)}")
    if home in ("Layer", "Model", "Sequential"):
        found += [f"{other}.{last}" for other in ("Model", "Layer", "Sequential")]
    if home.startswith("tf.distribute."):
        found.append(f"tf.distribute.MirroredStrategy.{last}")
    if home.startswith("tf") or home == "backend":
        found += [f"ops.{last}", f"tf.{last}"]
    return found


@cache
def taught() -> dict[str, tuple[Recipe, ...]]:
    """Return the recipes by each canonical name and argument that they list."""
    try:
        recipes = catalogue()
    except UnusableFile:
        # The guide is of use without recipes: equals and the shim remain.
        return {}
    found: dict[str, list[tuple[tuple[int, ...], Recipe]]] = {}
    for recipe in recipes:
        for place, listed in enumerate(recipe.keras):
            for key in _keys(listed):
                rank = (
                    recipe.is_pitfall,
                    not _is_about(recipe, key),
                    min(place, _MANY),
                    recipe.number,
                )
                found.setdefault(key, []).append((rank, recipe))
    return {
        key: tuple(_unique(r for _, r in sorted(pairs, key=lambda p: p[0])))
        for key, pairs in found.items()
    }


def _keys(listed: str) -> list[str]:
    """Return the keys of a name that a recipe lists, as its author wrote it."""
    if match := _ARGUMENT.match(listed.strip()):
        home, inside = match.groups()
        last = home.rpartition(".")[2]
        arguments = (
            a.strip().replace('"', "").replace("'", "") for a in inside.split(",")
        )
        return [f"{last}({a})" for a in arguments if a]
    return [_meant(listed.strip())]


def _meant(listed: str) -> str:
    """Return the canonical name, where an author left a part of it out."""
    name = written(listed)
    if equals.is_listed(name):
        return name
    owner, _, last = listed.rpartition(".")
    for start in ("tf.", "tf.data.", "tf.distribute.", "preprocessing.image."):
        if equals.is_listed(f"{start}{listed}"):
            return f"{start}{listed}"
    for group in ("", "layers.", "callbacks."):
        if owner and (method := equals.method_of(kinds(f"{group}{owner}"), last)):
            return method
    strategies = f"tf.distribute.MirroredStrategy.{last}"
    return strategies if equals.is_listed(strategies) else name


def _is_about(recipe: Recipe, key: str) -> bool:
    """Whether the recipe is called after the name: ``47_fit`` for ``Model.fit``."""
    match = _ARGUMENT.match(key)
    last = match[2] if match else key.rpartition(".")[2]
    words = snake_case(last.partition("=")[0]).rstrip("123d").strip("_")
    called = recipe.name.partition("_")[2]
    return (
        called == words
        or called.startswith(f"{words}_")
        or called.endswith(f"_{words}")
        or (len(called) > _SHORT and words.startswith(called))
    )


def _unique(recipes: Iterable[Recipe]) -> list[Recipe]:
    # A recipe holds dicts and cannot be hashed itself.
    return list({recipe.name: recipe for recipe in recipes}.values())
