"""`edgedet export`: a trained model as ONNX, proven to agree with PyTorch."""

from pathlib import Path
from typing import Annotated

import typer


def export(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="Checkpoint to export: model.pt.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: runs/export/run/model.onnx.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images that one call takes.")] = 1,
    input: Annotated[
        str | None,
        typer.Option(help="uint8: BGR frames, the default; float: normalised planes."),
    ] = None,
    opset: Annotated[
        int | None, typer.Option(help="ONNX opset, 13 to 18; default: 13, which runs everywhere.")
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(min=1, max=3840, help="Candidates of an image; default: the model's."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Data set to compare AP on; default: generated images.")
    ] = None,
    split: Annotated[str, typer.Option(help="Part of the data: train, val or test.")] = "val",
    bbox_mode: Annotated[
        str, typer.Option(help="COCO boxes hold xywh, or corners: xyxy.")
    ] = "xywh",
    target: Annotated[
        str | None,
        typer.Option(
            help="Refuse what it cannot run: nano-trt82, jetson-trt85, jetson-trt103, trt11, rtx."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write an ONNX model that is proven to agree with PyTorch.

    Prints how much the two differ; writes no file when that is more than allowed.
    """
    from edgedet.export_table import export_json, export_text
    from edgedet.model_export import Request, export_model

    request = Request(model, out, batch, input, opset, top_k, data, split, bbox_mode, target)
    report = export_model(request)
    typer.echo(export_json(report) if json else export_text(report))
