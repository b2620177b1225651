"""`edgedet camera --serve` with a real model and video, seen by a real browser."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = "/usr/bin/chromium"
TOTAL = "Number(document.querySelector('[data-total]')?.textContent)"
STATE = "document.querySelector('[data-state]')?.textContent"
SHOWN = "document.querySelector('img.live')?.naturalWidth"
BRIGHTNESS = """image => {
    const context = document.createElement("canvas").getContext("2d");
    context.drawImage(image, 0, 0, 64, 64);
    return context.getImageData(0, 0, 64, 64).data.reduce((a, b) => a + b, 0);
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(data: Path, folder: Path, port: int) -> Iterator[None]:
    """Run the verb; at its end it stops in order on SIGTERM."""
    config = folder / "camera.json"
    config.write_text(json.dumps({"loop": True}))
    model = data / "weights" / "yolox_nano_coco_416.onnx"
    video = data / "video" / "bottle-detection.mp4"
    command = [sys.executable, "-m", "edgedet", "camera", str(model), "--source", str(video)]
    command += ["--config", str(config), "--serve", "--listen", f"127.0.0.1:{port}"]
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, (folder / "log.txt").read_text()[-2000:]
        finally:
            process.kill()
            process.wait()


def wait_for_port(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
            time.sleep(0.1)
    pytest.fail("the page did not come within half a minute")


@pytest.mark.slow
def test_bottles_on_a_page(shared_data: Path, tmp_path: Path) -> None:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    port = free_port()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(30000)
        with running(shared_data, tmp_path, port):
            wait_for_port(port)
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_function(f"() => {STATE} === 'Live' && {SHOWN} === 640 && {TOTAL} >= 1")
            assert "bottle" in page.locator("[data-classes]").inner_text()
            shown = set()
            for _ in range(10):
                shown.add(page.locator("img.live").evaluate(BRIGHTNESS))
                page.wait_for_timeout(200)
            assert len(shown) >= 5
            page.get_by_label("Confidence").fill("0.99")
            page.wait_for_function(f"() => {TOTAL} === 0")
            page.get_by_label("Confidence").fill("0.4")
            page.wait_for_function(f"() => {TOTAL} >= 1")
        page.wait_for_function(f"() => {STATE} === 'Offline'")
        with running(shared_data, tmp_path, port):
            page.wait_for_function(f"() => {STATE} === 'Live' && {TOTAL} >= 1")
        browser.close()
