"""Random numbers that depend on what is drawn for, not on who draws."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded_by(*parts: int) -> Iterator[None]:
    """Seed torch's CPU generator from `parts` inside the block; restore its state afterwards.

    Only the CPU generator: `torch.manual_seed` would reset CUDA's too, and dropout with it.
    """
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(stable_hash(*parts))
    try:
        yield
    finally:
        torch.set_rng_state(state)


def stable_hash(*parts: int) -> int:
    """Return an integer in [0, 2**63) that is the same in every process and on every machine."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
