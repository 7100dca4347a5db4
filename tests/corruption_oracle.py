"""The corruptions of ImageNet-C in NumPy, SciPy, OpenCV, scikit-image and Pillow, for the tests.

Written from their definitions (D. Hendrycks and T. Dietterich, ICLR 2019), pixel by pixel where
they are: ``corruption(image, level, rng)`` of uint8 images to floats in 0..1. ImageMagick's motion
blur is written out.
"""

import io

import cv2
import numpy as np
import scipy.ndimage
import skimage.color
import skimage.filters
import skimage.util
from PIL import Image


def pick(level, *values):
    return values[level - 1]


def unit(image):
    return image.astype(np.float64) / 255


def smooth(image, sigma, **how):
    return skimage.filters.gaussian(
        image, sigma, channel_axis=-1 if image.ndim == 3 else None, **how
    )


def gaussian_noise(image, level, rng):
    return unit(image) + rng.normal(0, pick(level, 0.08, 0.12, 0.18, 0.26, 0.38), image.shape)


def shot_noise(image, level, rng):
    photons = pick(level, 60, 25, 12, 5, 3)
    return rng.poisson(unit(image) * photons) / photons


def impulse_noise(image, level, rng):
    amount = pick(level, 0.03, 0.06, 0.09, 0.17, 0.27)
    return skimage.util.random_noise(unit(image), mode="s&p", amount=amount, rng=rng)


def speckle_noise(image, level, rng):
    sigma = pick(level, 0.15, 0.2, 0.35, 0.45, 0.6)
    return unit(image) * (1 + rng.normal(0, sigma, image.shape))


def gaussian_blur(image, level, rng):
    return smooth(unit(image), pick(level, 1, 2, 3, 4, 6))


def defocus_blur(image, level, rng):
    radius, sigma = pick(level, (3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
    line = np.arange(-max(radius, 8), max(radius, 8) + 1)
    disk = np.float32(np.add.outer(line**2, line**2) <= radius**2)
    side = 3 if radius <= 8 else 5
    kernel = cv2.GaussianBlur(disk / disk.sum(), (side, side), sigma)
    return np.stack([cv2.filter2D(unit(image)[..., c], -1, kernel) for c in range(3)], -1)


def glass_blur(image, level, rng, shifts=None):
    sigma, far, rounds = pick(level, (0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
    height, width = image.shape[:2]
    pixels = np.uint8(smooth(unit(image), sigma) * 255)
    if shifts is None:
        shifts = rng.integers(-far, far, (rounds, height, width, 2))
    for each in shifts:
        for y in range(height - far, far, -1):
            for x in range(width - far, far, -1):
                down, right = each[y, x]
                # Of arrays of pixels the published swap writes one of the two.
                pixels[y, x] = pixels[y + down, x + right]
    return smooth(pixels / 255, sigma)


def streaks(image, radius, sigma, degrees):
    """ImageMagick's MotionBlurImage; beyond the edge the outermost pixels repeat."""
    taps = np.arange(2 * radius + 1)
    kernel = np.exp(-(taps**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    total = 0
    for tap, weight in zip(taps, kernel, strict=True):
        down = np.ceil(tap * np.sin(np.deg2rad(degrees)) - 0.5).astype(int)
        right = np.ceil(tap * np.cos(np.deg2rad(degrees)) - 0.5).astype(int)
        rows, columns = (
            (u + s).clip(0, n - 1) for u, s, n in ((y, down, y.shape[0]), (x, right, x.shape[1]))
        )
        total = total + weight * image[rows, columns]
    return np.round(total * 255) / 255


def motion_blur(image, level, rng, degrees=None):
    radius, sigma = pick(level, (10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
    return streaks(unit(image), radius, sigma, rng.uniform(-45, 45) if degrees is None else degrees)


def enlarged(image, factor):
    side = image.shape[0]
    part = int(np.ceil(side / factor))
    first = (side - part) // 2
    inner = image[first : first + part, first : first + part]
    out = scipy.ndimage.zoom(inner, (factor, factor, 1), order=1)
    cut = (out.shape[0] - side) // 2
    return out[cut : cut + side, cut : cut + side]


def zoom_blur(image, level, rng):
    stop, step = pick(level, (1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))
    factors = np.arange(1, stop, step)
    image = unit(image)
    return (image + sum(enlarged(image, factor) for factor in factors)) / (len(factors) + 1)


def snow(image, level, rng):
    mean, deviation, factor, threshold, radius, sigma, kept = pick(
        level,
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )
    image = unit(image)
    layer = enlarged(rng.normal(mean, deviation, image.shape[:2])[..., None], factor)[..., 0]
    layer[layer < threshold] = 0
    layer = np.uint8(layer.clip(0, 1) * 255) / 255
    layer = streaks(layer, radius, sigma, rng.uniform(-135, -45))[..., None]
    grey = (image @ [0.299, 0.587, 0.114])[..., None]
    image = kept * image + (1 - kept) * np.maximum(image, grey * 1.5 + 0.5)
    return image + layer + np.rot90(layer, 2)


def plasma(side, decay, rng):
    heights, step, size = np.zeros((side, side)), side, 1.0
    while step >= 2:
        half = step // 2
        cells = side // step
        wobbles = size * rng.uniform(-1, 1, (3, cells, cells))
        corners = heights[::step, ::step]
        pairs = corners + np.roll(corners, -1, 0)
        heights[half::step, half::step] = (pairs + np.roll(pairs, -1, 1)) / 4 + wobbles[0]
        middles = heights[half::step, half::step]
        tops = middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1)
        heights[::step, half::step] = tops / 4 + wobbles[1]
        sides = middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0)
        heights[half::step, ::step] = sides / 4 + wobbles[2]
        step, size = half, size / decay**2  # the published amplitude is squared
    return (heights - heights.min()) / np.ptp(heights)


def fog(image, level, rng):
    amount, decay = pick(level, (1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))
    image, side = unit(image), 1 << (max(image.shape) - 1).bit_length()
    most = image.max()
    haze = plasma(side, decay, rng)[: image.shape[0], : image.shape[1], None]
    return (image + amount * haze) * most / (most + amount)


def brightness(image, level, rng):
    hsv = skimage.color.rgb2hsv(unit(image))
    hsv[..., 2] = (hsv[..., 2] + pick(level, 0.1, 0.2, 0.3, 0.4, 0.5)).clip(0, 1)
    return skimage.color.hsv2rgb(hsv)


def saturate(image, level, rng):
    factor, added = pick(level, (0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))
    hsv = skimage.color.rgb2hsv(unit(image))
    hsv[..., 1] = (hsv[..., 1] * factor + added).clip(0, 1)
    return skimage.color.hsv2rgb(hsv)


def contrast(image, level, rng):
    image = unit(image)
    mean = image.mean((0, 1))
    return (image - mean) * pick(level, 0.4, 0.3, 0.2, 0.1, 0.05) + mean


def pixelate(image, level, rng):
    scale = pick(level, 0.6, 0.5, 0.4, 0.3, 0.25)
    size = image.shape[1], image.shape[0]
    small = Image.fromarray(image).resize([int(n * scale) for n in size], Image.Resampling.BOX)
    return unit(np.asarray(small.resize(size, Image.Resampling.BOX)))


def jpeg_compression(image, level, rng):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=pick(level, 25, 18, 15, 10, 7))
    return unit(np.asarray(Image.open(file)))


def elastic_transform(image, level, rng):
    strength, sigma, far = np.array(
        pick(
            level,
            (2, 0.7, 0.1),
            (2, 0.08, 0.2),
            (0.05, 0.01, 0.02),
            (0.07, 0.01, 0.02),
            (0.12, 0.01, 0.02),
        )
    ) * (244 / 224 * min(image.shape[:2]))
    pixels, shape = np.float32(unit(image)), image.shape[:2]
    middle, side = np.float32(shape) // 2, min(shape) // 3
    corners = np.float32([middle + side, middle + np.array([side, -side]), middle - side])
    moved = corners + np.float32(rng.uniform(-far, far, corners.shape))
    there = cv2.getAffineTransform(corners, moved)
    pixels = cv2.warpAffine(pixels, there, shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
    down, right = (
        strength * smooth(rng.uniform(-1, 1, shape), sigma, mode="reflect", truncate=3)
        for _ in range(2)
    )
    y, x = np.mgrid[: shape[0], : shape[1]]
    read = lambda plane: scipy.ndimage.map_coordinates(
        plane, [y + down, x + right], order=1, mode="reflect"
    )
    return np.stack([read(pixels[..., c]) for c in range(3)], -1)


def spatter(image, level, rng, liquid=None):
    mean, deviation, sigma, threshold, strength = pick(
        level,
        (0.65, 0.3, 4, 0.69, 0.6),
        (0.65, 0.3, 3, 0.68, 0.6),
        (0.65, 0.3, 2, 0.68, 0.5),
        (0.65, 0.3, 1, 0.65, 1.5),
        (0.67, 0.4, 1, 0.65, 1.5),
    )
    image = unit(image)
    if liquid is None:
        liquid = smooth(rng.normal(mean, deviation, image.shape[:2]), sigma)
    liquid = np.where(liquid < threshold, 0, liquid)
    if level > 3:
        mud = smooth(np.float32(liquid > threshold), strength)[..., None]
        mud[mud < 0.8] = 0
        return image * (1 - mud) + mud * np.array([63, 42, 20]) / 255
    return (
        image
        + (strength * water(np.uint8(liquid * 255)))[..., None] * np.array([175, 238, 238]) / 255
    )


def water(levels):
    away = cv2.distanceTransform(255 - cv2.Canny(levels, 50, 150), cv2.DIST_L2, 5)
    depth = cv2.equalizeHist(cv2.blur(np.minimum(away, 20), (3, 3)).astype(np.uint8))
    lit = cv2.filter2D(depth, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    thick = levels * cv2.blur(lit, (3, 3)).astype(np.float32)
    return thick / max(thick.max(), 1e-9)
