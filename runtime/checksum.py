"""The SHA-256 of a file, by which artefacts know each other."""

import hashlib
from pathlib import Path
from typing import Union

BLOCK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_bytes(content: "Union[bytes, memoryview]") -> str:
    """Return the SHA-256 of what is in memory, as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()
