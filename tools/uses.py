"""Who uses what: names of `course_utils` followed through imports to where they are defined."""

import ast
from collections.abc import Iterator, Mapping

PACKAGE = "course_utils"
Name = tuple[str, str]  # module, name


def imports(module: str, tree: ast.AST) -> Iterator[tuple[str, Name]]:
    """What a module imports from the package: the name here, and (module, name) there; "" for a module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            parent = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*parent, node.module] if node.module else parent)
            if source.split(".")[0] == PACKAGE:
                for alias in node.names:
                    yield alias.asname or alias.name, (source, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    yield alias.asname or alias.name, (alias.name, "")


def unused(modules: Mapping[str, str], programs: list[str]) -> set[Name]:
    """Names in a module's `__all__` that no other module, no program and no other function there uses.

    `modules` maps a module's name to its source; `programs` are sources of notebooks and tools. A package that
    imports a name from its modules hands it on, which is no use.
    """
    trees = {name: ast.parse(source) for name, source in modules.items()}
    imported = {name: dict(imports(name, tree)) for name, tree in trees.items()}
    packages = {name.rpartition(".")[0] for name in modules if "." in name}

    def defined(name: Name) -> Name:
        module, attribute = name
        there = imported.get(module, {}).get(attribute)
        return defined(there) if there and there != name else name

    used: set[Name] = set()
    for name, tree in [*trees.items(), *(("", ast.parse(program)) for program in programs)]:
        here = dict(imports(name, tree))
        used |= {(name, found) for found in _names_in_bodies(tree)}
        if name not in packages:
            used |= {defined(there) for there in here.values()}
        for node in ast.walk(tree):  # from course_utils import plotting … plotting.show
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in here:
                used.add(defined((".".join(filter(None, here[node.value.id])), node.attr)))
    return {defined((name, public)) for name, tree in trees.items() for public in _exported(tree)} - used


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))
    return []


def _names_in_bodies(tree: ast.Module) -> set[str]:
    """What functions and classes at the top level take from their module: not their own name, nor a local one."""
    found: set[str] = set()
    for body in tree.body:
        if isinstance(body, ast.FunctionDef | ast.ClassDef):
            nodes = list(ast.walk(body))
            names = [node for node in nodes if isinstance(node, ast.Name)]
            local = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
            found |= {node.id for node in names} - local - {body.name}
    return found
