"""Does an engine say what its model says? Asked of each one that was just built.

TensorRT times its kernels, so no two builds need choose the same, and the one that is wrong looks
like any other.
"""

import logging
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, Union

import numpy as np

from .candidate_match import FP16_BOUNDS, MAX_DIFFERENT_SHARE, Match, match_candidates
from .candidates import Candidates, candidates_of
from .engine_file import EngineFacts, fits, write_engine
from .engine_options import INT8
from .errors import DeviceError, ModelError
from .gpu_identity import find_gpu
from .int8_gate import LEAST_FOUND_SHARE, found_again, holds
from .model_reference import REFERENCE_KEY, reference_frames, reference_from_json
from .native_name import readable_name
from .onnx_facts import metadata_text
from .rtx_kernels import kernel_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOGGER = logging.getLogger("edgedet.engine")


def reference_in(onnx: Path) -> Optional[List[Candidates]]:
    """Return what the model answered, for each of `reference_frames`; None for a foreign model.

    ModelError for a file that is no model, or with answers that are none.
    """
    text = metadata_text(onnx, REFERENCE_KEY)
    if text is None:
        line = "%s: has no answers in it that an engine could be compared with"
        _LOGGER.info(line, readable_name(onnx))
        return None
    return reference_from_json(text)


def compared(
    plan: "Union[bytes, memoryview]",
    facts: EngineFacts,
    reference: Optional[List[Candidates]],
    folder: Path,
) -> EngineFacts:
    """Run the engine on the frames of the reference, and return its facts with `gate`.

    Without a reference, or the GPU that the engine is for, the facts stay as they are; the same
    with a warning when the GPU cannot do it now, as when its memory is full. folder: takes the
    engine meanwhile. ModelError for an engine that answers otherwise, or that TensorRT refuses.
    """
    if reference is None or facts.spec is None:
        return facts
    gpu = find_gpu()
    if gpu is None or not fits(facts, facts.version, gpu):
        return facts
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".edgedet-", dir=str(folder)) as trial:
        engine = Path(trial) / "trial.engine"
        write_engine(engine, plan, facts)
        try:
            gate = _gate(engine, reference, facts.precision)
        except DeviceError as error:
            _LOGGER.warning("the engine was not compared with its model: %s", error)
            return facts
    try:
        _require_agreement(gate, facts)
    except ModelError:
        with suppress(OSError):  # what it compiled when it first ran
            kernel_file(facts, gpu).unlink()
        raise
    _LOGGER.info("compared with its model: %s", gate_text(gate))
    return facts._replace(gate=gate)


def _gate(engine: Path, reference: Sequence[Candidates], precision: str) -> Dict[str, Any]:
    from .backend_tensorrt import TensorRtBackend

    with TensorRtBackend(engine) as backend, np.errstate(invalid="ignore"):  # scores may be NaN
        frames = reference_frames(backend.spec.size_hw)
        found = candidates_of(backend, frames)
        if precision == INT8:
            return found_again(reference, found)
        return differences(reference, found, float(max(backend.spec.size_hw)))


def differences(
    reference: Sequence[Candidates], found: Iterable[Candidates], input_px: float
) -> Dict[str, Any]:
    """Return how many candidates of all frames differ and by how much, as plain JSON types.

    reference: the best of each frame. found: all of them. input_px: longest side of the input.
    """
    matches: List[Match] = []
    matched = disordered = 0
    for best, candidates in zip(reference, found):
        forth = match_candidates(best, candidates, FP16_BOUNDS, input_px)
        back = match_candidates(_certain(candidates, best), best, FP16_BOUNDS, input_px)
        matches += [forth, back]
        matched += forth.matched
        disordered += int((candidates.scores[1:] > candidates.scores[:-1]).sum())
    boxes_px = np.concatenate([match.box_px for match in matches])
    scores = np.concatenate([match.score for match in matches])
    return {
        "candidates": sum(m.matched + m.undecided + m.different for m in matches),
        "matched": matched,
        "differing": disordered + sum(match.different for match in matches),
        "largest_box_px": _rounded(boxes_px.max() if len(boxes_px) else 0.0),
        "mean_box_px": _rounded(boxes_px.mean() if len(boxes_px) else 0.0),
        "largest_score": _rounded(scores.max() if len(scores) else 0.0),
        "mean_score": _rounded(scores.mean() if len(scores) else 0.0),
    }


def _certain(found: Candidates, best: Candidates) -> Candidates:
    """Return those whose score is so high that they have to be among the best of the model."""
    clear = found.scores > best.scores[-1] + FP16_BOUNDS.score
    return Candidates(*(array[clear] for array in found))


def _rounded(value: "Union[float, NDArray[np.floating]]") -> float:
    return round(float(value), 5)


def _require_agreement(gate: Dict[str, Any], facts: EngineFacts) -> None:
    if facts.precision == INT8:
        _require_found_again(gate)
        return
    if gate["matched"] and gate["differing"] <= MAX_DIFFERENT_SHARE * gate["candidates"]:
        return
    expected = "an engine that agrees with its model within {} px and {} in score, but for {:.1%}"
    found = "{} of {} candidates that differ (up to {:.3g} px and {:.3g} in score, where matched)"
    fix = "build it with --precision fp32"
    if facts.precision == "fp32":
        fix = "run the .onnx file instead, and report this with the model"
    raise ModelError(
        expected.format(FP16_BOUNDS.box_px, FP16_BOUNDS.score, MAX_DIFFERENT_SHARE)
        + " of the candidates",
        found.format(
            gate["differing"], gate["candidates"], gate["largest_box_px"], gate["largest_score"]
        ),
        fix,
    )


def _require_found_again(gate: Dict[str, Any]) -> None:
    if holds(gate):
        return
    expected = "an INT8 engine that finds {:.0%} of its model's candidates again, and few others"
    raise ModelError(
        expected.format(LEAST_FOUND_SHARE),
        gate_text(gate),
        "build it with --precision fp16; or calibrate again, on images like those of the camera",
    )


def gate_text(gate: Optional[Dict[str, Any]]) -> str:
    """Return what came of it, for people."""
    if gate is None:
        return "not compared on a GPU yet"
    if "found_again" in gate:
        text = "{found_again} of {candidates} candidates found again; its model has {clear_known} "
        text += "of the {clear} that the engine is sure of"
        if gate["disordered"]:
            text += "; {disordered} scores out of order"
    else:
        text = "{differing} of {candidates} candidates differ; at most {largest_box_px:.2g} px"
        text += " and {largest_score:.2g} in score"
    return text.format(**gate)
