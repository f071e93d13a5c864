"""Feedback on exercises, at once and offline: ``check`` says what is wrong, ``hint`` nudges."""

import copy
import difflib
import html
import importlib
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from course_utils.exercises import CHAPTERS, Exercise

__all__ = ["CheckResult", "Hint", "check", "hint"]

MOST_LINES = 10  # of one array in the feedback

Status = Literal["not attempted", "error", "wrong", "correct"]

# A mark and a colour for each status; the text says the same without them.
_MARKS = {"not attempted": "○", "error": "✗", "wrong": "✗", "correct": "✓"}
_COLOURS = {"not attempted": "#7f7f7f", "error": "#d55e00", "wrong": "#d55e00", "correct": "#009e73"}


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one answer; shown by a notebook as feedback."""

    name: str
    status: Status
    message: str

    def __repr__(self) -> str:
        return f"{_MARKS[self.status]} {self.name}: {self.status}. {self.message}"

    def _repr_html_(self) -> str:
        return (
            f'<div style="border-left: 0.3em solid {_COLOURS[self.status]}; padding-left: 0.8em">'
            f"<b>{_MARKS[self.status]} {html.escape(self.name)}: {self.status}.</b>"
            f'<pre style="white-space: pre-wrap; background: none">{html.escape(self.message)}</pre></div>'
        )


@dataclass(frozen=True)
class Hint:
    """A nudge towards an answer."""

    name: str
    message: str

    def __repr__(self) -> str:
        return f"Hint for {self.name}: {self.message}"


@dataclass(frozen=True)
class _Outcome:
    """What a function made of one input: a value, or the exception that it raised."""

    value: Any = None
    error: Exception | None = None
    altered: bool = False


def check(name: str, answer: Any) -> CheckResult:
    """Compare an answer with the course's own function on plain, nasty and random inputs.

    Parameters
    ----------
    name : str
        The exercise, such as ``"softmax.stable"``.
    answer : callable
        The reader's function; one that returns ``...`` counts as not attempted.

    Returns
    -------
    CheckResult
        With ``.status`` "not attempted", "error", "wrong" or "correct", and the feedback as its
        representation. The inputs are the same at every call.

    Raises
    ------
    ValueError
        For a name that is no exercise.

    Examples
    --------
    >>> check("softmax.stable", lambda logits: ...).status
    'not attempted'
    """
    exercise = _find(name)
    if answer is ...:
        return _not_attempted(name)
    if not callable(answer):
        message = f"Hand over the function itself, without calling it; this is a {type(answer).__name__}."
        return CheckResult(name, "error", message)

    cases = list(exercise.cases(np.random.default_rng(0)))
    for number, case in enumerate(cases):
        outcome = _run(answer, case)
        if outcome.value is ...:
            return _not_attempted(name)
        expected = exercise.reference(*copy.deepcopy(case))
        fault = _fault(outcome, expected, exercise)
        if fault:
            status: Status = "error" if outcome.error else "wrong"
            lines = [fault, "", *_show_input(exercise, case)]
            if not outcome.error:
                lines += _show("came", outcome.value) + _show("expected", expected)
            says = _diagnose(exercise, answer, cases, number)
            return CheckResult(name, status, "\n".join(lines + (["", says] if says else [])))
    return CheckResult(name, "correct", f"It agrees with the course's function on {len(cases)} inputs.")


def hint(name: str) -> Hint:
    """Return a nudge towards the answer, without the answer.

    Raises
    ------
    ValueError
        For a name that is no exercise.

    Examples
    --------
    >>> hint("softmax.stable").name
    'softmax.stable'
    """
    return Hint(name, _find(name).hint)


def _find(name: str) -> Exercise:
    for chapter, names in CHAPTERS.items():
        if name in names:
            exercises = importlib.import_module(f"course_utils.exercises.{chapter}").EXERCISES
            return exercises[name]  # type: ignore[no-any-return]
    known = [n for names in CHAPTERS.values() for n in names]
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    raise ValueError(f"name: no exercise {name!r}; " + (f"near ones: {near}" if near else f"there are {known}"))


def _not_attempted(name: str) -> CheckResult:
    return CheckResult(name, "not attempted", "Replace the ... with your code and run both cells again.")


def _run(function: Callable[..., Any], case: tuple[Any, ...]) -> _Outcome:
    """Call a function on a copy of the input, with NumPy's warnings silenced."""
    arguments = copy.deepcopy(case)
    try:
        with np.errstate(all="ignore"):
            value = function(*arguments)
    except Exception as error:
        return _Outcome(error=error)
    altered = not all(_same(before, after) for before, after in zip(case, arguments, strict=True))
    return _Outcome(value, altered=altered)


def _same(before: Any, after: Any) -> bool:
    if callable(before):
        return True
    return np.array_equal(before, after, equal_nan=np.asarray(before).dtype.kind == "f")


def _fault(outcome: _Outcome, expected: Any, exercise: Exercise) -> str | None:
    """What is wrong with an outcome, in one line, or None."""
    if outcome.error is not None:
        return f"It raised {type(outcome.error).__name__}: {outcome.error}{_line_of(outcome.error)}"
    if outcome.value is None:
        return "It returned None: is there a return?"
    value = _as_numbers(outcome.value)
    wanted = np.asarray(expected)
    if value is None:
        kind = getattr(outcome.value, "dtype", type(outcome.value).__name__)
        return f"It returned something of type {kind} where real numbers were expected."
    if value.shape != wanted.shape:
        return f"The shape is {value.shape} and should be {wanted.shape}."
    if not _close(value, wanted, exercise):
        return f"The values differ{_where_most(value, wanted)}."
    if exercise.dtype is not None and value.dtype != np.dtype(exercise.dtype):
        return f"The values are right; the dtype is {value.dtype} and should be {exercise.dtype}."
    if outcome.altered:
        return "The result is right, but your function changed the array it was given."
    return None


def _as_numbers(value: Any) -> npt.NDArray[Any] | None:
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array if array.dtype.kind in "biuf" else None


def _close(value: npt.NDArray[Any], wanted: npt.NDArray[Any], exercise: Exercise) -> bool:
    return np.allclose(value, wanted, exercise.rtol, exercise.atol, equal_nan=True)


def _where_most(value: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> str:
    """The place and size of the largest difference; nothing for a single number or where NaN came."""
    gaps = np.abs(value.astype(np.float64) - wanted)
    if gaps.size < 2 or not np.isfinite(gaps).all():
        return ""
    index = tuple(int(i) for i in np.unravel_index(gaps.argmax(), gaps.shape))
    return f", most at index {index}: {value[index]:.7g} came, {wanted[index]:.7g} was expected"


def _line_of(error: Exception) -> str:
    """The line of the reader's code at which an exception arose, if there is one."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the call in this module
    return f"\n  at your line: {frames[0].line}" if frames and frames[0].line else ""


def _diagnose(exercise: Exercise, answer: Callable[..., Any], cases: list[Any], number: int) -> str:
    """What to say about the typical mistake that gives just this answer, if one does.

    Several mistakes can look alike on one input, so the one that agrees on most inputs is named.
    """
    outcomes = [_run(answer, case) for case in cases]
    best, best_count = "", 0
    for mistake in exercise.mistakes:
        agrees = [
            _alike(outcome, _run(mistake.answer, case), exercise)
            for outcome, case in zip(outcomes, cases, strict=True)
        ]
        if agrees[number] and sum(agrees) > best_count:
            best, best_count = mistake.says, sum(agrees)
    return best


def _alike(one: _Outcome, other: _Outcome, exercise: Exercise) -> bool:
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error) and str(one.error) == str(other.error)
    a, b = _as_numbers(one.value), _as_numbers(other.value)
    return (
        a is not None
        and b is not None
        and a.shape == b.shape
        and _close(a, b, exercise)
        and one.altered == other.altered
    )


def _show_input(exercise: Exercise, case: tuple[Any, ...]) -> list[str]:
    names = inspect.signature(exercise.reference).parameters
    return [line for name, value in zip(names, case, strict=False) for line in _show(name, value)]


def _show(name: str, value: Any) -> list[str]:
    numbers = _as_numbers(value)
    if numbers is None:
        return [f"  {name} = {value!r}"]
    text = np.array2string(numbers, precision=4, threshold=40, edgeitems=3, separator=", ", suppress_small=True)
    shape = f" of shape {numbers.shape}" if numbers.ndim > 1 else ""
    head = f"  {name}{shape} = "
    lines = [line for line in text.split("\n") if line]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], "…"]
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]
