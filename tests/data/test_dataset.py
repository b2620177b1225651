"""Tensors at the network's input size: the runtime's pixels, and boxes that follow them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from label_files import write_coco, write_text, write_visdrone
from PIL import Image
from torch import Tensor

from edgedet.data import image_cache
from edgedet.data.augment import AUGMENTATIONS, build_augmentation
from edgedet.data.dataset import DetectionDataset
from edgedet.data.opening import open_annotations
from edgedet.data.shapes import write_shapes
from edgedet.data.shapes_options import ShapesOptions
from edgedet.models.targets import IGNORED_LABEL, Target
from edgedet.runtime.errors import DataError, UsageError
from edgedet.runtime.images import read_image
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec

LABELS = {"a": [(0, (0, 0, 40, 30)), (2, (10, 20, 30, 25))], "b": []}
ALL = tuple(AUGMENTATIONS)


def spec_of(size: int, resize: str = "stretch") -> ModelSpec:
    return ModelSpec(
        class_names=("cat", "dog", "owl"),
        size_hw=(size, size * 2),
        resize=resize,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.4),
    )


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = ShapesOptions(train=24, val=4)
    return write_shapes(tmp_path_factory.mktemp("data") / "shapes", options).folder


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
@pytest.mark.parametrize("cache", [False, True])
def test_pixels_and_boxes_are_the_runtimes(shapes: Path, resize: str, cache: bool) -> None:
    annotations = open_annotations(shapes)
    spec = spec_of(96, resize)
    dataset = DetectionDataset(annotations, spec, cache=cache)
    dataset.warm()
    for index, labelled in enumerate(annotations.images):
        image, target = dataset[(0, index)]
        expected, placement = preprocess(read_image(labelled.path), spec)
        np.testing.assert_array_equal(image.numpy(), expected)
        assert image.dtype == torch.float32
        boxes = placement.boxes_to_input(labelled.boxes_xyxy)
        np.testing.assert_allclose(target.boxes_xyxy.numpy(), boxes, atol=1e-4)
        assert target.labels.tolist() == labelled.labels.tolist()


def test_background_gives_an_empty_target(tmp_path: Path) -> None:
    dataset = DetectionDataset(open_annotations(write_coco(tmp_path, LABELS)), spec_of(32))
    _, target = dataset[(0, 1)]
    assert target.boxes_xyxy.shape == (0, 4)
    assert target.boxes_xyxy.dtype == torch.float32
    assert target.labels.shape == (0,)
    assert target.labels.dtype == torch.int64


def test_invisible_objects_are_left_out_and_ignored_ones_labelled_so(tmp_path: Path) -> None:
    home = write_visdrone(tmp_path, {"a": []})
    # 80x60 is shown at 64x32: the second is .8 pixels wide there.
    rows = ["0,0,20,20,1,4,0,0", "30,30,1,20,1,5,0,0", "0,0,9,9,0,6,0,0", "9,9,9,9,0,0,0,0"]
    write_text(home / "annotations" / "a.txt", "\n".join(rows))
    _, target = DetectionDataset(open_annotations(tmp_path), spec_of(32))[(0, 0)]
    # The region without a class stands once for each of the ten.
    assert target.labels.tolist() == [3] + [IGNORED_LABEL] * 11


def white_boxes(image: Tensor, spec: ModelSpec) -> Tensor:
    """Where white begins and ends in an image that is white in one box and black elsewhere."""
    pixels = image * torch.tensor(spec.std)[:, None, None] + torch.tensor(spec.mean)[:, None, None]
    rows, columns = torch.nonzero(pixels.amax(0) > 0.48, as_tuple=True)
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()


@pytest.mark.parametrize("name", ["hflip", "vflip", "crop", "zoom_out", "photometric"])
def test_boxes_follow_the_pixels(tmp_path: Path, name: str) -> None:
    """Slow reference: the box is measured in the augmented pixels."""
    write_coco(tmp_path, {"a": [(0, (20, 15, 44, 39))]})
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[15:39, 20:44] = 255
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    spec = spec_of(120)
    dataset = DetectionDataset(open_annotations(tmp_path), spec, build_augmentation([name]))
    found = set()
    for epoch in range(40):
        image, target = dataset[(epoch, 0)]
        assert image.shape == (3, 120, 240)
        assert len(target.labels) == 1
        torch.testing.assert_close(target.boxes_xyxy[0], white_boxes(image, spec), atol=2.0, rtol=0)
        found.add(tuple(target.boxes_xyxy[0].tolist()))
    assert len(found) >= {"hflip": 2, "vflip": 2, "photometric": 1}.get(name, 10)


def same(first: tuple[Tensor, Target], second: tuple[Tensor, Target]) -> bool:
    return (
        torch.equal(first[0], second[0])
        and torch.equal(first[1].boxes_xyxy, second[1].boxes_xyxy)
        and torch.equal(first[1].labels, second[1].labels)
    )


def test_augmentation_is_a_function_of_seed_epoch_and_index(shapes: Path) -> None:
    annotations = open_annotations(shapes)

    def make(seed: int) -> DetectionDataset:
        return DetectionDataset(annotations, spec_of(64), build_augmentation(ALL), seed=seed)

    first = make(1)[(3, 5)]
    torch.manual_seed(99)
    torch.rand(7)
    again = make(1)
    again[(0, 0)]
    assert same(again[(3, 5)], first)
    assert not same(again[(4, 5)], first)
    assert not same(make(2)[(3, 5)], first)


def test_augmentation_leaves_the_global_generator_alone(shapes: Path) -> None:
    dataset = DetectionDataset(
        open_annotations(shapes), spec_of(64), build_augmentation(ALL), cache=True
    )
    dataset.warm()
    before = dataset._resized(0).pixels_bgr.copy()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    for epoch in range(20):
        dataset[(epoch, 0)]
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(dataset._resized(0).pixels_bgr, before)


def test_augmented_boxes_are_valid(shapes: Path) -> None:
    dataset = DetectionDataset(open_annotations(shapes), spec_of(64), build_augmentation(ALL))
    for epoch in range(20):
        for index in range(len(dataset)):
            image, target = dataset[(epoch, index)]
            boxes = target.boxes_xyxy
            assert type(boxes) is type(target.labels) is type(image) is Tensor
            assert ((boxes[:, 2:] - boxes[:, :2]) >= 1).all()
            assert (boxes >= 0).all()
            assert (boxes[:, 2:] <= torch.tensor([128, 64])).all()
            assert len(boxes) == len(target.labels)


def test_background_survives_every_augmentation(tmp_path: Path) -> None:
    annotations = open_annotations(write_coco(tmp_path, LABELS))
    dataset = DetectionDataset(annotations, spec_of(32), build_augmentation(ALL))
    for epoch in range(30):
        image, target = dataset[(epoch, 1)]
        assert image.isfinite().all()
        assert target.boxes_xyxy.shape == (0, 4)


def test_crop_keeps_small_objects_and_enlarges_them(tmp_path: Path) -> None:
    write_coco(tmp_path, {"a": [(0, (40, 30, 44, 34))]})
    dataset = DetectionDataset(
        open_annotations(tmp_path), spec_of(60), build_augmentation(["crop"])
    )
    plain = DetectionDataset(open_annotations(tmp_path), spec_of(60))[(0, 0)][1].boxes_xyxy[0]
    widths = []
    for epoch in range(200):
        _, target = dataset[(epoch, 0)]
        assert len(target.labels) == 1
        widths.append(float(target.boxes_xyxy[0, 2] - target.boxes_xyxy[0, 0]))
    width = float(plain[2] - plain[0])
    larger = [value > 1.05 * width for value in widths]
    assert 0.35 < np.mean(larger) < 0.6
    assert max(widths) <= width / 0.3 + 1


def test_augmentation_names() -> None:
    assert build_augmentation([]) is None
    with pytest.raises(UsageError, match="did you mean 'hflip'"):
        build_augmentation(["vflip", "hflipp"])
    first = str(build_augmentation(["hflip", "crop"]))
    assert first == str(build_augmentation(["crop", "hflip", "crop"]))


def test_cache_that_does_not_fit_is_refused(shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_cache, "_available_bytes", lambda: 10_000)
    dataset = DetectionDataset(open_annotations(shapes), spec_of(64), cache=True)
    with pytest.raises(UsageError, match="free memory for the image cache"):
        dataset.warm()


def test_warming_reports_each_image_once(shapes: Path) -> None:
    dataset = DetectionDataset(open_annotations(shapes), spec_of(64), cache=True)
    seen = []
    dataset.warm(lambda: seen.append(1))
    dataset.warm(lambda: seen.append(1))
    assert len(seen) == len(dataset) == 24


@pytest.mark.parametrize("cache", [False, True])
def test_image_cut_short_is_named(tmp_path: Path, cache: bool) -> None:
    """The header is whole, so that only reading the pixels can tell."""
    annotations = open_annotations(write_coco(tmp_path, LABELS))
    path = annotations.images[0].path
    path.write_bytes(path.read_bytes()[:60])
    dataset = DetectionDataset(annotations, spec_of(32), cache=cache)
    with pytest.raises(DataError, match="a.png"):
        dataset.warm() if cache else dataset[(0, 0)]


def test_cache_that_failed_half_way_is_filled_anew(tmp_path: Path) -> None:
    annotations = open_annotations(write_coco(tmp_path, LABELS))
    last = annotations.images[-1].path
    whole = last.read_bytes()
    last.write_bytes(whole[:60])
    dataset = DetectionDataset(annotations, spec_of(32), cache=True)
    with pytest.raises(DataError):
        dataset.warm()
    last.write_bytes(whole)
    dataset.warm()
    assert dataset._cache is not None
    assert len(dataset._cache._placements) == len(dataset)


def test_image_that_changed_its_size(tmp_path: Path) -> None:
    annotations = open_annotations(write_coco(tmp_path, LABELS))
    Image.new("RGB", (50, 50)).save(annotations.images[0].path)
    with pytest.raises(DataError, match=r"\(60, 80\) rows and columns, found \(50, 50\)"):
        DetectionDataset(annotations, spec_of(32))[(0, 0)]
