import subprocess
import sys

import pytest

PROGRAM = """
import resource
import sys

import torch

from edgedet.training.heap import keep_freed_memory

if "keep" in sys.argv and not keep_freed_memory():
    sys.exit(3)


def step():
    torch.ones(25_000_000)  # 100 MB: mapped, cleared and unmapped each time, unless kept


step()
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    return int(done.stdout)


def test_a_step_reuses_the_memory_of_the_one_before() -> None:
    """The kernel's own count of pages that it had to hand out."""
    given_back = page_faults()
    # Where the kernel happens to put a library in the way of the heap, glibc maps after all.
    kept = min(page_faults("keep") for _ in range(4))
    assert given_back > 5000
    assert kept < given_back / 50
