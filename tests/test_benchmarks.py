"""The benchmarks can be built and their results written down; nothing is timed here."""

import json

import pytest

import jaxaug as ja
from benchmarks import images, measure, report
from benchmarks.peers import FOOTNOTES, SIDES, grouped, ours
from benchmarks.targets import Target, targets
from benchmarks.works import ALL, CHAINS, LENGTHS, SINGLES


def test_every_work_is_a_chain_of_transforms():
    for name, work in ALL.items():
        chain = ours.chain(work)
        mixes = [one for one in work.steps if one.kind in ("mixup", "cutmix")]
        assert len(chain.members) + len(mixes) == len(work.steps), name
    assert isinstance(ours.transform(SINGLES["jpeg"].steps[0]), ja.JPEG)
    assert [len(CHAINS[f"chain-{n}"].steps) for n in LENGTHS] == list(LENGTHS)


def test_steps_are_joined_only_where_a_peer_may():
    kinds = [[one.kind for one in group] for group in grouped(ALL["B"])]
    assert kinds == [["rotate", "translate", "shear", "zoom"], ["flip"], ["brightness"]]
    assert len(grouped(CHAINS["chain-8"])) == 8


def test_images_are_the_same_on_every_run():
    batch = images.batch(3, 24)
    assert batch.shape == (3, 24, 24, 3)
    assert (batch == images.batch(3, 24)).all()
    assert not (batch[0] == batch[1]).all()


def side(seconds, rows=64, **more):
    return {"rows": rows, "seconds": seconds, "limit": [], "first": 0.5, **more}


def cell(work, ours, peer, rows=64):
    own = {"compile": 0.7, "temporaries": 0.1, "bytes in": 1, "bytes out": 4}
    sides = {
        "jaxaug": side(ours, rows, limit=[0.01] * len(ours), **own),
        "albumentations": side(peer, rows),
        "torchvision, one draw a batch": side(peer, rows),
        "Keras layers": side([8.0], rows=8),
        "augmax": {"rows": rows, "seconds": [], "unable": "no such thing"},
    }
    return measure.summarised({"work": work, "rows": rows, "dtype": "float32", "sides": sides})


def test_ratios_are_medians_within_a_round():
    # A machine three times as slow in the second round changes rates, not ratios.
    found = cell("A", [0.02, 0.06, 0.02], [0.08, 0.24, 0.08])["sides"]
    assert found["albumentations"]["ratio"] == pytest.approx([4, 4, 4])
    assert found["jaxaug"]["rate"][1] == pytest.approx(64 / 0.02)
    assert found["Keras layers"]["ratio"][1] == pytest.approx(1.0 / (0.02 / 64))
    assert found["jaxaug"]["of limit"][1] == pytest.approx(0.5)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_tables_are_made_from_json(tmp_path, device):
    cells = [cell(work, [0.02] * 3, [0.06] * 3) for work in ("A", "B", "D", "chain-1")]
    cells += [cell("flip", [0.02] * 3, [0.01] * 3)]
    machine = {"cpu": "some CPU", "cores": 2, "python": "3.11"}
    whole = {
        "date": "2000-01-01T00:00:00",
        "device": device,
        "kind": "cpu",
        "machine": machine,
        "versions": {"jax": "1"},
        "absent": {"kornia": "No module named 'kornia'"},
        "copy": 1e9,
        "recompilations": 0,
        "cells": cells,
    }
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps(whole))
    text = report.written([json.loads(path.read_text())], "## Remarks\n\nBy hand.")
    assert "| A | float32 | 3,200 (0.50) | 0.7 | 0.10 |" in text
    assert "3,200" in text
    assert "1,067 (3.0x)" in text
    assert "By hand." in text
    assert "- flip, batch 64, float32: 0.50 of albumentations" in text
    assert "kornia: not timed" in text
    if device == "gpu":
        large = cell("A", [0.01], [0.02], rows=256)
        large["dtype"] = "bfloat16"
        large["sides"]["jaxaug"] |= {"bytes in": 4e6, "bytes out": 6e6}
        whole |= {"cells": [large, cell("flip", [0.02], [0.04], rows=256)]}
        whole |= {"agreement": {"A": 0.5, "flip": 0.1}}
        lines = [target.line() for target in targets(whole)]
        assert "part of the bandwidth of a copy: 1.00 of 0.5: yes" in lines[0]
        assert "flip, batch 256, times torchvision, one draw a batch: 2.00 of 1: yes" in lines
        assert lines[-1].endswith("0.10 at most 0: **no**")
    else:
        lines = {target.text: target.yes for target in targets(whole)}
        assert lines["D, times albumentations"]
        assert not lines["flip, times albumentations"]
        assert lines["B as a part of A"]


def test_targets_say_yes_and_no():
    assert Target("x", 2.0, 1.0).yes
    assert not Target("x", 2.0, 1.0, most=True).yes
    assert Target("x", 2.0, 1.0).line() == "x: 2.00 of 1: yes"
    assert set(FOOTNOTES) == set(SIDES) - {"jaxaug"}
