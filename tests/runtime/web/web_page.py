"""What tests read off a page in a browser."""

import time

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
# A canvas tells what an image shows: its mean brightness.
BRIGHTNESS = """image => {
    if (!image.naturalWidth) return null;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 8;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 8, 8);
    return context.getImageData(0, 0, 8, 8).data.reduce((a, b) => a + b, 0);
}"""


def moves(page, index=0):
    """Wait until the live picture has changed three times."""
    image = page.locator("img.live").nth(index)
    seen, deadline_s = [], time.monotonic() + 15
    while len(seen) < 4 and time.monotonic() < deadline_s:
        value = image.evaluate(BRIGHTNESS)
        if value is not None and value not in seen[-1:]:
            seen.append(value)
        page.wait_for_timeout(40)
    return len(seen) == 4


def becomes(page, script, value, within_ms=15000):
    page.wait_for_function("value => ({}) === value".format(script), arg=value, timeout=within_ms)
