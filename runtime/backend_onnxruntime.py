"""ONNX Runtime: the backend that works everywhere."""

from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from .closing import Closing
from .errors import DeviceError, ModelError, UsageError
from .lazy import require
from .native_name import native_name
from .preprocess import input_shape
from .spec import MIXED, SPEC_KEY, ModelSpec, spec_from_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUTS = ("boxes_xyxy", "scores", "labels")
"""Names of the graph's outputs."""
DEFAULT_PROVIDERS = ("CPUExecutionProvider",)

_HINT = "install it with `pip install onnxruntime`"
_ERRORS_ONLY = 3
_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


class OnnxRuntimeBackend(Closing):
    """One open ONNX file: `infer` until `close`, or use it as a context manager.

    ``spec`` is the contract that the file carries, ``batch`` its static batch size,
    ``providers`` what runs it.
    """

    def __init__(
        self,
        path: "Union[str, PathLike[str]]",
        threads: Optional[int] = None,
        providers: Optional[Sequence[str]] = None,
    ) -> None:
        """Open ``path``.

        ``threads`` inside one operator; None: one per physical core. ``providers`` of ONNX
        Runtime, by name; None: the CPU. ModelError when the file is missing, broken or carries
        no spec; DeviceError when a provider is absent or does not start; UsageError when
        ``threads`` is below 1.
        """
        self._file = Path(path)
        if not self._file.is_file():
            raise ModelError("an ONNX model at {}".format(path), "no such file", "check the path")
        ort = require("onnxruntime", _HINT)
        self.providers = tuple(providers or DEFAULT_PROVIDERS)
        _check_available(self.providers, ort.get_available_providers())
        options = _options(ort, threads)
        self._session = self._open(ort, options)
        _check_active(self.providers, self._session.get_providers())
        self.spec = self._read_spec()
        if self.spec.provenance.get("precision") == MIXED:
            # It would make codes of biases by way of FP16 (1.31: WeightBiasQuantization), which
            # ends at 65504: another model, without a word.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
            self._session = self._open(ort, options)
        self._input = self._session.get_inputs()[0].name
        self._dtype = np.dtype(self.spec.input_dtype)
        self._shape = self._checked_shape()
        self.batch = self._shape[0]
        self._last: "Optional[NDArray[Any]]" = None
        self._bound: "Optional[NDArray[Any]]" = None
        self._binding: Any = None

    def infer(self, batch: "NDArray[Any]") -> "Tuple[NDArray[Any], ...]":
        """boxes_xyxy [N,K,4] in input pixels, scores [N,K] descending, labels [N,K].

        ``batch``: the preprocessed images with the static batch axis; ValueError for any other
        shape or dtype.
        """
        if batch.shape != self._shape or batch.dtype != self._dtype:
            message = "expected a batch {} {}, found {} {}"
            raise ValueError(message.format(self._dtype, self._shape, batch.dtype, batch.shape))
        if self._session is None:
            raise ValueError("expected an open backend, found a closed one")
        self._last = batch
        return tuple(self._session.run(OUTPUTS, {self._input: batch}))

    def run_only(self) -> None:
        """Run the graph on the batch that `infer` was given last, with input and outputs where
        they are: the network without the call around it. ValueError before any `infer`.
        """
        if self._last is None:
            raise ValueError("expected a call of infer before, found none")
        if self._bound is not self._last:
            self._binding = self._session.io_binding()
            self._binding.bind_cpu_input(self._input, self._last)
            for name in OUTPUTS:
                self._binding.bind_output(name)
            self._bound = self._last
        self._session.run_with_iobinding(self._binding)

    def close(self) -> None:
        """Release the session; closing twice does no harm."""
        self._session = self._binding = self._last = self._bound = None

    def _open(self, ort: ModuleType, options: Any) -> Any:
        name = native_name(self._file)
        try:
            return ort.InferenceSession(name, sess_options=options, providers=list(self.providers))
        # Its exceptions have no public base class; whatever it says, the file is not runnable.
        except Exception as error:
            found = " ".join(str(error).split()) or type(error).__name__
            fix = "export the model again with `edgedet export`"
            raise ModelError("an ONNX model in {}".format(self._file), found, fix) from error

    def _read_spec(self) -> ModelSpec:
        metadata = self._session.get_modelmeta().custom_metadata_map
        if SPEC_KEY not in metadata:
            expected = "{} in the metadata of {}".format(SPEC_KEY, self._file)
            raise ModelError(expected, "none", "export the model with `edgedet export`")
        return spec_from_json(metadata[SPEC_KEY])

    def _checked_shape(self) -> Tuple[int, ...]:
        """The input's static shape; ModelError when the graph contradicts its spec."""
        node = self._session.get_inputs()[0]
        shape, dtype = tuple(node.shape), _DTYPES.get(node.type, node.type)
        outputs = [output.name for output in self._session.get_outputs()]
        wanted = (self.spec.input_dtype, input_shape(self.spec), set(OUTPUTS))
        if (dtype, shape[1:], set(outputs)) != wanted or not isinstance(shape[0], int):
            expected = "{}: {} [N, {}] -> {}".format(
                self._file, wanted[0], str(wanted[1])[1:-1], ", ".join(OUTPUTS)
            )
            found = "{} {} -> {}".format(dtype, list(shape), ", ".join(outputs))
            raise ModelError(expected, found, "export the model again with `edgedet export`")
        return shape


def _options(ort: ModuleType, threads: Optional[int]) -> Any:
    if threads is not None and threads < 1:
        raise UsageError("threads of at least 1", str(threads), "leave it out for all cores")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads or 0
    # Waiting threads that spin are 8 % faster on an idle machine and 2 times slower on one that
    # has other work, which an edge device has.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _check_available(wanted: Sequence[str], available: List[str]) -> None:
    absent = [name for name in wanted if name not in available]
    if absent:
        found = "only {}".format(", ".join(available))
        fix = "install the onnxruntime that has it, or leave the provider out for the CPU"
        raise DeviceError("the provider {}".format(", ".join(absent)), found, fix)


def _check_active(wanted: Sequence[str], active: List[str]) -> None:
    """A provider whose libraries fail to load is replaced by the CPU without an error."""
    idle = [name for name in wanted if name not in active]
    if idle:
        found = "{} in its place".format(", ".join(active))
        fix = "check its libraries and driver, or leave the provider out for the CPU"
        raise DeviceError("the provider {} to start".format(", ".join(idle)), found, fix)
