"""The ``edgedet`` command: its verbs, and how their errors reach the user."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import typer

from edgedet import __version__
from edgedet.runtime.errors import DeviceError, EdgedetError, UsageError, error_of_place

VERBS = (
    "train",
    "eval",
    "export",
    "predict",
    "camera",
    "bench",
    "scales",
    "info",
    "doctor",
    "demo",
    "reproduce",
)
ERROR_SCHEMA_VERSION = 1
INTERRUPTED = 130
# What `pip install edgedet` alone leaves out, by import name.
TRAINING_PACKAGES = frozenset(
    {
        "PIL",
        "jinja2",
        "lightning",
        "matplotlib",
        "onnx",
        "pycocotools",
        "tensorboard",
        "torch",
        "torchvision",
        "yaml",
    }
)
# click's root of "the command line is wrong"; typer >= 0.26 brings its own copy of it.
CommandLineError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code.

    0 success, 2 usage or recipe, 3 data, 4 model or artefact, 5 device or its software, 130
    interrupted. Whatever the user can mend is one line on stderr, and with ``--json`` also an
    object on stdout; anything else is a bug of ours and keeps its traceback.
    """
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    _show_logs()
    try:
        code = build_app()(words, prog_name="edgedet", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        failure = _failure(error)
        if failure is None:
            raise
        _report(failure, as_json="--json" in words)
        return failure.exit_code
    if code == INTERRUPTED:
        typer.echo("interrupted", err=True)
    return code if isinstance(code, int) else 0


def build_app() -> typer.Typer:
    """Put the verbs together; their modules import nothing heavy, so this takes milliseconds."""
    # Plain help: rich's would more than double the time that `edgedet --help` takes.
    app = typer.Typer(
        help="Fit a detector to its objects, then fit the model to its device.",
        epilog="`edgedet VERB --help` lists the options of a verb.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_global_options)
    for verb in VERBS:
        module = importlib.import_module(f"edgedet.verbs.{verb}")
        app.command(verb)(getattr(module, verb))
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgedet {__version__}")
        raise typer.Exit


def _global_options(
    version: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Options that come before the verb."""


def _show_logs() -> None:
    logger = logging.getLogger("edgedet")
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.setLevel(logging.INFO)


class Failure(NamedTuple):
    """What goes to the user about an error that the user can mend."""

    error: str
    message: str
    suggestion: str
    exit_code: int
    facts: Mapping[str, object] = {}
    """What a JSON answer holds besides."""


def _failure(error: Exception) -> Failure | None:
    """What to tell the user, or None when the error is a bug of ours."""
    if isinstance(error, CommandLineError):
        return _bad_command_line(error)
    known = error if isinstance(error, EdgedetError) else _as_edgedet_error(error)
    if known is None:
        return None
    message = f"expected {known.expected}, found {known.found}"
    facts = known.facts or {}
    return Failure(type(known).__name__, message, known.fix, known.exit_code, facts)


def _bad_command_line(error: typer.BadParameter) -> Failure:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "edgedet"
    suggestion = f"see {command} --help"
    message = error.format_message().rstrip(".")
    return Failure("UsageError", message, suggestion, UsageError.exit_code)


def _as_edgedet_error(error: Exception) -> EdgedetError | None:
    if isinstance(error, ModuleNotFoundError):
        return _missing_package(error)
    if isinstance(error, OSError):
        return error_of_place(error)
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which this module does not import
        return DeviceError("enough GPU memory", "none left", "use a smaller --batch or --imgsz")
    return None


def _missing_package(error: ModuleNotFoundError) -> DeviceError | None:
    package = (error.name or "").partition(".")[0]
    if package not in TRAINING_PACKAGES:
        return None
    return DeviceError(
        f"the package {package}", "an install without it", "run: pip install 'edgedet[train]'"
    )


def _report(failure: Failure, *, as_json: bool) -> None:
    from edgedet.visible_text import visible

    line = f"error: {failure.message}; {failure.suggestion}"
    typer.echo(visible(" ".join(line.split())), err=True)
    if as_json:
        fields = ("error", "message", "suggestion")
        texts = {name: getattr(failure, name) for name in fields}
        typer.echo(json.dumps({"schema_version": ERROR_SCHEMA_VERSION, **texts, **failure.facts}))
