import json

import pytest
import torch

from edgedet.models.registry import MODELS, build_model, model_entry, resolve_options
from edgedet.models.ssd_options import CODE_PRESET
from edgedet.runtime.errors import UsageError

NAMES = ("a", "b", "c")
SSD, SHAPES = "scale_aware_ssd", "multiscale_shapes"
RETINA, LITE = "retinanet_r50_fpn", "ssdlite_mobilenetv3"
PYRAMIDS = {"faster_rcnn_r50_fpn", "faster_rcnn_r101_fpn", "retinanet_r50_fpn"}


def test_the_detectors_of_this_release():
    ours = {"multiscale_shapes", "ssd_mobilenetv2", "scale_aware_ssd"}
    assert set(MODELS) == ours | PYRAMIDS | {"ssdlite_mobilenetv3"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("scale_aware_sd", {}, "a model out of .*'scale_aware_sd'.*did you mean 'scale_aware_ssd'"),
        ("yolo", {}, "'yolo'; take one of these"),
        (SSD, {"anchor": [1]}, f"option of {SSD}.*'anchor'.*did you mean 'anchors'"),
        (SSD, {"samplr": "dns"}, "did you mean 'sampler'"),
        (SHAPES, {"taps": "code"}, f"option of {SHAPES}.*'taps'"),
        (SSD, {"preset": "cod"}, f"preset of {SSD}.*did you mean 'code'"),
        (SHAPES, {"preset": "code"}, f"preset of {SHAPES} out of none at all"),
        (SSD, {"taps": "codes"}, "did you mean 'code'"),
        (SSD, {"sampler": "DNS"}, "sampler.*'DNS'"),
        (SSD, {"box_code": "linear"}, "box_code.*did you mean 'topleft_linear'"),
        (SSD, {"trunk": "resnet_18"}, "did you mean 'resnet18'"),
        (SSD, {"anchor_measure": "radius"}, "diagonal, side"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(name, options, message):
    with pytest.raises(UsageError, match=message) as error:
        build_model(name, NAMES, options)
    assert "\n" not in str(error.value)


WRONG_VALUES = [
    (SSD, {"imgsz": 0}),
    (SSD, {"imgsz": -5}),
    (SSD, {"imgsz": "512"}),
    (SSD, {"imgsz": 128.0}),
    (SSD, {"imgsz": True}),
    (SSD, {"top_k": 0}),
    (SSD, {"top_k": -1}),
    (SSD, {"anchors": 25}),
    (SSD, {"anchors": [25]}),
    (SSD, {"anchors": [25, []]}),
    (SSD, {"anchors": [25, [38, -1]]}),
    (SSD, {"anchors": [25, [[38]]]}),
    (SSD, {"anchors": [0, 38, 58, 87]}),
    (SSD, {"anchors": [-1, 38, 58, 87]}),
    (SSD, {"anchors": ["a", "b", "c", "d"]}),
    (SSD, {"anchors": [25, 38, 58, float("nan")]}),
    (SSD, {"ratios": []}),
    (SSD, {"ratios": [0]}),
    (SSD, {"ratios": 1.0}),
    (SSD, {"resize": "crop"}),
    (SSD, {"class_weights": [1, 2]}),
    (SSD, {"class_weights": [1, 2, "x"]}),
    (SSD, {"class_weights": [1, 2, 0]}),
    (SSD, {"class_weights": 3.0}),
    (SSD, {"class_weights": "automatic"}),
    (SSD, {"frozen_blocks": 9}),
    (SSD, {"frozen_blocks": -1}),
    (SSD, {"frozen_blocks": 1.0}),
    (SSD, {"frozen_blocks": True}),
    (SSD, {"positive_iou": 2.0}),
    (SSD, {"forced_iou": -0.1}),
    (SSD, {"negative_ratio": -1}),
    (SSD, {"mean": [0.5]}),
    (SSD, {"std": [0, 1, 1]}),
    (SSD, {"score_threshold": 3}),
    (SSD, {"nms_iou": "high"}),
    (SSD, {"iou_plus_one": "yes"}),
    (SSD, {"double_softmax": 1}),
    (SSD, {"taps": 5}),
    (SSD, {"taps": []}),
    (SSD, {"taps": [8, 5]}),
    (SSD, {"taps": [5, 5]}),
    (SSD, {"taps": [0, 5]}),
    (SSD, {"taps": [5, 19]}),
    (SSD, {"taps": [5.0, 8.0]}),
    (SSD, {"taps": "paper", "trunk": "resnet18"}),
    (SSD, {"preset": ["code"]}),
    (RETINA, {"imgsz": 100}),
    (RETINA, {"frozen_blocks": 6}),
    (RETINA, {"frozen_norm": 1}),
    (RETINA, {"resize": "crop"}),
    (RETINA, {"top_k": 0}),
    (LITE, {"imgsz": 0}),
    (LITE, {"nms_iou": 2}),
    (LITE, {"frozen_blocks": 1}),
    (SHAPES, {"imgsz": 0}),
    (SHAPES, {"top_k": 0}),
    (SHAPES, {"anchors": 5}),
    (SHAPES, {"anchors": [16, 32, 64]}),
    (SHAPES, {"anchors": [[16], [32]]}),
    (SHAPES, {"anchors": [[16], [32], []]}),
    (SHAPES, {"anchors": [["a"], [32], [64]]}),
    (SHAPES, {"anchors": [[16], [-32], [64]]}),
    (SHAPES, {"nms_iou": 1.5}),
]


@pytest.mark.parametrize(("name", "options"), WRONG_VALUES, ids=str)
def test_a_value_that_does_not_fit_is_told_in_one_line(name, options):
    with pytest.raises(UsageError, match=next(iter(options))) as error:
        build_model(name, NAMES, {"imgsz": 64, **options})
    assert "\n" not in str(error.value)


def test_defaults_differ_by_name():
    assert resolve_options("ssd_mobilenetv2", {})["taps"] == "original"
    assert resolve_options(SSD, {})["taps"] == "paper"
    assert resolve_options("ssd_mobilenetv2", {"taps": "code"})["taps"] == "code"
    assert resolve_options(SHAPES, {})["imgsz"] == 224


def test_a_preset_yields_to_what_is_given_beside_it():
    plain, preset = resolve_options(SSD, {}), resolve_options(SSD, {"preset": "code"})
    assert preset == {**plain, **CODE_PRESET}
    mixed = resolve_options(SSD, {"preset": "code", "taps": "paper", "imgsz": 96})
    assert mixed == {**preset, "taps": "paper", "imgsz": 96}
    assert resolve_options(SSD, {"preset": None}) == plain


def test_the_code_preset_is_column_two_of_section_8():
    options = resolve_options(SSD, {"preset": "code"})
    assert options["taps"] == "code"
    assert options["anchor_measure"] == "side"
    assert (options["positive_iou"], options["forced_iou"]) == (0.4, 0.2)
    assert options["iou_plus_one"] is True
    assert options["box_code"] == "topleft_linear"
    assert options["double_softmax"] is True
    assert options["score_threshold"] == 0.3
    model = build_model(SSD, NAMES, {"preset": "code", "imgsz": 64})
    assert sum(p.numel() for p in model.parameters()) == 1_859_232


def test_lists_of_yaml_become_tuples():
    options = resolve_options(SSD, {"anchors": [20, 41, 81, 164], "class_weights": [1, 4, 3.7]})
    assert options["anchors"] == (20, 41, 81, 164)
    assert options["class_weights"] == (1, 4, 3.7)
    nested = resolve_options(SHAPES, {"anchors": [[8], [16, 32], [64]]})
    assert nested["anchors"] == ((8,), (16, 32), (64,))


@pytest.mark.parametrize("name", MODELS)
def test_resolved_options_build_the_same_model_again(name):
    """Also after JSON, which a checkpoint or recipe may have passed through."""
    options = resolve_options(name, {"imgsz": 64})
    again = resolve_options(name, json.loads(json.dumps(options)))
    assert again == options
    # 130 million weights of ResNets are not drawn twice for this.
    with torch.device("meta" if name in PYRAMIDS else "cpu"):
        torch.manual_seed(0)
        first = build_model(name, NAMES, {"imgsz": 64})
        torch.manual_seed(0)
        second = build_model(name, NAMES, again)
    assert first.spec == second.spec
    pairs = list(zip(first.state_dict().items(), second.state_dict().items(), strict=True))
    assert [(k, v.shape) for (k, v), _ in pairs] == [(k, v.shape) for _, (k, v) in pairs]
    assert name in PYRAMIDS or all(torch.equal(one, other) for (_, one), (_, other) in pairs)


def test_given_options_are_not_changed():
    given = {"preset": "code", "anchors": [20, 41, 81, 164], "imgsz": 64}
    before = dict(given)
    build_model(SSD, NAMES, given)
    assert given == before


def test_automatic_class_weights_pass_until_the_model_is_built():
    """Training counts the objects and puts numbers in their place."""
    assert resolve_options(SSD, {"class_weights": "auto"})["class_weights"] == "auto"
    with pytest.raises(UsageError, match="class_weights.*'auto'"):
        build_model(SSD, NAMES, {"class_weights": "auto"})


def test_a_model_needs_a_class():
    with pytest.raises(UsageError, match="at least one class"):
        build_model(SSD, (), {})


def test_model_entry_names_the_nearest():
    assert model_entry(SSD) is MODELS[SSD]
    with pytest.raises(UsageError, match="did you mean 'multiscale_shapes'"):
        model_entry("multi_scale_shapes")
