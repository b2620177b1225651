"""`edgedet eval`: how well a model finds labelled objects."""

from pathlib import Path
from typing import Annotated

import typer


def eval(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="Model to evaluate: model.pt, .onnx or .engine.")],
    data: Annotated[
        str, typer.Option(help="Folder, COCO JSON or YOLO YAML of the data set, or: shapes.")
    ],
    split: Annotated[str, typer.Option(help="Part of the data: train, val or test.")] = "val",
    conf: Annotated[
        float, typer.Option(help="Least score; a higher one truncates the curves.")
    ] = 0.05,
    iou: Annotated[
        float | None, typer.Option(help="Overlap that NMS allows; default: the model's.")
    ] = None,
    buckets: Annotated[
        str, typer.Option(help="Sizes in px of side: coco, aitod, near:0-32,far:32-1e5.")
    ] = "coco,aitod",
    max_detections: Annotated[
        int | None, typer.Option(help="Most detections of an image; default: the model's.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where to run: auto, cpu, cuda; a checkpoint also cuda:1.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; default: runs/eval/run.")
    ] = None,
    bbox_mode: Annotated[
        str, typer.Option(help="COCO boxes hold xywh, or corners: xyxy.")
    ] = "xywh",
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure how well a model finds labelled objects.

    Prints average precision by size and class; keeps metrics, detections, curves and pictures.
    """
    from edgedet.evaluation.report import metrics_json
    from edgedet.evaluation.run import Request, run_evaluation
    from edgedet.evaluation.table import table_text

    request = Request(model, data, split, conf, iou, max_detections, buckets, device, bbox_mode)
    report, folder = run_evaluation(request, out)
    typer.echo(metrics_json(report) if json else table_text(report))
    typer.echo(f"report in {folder}", err=True)
