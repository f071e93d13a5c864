"""Start one program as several workers on this machine, and never leave one behind.

TensorFlow's multi-worker strategies find each other through the environment variable ``TF_CONFIG``, which
:func:`launch` sets for each process. The addresses are those of this machine only.
"""

import contextlib
import json
import math
import os
import queue
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from course_utils._arguments import as_count, as_number, shown

__all__ = ["WorkerError", "launch"]

HOST = "127.0.0.1"

# Once a worker has failed, the others may say what they saw of it before they are ended.
SECONDS_TO_END = 5.0


class WorkerError(RuntimeError):
    """A worker ended with an error.

    Attributes
    ----------
    worker : int
        Which one was the first to fail.
    exit_code : int
        Of that process; minus the number of a signal that ended it.
    outputs : list of str
        What each worker had written until then.
    """

    def __init__(self, message: str, worker: int, exit_code: int, outputs: list[str]) -> None:
        super().__init__(message)
        self.worker, self.exit_code, self.outputs = worker, exit_code, outputs


def launch(
    script: str | os.PathLike[str],
    n_workers: int,
    *,
    arguments: Sequence[str] = (),
    timeout: float = 300.0,
    ports: Sequence[int] | None = None,
    environment: Mapping[str, str] | None = None,
    echo: bool = True,
) -> list[str]:
    r"""Run a Python script as several workers of one job, and wait for all of them.

    Parameters
    ----------
    script : path
        A Python file. Each worker runs it as its main program, with this interpreter.
    n_workers : int
        Number of processes, from 1. Worker 0 is the chief.
    arguments : sequence of str
        Command-line arguments, the same for all.
    timeout : float
        Seconds for the whole job, above 0.
    ports : sequence of int, optional
        One free port for each worker; found if not given.
    environment : mapping of str to str, optional
        Variables beside those of this process, the same for all workers. ``TF_CONFIG`` is set here.
    echo : bool
        Whether lines are printed as they come, behind the number of their worker.

    Returns
    -------
    list of str
        What each worker wrote, standard output and errors together.

    Raises
    ------
    ValueError
        For no file, a number of workers below 1, a port that is taken or given twice, a time that is not
        a finite number above 0.
    WorkerError
        If a worker ends with an error or is killed: which, how, and the end of what it wrote. The
        others are given five seconds to end by themselves.
    TimeoutError
        If the job is not done in time: which workers were still running.

    Notes
    -----
    However this function is left (an error, an interrupt, the end of this process), no worker is left
    running: each is ended together with the processes that it started, and ends by itself if this process
    is killed. The form of ``TF_CONFIG``: TensorFlow's guide *Distributed training*, "Setting up TF_CONFIG".

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "job.py")
    ...     _ = file.write_text("import json, os; print(json.loads(os.environ['TF_CONFIG'])['task']['index'])")
    ...     launch(file, 2, echo=False)
    ['0\n', '1\n']
    """
    path = Path(script)
    if not path.is_file():
        raise ValueError(f"script: expected a Python file, got {shown(str(script))}, which is none")
    n_workers = as_count("n_workers", n_workers)
    seconds = as_number("timeout", timeout)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"timeout: expected a finite number of seconds above 0, got {shown(timeout)}")
    if isinstance(arguments, str) or not all(isinstance(argument, str) for argument in arguments):
        raise ValueError(f"arguments: expected a sequence of texts, got {shown(arguments)}")
    addresses = [f"{HOST}:{port}" for port in _free_ports(n_workers, ports)]
    lines: queue.Queue[tuple[int, str]] = queue.Queue()
    outputs = [""] * n_workers
    workers: list[subprocess.Popen[str]] = []
    try:
        for index in range(n_workers):
            workers.append(_start(path, arguments, _variables(addresses, index, environment)))
            threading.Thread(target=_read, args=(workers[index], index, lines), daemon=True).start()
        _wait(workers, lines, outputs, time.monotonic() + seconds, echo)
        failed = [index for index, worker in enumerate(workers) if worker.returncode is None]
        if failed:
            who = ", ".join(str(index) for index in failed)
            ends = "".join(f"\nworker {index} wrote last: {_tail(outputs[index])}" for index in failed)
            raise TimeoutError(f"{path.name}: after {seconds:g} s these workers were still running: {who}{ends}")
    finally:
        for worker in workers:
            _end(worker)
    return outputs


def _free_ports(n_workers: int, ports: Sequence[int] | None) -> list[int]:
    """Ports that nobody listens on: those given, or others."""
    if ports is not None and (len(ports) != n_workers or len(set(ports)) != n_workers):
        raise ValueError(f"ports: expected {n_workers} different ones, one a worker, got {shown(list(ports))}")
    wanted = [0] * n_workers if ports is None else [as_count("ports", port, high=65535) for port in ports]
    with contextlib.ExitStack() as held:  # all at once, so that no port is found twice
        found = []
        for port in wanted:
            probe = held.enter_context(socket.socket())
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise ValueError(f"ports: {port} is taken or not allowed ({error.strerror})") from error
            found.append(int(probe.getsockname()[1]))
        return found


def _variables(addresses: list[str], index: int, environment: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of one worker."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    variables["TF_CONFIG"] = json.dumps(cluster)
    # gRPC would send what is meant for this machine to a proxy.
    variables["no_proxy"] = ",".join(filter(None, [variables.get("no_proxy"), HOST]))
    return variables


def _start(path: Path, arguments: Sequence[str], variables: dict[str, str]) -> "subprocess.Popen[str]":
    """Start a worker, in a session of its own where there are sessions, so that its children can be ended too."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(path), *arguments],
        stdin=subprocess.PIPE,  # closed by the system when this process ends, see _run
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=variables,
        start_new_session=True,
    )


def _read(worker: "subprocess.Popen[str]", index: int, lines: "queue.Queue[tuple[int, str]]") -> None:
    """Hand on what a worker writes, line by line."""
    assert worker.stdout is not None
    with contextlib.suppress(ValueError):  # the pipe was closed while it was read
        for line in worker.stdout:
            lines.put((index, line))


def _wait(
    workers: "list[subprocess.Popen[str]]",
    lines: "queue.Queue[tuple[int, str]]",
    outputs: list[str],
    until: float,
    echo: bool,
) -> None:
    """Collect lines until all workers have ended, one has failed, or time is over."""
    failed: int | None = None
    while time.monotonic() < until:
        running = [index for index, worker in enumerate(workers) if worker.poll() is None]
        if failed is None:
            broken = [index for index, worker in enumerate(workers) if worker.returncode]
            if broken:
                failed, until = broken[0], min(until, time.monotonic() + SECONDS_TO_END)
        _collect(lines, outputs, echo, wait=bool(running))
        if not running:
            break
    time.sleep(0.05)  # for the last lines to arrive
    _collect(lines, outputs, echo, wait=False)
    if failed is not None:
        code = int(workers[failed].returncode)
        how = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        message = f"worker {failed} of {len(workers)} {how}; it wrote last: {_tail(outputs[failed])}"
        raise WorkerError(message, failed, code, list(outputs))


def _collect(lines: "queue.Queue[tuple[int, str]]", outputs: list[str], echo: bool, *, wait: bool) -> None:
    """Take the lines that have come; with ``wait``, give them a tenth of a second to come."""
    with contextlib.suppress(queue.Empty):
        while True:
            index, line = lines.get(timeout=0.1) if wait else lines.get_nowait()
            wait = False
            outputs[index] += line
            if echo:
                print(f"[{index}] {line.rstrip()}")  # noqa: T201 (what it is asked for)


def _end(worker: "subprocess.Popen[str]") -> None:
    """End a worker, if it still runs, and what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(worker.pid, signal.SIGKILL)
    else:
        worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        assert pipe is not None
        pipe.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tail(text: str, n_lines: int = 12) -> str:
    """The last lines, indented on lines of their own."""
    kept = text.rstrip().splitlines()[-n_lines:]
    return "".join(f"\n    {line}" for line in kept) or "nothing"


def _run(command: list[str]) -> None:
    """Run a script as the main program, and end with the process that launched it.

    That process never writes to our standard input: its end is the end of that process.
    """

    def watch() -> None:
        while os.read(0, 4096):  # not through sys.stdin, whose lock would be held at the end of this process
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    sys.argv = command
    sys.path[0] = str(Path(command[0]).resolve().parent)  # as `python SCRIPT` has it
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    _run(sys.argv[1:])
