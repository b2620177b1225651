"""`edgedet info`: what a model file holds."""

from pathlib import Path
from typing import Annotated

import typer


def info(
    model: Annotated[Path, typer.Argument(help="Model to describe: model.pt or model.onnx.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Describe a model file without running it.

    Prints its contract, size, inputs, outputs and origin.
    """
    from json import dumps

    from edgedet.model_facts import model_facts
    from edgedet.model_facts_text import facts_text

    facts = model_facts(model)
    typer.echo(dumps(facts, indent=2) if json else facts_text(facts))
