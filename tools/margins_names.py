"""Which cells of a notebook others need: by the names that they read, bind and change."""

import ast
from collections.abc import Iterator, Sequence

__all__ = ["Names", "changed", "needed"]

LEARNING = ("fit", "run", "train")  # methods that change what they belong to, though their result is kept


def needed(cells: Sequence[ast.Module], ends: set[int]) -> list[int]:
    """Numbers of the cells that those in ``ends`` need, and these themselves, in order.

    A cell is needed, if it binds a name that a later one reads, or may change what such a name stands for. What is
    imported is taken not to change.
    """
    imported = {name for cell in cells for node in ast.walk(cell) for name in _imports(node)}
    found: list[int] = []
    wanted: set[str] = set()
    for number in range(max(ends, default=-1), -1, -1):
        names = Names(cells[number])
        if number in ends or (names.bound | changed(cells[number]) - imported) & wanted:
            found.insert(0, number)
            wanted = wanted - names.bound | names.read
    return found


def changed(cell: ast.Module) -> set[str]:
    """Names whose values a cell may change without binding them anew.

    By ``x[…] = …`` or ``x.y = …``, by ``network.fit(…)``, or by a call whose result nobody keeps, so that it must
    have been made for what it does: ``load_weights(network, …)``.
    """
    found: set[str] = set()
    for node in _outside_of_functions(cell):
        match node:
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                found |= root(node)
            case ast.Assign(value=ast.Call(func=ast.Attribute(attr=method, value=owner))) if method in LEARNING:
                found |= root(owner)
            case ast.Expr(value=ast.Call(func=called, args=arguments)):
                found |= root(called) | {argument.id for argument in arguments if isinstance(argument, ast.Name)}
    return found


def _outside_of_functions(node: ast.AST) -> Iterator[ast.AST]:
    """All parts of a cell but what stands in functions and classes, which change nothing until they are called."""
    yield node
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield from _outside_of_functions(part)


def _imports(node: ast.AST) -> set[str]:
    names = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
    return {alias.asname or alias.name.split(".")[0] for alias in names}


def root(node: ast.AST) -> set[str]:
    """The name that an expression begins with: of ``network.layers[0].trainable`` it is ``network``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


class Names:
    """Names that a cell binds, and those that it reads before it binds them."""

    def __init__(self, cell: ast.Module) -> None:
        self.read: set[str] = set()
        self.bound: set[str] = set()
        self._visit(cell)

    def _visit(self, *nodes: ast.AST) -> None:
        """Walk in the order in which Python evaluates: a value before the name that it is bound to."""
        for node in nodes:
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    self.read |= {name} - self.bound
                case ast.Name(id=name):
                    self.bound.add(name)
                case ast.Import() | ast.ImportFrom():
                    self.bound |= _imports(node)
                case ast.FunctionDef() | ast.ClassDef() | ast.Lambda():
                    self.read |= _from_outside(node) - self.bound
                    self.bound |= set() if isinstance(node, ast.Lambda) else {node.name}
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    before = set(self.bound)
                    self._visit(*(part for g in node.generators for part in (g.iter, g.target)))
                    self._visit(*ast.iter_child_nodes(node))
                    self.bound = before
                case ast.Assign(value=value, targets=targets):
                    self._visit(value, *targets)
                case ast.AugAssign(target=target, value=value):
                    self.read |= root(target) - self.bound
                    self._visit(value, target)
                case ast.For(target=target, iter=values):
                    self._visit(values, target, *node.body, *node.orelse)
                case _:
                    self._visit(*ast.iter_child_nodes(node))


def _from_outside(node: ast.AST) -> set[str]:
    """What a function or class reads and does not bind itself."""
    parts = list(ast.walk(node))
    names = [part for part in parts if isinstance(part, ast.Name)]
    own = {part.id for part in names if isinstance(part.ctx, ast.Store)}
    own |= {part.arg for part in parts if isinstance(part, ast.arg)}
    return {part.id for part in names} - own
