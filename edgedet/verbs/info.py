"""`edgedet info`: what a model file holds."""

from pathlib import Path
from typing import Annotated

import typer


def info(
    model: Annotated[
        Path, typer.Argument(help="File to describe: model.pt, model.onnx or model.engine.")
    ],
    target: Annotated[
        str | None,
        typer.Option(
            help="Does it fit nano-trt82, jetson-trt85, jetson-trt103, trt11 or rtx? Exit 4 if not."
        ),
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option("--adapt", help="Run an ONNX model of others once, and write its spec file."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Describe a model file, without running it unless told to.

    Prints its contract, size, inputs, outputs and origin, and how it fits a target.
    """
    from json import dumps

    from edgedet.foreign_model import adapted_facts
    from edgedet.model_facts import model_facts
    from edgedet.model_facts_text import facts_text

    facts = adapted_facts(model, target) if adapt else model_facts(model, target)
    typer.echo(dumps(facts, indent=2) if json else facts_text(facts))
    if facts["target"] and not facts["target"]["fits"]:
        raise typer.Exit(code=4)
