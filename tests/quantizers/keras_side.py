"""Keras in a process of its own: ``python keras_side.py FILE``."""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
from cases import run

np.savez(sys.argv[1], **run(keras))
