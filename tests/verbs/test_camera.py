"""`edgedet camera`: flags and settings on the host; the runs themselves are tested in runtime/."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgedet.live import file_values
from edgedet.runtime.camera.live_source import CaptureWish
from edgedet.runtime.camera.settings import CameraSettings, merged_settings
from edgedet.runtime.camera.source_uri import parse_source
from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs.metrics import METRICS
from edgedet.runtime.tracking.zone import zones_from

ONNX = Path(__file__).resolve().parents[1] / "golden" / "tiny_detector.onnx"


def camera(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgedet", "camera", str(ONNX), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_a_run_of_a_few_frames_with_a_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / "camera.yaml").write_text("source: shapes://64x48@50\nframes: 3\nname: [door]\n")
    ran = camera("--config", "camera.yaml", "--json", "--track", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [row["camera"] for row in rows] == ["door"] * 3
    assert "door: looked at 3 frames in " in ran.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "camera.yaml"]


def test_what_is_wrong_is_one_line_and_a_code(tmp_path: Path) -> None:
    ran = camera("--source", "no.mp4", "--json", folder=tmp_path)
    assert ran.returncode == 3
    assert ran.stderr.count("\n") == 1
    assert json.loads(ran.stdout)["error"] == "DataError"


def test_yaml_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text("source: 0\ntrack: true\non: person\n")  # its `on` is true, says YAML
    settings = merged_settings(file_values(path), {})
    assert (settings.source, settings.track, settings.on) == (("0",), True, ("person",))


def test_yaml_never_runs_code(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(f"source: !!python/object/apply:os.system ['touch {tmp_path}/harm']\n")
    with pytest.raises(UsageError):
        file_values(path)
    assert not (tmp_path / "harm").exists()


def test_a_flag_that_is_zero_is_given(tmp_path: Path) -> None:
    """And wins over the file."""
    (tmp_path / "camera.json").write_text('{"frames": 1, "conf": 0.99}')
    words = ("--source", "shapes://64x48@50", "--config", "camera.json", "--json")
    found = [
        json.loads(camera(*words, *more, folder=tmp_path).stdout)["detections"]
        for more in ((), ("--conf", "0"))
    ]
    assert len(found[0]) < len(found[1])


def test_every_setting_is_in_the_docs_with_its_default(repo: Path) -> None:
    text = (repo / "docs" / "camera.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.+) \|$", text, flags=re.M)
    told = {name: default.strip() for name, default, _ in rows if name in CameraSettings._fields}
    assert list(told) == list(CameraSettings._fields)
    for name, value in CameraSettings()._asdict().items():
        assert told[name] == written(value), name


def written(value: object) -> str:
    """As the table has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_worked_file_of_the_docs_is_one(repo: Path, tmp_path: Path) -> None:
    text = (repo / "docs" / "camera.md").read_text()
    (worked,) = [each for each in blocks(text, "yaml") if each.startswith("source:")]
    (tmp_path / "camera.yaml").write_text(worked)
    settings = merged_settings(file_values(tmp_path / "camera.yaml"), {})
    assert settings.name == ("gate", "yard")
    assert settings.on == ("person", "car")
    kinds = [parse_source(uri, CaptureWish()).kind for uri in settings.source]
    assert kinds == ["rtsp", "usb"]


def test_the_zones_of_the_docs_are_some(repo: Path) -> None:
    text = (repo / "docs" / "camera.md").read_text()
    (zones,) = [json.loads(each) for each in blocks(text, "json") if each.startswith("[")]
    assert [zone.name for zone in zones_from(zones, ("person",))] == ["gate", "yard"]


def test_every_metric_is_in_the_docs(repo: Path) -> None:
    text = (repo / "docs" / "camera.md").read_text()
    assert not [metric.name for metric in METRICS if f"_{metric.name}`" not in text]


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.M | re.S)


@pytest.mark.parametrize("flag", ["--source", "--serve", "--tiles", "--overlap", "--on"])
def test_the_docs_know_the_flags(repo: Path, flag: str) -> None:
    assert flag in (repo / "docs" / "camera.md").read_text()
