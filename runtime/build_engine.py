"""Build an engine on the device: `python3 -m edgedet.runtime.build_engine model.onnx`.

Needs Python 3.6, numpy and TensorRT, nothing else.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import List, Optional

from .engine_builder import engine_from_onnx
from .engine_options import PRECISIONS, EngineOptions
from .errors import EdgedetError, UsageError
from .tensorrt_flavour import TENSORRT, TENSORRT_RTX, open_flavour

INTERRUPTED = 130


def main(argv: Optional[List[str]] = None) -> int:
    """Build as the words of the command line say, and return the exit code.

    0 success, 2 usage, 4 model, 5 device, 130 interrupted; the name of the engine on stdout,
    everything else on stderr.
    """
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        engine = _build(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except EdgedetError as error:
        sys.stderr.write("error: {}\n".format(error))
        return error.exit_code
    except OSError as error:  # a full disk
        sys.stderr.write("error: {}\n".format(error))
        return UsageError.exit_code
    sys.stdout.write("{}\n".format(engine))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m edgedet.runtime.build_engine",
        description="Build a TensorRT engine from an ONNX file, for the GPU of this machine.",
    )
    parser.add_argument("onnx", type=Path, help="model.onnx, as `edgedet export` wrote it")
    parser.add_argument("--out", type=Path, help="file to write; default: beside the model")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp16")
    parser.add_argument("--scales", type=Path, help="scales.json of the model, for int8")
    parser.add_argument("--flavour", choices=(TENSORRT, TENSORRT_RTX), default=TENSORRT)
    parser.add_argument(
        "--compute-capability",
        action="append",
        default=[],
        help="such as 8.6; TensorRT-RTX only; once for each kind of GPU",
    )
    parser.add_argument("--workspace", type=int, metavar="MIB", help="default: chosen by memory")
    parser.add_argument("--force", action="store_true", help="build even if it was built before")
    return parser


def _build(arguments: argparse.Namespace) -> Path:
    if not arguments.onnx.name:
        raise UsageError("the name of an .onnx file", str(arguments.onnx), "name the model")
    engine = arguments.out or arguments.onnx.with_suffix(".engine")
    options = EngineOptions(
        arguments.precision, tuple(arguments.compute_capability), arguments.workspace
    )
    flavour = open_flavour(arguments.flavour)
    engine_from_onnx(
        arguments.onnx, engine, flavour, options, force=arguments.force, scales=arguments.scales
    )
    return Path(engine)


if __name__ == "__main__":
    sys.exit(main())
