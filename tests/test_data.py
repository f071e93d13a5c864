"""The data files: intact and documented."""

import hashlib
import os
import re
import shutil
import subprocess

import pytest

from course_utils import data
from course_utils.data import data_path
from course_utils.datasets import load_digits
from notebooks import ROOT


def checksums():
    lines = (ROOT / "data" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {line[66:]: line[:64] for line in lines}


def test_every_file_has_a_checksum_a_card_and_is_intact():
    found = {
        path.relative_to(ROOT / "data").as_posix()
        for path in (ROOT / "data").rglob("*")
        if path.is_file() and path.name not in {"README.md", "SHA256SUMS"}
    }
    assert found == set(checksums())
    cards = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for name, checksum in checksums().items():
        assert data_path(name).is_file()
        row = next(line for line in cards.splitlines() if line.startswith(f"| `{name}` |"))
        assert checksum in row
        assert all(len(field.strip()) > 3 for field in row.strip("|").split("|"))


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(),
    reason="a checkout is made with git, of a repository",
)
def test_a_checkout_that_turns_line_ends_into_those_of_windows_has_the_same_bytes(tmp_path):
    # A hook's variables would point git at another repository.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments, cwd=ROOT):
        done = subprocess.run(["git", *arguments], cwd=cwd, env=settings, check=True, capture_output=True)
        return done.stdout.decode()

    checkout = tmp_path / "checkout"
    git("-c", "safe.directory=*", "clone", "--quiet", "--config", "core.autocrlf=true", str(ROOT), str(checkout))
    sums = (checkout / "data" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert len(sums) > 50
    for line in sums:
        assert hashlib.sha256((checkout / "data" / line[66:]).read_bytes()).hexdigest() == line[:64], line[66:]
    assert git("config", "core.autocrlf", cwd=checkout).strip() == "true"
    assert [line for line in git("ls-files", "--eol", cwd=checkout).splitlines() if " w/crlf" in line] == []


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "data", tmp_path / "data")
    monkeypatch.setattr(data, "_FOLDERS", (tmp_path / "data",))
    return tmp_path / "data"


def test_a_missing_file_is_named_with_its_checksum(copied_data):
    (copied_data / "digits.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"digits\.npz.*" + checksums()["digits.npz"] + ".*git checkout"):
        load_digits()


def test_an_altered_file_is_named_with_both_checksums(copied_data):
    load_digits()
    with (copied_data / "digits.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(
        ValueError, match=rf"digits\.npz.*{checksums()['digits.npz']}, found [0-9a-f]{{64}}.*install"
    ):
        load_digits()


def test_a_file_that_was_altered_without_a_trace_is_found(copied_data):
    """Same size, same time: in one process, after the file was read before."""
    path = data_path("digits.npz")
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ValueError, match=r"digits\.npz was altered"):
        data_path("digits.npz")


def test_no_data_at_all_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_FOLDERS", (tmp_path,))
    with pytest.raises(FileNotFoundError, match="git checkout"):
        data_path("digits.npz")


@pytest.mark.parametrize("name", ["digit.npz", "../pyproject.toml", "", "/etc/passwd"])
def test_an_unknown_name_lists_what_there_is(name):
    with pytest.raises(ValueError, match=r"name: the course has no data file.*digits\.npz"):
        data_path(name)


def test_no_pickle_is_ever_loaded():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "course_utils").rglob("*.py"))
    assert "pickle" not in re.sub(r"allow_pickle=False|[Nn]o pickles?", "", sources)
    assert sources.count("np.load(") == sources.count("allow_pickle=False")
