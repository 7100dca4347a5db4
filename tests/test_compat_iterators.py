"""Order, epochs, seeds and threads of iterators; batches of arrays, compared with Keras' own."""

import inspect
import random
import secrets
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from keras_oracle import image as keras
from PIL import Image

from jaxaug.compat._arrays import NumpyArrayIterator
from jaxaug.compat._generator import ImageDataGenerator
from jaxaug.compat._images import array_to_img
from jaxaug.compat._iterator import Iterator
from jaxaug.compat._keywords import known_keywords
from jaxaug.compat._saving import save_batch

X = np.random.default_rng(0).integers(0, 256, (10, 6, 5, 3), np.uint8)
Y, N = np.arange(10) % 2, np.arange(10)


class Rows(Iterator):
    """Batches are their rows and seeds."""

    def _get_batches_of_transformed_samples(self, index_array):
        return index_array.tolist(), self.row_seeds(index_array).tolist()


def walk(iterator, count):
    return [next(iterator) for _ in range(count)]


def test_an_unknown_keyword_is_an_error_that_names_the_nearest():
    class Turn:
        @known_keywords
        def __init__(self, degrees=0, *, fill="nearest"):
            self.degrees = degrees

        @known_keywords
        def at(self, x, /, place): ...

        @known_keywords(others=("has_ext",))
        def flow(self, shuffle=True, **gone):
            return gone

        any = known_keywords(lambda self, **names: names)

    class Own(Turn):
        def __init__(self, *args, own, **names):
            super().__init__(*args, **names)

    assert Own(own=1, degrees=3).degrees == 3 and Turn(4).degrees == 4
    assert str(inspect.signature(Turn)) == "(degrees=0, *, fill='nearest')"
    assert Turn().any(what=1) == {"what": 1} and Turn().flow(has_ext=1) == {"has_ext": 1}
    for call, where, name, remedy in (
        (lambda: Turn(degree=1), "Turn", "degree", "Did you mean 'degrees'?"),
        (lambda: Own(own=1, fil=1), "Own", "fil", "Did you mean 'fill'?"),
        (lambda: Turn(zzz=1), "Turn", "zzz", "It takes degrees, fill."),
        (lambda: Turn().at(x=1, place=2), "Turn.at", "x", "It takes place."),
        (lambda: Turn().flow(shufle=1), "Turn.flow", "shufle", "Did you mean 'shuffle'?"),
    ):
        with pytest.raises(TypeError) as raised:
            call()
        assert str(raised.value) == f"{where}: unexpected keyword argument {name!r}. {remedy}"


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_batch_depends_on_epoch_and_number_only(shuffle):
    table = {}
    for epoch in range(60):
        fresh = Rows(11, 4, shuffle, 7)
        fresh.epoch = epoch
        batches = [fresh[number] for number in range(3)]
        assert [len(rows) for rows, _ in batches] == [4, 4, 3]
        assert sorted(row for rows, _ in batches for row in rows) == list(range(11))
        table |= {(epoch, number): batch for number, batch in enumerate(batches)}
    orders = {tuple(table[epoch, 0][0]) for epoch in range(60)}
    assert len(orders) > 50 if shuffle else orders == {(0, 1, 2, 3)}
    assert len({tuple(seed) for _, seeds in table.values() for seed in seeds}) == 60 * 11

    iterator, chance = Rows(11, 4, shuffle, 7), random.Random(1)
    epoch = index = walked = seen = 0
    assert iterator.index_array is None and len(iterator) == 3
    for _ in range(150):
        match chance.choice(["next"] * 4 + ["item", "reset", "end"]):
            case "next":
                epoch, walked = epoch + (walked and index == 0), True
                assert next(iterator) == table[epoch, index]
                index, seen = (index + 1) % 3, seen + 1
            case "item":
                number, seen = chance.randrange(-3, 3), seen + 1
                assert iterator[number] == table[epoch, number % 3]
            case "reset":
                iterator.reset()
                index = 0
            case "end":
                iterator.on_epoch_end()
                epoch, walked = epoch + 1, False
                assert iterator.index_array[:4].tolist() == table[epoch, 0][0]
        state = iterator.epoch, iterator.batch_index, iterator.total_batches_seen
        assert state == (epoch, index, seen)


def test_threads_get_the_batches_of_one():
    one, shared = walk(Rows(50, 7, True, 3), 64), Rows(50, 7, True, 3)
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda _: walk(shared, 16), range(4))
        assert sorted(batch for part in parts for batch in part) == sorted(one)
        shared.epoch = 0
        assert list(pool.map(shared.__getitem__, list(range(8)) * 4)) == one[:8] * 4


def test_seeds_belong_to_rows_and_their_turn():
    root = 2**32 - 5
    iterator = Rows(6, 4, True, root)
    rows, seeds = walk(iterator, 3)[2]
    assert seeds == [[root, 0, 1, row] for row in rows]
    # Rows of one's own sampler, which may come twice: never alike.
    first = iterator.row_seeds([5, -1]).tolist()
    assert first == [[root, 0, 2**31, 5], [root, 0, 2**31 + 1, 5]]
    assert iterator.row_seeds([5]).tolist() == [[root, 0, 2**31 + 2, 5]]
    drawn = next(iterator.index_generator)
    iterator.on_epoch_end()  # the batch stays one of its epoch
    for part in (drawn, drawn[1:], drawn[[1, 0]], np.sort(drawn), drawn + 0):
        assert iterator.row_seeds(part).tolist() == [[root, 0, 1, row] for row in part.tolist()]
    assert Rows(6, 4, True, None)[0] != Rows(6, 4, True, None)[0]
    iterator.shuffle = False
    iterator.on_epoch_end()
    assert iterator[0][0] == [0, 1, 2, 3]


@pytest.mark.parametrize("balance", [None, "uniform"])
def test_upcoming_is_what_comes(balance):
    options = {"shuffle": True, "seed": 1, "balance": balance}
    iterator = NumpyArrayIterator(X, N < 2, ImageDataGenerator(), 4, **options)
    drawn = next(iterator.index_generator)
    for each in iterator.upcoming(drawn, 7):
        found = next(iterator.index_generator)
        assert (each == found).all() and (each.visits == found.visits).all()
        assert (each.epoch, each.number) == (found.epoch, found.number)
        assert (found[1:].visits == found.visits[1:]).all()
    assert iterator.upcoming(drawn[:2], 3) == iterator.upcoming(np.arange(3), 3) == []


def test_subclasses_of_users():
    class Twice(Rows):
        def _set_index_array(self):
            self.index_array = np.arange(6) // 2

        def next(self):
            with self.lock:
                index_array = next(self.index_generator)
            return self._get_batches_of_transformed_samples(index_array)

    iterator = Twice(6, 4, True, 1)
    batches = walk(iterator, 4)
    assert [rows for rows, _ in batches] == [[0, 0, 1, 1], [2, 2]] * 2
    assert len({tuple(seed) for _, seeds in batches for seed in seeds}) == 12
    drawn = next(iterator.index_generator)
    assert [each.tolist() for each in iterator.upcoming(drawn, 5)] == [[2, 2]]
    gone = weakref.ref(iterator)
    del iterator
    assert gone() is None  # at once, and with it the threads of one that has some


def test_faults_of_iterators():
    iterator, nothing = Rows(10, 4, False, 1), Rows(0, 4, True, 1)
    for i in (3, -4):
        with pytest.raises(
            ValueError, match=f"retrieve element {i}, but the Sequence has length 3"
        ):
            iterator[i]
    with pytest.raises(ZeroDivisionError):
        len(Rows(10, 0, False, 1))
    for wrong in ((10, 4, False, -1), (10, 4, False, 2**32), (10, -1, False, 1)):
        with pytest.raises(ValueError, match="Rows: expected"):
            Rows(*wrong)
    for _ in range(2):  # and not the end of a loop
        with pytest.raises(ValueError, match="Rows: expected images to draw, got none"):
            next(nothing)


def pair(x, y, *, split=0.0, **options):
    for module, of in (keras.ImageDataGenerator, keras), (ImageDataGenerator, None):
        generator = module(validation_split=split, dtype=options.get("dtype"))
        yield (of.NumpyArrayIterator if of else NumpyArrayIterator)(x, y, generator, **options)


def same(one, other):
    assert type(one) is type(other)
    if not isinstance(one, np.ndarray):
        return all(same(*each) for each in zip(one, other, strict=True))
    return one.dtype == other.dtype and (one == other).all()


PART = {"subset": "training", "split": 0.35}


@pytest.mark.parametrize(
    ("x", "y", "options"),
    [
        (X, None, {}),
        (X, Y, {"batch_size": 4}),
        (X / 7, Y.astype(str), {"dtype": "float64"}),
        (X.astype(np.int16), Y, {"sample_weight": list(range(10))}),
        (X, None, {"sample_weight": Y}),
        ((X, Y), None, {"batch_size": 3}),
        ((X, [Y, X]), Y, {}),
        ([X, []], Y, {"sample_weight": Y}),
        ((X, N), Y, PART),
        (X, np.eye(2)[Y], PART | {"subset": "validation"}),
        (X, N, PART | {"ignore_class_split": True}),
    ],
)
def test_batches_are_those_of_keras(x, y, options):
    theirs, ours = pair(x, y, **options)
    assert (ours.n, len(ours)) == (theirs.n, len(theirs))
    assert ours.white_list_formats == theirs.white_list_formats
    assert all(same(next(ours), next(theirs)) for _ in range(len(ours) + 1))
    assert same(ours[0], theirs[0])
    assert {name for name in vars(theirs) if name[0] != "_"} <= set(vars(ours))


FAULTS = [(X[0], None, {}), (X, Y[:5], {}), (X, Y, {"sample_weight": Y[:5]})]
FAULTS += [((X, Y[:5]), None, {}), (X, Y, {"subset": "test"}), (X, N, PART)]


@pytest.mark.parametrize(("x", "y", "options"), FAULTS)
def test_errors_are_those_of_keras(x, y, options):
    with pytest.raises(ValueError) as theirs:
        next(pair(x, y, **options))
    with pytest.raises(ValueError) as ours:
        NumpyArrayIterator(
            x, y, ImageDataGenerator(validation_split=options.pop("split", 0)), **options
        )
    assert str(ours.value) == str(theirs.value)


def test_faults_of_arrays():
    with pytest.warns(UserWarning, match="2 channels") as caught:
        list(pair(X[..., :2], None))
    assert str(caught[0].message) == str(caught[1].message) and caught[1].filename == __file__
    for x, y, options, text in (
        (list(X), None, {}, r"numpy.stack\(x\) if it is a list of images"),
        (X.astype(str), None, {}, "images of numbers"),
        (X, Y, {"data_format": "channels_first"}, "the generator's data_format"),
        (X, np.stack([N, N], 1), {"balance": "uniform"}, "one-hot rows"),
        (X, None, {"balance": "uniform"}, "Pass y, or a weight for each row"),
        (X, Y, {"balance": {0: 1}}, "a weight for every class"),
    ):
        with pytest.raises(ValueError, match=text):
            NumpyArrayIterator(x, y, ImageDataGenerator(), **options)


def test_arrays_are_neither_copied_nor_changed(tmp_path):
    np.save(tmp_path / "x.npy", X)
    generator = ImageDataGenerator(rotation_range=30, rescale=2.0, validation_split=0.35)
    options = {"sample_weight": N, "seed": 1, "shuffle": True, "subset": "training"}
    before = str(np.random.get_state())
    for x in (X, np.load(tmp_path / "x.npy", mmap_mode="r"), X.astype(np.float32)):
        kept = x.copy()
        iterator = NumpyArrayIterator(x, N % 3, generator, 4, **options)
        assert np.shares_memory(iterator.x, x) and iterator.x.dtype == x.dtype
        images, labels, weights = next(iterator)
        assert (labels == weights % 3).all() and (weights >= 3).all()
        assert (iterator.raw(weights - 3) == x[weights]).all()
        assert (images == iterator[0][0]).all()
        images[:] = -1
        assert (x == kept).all()
    assert str(np.random.get_state()) == before


def test_masks_move_with_their_images():
    moves = {"rotation_range": 40, "zoom_range": 0.4, "interpolation_order": 0}
    more = ImageDataGenerator(**moves, brightness_range=(1.0, 1.0), channel_shift_range=1e-12)
    images = NumpyArrayIterator(X, None, more, 4, shuffle=True, seed=5)
    masks = NumpyArrayIterator(X, Y, ImageDataGenerator(**moves), 4, shuffle=True, seed=5)
    other = NumpyArrayIterator(X, None, more, 4, shuffle=True, seed=6)
    for _ in range(6):
        image, (mask, _), elsewhere = next(images), next(masks), next(other)
        assert (image == mask).all() and (image != elsewhere).any()
    late, drawn = masks._get_batches_of_transformed_samples, next(masks.index_generator)
    before = late(drawn)[0]
    masks.on_epoch_end()
    assert (late(drawn)[0] == before).all() and (late(np.array(drawn))[0] != before).any()
    split = {"validation_split": 0.5, "augment_validation": False}
    plain = NumpyArrayIterator(X, None, ImageDataGenerator(**moves, **split), subset="validation")
    assert (next(plain) == X[:5]).all()


def test_balance_draws_classes_alike_often():
    rare = (N == 3).astype(np.int64)
    cases = [(rare, "uniform"), (rare[:, None], 0), (np.eye(2)[rare], "uniform"), (rare / 1.0, 0.0)]
    cases += [(rare, {0: 1, 1: 1}), (rare.astype(str), {"0": 2, "1": 2}), (None, 1.0 + 8 * rare)]
    for y, balance in cases:
        options = {"seed": 2, "shuffle": True, "balance": balance}
        iterator = NumpyArrayIterator(X, y, ImageDataGenerator(), 4, **options)
        batches = [next(iterator.index_generator) for _ in range(6)]
        rows = np.concatenate(batches)
        assert len(rows) == 20 and (rows == 3).sum() == 10
        assert len({tuple(seed) for each in batches for seed in iterator.row_seeds(each)}) == 20
        iterator.epoch = 0
        assert (iterator.index_array[:4] == batches[0]).all()
        other = NumpyArrayIterator(X, y, ImageDataGenerator(), 4, **options | {"seed": 3})
        assert (next(other.index_generator) != batches[0]).any()
        iterator.shuffle, iterator.epoch = False, 0
        assert y is None or iterator.index_array.tolist() == [0, 1, 2, 4, 5, 3, 3, 3, 3, 3]


def test_saved_images_never_replace_one_another(tmp_path, monkeypatch):
    numbers = iter([5, 5, 5, 6, 7])
    monkeypatch.setattr(secrets, "randbelow", lambda limit: next(numbers))
    for image in X[:2]:
        save_batch(tmp_path, "p", "png", [image], [3], "channels_last")
    with pytest.raises(ValueError, match="extension"):
        save_batch(tmp_path, "p", "nothing", X[:1], [0], "channels_last")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p_3_5.png", "p_3_6.png"]
    monkeypatch.undo()
    options = {"save_to_dir": tmp_path, "save_prefix": "q", "save_format": "tif"}
    first = ImageDataGenerator(data_format="channels_first")
    batch = next(NumpyArrayIterator(np.moveaxis(X, -1, 1), None, first, 4, **options))
    for row, file in enumerate(sorted(tmp_path.glob("q_*_*.tif"))):
        want = array_to_img(batch[row], "channels_first")
        assert (np.asarray(Image.open(file)) == np.asarray(want)).all()
    assert row == 3


class Sampler(Rows):
    """Its own order, as scripts of Keras write it."""

    def next(self):
        with self.lock:
            rows = np.array([0, 0, 1])
        return self._get_batches_of_transformed_samples(rows)


class Classic(Rows):
    """Keras' own way of walking, written by hand."""

    def _flow_index(self):
        self.reset()
        while True:
            if self.batch_index == 0:
                self._set_index_array()
            start = self.batch_index * self.batch_size % self.n
            self.batch_index = self.batch_index + 1 if self.n > start + self.batch_size else 0
            yield self.index_array[start : start + self.batch_size]


def test_orders_of_ones_own_are_transformed_anew_each_time():
    for kind in (Sampler, Classic):
        seeds = [tuple(seed) for _, each in walk(kind(5, 3, True, 1), 8) for seed in each]
        assert len(set(seeds)) == len(seeds)
        assert seeds == [tuple(seed) for _, each in walk(kind(5, 3, True, 1), 8) for seed in each]
    epochs = {tuple(walk(Classic(6, 6, True, k), 1)[0][0]) for k in range(8)}
    assert len(epochs) > 3
    walked = walk(Classic(6, 6, True, 1), 6)
    assert len({tuple(rows) for rows, _ in walked}) > 3


def test_what_users_draw_in_a_batch_is_repeatable_and_the_same_for_masks():
    class Own(Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            shape = (9, 9, 3)
            return [generator.get_random_transform(shape)["theta"] for _ in index_array]

    generator = ImageDataGenerator(rotation_range=30)
    images, masks, others = (Own(6, 3, True, seed) for seed in (4, 4, 5))
    drawn = [next(images) for _ in range(6)]
    assert drawn == [next(masks) for _ in range(6)]
    assert len({angle for each in drawn for angle in each}) == 18
    assert drawn[0] != next(others)
    assert images[1] == images[1] != images[0]

    class Walked(Own):
        _flow_index = Classic._flow_index

    walked = Walked(6, 3, True, 4)
    angles = [angle for _ in range(6) for angle in next(walked)]
    assert len(set(angles)) == 18


def test_streams_nest():
    from jaxaug.compat._draws import drawing_for, stream

    with drawing_for(1):
        first = stream().random_sample()
        with drawing_for(2):
            stream().random_sample()
        stream(3).random_sample()
        second = stream().random_sample()
    reference = np.random.RandomState(1)
    assert [first, second] == reference.random_sample(2).tolist()
    assert stream().random_sample() != stream().random_sample()
