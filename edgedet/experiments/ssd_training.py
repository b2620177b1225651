"""What makes the scale-aware SSD train well on a few hundred images: one setting at a time."""

from __future__ import annotations

from typing import Any

from edgedet.experiments import ssd_variants as v
from edgedet.experiments.study import Comparison, Metric, Study
from edgedet.experiments.variant import Changes, Subject, Variant
from edgedet.models.tap_points import tap_points
from edgedet.scales.anchor_sets import k_means_sets
from edgedet.scales.objects import place_objects

NAME = "ssd-training"
TRUNK = "mobilenet_v2"
SIZES = 4
METRICS = (Metric("ap", "mAP"), Metric("ap50", "AP50"), Metric("ap75", "AP75"))


def _dns(name: str, title: str, note: str = "", **changes: Any) -> Variant:
    options = {**v.DNS, "class_weights": "none", **changes.pop("model_options", {})}
    return Variant(name, title, v.MODEL, {**changes, "model_options": options}, note=note)


def _augmented(*names: str) -> Variant:
    return _dns("augment-" + "-".join(names), " + ".join(names), augment=list(names))


PLAIN = _dns("plain", "none", augment=[])
XAVIER_3TO1 = Variant(
    "3to1-xavier",
    "3:1, heads start from Xavier's weights",
    v.MODEL,
    {"model_options": {**v.THREE_TO_ONE, "class_weights": "none", "head_start": "xavier"}},
)


def _sees(block: int) -> Variant:
    """One map of stride 16, after `block`, with sizes that follow from the objects."""

    def changes(subject: Subject) -> Changes:
        objects = place_objects(subject.labelled.train, subject.imgsz)
        sides = list(k_means_sets(objects.sides)[:SIZES][-1].sides)
        options = {"trunk": TRUNK, "taps": [block], "anchors": [sides]}
        return {"model_options": {**v.DNS, "class_weights": "none", **options}}

    point = tap_points(TRUNK)[block - 1]
    title = f"block {block}: sees {point.field_px:g} px, stride {point.stride}"
    return Variant(f"sees-{point.field_px:g}", title, v.MODEL, changes)


FIELD = Comparison(
    "field",
    "How far one map sees: the same anchors and stride, attached ever deeper (DNS)",
    tuple(_sees(block) for block in (7, 8, 10, 13)),
    METRICS,
    reference="sees-75",
    footnotes=(
        f"The anchors are the {SIZES} k-means sizes of the training objects, all on that map.",
        "Deeper is also more layers: receptive field and capacity rise together.",
    ),
)
AUGMENT = Comparison(
    "augment",
    "Augmentation (DNS, the paper's taps and anchors)",
    (
        PLAIN,
        _augmented("hflip"),
        _augmented("hflip", "photometric"),
        _augmented("hflip", "crop"),
        _augmented("hflip", "zoom_out"),
        _augmented("hflip", "mosaic"),
    ),
    METRICS,
    reference=PLAIN.name,
    footnotes=(
        "The paper announces flips and crops in its section 4.1, and in 5.4 reports that they "
        "cost 1 to 2 points.",
    ),
)
START = Comparison(
    "start",
    "First weights of the heads",
    (
        v.ALIGNED_DNS,
        _dns(
            "dns-xavier",
            "DNS, heads start from Xavier's weights",
            model_options={"head_start": "xavier"},
        ),
        v.ALIGNED_3TO1,
        XAVIER_3TO1,
    ),
    METRICS,
    reference=v.ALIGNED_DNS.name,
    footnotes=("Xavier is the paper's; the default here is normal with a deviation of 0.01.",),
)
SETTINGS = Comparison(
    "settings",
    "Other settings (DNS)",
    (
        v.ALIGNED_DNS,
        _dns("no-ema", "no averaged weights", ema_decay=0.0),
        _dns("all-blocks", "every block of the trunk trained", model_options={"frozen_blocks": 0}),
        _dns("lr-3", "learning rate 0.003", lr=0.003),
        _dns("batch-4", "batch 4", batch=4),
    ),
    METRICS,
    reference=v.ALIGNED_DNS.name,
)


def study() -> Study:
    """Return its tables."""
    return Study(
        name=NAME,
        model=v.MODEL,
        tables=(AUGMENT, START, SETTINGS, FIELD),
        usual=("augment", "start", "settings", "field"),
        footnotes=(
            "The checkpoint with the best validation result by the recipe's `select`; scores "
            "above 0.05, best 300 of an image; mean ± sample deviation over the seeds, percent.",
        ),
    )
