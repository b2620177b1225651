"""The words of a bundle's command line."""

import argparse
import re
from pathlib import Path
from typing import Any, List, Tuple

from .bundle_choice import AUTO, BACKENDS, FLAVOURS
from .bundle_file import Bundle
from .engine_options import PRECISIONS
from .errors import UsageError

_SIZE = re.compile(r"^([1-9]\d*)x([1-9]\d*)$")


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
    parser = verbs.add_parser("camera", help="look at a USB camera, or a video in its place")
    parser.add_argument("--source", default="0", help="0, /dev/video0 or a file; default: 0")
    parser.add_argument("--size", type=_size, metavar="WxH", help="of frames to ask a camera for")
    parser.add_argument("--frames", type=_count, help="end after so many; default: never")
    parser.add_argument("--show", action="store_true", help="in a window; q ends it")
    parser.add_argument("--save", type=Path, metavar="FILE.mp4", help="write it as a video, drawn")
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


def _size(text: str) -> Tuple[int, int]:
    """Height and width of `1280x720`, which names the width first."""
    match = _SIZE.match(text)
    if match is None:
        raise argparse.ArgumentTypeError("expected a size like 1280x720, found {}".format(text))
    return int(match.group(2)), int(match.group(1))
