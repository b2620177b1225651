"""What a foreign graph takes: one picture, in one of the forms that preprocessing makes."""

import re
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from ..errors import ModelError
from ..onnx_session import TensorInfo

CHANNELS = 3
MOST_SIDE = 8192
"""What a file says is allocated at once: no detector of one picture is larger."""
SIZE_KEY = "imgsz"
"""Where Ultralytics' exports keep height and width."""
_AXES = {"NCHW": (1, 2, 3), "NHWC": (3, 1, 2)}
"""Of channels, height and width, counted with the batch axis."""


class InputForm(NamedTuple):
    """One picture."""

    size_hw: Tuple[int, int]
    layout: str
    dtype: str
    has_batch: bool
    """TorchVision's detectors take a picture without that axis."""
    assumed: str = ""
    """What was assumed, for people; empty: nothing."""


def input_form(
    inputs: Sequence[TensorInfo],
    metadata: Dict[str, str],
    size_hw: Optional[Tuple[int, int]],
    spec_file: str,
) -> InputForm:
    """The form of the only input.

    ``size_hw``: what the spec file says, None without. ``spec_file``: its name, for messages.
    ModelError, one line, for what cannot be fed: several inputs, FP16, a batch, another number of
    channels, a size that nothing tells.
    """
    if len(inputs) != 1:
        found = "{}: {}".format(len(inputs), ", ".join(map(_told, inputs)) or "none")
        raise ModelError("a detector with one input", found, "export the detector alone")
    info = inputs[0]
    _check_type(info)
    shape = info.shape if len(info.shape) == 4 else (1,) + info.shape
    layout = _layout(info, shape)
    if isinstance(shape[0], int) and shape[0] > 1:
        fix = "export it with a batch of 1"
        raise ModelError("a batch of 1 in a foreign model", _told(info), fix)
    height, width = (shape[axis] for axis in _AXES[layout][1:])
    size, assumed = _size((height, width), metadata, size_hw)
    if size is None:
        fix = 'write {{"schema_version": 1, "size_hw": [height, width]}} to {}'.format(spec_file)
        raise ModelError("an input of a static size", _told(info), fix)
    if max(size) > MOST_SIDE:
        fix = "write a smaller size_hw to {}, or export it with one".format(spec_file)
        expected = "an input of at most {} pixels a side".format(MOST_SIDE)
        raise ModelError(expected, "{} x {} (HxW)".format(*size), fix)
    if any(isinstance(own, int) and own != said for own, said in zip((height, width), size)):
        fix = "change size_hw in {}".format(spec_file)
        raise ModelError("the input of {} x {} (HxW)".format(*size), _told(info), fix)
    return InputForm(size, layout, info.dtype, len(info.shape) == 4, assumed)


def _check_type(info: TensorInfo) -> None:
    if info.dtype == "float16":
        fix = "export it with float32 inputs; FP16 inside is no matter"
        raise ModelError("an input of float32 or uint8", _told(info), fix)
    if info.dtype not in ("float32", "uint8") or len(info.shape) not in (3, 4):
        fix = "export the detector with its picture as the only input"
        raise ModelError("a picture of float32 or uint8 as input", _told(info), fix)


def _layout(info: TensorInfo, shape: Tuple[object, ...]) -> str:
    fitting = [layout for layout, axes in _AXES.items() if shape[axes[0]] == CHANNELS]
    if not fitting:
        fix = "export it with a static axis of three channels"
        raise ModelError("an input of {} channels".format(CHANNELS), _told(info), fix)
    if info.dtype == "uint8" and fitting[0] == "NCHW":
        fix = "export it as [1, height, width, 3], or with a float32 input"
        raise ModelError("a uint8 input with its channels last", _told(info), fix)
    return fitting[0]


def _size(
    own: Tuple[object, object], metadata: Dict[str, str], given: Optional[Tuple[int, int]]
) -> Tuple[Optional[Tuple[int, int]], str]:
    """Height and width, and what was assumed of them."""
    if given is not None:
        return given, ""
    height, width = own
    if isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0:
        return (height, width), ""
    said = re.match(r"^\s*\[\s*(\d{1,5})\s*,\s*(\d{1,5})\s*\]\s*$", metadata.get(SIZE_KEY, ""))
    if said is None or "0" in said.groups():
        return None, ""
    size = (int(said.group(1)), int(said.group(2)))
    return size, "the size that its metadata names, {} x {} (HxW)".format(*size)


def _told(info: TensorInfo) -> str:
    return "{} {} {}".format(info.name, info.dtype, list(info.shape))
