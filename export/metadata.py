"""The model's contract inside the ONNX file: `ModelSpec` as JSON, with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgedet.runtime.errors import ModelError
from edgedet.runtime.spec import SPEC_KEY, ModelSpec, spec_from_json, spec_to_json

if TYPE_CHECKING:
    from onnx import ModelProto


def with_provenance(spec: ModelSpec, facts: Mapping[str, str]) -> ModelSpec:
    """Return `spec` with `facts` added to its provenance.

    Dates and paths do not belong there: the same checkpoint gives the same bytes.
    """
    return spec._replace(provenance={**spec.provenance, **facts})


def write_spec(model: ModelProto, spec: ModelSpec) -> None:
    """Put `spec` into the model's `metadata_props`, in place of an earlier one."""
    write_entry(model, SPEC_KEY, spec_to_json(spec))


def write_entry(model: ModelProto, key: str, value: str) -> None:
    """Put one text into the model's `metadata_props`, in place of an earlier one of that key."""
    kept = [(entry.key, entry.value) for entry in model.metadata_props if entry.key != key]
    del model.metadata_props[:]
    for name, text in [*kept, (key, value)]:
        model.metadata_props.add(key=name, value=text)


def spec_text(model: ModelProto) -> str | None:
    """Return the JSON of the model's `ModelSpec`, or None for a file that carries none."""
    return next((entry.value for entry in model.metadata_props if entry.key == SPEC_KEY), None)


def read_spec(model: ModelProto) -> ModelSpec:
    """Return the `ModelSpec` inside a model.

    Raises ModelError when there is none or it is not valid.
    """
    text = spec_text(model)
    if text is None:
        raise ModelError(
            f"an ONNX model with `{SPEC_KEY}` in its metadata",
            "a model without it",
            "give one that `edgedet export` made; models of others run as they are, from .onnx",
        )
    return spec_from_json(text)
