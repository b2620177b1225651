import numpy as np
import pytest

from edgedet.runtime import ModelSpec
from edgedet.runtime.preprocess import (
    Placement,
    input_shape,
    normalise,
    place,
    preprocess,
    resize,
)

FLOAT = ModelSpec(
    class_names=("car",),
    size_hw=(48, 64),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
UINT8 = FLOAT._replace(input_dtype="uint8", input_layout="NHWC")
FLOAT_LAST = FLOAT._replace(input_layout="NHWC")
SPECS = [
    spec._replace(color=color) for spec in (FLOAT, UINT8, FLOAT_LAST) for color in ("RGB", "BGR")
]


def _image(height, width, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def _naive(resized_bgr, spec):
    """What the docstring says, term by term, in float64."""
    image = resized_bgr[..., ::-1] if spec.color == "RGB" else resized_bgr
    if spec.input_dtype == "uint8":
        return image
    pixels = (image / 255 - np.array(spec.mean)) / np.array(spec.std)
    return pixels if spec.input_layout == "NHWC" else pixels.transpose(2, 0, 1)


# Placement: numpy alone


@pytest.mark.parametrize("seed", range(20))
def test_boxes_come_back_from_the_input(seed):
    random = np.random.RandomState(seed)
    placement = Placement(
        tuple(random.uniform(0.1, 3, 2)), tuple(random.uniform(0, 50, 2)), (480, 640)
    )
    boxes = random.uniform(0, 640, (30, 4)).astype(np.float32)
    back = placement.boxes_to_frame(placement.boxes_to_input(boxes))
    np.testing.assert_allclose(back, boxes, atol=1e-3)
    assert back.dtype == np.float32


def test_no_boxes_stay_no_boxes():
    placement = Placement((2.0, 2.0), (1.0, 1.0), (4, 4))
    assert placement.boxes_to_frame(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize("resize_rule", ["stretch", "letterbox", "letterbox_top_left"])
@pytest.mark.parametrize("size_hw", [(48, 64), (100, 37), (7, 300), (96, 128), (1, 1)])
def test_a_frame_is_placed_without_its_pixels(size_hw, resize_rule):
    pytest.importorskip("cv2")
    spec = FLOAT._replace(resize=resize_rule)
    assert place(size_hw, spec) == resize(_image(*size_hw), spec)[1]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        [[1, 2], [3, 4]],
        None,
    ],
)
def test_what_is_no_image_is_refused_with_its_shape(image):
    with pytest.raises(ValueError, match=r"uint8 \[H,W,3\], found"):
        preprocess(image, FLOAT)


# with OpenCV


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("frame_hw", [(48, 64), (30, 90), (200, 100), (1, 1)])
def test_the_input_is_the_formula(spec, frame_hw):
    cv2 = pytest.importorskip("cv2")
    image = _image(*frame_hw)
    tensor, placement = preprocess(image, spec)
    expected = _naive(cv2.resize(image, (64, 48), interpolation=cv2.INTER_LINEAR), spec)
    np.testing.assert_allclose(tensor, expected, atol=1e-6, rtol=0)
    assert tensor.shape == input_shape(spec)
    assert tensor.dtype == spec.input_dtype
    assert tensor.flags.c_contiguous
    assert placement == Placement((64 / frame_hw[1], 48 / frame_hw[0]), (0.0, 0.0), frame_hw)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("rule", ["stretch", "letterbox", "letterbox_top_left"])
@pytest.mark.parametrize("frame_hw", [(48, 64), (100, 90)])
def test_a_kept_buffer_is_filled_and_returned(spec, rule, frame_hw):
    pytest.importorskip("cv2")
    spec = spec._replace(resize=rule)
    buffer = np.full(input_shape(spec), 77).astype(spec.input_dtype)
    image = _image(*frame_hw)
    before = image.copy()
    tensor, _ = preprocess(image, spec, out=buffer)
    assert tensor is buffer
    np.testing.assert_array_equal(buffer, preprocess(image, spec)[0])
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    "buffer",
    [
        np.zeros((3, 48, 64), np.float64),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((48, 64, 3), np.float32).transpose(2, 0, 1),
    ],
)
def test_a_buffer_that_cannot_be_filled_in_place_is_refused(buffer):
    pytest.importorskip("cv2")
    with pytest.raises(ValueError, match="contiguous float32"):
        normalise(_image(48, 64), FLOAT, out=buffer)


def test_an_image_of_the_right_size_is_not_copied():
    pytest.importorskip("cv2")
    image = _image(48, 64)
    assert resize(image, FLOAT)[0] is image
    assert resize(image, FLOAT._replace(resize="letterbox"))[0] is image


@pytest.mark.parametrize(
    ("frame_hw", "scale", "offset_xy"),
    [((96, 64), 0.5, (16, 0)), ((24, 64), 1.0, (0, 12)), ((12, 16), 4.0, (0, 0))],
)
def test_letterbox_keeps_the_aspect_and_pads(frame_hw, scale, offset_xy):
    cv2 = pytest.importorskip("cv2")
    image = _image(*frame_hw)
    spec = FLOAT._replace(resize="letterbox", pad_value=9)
    boxed, placement = resize(image, spec)
    assert placement == Placement((scale, scale), offset_xy, frame_hw)
    left, top = offset_xy
    inside = (slice(top, 48 - top), slice(left, 64 - left))
    side_xy = (64 - 2 * left, 48 - 2 * top)
    np.testing.assert_array_equal(boxed[inside], cv2.resize(image, side_xy))
    boxed[inside] = 9
    assert (boxed == 9).all()


@pytest.mark.parametrize(
    ("frame_hw", "size_xy"), [((96, 64), (32, 48)), ((24, 64), (64, 24)), ((100, 37), (17, 48))]
)
def test_letterbox_top_left_pads_right_and_below_only(frame_hw, size_xy):
    cv2 = pytest.importorskip("cv2")
    image = _image(*frame_hw)
    boxed, placement = resize(image, FLOAT._replace(resize="letterbox_top_left", pad_value=9))
    width, height = size_xy
    assert placement == Placement((width / frame_hw[1], height / frame_hw[0]), (0, 0), frame_hw)
    np.testing.assert_array_equal(boxed[:height, :width], cv2.resize(image, size_xy))
    boxed[:height, :width] = 9
    assert (boxed == 9).all()


def test_pixels_of_0_to_255_are_a_std_of_one_255th():
    pytest.importorskip("cv2")
    image = _image(48, 64)
    for layout in ("NCHW", "NHWC"):
        spec = FLOAT._replace(mean=(0.0,) * 3, std=(1 / 255,) * 3, color="BGR", input_layout=layout)
        pixels = image if layout == "NHWC" else image.transpose(2, 0, 1)
        np.testing.assert_allclose(preprocess(image, spec)[0], pixels, rtol=1e-6)


@pytest.mark.parametrize("rule", ["stretch", "letterbox", "letterbox_top_left"])
def test_a_box_lands_on_what_it_framed(rule):
    """A white rectangle drawn in the frame is where its box is in the input."""
    pytest.importorskip("cv2")
    image = np.zeros((300, 500, 3), np.uint8)
    image[60:180, 100:350] = 255
    boxed, placement = resize(image, FLOAT._replace(resize=rule, pad_value=0))
    rows, columns = np.nonzero(boxed[..., 0] > 127)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    expected = placement.boxes_to_input(np.float32([[100, 60, 350, 180]]))[0]
    np.testing.assert_allclose(found, expected, atol=1)


def test_a_mirrored_view_is_an_image_too():
    pytest.importorskip("cv2")
    image = _image(100, 90)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    np.testing.assert_array_equal(
        preprocess(image[:, ::-1], FLOAT)[0], preprocess(mirrored, FLOAT)[0]
    )
