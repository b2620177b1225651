"""`edgedet scales`: from labelled objects to the heads and anchors that suit them."""

from pathlib import Path
from typing import Annotated

import typer


def scales(  # noqa: PLR0913 - one parameter a flag
    data: Annotated[str, typer.Argument(help="Folder, COCO JSON or YOLO YAML, or: shapes.")],
    imgsz: Annotated[int, typer.Option(min=32, help="Side of the network's input in px.")] = 512,
    model: Annotated[str, typer.Option(help="Detector to fit.")] = "scale_aware_ssd",
    trunk: Annotated[
        str, typer.Option(help="mobilenet_v2, mobilenet_v3_large or resnet18.")
    ] = "mobilenet_v2",
    resize: Annotated[str, typer.Option(help="stretch or letterbox.")] = "stretch",
    window: Annotated[
        str, typer.Option(help="Receptive field / anchor side to aim at; the paper's: 1.5,2.5.")
    ] = "3,8",
    split: Annotated[str, typer.Option(help="Part of the data that is measured.")] = "train",
    bbox_mode: Annotated[
        str, typer.Option(help="COCO boxes hold xywh, or corners: xyxy.")
    ] = "xywh",
    check: Annotated[bool, typer.Option("--check", help="Look for faults of the data first.")] = (
        False
    ),
    strict: Annotated[
        bool, typer.Option("--strict", help="--check, and its warnings fail.")
    ] = False,
    write: Annotated[Path | None, typer.Option(help="New file for the fitted recipe.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default: runs/scales/run.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Fit heads and anchors to the sizes of labelled objects.

    Prints sizes, candidates and advice; keeps a picture and JSON; --write makes a recipe of it.
    """
    from shlex import quote

    from edgedet.checks.table import table_text as check_text
    from edgedet.scales.checking import checked
    from edgedet.scales.fitting import FitRequest
    from edgedet.scales.run import Order, run_scales
    from edgedet.scales.table import table_text
    from edgedet.scales.window import window_from

    fit = FitRequest(imgsz, model, trunk, resize, window_from(window))
    order = Order(data, fit, split, bbox_mode, write)
    report = checked(order) if check or strict else None
    if report:
        typer.echo(f"{check_text(report)}\n", err=json)
        report.raise_if(strict=strict)
    outcome = run_scales(order, out, report)
    typer.echo(outcome.json if json else table_text(outcome.fitting))
    typer.echo(f"picture and JSON in {outcome.folder}", err=True)
    if write:
        typer.echo(f"recipe in {write}: edgedet train --recipe {quote(str(write))}", err=True)
