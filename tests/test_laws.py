"""What every transform obeys, whatever it does. A new transform is a new row of ``table``."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from table import IDENTITIES, TABLE, batch, example

import jaxaug as ja

KEY = jax.random.key(7)
TARGETS = ("image", "mask", "boxes", "keypoints")
WITH_TARGETS = ("rotate", "horizontal-flip", "random-crop")
FITTED = ("featurewise-normalize", "zca")
VARIANTS = ("translate-pixels", "zoom-isotropic", "channel-shift-each", "chain-empty")
IN_A_CHAIN = (
    "gamma", "tone-curve", "tone-curve-each", "solarize", "solarize-add", "posterize",
    "auto-contrast", "equalize", "sepia", "hue-rotation", "planckian-jitter", "channel-shuffle",
    "fancy-pca", "invert", "rgb-shift", "channel-dropout", "to-gray", "clahe-each",
    "vignette",
)  # fmt: skip
MIX_COLORS = (
    "saturation", "hue", "color-jitter", "grayscale", "one-of", "random-order", "hue-rotation",
    "to-gray", "rgb-shift", "sepia", "planckian-jitter", "fancy-pca", "casts",
    "photometric-distort", "three-augment",
)  # fmt: skip
UNDRAWN = (
    "five-crop",
    "invert",
    "auto-contrast",
    "equalize",
    "to-gray",
    "to-gray-max",
    "median-blur",
)
POLICIES = ("rand-augment", "rand-augment-timm", "trivial-augment", "auto-augment", "aug-mix")
MANY_STEPS = (
    *POLICIES, "gaussian-blur", "motion-blur", "defocus", "sharpness", "shot-noise", "downscale",
    "jpeg", "sizes", "box-crops", "holes", "tones", "one-of-tones", "equalize", "clahe",
    "clahe-each", "casts", "photometric-distort",
)  # fmt: skip
"""Of so many small steps that compilation is what they cost: not step by step, in fewer ways."""
SAME_KERNEL = (
    "box-blur", "unsharp-mask", "emboss", "median-blur", "speckle-noise", "salt-and-pepper",
    "gaussian-noise", "downscale", "photometric-distort",
)  # fmt: skip
"""Made of what others in the table are made of, or of minima and maxima: no bits to look after."""
WINDOWS_AND_HOLES = ("sizes", "box-crops", "grid-mask")
"""Whose pixels come as those of the other crops do: it is the numbers that are looked after."""
EXACT = ("five-crop", "ten-crop", "holes")
"""Pixels are moved or covered as they are."""
NEEDS = {"holes": ("mask",), "box-crops": ("boxes",)}
"""What else than the image a row looks at."""
SHAPE = (20, 26, 3)
rows = pytest.mark.parametrize("name", TABLE)


def quick(function):
    """Compiled, hardly optimized."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


def sample(name, key=KEY):
    """An op of this row, drawn step by step."""
    draw = lambda key: TABLE[name].sample(key, SHAPE)
    return quick(draw)(key) if name in MANY_STEPS else draw(key)


def apply(name, op, example):
    """Step by step, not compiled."""
    if name not in MANY_STEPS:
        return op(example)
    return {**example, **quick(lambda op, example: op(example))(op, targets(example))}


def given(name, whole):
    """The image, and what else the row looks at."""
    return {target: whole[target] for target in ("image", *NEEDS.get(name, ()))}


def equal(one, two):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def close(one, two, levels=0.01):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=levels / 255)


def targets(columns):
    return {name: columns[name] for name in TARGETS if name in columns}


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in TABLE
        if name not in (*VARIANTS, *IN_A_CHAIN, *SAME_KERNEL, *EXACT, *POLICIES[1:-1])
    ],
)
def test_bits_do_not_depend_on_the_batch_or_the_devices(name):
    """Batches of 1, 3 and 8 of the same records in any order, and 8 devices in five ways."""
    augment = jax.jit(ja.batched(TABLE[name]))
    columns = batch()
    if name not in WITH_TARGETS:  # one of each way to move them will do: they cost compilations
        columns = given(name, columns) | {k: columns[k] for k in ("index", "visit")}
    whole = jax.tree.map(np.asarray, targets(augment(KEY, columns)))
    if name in WINDOWS_AND_HOLES:
        order = np.array([6, 0, 3])
        part = jax.tree.map(lambda x: x[order], columns)
        equal(targets(augment(KEY, part)), jax.tree.map(lambda x: x[order], whole))
        mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
        augment.trace(KEY, jax.device_put(columns, NamedSharding(mesh, PartitionSpec("data"))))
        return

    one = {k: v[5] for k, v in columns.items() if k in TARGETS}
    key = jax.random.fold_in(jax.random.fold_in(KEY, columns["visit"][5]), columns["index"][5])
    alone = jax.jit(TABLE[name])(key, one)  # the documented key; the last bit is another program's
    close(alone["image"], whole["image"][5], levels=0.05)
    if name in WITH_TARGETS:
        close([alone["boxes"], alone["keypoints"]], [whole["boxes"][5], whole["keypoints"][5]])
        assert np.mean(alone["mask"] != whole["mask"][5]) < 0.01

    few = name in MANY_STEPS
    for order in ([5], [6, 0, 3], [7, 2, 5, 0, 1, 6, 4, 3])[few:]:
        part = jax.tree.map(lambda x, order=order: x[np.array(order)], columns)
        picked = jax.tree.map(lambda x, order=order: x[np.array(order)], whole)
        equal(targets(augment(KEY, part)), picked)

    spec = PartitionSpec("data")
    auto = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    explicit = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    for mesh in (auto, explicit)[few:]:
        sharded = jax.device_put(columns, NamedSharding(mesh, spec))
        equal(targets(augment(KEY, sharded)), whole)
    if name == "chain":
        with jax.set_mesh(explicit):
            equal(targets(augment(KEY, sharded)), whole)

    inside = jax.shard_map(
        ja.batched(TABLE[name]), mesh=auto, in_specs=(PartitionSpec(), spec), out_specs=spec
    )
    equal(targets(jax.jit(inside)(KEY, columns)), whole)

    if few:
        return
    rows_apart = jax.tree.map(lambda x: x.reshape(8, 1, *x.shape[1:]), columns)
    mapped = jax.pmap(ja.batched(TABLE[name]), in_axes=(None, 0))(KEY, rows_apart)
    equal(jax.tree.map(lambda x: np.asarray(x)[:, 0], targets(mapped)), whole)


@pytest.mark.parametrize("name", EXACT)
def test_what_is_exact_is_traced_for_devices_too(name):
    columns = given(name, batch()) | {k: batch()[k] for k in ("index", "visit")}
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    sharded = jax.device_put(columns, NamedSharding(mesh, PartitionSpec("data")))
    jax.jit(ja.batched(TABLE[name])).trace(KEY, sharded)


@rows
def test_same_key_same_result_and_another_key_another(name):
    draw = quick(lambda key: _numbers(TABLE[name].sample(key, SHAPE)))
    first = draw(KEY)
    equal(first, draw(KEY))
    others = [draw(jax.random.key(k)) for k in range(8)]
    fixed = ("resize", "center-crop", "grayscale", "rescale", "clip", "normalize")
    if name not in (*fixed, *UNDRAWN, *FITTED, "samplewise-normalize", "chain-empty"):
        assert any((a != b).any() for o in others for a, b in zip(first, o, strict=True))


def _numbers(op):
    """The leaves of an op; a key as the numbers that it is."""
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(op)]
    is_key = [jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in leaves]
    return [jax.random.key_data(x) if k else x for x, k in zip(leaves, is_key, strict=True)]


@rows
def test_tree_shape_and_types(name):
    """Structure and unknown keys are kept; sizes follow the op; all pixel types come in."""
    whole = example()
    op = sample(name)
    size = op.output_shape(SHAPE)
    out = apply(name, op, whole)  # not compiled, and yet the same, but for fused multiply-adds
    compiled = jax.jit(lambda op, example: op(example)["image"])
    close(compiled(op, given(name, whole)), out["image"])
    assert list(out) == list(whole)
    assert out["label"] is whole["label"]
    several = (len(op.results),) if op.results else ()
    assert out["image"].shape == (*several, *size)
    assert out["image"].dtype == jnp.float32
    assert out["mask"].shape == (*several, *size[:2])
    assert out["mask"].dtype == jnp.int32
    assert out["boxes"].shape == (*several, 3, 4)
    assert out["keypoints"].shape == (*several, 2, 2)
    if name not in MANY_STEPS:
        floats = given(name, whole) | {"image": np.float32(whole["image"] / 255.0)}
        close(compiled(op, floats), out["image"])
    image = {"image": jax.ShapeDtypeStruct(SHAPE, jnp.bfloat16)}
    half = jax.eval_shape(op, given(name, whole) | image)["image"]
    assert half.dtype == jnp.float32
    assert half.shape == (*several, *size)


@rows
def test_any_number_of_channels(name):
    """One and five channels work, or the error says that three are needed."""
    for channels in (1, 5):
        image = {"image": jax.ShapeDtypeStruct((20, 26, channels), jnp.float32)}
        try:
            out = jax.eval_shape(TABLE[name], KEY, given(name, example()) | image)["image"]
        except ja.JaxaugError as error:
            words = str(error)
            assert "3 channels" in words or "one value, or" in words or name == "zca"
            assert name in (*MIX_COLORS, "normalize", "channel-dropout", *FITTED)
        else:
            assert out.shape[-1] == channels


@rows
def test_pickle_repr_and_tree_round_trip(name):
    transform = TABLE[name]
    again = pickle.loads(pickle.dumps(transform))
    assert repr(again) == repr(transform)
    assert repr(transform).startswith(type(transform).__name__ + "(")
    leaves, structure = jax.tree.flatten(transform)
    assert repr(jax.tree.unflatten(structure, leaves)) == repr(transform)
    op = sample(name)
    equal(_numbers(again.sample(KEY, SHAPE) if name not in MANY_STEPS else op), _numbers(op))
    equal(_numbers(pickle.loads(pickle.dumps(op))), _numbers(op))
    assert repr(op).startswith(type(op).__name__ + "(")


@rows
def test_gradients_are_finite(name):
    image = jnp.asarray(example()["image"] / 255.0, jnp.float32).at[:8].set(0.5)
    rest = given(name, example())
    loss = quick(jax.grad(lambda x: jnp.sum(TABLE[name](KEY, rest | {"image": x})["image"] ** 2)))
    assert np.isfinite(loss(image)).all()


@pytest.mark.parametrize("name", IDENTITIES)
def test_no_strength_is_the_identity_bit_for_bit(name):
    sample = example()
    run = quick(IDENTITIES[name].__call__) if name in MANY_STEPS else IDENTITIES[name]
    out = run(KEY, sample)
    equal(out["image"], ja.Chain()(KEY, sample["image"]))
    equal(out["mask"], sample["mask"])
    close(out["boxes"], sample["boxes"])
    close(out["keypoints"], sample["keypoints"])


@rows
def test_gated_off_is_the_identity_bit_for_bit(name):
    op = sample(name)
    if op.results:
        with pytest.raises(ja.JaxaugError, match="an op with one result"):
            op.gate(jnp.bool_(False))
        return
    if op.output_shape(SHAPE) != SHAPE:
        with pytest.raises(ja.JaxaugError, match="keeps the size|with one result"):
            op.gate(jnp.bool_(False))
        return
    whole = example()
    off = apply(name, op.gate(jnp.bool_(False)), whole)
    equal(off["image"], ja.Chain()(KEY, whole["image"]))
    equal(off["mask"], whole["mask"])
    on = op.gate(jnp.bool_(True))
    close(apply(name, on, whole)["image"], apply(name, op, whole)["image"])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "uint8"])
def test_types_that_come_out(dtype):
    image = batch(2)["image"]
    chain = ja.Chain(ja.Brightness((1.5, 1.5)), dtype=dtype)
    exact = np.minimum(image * 1.5, 255.0) if dtype == "uint8" else image * (1.5 / 255)
    tolerance = {"uint8": 0.5, "float32": 1e-6, "float16": 1e-3, "bfloat16": 1e-2}[dtype]
    for out in (
        ja.batched(chain)(KEY, image),
        ja.batched(chain.members[0], dtype=dtype)(KEY, image),
    ):
        assert str(out.dtype) == dtype
        np.testing.assert_allclose(np.float32(out), exact, atol=tolerance)
