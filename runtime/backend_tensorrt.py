"""TensorRT and TensorRT-RTX: the backend of engines, on the GPU that they were built for."""

import json
import weakref
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Tuple, Union

import numpy as np

from .closing import Closing
from .engine_file import EngineFacts, read_engine_facts
from .engine_session import EngineSession
from .engine_tensors import require_spec, sidecar_tensors
from .errors import ModelError
from .spec import ModelSpec, spec_from_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TensorRtBackend(Closing):
    """One open engine: `infer` until `close`, or use it as a context manager.

    ``spec`` is the contract that the sidecar carries, ``batch`` the static batch size,
    ``inputs`` two batches [N,...] in memory that the GPU reads from: what is written there and
    given to `infer` is not copied on the host. They are gone after `close`, and so is what numpy
    views of them show. ``memory_steps`` says what memory each step of opening it left.

    For a stream of frames `upload`, `launch` and `collect` do in steps what `infer` does at once,
    so that the next batch is prepared meanwhile: see `frame_stream`.
    """

    def __init__(self, path: "Union[str, PathLike[str]]") -> None:
        """Open ``path`` with the sidecar beside it.

        ModelError when a file is missing, damaged or edited, carries no spec, or TensorRT refuses
        the plan; DeviceError for an engine of another GPU or version, without the TensorRT that
        built it, without a GPU (NoGpuError), or with too little memory.
        """
        engine = Path(path)
        facts = read_engine_facts(engine)
        tensors = sidecar_tensors(facts)
        self.spec = _spec_of(engine, facts)
        self.batch = require_spec(engine, tensors, self.spec)
        session = EngineSession(engine, facts, tensors)
        self._session: Optional[EngineSession] = session
        # Also when it is forgotten or the program ends: TensorRT must go before CUDA does.
        self._release = weakref.finalize(self, session.close)
        self.inputs = session.inputs
        self.memory_steps = session.memory.steps
        self._shape, self._dtype = self.inputs[0].shape, self.inputs[0].dtype
        self._ready = self._running = False

    def infer(self, batch: "NDArray[Any]") -> "Tuple[NDArray[Any], ...]":
        """boxes_xyxy [N,K,4] in input pixels, scores [N,K] descending, labels [N,K] int64.

        The arrays are the backend's own: the next call writes them anew. ``batch``: the
        preprocessed images with the static batch axis; ValueError for another shape or dtype.
        """
        if batch.shape != self._shape or batch.dtype != self._dtype:
            message = "expected a batch {} {}, found {} {}"
            raise ValueError(message.format(self._dtype, self._shape, batch.dtype, batch.shape))
        self._idle()
        if batch is not self.inputs[0]:
            np.copyto(self.inputs[0], batch)
        self.upload(0)
        self.launch(0)
        return self.collect()

    def run_only(self) -> None:
        """Run the engine on the batch that `infer` was given last, with input and outputs on the
        GPU: the network without the copies around it. ValueError before any `infer`.
        """
        if not self._ready:
            raise ValueError("expected a call of infer before, found none")
        self._idle().run_again(0)

    def upload(self, turn: int) -> None:
        """Start to bring ``inputs[turn]`` to the GPU; it may be running on the other one."""
        self._opened().upload(turn, ahead=self._running)
        self._ready = True

    def launch(self, turn: int) -> None:
        """Start to run on ``inputs[turn]``, uploaded before; ValueError while another run is on."""
        self._idle().launch(turn)
        self._running = True

    def collect(self) -> "Tuple[NDArray[Any], ...]":
        """Wait for the run, and return what `infer` does."""
        self._running = False
        return self._opened().collect()

    def close(self) -> None:
        """Release engine and memory; closing twice does no harm."""
        self._session = None
        self.inputs = ()
        self._release()

    def _opened(self) -> EngineSession:
        if self._session is None:
            raise ValueError("expected an open backend, found a closed one")
        return self._session

    def _idle(self) -> EngineSession:
        if self._running:
            raise ValueError("expected collect to be called first, found a run under way")
        return self._opened()


def _spec_of(engine: Path, facts: EngineFacts) -> ModelSpec:
    if facts.spec is None:
        expected = "an engine of a model that `edgedet export` wrote"
        found = "{} without a spec".format(engine)
        fix = "export it with `edgedet export`; a model that others trained runs as .onnx only"
        raise ModelError(expected, found, fix)
    return spec_from_json(json.dumps(facts.spec))
