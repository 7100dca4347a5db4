"""Fused image augmentation for JAX: pure functions of a key, one resampling for a whole chain."""

import importlib
from typing import TYPE_CHECKING, Any

from jaxaug import functional as functional
from jaxaug import recipes as recipes
from jaxaug._bend import Bend as Bend
from jaxaug._collage import Collage as Collage
from jaxaug._collage import Layer as Layer
from jaxaug._compose import Chain as Chain
from jaxaug._compose import Maybe as Maybe
from jaxaug._compose import OneOf as OneOf
from jaxaug._compose import RandomOrder as RandomOrder
from jaxaug._compose import SomeOf as SomeOf
from jaxaug._deferred import Deferred as Deferred
from jaxaug._hide import Hide as Hide
from jaxaug._mix import Mix as Mix
from jaxaug._ops import Op as Op
from jaxaug._ops import Sequence as Sequence
from jaxaug._ops import fuse as fuse
from jaxaug._ops import visible_fraction as visible_fraction
from jaxaug._ops import visible_points as visible_points
from jaxaug._pixels import Apply as Apply
from jaxaug._pixels import Color as Color
from jaxaug._pytree import Pytree as Pytree
from jaxaug._pytree import static as static
from jaxaug._random import Choice as Choice
from jaxaug._random import draw as draw
from jaxaug._stack import Stack as Stack
from jaxaug._tone import Tone as Tone
from jaxaug._transform import Transform as Transform
from jaxaug._transform import batched as batched
from jaxaug._transform import lift as lift
from jaxaug._types import JaxaugError as JaxaugError
from jaxaug._warp import Warp as Warp
from jaxaug.transforms.affine import Affine as Affine
from jaxaug.transforms.affine import HorizontalFlip as HorizontalFlip
from jaxaug.transforms.affine import Rotate as Rotate
from jaxaug.transforms.affine import Shear as Shear
from jaxaug.transforms.affine import Translate as Translate
from jaxaug.transforms.affine import VerticalFlip as VerticalFlip
from jaxaug.transforms.affine import Zoom as Zoom
from jaxaug.transforms.augmix import AugMix as AugMix
from jaxaug.transforms.blur import BoxBlur as BoxBlur
from jaxaug.transforms.blur import Defocus as Defocus
from jaxaug.transforms.blur import GaussianBlur as GaussianBlur
from jaxaug.transforms.blur import MedianBlur as MedianBlur
from jaxaug.transforms.blur import MotionBlur as MotionBlur
from jaxaug.transforms.box_crop import BoxSafeCrop as BoxSafeCrop
from jaxaug.transforms.box_crop import RandomIoUCrop as RandomIoUCrop
from jaxaug.transforms.cast import FancyPCA as FancyPCA
from jaxaug.transforms.cast import PlanckianJitter as PlanckianJitter
from jaxaug.transforms.cast import RGBShift as RGBShift
from jaxaug.transforms.cast import Sepia as Sepia
from jaxaug.transforms.channels import ChannelDropout as ChannelDropout
from jaxaug.transforms.channels import ChannelShift as ChannelShift
from jaxaug.transforms.channels import ChannelShuffle as ChannelShuffle
from jaxaug.transforms.color import Brightness as Brightness
from jaxaug.transforms.color import Contrast as Contrast
from jaxaug.transforms.color import Grayscale as Grayscale
from jaxaug.transforms.color import Hue as Hue
from jaxaug.transforms.color import HueRotation as HueRotation
from jaxaug.transforms.color import Saturation as Saturation
from jaxaug.transforms.color import ToGray as ToGray
from jaxaug.transforms.crop import CenterCrop as CenterCrop
from jaxaug.transforms.crop import FiveCrop as FiveCrop
from jaxaug.transforms.crop import RandomCrop as RandomCrop
from jaxaug.transforms.crop import RandomResizedCrop as RandomResizedCrop
from jaxaug.transforms.crop import Resize as Resize
from jaxaug.transforms.crop import TenCrop as TenCrop
from jaxaug.transforms.curve import CLAHE as CLAHE
from jaxaug.transforms.curve import AutoContrast as AutoContrast
from jaxaug.transforms.curve import Equalize as Equalize
from jaxaug.transforms.curve import Gamma as Gamma
from jaxaug.transforms.curve import Invert as Invert
from jaxaug.transforms.curve import Posterize as Posterize
from jaxaug.transforms.curve import Solarize as Solarize
from jaxaug.transforms.curve import SolarizeAdd as SolarizeAdd
from jaxaug.transforms.curve import ToneCurve as ToneCurve
from jaxaug.transforms.distort import Elastic as Elastic
from jaxaug.transforms.distort import GridDistortion as GridDistortion
from jaxaug.transforms.distort import OpticalDistortion as OpticalDistortion
from jaxaug.transforms.distort import Perspective as Perspective
from jaxaug.transforms.distort import ThinPlateSpline as ThinPlateSpline
from jaxaug.transforms.jitter import ColorJitter as ColorJitter
from jaxaug.transforms.jitter import PhotometricDistort as PhotometricDistort
from jaxaug.transforms.light import Vignette as Vignette
from jaxaug.transforms.mix import CutMix as CutMix
from jaxaug.transforms.mix import MixUp as MixUp
from jaxaug.transforms.mix import MixUpOrCutMix as MixUpOrCutMix
from jaxaug.transforms.mix import Mosaic as Mosaic
from jaxaug.transforms.mix import ResizeMix as ResizeMix
from jaxaug.transforms.noise import GaussianNoise as GaussianNoise
from jaxaug.transforms.noise import SaltAndPepper as SaltAndPepper
from jaxaug.transforms.noise import ShotNoise as ShotNoise
from jaxaug.transforms.noise import SpeckleNoise as SpeckleNoise
from jaxaug.transforms.occlude import CoarseDropout as CoarseDropout
from jaxaug.transforms.occlude import Cutout as Cutout
from jaxaug.transforms.occlude import GridMask as GridMask
from jaxaug.transforms.occlude import MaskDropout as MaskDropout
from jaxaug.transforms.occlude import PixelDropout as PixelDropout
from jaxaug.transforms.occlude import RandomErasing as RandomErasing
from jaxaug.transforms.policy import AutoAugment as AutoAugment
from jaxaug.transforms.policy import RandAugment as RandAugment
from jaxaug.transforms.policy import TrivialAugmentWide as TrivialAugmentWide
from jaxaug.transforms.policy import policy as policy
from jaxaug.transforms.quality import JPEG as JPEG
from jaxaug.transforms.quality import Downscale as Downscale
from jaxaug.transforms.sharpen import Emboss as Emboss
from jaxaug.transforms.sharpen import Sharpness as Sharpness
from jaxaug.transforms.sharpen import UnsharpMask as UnsharpMask
from jaxaug.transforms.shuffle import GridShuffle as GridShuffle
from jaxaug.transforms.size import LongestMaxSize as LongestMaxSize
from jaxaug.transforms.size import Pad as Pad
from jaxaug.transforms.size import PadToMultiple as PadToMultiple
from jaxaug.transforms.size import RandomZoomOut as RandomZoomOut
from jaxaug.transforms.size import ScaleJitter as ScaleJitter
from jaxaug.transforms.size import SmallestMaxSize as SmallestMaxSize
from jaxaug.transforms.statistics import FeaturewiseNormalize as FeaturewiseNormalize
from jaxaug.transforms.statistics import Normalize as Normalize
from jaxaug.transforms.statistics import SamplewiseNormalize as SamplewiseNormalize
from jaxaug.transforms.symmetry import D4 as D4
from jaxaug.transforms.symmetry import Rotate90 as Rotate90
from jaxaug.transforms.symmetry import Transpose as Transpose
from jaxaug.transforms.three_augment import ThreeAugment as ThreeAugment
from jaxaug.transforms.tone import Clip as Clip
from jaxaug.transforms.tone import Rescale as Rescale
from jaxaug.transforms.views import Views as Views
from jaxaug.transforms.whitening import ZCA as ZCA

if TYPE_CHECKING:
    from jaxaug import compat as compat
    from jaxaug import corruptions as corruptions
    from jaxaug import data as data
    from jaxaug._preview import preview as preview

__version__ = "0.1.0"

# Grain takes a second to import and is absent on hosts that only augment; Pillow may be, too.
_LAZY = {
    "compat": "jaxaug.compat",
    "corruptions": "jaxaug.corruptions",
    "data": "jaxaug.data",
    "preview": "jaxaug._preview",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'jaxaug' has no attribute {name!r}")
    module = importlib.import_module(_LAZY[name])
    return getattr(module, name) if name == "preview" else module
