"""Kernels: arrays in, arrays out; no keys, no classes."""

from jaxaug.functional import clahe as clahe
from jaxaug.functional import color as color
from jaxaug.functional import displace as displace
from jaxaug.functional import downscale as downscale
from jaxaug.functional import exchange as exchange
from jaxaug.functional import filter as filter  # noqa: A004 - the field's name
from jaxaug.functional import geometry as geometry
from jaxaug.functional import holes as holes
from jaxaug.functional import illuminant as illuminant
from jaxaug.functional import jpeg as jpeg
from jaxaug.functional import light as light
from jaxaug.functional import median as median
from jaxaug.functional import mixing as mixing
from jaxaug.functional import moments as moments
from jaxaug.functional import noise as noise
from jaxaug.functional import resample as resample
from jaxaug.functional import tiles as tiles
from jaxaug.functional import tone as tone
from jaxaug.functional import whitening as whitening
from jaxaug.functional.geometry import IDENTITY as IDENTITY
from jaxaug.functional.geometry import flip as flip
from jaxaug.functional.geometry import quarter_turn as quarter_turn
from jaxaug.functional.geometry import rotate as rotate
from jaxaug.functional.geometry import scale as scale
from jaxaug.functional.geometry import shear as shear
from jaxaug.functional.geometry import translate as translate
from jaxaug.functional.moments import Moments as Moments
