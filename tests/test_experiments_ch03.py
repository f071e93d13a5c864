"""The digits, the networks and the live trainings of chapter 03."""

import numpy as np
import pytest

from course_utils.experiments.ch03 import PARTS, digit_parts, train_student


def as_set(images):
    return {image.tobytes() for image in images}


def test_the_parts_are_disjoint_and_the_test_part_is_in_no_part_of_any_seed():
    tested = as_set(digit_parts(0)[0]["test"])
    assert len(tested) == PARTS["test"]
    for seed in range(3):
        x, y = digit_parts(seed)
        assert (
            {name: len(part) for name, part in x.items()} == PARTS == {name: len(part) for name, part in y.items()}
        )
        assert as_set(x["test"]) == tested
        others = [as_set(x[name]) for name in ("teacher", "transfer", "validation")]
        assert len(tested.union(*others)) == sum(PARTS.values())
        assert all(np.ptp(np.bincount(labels)) <= 4 for labels in y.values())


def test_another_seed_has_another_split_of_the_rest():
    first, second = (digit_parts(seed)[0] for seed in (0, 1))
    assert as_set(first["validation"]) != as_set(second["validation"])
    assert np.array_equal(first["test"], second["test"])


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_that_is_none_is_named(seed):
    with pytest.raises(ValueError, match="seed: expected an integer"):
        digit_parts(seed)


@pytest.mark.integration
@pytest.mark.usefixtures("eagerly")  # a graph of two steps takes seconds to trace
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # that data are not read eagerly
def test_a_student_depends_on_its_seed_alone():
    images, labels = np.random.default_rng(0).random((8, 28, 28, 1), dtype=np.float32), np.arange(8)
    runs = [train_student(images, labels, steps=2, seed=seed).get_weights()[0] for seed in (0, 0, 1)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    soft = train_student(images, {"teacher_logits": 9 * np.eye(8, 10, dtype=np.float32)}, 2, temperature=4.0)
    assert not np.array_equal(runs[0], soft.get_weights()[0])
