"""Which code and which machine made a result."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import edgedet
from edgedet.runtime.environment import describe_environment

GIT_TIMEOUT_S = 5.0


@cache
def commit() -> str | None:
    """Return the commit of the checkout that runs, `+` appended when files of it were changed.

    None for an installed package, which lies in no checkout, or one of another project.
    """
    home = Path(edgedet.__file__).parent
    if _git(home, "ls-files", "--error-unmatch", Path(edgedet.__file__).name) is None:
        return None
    head, changed = _git(home, "rev-parse", "HEAD"), _git(home, "status", "--porcelain", "-uno")
    return f"{head}{'+' if changed else ''}" if head else None


def origin(device: str) -> dict[str, Any]:
    """Return version, commit, device and machine as plain JSON types."""
    environment = describe_environment()
    told = ("os", "cpu", "usable_cores", "gpu", "packages", "python")
    return {
        "edgedet": edgedet.__version__,
        "commit": commit(),
        "device": device,
        "machine": {name: environment[name] for name in told},
    }


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "-C", str(folder), *words]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None
