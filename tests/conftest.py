"""Make the tools importable as the commands see them."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

# A busy machine pauses a test for longer than Hypothesis' default of 200 ms.
settings.register_profile("course", deadline=None)
settings.load_profile("course")
