"""One run of `edgedet export --int8`: an ONNX file to INT8 models that hold the bounds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgedet.calibration.cache import model_cache
from edgedet.calibration.scales_file import read_scales
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx
from edgedet.export_recipe import recipe_of_graph, write_export_recipe
from edgedet.int8.outputs import SCALES, STATISTICS, cache_path
from edgedet.int8.run import export_int8
from edgedet.runtime.atomic import atomic_path, check_place
from edgedet.runtime.errors import ModelError

if TYPE_CHECKING:
    from edgedet.int8.report import Int8Report
    from edgedet.int8.request import Int8Request
    from edgedet.model_export import Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quantised:
    """What was written beside an ONNX file."""

    onnx: Path
    """In FP32."""
    report: Int8Report
    scales: Path
    cache: Path
    """For trtexec: TensorRT's own file of scales."""
    calibration_id: str


def quantised(onnx: Path, request: Request, wanted: Int8Request) -> Quantised:
    """Calibrate an ONNX file and write its INT8 forms, scales and report beside it.

    wanted: as `int8_wish` returns it. What was calibrated before for the same model and images is
    taken up. Raises what `export_int8` raises, and ModelError for a model that is not in FP32.
    """
    model = load_onnx(onnx)
    precision = read_spec(model).provenance.get("precision", "float32")
    if precision != "float32":
        fix = "give the FP32 file of its export"
        raise ModelError("a model in FP32 for --int8", f"{precision} in {onnx}", fix)
    check_place(onnx.with_name(STATISTICS))
    placed = replace(wanted, model=onnx, out=onnx.parent)
    with _told_how_to_go_on(onnx, request):
        report = export_int8(placed)
    write_export_recipe(recipe_of_graph(request.recipe, model), onnx)
    path = onnx.with_name(SCALES)
    scales = read_scales(path)
    cache = cache_path(onnx)
    with atomic_path(cache) as temporary:
        temporary.write_text(model_cache(model, scales), encoding="utf-8")
    return Quantised(onnx, report, path, cache, scales.calibration_id)


@contextmanager
def _told_how_to_go_on(onnx: Path, request: Request) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if onnx.with_name(STATISTICS).exists():
            place = "" if request.out or request.model == onnx else f" with --out {onnx}"
            logger.warning(
                "what was calibrated is kept in %s: the same command%s goes on from there",
                onnx.with_name(STATISTICS),
                place,
            )
        raise
