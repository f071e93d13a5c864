"""The live trainings of a notebook as ``tools/margins.py`` repeats them: its own cells, with another seed.

A code cell that asserts something of a training names it in its metadata, as ``"margins": [{"quantity": "score",
"bound": 0.6}]``. These cells and those before that they need (``margins_names.py``) are run, with three changes:

- ``SEED = 0``, the seed of the notebook's live trainings, becomes 1000 times the seed of the run, so that run 0 is
  the notebook as it stands. Seeds that are written as numbers stay: they belong to data that the text speaks of.
- An assertion whose bound the metadata name is not made: its value is taken down, the worst one if it comes by
  several times. All other assertions are left out, since another seed need not keep them.
- What only shows something (``print``, ``plotting.show``, sliders, checks of exercises) is left out.
"""

import ast
import hashlib
import linecache
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import numpy as np

from margins_names import needed

__all__ = ["Claim", "asserted", "checksum", "live_cells", "measure"]

EXPERIMENTS = Path(__file__).resolve().parent.parent / "course_utils" / "experiments"
SIDES = {ast.Gt: "above", ast.GtE: "above", ast.Lt: "below", ast.LtE: "below"}
OTHER_SIDE = {"above": "below", "below": "above"}
SHOWING = {"print", "check", "hint", "plotting.show", "plotting.explore"}
RECORD = "__record__"


class Claim(NamedTuple):
    """What an assertion says of a trained quantity."""

    quantity: str
    side: str  # "above" or "below"
    bound: float


def asserted(cell: nbformat.NotebookNode) -> list[Claim]:
    """What a cell asserts of trainings, as its metadata name it and its assertions say it.

    Raises
    ------
    ValueError
        If there is no assertion with a bound that the metadata name, or more than are named.
    """
    named = cell.metadata.get("margins", [])
    return [claim for _, _, claim in _matched(ast.parse(cell.source), named)]


def live_cells(notebook: nbformat.NotebookNode) -> list[tuple[ast.Module, list[Any]]]:
    """The cells that are run, in order: their code without what only shows, and what their metadata name."""
    cells = [
        (_Shown().visit(ast.parse(cell.source)), cell.metadata.get("margins", []))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    ends = {number for number, (_, named) in enumerate(cells) if named}
    return [cells[number] for number in needed([tree for tree, _ in cells], ends)]


def checksum(notebook: nbformat.NotebookNode) -> str:
    """Of what the trainings depend on.

    That is the code of the cells that are run, without its assertions, and the constants of the modules in
    ``course_utils/experiments`` that they import. Comments, prose and other cells do not matter.
    """
    trees = [tree for tree, _ in live_cells(notebook)]
    parts = [_outline(_Unasserted().visit(tree)) for tree in trees]
    for module in sorted({name for tree in trees for name in _experiments(tree)}):
        parts += [_outline(node) for node in _constants(module)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def measure(notebook: nbformat.NotebookNode, seed: int) -> dict[str, float]:
    """Run the cells that the claims need with another seed, and give the value of each quantity.

    Raises
    ------
    ValueError
        If the notebook has no ``SEED = 0``, or an assertion was never reached.
    """
    values: dict[str, float] = {}

    def record(quantity: str, side: str, value: Any) -> None:
        worst = min if side == "above" else max
        found = float(np.min(value) if side == "above" else np.max(value))
        values[quantity] = worst(values.get(quantity, found), found)

    cells = live_cells(notebook)
    seeded = _Seeded(1000 * seed)
    module = types.ModuleType("notebook")
    vars(module)[RECORD] = record
    for number, (tree, named) in enumerate(cells, start=1):
        recorded = {node: (value, claim) for node, value, claim in _matched(tree, named)}
        changed = seeded.visit(_Unasserted(recorded).visit(tree))
        source, name = ast.unparse(ast.fix_missing_locations(changed)), f"<cell {number} of those run>"
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name  # AutoGraph looks there
        exec(compile(source, name, "exec"), vars(module))
    if seeded.times != 1:
        raise ValueError(f"notebook: expected one line `SEED = 0` in the cells that are run, got {seeded.times}")
    missing = {claim["quantity"] for _, named in cells for claim in named} - values.keys()
    if missing:
        raise ValueError(f"notebook: expected a value of each quantity, got none of {sorted(missing)}")
    return values


def _matched(tree: ast.Module, named: list[Any]) -> Iterator[tuple[ast.Assert, ast.expr, Claim]]:
    """Each assertion whose bound is named, with the value that it compares.

    Those of one bound come in the order of both lists.
    """
    waiting = list(named)
    for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Assert)), key=lambda n: n.lineno):
        comparison = _comparison(node.test)
        parts = [comparison.left, *comparison.comparators] if comparison else []
        numbers = [_number(part) for part in parts]
        claim = next((claim for claim in waiting if claim["bound"] in numbers), None)
        if comparison is None or claim is None:
            continue
        side = SIDES.get(type(comparison.ops[0]))
        if side is None or len(parts) != 2:
            raise ValueError(
                f"{claim['quantity']}: expected `value > bound` or `value < bound`, a comparison each, "
                f"got `{ast.unparse(node.test)}`"
            )
        waiting.remove(claim)
        at = numbers.index(claim["bound"])
        yield node, parts[1 - at], Claim(claim["quantity"], side if at else OTHER_SIDE[side], claim["bound"])
    if waiting:
        raise ValueError(
            f"{waiting[0]['quantity']}: no assertion of this cell compares with {waiting[0]['bound']:g}"
        )


def _comparison(test: ast.expr) -> ast.Compare | None:
    """The comparison that an assertion makes: `a > 1`, `(a > 1).all()` or `np.all(a > 1)`."""
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "all":
        test = test.args[0] if test.args else test.func.value
    return test if isinstance(test, ast.Compare) else None


def _number(node: ast.expr) -> float | None:
    """The number that an expression is, if it is one."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int | float) else None


class _Shown(ast.NodeTransformer):
    """Leaves out what only shows something, and what only describes."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        shows = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in SHOWING
        return ast.Pass() if shows or isinstance(node.value, ast.Constant) else node


class _Unasserted(ast.NodeTransformer):
    """Takes the values of some assertions down, and leaves out the others."""

    def __init__(self, recorded: dict[ast.Assert, tuple[ast.expr, Claim]] | None = None) -> None:
        self.recorded = recorded or {}

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if node not in self.recorded:
            return ast.Pass()
        value, claim = self.recorded[node]
        words: list[ast.expr] = [ast.Constant(claim.quantity), ast.Constant(claim.side), value]
        return ast.Expr(ast.Call(ast.Name(RECORD, ast.Load()), words, []))


class _Seeded(ast.NodeTransformer):
    """Gives `SEED = 0` another value."""

    def __init__(self, seed: int) -> None:
        self.seed, self.times = seed, 0

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if ast.unparse(node) != "SEED = 0":
            return node
        self.times += 1
        return ast.Assign(node.targets, ast.Constant(self.seed))


def _experiments(tree: ast.Module) -> Iterator[str]:
    """The modules of `course_utils.experiments` that a cell imports."""
    package = "course_utils.experiments"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            yield str(node.module).removeprefix(f"{package}.")


def _constants(module: str) -> Iterator[ast.Assign]:
    for node in ast.parse((EXPERIMENTS / f"{module}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names = {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            if all(name.isupper() for name in names):
                yield node


def _outline(node: Any) -> Any:
    """A tree as nested tuples, the same for every version of Python."""
    if isinstance(node, list):  # `pass` stands for what was left out
        return tuple(_outline(part) for part in node if not isinstance(part, ast.Pass))
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, _outline(value)) for name, value in ast.iter_fields(node) if value not in (None, []))
    return type(node).__name__, *fields
