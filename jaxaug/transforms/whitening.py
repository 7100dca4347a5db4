"""ZCA: whitening by the covariance of a data set."""

import os
from abc import abstractmethod
from pathlib import Path
from typing import Any, Self

import jax.numpy as jnp
import numpy as np

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._transform import Transform
from jaxaug._types import Array, JaxaugError, Key, Scalar, Shape, check_no_canvas, describe
from jaxaug.functional.moments import Moments, merge
from jaxaug.functional.whitening import Sketch, factor, join, matrix, sketch, whiten
from jaxaug.transforms.fitting import Accumulator, Images, fold, to_host
from jaxaug.transforms.statistics import shortest

FIT = "ZCA.fit"
ROWS = 1024
"""How many images are multiplied together, at most."""


class ZCA(Transform):
    """Whitening: a linear map of whole images after which no pixel tells of another.

    The image loses ``mean``, is flattened, multiplied by ``matrix`` and given its shape back. The
    map is that of Keras' ``zca_whitening``, but that Keras' pixels may be in 0..255: the one of
    ``fit`` gives its images the covariance 1.

    Args:
        mean: a number, one for each channel, or an array ``(h, w, c)``.
        matrix: ``(d, d)`` with ``d = h w c``; or its root ``(d, k)`` with ``k < d``, where
            the image is multiplied by the root and by its transpose.
        shape: ``(h, w, c)`` of the images.

    Raises:
        JaxaugError: parts that do not fit each other, or an image of another shape.
    """

    mean: Scalar | tuple[Scalar, ...] | Array
    matrix: Array
    shape: Shape = static()

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        rows = int(np.prod(self.shape))
        if len(self.shape) != 3 or rows < 1:
            raise JaxaugError("ZCA", "a shape (h, w, c)", describe(self.shape))
        known = jnp.shape(self.matrix)
        if len(known) != 2 or known[0] != rows or not 1 <= known[1] <= rows:
            want = f"a matrix ({rows}, {rows}), or fewer columns, for images {self.shape}"
            raise JaxaugError("ZCA", want, describe(self.matrix))
        if jnp.shape(jnp.asarray(self.mean)) not in ((), self.shape[2:], self.shape):
            want = f"a mean of {self.shape[2]} channels, or {self.shape}"
            raise JaxaugError("ZCA", want, describe(self.mean))

    @classmethod
    def fit(cls, data: Any, *, rank: int | None = None, epsilon: float = 1e-6) -> Self:
        """Make one by the covariance of a data set, in one pass and without holding it in memory.

        With the images' pixels in 0..1, flattened and without the mean of each channel, as rows of
        ``X`` ``(n, d)``, and ``X = V diag(s) U'``, the matrix is ``W = U diag(sqrt(n) / (s +
        epsilon)) U'``, computed in float64. Directions in which images vary by no more than
        rounding are left out, and so become 0: there are such where images are fewer than ``d``.

        The matrix takes memory of ``d * d`` numbers and time of ``d ** 3``. With a ``rank`` there
        is no such matrix: only the strongest directions are found, and what an image has beside
        them becomes 0. They are exact if images vary in no more directions than that, and close
        to the strongest ones otherwise, in which some of what was seen early is forgotten.

        Args:
            data: as for ``FeaturewiseNormalize.fit``, images of one shape.
            rank: how many directions to keep, at least 1; None is all.
            epsilon: added to the singular values.

        Raises:
            JaxaugError: other data, no images, images that do not vary, NaN or infinity, other
                shapes, pictures on a larger canvas, or a matrix too large for the memory.
        """
        whole = isinstance(rank, int | np.integer) and not isinstance(rank, bool)
        if rank is not None and not (whole and rank >= 1):
            raise JaxaugError(FIT, "a rank of 1 or more, or None", describe(rank))
        if not 0 <= epsilon < np.inf:
            raise JaxaugError(FIT, "an epsilon of 0 or more", describe(epsilon))
        shape, found = fold(FIT, data, 1, lambda shape: _accumulator(shape, rank))
        height, width, channels = shape
        mean, count = found.mean.reshape(-1, channels).mean(0), found.count
        # The scatter is about the mean of each pixel; here images lose only that of each channel.
        apart = found.mean - np.tile(mean, height * width)
        own = np.trace(found.scatter) if isinstance(found, Moments) else np.square(found.root).sum()
        noise = np.square(32 * np.finfo(np.float64).eps * found.mean).sum()
        if own / count + np.square(apart).sum() <= noise:
            raise JaxaugError(FIT, "images that differ", "none that do", "Pass more images.")
        if isinstance(found, Sketch):
            root = np.concatenate([found.root, np.sqrt(count) * apart[None]])
            found = factor(root, count, epsilon, rank or 1)
        else:
            second = found.scatter
            second += np.outer(count * apart, apart)
            found = matrix(second, count, epsilon)
        return cls(shortest(mean), found.astype(np.float32), (height, width, channels))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        check_no_canvas("ZCA", shape, "as its matrix is made for whole images")
        if tuple(shape) != self.shape:
            remedy = "Resize first, or fit it to such images."
            raise JaxaugError("ZCA", f"images {self.shape}, as in fit", str(tuple(shape)), remedy)
        return Apply(whiten, jnp.asarray(self.mean, jnp.float32), self.matrix)


def _accumulator(shape: tuple[int, ...], rank: int | None) -> "_Covariance | _Directions":
    size = int(np.prod(shape))
    if rank is None or rank >= size:
        _check_memory(size, 6 * size * size)  # the scatter, and what LAPACK makes of it
        return _Covariance(size, min(ROWS, max(size, 64)))
    keep = min(size, rank + max(16, rank // 2))  # more than wanted: the last ones are uncertain
    _check_memory(size, 16 * keep * size)
    return _Directions(size, keep)


class _Rows(Accumulator):
    """Flattened images in float64, collected: a few at a time would take much longer.

    Args:
        size: numbers in an image.
        block: how many images are taken in together.
    """

    def __init__(self, size: int, block: int) -> None:
        self._size = size
        self._block = block
        self._waiting: list[np.ndarray] = []
        self._seen = Sketch(np.float64(0), np.zeros(size), np.zeros((0, size)))

    def add(self, images: Images) -> None:
        if images.size is not None:
            want = "images without the key 'size', as all pixels of all images are compared"
            got = "pictures of sizes of their own on a canvas"
            raise JaxaugError(FIT, want, got, "Give the source an image_size.")
        pixels = to_host(images.pixels).reshape(-1, self._size)
        images.check_finite(FIT, np.asarray(np.isfinite(pixels).all(1)))
        pixels, unit = pixels[images.valid], 255.0 if pixels.dtype == np.uint8 else 1.0
        for start in range(0, len(pixels), self._block):
            self._waiting.append(pixels[start : start + self._block].astype(np.float64) / unit)
            if sum(map(len, self._waiting)) >= self._block:
                self._flush()

    def _flush(self) -> None:
        if self._waiting:
            rows = np.concatenate(self._waiting)
            self._waiting.clear()
            self._take(sketch(rows))

    @abstractmethod
    def _take(self, block: Sketch) -> None:
        """Take in the sketch of some rows."""


class _Covariance(_Rows):
    """Mean and full scatter ``(d, d)``."""

    def __init__(self, size: int, block: int) -> None:
        super().__init__(size, block)
        self._scatter = np.zeros((size, size))

    def _take(self, block: Sketch) -> None:
        seen = join(self._seen, block, len(block.root) + 1)
        self._scatter += seen.root.T @ seen.root
        self._seen = seen._replace(root=self._seen.root)

    def total(self) -> Moments:
        self._flush()
        return Moments(self._seen.count, self._seen.mean, self._scatter)

    def merge(self, first: Moments, second: Moments) -> Moments:
        return merge(first, second)


class _Directions(_Rows):
    """Mean and the strongest directions."""

    def __init__(self, size: int, keep: int) -> None:
        super().__init__(size, keep)
        self._keep = keep

    def _take(self, block: Sketch) -> None:
        self._seen = join(self._seen, block, self._keep)

    def total(self) -> Sketch:
        self._flush()
        root = np.zeros((self._keep, self._size))  # as many rows on every host
        root[: len(self._seen.root)] = self._seen.root
        return self._seen._replace(root=root)

    def merge(self, first: Sketch, second: Sketch) -> Sketch:
        return join(first, second, self._keep)


def _check_memory(size: int, numbers: int) -> None:
    """Refuse what would take more memory than there is, before it is asked for."""
    needed, there = 8 * numbers, _available_memory()
    if needed > there:
        want = f"{needed / 2**30:.1f} GiB of free memory for images of {size} numbers"
        remedy = "Pass rank=256 or another rank, or resize the images first."
        raise JaxaugError(FIT, want, f"{there / 2**30:.1f} GiB", remedy)


def _available_memory() -> int:
    """Bytes that can be had: on Linux those of files that are kept in memory are among them."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 8 << 30
