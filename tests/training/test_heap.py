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
torch.set_num_threads(1)
images = torch.randn(10_000_000)  # 40 MB: from 32 MB on glibc maps each tensor by itself
weight = torch.ones(1, requires_grad=True)


def step():
    hidden = images
    for _ in range(2):
        hidden = torch.relu(hidden * weight)
    hidden.mean().backward()


# A heap that is kept finds its places in the first steps: what still pins one moves the next.
for _ in range(40 if "keep" in sys.argv else 2):
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
    given_back, kept = page_faults(), page_faults("keep")
    assert given_back > 5000
    assert kept < given_back / 50
