"""A notebook's own cells as trainings: which are run, with which seed, and what is taken down."""

import nbformat.v4
import numpy as np
import pytest

import margins
import margins_cells
from notebooks import write
from results import read_rows


def notebook(*cells):
    """A notebook of code cells; a cell that asserts of a training comes with what its metadata name."""
    pairs = [cell if isinstance(cell, tuple) else (cell, []) for cell in cells]
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source, metadata={"margins": claims} if claims else {})
            for source, claims in pairs
        ]
    )


def named(*pairs):
    return [{"quantity": quantity, "bound": bound} for quantity, bound in pairs]


TRAINED = "values = np.random.default_rng(SEED).normal(size=100)"


def measured(assertion, *pairs, seed=0):
    cells = ("import numpy as np\nSEED = 0", TRAINED, (assertion, named(*pairs)))
    return margins_cells.measure(notebook(*cells), seed)


def test_run_0_is_the_notebook_as_it_stands_and_others_have_seeds_that_are_far_away():
    for seed in (0, 3):
        values = np.random.default_rng(1000 * seed).normal(size=100)
        assert measured("assert values.mean() > -5", ("mean", -5), seed=seed) == {"mean": values.mean()}


def test_a_seed_that_is_written_as_a_number_belongs_to_data_and_stays():
    cells = ("import numpy as np\nSEED = 0", "x = np.random.default_rng(7).normal() + 0 * SEED")
    asserting = ("assert x > -9", named(("x", -9)))
    first, second = (margins_cells.measure(notebook(*cells, asserting), seed) for seed in (0, 1))
    assert first == second == {"x": np.random.default_rng(7).normal()}


@pytest.mark.parametrize("line", ["SEED = 1", "seed = 0", "SEED = 0\nSEED = 0"])
def test_a_notebook_without_one_seed_of_0_is_refused(line):
    cells = (f"{line}\nx = 1", ("assert x > 0", named(("x", 0))))
    with pytest.raises(ValueError, match="expected one line `SEED = 0`"):
        margins_cells.measure(notebook(*cells), 0)


VALUES = np.random.default_rng(0).normal(size=100)


@pytest.mark.parametrize(
    ("assertion", "side", "bound", "value"),
    [
        ("assert values.max() > 0.5", "above", 0.5, VALUES.max()),
        ("assert 0.5 < values.max()", "above", 0.5, VALUES.max()),
        ("assert values.mean() >= -2", "above", -2, VALUES.mean()),
        ("assert values.mean() < 1", "below", 1, VALUES.mean()),
        ("assert 1 >= values.mean(), 'a message'", "below", 1, VALUES.mean()),
        ("assert (values > -9).all()", "above", -9, VALUES.min()),
        ("assert np.all(values < 9)", "below", 9, VALUES.max()),
        ("assert (9 > values).all()", "below", 9, VALUES.max()),
        ("if len(values):\n    assert values.mean() < 1", "below", 1, VALUES.mean()),
        ("for value in values:\n    assert value > -9", "above", -9, VALUES.min()),
        ("for value in values:\n    assert value < 9", "below", 9, VALUES.max()),
    ],
)
def test_the_side_follows_from_the_comparison_and_of_several_values_the_worst_counts(
    assertion, side, bound, value
):
    cell = notebook((assertion, named(("q", bound)))).cells[0]
    assert margins_cells.asserted(cell) == [("q", side, bound)]
    assert measured(assertion, ("q", bound)) == {"q": value}


def test_assertions_of_one_bound_belong_to_the_quantities_in_their_order():
    two = "assert values.max() > 0.5\nassert values.mean() < 3\nassert values.std() > 0.5"
    pairs = ("largest", 0.5), ("spread", 0.5)
    assert measured(two, *pairs) == {"largest": VALUES.max(), "spread": VALUES.std()}


@pytest.mark.parametrize(
    "assertion", ["assert 0.5 < values.max() < 9", "assert values.max() == 0.5", "assert values.max() is 0.5"]
)
def test_a_chain_or_an_equality_is_refused_with_the_assertion(assertion):
    with pytest.raises(ValueError, match=r"q: expected `value > bound` or .* got `.*values\.max\(\)"):
        margins_cells.asserted(notebook((assertion, named(("q", 0.5)))).cells[0])


@pytest.mark.parametrize("assertion", ["assert values.max() > 0.6", "values.max() > 0.5", "assert f(0.5)"])
def test_a_bound_that_no_assertion_compares_with_is_refused(assertion):
    with pytest.raises(ValueError, match=r"q: no assertion of this cell compares with 0\.5"):
        margins_cells.asserted(notebook((assertion, named(("q", 0.5)))).cells[0])


def test_a_quantity_that_is_never_reached_is_an_error():
    with pytest.raises(ValueError, match=r"got none of \['q'\]"):
        measured("if len(values) > 1000:\n    assert values.max() > 0.5", ("q", 0.5))


def test_other_assertions_need_not_hold_and_nothing_is_shown(capsys):
    cells = (
        "import numpy as np\nSEED = 0\nassert SEED == 0",
        f"{TRAINED}\nprint('training')\nfor value in values:\n    print(value)",
        ("assert values[0] == 7\nassert values.max() > 0.5\nprint(values)", named(("q", 0.5))),
    )
    assert margins_cells.measure(notebook(*cells), 1)["q"] > 0.5
    assert capsys.readouterr().out == ""


def test_a_cell_that_asserts_nothing_of_a_training_has_no_claims():
    assert margins_cells.asserted(notebook("assert 1 < 2").cells[0]) == []


BASE = ["import numpy as np\nSEED = 0", TRAINED, "unused = 1", ("assert values.max() > 0.5", named(("q", 0.5)))]


@pytest.mark.parametrize(
    ("cell", "source"),
    [
        (1, f"# a comment\n{TRAINED}\nprint('said')\nassert len(values) == 100"),
        (1, TRAINED.replace("(SEED)", "(\n    SEED\n)")),
        (2, "unused = 2"),
        (3, ("assert values.max() > 0.5\nassert values.min() < 0", named(("q", 0.5)))),
        (3, ("assert values.max() > 0.6", named(("q", 0.6)))),
    ],
)
def test_comments_output_other_cells_and_assertions_do_not_change_the_recipe(cell, source):
    other = [source if number == cell else before for number, before in enumerate(BASE)]
    assert margins_cells.checksum(notebook(*other)) == margins_cells.checksum(notebook(*BASE))


def test_the_code_of_a_cell_that_is_run_and_constants_of_experiments_change_the_recipe(monkeypatch, tmp_path):
    other = [BASE[0], TRAINED.replace("100", "101"), *BASE[2:]]
    assert margins_cells.checksum(notebook(*other)) != margins_cells.checksum(notebook(*BASE))
    monkeypatch.setattr(margins_cells, "EXPERIMENTS", tmp_path)
    checksums = []
    for module in ("STEPS, RATE = 10, 0.1\n", "STEPS, RATE = 11, 0.1\n", "STEPS, RATE = 10, 0.1\nlow = 2\n"):
        (tmp_path / "ch98.py").write_text(module, encoding="utf-8")
        importing = "from course_utils.experiments import ch98\nimport numpy as np\nSEED = 0\nnp.mean(ch98)"
        checksums.append(margins_cells.checksum(notebook(importing, *BASE[1:])))
    assert checksums[0] != checksums[1]
    assert checksums[0] == checksums[2]


def test_the_command_runs_a_notebook_in_processes_and_sums_up(tmp_path, monkeypatch):
    path = tmp_path / "98_made_up.ipynb"
    write(notebook(*BASE), path)
    training = margins.NotebookTraining(path)
    monkeypatch.setattr(margins, "TRAININGS", (training,))
    words = ["--seeds", "0", "1", "--threads", "1", "--avx512", "on"]
    assert margins.main(words, results=tmp_path) == 0
    rows = read_rows(tmp_path / "margins_runs.csv")
    largest = [np.random.default_rng(seed).normal(size=100).max() for seed in (0, 1000)]
    assert [row["value"] for row in rows] == [f"{value:.5f}" for value in largest]
    assert {row["recipe"] for row in rows} == {f"cells {margins_cells.checksum(notebook(*BASE))}"}
    (row,) = read_rows(tmp_path / "margins.csv")
    assert (row["chapter"], row["side"], row["bound"], row["runs"]) == ("98", "above", "0.5", "2")
