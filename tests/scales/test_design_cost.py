import random

import pytest
import torch

from edgedet.models.cost import network_cost
from edgedet.models.ssd_detector import ssd_detector
from edgedet.models.ssd_options import SsdOptions
from edgedet.scales.design import Design
from edgedet.scales.design_cost import design_cost
from edgedet.scales.levels import layouts
from edgedet.scales.published_designs import published_cost


@pytest.mark.parametrize("trunk", ["mobilenet_v2", "mobilenet_v3_large", "resnet18"])
def test_the_sum_of_the_parts_is_what_the_detector_costs(trunk):
    rng = random.Random(trunk)
    for layout in rng.sample(layouts(trunk), 4):
        anchors = tuple(tuple(10.0 + i for i in range(rng.randint(1, 3))) for _ in layout.levels)
        design = Design("", layout, anchors, rng.choice([(1.0,), (0.5, 2.0)]))
        names = ("a", "b", "c")[: rng.randint(1, 3)]
        imgsz = rng.choice((96, 224, 300))
        with torch.device("meta"):
            detector = ssd_detector(names, SsdOptions(**as_options(design), imgsz=imgsz))
        assert design_cost(design, imgsz, len(names)) == network_cost(detector, (imgsz, imgsz))


@pytest.mark.parametrize("taps", ["paper", "code", "original"])
def test_published_designs_cost_what_their_detectors_do(taps):
    with torch.device("meta"):
        detector = ssd_detector(("a", "b"), SsdOptions(taps=taps, imgsz=320))
    assert published_cost(taps, 320, ("a", "b")) == network_cost(detector, (320, 320))


def test_parameters_of_section_2():
    """Three classes, one anchor a level."""
    assert published_cost("paper", 512, ("a", "b", "c")).parameters == 1_750_688
    assert published_cost("code", 512, ("a", "b", "c")).parameters == 1_859_232


def as_options(design):
    return {
        name: tuple(tuple(v) if isinstance(v, list) else v for v in value)
        if isinstance(value, list)
        else value
        for name, value in design.options().items()
    }
