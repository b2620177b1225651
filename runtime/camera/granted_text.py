"""What cameras were asked for and what they gave, in words."""

from typing import Optional, Tuple

from .live_source import Granted


def words_of(size_hw: Optional[Tuple[int, int]], fps: Optional[float], form: str) -> str:
    """Return `1280x720 MJPG at 30 fps`, without what is not known; empty when nothing is."""
    words = []
    if size_hw is not None:
        words.append("{}x{}".format(size_hw[1], size_hw[0]))
    if form:
        words.append(form)
    if fps:
        words.append("at {:g} fps".format(round(fps, 2)))
    return " ".join(words)


def granted_words(granted: Granted) -> str:
    """Return what a source gives, as `words_of` does."""
    return words_of(granted.size_hw, granted.fps, granted.form)
