"""Recipes: the chains of well-known training runs, ready to use or to be taken apart.

Each is a plain function that returns a ``Chain``: print it to see what it does. ``**options`` are
those of ``Chain``: ``fill``, ``interpolation``, ``mask_fill``, ``dtype``. Pixels come out
normalized by the data set's own mean and standard deviation.

Example:
    >>> import jaxaug as ja
    >>> augment = ja.batched(ja.recipes.imagenet_train(224, policy=ja.RandAugment()))
"""

from typing import Any

from jaxaug._compose import Chain, Maybe
from jaxaug._transform import Transform
from jaxaug._types import Scalar, Size
from jaxaug.transforms.affine import HorizontalFlip
from jaxaug.transforms.blur import GaussianBlur
from jaxaug.transforms.box_crop import RandomIoUCrop
from jaxaug.transforms.color import Grayscale
from jaxaug.transforms.crop import CenterCrop, RandomCrop, RandomResizedCrop, Resize
from jaxaug.transforms.jitter import ColorJitter, PhotometricDistort
from jaxaug.transforms.occlude import RandomErasing
from jaxaug.transforms.policy import RandAugment
from jaxaug.transforms.size import RandomZoomOut, ScaleJitter
from jaxaug.transforms.statistics import Normalize
from jaxaug.transforms.three_augment import ThreeAugment
from jaxaug.transforms.views import Views

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)


def imagenet_train(
    size: Size | int = 224,
    *,
    policy: Transform | None = None,
    erase: Scalar = 0.0,
    **options: Any,
) -> Chain:
    """Training on ImageNet: a random resized crop and a flip, and more if asked for.

    Source: torchvision's reference training of classification, ``ClassificationPresetTrain``.

    Args:
        size: of the output.
        policy: such as ``RandAugment()`` or ``TrivialAugmentWide()``, behind the flip.
        erase: probability of ``RandomErasing``.
        **options: of ``Chain``.
    """
    members: list[Transform] = [RandomResizedCrop(size), HorizontalFlip()]
    members += [policy] if policy is not None else []
    members += [Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    members += [RandomErasing(erase)] if not (isinstance(erase, float | int) and erase == 0) else []
    return Chain(*members, **options)


def imagenet_eval(size: Size | int = 224, *, resize: int = 256, **options: Any) -> Chain:
    """Evaluation on ImageNet: the shorter side resized, the middle cut out.

    Source: torchvision's reference, ``ClassificationPresetEval``.

    Args:
        size: of the output.
        resize: length of the shorter side before the crop.
        **options: of ``Chain``.
    """
    normalize = Normalize(IMAGENET_MEAN, IMAGENET_STD)
    return Chain(Resize(resize), CenterCrop(size), normalize, **options)


def cifar10(*, policy: Transform | None = None, **options: Any) -> Chain:
    """Training on CIFAR-10: a crop of the image padded by 4, and a flip.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385,
    section 4.2.

    Args:
        policy: such as ``AutoAugment("cifar10")``, behind the flip.
        **options: of ``Chain``.
    """
    members: list[Transform] = [RandomCrop(32, padding=4), HorizontalFlip()]
    members += [policy] if policy is not None else []
    return Chain(*members, Normalize(CIFAR10_MEAN, CIFAR10_STD), **options)


def simclr(
    size: int = 224, *, strength: float = 1.0, blur: bool = True, views: int = 2, **options: Any
) -> Chain:
    """Views for contrastive learning: crop, flip, strong colours, grey at times, blur at times.

    Source: Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML
    2020, arXiv:2002.05709, appendix A; pixels are in 0..1, not normalized, as there.

    Args:
        size: of the output.
        strength: of the colours, 1 for ImageNet, 0.5 for CIFAR-10.
        blur: left out for CIFAR-10.
        views: how many; with 1 there is no new axis.
        **options: of ``Chain``.
    """
    s = strength
    members = [
        RandomResizedCrop(size),
        HorizontalFlip(),
        Maybe(ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s), 0.8),
        Maybe(Grayscale(), 0.2),
    ]
    kernel = max(3, size // 10 // 2 * 2 + 1)  # a tenth of the side, odd
    members += [Maybe(GaussianBlur((0.1, 2.0), kernel_size=kernel), 0.5)] if blur else []
    if views == 1:
        return Chain(*members, **options)
    return Chain(Views(*[Chain(*members)] * views), **options)


def deit(size: Size | int = 224, **options: Any) -> Chain:
    """Training of DeiT: RandAugment as timm's ``rand-m9-mstd0.5-inc1``, erasing by noise.

    Mixed by ``MixUpOrCutMix`` then, with alphas of 0.8 and 1. Interpolation is cubic, where timm
    draws one for each image.

    Source: Touvron et al., Training data-efficient image transformers & distillation through
    attention, ICML 2021, arXiv:2012.12877, table 9.

    Args:
        size: of the output.
        **options: of ``Chain``.
    """
    return Chain(
        RandomResizedCrop(size),
        HorizontalFlip(),
        RandAugment(2, 9, "timm-increasing"),
        Normalize(IMAGENET_MEAN, IMAGENET_STD),
        RandomErasing(0.25, scale=(0.02, 1 / 3), fill="noise", distribution="normal"),
        **_or(options, interpolation="cubic", fill=IMAGENET_MEAN),
    )


def deit3(size: Size | int = 224, **options: Any) -> Chain:
    """Training of DeiT III: 3-Augment and mild colours, no erasing.

    Source: Touvron et al., DeiT III: Revenge of the ViT, ECCV 2022, arXiv:2204.07118.

    Args:
        size: of the output.
        **options: of ``Chain``.
    """
    return Chain(
        RandomResizedCrop(size),
        HorizontalFlip(),
        ThreeAugment(),
        ColorJitter(0.3, 0.3, 0.3),
        Normalize(IMAGENET_MEAN, IMAGENET_STD),
        **_or(options, interpolation="cubic"),
    )


def detection(size: Size | int = 300, **options: Any) -> Chain:
    """Training of SSD: colours, a larger frame at times, a crop that overlaps a box at times, flip.

    Needs ``boxes``. Boxes are never dropped: those that a crop leaves have no area, as padding.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, arXiv:1512.02325, and
    torchvision's reference, ``DetectionPresetTrain`` with ``ssd``.

    Args:
        size: of the output.
        **options: of ``Chain``; the fill is ImageNet's mean colour by default.
    """
    return Chain(
        PhotometricDistort(),
        Maybe(RandomZoomOut(), 0.5),
        RandomIoUCrop(size),
        HorizontalFlip(),
        Normalize(IMAGENET_MEAN, IMAGENET_STD),
        **_or(options, fill=IMAGENET_MEAN),
    )


def segmentation(size: Size | int = 480, **options: Any) -> Chain:
    """Training of semantic segmentation: a random scale, a crop, a flip; images and masks alike.

    Source: torchvision's reference, ``SegmentationPresetTrain``, whose scale is that of the shorter
    side; here a scale of 1 makes the whole image fit. 255 marks what is outside in the mask.

    Args:
        size: of the output.
        **options: of ``Chain``.
    """
    return Chain(
        ScaleJitter(size, scale=(0.5, 2.0)),
        HorizontalFlip(),
        Normalize(IMAGENET_MEAN, IMAGENET_STD),
        **_or(options, mask_fill=255),
    )


def _or(options: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """A user's options, and the recipe's where there are none."""
    return defaults | options
