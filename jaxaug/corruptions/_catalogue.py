"""Corruption: one transform for each name and severity."""

from collections.abc import Callable
from typing import Any

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, describe

from ._blur import defocus_blur, gaussian_blur, motion_blur
from ._digital import contrast, jpeg_compression, pixelate, saturate
from ._elastic import elastic_transform
from ._glass import glass_blur
from ._noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from ._severity import check
from ._spatter import spatter
from ._weather import brightness, fog, frost, snow
from ._zoom import zoom_blur

KERNELS: dict[str, Callable[..., Any]] = {
    kernel.__name__: kernel
    for kernel in (
        *(gaussian_noise, shot_noise, impulse_noise),
        *(defocus_blur, glass_blur, motion_blur, zoom_blur),
        *(snow, frost, fog, brightness),
        *(contrast, elastic_transform, pixelate, jpeg_compression),
        *(speckle_noise, gaussian_blur, spatter, saturate),
    )
}
NAMES = tuple(KERNELS)[:15]
EXTRA = tuple(KERNELS)[15:]


class Corruption(Transform):
    """A corruption of ImageNet-C. See ``jaxaug.corruptions``.

    Args:
        name: one of ``NAMES`` or ``EXTRA``.
        severity: 1 to 5; it may be traced, so that one compiled program serves all five.

    Raises:
        JaxaugError: an unknown name or severity.
    """

    name: str = static()
    severity: Scalar = 3

    def __post_init__(self) -> None:
        if self.name not in KERNELS:
            want = f"a corruption among {', '.join(KERNELS)}"
            raise JaxaugError("Corruption", want, describe(self.name))
        object.__setattr__(self, "severity", check(self.name, self.severity))

    def parts(self) -> list[tuple[str, Any]]:
        return [("", self.name), ("severity", self.severity)]

    def sample(self, key: Key, shape: Shape) -> Op:
        """Draw the op."""
        if self.name == "elastic_transform":
            return elastic_transform(key, self.severity, shape)
        return Apply(KERNELS[self.name], key, self.severity, extent=True)

    @property
    def tag(self) -> str:
        """Corruptions of one name draw alike at all severities."""
        return f"Corruption:{self.name}"
