"""Groups of things that are linked in pairs."""

from collections.abc import Iterable


def linked_groups(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the sorted members of each group that `pairs` link, directly or not; largest first."""
    leader: dict[int, int] = {}

    def find(member: int) -> int:
        while leader.setdefault(member, member) != member:
            leader[member] = member = leader[leader[member]]
        return member

    for first, second in pairs:
        leader[find(first)] = find(second)
    groups: dict[int, list[int]] = {}
    for member in sorted(leader):
        groups.setdefault(find(member), []).append(member)
    return sorted(groups.values(), key=lambda group: (-len(group), group))
