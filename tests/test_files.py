"""The one way to write a file: whole or not at all, whoever else writes it, and nothing left behind."""

import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest

from course_utils._files import replacing, write_arrays, write_text
from notebooks import ROOT

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions and links work otherwise on Windows")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    write_text(tmp_path / "a.txt", "one\ntwo\n")
    write_text(tmp_path / "a.txt", "Lovász\n")
    assert (tmp_path / "a.txt").read_bytes() == "Lovász\n".encode()
    assert names(tmp_path) == ["a.txt"]


def test_line_ends_are_written_as_they_are(tmp_path):
    write_text(tmp_path / "a.txt", "one\r\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\r\ntwo\n"


def test_equal_arrays_give_equal_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_arrays(tmp_path / name, {"x": np.arange(3), "group/y": np.ones((2, 2), np.float16)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert archive["group/y"].dtype == np.float16


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error
    assert path.read_text(encoding="utf-8") == "before"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_of_that_name_is_an_error_that_leaves_nothing(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == ["a.txt"]
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


@POSIX
def test_permissions_are_those_of_the_file_before_or_the_usual_ones(tmp_path):
    path = tmp_path / "a.txt"
    before = os.umask(0o027)
    try:
        write_text(path, "new")
        assert mode(path) == 0o640
        path.chmod(0o604)
        write_text(path, "again")
        assert mode(path) == 0o604
    finally:
        os.umask(before)


@POSIX
def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    (tmp_path / "precious").write_text("precious", encoding="utf-8")
    (tmp_path / "precious").chmod(0o600)
    for name, target in (("link", "precious"), ("dangling", "nowhere")):
        path = tmp_path / name
        path.symlink_to(tmp_path / target)
        write_text(path, "new")
        assert not path.is_symlink()
        assert path.read_text(encoding="utf-8") == "new"
        assert mode(path) != 0o600
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "precious"
    assert names(tmp_path) == ["dangling", "link", "precious"]


@POSIX
def test_a_link_under_the_temporary_name_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("course_utils._files.secrets.token_hex", lambda _: "0")
    (tmp_path / "precious").write_text("precious", encoding="utf-8")
    (tmp_path / ".a.txt.0.tmp").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "precious"


def test_it_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    seen = []
    fsync = os.fsync

    def watched(descriptor):
        seen.append((os.fstat(descriptor).st_size, names(tmp_path)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_text(tmp_path / "a.txt", "content")
    ((size, then),) = seen
    assert size == len("content")
    assert len(then) == 1 and then[0].endswith(".tmp")


WRITER = """
import sys
from pathlib import Path
import numpy as np
from course_utils._files import write_arrays, write_text
folder, number = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(200):
    write_text(folder / "a.txt", number * 50_000)
    write_arrays(folder / "a.npz", {"x": np.full(5_000, int(number))})
"""


def test_two_processes_that_write_one_file_200_times_each_never_damage_it(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), number],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in "12"
    ]
    for writer in writers:
        writer.stdout.readline()
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    reads = 0
    while any(writer.poll() is None for writer in writers):
        if not (tmp_path / "a.npz").is_file():
            continue
        assert re.fullmatch(r"1{50000}|2{50000}", (tmp_path / "a.txt").read_text(encoding="utf-8"))
        with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
            assert np.unique(archive["x"]).tolist() in ([1], [2])
        reads += 1
    for writer in writers:
        assert writer.communicate()[1] == ""
        assert writer.returncode == 0
    assert reads > 10
    assert names(tmp_path) == ["a.npz", "a.txt"]
