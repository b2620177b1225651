"""What to do, in words."""

from __future__ import annotations

from edgedet.scales.candidates import Candidate
from edgedet.scales.fitting import Fitting
from edgedet.scales.sizes import LIFTED_SHARE, TINY_PX, SizeReport


def advice(fitting: Fitting) -> str:
    """Return one line: what to build, and what it gains over the paper's design."""
    best, paper = fitting.chosen.candidate, fitting.published("paper")
    if best.known_as:
        return f"Take {best.design.origin} design: nothing that was tried suits the objects better."
    shapes = _anchors(best)
    return (
        f"Attach {shapes} to {_places(best)} of {best.design.layout.trunk}: best IoU "
        f"{best.mean_best_iou:.2f} on average (the paper's design {paper.mean_best_iou:.2f}), "
        f"{best.share_positive:.0%} of the objects with an ordinary positive "
        f"({paper.share_positive:.0%}), receptive fields {best.a_score:.1f} anchors wide, "
        f"{best.macs / 1e9:.2f} G operations ({paper.macs / 1e9:.2f} G)."
    )


def remarks(fitting: Fitting) -> list[str]:
    """Return what else the user should know, one line each; often nothing."""
    best, found = fitting.chosen.candidate, []
    small = too_small(fitting.sizes, fitting.request.imgsz)
    if small:
        found.append(small)
    if not best.aligned:
        scores = best.design.a_scores
        found.append(
            f"Not every receptive field lies {fitting.request.window} anchors wide (here "
            f"{scores.min():.2f} to {scores.max():.2f}): none that keeps all inside scores higher."
        )
    if fitting.measured_objects < len(fitting.objects.labels):
        found.append(
            f"Best IoUs are those of {fitting.measured_objects} evenly sampled objects out of "
            f"{len(fitting.objects.labels)}."
        )
    return found


def too_small(sizes: SizeReport, imgsz: int) -> str:
    """Return the line about objects under `TINY_PX`, empty when there are none."""
    small, every = sizes.too_small, sizes.rows[0].objects + sizes.too_small.vanished
    if small.objects == 0:
        return ""
    line = (
        f"{small.objects} of {every} objects ({small.objects / every:.1%}) are under {TINY_PX:g} px"
    )
    if small.vanished:
        line += f", {small.vanished} of them so small that training drops them"
    if small.imgsz is None:
        return f"{line}; {LIFTED_SHARE:.0%} are not smaller, so {imgsz} px serves."
    line += f": --imgsz {small.imgsz}, or {small.tiles} x {small.tiles} tiles at {imgsz} px, would "
    line += f"lift {LIFTED_SHARE:.0%} of all to {TINY_PX:g} px"
    return f"{line} (larger than the images: no detail is won)." if small.enlarges else f"{line}."


def _places(best: Candidate) -> str:
    places = [level.place for level in best.design.layout.levels]
    return places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"


def _anchors(best: Candidate) -> str:
    sides = ", ".join(f"{side:g}" for side in best.design.sides)
    ratios = best.design.ratios
    if ratios == (1.0,):
        return f"square anchors of {sides} px"
    return f"anchors of {sides} px at width / height {', '.join(f'{r:g}' for r in ratios)}"
