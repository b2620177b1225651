"""All checks of a data set in one pass."""

from pathlib import Path

from edgedet.checks.options import CheckOptions
from edgedet.checks.report import CheckReport, SplitSummary
from edgedet.data.annotations import Annotations
from edgedet.data.opening import open_train_val


def check_data(data: str | Path, options: CheckOptions) -> CheckReport:
    """Look at every split of `data` and report everything that is wrong or worth knowing.

    `DataError` only when no data set is recognised at `data`: there is nothing to check.
    """
    train, val = open_train_val(data, options.bbox_mode)
    splits = (_summary("train", train), _summary("val", val))
    counts = train.counts()
    weights = {
        name: float(counts.max() / count) if count else 1.0
        for name, count in zip(train.class_names, counts, strict=True)
    }
    return CheckReport(str(data), train.format, splits, weights, ())


def _summary(split: str, annotations: Annotations) -> SplitSummary:
    background = sum(len(image.labels) == 0 for image in annotations.images)
    objects = dict(zip(annotations.class_names, annotations.counts().tolist(), strict=True))
    return SplitSummary(
        split, str(annotations.source), len(annotations.images), background, objects
    )
