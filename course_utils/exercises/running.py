"""Run somebody's function on an input so that whatever it does ends in an outcome that is safe to show.

A function may loop for ever, leave by ``sys.exit``, print without end, or return an object that raises
when it is looked at. An interruption by the user is the one thing that passes through.
"""

import contextlib
import copy
import io
import reprlib
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

__all__ = ["Outcome", "Runner", "described", "shortened"]

MOST_VALUES = 100_000  # of an array that is kept; no exercise asks for more
MOST_PRINTED = 2_000  # characters that one Runner lets through


@dataclass(frozen=True)
class Outcome:
    """What a function made of one input.

    Attributes
    ----------
    kind : str
        The dtype of an array, the type of anything else; "ellipsis" for ``...``, "NoneType" for None.
    shape : tuple of int, optional
        Of an array of real numbers.
    numbers : ndarray, optional
        A copy of it; None for what is no array of real numbers, or holds more than 100,000.
    text : str
        What to show in place of ``numbers``.
    error : str
        Type and message of the exception that was raised, or why there is no result.
    line : str
        Where in the function's file it was raised.
    altered : bool
        Whether the function changed its input.
    late : bool
        Whether it was stopped because the time was up.
    """

    kind: str = ""
    shape: tuple[int, ...] | None = None
    numbers: npt.NDArray[Any] | None = None
    text: str = ""
    error: str = ""
    line: str = ""
    altered: bool = False
    late: bool = False


def shortened(text: str, most: int) -> str:
    """Return a text of ``most`` characters or so: what is longer loses its middle, and says how much.

    Examples
    --------
    >>> shortened("0123456789" * 10, 20)
    '0123456789 … (80 characters left out) … 0123456789'
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … ({len(text) - 2 * half} characters left out) … {text[len(text) - half :]}"


class _OutOfTimeError(BaseException):
    """Not an Exception, so that an ``except Exception`` in the reader's loop lets it through."""


class Runner:
    """Runs a function on one input after the other, with one time limit and one limit on printing for all.

    Parameters
    ----------
    time_limit : float, optional
        In seconds. It is kept by the operating system's alarm, which exists on Linux and macOS and reaches
        the main thread only; on Windows, in another thread, and where somebody else has set the alarm,
        there is no limit. Between two lines of Python it stops whatever runs; one long call of
        a library is stopped when it returns, and a bare ``except:`` in the loop itself swallows it.
    """

    def __init__(self, time_limit: float | None = None) -> None:
        self._end = None if time_limit is None else time.monotonic() + time_limit
        self._printed = 0

    def run(self, function: Callable[..., Any], case: tuple[Any, ...]) -> Outcome:
        """Call ``function`` on a copy of ``case``, with NumPy's warnings silenced."""
        alarm = _Alarm(self._end)
        try:
            try:
                alarm.start()
                return self._outcome(function, case)
            finally:
                alarm.stop()
        except _OutOfTimeError:
            return Outcome(error="It did not come to an end", late=True)

    def _outcome(self, function: Callable[..., Any], case: tuple[Any, ...]) -> Outcome:
        arguments = copy.deepcopy(case)
        try:
            with np.errstate(all="ignore"), self._limited_printing():
                value = function(*arguments)
                altered = not all(_same(before, after) for before, after in zip(case, arguments, strict=True))
                return described(value, altered=altered)
        except (KeyboardInterrupt, _OutOfTimeError):
            raise
        except BaseException as error:  # sys.exit, too
            return Outcome(error=_message_of(error), line=_line_of(error))

    @contextlib.contextmanager
    def _limited_printing(self) -> Iterator[None]:
        out, err = _Limited(sys.stdout, self), _Limited(sys.stderr, self)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield

    def print_to(self, stream: TextIO, text: str) -> None:
        """Pass on what a function prints, up to the limit."""
        room = MOST_PRINTED - self._printed
        self._printed += len(text)
        if len(text) <= room:
            stream.write(text)
        elif room >= 0:
            stream.write(f"{text[:room]}\n… (what else it prints is not shown)\n")


class _Limited(io.TextIOBase):
    def __init__(self, stream: TextIO, runner: Runner) -> None:
        self._stream, self._runner = stream, runner

    def write(self, text: str) -> int:
        self._runner.print_to(self._stream, text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


class _Alarm:
    """The operating system's alarm clock, put back as it was found."""

    def __init__(self, end: float | None) -> None:
        self._end, self._armed = end, False

    def start(self) -> None:
        free = (
            self._end is not None
            and hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGALRM) is not None
            and signal.getitimer(signal.ITIMER_REAL)[0] == 0
        )
        if self._end is not None and free:
            self._before = signal.signal(signal.SIGALRM, self._ring)
            self._armed = True
            signal.setitimer(signal.ITIMER_REAL, max(self._end - time.monotonic(), 1e-3))

    def _ring(self, *_: Any) -> None:
        if self._armed:
            self._armed = False
            raise _OutOfTimeError

    def stop(self) -> None:
        self._armed = False
        if hasattr(self, "_before"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)


def described(value: Any, *, altered: bool = False) -> Outcome:
    """Take down a value.

    Examples
    --------
    >>> described([[1, 2]]).shape, described("text").kind
    ((1, 2), 'str')
    """
    kind = type(value).__name__
    masked = isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value)
    long = isinstance(value, Sequence) and len(value) > MOST_VALUES
    array = None
    if not masked and not long:
        with contextlib.suppress(Exception):  # a list of lists of several lengths, an __array__ that raises
            array = np.asarray(value)
    if array is None or array.dtype.kind not in "biuf":
        if isinstance(value, np.ndarray) and not masked:
            kind = f"array of {value.dtype}"
        text = f"{kind} of {len(value)} elements" if long else _repr_of(value)
        return Outcome(kind, text=text, altered=altered)
    if array.size > MOST_VALUES:
        return Outcome(str(array.dtype), array.shape, text=f"{array.size} numbers", altered=altered)
    return Outcome(str(array.dtype), array.shape, np.array(array), altered=altered)


def _same(before: Any, after: Any) -> bool:
    if callable(before):
        return True
    try:
        return np.array_equal(before, after, equal_nan=np.asarray(before).dtype.kind == "f")
    except Exception:  # what the function put into a list cannot even be compared
        return False


def _repr_of(value: Any) -> str:
    short = reprlib.Repr()
    short.maxstring = short.maxother = 200
    return short.repr(value)


def _message_of(error: BaseException) -> str:
    try:
        text = str(error)
    except (KeyboardInterrupt, _OutOfTimeError):
        raise
    except BaseException as another:
        text = f"(its message cannot be shown: {type(another).__name__})"
    if isinstance(error, SystemExit):
        return "SystemExit, as sys.exit() and exit() do; a function gives its result back with return"
    return f"{type(error).__name__}: {shortened(text, 600)}"


def _line_of(error: BaseException) -> str:
    """The line of the reader's code at which an exception arose, if there is one."""
    frames = traceback.extract_tb(error.__traceback__, limit=2)[1:]  # without the call in this module
    return shortened(frames[0].line or "", 200) if frames else ""
