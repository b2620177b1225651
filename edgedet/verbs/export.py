"""`edgedet export`: a trained model as ONNX, proven to agree with PyTorch, and as engines."""

from pathlib import Path
from typing import Annotated

import typer

TopK = Annotated[
    int | None, typer.Option(min=1, max=3840, help="Candidates of an image; default: the model's.")
]
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
    str | None, typer.Option("--precision", help="Of the engines: fp32 or fp16; default: both.")
]
Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle", help="Also write model.pyz: the model and all that runs it on a device."
    ),
]


def export(  # noqa: PLR0913 - one parameter a flag
    model: Annotated[
        Path, typer.Argument(help="Checkpoint to export: model.pt; with --trt also model.onnx.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: runs/export/run/model.onnx.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images that one call takes.")] = 1,
    input: Annotated[
        str | None,
        typer.Option(help="uint8: BGR frames, the default; float: normalised planes."),
    ] = None,
    opset: Annotated[
        int | None, typer.Option(help="ONNX opset, 13 to 18; default: 13, which runs everywhere.")
    ] = None,
    top_k: TopK = None,
    data: Annotated[
        str | None, typer.Option(help="Data set to compare AP on; default: generated images.")
    ] = None,
    split: Annotated[str, typer.Option(help="Part of the data: train, val or test.")] = "val",
    bbox_mode: Annotated[
        str, typer.Option(help="COCO boxes hold xywh, or corners: xyxy.")
    ] = "xywh",
    target: Target = None,
    trt: Trt = False,
    device: EngineDevice = None,
    precision: EnginePrecision = None,
    bundle: Bundle = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write an ONNX model that is proven to agree with PyTorch.

    Prints how much the two differ; writes no file when that is more than allowed. With --trt,
    TensorRT engines of it lie beside it; those for RTX cards are built without a GPU. With
    --bundle, one file has all that a device needs: python3 model.pyz doctor.
    """
    from edgedet.bundle_export import export_bundle, require_alone
    from edgedet.engine_export import export_engines
    from edgedet.engine_plans import wish_of
    from edgedet.engine_table import engines_json, engines_text
    from edgedet.export_table import export_json, export_text
    from edgedet.model_export import Request, export_model

    wish = wish_of(trt, device, precision)
    request = Request(model, out, batch, input, opset, top_k, data, split, bbox_mode, target)
    if bundle is not None:
        require_alone(trt)
        packed = export_bundle(request, bundle)
        typer.echo(packed.json if json else packed.text)
    elif wish is not None:
        built = export_engines(request, wish)
        typer.echo(engines_json(built) if json else engines_text(built))
    else:
        report = export_model(request)
        typer.echo(export_json(report) if json else export_text(report))
