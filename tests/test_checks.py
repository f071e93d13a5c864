"""The checker itself: four verdicts, readable feedback, and no way to please it by accident."""

import signal
import sys
import threading
import time

import numpy as np
import pytest

from course_utils import checks
from course_utils.boxes import nms
from course_utils.checks import check, hint
from course_utils.exercises import CHAPTERS, Exercise, Mistake
from course_utils.softmax import entropy, softmax


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


def test_small_numbers_are_not_shown_as_0():
    def adam_with_a_smaller_epsilon(gradients, rate):
        m = s = position = np.zeros(gradients.shape[1])
        positions = []
        for t, g in enumerate(gradients, start=1):
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
            position = position - rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(s) + 1e-8)
            positions.append(position)
        return np.array(positions)

    assert "[[1.e-06, 1.e-08, 0.e+00]" in check("optimizers.adam", adam_with_a_smaller_epsilon).message


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


# --- which mistake is named


@pytest.fixture
def doubled(monkeypatch):
    """An exercise made for these tests: twice a number, on the given inputs, with the given mistakes."""

    def make(inputs, **mistakes):
        exercise = Exercise(
            reference=lambda x: 2 * x,
            cases=lambda rng: [(x,) for x in inputs],
            hint="Double it.",
            mistakes=tuple(Mistake(answer, says) for says, answer in mistakes.items()),
            dtype="float64",
        )
        monkeypatch.setattr(checks, "_find", lambda name: exercise)

    return make


def wrong_for(*inputs, by=1.0):
    return lambda x: 2 * x + by * (x in inputs)


@pytest.mark.parametrize(
    ("agreeing", "named"),
    [((1.0,), False), ((1.0, 2.0), False), ((1.0, 2.0, 3.0), True), ((2.0, 3.0, 4.0), False)],
)
def test_a_mistake_is_named_that_agrees_on_the_input_shown_and_on_more_than_half(doubled, agreeing, named):
    doubled([1.0, 2.0, 3.0, 4.0], mistake=lambda x: 2 * x + (1 if x in agreeing else 5))
    result = check("doubled", lambda x: 2 * x + 1)
    assert "x = 1." in result.message
    assert result.message.endswith("mistake") == named


def test_agreement_where_both_are_right_does_not_count(doubled):
    doubled([float(x) for x in range(1, 10)], mistake=wrong_for(1.0, 2.0, 3.0))
    assert "mistake" not in check("doubled", wrong_for(1.0)).message  # 7 of 9 inputs, 1 of 3 that matter
    assert check("doubled", wrong_for(1.0, 2.0)).message.endswith("mistake")  # 2 of 3


def test_the_mistake_that_agrees_on_the_largest_share_is_named(doubled):
    inputs = [1.0, 2.0, 3.0, 4.0]
    doubled(inputs, broad=wrong_for(*inputs), exact=wrong_for(1.0, 2.0, 3.0), same=wrong_for(1.0, 2.0, 3.0))
    assert check("doubled", wrong_for(1.0, 2.0, 3.0)).message.endswith("exact")


def test_wrong_values_go_before_the_dtype_and_a_changed_input(doubled):
    doubled([1.0, 2.0], mistake=wrong_for(2.0))
    result = check("doubled", lambda x: int(2 * x + (x == 2)))
    assert result.message.startswith("The values differ")
    assert result.message.endswith("mistake")  # the dtype does not hide it
    assert check("doubled", lambda x: int(2 * x)).message.startswith("The values are right; the dtype")


# --- feedback stays short


def long_message(logits):
    raise ValueError("x" * 10_000_000)


class LongName:
    def __repr__(self):
        return "y" * 10_000_000


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (long_message, "characters left out"),
        (lambda logits: LongName(), "type LongName"),
        (lambda logits: "z" * 10_000_000, "type str"),
        (lambda logits: ["z"] * 1_000_000, "list of 1000000 elements"),
        (lambda logits: [[k] * k for k in range(1000)], "type list"),
        (lambda logits: np.broadcast_to(0.0, (100_000, 100_000)), "(100000, 100000)"),
        (lambda logits: np.zeros((3, 2), "U1000000"), "array of <U1000000"),
        (lambda logits: dict.fromkeys(range(10000), "v" * 1000), "type dict"),
        (lambda logits: np.zeros([1] * 40), "(1, 1, 1"),
    ],
)
def test_feedback_is_short_whatever_comes(answer, part):
    message = check("softmax.stable", answer).message
    assert part in message
    assert len(message) < 4_200
    assert "expected of shape (3, 2) = " in message or "ValueError" in message


def test_what_an_answer_prints_is_cut(capsys):
    def mine(logits):
        for _ in range(1_000):
            sys.stdout.write("debugging " * 100 + "\n")
        return softmax(logits)

    assert check("softmax.stable", mine).status == "correct"
    out = capsys.readouterr().out
    assert out.startswith("debugging ")
    assert out.endswith("is not shown)\n")
    assert len(out) < 2_100


def test_a_few_printed_lines_come_through(capsys):
    assert check("softmax.stable", lambda logits: sys.stdout.write(f"{logits.shape}\n")).status == "wrong"
    assert capsys.readouterr().out.startswith("(3, 2)\n")


# --- whatever an answer does ends in a verdict


class Hostile:
    """Raises at everything that a checker might ask of it."""

    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")

    def __eq__(self, other):
        raise RuntimeError("not comparable")

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("not to be shown")

    def __len__(self):
        raise RuntimeError("no length")


class SpeechlessError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def speechless(logits):
    raise SpeechlessError


def stopping(error):
    def mine(logits):
        raise error

    return mine


@pytest.mark.parametrize(
    ("answer", "status", "part"),
    [
        (lambda logits: sys.exit(), "error", "as sys.exit() and exit() do"),
        (stopping(SystemExit(3)), "error", "return"),
        (stopping(GeneratorExit()), "error", "GeneratorExit"),
        (speechless, "error", "SpeechlessError: (its message cannot be shown: RuntimeError)"),
        (lambda logits: Hostile(), "wrong", "type Hostile"),
        (lambda logits: [Hostile()], "wrong", "type list"),
        (lambda logits: (row for row in logits), "wrong", "type generator"),
        (lambda logits: mine_again(logits), "error", "RecursionError"),
        (lambda logits: softmax(logits) * 1j, "wrong", "array of complex128"),
        (lambda logits: softmax(logits).astype(object), "wrong", "array of object"),
        (lambda logits: np.ma.masked_less(softmax(logits), 0.4), "wrong", "type MaskedArray"),
        (lambda logits: np.ma.asarray(softmax(logits)), "correct", "agrees"),
        (lambda logits: softmax(logits).tolist(), "correct", "agrees"),
    ],
)
def test_every_answer_gets_a_verdict(answer, status, part):
    result = check("softmax.stable", answer)
    assert result.status == status
    assert part in result.message


def mine_again(logits):
    return mine_again(logits)


def test_a_list_that_was_filled_with_something_incomparable_counts_as_changed():
    def mine(layers):
        field = 1
        for kernel, stride in layers[::-1]:
            field = (field - 1) * stride + kernel
        layers[0] = Hostile()
        return field

    assert "changed the array" in check("segmentation.receptive_field", mine).message


def test_an_answer_that_writes_all_results_into_one_array_is_judged_by_each():
    buffer = np.zeros(60)

    def mine(logits):
        view = buffer[: logits.size].reshape(logits.shape)
        view[...] = softmax(logits)
        return view

    assert check("softmax.stable", mine).status == "correct"


def test_an_error_on_an_empty_input_says_that_it_is_one():
    def mine(boxes, scores, iou_threshold):
        return nms(boxes, scores, iou_threshold, score_threshold=-np.inf) if scores.max() else None

    result = check("boxes.nms", mine)
    assert result.status == "error"
    assert "without elements" in result.message


# --- answers that never end

alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs the alarm of POSIX")


def endless(logits):
    while True:
        try:
            logits = logits + 0
        except Exception:
            continue


@alarm
def test_an_endless_loop_is_stopped_and_the_alarm_put_back():
    before = signal.getsignal(signal.SIGALRM)
    result = check("softmax.stable", endless, time_limit=0.2)
    assert result.status == "error"
    assert "did not come to an end" in result.message
    assert "logits of shape (3, 2)" in result.message
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@alarm
def test_the_limit_holds_for_all_inputs_together():
    def slow(logits):
        time.sleep(0.15)
        return softmax(logits)

    assert check("softmax.stable", slow, time_limit=0.4).status == "error"
    assert check("softmax.entropy", lambda p: time.sleep(0.02) or entropy(p), time_limit=30).status == "correct"


@alarm
def test_an_endless_loop_on_a_later_input_does_not_hide_an_earlier_fault():
    def mine(logits):
        return softmax(logits) + 1 if logits.max() < 10 else endless(logits)

    result = check("softmax.stable", mine, time_limit=0.2)
    assert result.status == "wrong"
    assert "values differ" in result.message


@alarm
def test_an_alarm_of_somebody_else_is_left_alone():
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        assert check("softmax.stable", softmax, time_limit=5).status == "correct"
        assert 50 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_in_another_thread_there_is_no_limit_and_no_error():
    results = []
    thread = threading.Thread(target=lambda: results.append(check("softmax.stable", softmax, time_limit=1e-6)))
    thread.start()
    thread.join()
    assert results[0].status == "correct"


@pytest.mark.parametrize("time_limit", [0, -1.0, np.nan, np.inf])
def test_an_impossible_limit_is_refused(time_limit):
    with pytest.raises(ValueError, match="time_limit"):
        check("softmax.stable", softmax, time_limit=time_limit)


def test_without_a_limit():
    assert check("softmax.stable", softmax, time_limit=None).status == "correct"


def test_ctrl_c_by_the_user_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            check("softmax.stable", lambda logits: signal.raise_signal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("seed", [-1, 0.5, True, None])
def test_a_seed_is_a_count(seed):
    with pytest.raises(ValueError, match="seed: expected an integer of 0 or more"):
        check("softmax.stable", softmax, seed=seed)


def test_another_seed_gives_other_random_inputs_and_the_same_ones_again():
    def seen_with(seed):
        seen = []
        check("softmax.stable", lambda logits: seen.append(logits) or softmax(logits), seed=seed)
        return seen

    chapter, other, again = seen_with(0), seen_with(5), seen_with(5)
    assert len(chapter) == len(other)
    assert all(np.array_equal(a, b) for a, b in zip(other, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(chapter, other, strict=True))
