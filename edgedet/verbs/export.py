"""`edgedet export`: a trained model as ONNX, proven to agree with PyTorch, in INT8, as engines."""

from pathlib import Path
from typing import Annotated

import typer

Target = Annotated[
    str | None,
    typer.Option(
        help="Refuse what it cannot run: nano-trt82, jetson-trt85, jetson-trt103, trt11, rtx."
    ),
]
Trt = Annotated[bool, typer.Option("--trt", help="Build TensorRT engines as well.")]
EngineDevice = Annotated[
    str | None,
    typer.Option(
        "--device", help="Of the engines: rtx (default), jetson, cuda, or the name of a device."
    ),
]
EnginePrecision = Annotated[
    str | None,
    typer.Option(
        "--precision", help="Of the engines: fp32, fp16, with --int8 also int8; default: all."
    ),
]
Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle", help="Also write model.pyz: the model and all that runs it on a device."
    ),
]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Also in INT8, calibrated and measured on --data.")
]
Method = Annotated[
    str | None,
    typer.Option(help="Ranges of INT8: minmax, entropy, percentile, mse; default: auto, the best."),
]
MaxDrop = Annotated[
    float | None, typer.Option(min=0, help="Most points of AP that INT8 may lose; default: 1.")
]
RecipeFile = Annotated[
    Path | None, typer.Option(help="YAML with the rarer settings: see docs/export.md.")
]


def export(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[
        Path,
        typer.Argument(
            help="Checkpoint: model.pt; for --int8, --trt and --bundle also model.onnx."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: runs/export/run/model.onnx.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images that one call takes.")] = 1,
    data: Annotated[
        str | None, typer.Option(help="Data set to compare AP on; default: generated images.")
    ] = None,
    split: Annotated[str, typer.Option(help="Part of it for AP: train, val or test.")] = "val",
    target: Target = None,
    trt: Trt = False,
    device: EngineDevice = None,
    precision: EnginePrecision = None,
    bundle: Bundle = None,
    int8: Int8 = False,
    method: Method = None,
    max_drop: MaxDrop = None,
    recipe: RecipeFile = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write an ONNX model that is proven to agree with PyTorch.

    Prints how much the two differ; writes no file when that is more than allowed. With --int8, INT8
    forms of it lie beside it, and none that lose more accuracy than --max-drop. With --trt,
    TensorRT engines do; those for RTX cards are built without a GPU. With --bundle, one file has
    all that a device needs: python3 model.pyz doctor.
    """
    from edgedet.engine_plans import wish_of
    from edgedet.export_recipe import load_export_recipe
    from edgedet.export_run import Order, run_export
    from edgedet.int8_wish import Flags, int8_wish
    from edgedet.model_export import Request

    settings = load_export_recipe(recipe)
    request = Request(model, out, batch, data, split, target, settings)
    wanted = int8_wish(int8, Flags(method, max_drop), device, request)
    order = Order(request, wanted, wish_of(trt, device, precision), bundle)
    result = run_export(order)
    typer.echo(result.json() if json else result.text())
