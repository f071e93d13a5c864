"""How the tests of a chapter's exercises feed typical wrong answers to the checker."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from course_utils.checks import check
from course_utils.exercises import CHAPTERS, Exercise

# Name of the exercise, a wrong answer, and a part of the feedback that it must get.
WrongAnswer = tuple[str, Callable[..., Any], str]


def assert_rejected(name: str, answer: Callable[..., Any], says: str) -> None:
    """A wrong answer is neither accepted nor left without the feedback meant for it."""
    result = check(name, answer)
    assert result.status in {"wrong", "error"}, result
    assert says in result.message, result


def assert_stub_is_not_attempted(name: str) -> None:
    assert check(name, lambda *arguments: ...).status == "not attempted"


def assert_error_is_shown(name: str) -> None:
    """An answer that raises is reported as such, with its own message."""

    def answer(*arguments: Any) -> None:
        raise RuntimeError("not a number")

    result = check(name, answer)
    assert result.status == "error"
    assert "not a number" in result.message


def assert_enough_wrong_answers(chapter: str, wrong_answers: Sequence[WrongAnswer]) -> None:
    """Every exercise of a chapter is tried with four wrong answers or more."""
    counts = Counter(name for name, _, _ in wrong_answers)
    assert all(counts[name] >= 4 for name in CHAPTERS[chapter]), counts


def assert_mistakes_are_named(name: str, exercise: Exercise) -> None:
    """Each mistake of an exercise is rejected, and with its own words."""
    for mistake in exercise.mistakes:
        assert_rejected(name, mistake.answer, mistake.says)
