"""Lines and polygons that the user draws into the frame of a camera."""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import UsageError
from ..json_file import read_json
from ..nearest import check_name
from ..unicode_text import is_unicode

Point = Tuple[float, float]

LINE, POLYGON = "line", "polygon"
BOTTOM, CENTER = "bottom", "center"
KEYS = ("name", LINE, POLYGON, "anchor", "classes")


class Zone(NamedTuple):
    """One of them; points are x and y as fractions of the frame's width and height."""

    name: str
    shape: str
    """`LINE` from its first to its second point, or `POLYGON`."""
    points: Tuple[Point, ...]
    anchor: str = BOTTOM
    """The point of a box that counts: `BOTTOM`, the middle of its lower edge, or `CENTER`."""
    labels: Optional[Tuple[int, ...]] = None
    """Only objects of these classes count; None: all of them."""


def read_zones(path: Path, class_names: Sequence[str]) -> Tuple[Zone, ...]:
    """The zones in a JSON file, see `zones_from`; UsageError names what is wrong."""
    return zones_from(read_json(path, "zones"), class_names)


def zones_from(values: Any, class_names: Sequence[str]) -> Tuple[Zone, ...]:
    """The zones out of a list of `{"name": "gate", "line": [[0.1, 0.5], [0.9, 0.5]]}`.

    Instead of `line` a `polygon` of three or more points; and as one likes `"anchor": "center"`
    and `"classes": ["car"]`. Raises UsageError, which names the zone and what is wrong with it.
    """
    if not isinstance(values, (list, tuple)) or not values:
        raise UsageError("a list of zones", _short(values), 'write [{"name": ..., "line": ...}]')
    zones = [_zone(value, number, class_names) for number, value in enumerate(values, 1)]
    names = [zone.name for zone in zones]
    for name in names:
        if names.count(name) > 1:
            raise UsageError("a different name for each zone", repr(name) + " twice", "change one")
    return tuple(zones)


def _zone(value: Any, number: int, class_names: Sequence[str]) -> Zone:
    if not isinstance(value, dict):
        fix = 'write {"name": ..., "line": ...}'
        raise UsageError("names with values as zone {}".format(number), _short(value), fix)
    for key in value:
        check_name("key of zone {}".format(number), str(key), KEYS)
    name = value.get("name")
    if not isinstance(name, str) or not name.strip():
        raise UsageError("a name for zone {}".format(number), _short(name), "give it one")
    if not is_unicode(name):
        expected = "a name of whole characters for zone {}".format(number)
        raise UsageError(expected, _short(name), "write it in UTF-8")
    shapes = [shape for shape in (LINE, POLYGON) if shape in value]
    if len(shapes) != 1:
        found = " and ".join(shapes) or "none"
        raise UsageError(
            "a line or a polygon for zone {!r}".format(name), found, "give one of them"
        )
    points = _points(value[shapes[0]], shapes[0], name)
    anchor = value.get("anchor", BOTTOM)
    if anchor not in (BOTTOM, CENTER):
        expected = "{} or {} as anchor of zone {!r}".format(BOTTOM, CENTER, name)
        raise UsageError(expected, _short(anchor), "take one of them")
    return Zone(name, shapes[0], points, anchor, _labels(value, name, class_names))


def _points(values: Any, shape: str, name: str) -> Tuple[Point, ...]:
    expected = "[x, y] pairs in 0..1 as the {} of zone {!r}".format(shape, name)
    if not isinstance(values, (list, tuple)):
        raise UsageError(expected, _short(values), "write [[x, y], [x, y]]")
    for value in values:
        if not _is_point(value):
            raise UsageError(expected, _short(value), "give fractions of the frame, not pixels")
    points = [(float(x), float(y)) for x, y in values]
    if shape == LINE and len(points) != 2:
        raise UsageError("2 points for line {!r}".format(name), str(len(points)), "give two")
    if shape == POLYGON and len(points) < 3:
        expected = "at least 3 points for polygon {!r}".format(name)
        raise UsageError(expected, str(len(points)), "give more")
    _check_shape(points, shape, name)
    return tuple(points)


def _is_point(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    # Written so that a NaN fails as well; True is 1 to Python, and no fraction.
    return all(
        isinstance(part, (int, float)) and not isinstance(part, bool) and 0 <= part <= 1
        for part in value
    )


def _check_shape(points: List[Point], shape: str, name: str) -> None:
    if len(set(points)) < len(points):
        expected = "different points for {} {!r}".format(shape, name)
        twice = next(point for point in points if points.count(point) > 1)
        raise UsageError(expected, "{} twice".format(list(twice)), "leave one out or change it")
    count = len(points)
    edges = [(points[i], points[(i + 1) % count]) for i in range(count)]
    for i in range(count if shape == POLYGON else 0):
        if count == 3 and _side(points[0], points[1], points[2]) == 0:
            expected = "an area inside polygon {!r}".format(name)
            raise UsageError(expected, "three points on one line", "move one of them")
        for j in range(i + 1, count):
            if _clash(edges[i], edges[j]):
                expected = "edges that do not cross in polygon {!r}".format(name)
                found = "edge {} across edge {}".format(i + 1, j + 1)
                raise UsageError(expected, found, "give the points in order around it")


def _clash(a: Tuple[Point, Point], b: Tuple[Point, Point]) -> bool:
    """Whether two edges share more than the corner between them."""
    shared = [point for point in a if point in b]
    if shared:
        # Neighbours: they clash when one lies on the other.
        ends = [point for point in a + b if point not in shared]
        return _between(shared[0], ends[0], ends[1]) or _between(shared[0], ends[1], ends[0])
    sides = _side(a[0], a[1], b[0]), _side(a[0], a[1], b[1])
    others = _side(b[0], b[1], a[0]), _side(b[0], b[1], a[1])
    if sides[0] * sides[1] < 0 and others[0] * others[1] < 0:
        return True
    touching = [(a, b[0]), (a, b[1]), (b, a[0]), (b, a[1])]
    return any(_between(edge[0], point, edge[1]) for edge, point in touching)


def _between(first: Point, point: Point, last: Point) -> bool:
    """Whether a point lies on the edge from the first to the last."""
    if _side(first, last, point) != 0:
        return False
    return all(
        min(one, other) <= part <= max(one, other) for one, part, other in zip(first, point, last)
    )


def _side(first: Point, second: Point, point: Point) -> int:
    """On which side of the line through the first two a point lies: -1, 0 (on it) or 1."""
    cross = (second[0] - first[0]) * (point[1] - first[1]) - (second[1] - first[1]) * (
        point[0] - first[0]
    )
    # Fractions as 0.1 are not exact: what lies this near lies on it.
    return 0 if abs(cross) < 1e-12 else (1 if cross > 0 else -1)


def _labels(
    value: Dict[str, Any], name: str, class_names: Sequence[str]
) -> Optional[Tuple[int, ...]]:
    if "classes" not in value:
        return None
    classes = value["classes"]
    if not isinstance(classes, (list, tuple)) or not classes:
        expected = "a list of classes for zone {!r}".format(name)
        raise UsageError(expected, _short(classes), "name at least one, or leave it out")
    for each in classes:
        check_name("class of zone {!r}".format(name), str(each), class_names)
    return tuple(sorted({list(class_names).index(str(each)) for each in classes}))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
