"""When a class appears, and when it has gone."""

import pytest
from seen_frames import CLASS_NAMES, seen

from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs.presence import APPEARED, GONE, Presence

CAT, PERSON = 0, 2


def told(presence, moments, camera="door"):
    """(time, kind, label) of all changes."""
    return [
        (at_s, change.kind, change.label)
        for at_s, labels in moments
        for change in presence.changes(seen(at_s, labels, camera=camera))
    ]


def steady(begin_s, end_s, labels, step_s=0.125):
    count = int(round((end_s - begin_s) / step_s))
    return [(round(begin_s + index * step_s, 3), labels) for index in range(count)]


def test_it_appears_once_it_was_seen_for_a_while_and_goes_after_a_while():
    presence = Presence(["person"], CLASS_NAMES)
    moments = steady(0, 1, []) + steady(1, 5, [PERSON]) + steady(5, 10, [])
    assert told(presence, moments) == [(1.375, APPEARED, PERSON), (6.875, GONE, PERSON)]


def test_one_false_alarm_and_one_missed_frame_are_no_events():
    presence = Presence(["person"], CLASS_NAMES)
    moments = steady(0, 1, []) + [(1.0, [PERSON])] + steady(1.125, 4, [])
    moments += steady(4, 6, [PERSON]) + [(6.0, [])] + steady(6.125, 8, [PERSON])
    assert told(presence, moments) == [(4.375, APPEARED, PERSON)]


def test_false_alarms_far_apart_do_not_add_up():
    presence = Presence(["person"], CLASS_NAMES)
    moments = [(float(second), [PERSON] if second % 2 else []) for second in range(40)]
    assert told(presence, moments) == []


def test_only_what_was_asked_for_and_each_camera_by_itself():
    presence = Presence(["person"], CLASS_NAMES)
    assert told(presence, steady(0, 2, [CAT])) == []
    assert told(presence, steady(2, 3, [PERSON]), "yard") == [(2.375, APPEARED, PERSON)]
    assert told(presence, steady(3, 4, [PERSON]), "door") == [(3.375, APPEARED, PERSON)]


def test_it_counts_and_names_the_best():
    presence = Presence(["cat"], CLASS_NAMES)
    presence.changes(seen(0.0, [CAT, CAT, PERSON]))
    (change,) = presence.changes(seen(0.5, [CAT, PERSON, CAT], scores=[0.8, 0.7, 0.6]))
    assert (change.count, round(change.best_score, 3)) == (2, 0.8)


def test_a_slow_camera_has_events_too():
    presence = Presence(["person"], CLASS_NAMES)
    moments = steady(0, 4, [PERSON], 1.0) + steady(4, 8, [], 1.0)
    assert told(presence, moments) == [(1.0, APPEARED, PERSON), (5.0, GONE, PERSON)]


def test_a_camera_that_was_away_begins_anew():
    """For both who had appeared and a single false alarm."""
    presence = Presence(["person", "cat"], CLASS_NAMES)
    moments = [*steady(0, 2, [PERSON]), (2.0, [PERSON, CAT]), *steady(3600, 3602, [PERSON])]
    moments.insert(-15, (3600.0625, [CAT]))
    assert told(presence, moments) == [
        (0.375, APPEARED, PERSON),
        (3600.0, GONE, PERSON),
        (3600.5, APPEARED, PERSON),
    ]


def test_pictures_far_apart_are_not_taken_for_a_camera_that_was_away():
    presence = Presence(["person"], CLASS_NAMES)
    moments = steady(0, 60, [PERSON], 20.0) + steady(60, 120, [], 20.0)
    assert told(presence, moments) == [(20.0, APPEARED, PERSON), (60.0, GONE, PERSON)]


def test_an_unknown_class():
    with pytest.raises(UsageError, match="did you mean 'person'"):
        Presence(["persom"], CLASS_NAMES)
