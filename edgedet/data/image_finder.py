"""Find image files by the names that label files give."""

from collections.abc import Sequence
from pathlib import Path

from edgedet.data.faults import FaultError, Where


class ImageFinder:
    """Looks for names in a few folders, the one of the last hit first."""

    def __init__(self, folders: Sequence[Path], source: Path) -> None:
        """Look in `folders`; `source` is the label file to name when nothing is found."""
        self._folders = list(folders)
        self._source = source

    def find(self, names: Sequence[str]) -> Path:
        """Return the first existing file of `names` in any folder; else raise `FaultError`."""
        for place, folder in enumerate(self._folders):
            for name in names:
                path = folder / name
                if path.is_file():
                    self._folders.insert(0, self._folders.pop(place))
                    return path
        raise FaultError(
            Where("missing-image", self._source, names[0]),
            f"image {names[0]} named by {self._source}",
            f"no such file in {' or '.join(str(folder) for folder in sorted(self._folders))}",
            "restore the image or remove its labels",
        )
