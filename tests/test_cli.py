"""What the command line promises whatever the verb: exit codes, one-line errors, JSON errors."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgedet import __version__, cli
from edgedet.runtime.errors import DataError, DeviceError, EdgedetError, ModelError, UsageError

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `edgedet work WORDS` where the verb does what it is given."""

    def run_verb(do: Callable[[], Any], *words: str) -> int:
        def work(epochs: int = 1, as_json: bool = cli.typer.Option(False, "--json")) -> None:
            """Work."""
            do()

        module = ModuleType("edgedet.verbs.work")
        module.work = work  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "edgedet.verbs.work", module)
        monkeypatch.setattr(cli, "VERBS", ("work",))
        return cli.main(["work", *words])

    return run_verb


def raising(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.mark.parametrize(
    ("root", "code"), [(UsageError, 2), (DataError, 3), (ModelError, 4), (DeviceError, 5)]
)
def test_an_error_of_the_user_is_one_line_and_its_code(
    run: Run, capsys: pytest.CaptureFixture[str], root: type[EdgedetError], code: int
) -> None:
    assert run(raising(root("a file", "a\nfolder", "name a file"))) == code
    captured = capsys.readouterr()
    assert captured.err == "error: expected a file, found a folder; name a file\n"
    assert captured.out == ""


def test_with_json_the_error_is_an_object_on_stdout(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(DataError("a JPEG", "cat.jpg", "remove it")), "--json") == 3
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "error": "DataError",
        "message": "expected a JPEG, found cat.jpg",
        "suggestion": "remove it",
    }


def test_a_bug_of_ours_keeps_its_traceback(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--epoch", "2"], "--epochs"),
        (["--epochs", "two"], "valid integer"),
        (["extra"], "extra"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    assert run(lambda: None, *words) == 2
    line = capsys.readouterr().err
    assert hint in line
    assert "see edgedet work --help" in line
    assert line.count("\n") == 1


def test_a_mistyped_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian"]) == 2
    assert "'train'" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["torch", "torchvision.ops", "yaml", "onnx"])
def test_a_base_install_says_how_to_get_the_rest(
    run: Run, capsys: pytest.CaptureFixture[str], package: str
) -> None:
    missing = ModuleNotFoundError(f"No module named {package!r}", name=package)
    assert run(raising(missing)) == 5
    assert "pip install 'edgedet[train]'" in capsys.readouterr().err


def test_a_missing_module_of_our_own_is_a_bug(run: Run) -> None:
    with pytest.raises(ModuleNotFoundError):
        run(raising(ModuleNotFoundError("no", name="edgedet.nothing")))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_full_disk_is_one_line(number: int, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Or one that takes no file of that size, as FAT and `ulimit -f` do."""
    full = OSError(number, os.strerror(number), "runs/model.pt")
    assert run(raising(full)) == 2
    assert f"runs/model.pt ({os.strerror(number)})" in capsys.readouterr().err


def test_no_gpu_memory_is_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    class OutOfMemoryError(RuntimeError):
        """Stands for torch.OutOfMemoryError."""

    assert run(raising(OutOfMemoryError())) == 5
    assert "--batch" in capsys.readouterr().err


def test_success_is_zero_whatever_the_verb_returns(run: Run) -> None:
    assert run(lambda: None) == 0


def test_version_and_help_are_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"edgedet {__version__}\n"
    assert cli.main([]) == 0
    listing = capsys.readouterr().out
    assert all(f"\n  {verb} " in listing for verb in cli.VERBS)


def test_every_verb_has_a_line_of_help_and_few_flags() -> None:
    group = cli.typer.main.get_command(cli.build_app())
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.get_short_help_str(200), name
        assert all(getattr(p, "help", "") for p in command.params), name
        assert len(command.params) <= 15, name


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    source = """
import sys, time, types
from edgedet import cli
def work() -> None:
    print("ready", flush=True)
    time.sleep(60)
module = types.ModuleType("edgedet.verbs.work")
module.work = work
sys.modules["edgedet.verbs.work"] = module
cli.VERBS = ("work",)
sys.exit(cli.main(["work"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=os.sep,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert complaint == "interrupted\n"


def test_json_of_a_failed_check_holds_the_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "annotations").mkdir()
    content = {"images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8}]}
    content |= {"annotations": [], "categories": [{"id": 1, "name": "pear"}]}
    (tmp_path / "annotations" / "train.json").write_text(json.dumps(content))
    assert cli.main(["scales", str(tmp_path), "--check", "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"] == "DataError"
    assert [finding["severity"] for finding in answer["checks"]["findings"]][0] == "error"
