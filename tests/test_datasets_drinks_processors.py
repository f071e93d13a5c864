"""The same scenes on every processor: one machine made to compute like several.

NumPy has kernels of its own for sines, exponentials and powers with AVX-512, and glibc has others with FMA
instructions than without. Both can be told not to use what the processor has.
"""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from course_utils.datasets.drinks.job import Job, pack
from notebooks import ROOT

# Found by NumPy on this processor, beyond what it was built for.
FEATURES = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
WITHOUT_AVX512 = {"NPY_DISABLE_CPU_FEATURES": " ".join(f for f in FEATURES if "512" in f or f == "X86_V4")}
# The names of glibc 2.33 and later, and those before; elsewhere the variable says nothing.
PLAIN = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(FEATURES),
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable",
}

SINE = "import numpy as np; print(np.sin(np.linspace(-3, 3, 100_000)).tobytes().hex())"
DRAW = """
import hashlib, sys
from course_utils.datasets.drinks.job import Job, pack

for difficulty in range(3):
    for index in map(int, sys.argv[1:]):
        for name, array in pack([Job(7, 96, 128, difficulty).draw(index)]).items():
            print(difficulty, index, name, hashlib.sha256(array.tobytes()).hexdigest())
"""


def outputs(code, *arguments):
    """What the code prints as this processor computes, and as lesser ones do; processes side by side."""
    environments = [{}, PLAIN]
    if WITHOUT_AVX512["NPY_DISABLE_CPU_FEATURES"]:
        environments.append(WITHOUT_AVX512)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for environment in environments
    ]
    try:
        found = [process.communicate(timeout=1200)[0].splitlines() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes)
    return found


def assert_same(found):
    for other in found[1:]:
        assert len(other) == len(found[0])
        assert [pair for pair in zip(found[0], other, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not {"X86_V3", "FMA3"} & set(FEATURES), reason="neither glibc nor FMA"
)
def test_the_settings_change_the_last_digits_of_a_sine():
    """Else the two tests below would compare a computation with itself."""
    own, plain = outputs(SINE)[:2]
    assert own != plain


@pytest.mark.integration
def test_the_same_scenes_with_other_instructions():
    """Corners of these differed before they were rounded: of 73 without FMA, of some others with AVX-512."""
    assert_same(outputs(DRAW, *range(12), 73))


@pytest.mark.slow
def test_two_thousand_scenes_of_each_difficulty_with_other_instructions():
    assert_same(outputs(DRAW, *range(2000)))


@pytest.mark.parametrize("difficulty", range(3))
def test_the_same_scenes_if_every_function_is_less_exact(difficulty, monkeypatch):
    """By 1e-13, hundreds of times what processors and libraries of mathematics differ by."""
    job = Job(7, 96, 128, difficulty)
    exact = pack([job.draw(index) for index in range(12)])
    signs = np.random.default_rng(0)
    called = set()

    def inexact(name, function):
        def call(*arguments, **options):
            called.add(name)
            result = np.asarray(function(*arguments, **options))
            return (result * (1 + 1e-13 * signs.choice([-1, 1], result.shape)))[()]

        return call

    for name in ("sin", "cos", "arcsin", "exp", "interp"):
        monkeypatch.setattr(np, name, inexact(name, getattr(np, name)))
    found = pack([job.draw(index) for index in range(12)])
    assert len(called) == 5
    for name, array in exact.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
