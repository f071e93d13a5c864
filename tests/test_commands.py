"""`python -m course_utils`: chapters are copied and never over a reader's work; the machine is described."""

import os
import subprocess
import sys

import pytest

import course_utils
from course_utils import __main__ as command_line
from course_utils._commands import doctor, start
from notebooks import chapters


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A small course of two chapters in place of the real one."""
    folder = tmp_path / "source"
    (folder / "figures").mkdir(parents=True)
    for name in ("01_a.ipynb", "02_b.ipynb", "figures/01_a.png"):
        (folder / name).write_text(f"{name}, first edition", encoding="utf-8")
    (folder / "conftest.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(start, "_FOLDERS", (tmp_path / "nowhere", folder))
    return folder


def names(folder):
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {start.RECORD}


def test_the_chapters_and_their_pictures_are_copied_and_nothing_else(source, tmp_path):
    says = start.start(tmp_path / "new" / "folder")
    assert names(tmp_path / "new" / "folder") == {"01_a.ipynb", "02_b.ipynb", "figures/01_a.png"}
    assert "3 files copied" in says


def test_a_second_start_copies_what_is_missing_and_leaves_what_was_changed(source, tmp_path):
    target = tmp_path / "mine"
    start.start(target)
    (target / "01_a.ipynb").write_text("my answers", encoding="utf-8")
    (target / "02_b.ipynb").unlink()
    (target / "notes.txt").write_text("mine", encoding="utf-8")
    says = start.start(target)
    assert "1 file copied; changed by you and left as they are: 01_a.ipynb" in says
    assert (target / "01_a.ipynb").read_text(encoding="utf-8") == "my answers"
    assert (target / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_new_edition_replaces_what_was_not_changed_and_only_that(source, tmp_path):
    target = tmp_path / "mine"
    start.start(target)
    (target / "01_a.ipynb").write_text("my answers", encoding="utf-8")
    for name in ("01_a.ipynb", "02_b.ipynb"):
        (source / name).write_text("second edition", encoding="utf-8")
    for _ in range(2):  # the second time it still knows whose file that is
        assert "left as they are: 01_a.ipynb" in start.start(target)
        assert (target / "01_a.ipynb").read_text(encoding="utf-8") == "my answers"
        assert (target / "02_b.ipynb").read_text(encoding="utf-8") == "second edition"


@pytest.mark.parametrize("record", [None, "{", "[]", '{"files": 3}'])
def test_a_folder_in_use_is_refused_and_left_alone(source, tmp_path, record):
    target = tmp_path / "used"
    target.mkdir()
    (target / "01_a.ipynb").write_text("somebody's", encoding="utf-8")
    if record is not None:
        (target / start.RECORD).write_text(record, encoding="utf-8")
    with pytest.raises(ValueError, match=r"^folder: .*name a new folder"):
        start.start(target)
    assert names(target) == {"01_a.ipynb"}
    assert (target / "01_a.ipynb").read_text(encoding="utf-8") == "somebody's"


def test_a_file_is_no_folder_and_a_course_without_chapters_says_so(source, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="is a file"):
        start.start(source / "01_a.ipynb")
    monkeypatch.setattr(start, "_FOLDERS", (tmp_path / "nowhere",))
    with pytest.raises(FileNotFoundError, match="install the course again"):
        start.start(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_in_a_checkout_the_real_chapters_are_found():
    assert start.chapters_folder() == chapters()[0].parent


def run_main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["course_utils", *arguments])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    return stop.value.code


def test_jupyterlab_opens_in_the_folder_if_it_is_there_and_wanted(source, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(
        start.subprocess, "run", lambda command, **_: opened.append(command) or subprocess.CompletedProcess([], 3)
    )
    assert run_main(monkeypatch, "start", str(tmp_path / "mine"), "--no-lab") == 0
    assert not opened
    assert run_main(monkeypatch, "start", str(tmp_path / "mine")) == 3
    assert opened == [[sys.executable, "-m", "jupyterlab", str(tmp_path / "mine")]]
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None)
    assert run_main(monkeypatch, "start", str(tmp_path / "mine")) == 0
    assert "JupyterLab is not installed here" in capsys.readouterr().out
    assert len(opened) == 1
    assert "is in use" in run_main(monkeypatch, "start", str(source))


def test_without_a_command_it_says_what_there_is(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["course_utils"])
    command_line.main()
    out = capsys.readouterr().out
    assert course_utils.__version__ in out
    assert all(word in out for word in ("start", "doctor", "clear"))


@pytest.fixture
def without_tensorflow(monkeypatch):
    monkeypatch.setattr(doctor, "_ASK_TENSORFLOW", "print('[]')")


def test_the_report_names_what_a_fault_depends_on(without_tensorflow, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(tmp_path))
    (tmp_path / "scenes-v1-96x128-difficulty1-seed0-n2.npz").write_bytes(b"0" * 2_000_000)
    report, whole = doctor.examine()
    assert whole
    lines = dict(line.split(maxsplit=1) for line in report.splitlines())
    assert list(lines) == [
        "course", "python", "system", "processor", "memory", "packages", "GPU", "cache", "data"
    ]  # fmt: skip
    assert f"{os.cpu_count()} cores" in lines["processor"]
    assert "numpy 2." in lines["packages"]
    assert "tensorflow 2." in lines["packages"]
    assert lines["GPU"] == "none that TensorFlow sees"
    assert lines["cache"] == f"{tmp_path}, 1 sets of scenes, 2.0 MB"
    assert lines["data"].endswith("files, all whole")
    if os.name != "nt":
        assert lines["memory"].split()[1] == "GB"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('illegal instruction')", "does not start (exit status 1): illegal instruction"),
        ("import os; os._exit(4)", "does not start (exit status 4): it said nothing"),
        ("""print('a word'); print('["A100", "T4"]')""", "A100, T4"),
    ],
)
def test_a_tensorflow_that_ends_its_process_is_a_finding_and_not_the_end(code, says, monkeypatch):
    monkeypatch.setattr(doctor, "_ASK_TENSORFLOW", code)
    assert says in doctor._gpus()


def test_damaged_data_is_named(without_tensorflow, monkeypatch, tmp_path):
    (tmp_path / "a.csv").write_text("changed", encoding="utf-8")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  a.csv\n{'0' * 64}  b.csv\n", encoding="utf-8")
    monkeypatch.setattr("course_utils.data._FOLDERS", (tmp_path,))
    report, whole = doctor.examine()
    assert not whole
    assert "a.csv was altered" in report
    assert "b.csv (SHA-256" in report
    monkeypatch.setattr("course_utils.data._FOLDERS", (tmp_path / "nowhere",))
    report, whole = doctor.examine()
    assert not whole
    assert "SHA256SUMS is in none of" in report


def test_a_package_that_is_missing_is_named(monkeypatch):
    def requires(name):
        return ["numpy>=2", "no-such-package>=1 ; python_version > '3'", "other; extra == 'dev'"]

    monkeypatch.setattr(doctor.importlib.metadata, "requires", requires)
    found = doctor._versions()
    assert found[0].startswith("numpy 2.")
    assert found[1] == "no-such-package is missing"
    assert not any(entry.startswith("other") for entry in found)
