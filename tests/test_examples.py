"""The examples run as a reader would run them, and print what they measured.

The quickstart on its digits is run by ``.ci/run``, with the command of the README.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("flax")
pytest.importorskip("optax")

EXAMPLES = Path(__file__).parent.parent / "examples"
NUMBER = r"(\d+\.\d)"


def run(folder, name, *arguments):
    """The output of an example, run in a folder of its own by this very interpreter."""
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_report(output):
    for name in ("without augmentation", "with augmentation"):
        line = rf"^{name} +{NUMBER} +{NUMBER} +([\d,]+)$"
        found = re.search(line, output, re.MULTILINE)
        assert found, output
        accuracy, worst = map(float, found.groups()[:2])
        assert 0 <= worst <= accuracy <= 100
        assert int(found[3].replace(",", "")) > 0


def test_quickstart_on_a_folder_of_photographs(tmp_path):
    for name, colour in {"red": (200, 40, 30), "blue": (20, 40, 200)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            photo = Image.new("RGB", (50 + number, 40), colour)
            photo.save(tmp_path / "photos" / name / f"{number}.jpg")
    options = ("--data", "photos", "--short", "--image-size", "24", "32", "--sheet", "look.png")
    check_report(run(tmp_path, "quickstart.py", *options))
    assert (tmp_path / "look.png").exists()


def test_corruptions(tmp_path):
    pytest.importorskip("skimage")
    output = run(tmp_path, "corruptions.py", "--out", "sheet.png", "--cell", "8", "contrast")
    assert output == "1 corruptions at 5 severities: sheet.png\n"
    sheet = Image.open(tmp_path / "sheet.png")
    colours = [sheet.getpixel((104 + 10 * place + 4, 20)) for place in range(6)]
    spread = [max(colour) - min(colour) for colour in colours]
    assert sheet.size == (104 + 6 * 10, 18 + 10)
    assert len(set(colours)) == 6 and spread[-1] < 60


def test_multi_device(tmp_path):
    output = run(tmp_path, "multi_device.py")
    assert "8 devices" in output
    line = r"^{} +loss \d\.\d+, augmented images: identical bits$"
    for way in ("sharded jit", "shard_map", "pmap"):
        assert re.search(line.format(way), output, re.MULTILINE)


def test_a_table_of_images_with_boxes(tmp_path):
    assert "images/s" in run(tmp_path, "dataframe.py", "--short")
    assert list(tmp_path.glob("*.png"))


def test_a_stopped_training_goes_on_exactly(tmp_path):
    assert "the same, bit for bit" in run(tmp_path, "checkpoint.py")
