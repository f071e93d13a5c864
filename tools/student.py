"""Write copies of the notebooks without solutions to build/student/, for handing out."""

import re

import nbformat

from course_utils._files import replacing
from notebooks import ROOT, chapters, read, write

TARGET = ROOT / "build" / "student"


def without_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without the cells from the heading "Solutions" to the links at the end, and without outputs."""
    copy: nbformat.NotebookNode = nbformat.from_dict(notebook)
    cells = copy.cells
    starts = [i for i, cell in enumerate(cells) if re.match(r"## Solutions\b", cell.source)]
    if len(starts) != 1:
        raise ValueError(f"expected one heading `## Solutions`, found {len(starts)}")
    copy.cells = [*cells[: starts[0]], cells[-1]]
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = cell.source.replace(" The solutions are at the end.", "")
    return copy


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "figures").mkdir(exist_ok=True)
    for path in chapters():
        write(without_solutions(read(path)), TARGET / path.name)
        cover = path.parent / "figures" / f"{path.stem}.png"
        if cover.is_file():
            with replacing(TARGET / "figures" / cover.name) as temporary:
                temporary.write_bytes(cover.read_bytes())
        print(TARGET.relative_to(ROOT) / path.name)


if __name__ == "__main__":
    main()
