"""What is said: recipes, equals, the shim, and the sum, in three forms."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from guide.asking import told

from keras2torch.cli import main
from keras2torch.guide import guide
from keras2torch.guide.page import page
from keras2torch.recipes.catalogue import catalogue

SCRIPT = """\
import keras
from keras import layers, ops

model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, class_weight={0: 1.0}, validation_split=0.1)
y = ops.matmul(x, x)
layers.Wobble(3)
"""


@pytest.fixture
def report(tmp_path):
    return told(tmp_path, SCRIPT)


def of(report, name):
    return next(i for i in report.idioms if i.name == name)


def test_equals_and_the_shim(report):
    dense = of(report, "layers.Dense")
    assert dense.torch == "nn.Linear(in_features, units)"
    assert dense.shim == "yes"
    assert of(report, "ops.matmul").torch == "torch.matmul(x, y)"
    fit = of(report, "Model.fit")
    assert (fit.torch, bool(fit.note), bool(fit.recipes)) == (None, True, True)


def test_no_equal_is_what_neither_torch_nor_a_recipe_has(tmp_path):
    text = "from keras import backend as K\nfrom keras import Model\n"
    report = told(tmp_path, text + "K.get_session()\nModel().fit(x)\n")
    assert [name for name, _ in report.without_equal] == ["backend.get_session"]


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("layers.Conv2D", "17_conv_same_stride"),
        ("Conv2D(padding=same, strides)", "17_conv_same_stride"),
        ("layers.Flatten", "18_flatten_order"),
        ("activations.relu", "16_activation_argument"),
        ("Model.fit", "47_fit"),
        ("Model.compile", "37_compile"),
        ("fit(class_weight)", "50_class_weight"),
        ("fit(validation_split)", "48_validation_split"),
    ],
)
def test_the_recipe_that_is_about_it_comes_first(report, name, recipe):
    if recipe not in {r.name for r in catalogue()}:
        pytest.skip(f"no recipe {recipe}")
    assert of(report, name).recipes[0].name == recipe
    assert recipe in [r.name for r in report.recipes]


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("layers.AveragePooling2D(padding='same')", "AveragePooling2D", "AvgPool2d"),
        ("layers.MaxPooling2D(padding='same')", "MaxPooling2D", "inf"),
        (
            "keras.losses.BinaryCrossentropy(label_smoothing=0.1)",
            "BinaryCrossentropy",
            "y * (1 - s)",
        ),
    ],
)
def test_an_argument_of_this_one(line, name, said, tmp_path):
    found = told(tmp_path, f"import keras\nfrom keras import layers\n{line}").idioms
    (argument,) = (i for i in found if i.found.kind == "argument")
    assert argument.name.startswith(f"{name}(")
    assert said in argument.torch


def test_an_argument_that_the_shim_refuses_has_the_name_of_the_script(tmp_path):
    text = "from keras.layers import Dense\nDense(1, W_regularizer=r)\nDense(2)"
    report = told(tmp_path, text)
    assert report.refused == {"Dense(W_regularizer)": "2"}
    assert report.without_shim == []
    assert report.to_dict()["shim_refuses"] == ["Dense(W_regularizer)"]
    lacks = {i.name: i.lack for i in report.idioms}
    assert lacks["Dense(kernel_regularizer)"] == "W_regularizer= not in the shim"
    assert "Dense(W_regularizer)</code> <a" in page([report])
    result = CliRunner().invoke(main, ["guide", str(report.path)])
    assert "Arguments not in the shim: Dense(W_regularizer) (line 2)" in result.output


def test_what_a_recipe_of_the_call_teaches_is_said_once(tmp_path):
    text = (
        "import keras\nclass L(keras.layers.Layer):\n    def build(self, s):\n"
        "        self.add_weight(shape=s, initializer=i)\n"
        "keras.layers.Conv2D(filters=8, kernel_size=3)"
    )
    found = told(tmp_path, text).idioms
    assert [i.name for i in found if i.found.kind == "argument"] == []


def test_recipes_are_in_the_order_of_the_course(report):
    numbers = [r.number for r in report.recipes]
    assert numbers == sorted(set(numbers))


def test_the_sum(report):
    assert report.unknown == ["layers.Wobble"]
    assert "layers.Wobble" in report.without_shim
    assert report.tensorflow == []
    known = len(report.names) - 1
    assert report.share == known / len(report.names)
    assert f"{known} known" in report.sentence()


def test_the_family_where_no_recipe_lists_a_name(tmp_path):
    found = told(tmp_path, "import keras\nkeras.layers.ConvLSTM2D(3, 3)\n")
    idiom = of(found, "layers.ConvLSTM2D")
    assert [r.name for r in idiom.recipes][:1] in ([], ["23_lstm"])


def test_a_functional_model_is_no_subclass(tmp_path):
    text = "import keras\nkeras.Model(a, b)\nclass N(keras.Model): pass\n"
    functional, subclass = (i for i in told(tmp_path, text).idioms if i.name == "Model")
    names = {r.name for r in catalogue()}
    if {"12_functional", "13_subclassed_model"} <= names:
        assert functional.recipes[0].name == "12_functional"
        assert subclass.recipes[0].name == "13_subclassed_model"


def test_the_keras_sides_of_the_recipes():
    """Every Keras name in the course is known, and leads back to its recipe."""
    led = []
    for recipe in catalogue():
        if recipe.is_pitfall:
            continue
        found = guide(recipe.sides[0].path)
        assert found.unknown == [], recipe.name
        led.append(recipe.name in {r.name for i in found.idioms for r in i.recipes})
    assert sum(led) >= 0.9 * len(led)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import keras", "import keras2torch as keras"),
        ("import keras as K", "import keras2torch as K"),
        ("from keras.layers.core import *", "from keras2torch.layers import *"),
        ("from keras.legacy import *", "the shim has no legacy"),
        (
            "from keras.applications import *",
            "from keras2torch.applications import *",
        ),
        (
            "from keras.applications.vgg16 import VGG16, preprocess_input as ready",
            "from keras2torch.applications.vgg16 import VGG16, "
            "preprocess_input as ready",
        ),
        (
            "import keras.applications.imagenet_utils as iu",
            "import keras2torch.applications.imagenet_utils as iu",
        ),
        ("import keras.layers", "import keras2torch as keras"),
        ("import keras.layers.core as c", "import keras2torch.layers as c"),
        (
            "import tensorflow.keras",
            "TensorFlow's own functions become torch's; tf.keras is keras.",
        ),
        (
            "import tensorflow.keras.layers as L",
            "import keras2torch.layers as L",
        ),
        ("from tensorflow import keras", "import keras2torch as keras"),
        ("from keras.layers.core import Dense", "from keras2torch.layers import Dense"),
        ("from keras.models import Model", "from keras2torch import Model"),
        (
            "from keras.utils import np_utils",
            "from keras2torch import utils as np_utils",
        ),
        ("from keras import backend as K", "from keras2torch import backend as K"),
        ("from keras.layers import Wobble", "the shim has no Wobble"),
        (
            "from keras.preprocessing import image",
            "from keras2torch.preprocessing import image",
        ),
        ("from keras.regularizers import wobble", "the shim has no wobble"),
        ("import keras.ops as K", "import keras2torch.ops as K"),
        (
            "from keras.preprocessing import sequence",
            "from keras2torch.preprocessing import sequence",
        ),
        (
            "from keras.regularizers import activity_l2",
            "from keras2torch.regularizers import L2 as activity_l2",
        ),
    ],
)
def test_the_import_that_the_shim_takes(line, said, tmp_path):
    assert told(tmp_path, line).idioms[0].note == said


def test_json(report, tmp_path):
    result = CliRunner().invoke(main, ["guide", str(report.path), "--json"])
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data == json.loads(report.to_json())
    assert data["unknown"] == ["layers.Wobble"]
    wobble = next(i for i in data["idioms"] if i["name"] == "layers.Wobble")
    assert wobble["line"] == "15"
    assert wobble["sure"] is True
    assert wobble["known"] is False


def test_several_scripts(tmp_path):
    for name in ("a.py", "b.py"):
        told(tmp_path, "import keras\nkeras.Model()", name)
    files = [str(tmp_path / "a.py"), str(tmp_path / "b.py")]
    data = json.loads(CliRunner().invoke(main, ["guide", *files, "--json"]).stdout)
    assert [d["file"] for d in data] == files


def test_the_terminal(report):
    result = CliRunner().invoke(main, ["guide", str(report.path)])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "\x1b" not in result.output
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("9  layers"))
    assert "nn.Linear(in_features, units)" in lines[at + 1]
    assert any("layers.Wobble unknown" in line for line in lines)
    assert any(line.startswith("Unknown: layers.Wobble (line 15)") for line in lines)
    # Piped, a line stays a line; an idiom is explained once.
    assert result.output.count("nn.Conv2d(in_channels") == 1


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.links = []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("href", "src")]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page(report):
    text = page([report])
    found = Tags(text)
    assert found.open == []
    assert "script" not in found.tags
    # Nothing is fetched: links are within the page.
    assert all(link.startswith(("#", "data:")) for link in found.links)
    assert "http" not in text.replace("http-equiv", "")
    assert text.count('class="row') == len(report.source.lines)
    assert 'id="s1-15"' in text
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_escapes_hostile_source(tmp_path):
    hostile = (
        "import keras\n"
        "x = '</script></pre><script>alert(1)</script>'\n"
        "keras.layers.Dense(3, activation='<img src=x onerror=alert(1)>')\n"
        "# <b>{{ 7 * 7 }}</b>\n"
    )
    name = "<i>.py"
    text = page([told(tmp_path, hostile, name)])
    tags = Tags(text).tags
    assert "script" not in tags
    assert "img" not in tags
    assert "i" not in tags
    assert "{{ 7 * 7 }}" in text
    assert "&lt;img" in text


def test_the_page_is_written_whole(report, tmp_path):
    out = tmp_path / "new" / "page.html"
    result = CliRunner().invoke(main, ["guide", str(report.path), "--html", str(out)])
    assert result.exit_code == 0
    assert [p.name for p in out.parent.iterdir()] == ["page.html"]


def test_the_script_is_never_written_over(report, tmp_path):
    before = report.path.read_text()
    (tmp_path / "folder").mkdir()
    for target in (report.path, tmp_path / "folder"):
        words = ["guide", str(report.path), "--html", str(target)]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 2
        assert len(result.stderr.strip().splitlines()) == 1
    assert report.path.read_text() == before
    assert not (tmp_path / ".folder.part").exists()


@pytest.mark.parametrize(
    "command", [["guide", "SCRIPT"], ["guide", "SCRIPT", "--json"]]
)
def test_neither_torch_nor_tensorflow_is_imported(command, report):
    words = [str(report.path) if w == "SCRIPT" else w for w in command]
    code = (
        "import sys\nfrom keras2torch.cli import main\n"
        f"main({words!r}, standalone_mode=False)\n"
        "names = ('torch', 'tensorflow', 'keras', 'onnx')\n"
        "print([m for m in names if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
