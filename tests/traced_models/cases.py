"""The models that are not layers alone: where each is built, and with what it is fed.

Imported by the process that makes them, where Keras is, and by the one that converts
them, where torch is: so neither is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

USERS = Path(__file__).with_name("users")
BOTH = ("keras", "tf_keras")


@dataclass(frozen=True)
class Feed:
    """An input: shape without the batch, and what it holds.

    Attributes
    ----------
    vocabulary
        Integers below this; 0, which masks, is among them. ``None``: normal numbers.
    """

    shape: tuple[int, ...]
    vocabulary: int | None = None


@dataclass(frozen=True)
class Case:
    """A model.

    Attributes
    ----------
    name
        The function that builds it.
    file
        The file of ``users/`` that holds this function, and the classes.
    feeds
        One input, several in their order, or several by name.
    keras
        Which Keras can have it.
    forms
        How it is saved: ``keras``, ``h5`` (``h5@keras``: where only Keras 3 reads its
        own file again), ``folder`` (a SavedModel of Keras 2's
        ``save``), ``export`` (one of Keras 3's ``export``), ``module`` (one without
        Keras).
    random
        It draws numbers at inference: nothing that is recorded could be met again.
    """

    name: str
    file: str
    feeds: Feed | list[Feed] | dict[str, Feed]
    keras: tuple[str, ...] = BOTH
    forms: tuple[str, ...] = ("keras",)
    random: bool = False

    def forms_of(self, keras: str) -> tuple[str, ...]:
        """The forms that this Keras writes, and reads again."""
        foreign = {"export"} if keras == "tf_keras" else {"folder"}
        found = (form.partition("@") for form in self.forms)
        return tuple(
            form for form, _, by in found if form not in foreign and by in ("", keras)
        )


IMAGE = Feed((19, 14, 3))
FUNCTIONAL = ("keras", "h5")
# Keras 3 writes ops and masks into HDF5 and does not read them there.
KERAS2_HDF5 = ("keras", "h5@tf_keras")
# tf_keras gives the weights of layers that build() makes one name, and then refuses.
KERAS3_HDF5 = ("keras", "h5@keras")
K3, K2 = ("keras",), ("tf_keras",)

CASES = [
    # Lambdas.
    Case("lambda_named", "lambdas", Feed((9,)), forms=FUNCTIONAL),
    Case("lambda_closure", "lambdas", IMAGE, forms=FUNCTIONAL),
    Case("lambda_multi_input", "lambdas", [Feed((11,)), Feed((11,))], forms=FUNCTIONAL),
    Case("lambda_arguments", "lambdas", Feed((17, 5)), forms=FUNCTIONAL),
    Case("lambda_columns", "lambdas", Feed((4, 6)), K2, FUNCTIONAL),
    Case(
        "siamese_l1",
        "lambdas",
        [Feed((27, 25, 1)), Feed((27, 25, 1))],
        forms=(*FUNCTIONAL, "folder", "export"),
    ),
    # Layers with weights of their own, and layers that hold layers.
    Case("add_weight", "structures", Feed((7,)), forms=FUNCTIONAL),
    Case("untrained_weight", "structures", Feed((6,)), forms=FUNCTIONAL),
    Case("holds_layers", "structures", Feed((8,)), forms=FUNCTIONAL),
    Case("same_weights_twice", "structures", [Feed((8,)), Feed((8,))]),
    Case("loop_over_layers", "structures", Feed((5,))),
    Case("dict_outputs", "structures", Feed((6,)), forms=("keras", "folder", "export")),
    Case(
        "dict_inputs",
        "structures",
        {"user": Feed((), 30), "item": Feed((), 20), "context": Feed((5,))},
    ),
    Case(
        "dict_inputs_functional",
        "structures",
        {"age": Feed((1,)), "city": Feed((1,), 12), "history": Feed((9, 3))},
        forms=FUNCTIONAL,
    ),
    Case("nested_three_deep", "structures", Feed((16, 19, 3))),
    Case("call_arguments", "structures", Feed((9, 4))),
    Case("model_in_functional", "structures", [Feed((17, 14, 3)), Feed((4,))]),
    Case("functional_in_model", "structures", Feed((18, 13, 3))),
    Case("masks", "structures", Feed((12,), 20), forms=KERAS2_HDF5),
    # Graphs of ops.
    Case("ops_graph", "keras3_ops", Feed((16, 13, 3)), K3),
    Case("ops_slicing", "keras3_ops", Feed((14, 6)), K3),
    Case("ops_attention", "keras3_ops", Feed((10, 12)), K3),
    Case("seeded_sampling", "keras3_ops", Feed((14,)), K3, random=True),
    Case("llama_block", "keras3_ops", Feed((9, 8)), K3),
    Case("own_variable", "keras3_ops", Feed((5, 3, 4)), K3),
    Case("ops_mask", "keras3_ops", Feed((11, 4)), K3),
    Case("tf_op_lambda", "tf_ops", Feed((16, 13, 3)), K2, FUNCTIONAL),
    Case("tf_slicing", "tf_ops", Feed((14, 6)), K2, FUNCTIONAL),
    Case("tf_shapes", "tf_ops", Feed((7, 6)), K2, FUNCTIONAL),
    Case("backend_lambda", "tf_ops", [Feed((9, 8)), Feed((9, 8))], K2, FUNCTIONAL),
    Case("own_mask", "tf_ops", Feed((11, 4)), K2, FUNCTIONAL),
    # Images.
    Case("resnet", "vision", Feed((22, 17, 3)), forms=("keras", "folder", "export")),
    Case("unet", "vision", Feed((22, 17, 3))),
    Case("squeeze_excite", "vision", Feed((21, 18, 3)), forms=KERAS3_HDF5),
    Case("cbam", "vision", Feed((15, 22, 3)), forms=KERAS3_HDF5),
    Case("cyclegan_generator", "vision", Feed((20, 24, 3)), forms=FUNCTIONAL),
    Case("raw_conv", "vision", Feed((18, 15, 3)), forms=FUNCTIONAL),
    Case("edsr", "vision", Feed((11, 14, 3)), forms=FUNCTIONAL),
    Case("vit", "vision", Feed((20, 15, 3)), forms=("keras", "folder", "export")),
    Case("focal_modulation", "vision", Feed((13, 16, 3))),
    # Sequences.
    Case("transformer", "sequences", Feed((13,), 40)),
    Case("weight_tying", "sequences", Feed((11,), 30)),
    Case("attention_pooling", "sequences", Feed((12,), 35), forms=KERAS2_HDF5),
    Case("tuple_layer", "sequences", Feed((13, 5)), forms=FUNCTIONAL),
    Case("tcn", "sequences", Feed((23, 4)), forms=KERAS3_HDF5),
    Case("wavenet", "sequences", Feed((15, 2))),
    Case("rnn_cell", "sequences", Feed((9, 4)), forms=FUNCTIONAL),
    Case("gmlp", "sequences", Feed((10, 8)), forms=FUNCTIONAL),
    Case("cross_mixing", "sequences", Feed((11, 8))),
    Case("neighbour_mean", "sequences", Feed((5, 4)), forms=FUNCTIONAL),
    Case("spectral_gating", "sequences", Feed((12, 6)), forms=FUNCTIONAL),
    Case("mixture_of_experts", "sequences", Feed((11,)), forms=FUNCTIONAL),
    Case("fourier_features", "sequences", Feed((2,)), forms=FUNCTIONAL),
    Case("positional_encoding", "sequences", Feed((10,), 25), K2),
    # Generative models.
    Case("vae", "generative", Feed((12, 16, 1)), random=True),
    Case("vae_encoder", "generative", Feed((14,)), forms=FUNCTIONAL, random=True),
    Case("vqvae", "generative", Feed((12, 8, 1)), forms=FUNCTIONAL),
    Case("diffusion", "generative", [Feed((12, 8, 3)), Feed((1, 1, 1))]),
    Case("style_generator", "generative", Feed((6,)), forms=FUNCTIONAL),
    # TensorFlow without Keras.
    Case(
        "recommender",
        "modules",
        {"user": Feed((), 20), "candidates": Feed((7,), 30)},
        K2,
        ("module",),
    ),
    Case("conv_net", "modules", {"image": Feed((17, 14, 3))}, K2, ("module",)),
]


@dataclass(frozen=True)
class Made:
    """A case as one Keras saved it in one form."""

    case: Case
    keras: str
    form: str

    @property
    def name(self) -> str:
        """``keras/resnet.keras``, ``tf_keras/resnet`` for a SavedModel."""
        suffix = {"keras": ".keras", "h5": ".h5"}.get(self.form, "")
        return f"{self.keras}/{self.case.name}{suffix}"

    def path(self, folder: Path) -> Path:
        """Where it lies."""
        return folder / self.name

    def custom_objects(self, folder: Path) -> Path:
        """The file with the classes that it names."""
        return folder / self.keras / f"{self.case.file}.py"

    def recorded(self, folder: Path) -> Path:
        """Inputs and what Keras computed for them: arrays ``i/…`` and ``o/…``."""
        return folder / self.keras / f"{self.case.name}.npz"


def made() -> list[Made]:
    """Every file that ``make.py`` writes."""
    return [
        Made(case, keras, form)
        for case in CASES
        for keras in case.keras
        for form in case.forms_of(keras)
    ]
