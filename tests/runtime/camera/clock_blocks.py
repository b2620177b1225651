"""Reads the time out of the frames of `rtsp_server.py`."""

COLUMNS, ROWS = 6, 4
MODULUS_MS = 1 << (COLUMNS * ROWS)


def shown_ms(image):
    """The milliseconds that a frame shows, modulo 2**24; the clock is that of the machine."""
    height, width = image.shape[:2]
    ms = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            y = row * (height // ROWS) + height // ROWS // 2
            x = column * (width // COLUMNS) + width // COLUMNS // 2
            ms |= int(image[y, x].mean() > 127) << (row * COLUMNS + column)
    return ms


def age_ms(image, now_s):
    """How long ago the frame was made, from `time.monotonic()`."""
    return (int(now_s * 1000) - shown_ms(image)) % MODULUS_MS
