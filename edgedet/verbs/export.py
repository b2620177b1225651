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
        str, typer.Option(help="uint8: BGR frames; float: normalised planes, for TensorRT 8.2.")
    ] = "uint8",
    opset: Annotated[int, typer.Option(help="ONNX opset, 13 to 18; 13 runs everywhere.")] = 13,
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
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write an ONNX model that is proven to agree with PyTorch.

    Prints how much the two differ; writes no file when that is more than allowed.
    """
    from edgedet.export_table import export_json, export_text
    from edgedet.model_export import Request, export_model

    request = Request(model, out, batch, input, opset, top_k, data, split, bbox_mode)
    report = export_model(request)
    typer.echo(export_json(report) if json else export_text(report))
