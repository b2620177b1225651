"""The rarer settings of an export: one frozen record, read from YAML (`export --recipe`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from edgedet.calibration.placement import FORMS
from edgedet.data.coco import BBOX_MODES
from edgedet.data.opening import SPLITS
from edgedet.evaluation.buckets import parse_buckets
from edgedet.export.checks import MAX_OPSET, MIN_OPSET, dims_of, opset_of
from edgedet.export.metadata import read_spec
from edgedet.recipe_file import as_plain, checked, read_yaml, recipe_key
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import UsageError

if TYPE_CHECKING:
    from onnx import ModelProto

INPUTS = ("uint8", "float")
MOST_CANDIDATES = 3840
"""What TensorRT's TopK takes."""
OF_THE_GRAPH = ("input", "opset", "top_k")
"""Fields that are decided when a checkpoint becomes a graph."""


@dataclass(frozen=True)
class ExportRecipe:
    """What has no flag. Raises UsageError that names the first field out of its range."""

    input: str | None = None
    """`uint8`: BGR frames as the camera has them; `float`: normalised planes. None: uint8 where
    the target has it."""
    opset: int | None = None
    """Of ONNX. None: 13, which runs everywhere."""
    top_k: int | None = None
    """Candidates of an image that the graph returns. None: as many as the model says."""
    bbox_mode: str = "xywh"
    """What the four numbers of a COCO box are: `xywh`, or `xyxy` for files that hold corners."""
    forms: tuple[str, ...] = FORMS
    """Of INT8, `tensorrt` and `cpu`: which of them are made."""
    images: int = 256
    """That INT8 is calibrated on; all, where the data has fewer."""
    calibration_split: str = "train"
    """Part of the data that they are chosen from."""
    seed: int = 0
    """Of their choice."""
    buckets: str = "coco"
    """Sizes of objects in the report of INT8: `coco`, `aitod` or `name:SMALLEST-LARGEST`."""
    max_drop_smallest: float = 2.0
    """Most points of AP that INT8 may lose of the smallest of them that the data has enough of."""
    budget_minutes: float = 30.0
    """Time after which no further layer is sent back to float."""

    def __post_init__(self) -> None:
        for name, expected, holds in _CHECKS:
            value = getattr(self, name)
            if not holds(value):
                raise UsageError(
                    f"{recipe_key(name)} to be {expected}", _written(value), "correct the value"
                )
        parse_buckets(self.buckets)


def _one_of(words: tuple[str, ...]) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(words)}", words.__contains__


def _within(low: int, high: int) -> tuple[str, Callable[[Any], bool]]:
    return f"from {low} to {high}", lambda value: low <= value <= high


def _or_none(expected: str, holds: Callable[[Any], bool]) -> tuple[str, Callable[[Any], bool]]:
    return expected, lambda value: value is None or holds(value)


def _some_forms(forms: tuple[str, ...]) -> bool:
    return bool(forms) and len(set(forms)) == len(forms) and set(forms) <= set(FORMS)


def _finite(value: float) -> bool:
    return 0 <= value < float("inf")


_CHECKS: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("input", *_or_none(*_one_of(INPUTS))),
    ("opset", *_or_none(*_within(MIN_OPSET, MAX_OPSET))),
    ("top_k", *_or_none(*_within(1, MOST_CANDIDATES))),
    ("bbox_mode", *_one_of(BBOX_MODES)),
    ("forms", f"some of {', '.join(FORMS)}, each once", _some_forms),
    ("images", "at least 1", lambda images: images >= 1),
    ("calibration_split", *_one_of(SPLITS)),
    ("seed", "at least 0", lambda seed: seed >= 0),
    ("max_drop_smallest", "at least 0", _finite),
    ("budget_minutes", "at least 0", _finite),
)


def load_export_recipe(path: Path | None) -> ExportRecipe:
    """Return the recipe of a YAML file; without one, the defaults.

    Raises UsageError for an unreadable file, an unknown key, a wrong type or value.
    """
    if path is None:
        return ExportRecipe()
    return ExportRecipe(**checked(ExportRecipe, read_yaml(path)))


def recipe_of_graph(recipe: ExportRecipe, graph: ModelProto) -> ExportRecipe:
    """Return the recipe with the fields of the graph filled in by what an exported one has."""
    spec = read_spec(graph)
    return replace(
        recipe,
        input="uint8" if spec.input_dtype == "uint8" else "float",
        opset=opset_of(graph),
        top_k=int(dims_of(graph.graph.output[1])[1]),
    )


def write_export_recipe(recipe: ExportRecipe, onnx: Path) -> Path:
    """Write the recipe beside the model that it made, and return where."""
    path = onnx.with_name(f"{onnx.stem}.export.yaml")
    with atomic_path(path) as temporary:
        text = yaml.safe_dump(as_plain(asdict(recipe)), sort_keys=False)
        temporary.write_text(text, encoding="utf-8")
    return path


def _written(value: Any) -> str:
    """The value as the file has it."""
    return ", ".join(value) or "none" if isinstance(value, tuple) else repr(value)
