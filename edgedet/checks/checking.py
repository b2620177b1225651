"""All checks of a data set, in one reading of its labels and one of its images."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgedet.checks import background, boxes, classes, copies, rotation, twins
from edgedet.checks.options import CheckOptions
from edgedet.checks.parts import Part, read_part
from edgedet.checks.pictures import look_at
from edgedet.checks.report import SEVERITIES, CheckReport, Finding, Place
from edgedet.checks.unusable import unreadable_split, unusable
from edgedet.data.class_weights import auto_class_weights
from edgedet.data.faults import FaultError
from edgedet.data.opening import splits_of
from edgedet.progress import progress
from edgedet.runtime.errors import DataError


def check_data(data: str | Path, options: CheckOptions) -> CheckReport:
    """Look at every split of `data` and report everything that is wrong or worth knowing.

    Nothing is written, and progress goes to stderr. `DataError` only when no data set is
    recognised at `data`: there is nothing to check; `UsageError` for an unknown bbox_mode.
    """
    faults: list[FaultError] = []
    parts, unread = _read(data, options, faults)
    of_pixels = _pixel_findings(parts, options, faults)
    findings = [*unread, *unusable(faults), *_label_findings(parts, options), *of_pixels]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return CheckReport(
        str(data),
        parts[0].stated.format if parts else "",
        tuple(part.summary() for part in parts),
        _weights(parts),
        tuple(_relative(finding, Path(data)) for finding in findings),
    )


def _read(
    data: str | Path, options: CheckOptions, faults: list[FaultError]
) -> tuple[list[Part], list[Finding]]:
    parts, findings = [], []
    for split in splits_of(data):
        try:
            parts.append(read_part(data, split, options.bbox_mode, faults.append))
        except DataError as error:
            findings += unreadable_split(split, str(data), error)
    return parts, findings


def _label_findings(parts: Sequence[Part], options: CheckOptions) -> list[Finding]:
    return [
        *classes.different_classes(parts),
        *boxes.over_edge(parts),
        *boxes.vanishing(parts, options),
        *boxes.labelled_twice(parts),
        *classes.absent_classes(parts),
        *classes.rare_classes(parts),
        *background.labels_without_image(parts),
        *background.background(parts),
        *rotation.rotated(parts),
    ]


def _pixel_findings(
    parts: Sequence[Part], options: CheckOptions, faults: list[FaultError]
) -> list[Finding]:
    images = {image.path: image for part in parts for image in part.stated.images}
    with progress(len(images), "Checking images") as bar:
        seen = look_at(list(images.values()), options.threads, faults.append, bar.advance)
    mentions = copies.copies_of(parts, seen)
    alike = twins.twins_among(mentions)
    return [
        *copies.shared(mentions),
        *copies.duplicates(mentions),
        *twins.near_shared(alike),
        *twins.near_duplicates(alike),
    ]


def _weights(parts: Sequence[Part]) -> dict[str, float]:
    if not parts:
        return {}
    annotations = parts[0].annotations
    weights = auto_class_weights(annotations.counts())
    return dict(zip(annotations.class_names, weights, strict=True))


def _relative(finding: Finding, data: Path) -> Finding:
    """Shorten the paths of a finding to what lies below the data set's folder."""
    home = os.path.abspath(data if data.is_dir() else data.parent)  # noqa: PTH100 - keeps links
    places = (
        Place(os.path.relpath(place.file, home), place.where)
        if Path(place.file).is_relative_to(home)
        else place
        for place in finding.examples
    )
    return replace(finding, examples=tuple(places))
