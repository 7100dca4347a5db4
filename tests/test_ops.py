"""The algebra of ops: identity, associativity, fused = one by one, gates, inverse, sizes, cost."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxaug as ja
import jaxaug.functional as F
from jaxaug._compose import one_of
from jaxaug._ops import Resampling

KEY = jax.random.key(3)
SHAPE = (20, 26, 3)
LEVEL = 1 / 255


def picture(height=20, width=26):
    """A smooth picture: resampling it twice costs little."""
    y, x = np.mgrid[0:height, 0:width] / 8.0
    return (
        np.stack([np.sin(y + x), np.cos(y - x / 2), np.sin(x)], -1).astype(np.float32) * 0.4 + 0.5
    )


def warps():
    numbers = st.floats(-0.3, 0.3)
    rows = st.tuples(numbers, numbers, st.floats(-4, 4))
    return st.builds(
        lambda a, b: ja.Warp(((1 + a[0], a[1], a[2]), (b[0], 1 + b[1], b[2]), (0.0, 0.0, 1.0))),
        rows,
        rows,
    )


def colors():
    def build(seed, forms):
        rng = np.random.default_rng(seed)
        shape = {"number": (), "channels": (3,), "full": (3, 3)}
        matrix, mean, offset = (
            None if form == "none" else rng.uniform(-1, 1, shape[form]).astype(np.float32)
            for form in forms
        )
        return ja.Color(matrix, mean, offset)

    forms = ["number", "channels", "full"]
    choice = st.sampled_from(list(itertools.product(forms, [*forms, "none"], forms[:2])))
    return st.builds(build, st.integers(0, 999), choice)


def dense(op):
    return np.array([[float(x) for x in row] for row in op.matrix])


@settings(max_examples=25, deadline=None)
@given(warps(), warps(), warps())
def test_warps_compose_as_matrices(first, second, third):
    both = first.then(second)
    assert isinstance(both, ja.Warp)
    np.testing.assert_allclose(dense(both), dense(first) @ dense(second), atol=1e-5)
    left, right = first.then(second).then(third), first.then(second.then(third))
    np.testing.assert_allclose(dense(left), dense(right), atol=1e-4)
    undone = first.then(first.inverse())
    np.testing.assert_allclose(dense(undone), np.eye(3), atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(colors(), colors(), colors())
def test_colors_compose_as_functions(first, second, third):
    image = picture(6, 5)
    fused = first.then(second).then(third)
    assert isinstance(fused, ja.Color)
    one_by_one = third(second(first(image)))
    scale = 1 + np.abs(one_by_one).max()
    np.testing.assert_allclose(fused(image) / scale, one_by_one / scale, atol=1e-5)
    other = first.then(second.then(third))
    np.testing.assert_allclose(other(image) / scale, one_by_one / scale, atol=1e-5)


def test_identity_is_neutral():
    for op in (ja.Warp(F.rotate(0.3)), ja.Color(1.3, offset=0.1), ja.Sequence()):
        for joined in (ja.Sequence().then(op), op.then(ja.Sequence())):
            np.testing.assert_array_equal(joined(picture()), op(picture()))


def test_one_resampling_is_close_to_two_in_the_interior():
    first, second = ja.Warp(F.rotate(0.2)), ja.Warp(F.scale(1.1, 0.95))
    fused, twice = first.then(second)(picture()), second(first(picture()))
    np.testing.assert_allclose(fused[6:-6, 6:-6], twice[6:-6, 6:-6], atol=4 * LEVEL)


def test_neighbours_fuse_and_order_is_kept():
    warp, color = ja.Warp(F.rotate(0.1)), ja.Color(1.1)
    clip = ja.Apply(jnp.clip, 0.1, 0.9)
    sequence = ja.fuse([warp, warp, color, color, clip, color, warp])
    kinds = [type(op).__name__ for op in sequence.ops]
    assert kinds == ["Warp", "Color", "Apply", "Color", "Warp"]
    want = warp(color(clip(color(color(warp.then(warp)(picture()))))))
    np.testing.assert_allclose(sequence(picture()), want, atol=1e-6)


def count(jaxpr, name):
    """How often a primitive stands in a program, inner programs included."""
    total = 0
    for equation in jaxpr.eqns:
        total += equation.primitive.name == name
        for value in jax.tree.leaves(
            list(equation.params.values()),
            is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr"),
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += count(inner, name)
    return total


def gathers(transform, image=None):
    image = np.zeros((2, 20, 26, 3), np.uint8) if image is None else image
    return count(jax.make_jaxpr(ja.batched(transform))(KEY, image).jaxpr, "gather")


@pytest.mark.parametrize("length", [1, 2, 4, 8])
@pytest.mark.parametrize(("interpolation", "taps"), [("nearest", 1), ("linear", 4), ("cubic", 16)])
def test_a_chain_of_any_length_is_one_gather_stage(length, interpolation, taps):
    geometry = [ja.Rotate(20), ja.Translate(x=0.2), ja.Shear(10), ja.Zoom(0.2), ja.HorizontalFlip()]
    members = list(itertools.islice(itertools.cycle(geometry), length))
    chain = ja.Chain(
        *members, ja.Brightness(0.2), ja.Normalize(0.5, 0.2), interpolation=interpolation
    )
    assert gathers(chain) == taps


def test_one_of_seven_costs_one_resampling():
    seven = ja.OneOf(
        ja.Rotate(20), ja.Translate(x=0.2), ja.Shear(10), ja.Zoom(0.2),
        ja.HorizontalFlip(), ja.VerticalFlip(), ja.Affine(5, x=0.1),
    )  # fmt: skip
    assert gathers(seven) == gathers(ja.Rotate(20)) == 4
    assert isinstance(seven.sample(KEY, SHAPE), ja.Warp)
    # A flip after it, a gate around it: still the same one.
    assert gathers(ja.Chain(ja.Maybe(seven), ja.HorizontalFlip(), fill="nearest")) == 4


def test_one_of_takes_exactly_the_picked_op():
    ops = [
        ja.Warp(F.rotate(0.3)),
        ja.Color(0.5),
        ja.fuse([ja.Color(2.0, offset=-0.3), ja.Warp(F.flip(x=True))]),
        ja.Apply(jnp.power, 2.0),
        ja.Apply(jnp.power, 3.0),
        ja.Sequence(),
    ]
    for place, op in enumerate(ops):
        chosen = one_of(ops, [jnp.bool_(k == place) for k in range(len(ops))])
        np.testing.assert_allclose(chosen(picture()), op(picture()), atol=1e-6)
        assert len(chosen.ops) <= 4  # Warp, Color, Warp, Apply: two words of one family are one


def test_gates_are_data():
    flags = jnp.array([True, False])
    op = ja.Warp(F.rotate(0.4)).then(ja.Color(0.5)).then(ja.Apply(jnp.power, 2.0))
    out = jax.vmap(lambda on: op.gate(on)(picture()))(flags)
    np.testing.assert_allclose(out[0], op(picture()), atol=1e-6)
    np.testing.assert_array_equal(out[1], picture())
    # Twice gated is gated by both.
    for one, two in itertools.product([True, False], repeat=2):
        twice = ja.Apply(jnp.power, 2.0).gate(jnp.bool_(one)).gate(jnp.bool_(two))
        want = picture() ** 2 if one and two else picture()
        np.testing.assert_allclose(twice(picture()), want, atol=1e-6)


def test_what_is_gated_off_may_be_anything_without_hurting_gradients():
    hue = ja.Hue((0.3, 0.3)).sample(KEY, SHAPE).gate(jnp.bool_(False))
    grad = jax.grad(lambda x: hue(x).sum())(jnp.full(SHAPE, 0.5))
    np.testing.assert_array_equal(grad, np.ones(SHAPE))


def test_sizes():
    crop = ja.CenterCrop((10, 12)).sample(KEY, SHAPE)
    assert crop.output_shape(SHAPE) == (10, 12, 3)
    chain = ja.Chain(ja.RandomCrop((16, 20)), ja.Rotate(10), ja.CenterCrop(8))
    op = chain.sample(KEY, SHAPE)
    assert isinstance(op, ja.Warp)
    assert op(picture()).shape == (8, 8, 3)
    assert op.inverse().output_shape((8, 8, 3)) == SHAPE
    same_size = ja.OneOf(ja.RandomCrop(12), ja.CenterCrop(12), ja.RandomResizedCrop(12))
    assert same_size(KEY, picture()).shape == (12, 12, 3)
    with pytest.raises(ja.JaxaugError, match="one output size"):
        ja.OneOf(ja.RandomCrop(12), ja.CenterCrop(10))(KEY, picture())
    with pytest.raises(ja.JaxaugError, match="one output size"):
        ja.OneOf(ja.RandomCrop(12), ja.Rotate(10))(KEY, picture())
    with pytest.raises(ja.JaxaugError, match=r"in Maybe \(RandomCrop\).*keeps the size"):
        ja.Maybe(ja.RandomCrop(12))(KEY, picture())
    assert ja.Maybe(ja.RandomCrop((20, 26), padding=2))(KEY, picture()).shape == SHAPE


def test_inverse_of_other_families_is_a_clear_error():
    for op in (ja.Color(2.0), ja.Apply(jnp.power, 2.0), ja.Warp().then(ja.Color(2.0))):
        with pytest.raises(ja.JaxaugError, match="made of Warps only"):
            op.inverse()
    with pytest.raises(ja.JaxaugError, match="the size to go back to"):
        ja.Warp(size=(4, 4)).inverse()


def test_resampling_is_decided_by_the_nearest_container():
    inner = ja.Chain(ja.Rotate(20), fill="nearest")
    op = ja.Chain(inner, ja.Zoom(0.2), fill=0.5, interpolation="cubic").sample(KEY, SHAPE)
    assert [warp.resampling for warp in op.ops] == [
        Resampling("nearest", 0.0, "cubic"),
        Resampling("constant", 0.5, "cubic"),
    ]
    agreed = ja.Chain(inner, ja.Zoom(0.2), fill="nearest").sample(KEY, SHAPE)
    assert isinstance(agreed, ja.Warp)


def test_antialiasing_and_fusion():
    """Separable maps keep the filter; a rotation joins only a mild shrinking."""
    crop, flip = ja.RandomResizedCrop((5, 6)), ja.HorizontalFlip()
    assert isinstance(ja.Chain(crop, flip, ja.Translate(0.1)).sample(KEY, SHAPE), ja.Warp)
    assert len(ja.Chain(crop, ja.Rotate(10)).sample(KEY, SHAPE).ops) == 2
    assert isinstance(ja.Chain(ja.Resize((15, 20)), ja.Rotate(10)).sample(KEY, SHAPE), ja.Warp)


def test_hyper_parameters_are_traced_leaves():
    image = np.zeros((2, 20, 26, 3), np.uint8)
    traces = []

    @jax.jit
    def augment(transform, key, images):
        traces.append(1)
        return ja.batched(transform)(key, images)

    def chain(degrees, low, p):
        return ja.Chain(ja.Rotate(degrees), ja.Zoom((low, 1.2)), ja.Maybe(ja.Brightness(low), p))

    outs = [
        augment(chain(*numbers), KEY, image + 200)
        for numbers in ((5.0, 0.9, 0.1), (80.0, 0.5, 0.9))
    ]
    assert len(traces) == 1
    assert np.abs(outs[0] - outs[1]).max() > 0.1

    def loss(transform):
        return jnp.mean(transform(KEY, picture()) ** 2)

    grads = jax.grad(loss)(chain(30.0, 0.9, 0.5))
    leaves = jax.tree.leaves(grads)
    assert len(leaves) == 5
    assert all(np.isfinite(leaf) for leaf in leaves)
    assert abs(grads.members[0].degrees) > 1e-6

    swept = jax.vmap(lambda degrees: ja.Rotate(degrees)(KEY, picture()))(jnp.array([0.0, 30.0]))
    np.testing.assert_array_equal(swept[0], picture())
    assert np.abs(swept[1] - picture()).max() > 0.1


def test_repr_of_a_nest():
    chain = ja.Chain(
        ja.Rotate(20), ja.OneOf(ja.HorizontalFlip(), ja.Hue(0.1), weights=(1, 2)), fill="nearest"
    )
    assert repr(chain) == (
        "Chain(\n"
        "  Rotate(degrees=20),\n"
        "  OneOf(HorizontalFlip(), Hue(turns=0.1), weights=(1, 2)),\n"
        "  fill='nearest',\n"
        ")"
    )


WHOLE = {
    "mirrors": ja.Chain(ja.HorizontalFlip(), ja.VerticalFlip()),
    "a mirrored crop": ja.Chain(ja.HorizontalFlip(), ja.RandomCrop((13, 18))),
    "an odd crop of an even side": ja.CenterCrop((13, 17)),
    "a crop that sticks out": ja.RandomCrop((19, 24), padding=5),
    "a turn, or none": ja.Maybe(ja.Rotate90((0, 2))),
    "one of two": ja.OneOf(ja.HorizontalFlip(), ja.VerticalFlip()),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_moves_pixels_onto_pixels_is_not_interpolated(name):
    """And is what an interpolation gives, which is told to have it where they do."""
    image = jnp.asarray(np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8))
    for seed in range(4):
        op = WHOLE[name].sample(jax.random.key(seed), SHAPE)
        assert op.whole
        interpolated = op.replace(whole=False, resampling=Resampling("constant", 0.0, "linear", 0))
        np.testing.assert_array_equal(op(image), interpolated(image))


def test_what_moves_pixels_between_pixels_is_interpolated():
    image = picture()
    for chain in (ja.Chain(ja.HorizontalFlip(), ja.Rotate(10)), ja.Translate(x=0.1), ja.Resize(17)):
        assert not chain.sample(KEY, SHAPE).whole
    half = ja.Warp(size=(19, 25))  # about the centre of even sides
    assert not half.whole
    np.testing.assert_allclose(half(image)[0, 0], image[:2, :2].mean((0, 1)), atol=1e-6)
    assert ja.Warp().whole
