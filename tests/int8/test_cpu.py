"""What a CPU has for INT8, from recorded files."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgedet.int8.cpu import this_cpu
from edgedet.int8.notes import slower_note

X86 = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx2 avx512_vnni avx512bw\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp\nHardware\t: Jetson\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (X86, "AMD EPYC (avx512_vnni)"),
        (ARM, "Jetson (asimddp)"),
        ("model name : old\nflags : sse2\n", "old (no VNNI)"),
    ],
)
def test_the_instructions_are_read_of_the_system(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(text)
    assert str(this_cpu(str(tmp_path))) == told


def test_without_a_system_that_says_so_nothing_is_claimed(tmp_path: Path) -> None:
    assert this_cpu(str(tmp_path)).int8_flags == ()


def test_where_int8_is_slower_the_faster_precision_is_named() -> None:
    told = slower_note(9.0, {"FP32": 12.0, "FP16": 6.0}, "on this GPU")
    assert told is not None
    assert told.startswith("INT8 is slower than FP16 on this GPU (9.0 ms against 6.0 ms, measured)")
    assert slower_note(5.0, {"FP32": 12.0, "FP16": 6.0}, "on this GPU") is None
