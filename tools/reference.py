"""The reference of `course_utils`: a page a subject, and the chapters that use each name."""

import ast
import importlib
import pkgutil
from collections import defaultdict
from pathlib import Path

import nbformat

import course_utils
from course_utils._files import write_text
from uses import imports

__all__ = ["subjects", "used_by", "write_reference"]


def subjects() -> list[str]:
    """The public modules and packages directly below `course_utils`, and those inside `datasets`."""
    inner = pkgutil.iter_modules(importlib.import_module("course_utils.datasets").__path__, "datasets.")
    packages = [module.name for module in inner if module.ispkg]
    names = [module.name for module in pkgutil.iter_modules(course_utils.__path__)] + packages
    hidden = {"__main__", "experiments", "exercises"}
    return sorted(name for name in names if not name.startswith("_") and name not in hidden)


def write_reference(folder: Path) -> None:
    """Write the sources of the pages, in reStructuredText, which docstrings are."""
    folder.mkdir(parents=True)
    names = subjects()
    lines = ["Reference", "=========", "", ".. automodule:: course_utils", "   :no-members:", ""]
    lines += [".. toctree::", "   :maxdepth: 1", "", *(f"   {name}" for name in names), ""]
    write_text(folder / "index.rst", "\n".join(lines))
    for name in names:
        module = importlib.import_module(f"course_utils.{name}")
        text = [
            module.__name__,
            "=" * len(module.__name__),
            "",
            f".. automodule:: {module.__name__}",
            "   :no-members:",
            "",
        ]
        for public in module.__all__:
            thing = getattr(module, public)
            if home(thing, name, names) == name:
                kind = "class" if isinstance(thing, type) else "function" if callable(thing) else "data"
                text += [f".. auto{kind}:: {module.__name__}.{public}", ""]
        write_text(folder / f"{name}.rst", "\n".join(text))


def home(thing: object, here: str, names: list[str]) -> str:
    """The subject on whose page a thing stands: where it is defined, if that is a subject."""
    defined = str(getattr(thing, "__module__", "")).removeprefix("course_utils.")
    parts = defined.split(".")
    return next((".".join(parts[:n]) for n in (2, 1) if ".".join(parts[:n]) in names), here)


def used_by(notebooks: dict[str, nbformat.NotebookNode]) -> dict[str, list[str]]:
    """The chapters that use each public name, as `softmax.entropy`."""
    found: dict[str, list[str]] = defaultdict(list)
    for chapter, notebook in notebooks.items():
        code = "\n".join(
            "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
            for cell in notebook.cells
            if cell.cell_type == "code"
        )
        try:
            tree = ast.parse(code)
        except SyntaxError:
            continue
        for name in sorted(_names(tree)):
            found[name].append(chapter)
    return dict(found)


def _names(tree: ast.AST) -> set[str]:
    """What is imported from the package, and what is taken from modules that are."""
    here = {name: ".".join(there).removeprefix("course_utils.") for name, there in imports("", tree)}
    taken = {
        f"{here[node.value.id]}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in here
    }
    return {*here.values(), *taken}
