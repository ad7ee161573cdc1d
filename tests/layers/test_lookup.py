"""StringLookup and IntegerLookup against Keras."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from keras2torch.errors import UnsupportedLayer
from keras2torch.layers.definitions import Dense, Embedding
from keras2torch.layers.lookup import IntegerLookup, StringLookup
from keras2torch.layers.reshaping import Flatten
from keras2torch.program import write
from tests.layers.harness import Row, check, graph, rows, stack

pytestmark = pytest.mark.needs_keras

COLORS = ["red", "green", "blue", "Über", "light green"]
WORDS = [
    ["red", "green", "RED", ""],
    ["nobody knows it", "Über", "über", "blue"],
    ["light green", "[UNK]", "日本語", "red"],
]
ONE = [[word] for row in WORDS for word in row]
MANY = [f"word {i}" for i in range(100)]
NUMBERS = [[5, 3, -2, 5], [0, 1, 999, 10**15], [-7, 3, 3, -1]]
ONES = [[n] for row in NUMBERS for n in row]
KNOWN = [3, 5, 10**15, -2]


def words(name: str, layer: StringLookup, shape=(None, 4), **options) -> Row:
    """A row of one StringLookup."""
    given = WORDS if shape == (None, 4) else ONE
    given = [row[0] for row in ONE] if shape == (None,) else given
    return stack(
        name, [layer], shape, dtype="string", inputs={"in_x": given}, **options
    )


def numbers(name: str, layer: IntegerLookup, shape=(None, 4), **options) -> Row:
    """A row of one IntegerLookup."""
    given = NUMBERS if shape == (None, 4) else ONES
    return stack(name, [layer], shape, dtype="int64", inputs={"in_x": given}, **options)


MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
IDF = [0.5, 1.5, 0.25, 2.0, 1.0]


def idf(mode: str, count: int) -> dict:
    """Arguments of a mode."""
    return {"output_mode": mode} | (
        {"idf_weights": IDF[:count]} if mode == MODES[-1] else {}
    )


STRINGS = [
    *[words(m, StringLookup(vocabulary=COLORS, **idf(m, 5))) for m in MODES],
    *[
        words(f"{m}_mask", StringLookup(vocabulary=COLORS, mask_token="", **idf(m, 5)))
        for m in MODES
    ],
    *[
        words(f"{m}_one", StringLookup(vocabulary=COLORS, **idf(m, 5)), (None, 1))
        for m in MODES
    ],
    *[
        words(
            f"{m}_hashed",
            StringLookup(
                vocabulary=COLORS, num_oov_indices=3, mask_token="red2", **idf(m, 5)
            ),
        )
        for m in MODES
    ],
    *[
        words(
            f"{m}_padded",
            StringLookup(9, vocabulary=COLORS, pad_to_max_tokens=True, **idf(m, 5)),
        )
        for m in MODES
        if m != "int"
    ],
    words("scalars", StringLookup(vocabulary=COLORS), (None,)),
    words(
        "scalars_one_hot",
        StringLookup(vocabulary=COLORS, output_mode="one_hot"),
        (None,),
    ),
    words("salt", StringLookup(vocabulary=COLORS, num_oov_indices=50, salt=7)),
    words("salts", StringLookup(vocabulary=COLORS, num_oov_indices=50, salt=[7, -8])),
    words(
        "special_terms",
        StringLookup(vocabulary=["", "[UNK]", *COLORS], mask_token=""),
    ),
    words("other_oov", StringLookup(vocabulary=["?", *COLORS], oov_token="?")),
    words("many", StringLookup(vocabulary=MANY)),
    words("sparse", StringLookup(vocabulary=COLORS, output_mode="count", sparse=True)),
    stack(
        "nothing_unknown",
        [StringLookup(vocabulary=COLORS, num_oov_indices=0)],
        (None, 2),
        dtype="string",
        inputs={"in_x": [["red", "blue"], ["Über", "green"]]},
    ),
    stack(
        "embedded",
        [StringLookup(vocabulary=COLORS), Embedding(6, 3), Flatten(), Dense(2)],
        (None, 4),
        dtype="string",
        inputs={"in_x": WORDS},
    ),
    stack(
        "counted",
        [StringLookup(vocabulary=COLORS, output_mode="multi_hot"), Dense(2)],
        (None, 4),
        dtype="string",
        inputs={"in_x": WORDS},
    ),
]

INTEGERS = [
    *[numbers(m, IntegerLookup(vocabulary=KNOWN, **idf(m, 4))) for m in MODES],
    *[
        numbers(f"{m}_mask", IntegerLookup(vocabulary=KNOWN, mask_token=0, **idf(m, 4)))
        for m in MODES
    ],
    *[
        numbers(f"{m}_one", IntegerLookup(vocabulary=KNOWN, **idf(m, 4)), (None, 1))
        for m in MODES
    ],
    *[
        numbers(
            f"{m}_oov",
            IntegerLookup(
                vocabulary=KNOWN, num_oov_indices=3, mask_token=1, **idf(m, 4)
            ),
        )
        for m in MODES
    ],
    numbers(
        "farm",
        IntegerLookup(vocabulary=KNOWN, num_oov_indices=9, oov_method="farmhash"),
    ),
    numbers(
        "salt",
        IntegerLookup(
            vocabulary=KNOWN, num_oov_indices=9, oov_method="farmhash", salt=3
        ),
    ),
    numbers("many", IntegerLookup(vocabulary=list(range(500, 2, -3)))),
    numbers("special_terms", IntegerLookup(vocabulary=[0, -1, 3, 5], mask_token=0)),
    stack(
        "floats",
        [IntegerLookup(vocabulary=KNOWN)],
        (None, 3),
        inputs={"in_x": [[3.0, 3.7, -2.2], [5.0, 0.0, 1.0]]},
    ),
    stack(
        "encoded",
        [IntegerLookup(vocabulary=KNOWN, output_mode="one_hot"), Dense(2)],
        (None, 1),
        dtype="int64",
        inputs={"in_x": ONES},
    ),
]
PLACES = [[0, 1, 2, 3], [4, 5, 6, 70], [-1, 2, 2, 1]]
INVERSE = [
    stack(
        "words",
        [StringLookup(vocabulary=COLORS, invert=True)],
        (None, 4),
        dtype="int64",
        inputs={"in_x": PLACES},
    ),
    stack(
        "words_mask",
        [
            StringLookup(
                vocabulary=COLORS, invert=True, mask_token="", num_oov_indices=2
            )
        ],
        (None, 4),
        dtype="int64",
        inputs={"in_x": PLACES},
    ),
    stack(
        "integers",
        [IntegerLookup(vocabulary=KNOWN, invert=True)],
        (None, 4),
        dtype="int64",
        inputs={"in_x": PLACES},
    ),
    stack(
        "integers_mask",
        [IntegerLookup(vocabulary=KNOWN, invert=True, mask_token=9, oov_token=-5)],
        (None, 4),
        dtype="int64",
        inputs={"in_x": PLACES},
    ),
]
STRINGS = [
    replace(r, gradients=len(r.name) > 6 and r.name in ("embedded", "counted"))
    for r in STRINGS
]
INTEGERS = [replace(r, gradients=r.name == "encoded") for r in INTEGERS]
INVERSE = [replace(r, gradients=False) for r in INVERSE]


# Keras keeps a list of weights in float32, whatever the dtype.
STRINGS = [replace(r, float64=1e-7) for r in STRINGS]
INTEGERS = [replace(r, float64=1e-7) for r in INTEGERS]


@rows(STRINGS)
def test_strings_like_keras(row, keras):
    check(row, keras)


@rows(INTEGERS)
def test_integers_like_keras(row, keras):
    check(row, keras)


@rows(INVERSE)
def test_back_like_keras(row, keras):
    check(row, keras)


# ---------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (StringLookup(), "it has no vocabulary"),
        (StringLookup(vocabulary="/etc/passwd"), "never opened"),
        (StringLookup(vocabulary=["a", "b", "a"]), "a term twice"),
        (StringLookup(vocabulary=["a", "b"], mask_token="b"), "the mask token"),
        (StringLookup(vocabulary=["a", 3]), "3 in its vocabulary"),
        (StringLookup(vocabulary=["a"], output_mode="words"), "output_mode='words'"),
        (StringLookup(vocabulary=["a"], num_oov_indices=2, salt="x"), "salt='x'"),
        (
            StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1, 2, 3]),
            "3 idf_weights for 1 terms",
        ),
        (IntegerLookup(vocabulary=[2**64]), "no int64"),
        (IntegerLookup(vocabulary=["3"]), "no integer"),
        (
            IntegerLookup(vocabulary=[1], num_oov_indices=2, oov_method="sum"),
            "oov_method='sum'",
        ),
    ],
)
def test_what_has_no_rule_is_named(layer, why):
    layer.name = "my_layer"
    dtype = "string" if isinstance(layer, StringLookup) else "int64"
    with pytest.raises(UnsupportedLayer, match=f"'my_layer'.*{re.escape(why)}"):
        write(graph(stack("bad", [layer], (None, 2), dtype=dtype)))


def test_other_layers_take_no_strings():
    with pytest.raises(UnsupportedLayer, match=r"'my_layer'.*called on strings"):
        graph(stack("bad", [Dense(2, name="my_layer")], (None, 2), dtype="string"))


def test_an_unknown_word_is_an_error_where_there_is_no_place_for_it():
    layer = StringLookup(vocabulary=["a", "b"], num_oov_indices=0)
    module = write(graph(stack("none", [layer], (None, 2), dtype="string"))).module()
    assert module([["a", "b"]]).tolist() == [[0, 1]]
    with pytest.raises(ValueError, match="not in the vocabulary: \\['c'\\]"):
        module([["a", "c"]])


def test_words_come_in_every_form():
    layer = StringLookup(vocabulary=["ä", "b"])
    module = write(graph(stack("forms", [layer], (None, 2), dtype="string"))).module()
    words = [["ä", "b"], ["?", "ä"]]
    for form in (
        words,
        tuple(map(tuple, words)),
        np.array(words),
        np.array(words, dtype=object),
        np.char.encode(words, "utf-8"),
    ):
        assert module(form).tolist() == [[1, 2], [0, 1]]
    with pytest.raises(ValueError, match="not of one length"):
        module([["ä", "b"], ["b"]])


def test_words_of_any_letters_lie_in_the_file_as_they_are():
    words = [
        "",
        " ",
        "a\tb",
        "caf\u00e9",
        "\r",
        "\u2028",
        "\udcff",
        *map(str, range(30)),
    ]
    layer = StringLookup(vocabulary=words, name="layer")
    program = write(graph(stack("letters", [layer], (None,), dtype="string")))
    assert list(program.files) == ["layer.txt"]
    assert program.module()(words).tolist() == list(range(1, len(words) + 1))
    layer.vocabulary = [*words, "two\nlines"]
    program = write(graph(stack("letters", [layer], (None,), dtype="string")))
    assert not program.files
    assert program.module()(["two\nlines"]).tolist() == [len(words) + 1]
