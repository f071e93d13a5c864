"""Terms in bold."""

import nbformat.v4
import pytest

from terms import bold, defined, is_form_of, symbols


@pytest.mark.parametrize(
    ("text", "term"), [("Logits", "logit"), ("boxes", "box"), ("entropies", "entropy"), ("Recall.", "recall")]
)
def test_a_term_is_known_in_the_plural_and_in_the_place_that_it_has_in_a_sentence(text, term):
    assert is_form_of(text, term)


@pytest.mark.parametrize(("text", "term"), [("logistic", "logit"), ("the box", "box"), ("boxed", "box")])
def test_another_word_is_not_the_term(text, term):
    assert not is_form_of(text, term)


def test_bold_text_is_found_over_the_end_of_a_line_and_a_product_is_not_bold():
    assert bold("a **false\nnegative**, 2 ** 3 ** 4, **b**") == ["false negative", "b"]


def test_terms_and_symbols_come_with_their_cells():
    cells = [nbformat.v4.new_markdown_cell("a"), nbformat.v4.new_markdown_cell("**Box**")]
    meaning = {"symbol": "b", "latex": "b", "meaning": "a box"}
    cells[1].metadata = nbformat.from_dict({"defines": ["box"], "symbols": [meaning]})
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert list(defined(notebook)) == [(1, "box")]
    assert list(symbols(notebook)) == [(1, meaning)]
