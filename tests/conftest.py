"""Make the tools importable as the commands see them."""

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

# nbgrader is an extra of its own, and looking for doctests imports all files.
collect_ignore = [] if importlib.util.find_spec("nbgrader") else ["class_run.py"]

# A busy machine pauses a test for longer than Hypothesis' default of 200 ms.
settings.register_profile("course", deadline=None)
settings.load_profile("course")


@pytest.fixture(autouse=True)
def operations_as_they_were():
    """Undo what `course_utils.training.set_seed` switches on for the whole process: Keras refuses XLA with it."""
    yield
    config = sys.modules.get("tensorflow.python.framework.config")
    if config is not None:
        config.disable_op_determinism()
