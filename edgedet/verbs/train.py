"""`edgedet train`: labelled images in, a trained detector out."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str | None, typer.Option(help="scale_aware_ssd, multiscale_shapes ...: see docs/models.md.")
]
Data = Annotated[str | None, typer.Option(help="COCO, VOC, YOLO or VisDrone data, or `shapes`.")]
RecipeFile = Annotated[Path | None, typer.Option(help="YAML file of settings; flags win over it.")]
Weights = Annotated[str | None, typer.Option(help="The trunk's: imagenet, none, or a file.")]
From = Annotated[
    Path | None, typer.Option("--from", help="Checkpoint to fine-tune: its model, recipe, weights.")
]
Qat = Annotated[
    bool, typer.Option("--qat", help="Fine-tune --from for INT8: a few epochs with its rounding.")
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training images.")]
Batch = Annotated[int | None, typer.Option(help="Images of one forward pass on one device.")]
Imgsz = Annotated[int | None, typer.Option(help="Side of the network's input in pixels.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, or several: cuda:0,1.")]
Workers = Annotated[int | None, typer.Option(help="Processes that load images.")]
Seed = Annotated[int | None, typer.Option(help="Of weights, order of images and augmentation.")]
Resume = Annotated[Path | None, typer.Option(help="Run folder or checkpoint to go on from.")]
Json = Annotated[bool, typer.Option("--json", help="Print metrics.json and the path as JSON.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the run; default: runs/train/run.")]


def train(  # noqa: PLR0913 - typer reads the flags from the parameters
    model: Model = None,
    data: Data = None,
    recipe: RecipeFile = None,
    weights: Weights = None,
    from_checkpoint: From = None,
    qat: Qat = False,
    epochs: Epochs = None,
    batch: Batch = None,
    imgsz: Imgsz = None,
    device: Device = "auto",
    workers: Workers = None,
    seed: Seed = None,
    resume: Resume = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Train a detector on labelled images.

    Prints the path of the best checkpoint.
    """
    from edgedet.training.outputs import BEST, metrics_text
    from edgedet.training.session import Order, run_training

    given = {"model": model, "data": data, "weights": weights, "epochs": epochs, "batch": batch}
    given |= {"imgsz": imgsz, "workers": workers, "seed": seed, "qat": qat or None}
    given["from_checkpoint"] = None if from_checkpoint is None else str(from_checkpoint)
    flags = {name: value for name, value in given.items() if value is not None}
    folder = run_training(Order(recipe, flags, device, out, resume))
    if folder:
        typer.echo(metrics_text(folder) if json else folder / BEST)
