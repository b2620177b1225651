"""`edgedet predict`: look at images or a video with a model."""

from pathlib import Path
from typing import Annotated

import typer


def predict(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="Model to look with: model.pt, .onnx or .engine.")],
    source: Annotated[str, typer.Option(help="Image, folder, quoted glob or video file.")],
    conf: Annotated[
        float | None, typer.Option(help="Least score of what is shown; default: the model's.")
    ] = None,
    iou: Annotated[
        float | None, typer.Option(help="Overlap that NMS allows; default: the model's.")
    ] = None,
    save: Annotated[bool, typer.Option(help="Write the pictures with boxes.")] = True,
    device: Annotated[
        str, typer.Option(help="Where to run: auto, cpu, cuda; a checkpoint also cuda:1.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; default: runs/predict/run.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Find objects in images, a folder or a video.

    Writes results.json, and the images or the video with boxes drawn.
    """
    from edgedet.prediction import Request, run_prediction

    request = Request(model, source, conf, iou, save, device)
    prediction = run_prediction(request, out, lambda line: typer.echo(line, err=True))
    typer.echo(prediction.json if json else prediction.summary)
