"""The course's pages and decks, built once, behind a server in a sub-path, and a browser."""

import http.server
import os
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import pages
import run
import slides
from notebooks import ROOT, chapters

SLIDER = "01_softmax"  # executed here, so that its slider is drawn; the other chapters are as they are stored
KEPT = ROOT / "build" / "browser"  # pictures of what failed


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The site in `a/course` and the decks in `a/slides` of a folder; `COURSE_BUILT` names one built before."""
    if os.environ.get("COURSE_BUILT"):
        return Path(os.environ["COURSE_BUILT"])
    folder = tmp_path_factory.mktemp("browser")
    executed = folder / "executed"
    executed.mkdir()
    for path in chapters():
        if path.stem == SLIDER:
            notebook, result = run.execute(path, folder / "frames" / SLIDER)
            assert not result.failure, result.failure
            run.write(run.tidy(notebook), executed / path.name)
        else:
            shutil.copy(path, executed)
    pages.gather(sorted(executed.glob("*.ipynb")), [result._asdict()], folder / "build" / "site")
    pages.build(folder / "build" / "site", folder / "a" / "course")
    slides.make(executed, folder / "a" / "slides", folder / "frames")
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):  # noqa: A002
        pass


@pytest.fixture(scope="session")
def address(built):
    """Where the folder is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    """Chromium: the system's, or the one that `COURSE_CHROMIUM` names."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.fail("no Chromium: install it (Debian: apt-get install chromium), or name it in COURSE_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture
def page(browser, request):
    """A page that must not complain, nor ask another host for anything; its picture is kept if a test fails."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    opened = context.new_page()
    opened.complaints = []
    opened.on(
        "console", lambda m: opened.complaints.append(f"{m.text} {m.location}") if m.type == "error" else None
    )
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("request", lambda r: opened.complaints.append(r.url) if is_foreign(r.url) else None)
    yield opened
    if request.node.stash.get(FAILED, False):
        KEPT.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=KEPT / f"{request.node.name.replace('/', '_')}.png")
    context.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.stash[FAILED] = report.failed


def is_foreign(url):
    return not url.startswith(
        ("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "data:", "blob:", "about:", "file:")
    )


def html_pages(folder: Path):
    """All pages of the site but those that hold sources, and what the theme leaves of its templates."""
    found = [path.relative_to(folder) for path in folder.rglob("*.html")]
    return sorted(path.as_posix() for path in found if path.parts[0] not in ("_modules", "_static"))
