"""The memory of a board, and what a build makes of it."""

import pytest

from edgedet.runtime import DeviceError
from edgedet.runtime.build_memory import (
    MIB,
    Memory,
    check_memory,
    has_shared_memory,
    machine_memory,
    needed_bytes,
    workspace_bytes,
)

MEMINFO = """\
MemTotal:        4059280 kB
MemFree:          254112 kB
MemAvailable:    1503080 kB
SwapTotal:       2029632 kB
SwapFree:        2000000 kB
HugePages_Total:       0
"""
NEED = needed_bytes("tensorrt", 20 * MIB)


def write(root, name, content):
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_meminfo(tmp_path):
    write(tmp_path, "proc/meminfo", MEMINFO.encode("ascii"))
    assert machine_memory(str(tmp_path)) == Memory(1503080 * 1024, 2000000 * 1024)


@pytest.mark.parametrize("text", [None, "", "MemTotal: 1 kB", "MemAvailable: many", "MemFree:"])
def test_a_system_that_does_not_say(tmp_path, text):
    if text is not None:
        write(tmp_path, "proc/meminfo", text.encode("ascii"))
    assert machine_memory(str(tmp_path)) is None
    check_memory(None, "tensorrt", 10**12)


def test_a_jetson_is_known_by_its_device_tree(tmp_path):
    assert not has_shared_memory(str(tmp_path))
    write(tmp_path, "proc/device-tree/compatible", b"nvidia,p3450-0000\0nvidia,tegra210\0")
    assert has_shared_memory(str(tmp_path))


def test_swap_counts_for_the_build_and_not_for_the_workspace():
    check_memory(Memory(NEED - MIB, 2 * MIB), "tensorrt", 20 * MIB)
    with pytest.raises(DeviceError, match="add swap"):
        check_memory(Memory(NEED - MIB, 0), "tensorrt", 20 * MIB)
    assert workspace_bytes(Memory(NEED, 4096 * MIB), NEED, shared=True) == 16 * MIB


@pytest.mark.parametrize(
    ("available", "workspace"),
    [(NEED, 16 * MIB), (NEED + 400 * MIB, 100 * MIB), (NEED + 9000 * MIB, 256 * MIB)],
)
def test_the_workspace_is_a_quarter_of_what_is_left(available, workspace):
    assert workspace_bytes(Memory(available, 0), NEED, shared=True) == workspace


def test_a_card_has_memory_of_its_own():
    assert workspace_bytes(Memory(0, 0), NEED, shared=False) == 1024 * MIB
    assert workspace_bytes(None, NEED, shared=True) == 256 * MIB
