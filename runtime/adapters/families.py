"""The families of foreign detectors that are known here."""

from .boxes_scores import BOXES_SCORES
from .final_detections import BOXES_SCORES_LABELS, ROWS
from .nanodet import NANODET
from .ssd import SSD
from .yolov5 import YOLOV5
from .yolov8 import YOLOV8
from .yolox import YOLOX

FAMILIES = {
    family.name: family
    for family in (
        YOLOX,
        YOLOV5,
        YOLOV8,
        NANODET,
        SSD,
        BOXES_SCORES,
        BOXES_SCORES_LABELS,
        ROWS,
    )
}
"""By name."""
