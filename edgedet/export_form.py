"""The form of an exported graph: its input and opset, as asked for or as the target needs them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from edgedet.export.checks import DEFAULT_OPSET
from edgedet.export.target_check import Finding, check_target
from edgedet.export.targets import Target, target_named
from edgedet.export_recipe import ExportRecipe
from edgedet.recipe_file import recipe_key
from edgedet.runtime.errors import ModelError, UsageError

if TYPE_CHECKING:
    from onnx import ModelProto

logger = logging.getLogger(__name__)


class Form(NamedTuple):
    """What is decided before a graph is made."""

    input: str
    """One of `export_recipe.INPUTS`."""
    opset: int
    target: Target | None


def form_of(recipe: ExportRecipe, target: str | None) -> Form:
    """Fill in what was left open; `None` means the target's own, or what runs everywhere.

    Raises UsageError for a target that is none and for wishes that it cannot have.
    """
    input, opset = recipe.input, recipe.opset
    aim = None if target is None else target_named(target)
    if aim is None:
        return Form(input or "uint8", opset or DEFAULT_OPSET, None)
    if input == "uint8" and not aim.uint8:
        fix = "leave it out, or choose another target"
        expected = f"{recipe_key('input')} to be float for {aim.name}"
        raise UsageError(expected, "uint8, which it does not have", fix)
    last = aim.opsets[1]
    if opset is not None and opset > last:
        fix = "leave it out: 13 runs everywhere"
        raise UsageError(f"{recipe_key('opset')} up to {last} for {aim.name}", str(opset), fix)
    return Form(input or ("uint8" if aim.uint8 else "float"), opset or DEFAULT_OPSET, aim)


def require_fit(graph: ModelProto, target: Target | None) -> tuple[Finding, ...]:
    """Return what `target` minds about a graph that it takes.

    Raises ModelError for one that it refuses or computes wrongly; every finding is logged first,
    since the error is one line.
    """
    if target is None:
        return ()
    findings = tuple(check_target(graph, target))
    refused = [finding for finding in findings if finding.refused]
    if not refused:
        return findings
    for finding in findings:
        logger.warning(finding.text)
    raise ModelError(
        f"a graph that {target.title} takes",
        f"{len(refused)} places that it refuses or computes wrongly, the first: {refused[0].text}",
        "no file was written",
    )
