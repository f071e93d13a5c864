"""Feedback on exercises, at once and offline: ``check`` says what is wrong, ``hint`` nudges."""

import copy
import difflib
import html
import importlib
import inspect
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from course_utils._arguments import as_count, require_positive
from course_utils.exercises import CHAPTERS, Exercise, Mistake
from course_utils.exercises.running import Outcome, Runner, described, shortened

__all__ = ["CheckResult", "Hint", "check", "hint"]

MOST_LINES = 10  # of one array in the feedback
MOST_CHARACTERS = 4_000  # of the whole feedback

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
class _Fault:
    """What is wrong with one outcome, in one line."""

    says: str
    minor: bool = False  # the values are right


def check(name: str, answer: Any, *, time_limit: float | None = 20.0, seed: int = 0) -> CheckResult:
    """Compare an answer with the course's own function on plain, nasty and random inputs.

    Parameters
    ----------
    name : str
        The exercise, such as ``"softmax.stable"``.
    answer : callable
        The reader's function; one that returns ``...`` counts as not attempted.
    time_limit : float, optional
        In seconds, for all inputs together; None for none. On Windows and outside of the main thread there is
        none in any case: interrupt the kernel by hand there. See `course_utils.exercises.running.Runner`.
    seed : int
        Of the random inputs, 0 or more; 0 gives those of the chapters. A class is graded on others too, so that
        a table of the visible inputs is no answer.

    Returns
    -------
    CheckResult
        With ``.status`` "not attempted", "error", "wrong" or "correct", and the feedback as its
        representation. The inputs are the same at every call with the same seed.

    Raises
    ------
    ValueError
        For a name that is no exercise, a time limit that is not above 0, or a seed that is no count.

    Notes
    -----
    A fault in the values goes before one in the dtype and before an input that was changed; of equal
    ones the first is shown. A typical mistake is named only if it gives the answer's result on the
    input shown, and on more than half of all inputs on which the answer or the mistake goes wrong.

    Whatever the answer does ends in a verdict: ``sys.exit``, a loop without end, output without end (2,000
    characters are let through), results that raise when they are looked at. Only an interruption by
    the user, KeyboardInterrupt, passes through; and in Jupyter ``exit()`` is a command of IPython's own, which
    ends the kernel.

    Examples
    --------
    >>> check("softmax.stable", lambda logits: ...).status
    'not attempted'
    """
    if time_limit is not None:
        require_positive("time_limit", time_limit)
    exercise = _seeded(_find(name), as_count("seed", seed, low=0))
    if answer is ...:
        return _not_attempted(name)
    if not callable(answer):
        message = f"Hand over the function itself, without calling it; this is a {type(answer).__name__}."
        return CheckResult(name, "error", message)

    solved, outcomes, runner = _solved(exercise), [], Runner(time_limit)
    for case, _ in solved:
        outcomes.append(runner.run(answer, case))
        if outcomes[-1].kind == "ellipsis":
            return _not_attempted(name)
        if outcomes[-1].late:
            break
    faults = _faults(exercise, outcomes)
    wrong = [k for k, fault in enumerate(faults) if fault]
    if not wrong:
        return CheckResult(name, "correct", f"It agrees with the course's function on {len(solved)} inputs.")
    shown = min(wrong, key=lambda k: (faults[k].minor, k))  # type: ignore[union-attr]
    return _told(name, exercise, outcomes, faults, shown)


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


@cache
def _seeded(exercise: Exercise, seed: int) -> Exercise:
    """The exercise on random inputs of another seed."""
    if seed == 0:
        return exercise
    return replace(exercise, cases=lambda _: exercise.cases(np.random.default_rng(seed)))


@cache
def _solved(exercise: Exercise) -> list[tuple[tuple[Any, ...], npt.NDArray[Any]]]:
    """All inputs, each with what is expected."""
    cases = [tuple(case) for case in exercise.cases(np.random.default_rng(0))]
    return [(case, np.asarray(exercise.reference(*copy.deepcopy(case)))) for case in cases]


@cache
def _mistaken(exercise: Exercise, mistake: Mistake, number: int) -> tuple[Outcome, _Fault | None]:
    """What a typical mistake makes of one input."""
    case, expected = _solved(exercise)[number]
    outcome = Runner().run(mistake.answer, case)
    return outcome, _fault(outcome, expected, exercise)


def _faults(exercise: Exercise, outcomes: list[Outcome]) -> list[_Fault | None]:
    pairs = zip(outcomes, _solved(exercise), strict=False)  # an answer that was stopped has not seen all
    return [_fault(outcome, expected, exercise) for outcome, (_, expected) in pairs]


def _fault(outcome: Outcome, expected: npt.NDArray[Any], exercise: Exercise) -> _Fault | None:
    """What is wrong with an outcome, or None."""
    if outcome.late:
        return _Fault(f"{outcome.error} in the time given: is there a loop that never ends?")
    if outcome.error:
        return _Fault(f"It raised {outcome.error}" + (f"\n  at your line: {outcome.line}" if outcome.line else ""))
    if outcome.kind == "NoneType":
        return _Fault("It returned None: is there a return?")
    if outcome.shape is None:
        return _Fault(f"It returned something of type {outcome.kind} where real numbers were expected.")
    if outcome.shape != expected.shape:
        return _Fault(f"The shape is {outcome.shape} and should be {expected.shape}.")
    if outcome.numbers is None or not _close(outcome.numbers, expected, exercise):
        return _Fault(f"The values differ{_where_most(outcome.numbers, expected)}.")
    if exercise.dtype is not None and outcome.kind != exercise.dtype:
        return _Fault(f"The values are right; the dtype is {outcome.kind} and should be {exercise.dtype}.", True)
    if outcome.altered:
        return _Fault("The result is right, but your function changed the array it was given.", True)
    return None


def _close(value: npt.NDArray[Any], wanted: npt.NDArray[Any], exercise: Exercise) -> bool:
    with np.errstate(all="ignore"):
        return np.allclose(value, wanted, exercise.rtol, exercise.atol, equal_nan=True)


def _where_most(value: npt.NDArray[Any] | None, wanted: npt.NDArray[Any]) -> str:
    """The place and size of the largest difference; nothing for a single number or where NaN came."""
    if value is None or value.size < 2:
        return ""
    with np.errstate(all="ignore"):
        gaps = np.abs(value.astype(np.float64) - wanted)
    if not np.isfinite(gaps).all():
        return ""
    index = tuple(int(i) for i in np.unravel_index(gaps.argmax(), gaps.shape))
    return f", most at index {index}: {value[index]:.7g} came, {wanted[index]:.7g} was expected"


def _told(
    name: str, exercise: Exercise, outcomes: list[Outcome], faults: list[_Fault | None], shown: int
) -> CheckResult:
    """The feedback on an answer that goes wrong."""
    (case, expected), outcome, fault = _solved(exercise)[shown], outcomes[shown], faults[shown]
    lines = [fault.says if fault else "", "", *_show_input(exercise, case)]
    if not outcome.error:
        lines += _show("came", outcome) + _show("expected", described(expected))
    mistake = _named(exercise, outcomes, faults, shown)
    if not mistake and outcome.shape is None and any(np.size(v) == 0 for v in case if isinstance(v, np.ndarray)):
        mistake = "An array without elements is an input like others: decide what comes out when there is nothing."
    lines += ["", mistake] if mistake else []
    return CheckResult(name, "error" if outcome.error else "wrong", shortened("\n".join(lines), MOST_CHARACTERS))


def _named(exercise: Exercise, outcomes: list[Outcome], faults: list[_Fault | None], shown: int) -> str:
    """What to say about the typical mistake that the answer makes, or nothing where none fits.

    A mistake fits if it gives the answer's result on the input shown and on more than half of the inputs on which
    one of the two goes wrong. Several may look alike on one input; the one that agrees on the
    largest share is named, of equal ones the first.
    """
    fault = faults[shown]
    minor = fault is not None and fault.minor

    def agrees(number: int, mistake: Mistake) -> bool:
        one, (other, _) = outcomes[number], _mistaken(exercise, mistake, number)
        return _alike(one, other, exercise) and (not minor or one.altered == other.altered)

    def decides(fault: _Fault | None) -> bool:
        return fault is not None and (minor or not fault.minor)

    says, best = "", 0.5
    for mistake in exercise.mistakes:
        if not agrees(shown, mistake):
            continue
        deciding = [
            k for k in range(len(faults)) if decides(faults[k]) or decides(_mistaken(exercise, mistake, k)[1])
        ]
        share = sum(agrees(k, mistake) for k in deciding) / len(deciding)
        if share > best:
            says, best = mistake.says, share
    return says


def _alike(one: Outcome, other: Outcome, exercise: Exercise) -> bool:
    if one.error or other.error:
        return one.error == other.error
    return (
        one.numbers is not None
        and other.numbers is not None
        and one.shape == other.shape
        and _close(one.numbers, other.numbers, exercise)
    )


def _show_input(exercise: Exercise, case: tuple[Any, ...]) -> list[str]:
    names = inspect.signature(exercise.reference).parameters
    return [line for name, value in zip(names, case, strict=False) for line in _show(name, described(value))]


def _show(name: str, value: Outcome) -> list[str]:
    numbers = value.numbers
    if numbers is None:
        return [f"  {name} = {value.text}"]
    largest = np.abs(numbers[np.isfinite(numbers)].astype(np.float64)).max(initial=0)
    text = np.array2string(
        numbers,
        precision=4,
        threshold=40,
        edgeitems=3,
        separator=", ",
        suppress_small=not 0 < largest < 1e-3,  # or they would all be shown as 0
    )
    shape = f" of shape {numbers.shape}" if numbers.ndim > 1 else ""
    head = f"  {name}{shape} = "
    lines = [line for line in text.split("\n") if line]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], "…"]
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]
