"""Which cells of a notebook others need."""

import ast

import pytest

from margins_names import Names, changed, needed


def found(*sources, ends=None):
    cells = [ast.parse(source) for source in sources]
    return needed(cells, ends or {len(cells) - 1})


@pytest.mark.parametrize(
    "between",
    [
        "x = 2",
        "x += 1",
        "x[0] = 1",
        "x[0] += 1",
        "x.rate = 1",
        "x.layers[0].rate = 1",
        "x.fit(1)",
        "history = x.fit(1)",
        "load(x, 1)",
        "for step in range(3):\n    x.train(step)",
        "if True:\n    x = 2",
        "with open('f') as x:\n    pass",
        "def x():\n    return 1",
        "(a, x), b = f()",
        "import x",
        "from module import other as x",
    ],
)
def test_a_cell_that_binds_or_changes_what_is_read_later_is_needed(between):
    assert 1 in found("x = []", between, "result = x")


@pytest.mark.parametrize(
    "between",
    [
        "y = 2",
        "y = x",
        "y = evaluate(x)",
        "y = x.mean()",
        "y[x] = 1",
        "y = [x for x in range(3)]",
        "def f():\n    x = 1",
        "def f():\n    x.fit(1)",
        "y = lambda x: x",
    ],
)
def test_a_cell_that_only_reads_or_has_names_of_its_own_is_not(between):
    assert found("x = 1", between, "result = x") == [0, 2]


def test_what_a_needed_cell_reads_is_needed_too_through_functions_and_comprehensions():
    cells = ("a = 1", "b = 2", "def f():\n    return a + b", "c = [f() for d in range(3)]", "e = 1", "print(c)")
    assert found(*cells) == [0, 1, 2, 3, 5]


def test_a_name_that_a_cell_binds_before_it_reads_it_comes_from_nowhere_else():
    assert found("figure = 1", "figure = 2\nresult = figure", "print(result)") == [1, 2]
    assert found("x = 1", "x = x + 1", "print(x)") == [0, 1, 2]
    assert found("x = 1", "for x in x:\n    y = x", "print(y)") == [0, 1, 2]


def test_cells_after_the_last_one_and_without_any_are_not_needed():
    assert found("x = 1", "y = x", "x = 2", ends={1}) == [0, 1]
    assert needed([ast.parse("x = 1")], set()) == []


def test_an_imported_module_is_not_changed_by_a_call():
    assert found("import np", "np.show()", "x = np.ones(2)") == [0, 2]


def test_names_are_told_apart():
    names = Names(ast.parse("y = x\nx = z\nw = [k for k in y]"))
    assert names.read == {"x", "z"}
    assert names.bound == {"x", "y", "w"}
    assert changed(ast.parse("a.b = c\nd.e(f, g.h)")) == {"a", "d", "f"}
