"""The one way from a frame to detections, whatever runs the model."""

from itertools import islice
from os import PathLike
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from .closing import Closing
from .detections import Detections
from .errors import ModelError, UsageError
from .frame_stream import overlapped
from .onnx_model import open_onnx
from .postprocess import Thresholds, postprocess
from .preprocess import Placement, input_shape, preprocess
from .spec import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Protocol

    from .backend_tensorrt import TensorRtBackend

    class Backend(Protocol):
        """What runs a model: ONNX Runtime, TensorRT, or PyTorch on the host."""

        @property
        def spec(self) -> ModelSpec:
            """What goes in and out."""

        @property
        def batch(self) -> int:
            """Static batch size."""

        def infer(self, batch: NDArray[Any]) -> Sequence[NDArray[Any]]:
            """boxes_xyxy [N,K,4] in input pixels, scores [N,K] descending, labels [N,K]."""

        def close(self) -> None:
            """Release what it holds."""


class Detector(Closing):
    """A model ready for frames: ``detector(image_bgr)`` gives `Detections`.

    Use it as a context manager, or call `close`. The input buffer is kept and reused, so a
    detector serves one thread at a time; detections are the caller's own.
    """

    def __init__(self, backend: "Backend", thresholds: Optional[Thresholds] = None) -> None:
        """``thresholds`` None: those of the backend's spec. The detector closes the backend."""
        self.backend = backend
        self.spec = backend.spec
        self.thresholds = thresholds or thresholds_for(backend.spec)
        # A backend of a GPU has inputs of its own, and takes their memory with it.
        own = hasattr(backend, "inputs")
        self._inputs: "Tuple[NDArray[Any], ...]" = () if own else (_input_for(backend),)

    def __call__(self, image_bgr: "NDArray[np.uint8]") -> Detections:
        """What is in one frame, uint8 [H,W,3] BGR, in its pixels; ValueError for another."""
        batch, placement = self.preprocess(image_bgr)
        return self.postprocess(self.infer(batch), 0, placement)

    def batch(self, images_bgr: "Sequence[NDArray[np.uint8]]") -> List[Detections]:
        """What is in each of any number of frames, in chunks of the model's static batch."""
        size = self.backend.batch
        chunks = (images_bgr[i : i + size] for i in range(0, len(images_bgr), size))
        return [detections for chunk in chunks for detections in self._chunk(chunk)]

    def stream(self, images_bgr: "Iterable[NDArray[np.uint8]]") -> "Iterator[Detections]":
        """What is in each frame, in order, reading one batch ahead where the backend runs on a
        GPU: it works while the next frames are read and prepared.

        Do not use the detector otherwise before the last frame, or before the iterator is closed.
        """
        if hasattr(self.backend, "launch"):
            return overlapped(self, images_bgr)
        return self._in_turn(images_bgr)

    def preprocess(
        self, image_bgr: "NDArray[np.uint8]", row: int = 0, turn: int = 0
    ) -> "Tuple[NDArray[Any], Placement]":
        """Stage 1: the kept batch [N,...] with the frame in ``row``, and where the frame lies.

        ``turn``: which of the backend's inputs. ValueError once the detector or backend is closed.
        """
        batch = self._input(turn)
        _, placement = preprocess(image_bgr, self.spec, out=batch[row])
        return batch, placement

    def infer(self, batch: "NDArray[Any]") -> "Sequence[NDArray[Any]]":
        """Stage 2: the backend's boxes_xyxy [N,K,4], scores [N,K], labels [N,K]."""
        return self.backend.infer(batch)

    def postprocess(
        self, outputs: "Sequence[NDArray[Any]]", row: int, placement: Placement
    ) -> Detections:
        """Stage 3: the detections of one ``row`` of the outputs, in pixels of its frame."""
        boxes_xyxy, scores, labels = outputs
        return postprocess(boxes_xyxy[row], scores[row], labels[row], placement, self.thresholds)

    def close(self) -> None:
        """Close the backend."""
        self._inputs = ()
        self.backend.close()

    def _chunk(self, images_bgr: "Sequence[NDArray[np.uint8]]") -> List[Detections]:
        placements = [self.preprocess(image, row)[1] for row, image in enumerate(images_bgr)]
        # Rows past the last image keep what an earlier batch left there; nobody reads them.
        outputs = self.infer(self._input())
        return [self.postprocess(outputs, row, where) for row, where in enumerate(placements)]

    def _input(self, turn: int = 0) -> "NDArray[Any]":
        inputs: "Sequence[NDArray[Any]]" = getattr(self.backend, "inputs", self._inputs)
        if not inputs:
            raise ValueError("expected an open detector, found a closed one")
        return inputs[turn]

    def _in_turn(self, images_bgr: "Iterable[NDArray[np.uint8]]") -> "Iterator[Detections]":
        frames = iter(images_bgr)
        chunk = list(islice(frames, self.backend.batch))
        while chunk:
            yield from self._chunk(chunk)
            chunk = list(islice(frames, self.backend.batch))


def _input_for(backend: "Backend") -> "NDArray[Any]":
    """A batch to write frames into."""
    return np.zeros((backend.batch,) + input_shape(backend.spec), backend.spec.input_dtype)


def thresholds_for(
    spec: ModelSpec,
    conf: Optional[float] = None,
    iou: Optional[float] = None,
    max_detections: Optional[int] = None,
) -> Thresholds:
    """The thresholds given, and the spec's for those left out; UsageError when out of range."""
    thresholds = Thresholds(
        score=spec.score_threshold if conf is None else conf,
        iou=spec.nms_iou if iou is None else iou,
        max_detections=spec.max_detections if max_detections is None else max_detections,
    )
    for name, value in (("conf", thresholds.score), ("iou", thresholds.iou)):
        if not 0 <= value <= 1:
            raise UsageError("{} in 0..1".format(name), str(value), "give a fraction")
    if thresholds.max_detections < 1:
        found = str(thresholds.max_detections)
        raise UsageError("max_detections of at least 1", found, "give a positive number")
    return thresholds


def open_detector(
    path: "Union[str, PathLike[str]]",
    conf: Optional[float] = None,
    iou: Optional[float] = None,
    max_detections: Optional[int] = None,
    threads: Optional[int] = None,
) -> Detector:
    """The detector in the file ``path``, .onnx or .engine; None: what the model's spec says.

    An .onnx file that others made is recognised by what it answers: `adapters`. ``conf``: least
    score, 0..1. ``iou``: overlap above which the weaker box goes, 0..1.
    ``threads``: None for one per physical core; an engine takes none. Raises ModelError,
    DeviceError, UsageError.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".onnx", ".engine"):
        fix = "export the model with `edgedet export`"
        raise ModelError("a model file that ends in .onnx or .engine", str(path), fix)
    backend: "Backend" = _engine(path, threads) if suffix == ".engine" else open_onnx(path, threads)
    try:
        return Detector(backend, thresholds_for(backend.spec, conf, iou, max_detections))
    except UsageError:
        backend.close()
        raise


def _engine(path: "Union[str, PathLike[str]]", threads: Optional[int]) -> "TensorRtBackend":
    from .backend_tensorrt import TensorRtBackend  # a start with ONNX Runtime does not wait for it

    if threads is not None:
        raise UsageError("no threads: an engine runs on the GPU", str(threads), "leave them out")
    return TensorRtBackend(path)
