"""The same image twice, exactly or nearly, in one split or in two."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from clean_data import FORMATS, check, image_of, only, picture, write_clean


@pytest.mark.parametrize("name", FORMATS)
def test_same_file_in_one_split(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    for stem in ("train1", "train3"):
        shutil.copy(image_of(folder, "train0"), image_of(folder, stem))
    finding = only(check(folder), "duplicate-image")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.examples[0].file == str(image_of(folder, "train1").relative_to(folder))
    assert finding.examples[0].where == "train, same file as train0.png in train"


@pytest.mark.parametrize("name", FORMATS)
def test_same_file_in_train_and_val(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    shutil.copy(image_of(folder, "train2"), image_of(folder, "val0"))
    finding = only(check(folder), "shared-image")
    assert (finding.severity, finding.count) == ("error", 1)
    assert finding.examples[0].where == "val, same file as train2.png in train"


def test_same_pixels_written_otherwise(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "yolo")
    pixels = cv2.imread(str(image_of(folder, "train2")))
    image_of(folder, "val0").write_bytes(cv2.imencode(".bmp", pixels)[1].tobytes())
    finding = only(check(folder), "shared-image")
    assert finding.examples[0].where == "val, same pixels as train2.png in train"


def test_twice_in_train_and_once_in_val(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    for stem in ("train4", "val1"):
        shutil.copy(image_of(folder, "train0"), image_of(folder, stem))
    shared, twice = check(folder).findings
    assert (shared.code, shared.count) == ("shared-image", 1)
    assert (twice.code, twice.count) == ("duplicate-image", 1)


CHANGES = {
    "compressed": lambda image: cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR
    ),
    "brighter": lambda image: cv2.convertScaleAbs(image, alpha=0.8, beta=40),
    "grey": lambda image: np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2),
    "noisy": lambda image: np.clip(
        image + np.random.default_rng(0).normal(0, 6, image.shape), 0, 255
    ).astype(np.uint8),
    "shifted": lambda image: np.roll(image, 1, axis=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("stem", "code", "severity", "count"),
    [("val1", "near-shared-image", "warning", 1), ("train1", "near-duplicate-image", "note", 2)],
)
def test_nearly_the_same(
    change: object, stem: str, code: str, severity: str, count: int, tmp_path: Path
) -> None:
    folder = write_clean(tmp_path, "yolo")
    pixels = cv2.imread(str(image_of(folder, "train0")))
    cv2.imwrite(str(image_of(folder, stem)), change(pixels))
    finding = only(check(folder), code)
    assert (finding.severity, finding.count) == (severity, count)


def test_half_the_size(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "yolo")
    cv2.imwrite(str(image_of(folder, "train0")), picture(90, (240, 320)))
    small = cv2.resize(picture(90, (240, 320)), (160, 120), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(image_of(folder, "val0")), small)
    assert only(check(folder), "near-shared-image").count == 1


def test_frames_of_a_video_are_one_group(tmp_path: Path) -> None:
    """Each frame is like the next, and the first like the last through those between."""
    folder = write_clean(tmp_path, "yolo")
    wide = picture(91, (120, 200))
    for number in range(5):
        path = image_of(folder, f"train{number}")
        cv2.imwrite(str(path), wide[:, 3 * number : 3 * number + 160])
    finding = only(check(folder), "near-duplicate-image")
    assert finding.count == 5
    assert "in 1 group" in finding.what
    assert finding.examples[0].where == "train, like train1.png and 3 more"
