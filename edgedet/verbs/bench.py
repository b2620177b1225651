"""`edgedet bench`: how fast a model is here, and beside what the papers print."""

from pathlib import Path
from typing import Annotated

import typer


def bench(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="Model to measure: model.onnx, .pt or .engine.")],
    source: Annotated[
        str | None,
        typer.Option(help="Image, folder, glob or video; default: generated 1080p frames."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu (default), rtx, jetson, or a name as 'RTX 3090'; estimated if not here."
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Measure there instead, over ssh: user@board.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave on the host what was copied and built there.")
    ] = False,
    precision: Annotated[
        str | None, typer.Option(help="Of an engine: fp32 or fp16 (default; estimates: both).")
    ] = None,
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
    """Measure how fast a model is here or on a host, or estimate it for a device.

    Times the network alone, the engine call, and the way from frame to result.
    """
    from json import dumps

    from edgedet.bench_run import BenchRequest, bench_report
    from edgedet.rundir import new_run_dir
    from edgedet.runtime.atomic import atomic_path
    from edgedet.runtime.speed_report import SpeedRequest
    from edgedet.speed_comparison import compare_with_published, comparison_as_json
    from edgedet.speed_table import speed_text

    speed = SpeedRequest(source, threads, iterations, warmup, sustain)
    report = bench_report(BenchRequest(model, speed, device, precision, host, keep))
    comparison = compare_with_published(report) if compare else None
    text = dumps({**report, "published": comparison_as_json(comparison)}, indent=2)
    folder = new_run_dir("bench", out)
    with atomic_path(folder / "bench.json") as path:
        path.write_text(text + "\n", encoding="utf-8")
    typer.echo(text if json else speed_text(report, comparison))
    typer.echo(f"report in {folder}", err=True)
