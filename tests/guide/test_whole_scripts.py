"""Whole scripts: old ones, written as blog posts of their time were, and keras.io's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from guide.asking import told

from keras2torch.guide import guide

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("KERAS_IO") or ROOT.parent / "shared" / "keras-io")

KERAS_1 = """\
from __future__ import print_function
import numpy as np
from keras.models import Sequential, Model
from keras.layers import Input, merge, Merge
from keras.layers.core import Dense, Dropout, Activation, Flatten
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.normalization import BatchNormalization
from keras.layers.advanced_activations import LeakyReLU, PReLU
from keras.layers.recurrent import LSTM
from keras.layers.embeddings import Embedding
from keras.optimizers import SGD
from keras.utils import np_utils
from keras.regularizers import l2
from keras.callbacks import ModelCheckpoint, EarlyStopping
from keras import backend as K
K.set_image_dim_ordering('th')
Y_train = np_utils.to_categorical(y_train, 10)
model = Sequential()
model.add(Convolution2D(32, 3, 3, border_mode='same', input_shape=(1, 28, 28),
                        init='he_normal', W_regularizer=l2(0.01)))
model.add(Activation('relu'))
model.add(LeakyReLU(alpha=0.1))
model.add(MaxPooling2D(pool_size=(2, 2), dim_ordering='th'))
model.add(BatchNormalization(mode=0))
model.add(Flatten())
model.add(Dense(output_dim=128, activation='relu'))
model.add(Dense(10, activation='softmax'))
sgd = SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss='categorical_crossentropy', optimizer=sgd, metrics=['accuracy'])
model.fit(X, Y_train, nb_epoch=10, batch_size=32, validation_split=0.1,
          callbacks=[EarlyStopping(patience=2)])
model.fit_generator(gen(), samples_per_epoch=100, nb_epoch=3)
classes = model.predict_classes(X)
get = K.function([model.layers[0].input, K.learning_phase()], [model.layers[3].output])
print(model.evaluate(X, Y_train))
"""

TF_KERAS = """\
import tensorflow as tf
from tensorflow.python.keras.layers import *
from tensorflow.keras.preprocessing.text import Tokenizer
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.image import ImageDataGenerator
from tensorflow.keras.applications.vgg16 import VGG16, preprocess_input
from tensorflow.keras.mixed_precision import experimental as mp
mp.set_policy(mp.Policy("mixed_float16"))
tf.random.set_seed(1)
gpus = tf.config.experimental.list_physical_devices('GPU')
strategy = tf.distribute.MirroredStrategy()
tok = Tokenizer(num_words=1000, oov_token="<OOV>")
tok.fit_on_texts(texts)
X = pad_sequences(tok.texts_to_sequences(texts), maxlen=20, padding='post')
Dn = tf.keras.layers.Dense
with strategy.scope():
    base = VGG16(weights="imagenet", include_top=False)
    for layer in base.layers:
        layer.trainable = False
    x = GlobalAveragePooling2D()(base.output)
    x = Dn(10, "softmax", kernel_regularizer="l2")(x)
    model = tf.keras.Model(base.input, x)
def build():
    from tensorflow.keras import layers, models
    m = models.Sequential([layers.Embedding(1000, 16, mask_zero=True, input_length=20),
        layers.Bidirectional(layers.LSTM(32, return_sequences=True, dropout=0.2)),
        layers.CuDNNLSTM(3)])
    m.compile(tf.keras.optimizers.Adam(lr=1e-3, clipnorm=1.0),
        "binary_crossentropy", ["acc", tf.keras.metrics.AUC()])
    return m
m = build()
hist = m.fit(X, y, epochs=3, class_weight={0: 1, 1: 2}, workers=4)
plt.plot(hist.history["loss"])
gen = ImageDataGenerator(rescale=1./255, horizontal_flip=True)
it = gen.flow_from_directory("x", target_size=(2, 2))
m.predict_generator(it)
class MyLoss(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred))
clf = SVC(); clf.fit(a, b)
unknown_thing.fit(a, b, epochs=3)
m.save("x.h5")
m2 = tf.keras.models.load_model("x.h5", custom_objects={"MyLoss": MyLoss})
m2.summary()
@tf.function
def step(x):
    with tf.GradientTape() as tape:
        l = m(x, training=True)
    g = tape.gradient(l, m.trainable_variables)
    m.optimizer.apply_gradients(zip(g, m.trainable_variables))
"""


@pytest.mark.parametrize("text", [KERAS_1, TF_KERAS], ids=["2016", "2019"])
def test_old_scripts_are_known(text, tmp_path):
    report = told(tmp_path, text)
    assert report.unknown == []
    assert len(report.names) > 25


def test_keras_1_is_read_by_todays_names(tmp_path):
    report = told(tmp_path, KERAS_1)
    found = {i.name for i in report.idioms}
    assert {"layers.Conv2D", "utils.to_categorical", "initializers.HeNormal"} <= found
    assert {"Conv2D(padding=same)", "Conv2D(kernel_regularizer)"} <= found
    # The shim has today's names alone, and says so.
    refused = {i.name for i in report.idioms if i.shim == "no"}
    assert {"Dense(output_dim)", "MaxPooling2D(dim_ordering)"} <= refused


def test_scripts_of_keras_io():
    scripts = sorted(HOME.rglob("*.py")) if HOME.is_dir() else []
    if not scripts:
        pytest.skip(f"no scripts in {HOME}")
    known = names = 0
    for script in scripts:
        report = guide(script)
        assert report.share >= 0.9, (script, report.unknown)
        names += len(report.names)
        known += len(report.names) - len(report.unknown)
    print(f"{len(scripts)} scripts: {known} of {names} names known")
    assert known >= 0.95 * names
