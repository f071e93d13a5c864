"""Workers that succeed, fail, hang, are killed, and leave children behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils import distributed
from course_utils.distributed import WorkerError, launch
from notebooks import ROOT

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and process groups of POSIX")

HEAD = "import json, os, sys, time\nindex = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"


def job(folder, code):
    path = folder / "job.py"
    path.write_text(HEAD + code, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    monkeypatch.setattr(distributed, "SECONDS_TO_END", 0.5)


def gone(pid, seconds=120.0):
    """Whether a process ends within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True  # dead; its parent has yet to look
        time.sleep(0.05)
    return False


def test_every_worker_learns_who_it_is_and_who_the_others_are(tmp_path, capsys):
    path = job(
        tmp_path, "print(os.environ['TF_CONFIG']); print(sys.argv[1:], os.environ['EXTRA'], file=sys.stderr)"
    )
    outputs = launch(path, 3, arguments=["--steps", "5"], environment={"EXTRA": "here"})
    told = [json.loads(output.splitlines()[0]) for output in outputs]
    assert [config["task"] for config in told] == [{"type": "worker", "index": i} for i in range(3)]
    (addresses,) = {tuple(config["cluster"]["worker"]) for config in told}
    assert len(set(addresses)) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert all(output.splitlines()[1] == "['--steps', '5'] here" for output in outputs)
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line[:3] for line in printed) == ["[0]", "[0]", "[1]", "[1]", "[2]", "[2]"]
    assert launch(path, 1, environment={"EXTRA": ""})[0].endswith("[] \n")


def test_a_script_runs_as_a_main_program_beside_its_modules(tmp_path):
    (tmp_path / "neighbour.py").write_text("WORD = 'found ü'", encoding="utf-8")
    code = "import neighbour\nif __name__ == '__main__':\n    print(neighbour.WORD, __file__ == sys.argv[0])"
    environment = {"PYTHONIOENCODING": "utf-8"}
    assert launch(job(tmp_path, code), 1, echo=False, environment=environment) == ["found ü True\n"]


def test_lines_are_shown_as_they_come(tmp_path):
    flag = tmp_path / "seen"
    code = (
        f"print('first')\nfor _ in range(6000):\n    if os.path.exists({str(flag)!r}):\n        sys.exit(0)\n"
        "    time.sleep(0.05)\nsys.exit('nobody saw the first line')"
    )

    class Flag:
        def write(self, text):
            if "first" in text:
                flag.touch()

        def flush(self):
            pass

    stdout, sys.stdout = sys.stdout, Flag()
    try:
        launch(job(tmp_path, code), 1)
    finally:
        sys.stdout = stdout


def test_a_worker_that_fails_is_named_with_what_it_said(tmp_path):
    code = "if index == 1:\n    raise RuntimeError('no such scene')\ntime.sleep(600)"
    start = time.monotonic()
    with pytest.raises(WorkerError, match=r"(?s)worker 1 of 2 ended with exit code 1.*no such scene") as caught:
        launch(job(tmp_path, "print(os.getpid())\n" + code), 2, echo=False)
    assert time.monotonic() - start < 300
    assert (caught.value.worker, caught.value.exit_code) == (1, 1)
    assert "RuntimeError" in caught.value.outputs[1]


@POSIX
def test_no_worker_outlives_the_failure_of_another(tmp_path):
    flag = str(tmp_path / "said")  # worker 0 may come later than worker 1
    code = (
        f"print(os.getpid(), flush=True)\nif index == 0:\n    open({flag!r}, 'w').close()\n    time.sleep(600)\n"
        f"while not os.path.exists({flag!r}):\n    time.sleep(0.05)\nos.kill(os.getpid(), 9)"
    )
    with pytest.raises(WorkerError, match="worker 1 of 2 was ended by SIGKILL") as caught:
        launch(job(tmp_path, code), 2, echo=False)
    assert caught.value.exit_code == -signal.SIGKILL
    assert all(gone(int(output)) for output in caught.value.outputs)


@POSIX
def test_a_job_that_hangs_ends_in_time_with_its_children(tmp_path):
    child = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint(child.pid)\n"
    pids = tmp_path / "pids"
    code = child + f"open({str(pids)!r} + str(index), 'w').write(str(child.pid))\nif index:\n    time.sleep(600)"
    files = [Path(f"{pids}{index}") for index in range(2)]
    for patience in (3, 30, 120):
        start = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            launch(job(tmp_path, code), 2, timeout=patience, echo=False)
        assert time.monotonic() - start < patience + 300
        if all(file.exists() and file.read_text() for file in files):
            break  # on a busy machine they may not have come so far
    # Nor may worker 0 have ended.
    said = rf"(?s)job.py: after {patience} s these workers were still running: (0, )?1.*worker 1 wrote"
    assert re.search(said, str(caught.value))
    assert all(gone(int(file.read_text())) for file in files)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_launched_them(tmp_path, number):
    path = job(tmp_path, "print(os.getpid())\ntime.sleep(600)")
    # A shell's background processes ignore interrupts, and hand that on.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listen}; from course_utils.distributed import launch; launch({str(path)!r}, 2)"
    parent = subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    workers = [int(parent.stdout.readline().split()[1]) for _ in range(2)]
    parent.send_signal(number)
    assert parent.wait(timeout=300) != 0
    parent.stdout.close()
    assert all(gone(pid) for pid in workers)


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path):
    path = job(tmp_path, "open('started', 'w')")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ValueError, match=f"ports: {port} is taken"):
            launch(path, 1, ports=[port], echo=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (output,) = launch(job(tmp_path, "print(os.environ['TF_CONFIG'])"), 1, ports=[port], echo=False)
    assert json.loads(output)["cluster"]["worker"] == [f"127.0.0.1:{port}"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("n_workers", {"n_workers": 0}),
        ("n_workers", {"n_workers": True}),
        ("n_workers", {"n_workers": 2.0}),
        ("timeout", {"timeout": 0}),
        ("timeout", {"timeout": float("nan")}),
        ("timeout", {"timeout": float("inf")}),
        ("ports", {"ports": [5000]}),
        ("ports", {"ports": [5000, 5000]}),
        ("ports", {"ports": [5000, 70000]}),
        ("arguments", {"arguments": "--steps 5"}),
        ("arguments", {"arguments": [5]}),
        ("script", {"script": "missing.py"}),
        ("script", {"script": "."}),
    ],
)
def test_bad_arguments_are_refused(tmp_path, name, wrong):
    with pytest.raises(ValueError, match=f"{name}: "):
        launch(**{"script": job(tmp_path, ""), "n_workers": 2, "echo": False} | wrong)


TRAINING = """
import numpy as np
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    weight = tf.Variable(0.0)
data = tf.data.Dataset.from_tensor_slices(np.arange(8, dtype=np.float32)).batch(4)
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
share = strategy.experimental_distribute_dataset(data.with_options(options))

@tf.function
def step(batch):
    return strategy.reduce("SUM", strategy.run(tf.reduce_sum, (batch,)), axis=None)

print("sums", [float(step(batch)) for batch in share], flush=True)
"""


@pytest.mark.slow
def test_tensorflow_finds_the_other_workers(tmp_path):
    outputs = launch(job(tmp_path, TRAINING), 2, timeout=600, echo=False)
    assert all("sums [6.0, 22.0]" in output for output in outputs)
