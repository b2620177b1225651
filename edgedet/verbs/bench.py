"""`edgedet bench`: how fast a model is here, and beside what the papers print."""

from pathlib import Path
from typing import Annotated

import typer


def bench(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="Model to measure: model.onnx, or model.pt.")],
    source: Annotated[
        str | None,
        typer.Option(help="Image, folder, glob or video; default: generated 1080p frames."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to measure; this release: cpu.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Engine threads; default: one a physical core.")
    ] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Timed calls.")] = 100,
    warmup: Annotated[int, typer.Option(min=0, help="Calls before the timed ones.")] = 10,
    sustain: Annotated[
        float, typer.Option(min=0, help="Go on for so many seconds: does heat slow it down?")
    ] = 0.0,
    compare: Annotated[bool, typer.Option(help="Show the papers' figures beside ours.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of bench.json; default: runs/bench/run.")
    ] = None,
) -> None:
    """Measure how fast a model is on this machine.

    Times the network alone, the engine call, and the way from frame to result.
    """
    from json import dumps

    from edgedet.rundir import new_run_dir
    from edgedet.runtime.atomic import atomic_path
    from edgedet.runtime.speed_report import SpeedRequest
    from edgedet.speed import measure_speed
    from edgedet.speed_comparison import compare_with_published, comparison_as_json
    from edgedet.speed_table import speed_text

    request = SpeedRequest(source, threads, iterations, warmup, sustain)
    report = measure_speed(model, device, request)
    comparison = compare_with_published(report) if compare else None
    text = dumps({**report, "published": comparison_as_json(comparison)}, indent=2)
    folder = new_run_dir("bench", out)
    with atomic_path(folder / "bench.json") as path:
        path.write_text(text + "\n", encoding="utf-8")
    typer.echo(text if json else speed_text(report, comparison))
    typer.echo(f"report in {folder}", err=True)
