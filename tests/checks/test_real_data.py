"""What the checks say of real data sets, each looked at by eye when this was written."""

import time
from pathlib import Path

import pytest
from clean_data import check

from edgedet.checks.report import Finding

KNOWN = {
    "det_pear640": {"background-image": 6},
    "det_tomato_pf": {},
    "det_aerial_cars": {"rare-class": 1, "near-duplicate-image": 113},
    "det_bccd": {"near-duplicate-image": 2},
}


@pytest.mark.parametrize("name", KNOWN)
def test_findings(shared_data: Path, name: str) -> None:
    """Crops of one orchard photo overlap by 30 % and are not duplicates; no split leaks."""
    start = time.perf_counter()
    report = check(shared_data / name)
    assert time.perf_counter() - start < 20
    assert {finding.code: finding.count for finding in report.findings} == KNOWN[name]


def finding_of(shared_data: Path, name: str, code: str) -> Finding:
    return next(f for f in check(shared_data / name).findings if f.code == code)


def test_frames_of_the_aerial_sequences(shared_data: Path) -> None:
    """Its README: "frames of one sequence are near-identical, so there are only 15 scenes"."""
    alike = finding_of(shared_data, "det_aerial_cars", "near-duplicate-image")
    sequences = {Path(place.file).stem.rsplit("-", 1)[0] for place in alike.examples}
    assert len(sequences) == len(alike.examples)


def test_two_exposures_of_one_blood_smear(shared_data: Path) -> None:
    (pair,) = finding_of(shared_data, "det_bccd", "near-duplicate-image").examples
    assert pair.file == "images/BloodImage_00037.jpg"
    assert pair.where == "train, like BloodImage_00038.jpg"
