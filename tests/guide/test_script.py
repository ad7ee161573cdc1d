"""Which idioms are found in a script: methods, arguments, strings, overrides."""

from __future__ import annotations

import time

import pytest
from guide.asking import names, told

HEAD = "import keras\nfrom keras import layers\nimport tensorflow as tf\n"

# Script, and what is found in it beside what stands in HEAD.
CASES = {
    "compile with strings": (
        "m = keras.Sequential()\nm.compile('adam', loss='mse', metrics=['accuracy'])",
        ["optimizers.Adam", "losses.MeanSquaredError", "metrics.accuracy"],
    ),
    "a dict of losses": (
        "m = keras.Model()\n"
        "m.compile(loss={'a': 'sparse_categorical_crossentropy', 'b': 'mae'})",
        ["losses.SparseCategoricalCrossentropy", "losses.MeanAbsoluteError"],
    ),
    "activation": ("layers.Dense(3, activation='relu')", ["activations.relu"]),
    "activation by position": ("layers.Dense(3, 'softmax')", ["activations.softmax"]),
    "an activation of the user's": (
        "layers.Dense(3, activation='wobble')",
        ["activations.wobble"],
    ),
    "initializer and regularizer": (
        "layers.Conv2D(3, 3, kernel_initializer='he_normal', kernel_regularizer='l2')",
        ["initializers.HeNormal", "regularizers.L2"],
    ),
    "Keras 1": (
        "layers.Conv2D(3, 3, 3, init='glorot_uniform', border_mode='same')",
        ["initializers.GlorotUniform", "Conv2D(padding=same)"],
    ),
    "same with a stride": (
        "layers.Conv2D(3, 3, strides=2, padding='same')",
        ["Conv2D(padding=same, strides)"],
    ),
    "mask": ("layers.Embedding(9, 3, mask_zero=True)", ["Embedding(mask_zero)"]),
    "no mask": ("layers.Embedding(9, 3, mask_zero=False)", []),
    "recurrent": (
        "layers.LSTM(3, return_state=True, stateful=True)",
        ["LSTM(return_state)", "LSTM(stateful)"],
    ),
    "fit": (
        "m = keras.Sequential()\n"
        "m.fit(x, y, validation_split=0.1, class_weight={0: 1})",
        ["Model.fit", "fit(validation_split)", "fit(class_weight)"],
    ),
    "history": (
        "m = keras.Model()\nh = m.fit(x)\nprint(h.history)",
        ["Model.fit", "History.history"],
    ),
    "returned by a function": (
        "def build():\n    m = keras.Sequential()\n    return m\nbuild().summary()",
        ["Model.summary"],
    ),
    "a tuple returned": (
        "def build():\n    return keras.Model(), keras.optimizers.Adam()\n"
        "m, o = build()\nm.predict(x)\no.apply_gradients(g)",
        ["Model.predict", "Optimizer.apply_gradients"],
    ),
    "handed to a function": (
        "def train(net):\n    net.evaluate(x)\ntrain(keras.Sequential())",
        ["Model.evaluate"],
    ),
    "loaded": (
        "m = keras.models.load_model('m.keras')\nm.evaluate(x)",
        ["saving.load_model", "Model.evaluate"],
    ),
    "an application": (
        "b = tf.keras.applications.VGG16(include_top=False)\nb.trainable = False",
        ["applications.VGG16", "VGG16(include_top=False)", "Model.trainable"],
    ),
    "layers of a model": (
        "m = keras.Model()\nfor layer in m.layers[:-1]:\n    layer.trainable = False",
        ["Model.layers", "Layer.trainable"],
    ),
    "a subclass": (
        "class Net(keras.Model):\n"
        "    def __init__(self):\n        self.d = layers.Dense(1)\n"
        "    def call(self, x):\n        return self.d(x)\n"
        "    def train_step(self, data):\n        return self.compute_loss(*data)\n"
        "    def mine(self): pass\n"
        "n = Net()\nn.mine()\nn.fit(x)",
        ["Model.call", "Model.train_step", "Model.compute_loss", "Model.fit"],
    ),
    "a layer of one's own": (
        "class L(layers.Layer):\n"
        "    def build(self, s):\n        self.w = self.add_weight(shape=s)\n"
        "    def get_config(self):\n        return super().get_config()",
        ["Layer.build", "Layer.add_weight", "Layer.get_config"],
    ),
    "a subclass of a subclass": (
        "class A(keras.Model): pass\nclass B(A):\n    def test_step(self, d): pass",
        ["Model.test_step"],
    ),
    "a callback": (
        "class C(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, e, logs):\n        self.model.stop_training = True",
        ["Callback.on_epoch_end", "Callback.model", "Model.stop_training"],
    ),
    "a loss, a metric, a schedule, a data set": (
        "class A(keras.losses.Loss):\n    def call(self, a, b): pass\n"
        "class B(keras.metrics.Metric):\n    def result(self): pass\n"
        "class C(keras.optimizers.schedules.LearningRateSchedule):\n"
        "    def __call__(self, s): pass\n"
        "class D(keras.utils.Sequence):\n    def __getitem__(self, i): pass",
        [
            "Loss.call",
            "Metric.result",
            "LearningRateSchedule.__call__",
            "utils.PyDataset",
            "PyDataset.__getitem__",
        ],
    ),
    "tape": (
        "m = keras.Model()\n"
        "with tf.GradientTape() as tape:\n    loss = tf.reduce_mean(m(x))\n"
        "g = tape.gradient(loss, m.trainable_variables)",
        [
            "tf.GradientTape",
            "tf.reduce_mean",
            "tf.GradientTape.gradient",
            "Model.trainable_variables",
        ],
    ),
    "pipeline": (
        "d = tf.data.Dataset.from_tensor_slices(x).shuffle(9).batch(3)\n"
        "d = d.map(f).prefetch(tf.data.AUTOTUNE)",
        [
            "tf.data.Dataset.from_tensor_slices",
            "tf.data.Dataset.shuffle",
            "tf.data.Dataset.batch",
            "tf.data.Dataset.map",
            "tf.data.Dataset.prefetch",
            "tf.data.AUTOTUNE",
        ],
    ),
    "strategy": (
        "s = tf.distribute.MirroredStrategy()\nwith s.scope():\n    m = keras.Model()",
        ["tf.distribute.MirroredStrategy", "tf.distribute.MirroredStrategy.scope"],
    ),
    "two datasets at once": (
        "a, b = keras.utils.image_dataset_from_directory(p, subset='both')\nb.cache()",
        ["utils.image_dataset_from_directory", "tf.data.Dataset.cache"],
    ),
    "a stride of Keras 1": (
        "layers.Convolution2D(3, 3, 3, border_mode='same', subsample=(2, 2))",
        ["layers.Conv2D", "Conv2D(padding=same, strides)"],
    ),
    "padding of pools": (
        "layers.MaxPooling2D(padding='same')\nlayers.AveragePooling2D(padding='same')",
        [
            "layers.MaxPooling2D",
            "MaxPooling2D(padding=same)",
            "layers.AveragePooling2D",
            "AveragePooling2D(padding=same)",
        ],
    ),
    "padding in capitals": (
        "layers.Conv2D(3, 3, padding='SAME')",
        ["layers.Conv2D", "Conv2D(padding=same)"],
    ),
    "unknown": ("layers.Wobble(3)\ntf.wobble(1)", ["layers.Wobble", "tf.wobble"]),
}


@pytest.mark.parametrize("case", CASES)
def test_idioms_are_found(case, tmp_path):
    text, expected = CASES[case]
    report = told(tmp_path, HEAD + text)
    found = list(dict.fromkeys(i.name for i in report.idioms))
    assert [n for n in found if n in expected] == expected


ODD = """
class A(keras.Model):
    def __init__(self, *a, **k):
        self.a = self; self.b = A(); self.f = self.f
    def call(self, x): return self.call(x)
    @property
    def p(self): return self.p
    fit = None
class B(C): pass
class C(B): pass
def h(x): return h
def t(*, a, **k): t(a=t, **k); return a, k
def g():
    global keras
    keras = None
async def s():
    async with b() as c, d as (e, f):
        async for i, *j in k(): await layers.Dense(1)(i)
    return [x async for x in y if (n := layers.Dense(2))]
a = A(**{}); a.a.a.fit(*x, **y); a = b = (b, [a, a]); b[1][0].fit(2); del a, b[0]
f = lambda x: f(x); f(f)(f); h(h)(h); p, q = t(a=keras.Model())
match layers.Dense(6):
    case keras.layers.Dense(units=7) as d: d.build(1)
    case [*rest] if layers.Flatten(): pass
try: pass
except ValueError as e: f"{layers.Dense(10)!r:>{layers.Dense(11)}}"
(x, (y, *z)), w = 1, 2
from . import keras as kk
import keras.layers.core, keras.wobble as w
from keras.wobble import *
"""


def test_odd_python_is_read(tmp_path):
    report = told(tmp_path, HEAD + ODD)
    assert report.unknown == []
    assert {"layers.Dense", "layers.Flatten", "Model.call"} <= set(names(report))


def test_a_long_script_takes_seconds(tmp_path):
    lines = (
        f"def f{i}(x):\n    y = layers.Dense({i}, activation='relu')(x)\n"
        f"    m = keras.Model(x, y); m.compile('adam')\n    return f{i + 1}(m)\n"
        for i in range(1250)
    )
    begun = time.process_time()
    report = told(tmp_path, HEAD + "".join(lines))
    assert time.process_time() - begun < 10
    assert len(report.names["layers.Dense"]) == 1250


def test_what_is_no_idiom_is_not_found(tmp_path):
    text = HEAD + "import sklearn.svm\nc = sklearn.svm.SVC()\nc.fit(x, y)\nc.predict(x)"
    assert names(told(tmp_path, text)) == []


def test_a_method_by_its_name_is_not_sure(tmp_path):
    text = "import keras\nnet.fit(x, y, epochs=3)\nnet.summary()\nother.fit(x, y)"
    report = told(tmp_path, text)
    found = {(i.name, i.label): i.found.sure for i in report.idioms if i.counts}
    assert found == {("Model.fit", "2"): False, ("Model.summary", "3"): False}


def test_methods_that_others_have_are_not_guessed(tmp_path):
    text = "import keras\ndf.assign(a=1)\nk = keras.wrappers.KerasClassifier(f)\n"
    report = told(tmp_path, text + "k.fit(x)")
    assert names(report) == ["wrappers.KerasClassifier", "KerasClassifier.fit"]
    assert report.unknown == []


def test_without_keras_no_method_is_guessed(tmp_path):
    assert names(told(tmp_path, "net.fit(x, y, epochs=3)\nnet.summary()")) == []


def test_methods_of_the_users_own_are_left_alone(tmp_path):
    text = HEAD + "class N(keras.Model):\n    def fit(self, x): pass\nN().fit(1)"
    report = told(tmp_path, text)
    assert [i.found.kind for i in report.idioms if i.name == "Model.fit"] == [
        "override"
    ]


def test_an_unused_unknown_import_is_not_hidden(tmp_path):
    report = told(tmp_path, "from keras.layers import Dense, Wobble\nDense(1)")
    assert report.unknown == ["layers.Wobble"]
    assert report.share == 0.5


def test_lines_and_columns(tmp_path):
    text = (
        "import keras\nm = (\n    keras.Sequential()\n)\nm.compile(\n    loss='mse',\n)"
    )
    report = told(tmp_path, text)
    at = {i.name: i.label for i in report.idioms}
    assert at["Sequential"] == "3"
    assert at["losses.MeanSquaredError"] == "6"
