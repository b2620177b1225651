"""What a user changes."""

import pytest

from edgedet.runtime.camera.controls import Controls


def test_confidence_stays_a_fraction():
    controls = Controls(0.25)
    controls.confidence = 0.5
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="not in 0..1"):
            controls.confidence = wrong
    assert controls.confidence == 0.5


def test_stopping_wakes_whoever_waits():
    controls = Controls(0.25, recording=True)
    assert (controls.stopping, controls.recording, controls.wait(0.0)) == (False, True, False)
    controls.stop()
    controls.stop()
    assert controls.stopping
    assert controls.wait(60.0)
