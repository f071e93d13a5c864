"""JupyterLab itself: open a chapter, run it, move its slider, answer wrongly and rightly."""

import shutil
import socket
import subprocess
import sys

import psutil
import pytest

from notebooks import FOLDER

pytestmark = pytest.mark.browser
CHAPTER = "01_softmax"


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab in a copy of the chapter's folder."""
    shutil.copy(FOLDER / f"{CHAPTER}.ipynb", tmp_path)
    shutil.copytree(FOLDER / "figures", tmp_path / "figures")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", "--ServerApp.port_retries=0", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/lab/tree/{CHAPTER}.ipynb"
    children = psutil.Process(process.pid).children(recursive=True)
    for child in [psutil.Process(process.pid), *children]:
        child.kill()
    process.wait()


def write(page, cell, text):
    """Replace what stands in a cell."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")


def find(page, text):
    """The code cell that begins with a text; JupyterLab draws cells when they come near."""
    for _ in range(200):
        cell = page.locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=text)).first
        if cell.count():
            cell.scroll_into_view_if_needed()
            return cell
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(50)
    raise AssertionError(f"no cell with {text!r}")


def test_a_chapter_in_jupyterlab(lab, page):
    page.set_default_timeout(60_000)
    for _ in range(60):
        try:
            page.goto(lab)
            break
        except Exception:
            page.wait_for_timeout(1000)
    page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    status = page.locator("#jp-bottom-panel, #jp-main-statusbar")
    status.get_by_text("| Idle").wait_for()  # before that there is no kernel to run cells
    assert not page.get_by_text("Jupyter news").count()  # no question over the first chapter
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    status.get_by_text("| Busy").wait_for()
    quiet = 0  # between two cells the kernel is idle for a moment, too
    while quiet < 6:
        page.wait_for_timeout(500)
        quiet = quiet + 1 if status.get_by_text("| Idle").count() else 0

    cell = find(page, "plotting.explore(")
    picture = cell.locator(".jp-OutputArea-output img").last
    picture.wait_for(timeout=200_000)
    before = picture.get_attribute("src")
    cell.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([old]) => [...document.querySelectorAll('.jp-OutputArea-output img')].every(i => i.src !== old)",
        arg=[before],
    )

    stub = find(page, "def my_softmax(logits)")
    write(page, stub, "def my_softmax(logits):\n    return np.exp(logits)")
    verdict = find(page, 'check("softmax.stable", my_softmax)')
    verdict.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    verdict.locator(".jp-OutputArea-output", has_text="wrong").wait_for()
    stub = find(page, "def my_softmax(logits)")
    write(
        page,
        stub,
        "def my_softmax(logits):\n"
        "    e = np.exp(logits - np.max(logits, axis=-1, keepdims=True))\n"
        "    return e / e.sum(axis=-1, keepdims=True)",
    )
    verdict = find(page, 'check("softmax.stable", my_softmax)')
    verdict.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    verdict.locator(".jp-OutputArea-output", has_text="agrees with the course").wait_for()
