"""Small detectors, built once; no test changes them."""

import pytest
import torch

from edgedet.models.registry import build_model

SMALL = 64


@pytest.fixture(scope="session")
def classes() -> tuple[str, ...]:
    return ("circle", "square", "triangle")


@pytest.fixture(scope="session")
def small_ssd(classes):
    """An SSD at 64 px in evaluation mode: 64 + 16 + 4 + 1 anchors."""
    torch.manual_seed(0)
    return build_model("scale_aware_ssd", classes, {"imgsz": SMALL}).eval()


@pytest.fixture(scope="session")
def small_shapes(classes):
    """A shapes detector at 64 px in evaluation mode: 3 x (256 + 64 + 16) anchors."""
    torch.manual_seed(0)
    return build_model("multiscale_shapes", classes, {"imgsz": SMALL}).eval()
