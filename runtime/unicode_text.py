"""Text that can be written, shown and sent."""


def is_unicode(text: str) -> bool:
    """Whether all of it is: half a pair of UTF-16, which JSON can name, crashes OpenCV."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
