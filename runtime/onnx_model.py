"""Open an ONNX file: one of ours, or one that others trained."""

from os import PathLike
from typing import TYPE_CHECKING, Optional, Sequence, Union

from .backend_onnxruntime import OnnxRuntimeBackend
from .onnx_session import OnnxSession
from .spec import SPEC_KEY

if TYPE_CHECKING:
    from .adapters.adapted_backend import AdaptedBackend


def open_onnx(
    path: "Union[str, PathLike[str]]",
    threads: Optional[int] = None,
    providers: Optional[Sequence[str]] = None,
) -> "Union[OnnxRuntimeBackend, AdaptedBackend]":
    """The backend of the file; without a spec of edgedet it is recognised by what it answers.

    ``threads``, ``providers`` and errors: as of `OnnxSession`; ModelError also for a model of no
    known family.
    """
    session = OnnxSession(path, threads, providers)
    if SPEC_KEY in session.metadata:
        return OnnxRuntimeBackend(session)
    from .adapters.adapted_backend import AdaptedBackend  # models of ours do not wait for it

    return AdaptedBackend(session)
