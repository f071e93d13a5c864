"""How pytest compares the notebooks: nbval skips pictures by itself, and here what goes to stderr.

TensorFlow's C++ code writes a log there whose words depend on the machine.
"""

import pytest

nbval = pytest.importorskip("nbval.plugin")


class _NotebookFile(nbval.IPyNbFile):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.skip_compare = (*self.skip_compare, "stderr")


nbval.IPyNbFile = _NotebookFile
