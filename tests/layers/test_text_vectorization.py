"""TextVectorization against Keras."""

from __future__ import annotations

import re

import pytest

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Dense, Embedding, GlobalAveragePooling1D
from keras2torch.layers.text_vectorization import TextVectorization
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

TEXTS = [
    ["The cat sat on the mat."],
    [""],
    ["  the\tDOG\n(the dog!)\x0bsat\x0c down\r "],
    ["Über-Katze, ÜBER KATZE; caf\u00e9 CAFÉ"],
    ["日本語 the\u00a0cat \u2003dog"],
    ["don't_stop [the] {music} ~^`|\\/<>=+*&%$#@\"'?:"],
    ["."],
    ["the dog sat on the cat sat on the dog sat on the mat"],
]
WORDS = [
    "the",
    "cat",
    "dog",
    "sat",
    "über",
    "Über",
    "caf\u00e9",
    "dont",
    "don't",
    "on the",
]
LETTERS = ["t", "h", "e", " ", "ü", "Ü", "日", "é", "."]
TOKENS = [["The", "cat", "x"], ["", "the", "Dog."], ["dog", "DOG!", "the"]]
IDF = [0.5, 1.5, 0.25, 2.0, 1.0, 0.75, 3.0, 0.1, 0.2, 0.3]
MODES = ("multi_hot", "count", "tf_idf")


def text(name: str, shape=(None, 1), vocabulary=WORDS, **options) -> Row:
    """A row of one TextVectorization."""
    given = TOKENS if shape == (None, 3) else TEXTS
    given = [t[0] for t in TEXTS] if shape == (None,) else given
    if options.get("output_mode") == "tf_idf":
        options["idf_weights"] = IDF[: len(vocabulary)]
    return stack(
        name,
        [TextVectorization(vocabulary=vocabulary, **options)],
        shape,
        dtype="string",
        inputs={"in_x": given},
        gradients=False,
        float64=1e-7,
    )


ROWS = [
    text("default"),
    text("scalars", (None,)),
    *[text(str(s), standardize=s) for s in (None, "lower", "strip_punctuation")],
    *[text(f"length_{n}", output_sequence_length=n) for n in (1, 4, 30)],
    text("letters", vocabulary=LETTERS, split="character"),
    text(
        "letters_length",
        vocabulary=LETTERS,
        split="character",
        output_sequence_length=6,
    ),
    text("pairs", ngrams=2),
    text("pairs_length", ngrams=2, output_sequence_length=5),
    *[text(m, output_mode=m) for m in MODES],
    *[text(f"{m}_scalars", (None,), output_mode=m) for m in MODES],
    *[text(f"{m}_pairs", output_mode=m, ngrams=2) for m in MODES],
    *[
        text(f"{m}_letters", vocabulary=LETTERS, output_mode=m, split="character")
        for m in MODES
    ],
    *[
        text(f"{m}_padded", output_mode=m, max_tokens=15, pad_to_max_tokens=True)
        for m in MODES
    ],
    text("tokens", (None, 3), split=None),
    text("tokens_length", (None, 3), split=None, output_sequence_length=5),
    text("tokens_cut", (None, 3), split=None, output_sequence_length=2),
    text(
        "tokens_pairs",
        (None, 3),
        split=None,
        ngrams=2,
        vocabulary=["the", "cat x", "the cat"],
    ),
    *[text(f"tokens_{m}", (None, 3), split=None, output_mode=m) for m in MODES],
    text("sparse", output_mode="count", sparse=True),
    text("special_terms", vocabulary=["", "[UNK]", *WORDS]),
    text("many", vocabulary=[*WORDS, *[f"word{i}" for i in range(50)]]),
    stack(
        "classifier",
        [
            TextVectorization(vocabulary=WORDS, output_sequence_length=7),
            Embedding(12, 4, mask_zero=True),
            GlobalAveragePooling1D(),
            Dense(2),
        ],
        (None, 1),
        dtype="string",
        inputs={"in_x": [t for t in TEXTS if t[0].strip(".")]},
    ),
    stack(
        "bag",
        [TextVectorization(vocabulary=WORDS, output_mode="multi_hot"), Dense(2)],
        (None, 1),
        dtype="string",
        inputs={"in_x": TEXTS},
    ),
]


@rows(ROWS)
def test_like_keras(row, keras):
    check(row, keras)


@pytest.mark.parametrize(
    ("given", "shape", "why"),
    [
        ({"standardize": {"class_name": "function"}}, (None, 1), "standardize="),
        ({"split": {"class_name": "function"}}, (None, 1), "split="),
        ({"ragged": True}, (None, 1), "ragged=True"),
        ({"output_mode": "one_hot"}, (None, 1), "output_mode='one_hot'"),
        ({"ngrams": "two"}, (None, 1), "ngrams='two'"),
        ({}, (None, 3), "the last size must be 1"),
        ({"split": None}, (None,), "split=None"),
    ],
)
def test_what_has_no_rule_is_named(given, shape, why):
    layer = TextVectorization(vocabulary=WORDS, name="my_layer", **given)
    with pytest.raises(UnsupportedLayer, match=f"'my_layer'.*{re.escape(why)}"):
        write(graph(stack("bad", [layer], shape, dtype="string")))
