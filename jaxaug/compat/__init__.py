"""Keras' `ImageDataGenerator` on jaxaug: old training scripts run when one import line changes."""

from ._arrays import NumpyArrayIterator as NumpyArrayIterator
from ._dataframe import DataFrameIterator as DataFrameIterator
from ._directory import DirectoryIterator as DirectoryIterator
from ._functions import apply_affine_transform as apply_affine_transform
from ._functions import apply_brightness_shift as apply_brightness_shift
from ._functions import apply_channel_shift as apply_channel_shift
from ._functions import flip_axis as flip_axis
from ._functions import random_brightness as random_brightness
from ._functions import random_channel_shift as random_channel_shift
from ._functions import random_rotation as random_rotation
from ._functions import random_shear as random_shear
from ._functions import random_shift as random_shift
from ._functions import random_zoom as random_zoom
from ._functions import transform_matrix_offset_center as transform_matrix_offset_center
from ._generator import ImageDataGenerator as ImageDataGenerator
from ._images import array_to_img as array_to_img
from ._images import img_to_array as img_to_array
from ._images import list_pictures as list_pictures
from ._images import load_img as load_img
from ._images import save_img as save_img
from ._images import validate_filename as validate_filename
from ._iterator import Iterator as Iterator
