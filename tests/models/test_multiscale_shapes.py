import numpy as np
import pytest
import torch

from edgedet.models.multiscale_shapes import ShapesOptions, multiscale_shapes
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.registry import build_model
from edgedet.runtime.errors import UsageError

from .slow_predictions import assert_same_candidates, shapes_candidates, sharpened
from .slow_references import slow_anchors

SIDES = ((16, 24, 32), (48, 64, 96), (96, 128, 192))
STRIDES = (4, 8, 16)


def images(n: int, side: int = 64) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(3))


def test_parameter_counts_of_section_a2(small_shapes):
    counts = {
        part: sum(p.numel() for p in getattr(small_shapes, part).parameters())
        for part in ("blocks", "heads")
    }
    assert counts == {"blocks": 1_570_560, "heads": 3_120_840}
    assert sum(p.numel() for p in small_shapes.parameters()) == 4_691_400


def test_maps_of_section_a2(small_shapes):
    maps, sizes = images(1, 224), []
    for block in small_shapes.blocks:
        maps = block(maps)
        sizes.append(tuple(maps.shape[1:]))
    assert sizes == [(128, 56, 56), (256, 28, 28), (512, 14, 14)]


def test_fields_of_the_blocks(small_shapes):
    """3, 5, 9, 17 and 33: each stride-2 convolution adds two of the pixels before it."""
    sizes = [
        receptive_fields(torch.nn.Sequential(*small_shapes.blocks[: i + 1]))[0] for i in range(3)
    ]
    assert [(f.size, f.jump) for f in sizes] == [(9, 4), (17, 8), (33, 16)]


@pytest.mark.parametrize("side", [64, 70])
def test_anchors_are_level_major_and_anchor_minor(side, classes):
    model = build_model("multiscale_shapes", classes, {"imgsz": side}).eval()
    levels = [
        slow_anchors(side, d, [(s, s) for s in sides])
        for d, sides in zip(STRIDES, SIDES, strict=True)
    ]
    assert np.allclose(model.anchors_xyxy, np.concatenate(levels))
    assert model(images(1, side)).shape == (1, 8, len(model.anchors_xyxy))


def test_12348_anchors_at_224_px():
    with torch.device("meta"):
        model = multiscale_shapes(("a", "b", "c"), ShapesOptions())
    assert model.anchors_xyxy.shape == (9408 + 2352 + 588, 4)


def test_channels_are_anchor_major(small_shapes):
    """Section A2: [N,24,H,W] to [N,H*W*3,8], row-major cells, anchor fastest."""
    batch = images(2)
    with torch.no_grad():
        found = small_shapes(batch).transpose(1, 2)
        maps, start = batch, 0
        for block, head in zip(small_shapes.blocks, small_shapes.heads, strict=True):
            maps = block(maps)
            raw = head(maps)
            side = raw.shape[2]
            for i, j, k in ((0, 0, 0), (1, 2, 1), (side - 1, 0, 2), (2, side - 1, 0)):
                a = start + (i * side + j) * 3 + k
                assert torch.equal(found[:, a], raw[:, k * 8 : k * 8 + 8, i, j])
            start += side * side * 3


@pytest.mark.parametrize("names", [("a", "b", "c"), ("only",)])
@pytest.mark.parametrize("top_k", [1, 50, 100_000])
def test_prediction_equals_the_slow_decode(names, top_k):
    torch.manual_seed(0)
    model = build_model("multiscale_shapes", names, {"imgsz": 64, "top_k": top_k}).eval()
    sharpened(model, 3.0)
    with torch.no_grad():
        raw, predicted = model(images(2)), model.predict(images(2))
    assert predicted[1].shape == (2, min(top_k, 1008))
    for i in range(2):
        rows = raw[i].T.double().tolist()
        expected = shapes_candidates(rows, model.anchors_xyxy.tolist())
        assert_same_candidates([p[i] for p in predicted], expected)


def test_images_are_only_divided_by_255(small_shapes):
    assert (small_shapes.spec.mean, small_shapes.spec.std) == ((0, 0, 0), (1, 1, 1))


def test_other_anchors_change_the_heads(classes):
    options = ShapesOptions(imgsz=64, anchors=((10.0,), (20.0, 30.0), (40.0,)))
    model = multiscale_shapes(classes, options).eval()
    assert len(model.anchors_xyxy) == 256 + 2 * 64 + 16
    assert model(images(1)).shape == (1, 8, 400)


@pytest.mark.parametrize("anchors", [((16.0,), (32.0,)), ((16.0,), (32.0,), ()), ((1.0,),) * 4])
def test_three_lists_of_anchors_are_needed(anchors, classes):
    with pytest.raises(UsageError, match="anchors"):
        multiscale_shapes(classes, ShapesOptions(imgsz=64, anchors=anchors))
