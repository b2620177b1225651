"""The systemd unit, read by systemd itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "docker" / "edgedet-camera.service"


def test_systemd_understands_it(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    # It looks for the program, which is where the user puts it.
    text = UNIT.read_text().replace("/opt/edgedet/bin/edgedet", sys.executable)
    unit = tmp_path / UNIT.name
    unit.write_text(text)
    command = ["systemd-analyze", "verify", str(unit)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, [line for line in ran.stderr.splitlines() if UNIT.name in line]) == (
        0,
        [],
    )


def test_its_command_is_one_of_ours() -> None:
    from edgedet.cli import VERBS

    (command,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), flags=re.M)
    words = command.split()
    assert words[0].endswith("/edgedet")
    assert words[1] in VERBS
    assert re.search(r"^Type=notify$", UNIT.read_text(), flags=re.M)
