"""`edgedet camera`: look at cameras, live, for days."""

from pathlib import Path
from typing import Annotated

import typer


def camera(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="Model to look with: model.onnx, .engine or .pt.")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="0, csi://0, rtsp://..., http://..., a file, shapes://640x480@30; repeatable."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML or JSON file of settings; flags win over it.")
    ] = None,
    conf: Annotated[
        float | None, typer.Option(help="Least score of what is shown; default: the model's.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where the model runs: auto, cpu, cuda.")] = "auto",
    show: Annotated[bool, typer.Option("--show", help="In a window; q ends, r records.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="As a web page.")] = False,
    listen: Annotated[
        str | None,
        typer.Option(help="Of the page; default 127.0.0.1:8080. Others than loopback get a token."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder of recordings, within a budget of 2 GB.")
    ] = None,
    track: Annotated[bool, typer.Option("--track", help="Follow objects over frames.")] = False,
    zones: Annotated[
        Path | None, typer.Option(help="JSON file of lines and areas to count tracks in.")
    ] = None,
    tiles: Annotated[
        str | None, typer.Option(help="Look at parts as well, for small objects: 2x2.")
    ] = None,
    overlap: Annotated[
        float | None, typer.Option(help="Of neighbouring tiles, as a share; default: 0.2.")
    ] = None,
    on: Annotated[
        list[str] | None, typer.Option(help="Class whose appearance is an event; repeatable.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a frame.")] = False,
) -> None:
    """Look at cameras, streams or videos, live.

    Prints a line a second for each camera. Ctrl-C, SIGTERM, or q in the window end it.
    """
    from edgedet.live import look_live

    given: dict[str, object] = {
        "source": source,
        "conf": conf,
        "show": show,
        "serve": serve,
        "listen": listen,
    }
    given |= {"record": record, "track": track, "zones": zones, "tiles": tiles}
    given |= {"overlap": overlap, "on": on, "json": json}
    told = {name: value for name, value in given.items() if value is not None}
    look_live(model, device, config, {name: v for name, v in told.items() if v is not False})
