"""Encoded images in records of Grain sources."""

import errno
import io
import pickle

import numpy as np
import pytest
from PIL import Image

import jaxaug.data as jd
from jaxaug._types import JaxaugError
from jaxaug.data._packed._encoded import EncodedSource

RNG = np.random.default_rng(0)
SIZE = (6, 8)


def encoded(array, form="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, form)
    return file.getvalue()


def pixels(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


class Records:
    """A Grain source of one's own; each element is given, or raised if it is an exception."""

    def __init__(self, records):
        self.records = list(records)
        self.asked = []

    def __len__(self):
        return len(self.records)

    def __getitem__(self, number):
        self.asked.append(number)
        record = self.records[number]
        if isinstance(record, Exception):
            raise record
        return record


def records(count=5):
    images = pixels(count, *SIZE, 3)
    return images, [{"image": encoded(i), "label": "ba"[k % 2]} for k, i in enumerate(images)]


def test_a_grain_source_of_dicts(tmp_path):
    images, given = records()
    source = EncodedSource(Records(given), image_size=SIZE, progress=False)
    batch = source.read([4, 1])
    np.testing.assert_array_equal(batch["image"], images[[4, 1]])
    assert source.class_names == ("a", "b") and batch["label"].tolist() == [1, 0]
    assert repr(source) == (
        "EncodedSource(Records, image_size=(6, 8), color='rgb', resample='bilinear'): "
        "5 images, 2 classes"
    )
    part, again = source.subset([3, 0]), pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(part[0]["image"], images[3])
    for name, value in source.read([0, 4]).items():
        np.testing.assert_array_equal(again.read([0, 4])[name], value)
    assert again.reader.manifest() == source.reader.manifest()


def test_parse_keys_columns_and_masks():
    images, masks = pixels(3, *SIZE, 3), pixels(3, *SIZE) % 4
    raw = [(encoded(images[k]), encoded(masks[k]), k, k / 2) for k in range(3)]
    source = EncodedSource(
        Records(raw),
        "x",
        "y",
        parse=as_dict,
        mask="m",
        columns=["age"],
        image_size=SIZE,
        class_names=("u", "v", "w"),
        progress=False,
    )
    batch = source.read([2, 0])
    np.testing.assert_array_equal(batch["mask"], masks[[2, 0]])
    assert batch["label"].tolist() == [2, 0] and batch["age"].tolist() == [1.0, 0.0]


def as_dict(raw):
    return dict(zip("xmy", raw[:3], strict=True)) | {"age": raw[3]}


def test_labels_are_read_once_and_only_if_they_must_be(capfd):
    _, given = records()
    for options, asked in (
        ({}, [0, 0, 1, 2, 3, 4]),
        ({"labels": list("ababa")}, [0]),
        ({"label_mode": "image"}, [0]),
        ({"label_mode": "none"}, [0]),
    ):
        grain_source = Records(given)
        EncodedSource(grain_source, image_size=SIZE, progress=False, **options)
        assert grain_source.asked == asked
    assert capfd.readouterr() == ("", "")
    EncodedSource(Records(given), image_size=SIZE)
    assert "labels: 100%" in capfd.readouterr().err


def test_a_bad_record_is_a_fault_that_names_it_and_costs_no_other():
    images, given = records(6)
    source = EncodedSource(Records(given), image_size=SIZE, progress=False)
    bad = source.reader.read.fetch.source.records
    bad[1], bad[2], bad[3], bad[4] = KeyError("lost"), {"image": "../etc"}, None, {"image": b"x"}
    arrays, faults = source.reader.read(source.reader.jobs(np.arange(6, dtype=np.uint32)))
    np.testing.assert_array_equal(arrays["image"][[0, 5]], images[[0, 5]])
    assert not arrays["image"][1:5].any()
    assert [(place, f.path, f.stage, f.error) for place, f in faults] == [
        (1, "Records[1]", "open", "KeyError"),
        (2, "Records[2]", "open", "TypeError"),
        (3, "Records[3]", "open", "TypeError"),
        (4, "Records[4]", "identify", "ValueError"),
    ]
    with pytest.raises(jd.DecodeError, match=r"Records\[1\].*lost"):
        source[1]


def test_only_transient_errors_are_tried_again():
    _, given = records(2)
    source = EncodedSource(Records(given), image_size=SIZE, progress=False)
    grain_source = source.reader.read.fetch.source
    for number, times in ((errno.EIO, 2), (errno.ENOENT, 1)):
        grain_source.records[1], grain_source.asked = OSError(number, "gone"), []
        with pytest.raises(jd.DecodeError) as caught:
            source[1]
        assert grain_source.asked == [1] * times and caught.value.transient == (times == 2)


@pytest.mark.parametrize(
    ("given", "options", "text"),
    [
        ([], {}, "records, got none"),
        (
            [{"picture": b"x", "label": 1}],
            {},
            "under 'image', got {'picture': bytes, 'label': int}",
        ),
        ([{"image": np.zeros(3)}], {}, "under 'image', got {'image': ndarray}"),
        ([{"image": b"x"}], {"mask": "m"}, "under 'm'"),
        ([b"tf.Example"], {}, "or that pack wrote.*Pass parse="),
        ([{"image": b"x"}], {}, r"'label' in every record, got 'image' in Records\[0\]"),
        ([{"image": b"x"}], {"labels": [1, 2]}, "labels for 1 images, got 2"),
        ([{"image": b"x"}], {"label_mode": "x"}, "label_mode to be one of"),
        ([{"image": b"x"}], {"columns": "age"}, "Pass columns="),
        ([{"image": b"x"}], {"columns": 5}, "columns to be a list of texts"),
        ([{"image": b"x"}], {"formats": None}, "formats to be a list of texts"),
        ([{"image": b"x"}], {"image": []}, r"image to be a key, got \[\]"),
        ([{"image": b"x"}], {"image": None}, "image to be a key, got None"),
        ([{"image": b"x"}], {"mask": 1}, "mask to be a key, got 1"),
        ([{"image": b"x"}], {"parse": "p"}, "parse to be a function"),
        ([{"image": b"x"}], {"progress": "no"}, "progress to be True or False"),
        (None, {}, "a Grain data source.*got None"),
        ("x.arrayrecord", {}, "a Grain data source.*got 'x"),
        (Records, {}, "a Grain data source"),
    ],
)
def test_wrong_sources_are_found_when_made(given, options, text):
    given = Records(given) if isinstance(given, list) else given
    with pytest.raises(ValueError, match=f"^EncodedSource: expected .*{text}"):
        EncodedSource(given, **{"image_size": SIZE, "progress": False} | options)


def test_a_parse_that_workers_cannot_be_sent_is_named():
    _, given = records()
    parse = lambda record: record
    source = EncodedSource(Records(given), image_size=SIZE, parse=parse, progress=False)
    with pytest.raises(JaxaugError, match="^Loader: expected a function that pickles.*parse="):
        next(iter(jd.Loader(source, 2, workers=1)))


def test_the_version_of_a_source_follows_its_contents(tmp_path):
    index = np.arange(5, dtype=np.uint32)
    _, given = records()
    version = lambda **options: EncodedSource(
        Records(given), image_size=SIZE, progress=False, **options
    ).reader.versions(index)
    first = version()
    assert version() == first != version(color="gray")
    given[3] = {"image": encoded(pixels(*SIZE, 3)), "label": "a"}
    assert version() != first
