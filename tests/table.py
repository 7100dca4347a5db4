"""Every public transform, as rows of one table that the laws go through."""

import jax
import numpy as np

import jaxaug as ja


def noise(key, image):
    return image + 0.1 * jax.random.uniform(key, image.shape)


HALF = {"p": 0.5}
ROOT = np.random.default_rng(0).normal(0, 0.02, (20 * 26 * 3, 7)).astype(np.float32)
GEOMETRY = {
    "rotate": ja.Rotate(20),
    "translate": ja.Translate(x=0.2, y=(-0.1, 0.2)),
    "translate-pixels": ja.Translate(x=ja.Choice(-3, 0, 3), y=2.5, unit="pixels"),
    "shear": ja.Shear(10, 5),
    "zoom": ja.Zoom(0.2),
    "zoom-isotropic": ja.Zoom((0.7, 1.1), isotropic=True),
    "affine": ja.Affine(10, x=0.1, y=0.1, shear_x=5, shear_y=5, zoom=0.1),
    "horizontal-flip": ja.HorizontalFlip(swap=(1, 0)),
    "vertical-flip": ja.VerticalFlip(),
    "rotate90": ja.Rotate90(times=(0, 2)),
    "cubic": ja.Chain(ja.Rotate(20), fill="wrap", interpolation="cubic"),
}
CROPS = {
    "resize": ja.Resize((17, 15)),
    "center-crop": ja.CenterCrop((12, 30)),
    "random-crop": ja.RandomCrop(16, padding=3),
    "random-resized-crop": ja.RandomResizedCrop((12, 10)),
}
COLOR = {
    "brightness": ja.Brightness(0.3),
    "contrast": ja.Contrast(0.3),
    "saturation": ja.Saturation(0.3),
    "hue": ja.Hue(0.1),
    "color-jitter": ja.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "grayscale": ja.Grayscale(),
    "channel-shift": ja.ChannelShift(0.1),
    "channel-shift-each": ja.ChannelShift(0.1, per_channel=True),
    "rescale": ja.Rescale(2.0, -1.0),
    "clip": ja.Clip(0.2, 0.8),
    "normalize": ja.Normalize((0.4, 0.4, 0.5), (0.2, 0.2, 0.3)),
    "samplewise-normalize": ja.SamplewiseNormalize(),
    "featurewise-normalize": ja.FeaturewiseNormalize((0.4, 0.4, 0.5), (0.2, 0.2, 0.3)),
    "zca": ja.ZCA((0.4, 0.4, 0.5), ROOT, (20, 26, 3)),
}
TONES = {
    "gamma": ja.Gamma(0.4, gain=0.9),
    "solarize": ja.Solarize((0.3, 0.9)),
    "solarize-add": ja.SolarizeAdd(),
    "posterize": ja.Posterize((2, 7)),
    "invert": ja.Invert(),
    "auto-contrast": ja.AutoContrast(),
    "equalize": ja.Equalize(),
    "tone-curve": ja.ToneCurve(0.2),
    "tone-curve-each": ja.ToneCurve(0.2, per_channel=True),
    "tones": ja.Chain(
        ja.Gamma(0.4),
        ja.ToneCurve(0.2),
        ja.AutoContrast(),
        ja.Solarize((0.3, 1.0)),
        ja.Posterize(7),
    ),
    "one-of-tones": ja.OneOf(ja.AutoContrast(), ja.Posterize((2, 7)), ja.Equalize()),
    "clahe": ja.CLAHE(tiles=(3, 4)),
    "clahe-each": ja.CLAHE(tiles=(2, 2), per_channel=True),
}
CASTS = {
    "hue-rotation": ja.HueRotation(0.2),
    "to-gray": ja.ToGray("rec709"),
    "to-gray-max": ja.ToGray("max"),
    "channel-shuffle": ja.ChannelShuffle(),
    "channel-dropout": ja.ChannelDropout((1, 2), fill=(0.2, 0.5, 0.7)),
    "rgb-shift": ja.RGBShift(0.1, 0.2, 0.1),
    "sepia": ja.Sepia((0.2, 1.0)),
    "planckian-jitter": ja.PlanckianJitter(),
    "fancy-pca": ja.FancyPCA(),
    "casts": ja.Chain(
        ja.Sepia((0.2, 1.0)),
        ja.HueRotation(0.2),
        ja.ChannelShuffle(),
        ja.FancyPCA(),
        ja.PlanckianJitter(),
        ja.Vignette(),
    ),
    "photometric-distort": ja.PhotometricDistort(),
    "vignette": ja.Vignette(),
}
DISTORTIONS = {
    "perspective": ja.Perspective(0.4),
    "elastic": ja.Elastic((20.0, 30.0), sigma=4.0),
    "grid-distortion": ja.GridDistortion(3),
    "optical-distortion": ja.OpticalDistortion(0.4),
    "fisheye": ja.OpticalDistortion(0.4, mode="fisheye"),
    "thin-plate-spline": ja.ThinPlateSpline(0.05),
    "bent-chain": ja.Chain(ja.Rotate(20), ja.Maybe(ja.GridDistortion(2)), ja.Zoom(0.2)),
}
POLICIES = {
    # A few operations of each family: those of all are what compilation costs.
    "rand-augment": ja.RandAugment(operations=("Rotate", "ShearX", "Color", "Solarize")),
    "rand-augment-timm": ja.RandAugment(1, 9, "timm-increasing", ("Posterize", "Rotate")),
    "trivial-augment": ja.TrivialAugmentWide(operations=("Identity", "Sharpness", "Equalize")),
    "auto-augment": ja.AutoAugment(((("ShearY", 0.5, 8), ("Invert", 0.5, None)),)),
    "aug-mix": ja.AugMix(width=2, depth=1, operations=("Rotate", "AutoContrast")),
    "policy": ja.policy([(ja.Rotate, 0.9, 20), (ja.Contrast, 0.9, 0.3)], [(ja.Zoom, 0.9, 0.2)]),
}
FILTERS = {
    "gaussian-blur": ja.GaussianBlur((0.1, 1.0)),
    "box-blur": ja.BoxBlur((0.0, 1.5)),
    "median-blur": ja.MedianBlur(3),
    "motion-blur": ja.MotionBlur((2, 3)),
    "defocus": ja.Defocus((1, 2)),
    "sharpness": ja.Sharpness(0.9),
    "unsharp-mask": ja.UnsharpMask((0.5, 1.0), threshold=0.02),
    "emboss": ja.Emboss(),
    "gaussian-noise": ja.GaussianNoise((0.05, 0.2)),
    "speckle-noise": ja.SpeckleNoise((0.05, 0.2)),
    "shot-noise": ja.ShotNoise((3, 60)),
    "salt-and-pepper": ja.SaltAndPepper((0.02, 0.2)),
    "downscale": ja.Downscale((0.4, 0.9)),
    "jpeg": ja.JPEG((10, 90)),
}
SIZES = {
    "sizes": ja.Chain(
        ja.CenterCrop(20), ja.Transpose(), ja.D4(), ja.Pad((1, 2, 0, 3)), ja.PadToMultiple(4),
        ja.LongestMaxSize(30), ja.SmallestMaxSize(22), ja.RandomZoomOut((1, 1.5)),
        ja.ScaleJitter((17, 15), (0.7, 2.0)),
    ),
    "five-crop": ja.FiveCrop(12),
    "ten-crop": ja.Chain(ja.TenCrop(12, vertical=True), ja.HorizontalFlip()),
    "box-crops": ja.Chain(ja.RandomIoUCrop(trials=5), ja.BoxSafeCrop((17, 20))),
}  # fmt: skip
OCCLUSIONS = {
    "holes": ja.Chain(
        ja.RandomErasing(p=0.9, fill="noise", distribution="normal"),
        ja.Cutout((5, 4), count=2, fill="color"),
        ja.CoarseDropout((1, 3), height=(2, 6), unit="pixels", width=(2, 6), mask_fill=0),
        ja.PixelDropout(0.1),
        ja.PixelDropout(0.1, per_channel=True, fill=0.5),
        ja.MaskDropout((1, 2), labels=40),
        ja.GridShuffle(2, 3),
    ),
    "grid-mask": ja.GridMask(),
}
VIEWS = {
    "three-augment": ja.ThreeAugment(sigma=(0.1, 1.0)),
    "views": ja.Views(ja.Rotate(20), ja.Brightness(0.3), shared=ja.Translate(x=0.2)),
}
CONTAINERS = {
    "chain": ja.Chain(ja.Rotate(20), ja.HorizontalFlip(), ja.Contrast(0.3), fill="reflect"),
    "chain-empty": ja.Chain(),
    "maybe": ja.Maybe(ja.Rotate(20)),
    "one-of": ja.OneOf(ja.Rotate(20), ja.Contrast(0.2), ja.Hue(0.1)),
    "some-of": ja.SomeOf(ja.Zoom(0.2), ja.VerticalFlip(), ja.Brightness(0.2), n=(1, 2)),
    "random-order": ja.RandomOrder(ja.Contrast(0.3), ja.Saturation(0.3)),
    "lift": ja.lift(noise),
}
TABLE = (
    GEOMETRY
    | SIZES
    | OCCLUSIONS
    | FILTERS
    | DISTORTIONS
    | POLICIES
    | VIEWS
    | CROPS
    | COLOR
    | CONTAINERS
    | TONES
    | CASTS
)

IDENTITIES = {
    "rotate": ja.Rotate(0.0),
    "translate": ja.Translate(),
    "shear": ja.Shear(),
    "zoom": ja.Zoom(),
    "affine": ja.Affine(),
    "horizontal-flip": ja.HorizontalFlip(p=0.0),
    "vertical-flip": ja.VerticalFlip(p=0.0),
    "rotate90": ja.Rotate90(times=(0,)),
    "resize": ja.Resize((20, 26)),
    "sizes": ja.Chain(
        ja.Pad(0),
        ja.PadToMultiple(2),
        ja.LongestMaxSize(26),
        ja.SmallestMaxSize(20),
        ja.RandomZoomOut(1.0),
        ja.ScaleJitter((20, 26), 1.0),
        ja.RandomIoUCrop(min_iou=(1.0,)),
        ja.Transpose(p=0.0),
        ja.GridShuffle(1, 1),
    ),
    "holes": ja.Chain(
        ja.RandomErasing(p=0.0),
        ja.Cutout(3, count=0),
        ja.CoarseDropout(0),
        ja.GridMask(ratio=1.0),
        ja.PixelDropout(0.0),
        ja.PixelDropout(0.0, per_channel=True),
        ja.MaskDropout(0),
    ),
    "center-crop": ja.CenterCrop((20, 26)),
    "random-crop": ja.RandomCrop((20, 26)),
    "brightness": ja.Brightness(0.0),
    "rescale": ja.Rescale(1.0),
    "channel-shift": ja.ChannelShift(0.0),
    "normalize": ja.Normalize(0.0, 1.0),
    "featurewise-normalize": ja.FeaturewiseNormalize(0.0, 1.0, epsilon=0.0),
    "clip": ja.Clip(),
    "gamma": ja.Gamma(0.0),
    "solarize": ja.Solarize(1.01),
    "solarize-add": ja.SolarizeAdd(0.0),
    "posterize": ja.Posterize(8),
    "tone-curve": ja.ToneCurve(0.0),
    "hue-rotation": ja.HueRotation(0.0),
    "channel-dropout": ja.ChannelDropout(0),
    "rgb-shift": ja.RGBShift(),
    "sepia": ja.Sepia(0.0),
    "fancy-pca": ja.FancyPCA(0.0),
    "photometric-distort": ja.PhotometricDistort(p=0.0),
    "vignette": ja.Vignette(0.0),
    "elastic": ja.Elastic(0.0),
    "grid-distortion": ja.GridDistortion(limit=0.0),
    "optical-distortion": ja.OpticalDistortion(0.0),
    "thin-plate-spline": ja.ThinPlateSpline(0.0),
    "rand-augment": ja.RandAugment(p=0.0),
    "gaussian-blur": ja.GaussianBlur(0.0, kernel_size=5),
    "box-blur": ja.BoxBlur(0.0),
    "motion-blur": ja.MotionBlur((0.0, 1.0)),
    "defocus": ja.Defocus((0.0, 0.5)),
    "sharpness": ja.Sharpness(0.0),
    "unsharp-mask": ja.UnsharpMask(amount=0.0),
    "emboss": ja.Emboss(0.0),
    "gaussian-noise": ja.GaussianNoise(0.0),
    "speckle-noise": ja.SpeckleNoise(0.0),
    "salt-and-pepper": ja.SaltAndPepper(0.0),
    "downscale": ja.Downscale(1.0),
    "chain-empty": ja.Chain(),
    "maybe": ja.Maybe(ja.Rotate(20), p=0.0),
    "some-of": ja.SomeOf(ja.Rotate(20), ja.Hue(0.2), n=0),
}


def batch(rows=8, seed=0, height=20, width=26):
    """A batch with every target and the loader's identity columns."""
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.random((rows, 3, 2, 2)) * [width, height], axis=2)
    return {
        "image": rng.integers(0, 256, (rows, height, width, 3), dtype=np.uint8),
        "mask": rng.integers(0, 5, (rows, height, width)).astype(np.int32),
        "boxes": corners.reshape(rows, 3, 4).astype(np.float32),
        "keypoints": (rng.random((rows, 2, 2)) * [width, height]).astype(np.float32),
        "label": np.arange(rows),
        "index": np.arange(rows, dtype=np.uint32) + 5,
        "visit": np.arange(rows, dtype=np.uint32) % 3,
    }


def example(seed=0):
    """One row of ``batch``, without identity columns."""
    return {k: v[0] for k, v in batch(1, seed).items() if k not in ("index", "visit")}
