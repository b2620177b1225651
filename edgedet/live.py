"""One run of `edgedet camera`: the settings, the model, and then the runtime's cameras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedet.opening import open_any
from edgedet.recipe_file import read_yaml
from edgedet.runtime.camera.run import run_cameras
from edgedet.runtime.camera.settings import merged_settings, read_settings
from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs.log_form import logged_as


def look_live(model: Path, device: str, config: Path | None, given: Mapping[str, Any]) -> None:
    """Look at the cameras until they end.

    given: settings by name, which win over those of the file. Raises UsageError for a setting that
    is wrong, and what `open_any` and `run_cameras` raise.
    """
    settings = merged_settings(file_values(config), given)
    threads = settings.threads
    with (
        logged_as(settings.log),
        open_any(model, settings.conf, settings.iou, device=device, threads=threads) as detector,
    ):
        run_cameras(settings, detector)


def file_values(config: Path | None) -> dict[str, Any]:
    """Return what a file of settings holds, YAML or JSON; UsageError when it holds none."""
    if config is None:
        return {}
    if config.suffix.lower() == ".json":
        return read_settings(config)
    if not config.exists():
        raise UsageError(f"a file of settings at {config}", "no such file", "check the path")
    # YAML reads the bare word `on` as true.
    return {"on" if name is True else str(name): value for name, value in read_yaml(config).items()}
