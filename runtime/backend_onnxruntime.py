"""ONNX Runtime: the backend that works everywhere."""

from os import PathLike
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple, Union

import numpy as np

from .closing import Closing
from .errors import ModelError
from .onnx_session import OnnxSession
from .preprocess import input_shape
from .spec import MIXED, SPEC_KEY, ModelSpec, spec_from_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUTS = ("boxes_xyxy", "scores", "labels")
"""Names of the graph's outputs."""


class OnnxRuntimeBackend(Closing):
    """One open ONNX file: `infer` until `close`, or use it as a context manager.

    ``spec`` is the contract that the file carries, ``batch`` its static batch size,
    ``session`` what runs it.
    """

    def __init__(
        self,
        path: "Union[str, PathLike[str], OnnxSession]",
        threads: Optional[int] = None,
        providers: Optional[Sequence[str]] = None,
    ) -> None:
        """Open ``path``, or take over the session in which it is open already.

        ``threads``, ``providers`` and errors: as of `OnnxSession`. ModelError also when the file
        carries no spec.
        """
        self.session = (
            path if isinstance(path, OnnxSession) else OnnxSession(path, threads, providers)
        )
        self.providers = self.session.providers
        self.spec = self._read_spec()
        if self.spec.provenance.get("precision") == MIXED:
            # It would make codes of biases by way of FP16 (1.31: WeightBiasQuantization), which
            # ends at 65504: another model, without a word.
            self.session.keep_pairs()
        self._dtype = np.dtype(self.spec.input_dtype)
        self._shape = self._checked_shape()
        self.batch = self._shape[0]

    def infer(self, batch: "NDArray[Any]") -> "Tuple[NDArray[Any], ...]":
        """boxes_xyxy [N,K,4] in input pixels, scores [N,K] descending, labels [N,K].

        ``batch``: the preprocessed images with the static batch axis; ValueError for any other
        shape or dtype.
        """
        check_batch(batch, self._shape, self._dtype)
        return self.session.run(OUTPUTS, batch)

    def run_only(self) -> None:
        """Run the graph on the batch that `infer` was given last: see `OnnxSession.run_only`."""
        self.session.run_only()

    def close(self) -> None:
        """Release the session; closing twice does no harm."""
        self.session.close()

    def _read_spec(self) -> ModelSpec:
        metadata = self.session.metadata
        if SPEC_KEY not in metadata:
            expected = "{} in the metadata of {}".format(SPEC_KEY, self.session.file)
            raise ModelError(expected, "none", "export the model with `edgedet export`")
        return spec_from_json(metadata[SPEC_KEY])

    def _checked_shape(self) -> Tuple[int, ...]:
        """The input's static shape; ModelError when the graph contradicts its spec."""
        _, dtype, shape = self.session.inputs[0]
        outputs = [output.name for output in self.session.outputs]
        wanted = (self.spec.input_dtype, input_shape(self.spec), set(OUTPUTS))
        if (dtype, shape[1:], set(outputs)) != wanted or not isinstance(shape[0], int):
            expected = "{}: {} [N, {}] -> {}".format(
                self.session.file, wanted[0], str(wanted[1])[1:-1], ", ".join(OUTPUTS)
            )
            found = "{} {} -> {}".format(dtype, list(shape), ", ".join(outputs))
            raise ModelError(expected, found, "export the model again with `edgedet export`")
        return (shape[0],) + input_shape(self.spec)


def check_batch(batch: "NDArray[Any]", shape: Tuple[int, ...], dtype: "np.dtype[Any]") -> None:
    """ValueError unless the batch has that shape and dtype."""
    if batch.shape != shape or batch.dtype != dtype:
        message = "expected a batch {} {}, found {} {}"
        raise ValueError(message.format(dtype, shape, batch.dtype, batch.shape))
