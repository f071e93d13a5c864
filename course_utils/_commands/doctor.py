"""What a report of a fault needs to say about the machine and the installation."""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from course_utils import __version__
from course_utils.data import data_path, file_names

__all__ = ["examine"]

DISTRIBUTION = "softmax-to-segmentation"
# In a process of its own: on a processor that TensorFlow was not built for it ends its process.
_ASK_TENSORFLOW = """
import json, tensorflow as tf
gpus = [tf.config.experimental.get_device_details(gpu).get("device_name", "?") for gpu in
        tf.config.list_physical_devices("GPU")]
print(json.dumps(gpus))
"""


def examine() -> tuple[str, bool]:
    """A report on this machine, and whether the course's data is whole."""
    n_files, damaged = _data()
    data = f"{n_files} files, all whole" if not damaged else "\n".join(["NOT whole:", *damaged])
    rows = {
        "course": f"{__version__}, from {Path(__file__).resolve().parent.parent}",
        "python": f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}",
        "system": platform.platform(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores; {_processor_features()}",
        "memory": _memory(),
        "packages": ", ".join(_versions()),
        "GPU": _gpus(),
        "cache": _cache(),
        "data": data,
    }
    return "".join(f"{name:10} {text}\n" for name, text in rows.items()), not damaged


def _data() -> tuple[int, list[str]]:
    """How many data files there should be, and what is wrong with each that is missing or altered."""
    try:
        names = file_names()
    except FileNotFoundError as error:
        return 0, [f"  {error}"]
    found = []
    for name in names:
        try:
            data_path(name)
        except (OSError, ValueError) as error:
            found.append(f"  {error}")
    return len(names), found


def _processor_features() -> str:
    """Extensions that NumPy found; which of them are there decides last digits."""
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return " ".join(extensions.get("found", [])) or "no extensions beyond NumPy's baseline"


def _memory() -> str:
    """Of the machine, and of the container where it is limited to less."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return "unknown"
    text = f"{total / 1e9:.1f} GB"
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return text
    return text if not limit.isdigit() or int(limit) >= total else f"{text}, limited to {int(limit) / 1e9:.1f} GB"


def _versions() -> list[str]:
    """Every package that the course asks for, and JupyterLab, with its version."""
    try:
        asked = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:  # used from a checkout that is not installed
        asked = ["numpy", "tensorflow", "keras"]
    names = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in asked if "extra ==" not in text]
    found = []
    for name in [*names, "jupyterlab"]:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} is missing")
    return found


def _gpus() -> str:
    """What TensorFlow sees, or why it does not start."""
    settings = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
    command = [sys.executable, "-c", _ASK_TENSORFLOW]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=settings, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return "TensorFlow had not started after 300 seconds"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"TensorFlow does not start (exit status {done.returncode}): {last}"
    return ", ".join(json.loads(done.stdout.splitlines()[-1])) or "none that TensorFlow sees"


def _cache() -> str:
    from course_utils.datasets.drinks.cache import cache_folder  # noqa: PLC0415  (it brings the drawing of scenes)

    try:
        folder = cache_folder()
    except RuntimeError as error:
        return f"none: {error}"
    files = [path for path in folder.glob("scenes-*.npz") if path.is_file()]
    return f"{folder}, {len(files)} sets of scenes, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB"
