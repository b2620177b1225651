"""The words of a bundle's command line."""

import argparse
from pathlib import Path
from typing import Any, List

from .bundle_choice import AUTO, BACKENDS, FLAVOURS
from .bundle_file import Bundle
from .engine_options import PRECISIONS
from .errors import UsageError


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else does."""

    def error(self, message: str) -> Any:
        """Raise UsageError, where argparse would end the program."""
        fix = "see {} --help".format(self.prog)
        raise UsageError("a command line as --help shows it", message, fix)


def arguments_of(bundle: Bundle, words: List[str]) -> argparse.Namespace:
    """Return the verb and its settings; UsageError for words that are wrong.

    SystemExit after --help and --version, which print to stdout.
    """
    parser = _parser(bundle)
    arguments = parser.parse_args(words or ["--help"])
    if arguments.verb is None:
        parser.error("no verb")
    return arguments


def _parser(bundle: Bundle) -> _Parser:
    names = ", ".join(bundle.spec.class_names)
    parser = _Parser(
        prog=bundle.command,
        description="Finds {}. A model and all that runs it, made by edgedet {}.".format(
            names, bundle.edgedet
        ).replace("%", "%%"),
        epilog="`{} VERB --help` lists the options of a verb.".format(bundle.command),
    )
    parser.add_argument("--version", action="version", version=_version(bundle))
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    _doctor(verbs)
    _build(verbs)
    _bench(verbs)
    _predict(verbs)
    _camera(verbs)
    return parser


def _version(bundle: Bundle) -> str:
    return "edgedet {}".format(bundle.edgedet)


def _doctor(verbs: Any) -> None:
    parser = verbs.add_parser("doctor", help="what this machine has, and how the model fits it")
    _json(parser)


def _build(verbs: Any) -> None:
    parser = verbs.add_parser("build", help="a TensorRT engine for the GPU of this machine")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp16")
    parser.add_argument("--flavour", choices=FLAVOURS, help="default: the one that is installed")
    parser.add_argument("--workspace", type=int, metavar="MIB", help="default: chosen by memory")
    parser.add_argument("--force", action="store_true", help="build even if it was built before")
    parser.add_argument("--out", type=Path, help="file to write; default: in the cache")
    _json(parser)


def _bench(verbs: Any) -> None:
    parser = verbs.add_parser("bench", help="how fast the model is here")
    parser.add_argument("--source", help="image, folder, glob or video; default: generated frames")
    parser.add_argument("--iterations", type=int, default=100, help="timed calls; default: 100")
    parser.add_argument("--warmup", type=int, default=10, help="calls before; default: 10")
    parser.add_argument(
        "--sustain", type=float, default=0.0, metavar="S", help="go on for so many seconds"
    )
    _running(parser)
    _json(parser)


def _predict(verbs: Any) -> None:
    parser = verbs.add_parser("predict", help="find objects in images or a video")
    parser.add_argument("--source", required=True, help="image, folder, quoted glob or video")
    parser.add_argument("--out", type=Path, help="new folder for results.json and drawn pictures")
    parser.add_argument("--no-save", dest="save", action="store_false", help="no drawn pictures")
    _thresholds(parser)
    _running(parser)
    _json(parser)


def _camera(verbs: Any) -> None:
    parser = verbs.add_parser("camera", help="look at cameras, streams or videos, live")
    add = parser.add_argument
    sources = "0, csi://0, rtsp://..., a file, shapes://640x480@30; repeatable; default: 0"
    add("--source", action="append", help=sources)
    add("--config", type=Path, help="JSON file of settings; flags win over it")
    add("--size", metavar="WxH", help="of frames to ask a camera for")
    add("--frames", type=_count, help="end after so many; default: never")
    add("--show", action="store_true", help="in a window; q ends it, r records")
    add("--serve", action="store_true", help="as a web page")
    add("--listen", metavar="ADDRESS", help="of the page; default: 127.0.0.1:8080")
    add("--record", type=Path, metavar="FOLDER", help="write videos, within a budget of 2 GB")
    add("--track", action="store_true", help="follow objects from frame to frame")
    add("--zones", type=Path, help="JSON file of lines and areas to count tracks in")
    add("--tiles", metavar="2x2", help="look at parts as well, for small objects")
    add("--overlap", type=float, help="of neighbouring tiles, as a share; default: 0.2")
    add("--on", action="append", metavar="CLASS", help="its appearance is an event; repeatable")
    _thresholds(parser)
    _running(parser)
    _json(parser)


def _thresholds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", type=float, help="least score, 0..1; default: the model's")
    parser.add_argument("--iou", type=float, help="overlap that NMS allows; default: the model's")


def _running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default=AUTO,
        help="auto: the engine if one was built, else ONNX Runtime",
    )
    parser.add_argument("--precision", choices=PRECISIONS, help="of the engine; default: fp16")
    parser.add_argument("--threads", type=int, help="of ONNX Runtime; default: one a core")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a number of at least 1, found " + text)
    return number
