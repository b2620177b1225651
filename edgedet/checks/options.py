"""What the checks of a data set have to know besides the data."""

from dataclasses import dataclass, field

from edgedet.runtime.environment import usable_cores


@dataclass(frozen=True)
class CheckOptions:
    """How the data will be used, and how fast it may be read."""

    imgsz: int = 512
    """Height and width of the network's input in pixels: what is too small for it?"""
    resize: str = "stretch"
    """How images get that size: "stretch" or "letterbox" (`ModelSpec.resize`)."""
    bbox_mode: str = "xywh"
    """What the four numbers of a COCO box are; see `open_annotations`."""
    threads: int = field(default_factory=usable_cores)
    """Images decoded at the same time, at least 1."""
