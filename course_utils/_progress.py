"""A line on standard error that tells how far something is."""

import sys
import time

__all__ = ["ProgressBar"]


class ProgressBar:
    """A bar that appears once the work has taken a moment, and is written over as it goes on.

    In a terminal or a notebook only: into a file it writes one line, at the end.

    Parameters
    ----------
    total : int
        Of whatever is counted, 1 or more.
    label : str
        What is being done.
    start : int
        How much of it had been done before.

    Examples
    --------
    >>> bar = ProgressBar(2, "drawing scenes")
    >>> bar.show(1, "loss 0.5")
    >>> bar.close()
    """

    PATIENCE, PACE = 1.0, 0.25  # seconds until it appears, and from one change to the next

    def __init__(self, total: int, label: str, start: int = 0):
        self.total, self.label, self.start = total, label, start
        self.done, self.note = start, ""
        self.began, self.shown = time.monotonic(), 0.0
        in_notebook = type(sys.stderr).__module__.startswith("ipykernel")
        self.rewrites = sys.stderr is not None and (in_notebook or sys.stderr.isatty())

    def show(self, done: int, note: str = "") -> None:
        """Take note of how much is done, with anything worth telling beside it."""
        self.done, self.note = done, note
        now = time.monotonic()
        if self.rewrites and now - self.began > self.PATIENCE and now - self.shown > self.PACE:
            self.shown = now
            self._print("\r", "")

    def close(self) -> None:
        """End the line; nothing is written if the work took less than a moment."""
        if sys.stderr is not None and (self.shown or time.monotonic() - self.began > self.PATIENCE):
            self._print("\r" if self.rewrites else "", "\n")

    def _print(self, before: str, after: str) -> None:
        seconds = time.monotonic() - self.began
        pace = (self.done - self.start) / max(seconds, 1e-9)
        left = f", {(self.total - self.done) / pace:.0f} s left" if pace and self.done < self.total else ""
        filled = 20 * self.done // self.total
        bar = "#" * filled + "." * (20 - filled)
        line = f"{self.label} [{bar}] {self.done:,} of {self.total:,}, {seconds:.0f} s{left}"
        line += f", {self.note}" if self.note else ""
        sys.stderr.write(f"{before}{line:<100}{after}")
        sys.stderr.flush()
