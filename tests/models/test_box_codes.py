import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.box_codes import CentreLogCode, TopLeftLinearCode, box_code
from edgedet.runtime.errors import UsageError

from .slow_references import slow_ssd_decode, slow_ssd_encode

F64 = torch.float64
CODES = (CentreLogCode(), CentreLogCode(1.0, 1.0), TopLeftLinearCode())


@st.composite
def float_boxes(draw):
    """A box anywhere near a 512-px image, with sides of 1..600 px."""
    x, y = (draw(st.floats(-100, 600, width=32)) for _ in range(2))
    w, h = (draw(st.floats(1, 600, width=32)) for _ in range(2))
    return (x, y, x + w, y + h)


def test_worked_example_9_2():
    box = torch.tensor([100.0, 120.0, 130.0, 144.0])
    anchor = torch.tensor([96.0, 112.0, 121.0, 137.0])
    linear = TopLeftLinearCode().encode(box, anchor)
    ssd = CentreLogCode().encode(box, anchor)
    assert linear.tolist() == pytest.approx([0.16, 0.32, 1.2, 0.96], abs=1e-6)
    assert ssd.tolist() == pytest.approx([2.6, 3.0, 0.911608, -0.204110], abs=1e-5)


def test_worked_example_a4():
    code = CentreLogCode(1.0, 1.0).encode(
        torch.tensor([40.0, 40.0, 60.0, 60.0]), torch.tensor([38.0, 38.0, 62.0, 62.0])
    )
    assert code.tolist() == pytest.approx([0, 0, -0.182322, -0.182322], abs=1e-6)


@pytest.mark.parametrize("code", CODES, ids=("ssd", "shapes", "linear"))
@settings(max_examples=40, deadline=None)
@given(box=float_boxes(), anchor=float_boxes())
def test_invariant_2_decoding_undoes_encoding(code, box, anchor):
    box, anchor = torch.tensor(box, dtype=F64), torch.tensor(anchor, dtype=F64)
    assert torch.allclose(code.decode(code.encode(box, anchor), anchor), box, atol=1e-6)


@pytest.mark.parametrize("variances", [(0.1, 0.2), (1.0, 1.0)])
@settings(max_examples=40, deadline=None)
@given(box=float_boxes(), anchor=float_boxes())
def test_centre_code_equals_the_slow_one(variances, box, anchor):
    code = CentreLogCode(*variances)
    found = code.encode(torch.tensor(box, dtype=F64), torch.tensor(anchor, dtype=F64))
    assert np.allclose(found, slow_ssd_encode(box, anchor, *variances), atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(code=st.lists(st.floats(-8, 8), min_size=4, max_size=4), anchor=float_boxes())
def test_centre_decode_equals_the_slow_one_and_is_never_negative(code, anchor):
    found = CentreLogCode().decode(torch.tensor(code, dtype=F64), torch.tensor(anchor, dtype=F64))
    assert np.allclose(found, slow_ssd_decode(code, anchor), rtol=1e-5, atol=1e-3)
    assert (found[2:] >= found[:2]).all()


def test_negative_linear_sizes_become_zero():
    anchor = torch.tensor([10.0, 10.0, 30.0, 30.0])
    box = TopLeftLinearCode().decode(torch.tensor([0.5, -0.5, -2.0, 0.25]), anchor)
    assert box.tolist() == [20.0, 0.0, 20.0, 5.0]


@pytest.mark.parametrize("code", CODES, ids=("ssd", "shapes", "linear"))
def test_every_leading_axis_is_kept(code):
    boxes = torch.rand(2, 3, 5, 4).cumsum(dim=-1)
    anchors = torch.rand(3, 5, 4).cumsum(dim=-1)
    codes = code.encode(boxes, anchors)
    assert codes.shape == (2, 3, 5, 4)
    assert torch.allclose(codes[1, 2, 3], code.encode(boxes[1, 2, 3], anchors[2, 3]))
    assert torch.allclose(code.decode(codes, anchors), boxes, atol=1e-5)


def test_codes_by_name():
    assert isinstance(box_code("ssd"), CentreLogCode)
    assert isinstance(box_code("topleft_linear"), TopLeftLinearCode)
    with pytest.raises(UsageError, match="did you mean 'topleft_linear'"):
        box_code("top_left_linear")
