"""`make run` with notebooks as they should not be, and stopped halfway."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import run
from notebooks import ROOT


def write(path, *sources, heading=None):
    cells = [new_markdown_cell(heading or f"# {path.stem}"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of notebooks in the place of the course's, and one for their pages."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(run, "FOLDER", folder)
    monkeypatch.setattr(run, "chapters", lambda: sorted(folder.glob("*.ipynb")))
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "PAGES", tmp_path / "pages")
    monkeypatch.setattr(sys, "argv", ["run.py"])
    return folder


def test_bad_notebooks_fail_and_the_others_go_on(folder, capsys, monkeypatch):
    write_page = run.write_page

    def failing(notebook, name):
        if name == "06_no_page":
            raise OSError("no room")
        write_page(notebook, name)

    monkeypatch.setattr(run, "write_page", failing)
    (folder / "01_no_json.ipynb").write_text('{"cells": [', encoding="utf-8")
    write(folder / "02_no_heading.ipynb", "1", heading="Text without a heading")
    nbformat.write(new_notebook(), folder / "03_no_cells.ipynb")
    (folder / "04_no_text.ipynb").write_bytes(b"\xff\xfe\x00")
    (folder / "05_no_notebook.ipynb").write_text("[1, 2]", encoding="utf-8")
    write(folder / "06_no_page.ipynb", "1")
    write(folder / "07_good.ipynb", "print('fine')", heading='# Good & <em>"well"</em>')
    pages = folder.parent / "pages"
    pages.mkdir()
    for name in ("01_no_json", "99_removed", "notes"):
        (pages / f"{name}.html").write_text("old", encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        run.main()
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    assert printed.count("FAILED") == 6
    assert printed.count("it cannot be run: ") == 5
    assert printed.count("the first cell has no heading of level 1") == 2
    assert "its page cannot be written: no room" in printed
    assert "[7/7] 07_good" in printed
    # What there is: the good page, and what is no chapter's page; the index leads nowhere else.
    assert sorted(path.name for path in pages.glob("*.html")) == ["07_good.html", "index.html", "notes.html"]
    index = (pages / "index.html").read_text(encoding="utf-8")
    assert index.count("<tr><td>") == 7
    assert index.count('<a href="0') == 1
    assert '<a href="07_good.html">Good &amp; &lt;em&gt;&quot;well&quot;&lt;/em&gt;</a>' in index
    assert index.count("<td>failed</td>") == 6


def test_a_cell_that_takes_too_long_is_said_to(folder, monkeypatch):
    monkeypatch.setattr(run, "CELL_TIMEOUT", 2)
    write(folder / "01_slow.ipynb", "1", "import time\ntime.sleep(60)")
    _, found = run.execute(folder / "01_slow.ipynb")
    assert found.failure == "cell 2:\nimport time\ntime.sleep(60)\n\ntimed out: it had not ended after 2 seconds"


@pytest.mark.skipif(sys.platform == "win32", reason="there a signal ends a process at once")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(number, folder):
    write(folder / "01_done.ipynb", "1")
    write(
        folder / "02_long.ipynb",
        "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(300)",
    )
    write(folder / "03_never.ipynb", "1")
    code = f"""
import pathlib, sys
sys.path.insert(0, {str(ROOT / "tools")!r})
import run
run.FOLDER = pathlib.Path({str(folder)!r})
run.ROOT, run.PAGES = run.FOLDER.parent, run.FOLDER.parent / "pages"
run.chapters = lambda: sorted(run.FOLDER.glob("*.ipynb"))
sys.argv = ["run.py"]
run.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while not (folder / "pid").is_file() or not (folder / "pid").read_text(encoding="utf-8"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    kernel = int((folder / "pid").read_text(encoding="utf-8"))
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "stopped" in out
    assert "[3/3]" not in out
    assert not psutil.pid_exists(kernel)
    index = Path(folder.parent / "pages" / "index.html").read_text(encoding="utf-8")
    assert "01_done" in index
    assert index.count("<tr><td>") == 1
