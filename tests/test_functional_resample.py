"""Resampling against scipy, scikit-image, Pillow and plain NumPy; tolerances in grey levels."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import skimage.transform
from PIL import Image

import jaxaug as ja
import jaxaug.functional as F
from jaxaug._ops import Resampling

KEY = jax.random.key(0)
SIZE = (17, 31)
SCIPY = {
    "constant": "grid-constant",
    "nearest": "nearest",
    "reflect": "reflect",
    "mirror": "mirror",
    "wrap": "grid-wrap",
}
PAD = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
PILLOW = {"linear": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC}

# Output to input, origin at the centres. Irrational, so that no coordinate is halfway between two
# pixels, where float32 and float64 may round apart.
MAPS = {
    "turn": np.array([[0.9137, -0.3719, 1.7321], [0.4142, 0.8717, -2.2361], [0.0, 0.0, 1.0]]),
    "shrink": np.array([[2.7183, 0.5772, 3.1416], [-0.6931, 1.9319, 0.5671], [0.0, 0.0, 1.0]]),
    "magnify": np.array([[0.3679, 0.0, 4.6692], [0.0, -0.6180, 2.5029], [0.0, 0.0, 1.0]]),
    "far": np.array([[1.0323, 0.0, 71.1731], [0.0, 1.0413, -50.9417], [0.0, 0.0, 1.0]]),
}


def noise(shape, dtype="uint8", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return pixels if dtype == "uint8" else (pixels / 255).astype(dtype)


def smooth(height, width):
    """Every channel a few waves, between 0.1 and 0.9."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 3 + k) * np.cos(y / 4 - k) for k in range(3)]
    return (0.5 + 0.4 * np.stack(waves, -1)).astype(np.float32)


def levels(ours, theirs):
    """Largest difference, in grey levels, of pixels in 0..1 and of pixels in 0..255."""
    ours = np.asarray(ours, np.float64)
    assert ours.shape == theirs.shape
    return np.abs(ours * 255 - theirs).max()


def sources(matrix, shape, size):
    """Where the output pixels lie in the input, in pixel indices, ``(2, h, w)`` as y x."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    centred = np.stack([x - (size[1] - 1) / 2, y - (size[0] - 1) / 2, np.ones(size)])
    right, down, depth = np.einsum("ij,jhw->ihw", matrix, centred)
    return np.stack([down / depth + (shape[0] - 1) / 2, right / depth + (shape[1] - 1) / 2])


def per_channel(function, image):
    return np.stack([function(image[..., k].astype(float)) for k in range(image.shape[2])], -1)


def warped(image, matrix, size=None, **how):
    how = {"border": "constant", "fill": 0.0, **how}
    return ja.Warp(matrix, size=size, resampling=Resampling(**how))(image)


@pytest.mark.parametrize(
    ("dtype", "shape", "borders"),
    [
        ("uint8", (20, 33, 3), SCIPY),
        ("float32", (20, 33, 3), SCIPY),
        ("float32", (24, 24, 1), ["constant", "wrap"]),
    ],
)
@pytest.mark.parametrize(("interpolation", "order"), [("linear", 1), ("nearest", 0)])
def test_warp_is_scipys_affine_transform(interpolation, order, dtype, shape, borders):
    image, unit = noise(shape, dtype), 1 if dtype == "uint8" else 255
    for border, (name, matrix) in itertools.product(borders, MAPS.items()):
        ours = warped(image, matrix, SIZE, border=border, fill=0.3, interpolation=interpolation)
        where = sources(matrix, shape, SIZE)
        options = {"offset": where[:, 0, 0], "output_shape": where.shape[1:], "order": order}
        options |= {"mode": SCIPY[border], "cval": 0.3 * 255 / unit}
        planes = [
            scipy.ndimage.affine_transform(
                image[..., k].astype(float), matrix[[1, 0]][:, [1, 0]], **options
            )
            for k in range(shape[2])
        ]
        assert levels(ours, unit * np.stack(planes, -1)) < 0.01, (border, name)


@pytest.mark.parametrize("border", ["constant", "reflect"])
def test_perspective_is_scikit_images_projective_transform(border):
    image = noise((20, 33, 3))
    matrix = np.array([[0.91, 0.23, 2.1], [-0.17, 1.13, -1.3], [0.0071, -0.0043, 1.0]])
    to_corner = np.array([[1.0, 0, 16.0], [0, 1.0, 9.5], [0, 0, 1.0]])
    to_centre = np.array([[1.0, 0, -15.0], [0, 1.0, -8.0], [0, 0, 1.0]])
    inverse_map = skimage.transform.ProjectiveTransform(to_corner @ matrix @ to_centre)
    mode = {"constant": "constant", "reflect": "symmetric"}[border]
    theirs = skimage.transform.warp(
        image.astype(float), inverse_map, output_shape=SIZE, order=1, mode=mode, cval=51.0
    )
    assert levels(warped(image, matrix, SIZE, border=border, fill=0.2), theirs) < 0.01


def keys(distance):
    d = np.abs(distance)
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def cubic(image, where, border, fill):
    """Keys' convolution with a = -0.5 on an image that is really padded, in float64."""
    pad = int(np.abs(where).max()) + 4
    wide = ((pad, pad), (pad, pad), (0, 0))
    if border == "constant":
        image = np.pad(image - fill, wide) + fill
    else:
        image = np.pad(image.astype(float), wide, mode=PAD[border])
    first = np.floor(where).astype(int) - 1
    total = 0
    for i in range(4):
        for j in range(4):
            weight = keys(where[0] - first[0] - i) * keys(where[1] - first[1] - j)
            total += weight[..., None] * image[first[0] + i + pad, first[1] + j + pad]
    return total


@pytest.mark.parametrize("shape", [(20, 33, 3), (2, 1, 3)])
@pytest.mark.parametrize("border", SCIPY)
def test_cubic_is_keys_convolution_under_every_border_rule(border, shape):
    image, fill = noise(shape), (0.1, 0.5, 0.9)
    for name, matrix in MAPS.items():
        ours = warped(image, matrix, SIZE, border=border, fill=fill, interpolation="cubic")
        wanted = cubic(image, sources(matrix, shape, SIZE), border, 255 * np.array(fill))
        assert levels(ours, wanted) < 0.01, name


def test_cubic_has_pillows_kernel():
    # Image.resize has a = -0.5 as we have; Image.transform has a = -1.
    image = noise((16, 21, 3))
    matrix = np.diag([21 / 50, 16 / 40, 1.0])
    theirs = per_channel(
        lambda plane: Image.fromarray(plane.astype(np.float32)).resize((50, 40), PILLOW["cubic"]),
        image,
    )
    ours = jax.jit(lambda: warped(image, matrix, (40, 50), interpolation="cubic"))()
    assert levels(ours[6:-6, 6:-6], theirs[6:-6, 6:-6]) < 0.01


@pytest.mark.parametrize(
    ("border", "interpolation"),
    [("wrap", "nearest"), ("reflect", "nearest"), ("mirror", "nearest"), ("wrap", "linear"),
     ("reflect", "linear"), ("wrap", "cubic")],
)  # fmt: skip
def test_where_the_image_repeats_no_seam_shows(border, interpolation):
    # Coordinates that fall on a seam but for the last bits of float32 must still find a pixel.
    shifts = [np.float32([k * n / 2 for n in (14, 15) for k in range(-8, 9)])]
    for direction in (-np.inf, np.inf):
        for _ in range(4):
            shifts.append(np.nextafter(shifts[-1], np.float32(direction)))
        shifts.append(shifts[0])
    example = {"image": np.ones((14, 15, 1), np.float32), "mask": np.ones((14, 15), bool)}
    how = Resampling(border, 0.0, interpolation, False)
    move = lambda t: ja.Warp(F.translate(t, t), resampling=how)(example)
    out = jax.jit(jax.vmap(move))(np.concatenate(shifts))
    np.testing.assert_allclose(out["image"], 1.0, atol=1e-5)
    assert out["mask"].all()


@pytest.mark.parametrize("border", SCIPY)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float32"])
def test_masks_take_the_nearest_pixel_and_keep_their_type(border, dtype):
    mask = (noise((20, 33)) % 5).astype(dtype)
    fill = {"uint8": 255, "int32": -1, "bool": True, "float32": np.nan}[dtype]
    matrix = MAPS["shrink"]
    op = ja.Warp(matrix, size=SIZE, resampling=Resampling(border, 0.0, "cubic", fill))
    ours = op.mask(mask, (20, 33, 3))
    where = sources(matrix, mask.shape, SIZE)
    theirs = scipy.ndimage.map_coordinates(
        mask.astype(float), where, order=0, mode=SCIPY[border], cval=float(fill)
    )
    assert ours.dtype == mask.dtype
    np.testing.assert_array_equal(ours, theirs.astype(dtype))


# Antialiased resize ----------------------------------------------------------------------------


def pillow_resize(image, size, interpolation, box=None):
    """By Pillow: uint8 as it treats uint8, anything else in its mode F, one channel at a time."""
    options = {"size": size[::-1], "resample": PILLOW[interpolation], "box": box}
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize(**options)).astype(float)
    resize = lambda plane: np.asarray(Image.fromarray(plane.astype(np.float32)).resize(**options))
    return per_channel(resize, image * 255)


@pytest.mark.parametrize("interpolation", PILLOW)
@pytest.mark.parametrize(
    ("shape", "size", "dtype"),
    [
        ((48, 31), (13, 20), "float32"),  # down
        ((33, 20), (14, 47), "float32"),  # down and up
        ((48, 47), (1, 5), "float32"),  # to almost nothing
        ((17, 3), (45, 61), "uint8"),  # up
    ],
)
def test_resize_is_pillows(shape, size, dtype, interpolation):
    image, tolerance = noise((*shape, 3), dtype), 0.01
    if dtype == "uint8":
        # Pillow rounds and clips between its two passes: no contrast that would overshoot there.
        image, tolerance = image // 2 + 64, 1.001
    chain = ja.Chain(ja.Resize(size), interpolation=interpolation, dtype=dtype)
    ours = F.color.to_float(jax.jit(chain)(KEY, image))
    assert levels(ours, pillow_resize(image, size, interpolation)) < tolerance


def test_resize_of_a_single_number_is_the_shorter_side():
    assert ja.Resize(12).sample(KEY, (48, 31, 3)).output_shape((48, 31, 3)) == (19, 12, 3)
    assert ja.Resize(12).sample(KEY, (20, 40, 1)).output_shape((20, 40, 1)) == (12, 24, 1)


@pytest.mark.parametrize(("interpolation", "flipped"), [("linear", True), ("cubic", False)])
def test_random_resized_crop_is_pillows_resize_of_a_box(interpolation, flipped):
    image, size, draws = noise((48, 37, 3), "float32"), (16, 19), 12
    crop = ja.RandomResizedCrop(size, scale=(0.05, 1.0))
    members = (crop, ja.HorizontalFlip(p=1.0)) if flipped else (crop,)
    chain = ja.Chain(*members, interpolation=interpolation)

    def windowed(key):
        op = chain.sample(key, image.shape)
        assert isinstance(op, ja.Warp)  # one resampling, flip and all
        return op.matrix, op(image)

    (across, down, _), images = jax.jit(jax.vmap(windowed))(jax.random.split(KEY, draws))
    widths, heights = np.abs(across[0]) * size[1], down[1] * size[0]
    lefts, tops = across[2] + 37 / 2 - widths / 2, down[2] + 48 / 2 - heights / 2
    boxes = np.stack([lefts, tops, lefts + widths, tops + heights], -1)
    np.testing.assert_allclose(boxes, np.round(boxes), atol=1e-4)
    assert (np.asarray(across[0]) < 0).all() == flipped
    assert len({tuple(box) for box in np.round(boxes)}) == draws
    for box, ours in zip(np.round(boxes), np.asarray(images), strict=True):
        theirs = pillow_resize(image, size, interpolation, tuple(box))
        assert levels(ours, theirs[:, ::-1] if flipped else theirs) < 0.01, box


# Gradients -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "at", "how"),
    [
        (lambda t: ja.Rotate((t, t)), 17.3, {"fill": 0.0}),
        (lambda t: ja.Zoom((t, t)), 0.83, {"fill": "mirror"}),
    ],
    ids=["degrees", "factor"],
)
def test_gradient_of_a_smooth_loss_is_its_slope(transform, at, how):
    image, target = smooth(24, 33), smooth(33, 24).transpose(1, 0, 2)

    @jax.jit
    @jax.value_and_grad
    def loss(parameters):
        moved = ja.Chain(transform(parameters["t"]), **how)(KEY, parameters["image"])
        return jnp.sum((moved - target) ** 2)

    # A small step: the slope jumps wherever a pixel's source crosses from one pixel to the next.
    step = 5e-4 * at
    low, here, high = (loss({"t": t, "image": image}) for t in (at - step, at, at + step))
    assert float(here[1]["t"]) == pytest.approx(float(high[0] - low[0]) / (2 * step), rel=0.02)
    assert np.isfinite(here[1]["image"]).all()
