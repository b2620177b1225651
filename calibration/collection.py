"""One pass over the images, by ONNX Runtime, that sees every activation and keeps none.

ONNX Runtime's own calibrators keep the activations of many images at once, and make one pass for
each method; its choices from equal values are what ours are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edgedet.runtime.errors import DataError
from edgedet.runtime.int8_scales import CalibrationKey
from edgedet.runtime.lazy import require

from .state_file import read_state, write_state
from .statistics import Statistics
from .tensors import FLOAT, INSTALL_ONNX, activation_names

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

INSTALL_ORT = "install it with: pip install onnxruntime"
_ERRORS_ONLY = 3


class Resume(NamedTuple):
    """Where an unfinished pass is kept, and of which calibration it is."""

    path: Path
    """A `.npz` file; it stays when the pass is done, so that no pass is made twice."""
    key: CalibrationKey
    every: int = 16
    """Batches between two writings."""


def collect(
    model: ModelProto,
    batches: Sequence[NDArray[Any]],
    resume: Resume | None = None,
    *,
    advance: Callable[[], object] = lambda: None,
    threads: int = 0,
) -> Statistics:
    """Run the FP32 `model` on all batches and return the statistics of every activation.

    batches: input arrays as the model takes them; each is asked for once, in order, and let go
    (see `ImageBatches`). Memory: the activations of one batch and a histogram for each tensor,
    however many batches there are. advance: called after each batch, those of an earlier pass
    included. threads: of ONNX Runtime; 0: one per physical core.

    Raises UsageError when `resume` holds another calibration, DataError without batches, and
    ModelError for values that are not finite.
    """
    if not len(batches):
        raise DataError("images to calibrate on", "none", "check the data set and its split")
    names = activation_names(model)
    done, statistics = 0, Statistics.empty(names)
    if resume is not None and resume.path.exists():
        done, statistics = read_state(resume.path, resume.key, names)
    for _ in range(done):
        advance()
    if done < len(batches):
        _pass(_Watched(model, names, threads), batches, statistics, _Steps(done, resume, advance))
    return statistics


class _Steps(NamedTuple):
    first: int
    resume: Resume | None
    advance: Callable[[], object]

    def after(self, done: int, last: bool, statistics: Statistics) -> None:
        """Keep the state between two batches, never within one."""
        if self.resume is not None and (last or done % self.resume.every == 0):
            write_state(self.resume.path, self.resume.key, done, statistics)
        self.advance()


class _Watched:
    """A session that returns every activation."""

    def __init__(self, model: ModelProto, names: Sequence[str], threads: int) -> None:
        ort = require("onnxruntime", INSTALL_ORT)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        # Its arena would keep what the largest moment took, for the next one.
        options.enable_cpu_mem_arena = False
        watched = _with_outputs(model, names).SerializeToString()
        providers = ["CPUExecutionProvider"]
        self._session = ort.InferenceSession(watched, options, providers=providers)
        self._input = self._session.get_inputs()[0].name
        self._names = list(names)

    def add_to(self, statistics: Statistics, batch: NDArray[Any]) -> None:
        """Run one batch; the graph's input is a tensor like the others."""
        made = [name for name in self._names if name != self._input]
        values = dict(zip(made, self._session.run(made, {self._input: batch}), strict=True))
        for row, name in enumerate(self._names):
            statistics.add(row, batch if name == self._input else values.pop(name))


def _pass(
    watched: _Watched, batches: Sequence[NDArray[Any]], statistics: Statistics, steps: _Steps
) -> None:
    for index in range(steps.first, len(batches)):
        watched.add_to(statistics, np.asarray(batches[index]))
        steps.after(index + 1, index + 1 == len(batches), statistics)


def _with_outputs(model: ModelProto, names: Sequence[str]) -> ModelProto:
    onnx = require("onnx", INSTALL_ONNX)
    watched = type(model)()
    watched.CopyFrom(model)
    known = {value.name for value in [*model.graph.output, *model.graph.input]}
    for name in names:
        if name not in known:
            watched.graph.output.append(onnx.helper.make_tensor_value_info(name, FLOAT, None))
    return watched
