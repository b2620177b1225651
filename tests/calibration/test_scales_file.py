"""scales.json: what it holds, and for what it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_networks import network_inputs, small_network

from edgedet.calibration.batches import ImageBatches
from edgedet.calibration.collection import collect
from edgedet.calibration.key import CalibrationKey, calibration_key
from edgedet.calibration.methods import METHODS, amax_by, clips_by
from edgedet.calibration.scales_file import Scales, read_scales, scales_by, write_scales
from edgedet.runtime.errors import DataError, ModelError, UsageError
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec

SPEC = ModelSpec(class_names=("a",), size_hw=(8, 8))


@pytest.fixture(scope="module")
def statistics():
    return collect(small_network(), network_inputs(4))


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (12, 20, 3), dtype=np.uint8))
    return paths


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(small_network().SerializeToString())
    return path


@pytest.mark.parametrize("method", METHODS)
def test_what_is_written_is_read(
    tmp_path: Path, model: Path, images: list[Path], statistics, method: str
) -> None:
    key = calibration_key(model, images, SPEC, method)
    scales = scales_by(statistics, key)
    write_scales(tmp_path / "scales.json", scales)
    read = read_scales(tmp_path / "scales.json", key)
    assert read == scales
    assert read.amax == amax_by(statistics, method)
    assert {n: s.clip for n, s in read.tensors.items()} == clips_by(statistics, method)


def written(folder: Path, key: CalibrationKey, statistics) -> Path:
    write_scales(folder / "scales.json", scales_by(statistics, key))
    return folder / "scales.json"


def test_scales_of_another_calibration_are_refused(
    tmp_path: Path, model: Path, images: list[Path], statistics
) -> None:
    """By contents: the model, an image, the spec and the method are each changed in turn."""
    key = calibration_key(model, images, SPEC, "entropy")
    path = written(tmp_path, key, statistics)

    def refused(told: str, spec: ModelSpec = SPEC, method: str = "entropy", last: int = 3) -> None:
        with pytest.raises(UsageError, match=told):
            read_scales(path, calibration_key(model, images[:last], spec, method))

    refused(r"the method \(entropy, now mse\)", method="mse")
    letterbox = SPEC._replace(resize="letterbox", size_hw=(8, 16))
    both = r"resize stretch, now letterbox\); the preprocessing \(size_hw \[8, 8\], now \[8, 16\]"
    refused(both, spec=letterbox)
    refused(r"the images \(3, now 2\)", last=2)
    content = images[1].read_bytes()
    images[1].write_bytes(images[2].read_bytes())
    refused("another one: the images .SHA-256")
    images[1].write_bytes(content)
    model.write_bytes(model.read_bytes() + small_network(seed=1).SerializeToString())
    refused("another one: the model .SHA-256 ")


def test_names_and_thresholds_do_not_matter(
    tmp_path: Path, model: Path, images: list[Path], statistics
) -> None:
    path = written(tmp_path, calibration_key(model, images, SPEC, "mse"), statistics)
    moved = images[0].rename(tmp_path / "elsewhere.png")
    spec = SPEC._replace(score_threshold=0.9, provenance={"a": "b"})
    key = calibration_key(model.rename(tmp_path / "x.onnx"), [moved, *images[1:]], spec, "mse")
    assert read_scales(path, key).key == key


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.clear(),
        lambda content: content.update(schema_version=1),
        lambda content: content["key"].pop("method"),
        lambda content: content["tensors"]["relu"].update(amax=0),
        lambda content: content["tensors"]["relu"].update(amax=float("nan")),
        lambda content: content["tensors"]["relu"].update(low=0.5),
        lambda content: content["tensors"]["relu"].pop("high"),
        lambda content: content.update(tensors=[1]),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, model: Path, images: list[Path], statistics, damage
) -> None:
    path = written(tmp_path, calibration_key(model, images, SPEC, "mse"), statistics)
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"scales in .*scales.json"):
        read_scales(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_scales(tmp_path / "scales.json")


def test_a_failed_writing_leaves_what_was_there(
    tmp_path: Path, model: Path, images: list[Path], statistics
) -> None:
    key = calibration_key(model, images, SPEC, "mse")
    path = written(tmp_path, key, statistics)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_scales(path, Scales(key._replace(images=object()), {}))  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert len(list(tmp_path.glob("*scales*"))) == 1


def test_batches_are_what_the_runtime_makes_of_the_images(images: list[Path]) -> None:
    batches = ImageBatches(images, SPEC, batch=2)
    assert len(batches) == 3
    expected = preprocess(cv2.imread(str(images[1])), SPEC)[0]
    assert np.array_equal(batches[1], np.stack([expected, expected]))
    assert np.array_equal(batches[1:][0], batches[1])


def test_an_image_that_is_missing_is_named(tmp_path: Path, model: Path) -> None:
    with pytest.raises(DataError, match="gone.png"):
        calibration_key(model, [tmp_path / "gone.png"], SPEC)
