"""ThreeAugment: grey, solarized or blurred."""

from jaxaug._compose import OneOf
from jaxaug._ops import Op
from jaxaug._random import Range
from jaxaug._transform import Transform
from jaxaug._types import Key, Scalar, Shape
from jaxaug.transforms.blur import GaussianBlur
from jaxaug.transforms.color import Grayscale
from jaxaug.transforms.curve import Solarize


class ThreeAugment(Transform):
    """Grey, solarized or blurred, each as likely: the 3-Augment of DeiT III.

    A ``ColorJitter(0.3, 0.3, 0.3)`` and a flip belong to the recipe, see ``recipes.deit3``.

    Args:
        threshold: of the solarization, in 0..1; half by default, as Pillow's 128.
        sigma: range of the blur's standard deviation in pixels.

    Reference:
        Touvron et al., DeiT III: Revenge of the ViT, ECCV 2022, arXiv:2204.07118.
    """

    threshold: Scalar = 128 / 255
    sigma: Range = (0.1, 2.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        members = (Grayscale(), Solarize(self.threshold), GaussianBlur(self.sigma))
        return OneOf(*members).sample(key, shape)
