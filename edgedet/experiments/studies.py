"""The studies by name."""

from collections.abc import Callable

from edgedet.experiments import scale_aware_ssd, ssd_training
from edgedet.experiments.study import Study
from edgedet.nearest import unknown_name

STUDIES: dict[str, Callable[[], Study]] = {
    scale_aware_ssd.NAME: scale_aware_ssd.study,
    ssd_training.NAME: ssd_training.study,
}


def study_named(name: str) -> Study:
    """Return the study; UsageError naming the nearest one when there is none."""
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    return STUDIES[name]()
