"""How pytest compares the notebooks: nbval skips pictures by itself, and here what goes to stderr.

TensorFlow's C++ code writes a log there whose words depend on the machine.
"""

import pytest

nbval = pytest.importorskip("nbval.plugin")
_original = nbval.IPyNbFile.__init__


def _without_stderr(self, *arguments, **options):
    _original(self, *arguments, **options)
    self.skip_compare = (*self.skip_compare, "stderr")


nbval.IPyNbFile.__init__ = _without_stderr
