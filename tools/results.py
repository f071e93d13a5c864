"""Tables of results and the manifests beside them, for the programs that make them."""

import csv
import json
import platform
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a table, none if there is no file yet."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def holds(rows: list[Row], key: Row) -> bool:
    """Whether a table has a row with these entries: a run that need not be made again."""
    return any(key.items() <= row.items() for row in rows)


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write a table at once, so that a program that is stopped leaves a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)


def write_manifest(path: Path, command: str, **facts: Any) -> None:
    """Write how a result came about: the command, what is given, machine, versions, date."""
    known = {
        "command": command,
        **facts,
        "machine": f"{platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "finished": time.strftime("%Y-%m-%d"),
    }
    path.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
