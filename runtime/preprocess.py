"""From a frame to the graph's input, and the way back for boxes. The only implementation.

Training, evaluation, calibration, parity, bench and predict all call these functions.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple

import numpy as np

from .opencv import opencv
from .spec import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Placement(NamedTuple):
    """Where a frame lies in the graph's input: x_input = x_frame * scale + offset, y likewise.

    ``scale_xy``: input pixels per frame pixel. ``offset_xy``: input pixels left of and above the
    frame. ``frame_hw``: height and width of the frame in pixels.
    """

    scale_xy: Tuple[float, float]
    offset_xy: Tuple[float, float]
    frame_hw: Tuple[int, int]

    def boxes_to_frame(self, boxes_xyxy: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Boxes [n,4] in input pixels as boxes [n,4] in frame pixels, not clipped."""
        scale, offset = self._four()
        return (boxes_xyxy - offset) / scale

    def boxes_to_input(self, boxes_xyxy: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Boxes [n,4] in frame pixels as boxes [n,4] in input pixels, not clipped."""
        scale, offset = self._four()
        return boxes_xyxy * scale + offset

    def _four(self) -> "Tuple[NDArray[np.float32], NDArray[np.float32]]":
        scale = np.array(self.scale_xy * 2, dtype=np.float32)
        return scale, np.array(self.offset_xy * 2, dtype=np.float32)


def check_image(image_bgr: "NDArray[np.uint8]") -> None:
    """ValueError unless the image is uint8 [H,W,3] with at least one pixel."""
    shape, dtype = np.shape(image_bgr), getattr(image_bgr, "dtype", type(image_bgr).__name__)
    if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        message = "expected a BGR image uint8 [H,W,3], found {} {}"
        raise ValueError(message.format(dtype, list(shape)))


def input_shape(spec: ModelSpec) -> Tuple[int, int, int]:
    """Shape of one image of the graph's input, without the batch axis."""
    height, width = spec.size_hw
    return (3, height, width) if spec.input_layout == "NCHW" else (height, width, 3)


def resize(
    image_bgr: "NDArray[np.uint8]", spec: ModelSpec, out: "Optional[NDArray[np.uint8]]" = None
) -> "Tuple[NDArray[np.uint8], Placement]":
    """The frame in the size of the spec, uint8 [H,W,3] BGR, and where the frame lies in it.

    An image that has the size already is returned as it is, not copied. ``out``, uint8 [H,W,3],
    is written to when something has to be written. ValueError unless uint8 [H,W,3].
    """
    check_image(image_bgr)
    frame_hw = (image_bgr.shape[0], image_bgr.shape[1])
    if frame_hw == tuple(spec.size_hw):
        return image_bgr, place(frame_hw, spec)
    if spec.resize != "stretch":
        return _letterbox(image_bgr, spec, out)
    return _scaled(image_bgr, spec.size_hw, out), place(frame_hw, spec)


def place(frame_hw: Tuple[int, int], spec: ModelSpec) -> Placement:
    """Where `resize` puts a frame of that height and width, without the frame itself."""
    (height, width), (top, left) = _placed(frame_hw, spec)
    scale_xy = (width / frame_hw[1], height / frame_hw[0])
    return Placement(scale_xy, (float(left), float(top)), (frame_hw[0], frame_hw[1]))


def _placed(
    frame_hw: Tuple[int, int], spec: ModelSpec
) -> "Tuple[Tuple[int, int], Tuple[int, int]]":
    """Height and width of the scaled frame, and the row and column of its first pixel."""
    size_hw = spec.size_hw
    if spec.resize == "stretch":
        return (size_hw[0], size_hw[1]), (0, 0)
    scale = min(size_hw[0] / frame_hw[0], size_hw[1] / frame_hw[1])
    if spec.resize == "letterbox_top_left":
        # YOLOX cuts fractions of a pixel off; rounding changed scores by 0.03.
        return (max(1, int(frame_hw[0] * scale)), max(1, int(frame_hw[1] * scale))), (0, 0)
    height, width = (max(1, int(round(side * scale))) for side in frame_hw)
    return (height, width), ((size_hw[0] - height) // 2, (size_hw[1] - width) // 2)


def _letterbox(
    image_bgr: "NDArray[np.uint8]", spec: ModelSpec, out: "Optional[NDArray[np.uint8]]"
) -> "Tuple[NDArray[np.uint8], Placement]":
    frame_hw = (image_bgr.shape[0], image_bgr.shape[1])
    (height, width), (top, left) = _placed(frame_hw, spec)
    result = np.empty(tuple(spec.size_hw) + (3,), dtype=np.uint8) if out is None else out
    result[...] = spec.pad_value
    result[top : top + height, left : left + width] = _scaled(image_bgr, (height, width), None)
    return result, place(frame_hw, spec)


def _scaled(
    image_bgr: "NDArray[np.uint8]",
    size_hw: Tuple[int, int],
    out: "Optional[NDArray[np.uint8]]",
) -> "NDArray[np.uint8]":
    cv2 = opencv()
    height, width = size_hw
    linear = cv2.INTER_LINEAR
    return cv2.resize(image_bgr, (width, height), dst=out, interpolation=linear)  # type: ignore[no-any-return]


def normalise(
    resized_bgr: "NDArray[np.uint8]", spec: ModelSpec, out: "Optional[NDArray[Any]]" = None
) -> "NDArray[Any]":
    """One image of the graph's input, from a uint8 [H,W,3] BGR image.

    ``float32`` input: [3,H,W], or [H,W,3] for NHWC, = (pixel/255 - mean)/std in the order of the
    spec. ``uint8``
    input: [H,W,3] in the order of the spec, and the image itself, not a copy, when the spec
    says BGR and there is no ``out``. ``out``: a contiguous array to fill and return.
    """
    check_image(resized_bgr)
    if out is not None:
        _check_out(out, resized_bgr, spec)
    if spec.input_dtype == "float32":
        fill = _planes if spec.input_layout == "NCHW" else _pixels
        return fill(resized_bgr, spec, out)
    if spec.color == "RGB":
        cv2 = opencv()
        return cv2.cvtColor(resized_bgr, cv2.COLOR_BGR2RGB, dst=out)  # type: ignore[no-any-return]
    if out is None:
        return resized_bgr
    if out is not resized_bgr:
        np.copyto(out, resized_bgr)
    return out


def _check_out(out: "NDArray[Any]", image_bgr: "NDArray[np.uint8]", spec: ModelSpec) -> None:
    # OpenCV would quietly write to an array of its own instead.
    shape = input_shape(spec._replace(size_hw=(image_bgr.shape[0], image_bgr.shape[1])))
    if out.shape != shape or out.dtype != spec.input_dtype or not out.flags.c_contiguous:
        message = "expected out to be a contiguous {} {}, found {} {}"
        raise ValueError(message.format(spec.input_dtype, shape, out.dtype, out.shape))


def _planes(
    image_bgr: "NDArray[np.uint8]", spec: ModelSpec, out: "Optional[NDArray[np.float32]]"
) -> "NDArray[np.float32]":
    """(pixel/255 - mean)/std plane by plane as pixel * gain + bias.

    `addWeighted` into a kept buffer is 6 times faster than the formula in numpy, and equal to it
    to 5e-7.
    """
    cv2 = opencv()
    height, width = image_bgr.shape[:2]
    result = np.empty((3, height, width), dtype=np.float32) if out is None else out
    planes = cv2.split(image_bgr)
    if spec.color == "RGB":
        planes = planes[::-1]
    for plane, mean, std, target in zip(planes, spec.mean, spec.std, result):
        gain, bias = 1 / (255 * std), -mean / std
        cv2.addWeighted(plane, gain, plane, 0, bias, dst=target, dtype=cv2.CV_32F)
    return result


def _pixels(
    image_bgr: "NDArray[np.uint8]", spec: ModelSpec, out: "Optional[NDArray[Any]]"
) -> "NDArray[np.float32]":
    ordered = image_bgr[..., ::-1] if spec.color == "RGB" else image_bgr
    mean, std = np.array(spec.mean), np.array(spec.std)
    gain, bias = (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)
    result: "NDArray[np.float32]" = np.multiply(ordered, gain, out=out)
    result += bias
    return result


def preprocess(
    image_bgr: "NDArray[np.uint8]", spec: ModelSpec, out: "Optional[NDArray[Any]]" = None
) -> "Tuple[NDArray[Any], Placement]":
    """One image of the graph's input, without the batch axis, and where the frame lies in it.

    ``out``: a contiguous array of `input_shape` and the spec's dtype, to fill and return.
    ValueError unless the frame is uint8 [H,W,3].
    """
    # A uint8 BGR graph takes what the resize wrote, so the resize can write it in place.
    in_place = out if spec.input_dtype == "uint8" and spec.color == "BGR" else None
    resized_bgr, placement = resize(image_bgr, spec, in_place)
    return normalise(resized_bgr, spec, out), placement
