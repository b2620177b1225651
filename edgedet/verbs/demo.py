"""`edgedet demo`: the whole road on generated shapes, ending in a report."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 8,
    data: Annotated[
        str, typer.Option(help="Shapes to draw: shapes[:train=1000,val=200,palette=random,...].")
    ] = "shapes:hidden=dropped",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; default: runs/demo/run.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the path as JSON.")] = False,
) -> None:
    """Walk the whole road on generated shapes.

    Trains, evaluates, exports and measures a detector; prints the path of the report.
    """
    from json import dumps

    from edgedet.data.shapes_options import is_shapes
    from edgedet.demo import run_demo
    from edgedet.runtime.errors import UsageError

    if not is_shapes(data):
        raise UsageError("--data shapes[:key=value,...]", data, "use `edgedet train` for your own")
    report = run_demo(epochs, data, out)
    typer.echo(dumps({"schema_version": 1, "report": str(report)}) if json else report)
