"""`edgedet doctor`: what this machine has for running and building models."""

from typing import Annotated

import typer


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Look at Python, OpenCV, CUDA, TensorRT, the GPU and the board.

    Prints what is there, which copy would be used, and what to do about the rest; changes nothing.
    """
    from edgedet.runtime.doctor import doctor_json, doctor_text, examine

    lines = examine()
    typer.echo(doctor_json(lines) if json else doctor_text(lines))
