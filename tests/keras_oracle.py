"""Keras' own ImageDataGenerator, an independent implementation to compare with."""

import os
import tempfile
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KERAS_HOME", tempfile.mkdtemp())  # it would write into the home folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from keras import utils
    from keras.src.legacy.preprocessing import image

__all__ = ["image", "utils"]
