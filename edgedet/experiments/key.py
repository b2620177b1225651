"""What makes two trainings the same: the name of a run follows from its contents."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from edgedet.experiments.recipes import own_options, own_settings
from edgedet.recipe import Recipe

NOT_LEARNT = ("data", "workers", "cache", "seed")
"""Settings that do not alter what is learnt (`data`: its contents count), and the seed, of which
a run has several."""
HASH_DIGITS = 8
NAME_LENGTH = 60


def run_key(recipe: Recipe, fingerprint: str) -> str:
    """Return `<readable>-<hash8>` for a training on the data of that fingerprint.

    The hash is over every setting that alters the result, the contents of a weights file, and
    the data: a run of other data or settings is another run.
    """
    settings = own_settings(recipe)
    told = {name: value for name, value in settings.items() if name not in NOT_LEARNT}
    told["weights"] = _contents(recipe.weights)
    text = json.dumps([_numbers_alike(told), fingerprint], sort_keys=True)
    return f"{_readable(recipe)}-{hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]}"


def _contents(weights: str) -> str:
    path = Path(weights)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else weights


def _numbers_alike(value: Any) -> Any:
    """25 and 25.0 are one setting."""
    if isinstance(value, dict):
        return {key: _numbers_alike(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers_alike(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _readable(recipe: Recipe) -> str:
    words = [recipe.model]
    for name, value in sorted(own_options(recipe).items()):
        if isinstance(value, str):
            words.append(value)
        elif not isinstance(value, list):
            words.append(f"{name}-{value}")
    return re.sub(r"[^\w.-]+", "-", "-".join(words))[:NAME_LENGTH].strip("-.")
