"""A function for each corruption: what it does, in the published numbers."""

from jaxaug._types import Scalar

from ._catalogue import Corruption


def corrupt(name: str, severity: Scalar = 3) -> Corruption:
    """The corruption of this name: ``corrupt("fog", 2)`` is ``fog(2)``.

    Args:
        name: one of ``NAMES`` or ``EXTRA``.
        severity: 1 to 5.

    Raises:
        JaxaugError: an unknown name or severity.
    """
    return Corruption(name, severity)


def gaussian_noise(severity: Scalar = 3) -> Corruption:
    """Add normal numbers of sigma 0.08, 0.12, 0.18, 0.26, 0.38 to every channel."""
    return Corruption("gaussian_noise", severity)


def shot_noise(severity: Scalar = 3) -> Corruption:
    """Count photons, 60, 25, 12, 5, 3 of which are expected of white."""
    return Corruption("shot_noise", severity)


def impulse_noise(severity: Scalar = 3) -> Corruption:
    """Make 3, 6, 9, 17, 27 % of the channels of pixels 0 or 1, each by itself."""
    return Corruption("impulse_noise", severity)


def defocus_blur(severity: Scalar = 3) -> Corruption:
    """Blur by a disk of radius 3, 4, 6, 8, 10 pixels with a soft rim."""
    return Corruption("defocus_blur", severity)


def glass_blur(severity: Scalar = 3) -> Corruption:
    """Blur, read each pixel from up to 1, 2, 2, 3, 4 pixels away, blur again.

    The published loop goes through the pixels from the last to the first, 2, 1, 3, 2, 2 times, and
    as each takes another's value, those behind it have been given theirs; what is called a swap
    there leaves the other pixel as it is. Here every chain of readings is followed to its end for
    all pixels at once, which gives the same image for the same random numbers.
    """
    return Corruption("glass_blur", severity)


def motion_blur(severity: Scalar = 3) -> Corruption:
    """Blur along a line at up to 45 degrees, by half a Gaussian of sigma 3, 5, 8, 12, 15 pixels.

    As ImageMagick's, which steps in whole pixels. It is cut off at 20, 30, 30, 30, 40 pixels.
    """
    return Corruption("motion_blur", severity)


def zoom_blur(severity: Scalar = 3) -> Corruption:
    """The mean of the image and of enlarged ones, up to 1.11, 1.15, 1.20, 1.24, 1.30 times."""
    return Corruption("zoom_blur", severity)


def snow(severity: Scalar = 3) -> Corruption:
    """Streaks of thresholded noise that fall within 45 degrees, on a paler image."""
    return Corruption("snow", severity)


def frost(severity: Scalar = 3) -> Corruption:
    """Ice on a window: 1, 0.8, 0.7, 0.65, 0.6 of the image and 0.4, 0.6, 0.7, 0.7, 0.75 of ice.

    The published corruption adds crops of five photographs, which are not part of jaxaug: here the
    ice is *generated*, a new one for each image. It was made to look like such photographs (white
    feathers of needles on dark blue, patches left free, mean 0.51, standard deviation 0.21), not
    fitted to them. Errors are not comparable with those on published images to the last per cent.
    """
    return Corruption("frost", severity)


def fog(severity: Scalar = 3) -> Corruption:
    """Add 1.5, 2, 2.5, 2.5, 3 times a plasma fractal, and scale back to the largest pixel.

    The fractal is made of the next power of two of the longer side: 256 for 224 pixels.
    """
    return Corruption("fog", severity)


def brightness(severity: Scalar = 3) -> Corruption:
    """Add 0.1, 0.2, 0.3, 0.4, 0.5 to HSV's value."""
    return Corruption("brightness", severity)


def contrast(severity: Scalar = 3) -> Corruption:
    """Keep 0.4, 0.3, 0.2, 0.1, 0.05 of the distance from each channel's mean."""
    return Corruption("contrast", severity)


def elastic_transform(severity: Scalar = 3) -> Corruption:
    """An affine map that moves three corners of a square, then displacements by smooth noise.

    Its numbers are parts of the shorter side. It is geometry: masks, boxes and keypoints move with
    the image. Of severities 1 and 2, whose noise is smooth over the whole image, its long waves are
    drawn instead of the noise.
    """
    return Corruption("elastic_transform", severity)


def pixelate(severity: Scalar = 3) -> Corruption:
    """Shrink to 0.6, 0.5, 0.4, 0.3, 0.25 of the size and enlarge again, as Pillow's ``BOX``."""
    return Corruption("pixelate", severity)


def jpeg_compression(severity: Scalar = 3) -> Corruption:
    """What JPEG leaves at quality 25, 18, 15, 10, 7, as Pillow's."""
    return Corruption("jpeg_compression", severity)


def speckle_noise(severity: Scalar = 3) -> Corruption:
    """Multiply every channel by ``1 + n``, normal with sigma 0.15, 0.2, 0.35, 0.45, 0.6."""
    return Corruption("speckle_noise", severity)


def gaussian_blur(severity: Scalar = 3) -> Corruption:
    """Blur by a Gaussian of sigma 1, 2, 3, 4, 6 pixels."""
    return Corruption("gaussian_blur", severity)


def spatter(severity: Scalar = 3) -> Corruption:
    """Drops of water on the lens, at severities 4 and 5 of mud."""
    return Corruption("spatter", severity)


def saturate(severity: Scalar = 3) -> Corruption:
    """Multiply HSV's saturation by 0.3, 0.1, 2, 5, 20, and add 0.1 and 0.2 at 4 and 5."""
    return Corruption("saturate", severity)
