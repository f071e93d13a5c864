"""One run for ``tools/margins.py``: train in this process, and say in which surrounding it was.

    python tools/margins_run.py course_utils.experiments.ch07:live_quantities 0  # a seed
    python tools/margins_run.py notebooks/10_backbones.ipynb 0

The answer is a line of JSON on standard output.
"""

import importlib
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

# NumPy's names for what needs AVX-512, of 2.4 and before; a version is told only those that it knows.
AVX512_FEATURES = (
    "X86_V4",
    "AVX512F",
    "AVX512CD",
    "AVX512_KNL",
    "AVX512_KNM",
    "AVX512_SKX",
    "AVX512_CLX",
    "AVX512_CNL",
    "AVX512_ICL",
    "AVX512_SPR",
)


def numpy_features() -> dict[str, list[str]]:
    """The processor features that NumPy was built for, and uses ("found") or not ("not found")."""
    configuration: Any = np.show_config(mode="dicts")
    return dict(configuration["SIMD Extensions"])


def processor() -> tuple[str, list[str]]:
    """The processor's name, and which vector instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor(), numpy_features()["found"]
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", facts.get("Features", "")).split()
    wanted = ("sse4", "avx", "fma", "amx", "asimd", "sve")
    return facts.get("model name", platform.machine()), sorted(f for f in flags if f.startswith(wanted))


def has_avx512() -> bool:
    return any(flag.upper().startswith(("AVX512F", "X86_V4")) for flag in processor()[1])


def measure(where: str, seed: int) -> dict[str, Any]:
    """Train in this process, and say in which surrounding it was."""
    began = time.perf_counter()
    if where.endswith(".ipynb"):
        import margins_cells  # noqa: PLC0415 (with notebooks, seconds that a module does not need)
        import notebooks  # noqa: PLC0415

        values = margins_cells.measure(notebooks.read(Path(where)), seed)
    else:
        module, _, name = where.partition(":")
        values = getattr(importlib.import_module(module), name)(seed)
    used = bool(set(numpy_features()["found"]) & set(AVX512_FEATURES))
    model, flags = processor()
    return {
        "values": {quantity: float(value) for quantity, value in values.items()},
        "avx512": ("on" if used else "off") if has_avx512() else "absent",
        "processor": model,
        "flags": " ".join(flags),
        "seconds": f"{time.perf_counter() - began:.0f}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "tensorflow", "keras")},
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
