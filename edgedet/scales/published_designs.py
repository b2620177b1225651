"""The designs of the paper, of its code, and of SSD as it was before: what a fit is held against.

Scale-aware SSD spec, section 2.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch

from edgedet.models.cost import Cost, network_cost
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.ssd_detector import ssd_detector, ssd_maps
from edgedet.models.ssd_options import SsdOptions
from edgedet.models.trunk import NAMED_TAPS_TRUNK, TAPS
from edgedet.scales.design import Design
from edgedet.scales.design_cost import design_cost
from edgedet.scales.levels import Layout, Level

TITLES = {
    "paper": "the paper's",
    "code": "the paper's code",
    "original": "original attachment",
}


@cache
def published_design(taps: str) -> Design:
    """Return the design of that name out of `TITLES`, its fields measured on the network."""
    options = SsdOptions(taps=taps)
    with torch.device("meta"):
        maps = ssd_maps(options)
    fields = receptive_fields(maps, through_gates=True)
    places = [f"block {tap.block}{' expansion' * tap.expansion}" for tap in TAPS[taps]]
    places += [f"extra {i + 1}" for i in range(len(fields) - len(places))]
    levels = [Level(p, int(f.jump), f.size) for p, f in zip(places, fields, strict=True)]
    layout = Layout(NAMED_TAPS_TRUNK, taps, TAPS[taps][-1].block, tuple(levels))
    anchors = [entry if isinstance(entry, tuple) else (entry,) for entry in options.anchors]
    return Design(TITLES[taps], layout, tuple(anchors), options.ratios)


def published_cost(taps: str, imgsz: int, class_names: tuple[str, ...]) -> Cost:
    """Return what the detector of that name costs for one image of imgsz x imgsz px."""
    if not any(tap.expansion for tap in TAPS[taps]):
        design = published_design(taps)
        blocks = tuple(tap.block for tap in TAPS[taps])
        numbered = replace(design, layout=design.layout._replace(taps=blocks))
        return design_cost(numbered, imgsz, len(class_names))
    # Heads inside a block are no sum of whole blocks.
    with torch.device("meta"):
        detector = ssd_detector(class_names, SsdOptions(taps=taps, imgsz=imgsz))
    return network_cost(detector, (imgsz, imgsz))
