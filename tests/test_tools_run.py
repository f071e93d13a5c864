"""`make run` with notebooks as they should not be, and stopped halfway."""

import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import run
from notebooks import ROOT, read

pytestmark = pytest.mark.integration


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
    monkeypatch.setattr(run, "EXECUTED", tmp_path / "executed")
    monkeypatch.setattr(run, "FRAMES", tmp_path / "frames")
    monkeypatch.setattr(run, "RUNS", tmp_path / "runs.json")
    monkeypatch.setattr(sys, "argv", ["run.py"])
    return folder


def test_bad_notebooks_fail_and_the_others_go_on(folder, capsys, monkeypatch):
    made = []

    def failing(executed, runs):
        made.extend(runs)
        raise RuntimeError("no room")

    monkeypatch.setattr(run.pages, "make", failing)
    (folder / "01_no_json.ipynb").write_text('{"cells": [', encoding="utf-8")
    write(folder / "02_no_heading.ipynb", "1", heading="Text without a heading")
    nbformat.write(new_notebook(), folder / "03_no_cells.ipynb")
    (folder / "04_no_text.ipynb").write_bytes(b"\xff\xfe\x00")
    (folder / "05_no_notebook.ipynb").write_text("[1, 2]", encoding="utf-8")
    write(folder / "06_good.ipynb", "print('fine')", heading='# Good & <em>"well"</em>')
    executed = folder.parent / "executed"
    executed.mkdir()
    (executed / "01_no_json.ipynb").write_text("as it was before", encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        run.main()
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    assert printed.count("FAILED") == printed.count("it cannot be run: ") == 5
    assert printed.count("the first cell has no heading of level 1") == 2
    assert "[6/6] 06_good" in printed
    assert "the pages cannot be written: no room" in printed
    assert [path.name for path in executed.iterdir()] == ["06_good.ipynb"]
    assert [bool(result["failure"]) for result in made] == 5 * [True] + [False]
    assert made == json.loads((folder.parent / "runs.json").read_text(encoding="utf-8"))


def test_sliders_become_frames_unless_the_notebooks_are_stored(folder, monkeypatch):
    monkeypatch.setenv("COURSE_FRAMES", str(folder / "of_somebody_else"))
    source = """from matplotlib import pyplot as plt
from course_utils import plotting
def draw(power):
    figure, axes = plt.subplots()
    axes.plot([0, 1, 2**power])
    plotting.show(figure, alt=f"power {power}")
plotting.explore(draw, power=range(3))"""
    write(folder / "01_slider.ipynb", source)
    monkeypatch.setattr(run.pages, "make", lambda executed, runs: None)
    run.main()
    (cell,) = [c for c in read(folder.parent / "executed" / "01_slider.ipynb").cells if c.cell_type == "code"]
    (output,) = cell.outputs
    html = (folder.parent / "frames" / "01_slider" / "draw.html").read_text(encoding="utf-8")
    assert output.data["text/html"] == html
    assert html.count('"power 1"') == 1
    (told,) = json.loads((folder.parent / "runs.json").read_text(encoding="utf-8"))
    assert run.seconds_of_frames(folder.parent / "frames" / "01_slider") > 0
    assert told["seconds"] > 0
    monkeypatch.setattr(sys, "argv", ["run.py", "--save"])
    run.main()
    (cell,) = [c for c in read(folder / "01_slider.ipynb").cells if c.cell_type == "code"]
    assert cell.outputs == []
    assert not (folder / "of_somebody_else").exists()


def test_a_cell_that_takes_too_long_is_said_to(folder, monkeypatch):
    monkeypatch.setattr(run, "CELL_TIMEOUT", 5)  # the first cell needs some of it on a busy machine
    write(folder / "01_slow.ipynb", "1", "import time\ntime.sleep(600)")
    _, found = run.execute(folder / "01_slow.ipynb")
    assert found.failure == "cell 2:\nimport time\ntime.sleep(600)\n\ntimed out: it had not ended after 5 seconds"


@pytest.mark.skipif(sys.platform == "win32", reason="there a signal ends a process at once")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(number, folder):
    write(folder / "01_done.ipynb", "1")
    write(
        folder / "02_long.ipynb",
        "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(3600)",
    )
    write(folder / "03_never.ipynb", "1")
    code = f"""
import pathlib, sys
sys.path.insert(0, {str(ROOT / "tools")!r})
import run
run.FOLDER = pathlib.Path({str(folder)!r})
run.EXECUTED, run.FRAMES, run.RUNS = (run.FOLDER.parent / name for name in ("executed", "frames", "runs.json"))
run.chapters = lambda: sorted(run.FOLDER.glob("*.ipynb"))
sys.argv = ["run.py"]
run.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 600
    while not (folder / "pid").is_file() or not (folder / "pid").read_text(encoding="utf-8"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    kernel = int((folder / "pid").read_text(encoding="utf-8"))
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "stopped" in out
    assert "[3/3]" not in out
    assert not psutil.pid_exists(kernel)
    runs = json.loads((folder.parent / "runs.json").read_text(encoding="utf-8"))
    assert [told["name"] for told in runs] == ["01_done"]
