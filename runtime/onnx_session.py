"""One ONNX file in ONNX Runtime, whatever its tensors mean."""

from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from .closing import Closing
from .errors import DeviceError, ModelError, UsageError
from .lazy import require
from .native_name import native_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_PROVIDERS = ("CPUExecutionProvider",)

_HINT = "install it with `pip install onnxruntime`"
_ERRORS_ONLY = 3
_DTYPES = {"float": "float32", "double": "float64"}
"""ONNX Runtime's names of types that are not numpy's."""


class TensorInfo(NamedTuple):
    """What a graph says of an input or output: an axis of any length has a name or None."""

    name: str
    dtype: str
    shape: Tuple[Union[int, str, None], ...]


class OnnxSession(Closing):
    """One open ONNX file: `run` until `close`.

    ``inputs``, ``outputs``: what goes in and comes out. ``metadata``: its text by key.
    ``providers``: what runs it. ``file``: where it is.
    """

    def __init__(
        self,
        path: "Union[str, PathLike[str]]",
        threads: Optional[int] = None,
        providers: Optional[Sequence[str]] = None,
    ) -> None:
        """Open ``path``.

        ``threads`` inside one operator; None: one per physical core. ``providers`` of ONNX
        Runtime, by name; None: the CPU. ModelError when the file is missing or broken, DeviceError
        when a provider is absent or does not start, UsageError when ``threads`` is below 1.
        """
        self.file = Path(path)
        if not self.file.is_file():
            raise ModelError("an ONNX model at {}".format(path), "no such file", "check the path")
        ort = require("onnxruntime", _HINT)
        self.providers = tuple(providers or DEFAULT_PROVIDERS)
        _check_available(self.providers, ort.get_available_providers())
        self._threads = threads
        self._session = self._open(ort, session_options(ort, threads))
        _check_active(self.providers, self._session.get_providers())
        self.inputs = _infos(self._session.get_inputs())
        self.outputs = _infos(self._session.get_outputs())
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.metadata: Dict[str, str] = dict(metadata)
        self._last: "Optional[Tuple[NDArray[Any], Tuple[str, ...]]]" = None
        self._bound: "Optional[Tuple[NDArray[Any], Tuple[str, ...]]]" = None
        self._binding: Any = None

    def keep_pairs(self) -> None:
        """Open the file again, with its Q/DQ pairs as they stand: ONNX Runtime moves none of them,
        and makes no integer operators of them.
        """
        ort = require("onnxruntime", _HINT)
        options = session_options(ort, self._threads)
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = self._open(ort, options)

    def run(self, names: Tuple[str, ...], values: "NDArray[Any]") -> "Tuple[NDArray[Any], ...]":
        """The outputs of these names for the one input; ValueError once it is closed."""
        if self._session is None:
            raise ValueError("expected an open backend, found a closed one")
        self._last = (values, names)
        return tuple(self._session.run(names, {self.inputs[0].name: values}))

    def run_only(self) -> None:
        """Run the graph on what `run` was given last, with input and outputs where they are: the
        network without the call around it. ValueError before any `run`.
        """
        if self._last is None:
            raise ValueError("expected a call of infer before, found none")
        if self._bound is not self._last:
            self._binding = self._bind(*self._last)
            self._bound = self._last
        self._session.run_with_iobinding(self._binding)

    def close(self) -> None:
        """Release the session; closing twice does no harm."""
        self._session = self._binding = self._last = self._bound = None

    def _bind(self, values: "NDArray[Any]", names: Tuple[str, ...]) -> Any:
        binding = self._session.io_binding()
        binding.bind_cpu_input(self.inputs[0].name, values)
        for name in names:
            binding.bind_output(name)
        return binding

    def _open(self, ort: ModuleType, options: Any) -> Any:
        name = native_name(self.file)
        try:
            return ort.InferenceSession(name, sess_options=options, providers=list(self.providers))
        # Its exceptions have no public base class; whatever it says, the file is not runnable.
        except Exception as error:
            found = " ".join(str(error).split()) or type(error).__name__
            fix = "export the model again with `edgedet export`"
            raise ModelError("an ONNX model in {}".format(self.file), found, fix) from error


def session_options(ort: ModuleType, threads: Optional[int]) -> Any:
    """How ONNX Runtime is to run; UsageError when ``threads`` is below 1."""
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


def _infos(nodes: Sequence[Any]) -> List[TensorInfo]:
    return [TensorInfo(node.name, _dtype(node.type), tuple(node.shape or ())) for node in nodes]


def _dtype(text: str) -> str:
    """`tensor(float)` as `float32`; what is no tensor stays as it is called."""
    inner = text[len("tensor(") : -1] if text.startswith("tensor(") else text
    return _DTYPES.get(inner, inner)


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
