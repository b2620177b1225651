"""The splits of a data set as the checks see them: everything stated, and what of it is usable."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from edgedet.checks.report import SplitSummary
from edgedet.data.annotations import Annotations
from edgedet.data.faults import Complain, FaultError
from edgedet.data.labelling import (
    Fit,
    StatedAnnotations,
    StatedImage,
    fit_boxes,
    labelled_annotations,
)
from edgedet.data.opening import open_stated


class Part(NamedTuple):
    """One split."""

    split: str
    """"train", "val" or "test"."""
    stated: StatedAnnotations
    """What the label files say of every image that has a readable header."""
    fits: tuple[tuple[StatedImage, Fit], ...]
    """Those images that have the size their labels say."""
    annotations: Annotations
    """What is usable."""

    def summary(self) -> SplitSummary:
        """Return how much there is of what."""
        names, counts = self.annotations.class_names, self.annotations.counts().tolist()
        return SplitSummary(
            self.split,
            str(self.stated.source),
            len(self.stated.images),
            sum(not len(image.objects.labels) for image in self.stated.images),
            dict(zip(names, counts, strict=True)),
        )


def read_part(data: str | Path, split: str, bbox_mode: str, complain: Complain) -> Part:
    """Read a split; `complain` is told of what is left out, `DataError` when all of it is."""
    stated = open_stated(data, split, bbox_mode, complain)
    annotations = labelled_annotations(stated, complain)
    return Part(split, stated, tuple(_fits(stated.images)), annotations)


def _fits(images: Sequence[StatedImage]) -> Iterator[tuple[StatedImage, Fit]]:
    for image in images:
        # An image of another size than stated has been complained about already.
        with suppress(FaultError):
            yield image, fit_boxes(image)
