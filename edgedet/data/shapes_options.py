"""Choices of the shapes generator, and how they are written on the command line."""

from dataclasses import dataclass, fields

from edgedet.nearest import check_name
from edgedet.runtime.errors import UsageError

PREFIX = "shapes"
PALETTES = ("tied", "random")
SIZE_CLASSES = ("tied", "free")
HIDDEN = ("kept", "dropped")


@dataclass(frozen=True)
class ShapesOptions:
    """What to generate (shapes_keypoints.md, A1)."""

    train: int = 1000
    """Images to train on."""
    val: int = 200
    """Images to validate on."""
    seed: int = 641
    """Same seed, same images."""
    palette: str = "tied"
    """"tied": the class has its colour; "random": any colour."""
    size_class: str = "tied"
    """"tied": the class has its range of sizes; "free": any of the three ranges."""
    hidden: str = "kept"
    """"kept": an object that later ones cover stays labelled, however little of it shows;
    "dropped": one of which less than a quarter would show is left out of the picture."""

    def __post_init__(self) -> None:
        check_name("hidden", self.hidden, HIDDEN)
        check_name("palette", self.palette, PALETTES)
        check_name("size_class", self.size_class, SIZE_CLASSES)
        for name, least, most in (("train", 1, 10**6), ("val", 1, 10**6), ("seed", 0, 2**32 - 1)):
            if not least <= getattr(self, name) <= most:
                found = str(getattr(self, name))
                raise UsageError(f"{name} from {least} to {most}", found, f"change {name}")


def is_shapes(data: str) -> bool:
    """Return whether `data` asks for the generator; a folder of that name is `./shapes`."""
    return data == PREFIX or data.startswith(PREFIX + ":")


def parse_shapes(data: str) -> ShapesOptions:
    """Read "shapes" or "shapes:palette=random,train=50"; `UsageError` names what is unknown."""
    kinds = {field.name: field.type for field in fields(ShapesOptions)}
    chosen: dict[str, str | int] = {}
    for part in filter(None, data.removeprefix(PREFIX).removeprefix(":").split(",")):
        name, _, text = part.partition("=")
        check_name("shapes option", name, kinds)
        chosen[name] = _number(name, text) if kinds[name] is int else text
    return ShapesOptions(**chosen)  # type: ignore[arg-type]


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        fix = f"write {PREFIX}:{name}=100"
        raise UsageError(f"{name} to be a whole number", repr(text), fix) from None
