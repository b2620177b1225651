"""`edgedet reproduce`: the experiments of a document, on any data."""

from pathlib import Path
from typing import Annotated

import typer

Tables = Annotated[str, typer.Option(help="Of scale-aware-ssd: 2,3,4,5,6,7,8,fit; default: fit.")]
Variants = Annotated[str, typer.Option(help="Train only these, such as dns,3to1.")]


def reproduce(  # noqa: PLR0913 - typer reads the flags from the parameters
    study: Annotated[str, typer.Argument(help="scale-aware-ssd, or ssd-training.")],
    data: Annotated[str, typer.Option(help="COCO, VOC, YOLO or VisDrone data, or `shapes`.")],
    tables: Tables = "",
    variants: Variants = "",
    recipe: Annotated[
        Path | None, typer.Option(help="YAML file of settings that all variants share.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="The trunk's: imagenet, none, or a file.")
    ] = None,
    pretrained: Annotated[
        Path | None, typer.Option(help="Checkpoint whose trunk table 8 starts from.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each variant.")] = 3,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of each training.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Time of this call; the rest goes on next time.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:0.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of all runs; a second call goes on there.",
            show_default="runs/reproduce/STUDY",
        ),
    ] = None,
    table_only: Annotated[
        bool, typer.Option("--table-only", help="Train nothing; rebuild the tables.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.")] = False,
) -> None:
    """Repeat the experiments of a document on a data set.

    Trains each variant with several seeds, goes on where an earlier call stopped, and writes
    tables and pictures of ours beside the printed values.
    """
    from edgedet.experiments.report import report_text
    from edgedet.experiments.reproduction import Request, reproduce_study

    given = {"data": data, "weights": weights, "epochs": epochs}
    request = Request(
        study=study,
        flags={name: value for name, value in given.items() if value is not None},
        recipe_file=recipe,
        tables=_names(tables),
        variants=_names(variants),
        seeds=seeds,
        minutes=minutes,
        device=device,
        out=out,
        pretrained=pretrained,
        train=not table_only,
    )
    made = reproduce_study(request)
    typer.echo(report_text(made, as_json=json))
    raise typer.Exit(made.outcome.exit_code)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())
