"""The checker itself: four verdicts, readable feedback, and no way to please it by accident."""

import numpy as np
import pytest

from course_utils.checks import check, hint
from course_utils.exercises import CHAPTERS
from course_utils.softmax import softmax


def test_right():
    result = check("softmax.stable", softmax)
    assert result.status == "correct"
    assert repr(result).startswith("✓ softmax.stable: correct.")
    assert "correct" in result._repr_html_()


@pytest.mark.parametrize("answer", [..., lambda logits: ...])
def test_not_attempted(answer):
    assert check("softmax.stable", answer).status == "not attempted"


def test_raised_names_the_exception_the_line_and_the_input():
    def mine(logits):
        return logits.no_such_method()

    result = check("softmax.stable", mine)
    assert result.status == "error"
    assert "AttributeError" in result.message
    assert "return logits.no_such_method()" in result.message
    assert "logits of shape" in result.message


def test_wrong_shows_input_what_came_and_what_was_expected():
    result = check("softmax.temperature", lambda logits, temperature: softmax(logits) * 0)
    assert result.status == "wrong"
    for part in ("logits = [0., 1.]", "temperature = 2.", "came = [0., 0.]", "expected = [0.3775, 0.6225]"):
        assert part in result.message


def test_the_first_input_shown_is_small_enough_to_read():
    for name in [n for names in CHAPTERS.values() for n in names]:
        result = check(name, lambda *arguments: np.full((7, 7, 7), -1.0))
        assert result.status == "wrong"
        assert len(result.message.splitlines()) < 30
        assert max(len(line) for line in result.message.splitlines()) < 160


def test_a_value_instead_of_a_function_is_told_so():
    result = check("softmax.stable", softmax([1.0, 2.0]))
    assert result.status == "error"
    assert "without calling it" in result.message


def test_a_function_that_alters_its_input_is_told_so():
    def mine(logits):
        logits -= logits.max(axis=-1, keepdims=True)
        return softmax(logits)

    result = check("softmax.stable", mine)
    assert result.status == "wrong"
    assert "changed the array" in result.message


def test_right_values_of_another_type_are_accepted():
    assert check("softmax.stable", lambda logits: softmax(logits).tolist()).status == "correct"
    assert check("softmax.stable", lambda logits: softmax(logits).astype(np.float32)).status == "correct"


def test_the_same_answer_gets_the_same_feedback():
    def wrong(logits):
        return np.zeros_like(logits)

    assert repr(check("softmax.stable", wrong)) == repr(check("softmax.stable", wrong))


def test_feedback_is_escaped_in_html():
    def mine(logits):
        raise RuntimeError("<script>")

    assert "<script>" not in check("softmax.stable", mine)._repr_html_()


@pytest.mark.parametrize("function", [check, lambda name, answer: hint(name)])
def test_an_unknown_name_lists_near_ones(function):
    with pytest.raises(ValueError, match=r"no exercise 'softmax.stabel'.*softmax\.stable"):
        function("softmax.stabel", softmax)
    with pytest.raises(ValueError, match="no exercise"):
        function("zzz", softmax)


@pytest.mark.parametrize("name", [n for names in CHAPTERS.values() for n in names])
def test_every_exercise_has_a_hint(name):
    assert hint(name).message
    assert name in repr(hint(name))


def test_interrupting_is_not_swallowed():
    def mine(logits):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("softmax.stable", mine)
