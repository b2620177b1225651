"""The labelled images of a training: a part to learn from and a part to judge by."""

import hashlib
from typing import NamedTuple

from edgedet.data.annotations import Annotations
from edgedet.data.opening import open_train_val


class Labelled(NamedTuple):
    """Two splits of one data set, with the same classes."""

    train: Annotations
    val: Annotations

    def fingerprint(self) -> str:
        """Return a sha256 (hex) that changes with any image name, size or object of either."""
        both = f"{self.train.fingerprint()} {self.val.fingerprint()}"
        return hashlib.sha256(both.encode()).hexdigest()


def open_labelled(data: str, bbox_mode: str) -> Labelled:
    """Read the splits `train` and `val` of `data`; DataError when one is missing, they differ in
    their classes, or are the same images.
    """
    return Labelled(*open_train_val(data, bbox_mode))
