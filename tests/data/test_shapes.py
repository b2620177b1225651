"""The shapes generator against A1 of shapes_keypoints.md."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import from_numpy
from torchvision.ops import box_iou

from edgedet.data import shapes as shapes_module
from edgedet.data.annotations import Annotations
from edgedet.data.opening import open_annotations, open_train_val
from edgedet.data.shapes import (
    CLASS_NAMES,
    SIDE_RANGES,
    Shape,
    ShapesReport,
    draw_scene,
    paint,
    resolve_data,
    write_shapes,
)
from edgedet.data.shapes_options import ShapesOptions, is_shapes, parse_shapes
from edgedet.runtime.errors import DataError, UsageError

SMALL = ShapesOptions(train=12, val=5)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ShapesReport:
    return write_shapes(tmp_path_factory.mktemp("generated") / "shapes", ShapesOptions())


@pytest.fixture(scope="module")
def splits(report: ShapesReport) -> tuple[Annotations, Annotations]:
    return open_train_val(report.folder)


def sides(annotations: Annotations) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.concatenate([image.boxes_xyxy for image in annotations.images])
    labels = np.concatenate([image.labels for image in annotations.images])
    np.testing.assert_array_equal(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return boxes[:, 2] - boxes[:, 0], labels


def test_numbers_of_the_default_set(splits: tuple[Annotations, Annotations]) -> None:
    train, val = splits
    assert train.class_names == CLASS_NAMES
    assert (len(train.images), len(val.images)) == (1000, 200)
    assert [train.images[0].path.name, val.images[-1].path.name] == ["000000.png", "001199.png"]
    # Four standard deviations of 3.5 and 0.2 objects an image.
    assert train.counts().sum() == pytest.approx(3500, abs=4 * np.sqrt(1000 * 1.25))
    assert val.counts().sum() == pytest.approx(700, abs=4 * np.sqrt(200 * 1.25))
    share = train.counts() / train.counts().sum()
    assert share == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / 3500))


def test_objects_an_image(splits: tuple[Annotations, Annotations]) -> None:
    per_image = np.bincount([len(image.labels) for image in splits[0].images])
    assert per_image[:2].sum() == 0
    assert len(per_image) == 6
    assert per_image[2:] == pytest.approx(250, abs=4 * np.sqrt(1000 * 3 / 16))


def test_sides_are_even_and_of_their_class(splits: tuple[Annotations, Annotations]) -> None:
    side, labels = sides(splits[0])
    assert (side % 2 == 0).all()
    for label, (least, most) in enumerate(SIDE_RANGES):
        mine = side[labels == label]
        # The mean of 2 * floor(size / 2); the source measured 23.5, 72.1 and 143.5.
        sizes = np.arange(least, most + 1)
        deviation = sizes.std() / np.sqrt(len(mine))
        assert mine.min() >= least
        assert mine.max() <= most
        assert mine.mean() == pytest.approx((sizes // 2 * 2).mean(), abs=4 * deviation)


def test_boxes_are_inside(splits: tuple[Annotations, Annotations]) -> None:
    for annotations in splits:
        boxes = np.concatenate([image.boxes_xyxy for image in annotations.images])
        assert boxes.min() >= 0
        assert boxes.max() <= 224


def test_overlaps_are_the_forced_ones(
    splits: tuple[Annotations, Annotations], report: ShapesReport
) -> None:
    for annotations, split in zip(splits, ("train", "val"), strict=True):
        forced = 0
        for image in annotations.images:
            boxes = from_numpy(image.boxes_xyxy)
            overlaps = box_iou(boxes, boxes).tril(-1).amax(dim=1)
            forced += int((overlaps > 0.3).sum())
        assert forced == report.forced[split]
        assert forced < 0.1 * report.objects[split]
        assert report.objects[split] == annotations.counts().sum()


def test_file_is_true_coco(report: ShapesReport) -> None:
    val = json.loads((report.folder / "annotations" / "val.json").read_text())
    assert [image["id"] for image in val["images"]] == list(range(1000, 1200))
    assert [(item["id"], item["name"]) for item in val["categories"]] == list(
        enumerate(CLASS_NAMES)
    )
    assert min(item["id"] for item in val["annotations"]) == 1
    for item in val["annotations"]:
        x, y, width, height = item["bbox"]
        assert item["area"] == width * height
        assert max(x + width, y + height) <= 224


def test_original_files_with_corners_are_caught(report: ShapesReport, tmp_path: Path) -> None:
    """The published annotations hold corners in `bbox`: x + w reaches 430."""
    document = json.loads((report.folder / "annotations" / "train.json").read_text())
    for item in document["annotations"]:
        x, y, width, height = item["bbox"]
        item["bbox"] = [x, y, x + width, y + height]
    assert max(item["bbox"][0] + item["bbox"][2] for item in document["annotations"]) > 400
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").symlink_to(report.folder / "images")
    (tmp_path / "annotations" / "train.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="bbox_mode=xyxy"):
        open_annotations(tmp_path, "train")
    misread = open_annotations(tmp_path, "train", bbox_mode="xyxy")
    true = open_annotations(report.folder, "train")
    for ours, theirs in zip(true.images, misread.images, strict=True):
        np.testing.assert_array_equal(ours.boxes_xyxy, theirs.boxes_xyxy)


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first = digest(write_shapes(tmp_path / "a", SMALL).folder)
    assert digest(write_shapes(tmp_path / "b", SMALL).folder) == first
    other = digest(write_shapes(tmp_path / "c", ShapesOptions(train=12, val=5, seed=1)).folder)
    assert other != first
    assert len(first) == 12 + 5 + 2


def test_length_of_train_does_not_change_val(tmp_path: Path) -> None:
    write_shapes(tmp_path / "a", SMALL)
    write_shapes(tmp_path / "b", ShapesOptions(train=3, val=5))
    assert (tmp_path / "a/images/000012.png").read_bytes() == (
        tmp_path / "b/images/000003.png"
    ).read_bytes()


def test_last_object_is_painted_in_its_box(report: ShapesReport) -> None:
    rng = np.random.RandomState(0)
    for _ in range(30):
        shape = draw_scene(rng, ShapesOptions())[-1]
        pixels = np.array(paint([shape]))
        assert pixels.shape == (224, 224, 3)
        rows, columns = np.nonzero((pixels != 255).any(axis=2))
        x1, y1, x2, y2 = shape.box_xyxy
        # One pixel beyond the box on the right and below; outlines may be one thicker outside.
        painted = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        limit = np.minimum([x1, y1, x2, y2], 223)
        assert np.abs(painted - limit).max() <= 1
        colour = np.eye(3)[shape.label] * 255
        assert (pixels[(y1 + y2) // 2, (x1 + x2) // 2] == colour).all()


def test_free_sizes_and_random_colours() -> None:
    rng = np.random.RandomState(0)
    options = ShapesOptions(palette="random", size_class="free")
    shapes = [shape for _ in range(300) for shape in draw_scene(rng, options)]
    labels = np.array([shape.label for shape in shapes])
    side = np.array([shape.box_xyxy[2] - shape.box_xyxy[0] for shape in shapes])
    for label in range(3):
        mine = side[labels == label]
        counts = np.histogram(mine, [16, 40, 97, 193])[0] / len(mine)
        assert counts == pytest.approx(1 / 3, abs=0.1)
    assert len({shape.colour_rgb for shape in shapes}) > 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shapes", ShapesOptions()),
        ("shapes:", ShapesOptions()),
        (
            "shapes:palette=random,size_class=free,train=7,val=3,seed=5",
            ShapesOptions(train=7, val=3, seed=5, palette="random", size_class="free"),
        ),
    ],
)
def test_options_from_text(text: str, expected: ShapesOptions) -> None:
    assert parse_shapes(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shapes:pallete=random", "did you mean 'palette'"),
        ("shapes:palette=randon", "did you mean 'random'"),
        ("shapes:train=many", "train to be a whole number"),
        ("shapes:train=0", "train from 1 to 1000000"),
        ("shapes:seed=-1", "seed from 0 to"),
        ("shapes:train", "train to be a whole number"),
    ],
)
def test_wrong_options(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_shapes(text)


def test_resolve_writes_once_and_keeps_paths(tmp_path: Path) -> None:
    assert resolve_data("some/folder", tmp_path) == Path("some/folder")
    assert not is_shapes("./shapes")
    folder = resolve_data("shapes:train=2,val=2", tmp_path)
    assert folder == tmp_path / "shapes"
    before = (folder / "images" / "000000.png").stat().st_mtime_ns
    resolve_data("shapes:train=2,val=2", tmp_path)
    assert (folder / "images" / "000000.png").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="one with other content"):
        resolve_data("shapes:train=3,val=2", tmp_path)


def test_nothing_half_written_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UsageError, match="No space left on device"):
        write_shapes(tmp_path / "shapes", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="a folder that can be written"):
        write_shapes(tmp_path / "file" / "shapes", SMALL)


def test_another_process_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shapes_module._write

    def late(folder: Path, options: ShapesOptions) -> ShapesReport:
        report = real(folder, options)
        real(tmp_path / "shapes", options)
        return report

    monkeypatch.setattr(shapes_module, "_write", late)
    folder = resolve_data("shapes:train=2,val=2", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]
    assert len(open_annotations(folder).images) == 2


def visible_shares(scene: list[Shape]) -> list[float]:
    """Counted pixel by pixel on the picture of labels: what is left of each object in the end."""
    tinted = [s._replace(colour_rgb=(0, 0, 10 * (i + 1))) for i, s in enumerate(scene)]
    shares = []
    for index, shape in enumerate(scene):
        alone = np.asarray(paint([shape]).convert("L")) < 255
        later = np.zeros_like(alone)
        for other in tinted[index + 1 :]:
            later |= np.asarray(paint([other]).convert("L")) < 255
        shares.append(float((alone & ~later).sum() / alone.sum()))
    return shares


def test_hidden_objects_are_dropped_when_asked() -> None:
    options = ShapesOptions(hidden="dropped")
    rng, again = np.random.RandomState(3), np.random.RandomState(3)
    dropped = 0
    for _ in range(60):
        scene = draw_scene(rng, options)
        whole = draw_scene(again, ShapesOptions())
        assert min(visible_shares(scene)) >= 0.25
        assert [shape for shape in whole if shape in scene] == scene
        assert whole[-1] in scene
        dropped += len(whole) - len(scene)
    assert dropped > 0
