"""Casts: one tint over the whole image, of a light, a photographic paper, a camera."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._ops import Op
from jaxaug._pixels import Color
from jaxaug._pytree import static
from jaxaug._random import Range, check_range, draw, draws
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, check_rgb, describe
from jaxaug.functional import color, illuminant
from jaxaug.functional.stable import materialize, rounded


class RGBShift(Transform):
    """Add a number to each of red, green and blue, drawn apart. For any channels, ``ChannelShift``.

    Args:
        red: range around 0, in units of 0..1: 20 grey levels are ``20 / 255``.
        green: range around 0.
        blue: range around 0.
    """

    red: Range = 0.0
    green: Range = 0.0
    blue: Range = 0.0

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("RGBShift", shape)
        return Color(offset=jnp.stack(draws(key, self.red, self.green, self.blue)))


class Sepia(Transform):
    """The brown of old photographs: a mix of the image and its sepia tones.

    Red, green and blue become ``0.393 r + 0.769 g + 0.189 b``, ``0.349 r + 0.686 g + 0.168 b`` and
    ``0.272 r + 0.534 g + 0.131 b``, as in albumentations and Kornia: bright pixels leave 0..1.

    Args:
        strength: how much of them: a number, or a range to draw from. 0 is the image itself.
    """

    strength: Range = 1.0

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("Sepia", shape)
        identity = np.eye(3, dtype=np.float32)
        strength = draw(key, self.strength, around=None)
        return Color(identity + rounded(strength * (color.SEPIA - identity)))


class PlanckianJitter(Transform):
    """The same scene under light of another colour temperature: factors of red and of blue.

    Factors are those of the paper, whose tables go in steps of 500 K; between them they are linear.
    The paper, Kornia and albumentations draw from the rows alone, as a ``Choice`` of them does.
    At 6500 K colours stay nearly as they are; red grows below, blue above.

    Args:
        mode: ``blackbody``, 3000 to 15000 K, or ``cied``, the CIE's daylights, 4000 to 15000 K.
        temperature: range in kelvin, uniform; a number is itself. The whole table by default.

    Raises:
        JaxaugError: an unknown mode, a temperature outside of its table.

    Reference:
        S. Zini, A. Gomez-Villa, M. Buzzelli, B. Twardowski, A. D. Bagdanov, J. van de Weijer,
        Planckian Jitter: countering the color-crippling effects of color jitter on self-supervised
        training, ICLR 2023, arXiv:2202.07993.
    """

    mode: str = static(default="blackbody")
    temperature: Range | None = None

    def __post_init__(self) -> None:
        if self.mode not in illuminant.LIGHTS:
            want = f"a mode among {', '.join(illuminant.LIGHTS)}"
            raise JaxaugError("PlanckianJitter", want, describe(self.mode))
        low, high = illuminant.span(self.mode)
        if self.temperature is not None:
            want = f"temperatures of {low:g} to {high:g} kelvin, as {self.mode} has"
            check_range("PlanckianJitter", self.temperature, want, low, high)

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("PlanckianJitter", shape)
        table = illuminant.span(self.mode)
        span = table if self.temperature is None else self.temperature
        return Color(illuminant.gains(draw(key, span, around=None), light=self.mode))


IMAGENET_EIGENVALUES = (0.2175, 0.0188, 0.0045)
IMAGENET_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


class FancyPCA(Transform):
    """Shift all pixels along the main axes of the colours of a data set, as AlexNet ("lighting").

    The shift is the sum of ``a_k l_k v_k``, where ``a_k`` is drawn from ``N(0, alpha^2)`` and
    ``l_k``, ``v_k`` are eigenvalues and eigenvectors of the covariance of pixels in 0..1. Those of
    ImageNet are the default. Albumentations instead takes those of each image.

    Args:
        alpha: standard deviation of the draws.
        eigenvalues: ``(n,)``, variances.
        eigenvectors: ``(c, n)``, one a column, of ``c`` channels.

    Raises:
        JaxaugError: eigenvectors that do not fit the eigenvalues, or the image.

    Reference:
        A. Krizhevsky, I. Sutskever, G. E. Hinton, ImageNet Classification with Deep Convolutional
        Neural Networks, NeurIPS 2012.
    """

    alpha: Scalar = 0.1
    eigenvalues: Any = IMAGENET_EIGENVALUES
    eigenvectors: Any = IMAGENET_EIGENVECTORS

    def __post_init__(self) -> None:
        shapes = np.shape(self.eigenvectors), np.shape(self.eigenvalues)
        if len(shapes[0]) != 2 or shapes[0][1:] != shapes[1]:
            want = "eigenvectors (c, n), one a column, and eigenvalues (n,)"
            raise JaxaugError("FancyPCA", want, f"{shapes[0]} and {shapes[1]}")

    def sample(self, key: Key, shape: Shape) -> Op:
        vectors = jnp.asarray(self.eigenvectors, jnp.float32)
        if shape[2] != vectors.shape[0]:
            want = f"{vectors.shape[0]} channels, as its eigenvectors have"
            raise JaxaugError("FancyPCA", want, f"an image {tuple(shape)}")
        steps = materialize(jax.random.normal(key, vectors.shape[1:]))
        axes = self.alpha * (vectors * jnp.asarray(self.eigenvalues, jnp.float32))
        return Color(offset=color.moved(axes, steps))
