"""A detector that others trained, run as if it were ours."""

import logging
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from ..backend_onnxruntime import check_batch
from ..candidates import Candidates
from ..closing import Closing
from ..errors import EdgedetError, ModelError
from ..onnx_session import OnnxSession
from ..preprocess import input_shape
from .adaptation import Adaptation, recognise
from .input_form import InputForm, input_form
from .spec_file import read_spec_file
from .spec_place import spec_file_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOGGER = logging.getLogger("edgedet.adapters")


class AdaptedBackend(Closing):
    """One open ONNX file of a known family: `infer` until `close`, or use it as a context manager.

    ``spec`` says what goes in and out as for a model of ours, ``adaptation`` how that came about,
    ``batch`` is 1, ``session`` what runs it.
    """

    batch = 1

    def __init__(
        self,
        path: "Union[str, PathLike[str], OnnxSession]",
        threads: Optional[int] = None,
        providers: Optional[Sequence[str]] = None,
    ) -> None:
        """Open ``path``, or take over the session in which it is open already; see `OnnxSession`.

        The network runs once, on a picture of noise, so that what it answers can be recognised.
        What had to be assumed is told in the log. ModelError for a graph or spec file that cannot
        be used: its message names what was seen, what is known, and what to do.
        """
        self.session = (
            path if isinstance(path, OnnxSession) else OnnxSession(path, threads, providers)
        )
        try:
            self.adaptation = adaptation_of(self.session)
        except EdgedetError:
            self.session.close()
            raise
        _tell(self.session.file, self.adaptation)
        self.spec = self.adaptation.spec
        self._decode = self.adaptation.decoder()
        self._names = tuple(self.adaptation.found.outputs.values())
        self._shape = (1,) + input_shape(self.spec)
        self._dtype = np.dtype(self.spec.input_dtype)

    def infer(self, batch: "NDArray[Any]") -> "Tuple[NDArray[Any], ...]":
        """boxes_xyxy [1,K,4] in input pixels, scores [1,K] descending, labels [1,K]; after the
        last candidate they are 0.

        ``batch``: the preprocessed image with a batch axis; ValueError for another shape or dtype.
        ModelError for a label that has no name.
        """
        check_batch(batch, self._shape, self._dtype)
        values = batch if self.adaptation.form.has_batch else batch[0]
        outputs = _plain(self.session.run(self._names, values))
        return _filled(self._named(self._decode(outputs)), self.adaptation.candidates)

    def run_only(self) -> None:
        """Run the graph on what `infer` was given last: see `OnnxSession.run_only`."""
        self.session.run_only()

    def close(self) -> None:
        """Release the session; closing twice does no harm."""
        self.session.close()

    def _named(self, found: Candidates) -> Candidates:
        """With labels of named classes only, as the names count them."""
        table = self.adaptation.classes.labels
        known = len(self.spec.class_names) if table is None else len(table)
        if len(found.labels) and int(found.labels.max()) >= known:
            expected = "labels below {}, the number of class names".format(known)
            fix = "change class_names in {}".format(spec_file_of(self.session.file))
            raise ModelError(expected, str(int(found.labels.max())), fix)
        if table is None:
            return found
        labels = np.array(table)[found.labels]
        keep = labels >= 0
        return Candidates(found.boxes_xyxy[keep], found.scores[keep], labels[keep])


def adaptation_of(session: OnnxSession) -> Adaptation:
    """How the model in the session is used, which runs once for that.

    ModelError as of `recognise` and `input_form`.
    """
    file = spec_file_of(session.file)
    given = read_spec_file(file)
    size_hw = given.fields.get("size_hw")
    form = input_form(session.inputs, session.metadata, size_hw, str(file))
    outputs = _answer(session, form, str(file))
    return recognise(form, outputs, session.metadata, given, str(file))


def _tell(file: Path, adaptation: Adaptation) -> None:
    """Log what was assumed; nothing when the spec file says everything."""
    if adaptation.assumed:
        line = "%s is taken for %s: %s; assumed: %s; `edgedet info MODEL --adapt` writes that down"
        seen, assumed = ", ".join(adaptation.found.told), "; ".join(adaptation.assumed)
        _LOGGER.info(line, file, adaptation.family, seen, assumed)


def _answer(session: OnnxSession, form: InputForm, file: str) -> "Dict[str, NDArray[Any]]":
    """What the network says of noise in 0..1, or 0..255 for a uint8 input."""
    height, width = form.size_hw
    shape = (3, height, width) if form.layout == "NCHW" else (height, width, 3)
    noise = np.random.RandomState(0).random_sample(shape)
    picture = (noise * (1 if form.dtype == "float32" else 255)).astype(form.dtype)
    names = tuple(info.name for info in session.outputs)
    try:
        values = session.run(names, picture[None] if form.has_batch else picture)
    # ONNX Runtime's exceptions have no public base class.
    except Exception as error:
        expected = "a graph that runs on a picture of {} x {} (HxW)".format(height, width)
        fix = "check size_hw in {}, or export the model again".format(file)
        raise ModelError(expected, " ".join(str(error).split()), fix) from error
    return dict(zip(names, _plain(values)))


def _plain(outputs: "Sequence[Any]") -> "Tuple[NDArray[Any], ...]":
    """Floats of any width as float32."""
    arrays = (np.asarray(output) for output in outputs)
    return tuple(
        array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array
        for array in arrays
    )


def _filled(found: Candidates, count: int) -> "Tuple[NDArray[Any], ...]":
    """With a batch axis and rows of zeros up to the static number of candidates."""
    boxes = np.zeros((1, count, 4), np.float32)
    scores, labels = np.zeros((1, count), np.float32), np.zeros((1, count), np.int64)
    used = len(found.scores)
    boxes[0, :used], scores[0, :used] = found.boxes_xyxy, found.scores
    labels[0, :used] = found.labels
    return boxes, scores, labels
