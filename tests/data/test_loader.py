"""Batches: the same whatever the number of workers, and errors that stay what they are."""

from pathlib import Path

import pytest
import torch
from label_files import write_coco

from edgedet.data.augment import AUGMENTATIONS, build_augmentation
from edgedet.data.dataset import DetectionDataset
from edgedet.data.loader import Batch, EpochSampler, LoaderOptions, build_loader, collate
from edgedet.data.opening import open_annotations
from edgedet.data.shapes import write_shapes
from edgedet.data.shapes_options import ShapesOptions
from edgedet.models.targets import Target
from edgedet.runtime.errors import DataError, UsageError
from edgedet.runtime.spec import ModelSpec

SPEC = ModelSpec(class_names=("circle", "square", "triangle"), size_hw=(64, 64))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = ShapesOptions(train=13, val=2)
    return write_shapes(tmp_path_factory.mktemp("data") / "shapes", options).folder


def dataset_of(folder: Path, cache: bool = False) -> DetectionDataset:
    augment = build_augmentation(list(AUGMENTATIONS))
    return DetectionDataset(open_annotations(folder), SPEC, augment, cache=cache, seed=7)


def epochs(folder: Path, workers: int, cache: bool, resume: int = 0) -> list[Batch]:
    dataset = dataset_of(folder, cache)
    sampler = EpochSampler(len(dataset), seed=7)
    loader = build_loader(dataset, sampler, LoaderOptions(batch=4, workers=workers))
    batches = []
    for epoch in range(2):
        sampler.set_position(epoch, resume if epoch == 0 else 0, 4)
        batches += list(loader)
    return batches


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for (images, targets), (other_images, other_targets) in zip(first, second, strict=True):
        assert torch.equal(images, other_images)
        for target, other in zip(targets, other_targets, strict=True):
            assert isinstance(target, Target)
            assert torch.equal(target.boxes_xyxy, other.boxes_xyxy)
            assert torch.equal(target.labels, other.labels)


@pytest.mark.parametrize(("workers", "cache"), [(1, False), (2, True), (0, True)])
def test_workers_and_cache_change_nothing(shapes: Path, workers: int, cache: bool) -> None:
    reference = epochs(shapes, 0, False)
    assert [len(targets) for _, targets in reference] == [4, 4, 4, 1] * 2
    assert_same(epochs(shapes, workers, cache), reference)


def test_resumed_in_the_middle_of_an_epoch(shapes: Path) -> None:
    reference = epochs(shapes, 0, False)
    assert_same(epochs(shapes, 2, False, resume=3), reference[3:])


@pytest.mark.parametrize("workers", [0, 1])
def test_data_error_comes_out_of_a_worker_as_it_is(tmp_path: Path, workers: int) -> None:
    dataset = dataset_of(write_coco(tmp_path, {"a": [], "b": []}))
    (tmp_path / "images" / "b.png").write_bytes(b"gone bad")
    sampler = EpochSampler(2, shuffle=False)
    loader = build_loader(dataset, sampler, LoaderOptions(batch=1, workers=workers))
    with pytest.raises(DataError, match="b.png") as caught:
        list(loader)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_batch_of_images_without_objects(tmp_path: Path) -> None:
    dataset = dataset_of(write_coco(tmp_path, {"a": [], "b": []}))
    (images, targets) = next(
        iter(build_loader(dataset, EpochSampler(2), LoaderOptions(batch=2, workers=0)))
    )
    assert images.shape == (2, 3, 64, 64)
    assert [tuple(target.boxes_xyxy.shape) for target in targets] == [(0, 4)] * 2


def test_cache_is_filled_before_workers_start(shapes: Path) -> None:
    """Files may go once the cache is filled: nothing is read again, in any process."""
    dataset = dataset_of(shapes, cache=True)
    loader = build_loader(dataset, EpochSampler(len(dataset)), LoaderOptions(batch=4, workers=2))
    hidden = shapes.rename(shapes.with_name("hidden"))
    try:
        assert sum(len(targets) for _, targets in loader) == 13
    finally:
        hidden.rename(shapes)


def test_collate_keeps_the_order() -> None:
    samples = [
        (torch.full((3, 2, 2), float(i)), Target(torch.zeros(i, 4), torch.zeros(i).long()))
        for i in range(3)
    ]
    images, targets = collate(samples)
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert [len(target.labels) for target in targets] == [0, 1, 2]


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"workers": -1}, {"prefetch": 0}])
def test_wrong_options(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} of at least"):
        LoaderOptions(**wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_pinned_batches(shapes: Path) -> None:
    dataset = dataset_of(shapes)
    options = LoaderOptions(batch=4, workers=1, pin_memory=True)
    images, targets = next(iter(build_loader(dataset, EpochSampler(13), options)))
    assert images.is_pinned()
    assert isinstance(targets[0], Target)
    assert targets[0].boxes_xyxy.is_pinned()
