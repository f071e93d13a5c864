"""Make the tools importable as the commands see them."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

# The processes that tests start find what lies there before the packages that it replaces.
WITHOUT = str(Path(__file__).resolve().parent / "without")
PATHS = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if WITHOUT not in PATHS:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [WITHOUT, *PATHS]))

# Programs of their own, which looking for doctests would import: nbgrader, an extra of its own, takes seconds.
collect_ignore = ["without", "class_run.py"]


def pytest_ignore_collect(collection_path, config):
    """Import no browser where its tests are left out."""
    return True if collection_path.name == "browser" and "not browser" in config.option.markexpr else None


# What is collected stays: looking through it for garbage, again and again while it grows, takes seconds a process.
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


# A busy machine pauses a test for longer than Hypothesis' default of 200 ms. Other examples are tried in each run.
settings.register_profile("course", deadline=None, max_examples=50)
settings.load_profile("course")


@pytest.fixture(autouse=True)
def operations_as_they_were():
    """Undo what `course_utils.training.set_seed` switches on for the whole process: Keras refuses XLA with it."""
    yield
    config = sys.modules.get("tensorflow.python.framework.config")
    if config is not None:
        config.disable_op_determinism()


@pytest.fixture
def eagerly():
    """Run the course's functions of TensorFlow step by step.

    For a step or two of a large network it takes most of the time to trace and optimise its graph.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
