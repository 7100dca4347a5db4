"""The corruptions of ImageNet-C, on the device, and a model's errors under them.

Fifteen corruptions are scored (``NAMES``), four more are for validation (``EXTRA``); each is a
transform, and comes in severities 1 to 5:

    >>> import jax, jax.numpy as jnp
    >>> from jaxaug import batched, corruptions
    >>> foggy = jax.jit(batched(corruptions.fog(severity=2)))
    >>> foggy(jax.random.key(0), jnp.zeros((8, 64, 64, 3), jnp.uint8)).shape
    (8, 64, 64, 3)

``evaluate`` takes a model through all of them.

Numbers are those published for images of 224x224 pixels. Of other sizes radii, sigmas, drops and
streaks stay as many *pixels*, and so are stronger on small images; pixelate, zoom_blur and
elastic_transform go with the size, and fog's fractal with its next power of two. CIFAR-10-C and
Tiny-ImageNet-C have numbers of their own, which are not these.

What comes in are pixels in 0..1; what comes out is cut to them, and is not rounded to 8 bits and
compressed as JPEG of quality 85, as the published images were. All but ``saturate`` take any number
of channels. Frost is generated, not photographed.

Reference:
    D. Hendrycks and T. Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
    Perturbations, ICLR 2019, arXiv:1903.12261.
"""

from ._catalogue import EXTRA as EXTRA
from ._catalogue import NAMES as NAMES
from ._catalogue import Corruption as Corruption
from ._evaluate import ALEXNET as ALEXNET
from ._evaluate import Robustness as Robustness
from ._evaluate import evaluate as evaluate
from ._functions import brightness as brightness
from ._functions import contrast as contrast
from ._functions import corrupt as corrupt
from ._functions import defocus_blur as defocus_blur
from ._functions import elastic_transform as elastic_transform
from ._functions import fog as fog
from ._functions import frost as frost
from ._functions import gaussian_blur as gaussian_blur
from ._functions import gaussian_noise as gaussian_noise
from ._functions import glass_blur as glass_blur
from ._functions import impulse_noise as impulse_noise
from ._functions import jpeg_compression as jpeg_compression
from ._functions import motion_blur as motion_blur
from ._functions import pixelate as pixelate
from ._functions import saturate as saturate
from ._functions import shot_noise as shot_noise
from ._functions import snow as snow
from ._functions import spatter as spatter
from ._functions import speckle_noise as speckle_noise
from ._functions import zoom_blur as zoom_blur
from ._severity import SEVERITIES as SEVERITIES
