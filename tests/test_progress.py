"""The progress bar: quiet for short work, one line for a file, written over in a terminal."""

import sys

import pytest

from course_utils._progress import ProgressBar


def test_short_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar(2, "counting")
    bar.show(1)
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_a_file_gets_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressBar, "PATIENCE", -1)
    bar = ProgressBar(4, "counting")
    for done in range(1, 5):
        bar.show(done, f"loss {1 / done:.2f}")
    bar.close()
    err = capsys.readouterr().err
    assert err.startswith("counting [####################] 4 of 4, 0 s, loss 0.25") and err.count("\n") == 1


def test_it_moves_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressBar, "PATIENCE", -1)
    monkeypatch.setattr(ProgressBar, "PACE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = ProgressBar(64, "counting", start=16)
    bar.show(32)
    bar.show(64)
    bar.close()
    err = capsys.readouterr().err
    assert err.count("\r") == 3
    assert "\rcounting [##########..........] 32 of 64, 0 s, 0 s left" in err
    assert err.endswith("\n")
