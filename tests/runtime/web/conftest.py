"""A real browser: Debian's Chromium, driven by Playwright."""

from pathlib import Path

import pytest
from web_page import DESKTOP

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip("no browser at " + CHROMIUM)
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser):
    """Open a scene's page; at its end no script failed and nothing was refused."""
    pages, errors = [], []

    def run(of, size=DESKTOP, touch=False, clock=False):
        page = browser.new_context(viewport=size, has_touch=touch, is_mobile=touch).new_page()
        if clock:
            page.clock.install()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Policy" in said.text else None)
        page.goto(of.server.link)
        pages.append(page)
        return page

    yield run
    for page in pages:
        page.context.close()
    assert errors == []
