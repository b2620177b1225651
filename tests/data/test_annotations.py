"""Fingerprint and counts of the in-memory form."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from label_files import write_coco

from edgedet.data.annotations import check_class_names
from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError

LABELS = {"a": [(0, (0, 0, 40, 30)), (2, (10, 20, 30, 25))], "b": []}


def test_fingerprint_does_not_depend_on_where_the_data_lies(tmp_path: Path) -> None:
    write_coco(tmp_path / "here", LABELS)
    shutil.copytree(tmp_path / "here", tmp_path / "far" / "away")
    here = open_annotations(tmp_path / "here").fingerprint()
    assert here == open_annotations(tmp_path / "far" / "away").fingerprint()
    assert here == open_annotations(tmp_path / "here" / "annotations" / "train.json").fingerprint()
    assert len(here) == 64


def test_fingerprint_sees_every_change(tmp_path: Path) -> None:
    annotations = open_annotations(write_coco(tmp_path, LABELS))
    first, second = annotations.images
    changed = {
        "name": dataclasses.replace(first, path=first.path.with_name("z.png")),
        "size": dataclasses.replace(first, size_hw=(61, 80)),
        "box": dataclasses.replace(first, boxes_xyxy=first.boxes_xyxy + np.float32(0.5)),
        "label": dataclasses.replace(first, labels=first.labels + 1),
        "ignored": dataclasses.replace(first, ignored=~first.ignored),
    }
    variants = [
        dataclasses.replace(annotations, class_names=("cat", "dog", "eagle")),
        dataclasses.replace(annotations, images=(second, first)),
        *(dataclasses.replace(annotations, images=(image, second)) for image in changed.values()),
    ]
    prints = {variant.fingerprint() for variant in (annotations, *variants)}
    assert len(prints) == 1 + len(variants)


def test_class_names_are_compared_in_order(tmp_path: Path) -> None:
    annotations = open_annotations(write_coco(tmp_path, LABELS))
    check_class_names(annotations, ["cat", "dog", "owl"], "model.pt")
    with pytest.raises(DataError, match=r"classes of model.pt \(dog, cat, owl\)"):
        check_class_names(annotations, ["dog", "cat", "owl"], "model.pt")
