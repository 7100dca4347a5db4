"""Errors of a model on corrupted images, all corruptions and severities in one pass."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxaug._compose import Chain
from jaxaug._random import check_key
from jaxaug._transform import Transform, batched
from jaxaug._types import JaxaugError, Key, describe

from ._catalogue import NAMES, Corruption
from ._severity import SEVERITIES, check

if TYPE_CHECKING:
    import pandas as pd

Batch = dict[str, Any]

ALEXNET = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
"""AlexNet's top-1 errors on the published ImageNet-C, means over the severities, by which mean
corruption errors are divided: those of D. Hendrycks and T. Dietterich (ICLR 2019), in the digits in
which evaluations since D. Hendrycks et al., AugMix (ICLR 2020), carry them."""


@dataclasses.dataclass(frozen=True, repr=False)
class Robustness:
    """What ``evaluate`` found. Errors are parts of 1: wrong predictions among all.

    Attributes:
        names: the corruptions.
        severities: the severities.
        wrong: wrong predictions ``(names, severities)``, integers.
        wrong_clean: wrong predictions on the images as they are.
        count: how many images.
    """

    names: tuple[str, ...]
    severities: tuple[int, ...]
    wrong: NDArray[np.int64]
    wrong_clean: int
    count: int

    @property
    def table(self) -> "pd.DataFrame":
        """Errors: a row for each corruption, a column for each severity, and their ``mean``."""
        import pandas as pd  # noqa: PLC0415 - not needed on hosts that only corrupt

        rows = pd.Index(self.names, name="corruption")
        table = pd.DataFrame(self.wrong / self.count, rows, list(self.severities))
        return table.assign(mean=table.mean(axis=1))

    @property
    def clean(self) -> float:
        """The error on the images as they are."""
        return self.wrong_clean / self.count

    @property
    def mce(self) -> float:
        """The mean corruption error: over corruptions and severities, not normalised."""
        return float(self.wrong.mean() / self.count)

    @property
    def mce_alexnet(self) -> float | None:
        """The mean corruption error of ImageNet-C: each corruption's divided by AlexNet's.

        1 is as bad as AlexNet. It means something for ImageNet's validation images at 224 pixels
        alone, and even there these images are not those that AlexNet was given. None unless all 15
        corruptions and all 5 severities were evaluated.
        """
        if self.severities != SEVERITIES or not set(NAMES) <= set(self.names):
            return None
        means = self.table["mean"]
        return float(np.mean([means[name] / ALEXNET[name] for name in NAMES]))

    def __repr__(self) -> str:
        numbers = (100.0 * self.table).to_string(float_format="{:.1f}".format)
        head = f"{self.count} images, errors in %: clean {100 * self.clean:.1f}"
        return f"{head}, mean corruption error {100 * self.mce:.1f}\n{numbers}"


def evaluate(
    apply_fn: Callable[[jax.Array], Any],
    batches: Iterable[Batch],
    *,
    names: Sequence[str] = NAMES,
    severities: Sequence[int] = SEVERITIES,
    key: Key | None = None,
    transform: Transform | None = None,
    label: str = "label",
    progress: bool = False,
) -> Robustness:
    """Evaluate a classifier on corrupted images: one pass over the batches for everything.

    Images are corrupted on the device, by one compiled program for each corruption, whatever the
    severity. What a record suffers depends on ``key`` and on its ``index``, or, in batches without
    that column, on its place in all of them; at all severities of a corruption it is the same draw.
    ``jaxaug.batched(jaxaug.Chain(corrupt(name, severity)))`` gives the same images, where a batch
    has this ``index`` and a ``visit`` of 0.

    Args:
        apply_fn: called with float32 images ``(n, h, w, c)`` in 0..1, or as ``transform`` leaves
            them; gives logits ``(n, classes)`` or classes ``(n,)``. It is called as it is, also
            with NumPy inside: compile it yourself, ``jax.jit(apply_fn)``. Of smaller batches,
            such as the last, rows are repeated, so that one shape is compiled.
        batches: dicts with ``image``, uint8 or floating, and labels: a list, or a
            ``jaxaug.data.Loader`` that does not shuffle. Rows not ``valid`` do not count.
        names: corruptions, of ``NAMES`` and ``EXTRA``.
        severities: of 1 to 5.
        key: random key; ``jax.random.key(0)`` by default.
        transform: what images go through behind the corruption, such as a ``Normalize``.
        label: the column of classes: integers ``(n,)``, or one-hot ``(n, classes)``.
        progress: show a bar of ``tqdm``.

    Returns:
        Errors by corruption and severity: ``result.table``, ``.clean``, ``.mce``.

    Raises:
        JaxaugError: an unknown name or severity, no images, labels or predictions of another form.
    """
    key = check_key("evaluate", jax.random.key(0) if key is None else key)
    if not (transform is None or isinstance(transform, Transform)):
        raise JaxaugError("evaluate", "a transform", describe(transform))
    known = tuple(check("evaluate", severity) for severity in severities)
    cases = [(None, 1), *((Corruption(name, s).name, s) for name in names for s in known)]
    if len(cases) == 1:
        raise JaxaugError("evaluate", "corruptions and severities", "none")
    wrong, count, seen, rows = np.zeros(len(cases), np.int64), 0, 0, 0
    for batch in _shown(batches, progress=progress):
        labels = _labels(batch, label)
        counted = np.asarray(batch.get("valid", np.ones(len(labels), bool)))
        rows = max(rows, len(labels))
        columns = _columns(batch, len(labels), rows, seen)
        found = [
            _classes(apply_fn(_images(key, columns, transform, jnp.int32(s), name=name)), rows)
            for name, s in cases
        ]
        for case, classes in enumerate(found):
            wrong[case] += np.sum((np.asarray(classes)[: len(labels)] != labels) & counted)
        count, seen = count + int(counted.sum()), seen + len(labels)
    if not count:
        raise JaxaugError("evaluate", "batches with images", "none", "A generator is read once.")
    table = wrong[1:].reshape(-1, len(known))
    return Robustness(tuple(names), known, table, int(wrong[0]), count)


@functools.partial(jax.jit, static_argnames="name")
def _images(
    key: Key, columns: Batch, transform: Transform | None, severity: Any, *, name: str | None
) -> Any:
    """The images of a batch, corrupted by name, and then transformed."""
    members = [] if name is None else [Corruption(name, severity)]
    chain = Chain(*members, *([] if transform is None else [transform]))
    return batched(chain)(key, columns)["image"]


def _columns(batch: Batch, given: int, rows: int, seen: int) -> Batch:
    """What the corruption needs of a batch, its last row repeated until there are enough."""
    if "image" not in batch:
        found = ", ".join(map(repr, batch)) or "no keys"
        raise JaxaugError("evaluate", "batches with the key 'image'", found)
    columns = {name: batch[name] for name in ("image", "size") if name in batch}
    columns["index"] = batch.get("index", np.arange(given, dtype=np.uint32) + np.uint32(seen))
    if given < rows:
        place = np.minimum(np.arange(rows), given - 1)
        columns = jax.tree.map(lambda column: column[place], columns)
    return columns | {"visit": np.zeros(rows, np.uint32)}


def _labels(batch: Any, name: str) -> NDArray[Any]:
    """The classes of a batch ``(n,)``."""
    if not isinstance(batch, dict) or name not in batch:
        found = ", ".join(map(repr, batch)) if isinstance(batch, dict) else describe(batch)
        raise JaxaugError("evaluate", f"batches with the key {name!r}", found or "no keys")
    labels = np.asarray(batch[name])
    if labels.ndim == 2 and labels.shape[1] > 1:
        labels = labels.argmax(axis=-1)
    if labels.ndim != 1 or not len(labels):
        raise JaxaugError("evaluate", "labels (n,) or one-hot (n, classes)", describe(labels))
    return labels


def _classes(predicted: Any, rows: int) -> Any:
    """Predictions as classes ``(n,)``."""
    shape = tuple(getattr(predicted, "shape", ()))
    logits = len(shape) == 2 and shape[1] > 1
    whole = len(shape) == 1 and jnp.issubdtype(predicted.dtype, jnp.integer)
    if not (logits or whole) or shape[:1] != (rows,):
        want = f"logits ({rows}, classes) or integers ({rows},) from apply_fn"
        raise JaxaugError("evaluate", want, describe(predicted))
    return predicted.argmax(-1) if logits else predicted


def _shown(batches: Iterable[Batch], *, progress: bool) -> Iterable[Batch]:
    if not progress:
        return batches
    from tqdm import tqdm  # noqa: PLC0415 - wanted seldom

    return tqdm(batches, unit="batch")
