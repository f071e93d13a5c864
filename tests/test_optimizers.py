"""The optimisers: step by step beside Keras on the same gradients, and what they refuse."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import optimizers
from course_utils.optimizers import (
    adam,
    adamw,
    amsgrad,
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    global_norm,
    rmsprop,
    sgd,
    warmup_cosine,
)

# Ours, and Keras' with the same settings.
PAIRS = {
    "sgd": (lambda rate: sgd(rate), lambda rate: keras.optimizers.SGD(rate)),
    "momentum": (lambda rate: sgd(rate, 0.9), lambda rate: keras.optimizers.SGD(rate, 0.9)),
    "Nesterov": (
        lambda rate: sgd(rate, 0.9, nesterov=True),
        lambda rate: keras.optimizers.SGD(rate, 0.9, nesterov=True),
    ),
    "Nesterov without momentum": (
        lambda rate: sgd(rate, nesterov=True),
        lambda rate: keras.optimizers.SGD(rate, nesterov=True),
    ),
    "rmsprop": (lambda rate: rmsprop(rate), lambda rate: keras.optimizers.RMSprop(rate)),
    "rmsprop, other settings": (
        lambda rate: rmsprop(rate, rho=0.5, epsilon=0.1),
        lambda rate: keras.optimizers.RMSprop(rate, rho=0.5, epsilon=0.1),
    ),
    "adam": (lambda rate: adam(rate), lambda rate: keras.optimizers.Adam(rate)),
    "adam, other settings": (
        lambda rate: adam(rate, 0.5, 0.9, 0.1),
        lambda rate: keras.optimizers.Adam(rate, 0.5, 0.9, 0.1),
    ),
    "adamw": (lambda rate: adamw(rate), lambda rate: keras.optimizers.AdamW(rate)),
    "adamw, other settings": (
        lambda rate: adamw(rate, 0.5, 0.5, 0.9, 0.1),
        lambda rate: keras.optimizers.AdamW(rate, 0.5, 0.5, 0.9, 0.1),
    ),
    "amsgrad": (lambda rate: amsgrad(rate), lambda rate: keras.optimizers.Adam(rate, amsgrad=True)),
    "amsgrad, short memory": (
        lambda rate: amsgrad(rate, 0.9, 0.5),
        lambda rate: keras.optimizers.Adam(rate, 0.9, 0.5, amsgrad=True),
    ),
}
RULES = {name: ours for name, (ours, _) in PAIRS.items()}
every_rule = pytest.mark.parametrize("name", RULES)
SHAPES = {"w": (3, 4), "b": (4,), "scale": (), "nothing": (0, 2)}


def some_parameters(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return {key: np.asarray(rng.normal(size=shape)).astype(dtype) for key, shape in SHAPES.items()}


def some_gradients(steps, dtype=np.float64, seed=1):
    """Of very different sizes, some exactly 0."""
    rng = np.random.default_rng(seed)
    return [
        {
            key: np.asarray(rng.normal(size=s) * 10 ** rng.uniform(-8, 2, s) * (rng.random(s) < 0.8)).astype(dtype)
            for key, s in SHAPES.items()
        }
        for _ in range(steps)
    ]


def run(rule, parameters, gradients):
    state, path = rule.init(parameters), []
    for gradient in gradients:
        parameters, state = rule.update(parameters, gradient, state)
        path.append(parameters)
    return path, state


@every_rule
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.001, 0.1])
def test_each_step_is_that_of_keras(name, dtype, rate):
    ours, theirs = PAIRS[name]
    start, gradients = some_parameters(dtype), some_gradients(6, dtype)
    path, state = run(ours(rate), start, gradients)
    # Keras works on arrays without elements too, but in a dtype of its own.
    keys = [key for key in SHAPES if key != "nothing"]
    variables = [keras.Variable(start[key], dtype=dtype) for key in keys]
    optimizer = theirs(rate)
    before = {key: (start[key], start[key]) for key in keys}
    for parameters, gradient in zip(path, gradients, strict=True):
        optimizer.apply([tf.constant(gradient[key]) for key in keys], variables)
        for key, variable in zip(keys, variables, strict=True):
            one, other = before[key]
            before[key] = parameters[key], variable.numpy()
            assert parameters[key].dtype == dtype
            size = np.maximum(1, np.abs(other).max())
            np.testing.assert_allclose(parameters[key] - one, before[key][1] - other, rtol=0, atol=1e-6 * size)
    assert state.step == 6
    assert path[-1]["nothing"].shape == (0, 2)


@every_rule
def test_a_rate_that_changes_is_that_of_keras_too(name):
    ours, theirs = PAIRS[name]
    start, gradients = some_parameters(), some_gradients(12)
    (*_, last), _ = run(ours(warmup_cosine(0.1, 10, 3, 0.01)), start, gradients)
    keys = ["w", "b"]
    variables = [keras.Variable(start[key], dtype="float64") for key in keys]
    optimizer = theirs(keras.optimizers.schedules.CosineDecay(0.0, 7, 0.01, warmup_target=0.1, warmup_steps=3))
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient[key]) for key in keys], variables)
    for key, variable in zip(keys, variables, strict=True):
        np.testing.assert_allclose(last[key], variable.numpy(), atol=2e-5)


def test_the_defaults_are_those_of_keras():
    start, gradients = some_parameters(), some_gradients(5)
    pairs = (
        (sgd(), keras.optimizers.SGD()),
        (rmsprop(), keras.optimizers.RMSprop()),
        (adam(), keras.optimizers.Adam()),
        (adamw(), keras.optimizers.AdamW()),
        (amsgrad(), keras.optimizers.Adam(amsgrad=True)),
    )
    for rule, optimizer in pairs:
        variable = keras.Variable(start["w"], dtype="float64")
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient["w"])], [variable])
        (*_, last), _ = run(rule, start, gradients)
        np.testing.assert_allclose(last["w"], variable.numpy(), atol=1e-6)


@every_rule
def test_nothing_is_altered_and_two_runs_do_not_meet(name):
    rule = RULES[name](0.1)
    start, gradients = some_parameters(), some_gradients(6)
    kept = copy.deepcopy((start, gradients))
    alone, _ = run(rule, start, gradients)
    first, second = (start, rule.init(start)), (some_parameters(seed=5), rule.init(start))
    for gradient in gradients:
        before = copy.deepcopy(first)
        result = rule.update(first[0], gradient, first[1])
        for key in SHAPES:
            np.testing.assert_array_equal(first[0][key], before[0][key])
            for slot in rule.slots:
                np.testing.assert_array_equal(first[1].slots[slot][key], before[1].slots[slot][key])
        second = rule.update(second[0], gradient, second[1])
        first = result
    for key in SHAPES:
        np.testing.assert_array_equal(first[0][key], alone[-1][key])
        np.testing.assert_array_equal(start[key], kept[0][key])
        assert all(np.array_equal(g[key], k[key]) for g, k in zip(gradients, kept[1], strict=True))
        assert not np.shares_memory(first[0][key], start[key])


@every_rule
def test_the_form_of_a_collection_and_the_order_of_keys_do_not_matter(name):
    rule = RULES[name](0.1)
    start, (gradient,) = some_parameters(), some_gradients(1)
    new, state = rule.update(start, dict(reversed(gradient.items())), rule.init(start))
    assert list(new) == list(start)
    for form in (list, tuple):
        parameters = form(start.values())
        listed, kept = rule.update(parameters, form(gradient.values()), rule.init(parameters))
        assert type(listed) is form
        assert all(np.array_equal(a, b) for a, b in zip(listed, new.values(), strict=True))
        assert all(isinstance(kept.slots[slot], form) for slot in rule.slots)
    assert state.step == 1
    assert rule.update([], [], rule.init([]))[0] == []


@every_rule
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_dtypes_shapes_and_memory_orders_are_kept(name, dtype):
    rule = RULES[name](0.1)
    straight = {"w": np.arange(12, dtype=dtype).reshape(3, 4), "scale": np.array(1, dtype)}
    gradient = {"w": np.ones((3, 4)), "scale": 2}
    new, _ = rule.update(straight, gradient, rule.init(straight))
    for key, array in new.items():
        assert isinstance(array, np.ndarray)
        assert (array.dtype, array.shape) == (straight[key].dtype, straight[key].shape)
    turned = {"w": np.asfortranarray(straight["w"])[::-1], "scale": straight["scale"]}
    mirrored, _ = rule.update(turned, gradient, rule.init(turned))
    np.testing.assert_array_equal(mirrored["w"], new["w"][::-1])


def test_float16_remembers_small_squares():
    start, gradient = [np.ones(2, np.float16)], [np.full(2, 1e-3, np.float16)]
    new, state = adam(0.01).update(start, gradient, adam(0.01).init(start))
    np.testing.assert_allclose(new[0].astype(float), 0.99, atol=1e-3)
    assert state.slots["squares"][0].dtype == np.float32


@every_rule
def test_what_does_not_fit_is_refused_by_name(name):
    rule = RULES[name](0.1)
    parameters, gradients = {"w": np.ones((2, 3)), "b": np.ones(3)}, {"w": np.ones((2, 3)), "b": np.ones(3)}
    state = rule.init(parameters)
    nan, inf = np.array([1, np.nan, 1]), np.array([1, 1, -np.inf])
    for wrong, message in (
        ({"w": np.ones((3, 2)), "b": np.ones(3)}, r"gradients\['w'\]: expected shape \(2, 3\)"),
        ({"w": np.ones((2, 3)), "b": np.ones((3, 1))}, r"gradients\['b'\]: expected shape \(3,\)"),
        ({"w": np.ones((2, 3))}, "gradients: expected the keys"),
        ({**gradients, "c": np.ones(1)}, "gradients: expected the keys"),
        (list(gradients.values()), "gradients: expected the keys"),
        (np.ones(3), "gradients: expected a list or a dict"),
        ({**gradients, "b": nan}, r"gradients\['b'\]: 1 of 3 values are NaN"),
        ({**gradients, "b": inf}, r"gradients\['b'\]: expected finite"),
        ({**gradients, "b": None}, r"gradients\['b'\]: expected real numbers"),
        ({**gradients, "b": np.ma.array([1.0, 2, 3], mask=[0, 0, 1])}, r"gradients\['b'\]: .*without a mask"),
        ({**gradients, "b": np.ones(3) + 1j}, r"gradients\['b'\]: expected real"),
    ):
        with pytest.raises(ValueError, match=message):
            rule.update(parameters, wrong, state)
    for wrong, message in (
        (
            {**parameters, "b": np.ones(3, int)},
            r"parameters\['b'\]: expected floating-point numbers, got dtype int64",
        ),
        ({**parameters, "b": nan}, r"parameters\['b'\]"),
        ({**parameters, "b": inf}, r"parameters\['b'\]"),
        ({**parameters, "b": np.ones(3, bool)}, r"parameters\['b'\]"),
        (np.ones(3), "parameters: expected a list or a dict"),
    ):
        with pytest.raises(ValueError, match=message):
            rule.init(wrong)
        with pytest.raises(ValueError, match=message):
            rule.update(wrong, gradients, state)
    for wrong in ({}, None, "state"):
        with pytest.raises(ValueError, match="state: expected one of this rule"):
            rule.update(parameters, gradients, wrong)
    if rule.slots:
        other = rule.init({"w": np.ones((2, 3)), "b": np.ones(4)})
        with pytest.raises(ValueError, match=r"state.slots\['.*'\]\['b'\]: expected shape \(3,\)"):
            rule.update(parameters, gradients, other)
        with pytest.raises(ValueError, match="state: expected one of this rule"):
            rule.update(parameters, gradients, sgd().init(parameters))


@pytest.mark.parametrize("make", [sgd, rmsprop, adam, adamw, amsgrad])
def test_a_rate_is_a_number_of_0_or_more_or_gives_one(make):
    for wrong in (-0.1, np.nan, np.inf, "0.1", True, None, [0.1]):
        with pytest.raises(ValueError, match="learning_rate: expected a finite number from 0"):
            make(wrong)
        with pytest.raises(ValueError, match=r"learning_rate\(0\): expected a finite number from 0"):
            rule = make(lambda step, wrong=wrong: wrong)
            rule.update([np.ones(1)], [np.ones(1)], rule.init([np.ones(1)]))
    seen = []
    rule = make(lambda step: seen.append(step) or 0.0)
    path, _ = run(rule, [np.ones(1)], [[np.ones(1)]] * 3)
    assert seen == [0, 1, 2]
    np.testing.assert_array_equal(path[-1][0], 1)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (sgd, "momentum"),
        (rmsprop, "rho"),
        *((make, beta) for make in (adam, adamw, amsgrad) for beta in ("beta_1", "beta_2")),
    ],
)
def test_shares_lie_between_0_and_1(make, argument):
    for wrong in (-0.1, 1.0, 1 - 1e-9, 2, 1e300, np.nan, np.inf, "0.9", True, None):
        with pytest.raises(ValueError, match=rf"^{argument}: expected a number from 0 to below 1"):
            make(**{argument: wrong})
    run(make(0.1, **{argument: 0}), [np.ones(2)], [[np.ones(2)]] * 2)


def test_other_settings_are_checked():
    for make in (rmsprop, adam, adamw, amsgrad):
        for wrong in (0, -1e-7, 1e-40, np.nan, "1"):
            with pytest.raises(ValueError, match=r"^epsilon: expected"):
                make(epsilon=wrong)
    for wrong in (-0.1, np.inf, None):
        with pytest.raises(ValueError, match=r"^weight_decay: expected"):
            adamw(weight_decay=wrong)
    for wrong in (1, None, "yes"):
        with pytest.raises(ValueError, match=r"^nesterov: expected True or False"):
            sgd(nesterov=wrong)


@pytest.mark.parametrize("make", [adam, adamw, amsgrad, rmsprop])
def test_squares_beyond_the_dtype_are_an_error_and_no_standstill(make):
    rule, start = make(0.1), [np.ones(2, np.float32)]
    with pytest.raises(ValueError, match=r"gradients\[0\]: the step is too large for float32"):
        rule.update(start, [np.array([1e30, 1])], rule.init(start))
    with pytest.raises(ValueError, match=r"gradients\[0\]: expected finite"):
        rule.update(start, [np.array([1e300, 1])], rule.init(start))


GRADIENTS = [np.array([[3.0, -4.0]]), np.array([0.1, 0.0, -0.2]), np.array(12.0), np.zeros((0, 3))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limit", [0.05, 1.0, 4.0, 100.0])
def test_clipping_is_that_of_tensorflow_and_keras(dtype, limit):
    gradients = [g.astype(dtype) for g in GRADIENTS]
    tensors = [tf.constant(g) for g in gradients]
    for ours, theirs, setting in (
        (clip_by_value, [tf.clip_by_value(g, -limit, limit) for g in tensors], "clipvalue"),
        (clip_by_norm, [tf.clip_by_norm(g, limit) for g in tensors], "clipnorm"),
        (clip_by_global_norm, tf.clip_by_global_norm(tensors, limit)[0], "global_clipnorm"),
    ):
        found = ours(gradients, limit)
        keras_too = keras.optimizers.SGD(**{setting: limit})._clip_gradients(tensors[:3])
        for one, other, before in zip(found, theirs, gradients, strict=True):
            assert one.dtype == dtype
            assert isinstance(one, np.ndarray)
            assert not np.shares_memory(one, before)
            np.testing.assert_allclose(one, other.numpy(), rtol=1e-6)
        for one, other in zip(found, keras_too, strict=False):
            np.testing.assert_allclose(one, np.asarray(other), rtol=1e-6)
    assert global_norm(gradients) == pytest.approx(float(tf.linalg.global_norm(tensors)))


def test_clipping_keeps_what_is_small_and_the_form():
    small = {"w": np.array([0.3, 0.4]), "b": np.zeros(())}
    for clip in (clip_by_value, clip_by_norm, clip_by_global_norm):
        found = clip(small, 0.5)
        assert list(found) == ["w", "b"]
        np.testing.assert_array_equal(found["w"], small["w"])
        assert clip([], 1.0) == []
    assert global_norm([]) == 0


@pytest.mark.parametrize(("dtype", "size"), [("float16", 6e4), ("float32", 1e30), ("float64", 1e200)])
def test_norms_beyond_squares_are_right(dtype, size):
    gradients = [np.array([3, 4], dtype) * np.array(size / 5, dtype)]
    assert global_norm(gradients) == pytest.approx(size, rel=1e-3)
    for clip in (clip_by_norm, clip_by_global_norm):
        np.testing.assert_allclose(clip(gradients, 1.0)[0], [0.6, 0.8], rtol=2e-3)
    tiny = [np.array([3, 4], dtype) * np.array(1e-3 if dtype == "float16" else 1 / size, dtype)]
    np.testing.assert_allclose(clip_by_norm(tiny, 1e-300)[0] if dtype == "float64" else [1, 1], [1, 1], rtol=2)


def test_clipping_refuses_by_name():
    for clip in (clip_by_value, clip_by_norm, clip_by_global_norm):
        for wrong in (0, -1, np.nan, np.inf, "1", True):
            with pytest.raises(ValueError, match=r"^limit: expected"):
                clip(GRADIENTS, wrong)
        with pytest.raises(ValueError, match=r"^gradients\[1\]: 1 of 1 values are NaN"):
            clip([np.ones(1), np.array([np.nan])], 1.0)
        with pytest.raises(ValueError, match=r"^gradients\['b'\]: expected finite"):
            clip({"b": np.array([np.inf])}, 1.0)
        with pytest.raises(ValueError, match=r"^gradients: expected a list or a dict"):
            clip(np.ones(3), 1.0)


@pytest.mark.parametrize(("steps", "warmup", "final"), [(10, 0, 0.0), (10, 3, 0.01), (2, 1, 1.0), (1, 0, 0.5)])
def test_the_schedule_is_that_of_keras(steps, warmup, final):
    ours = warmup_cosine(0.3, steps, warmup, final)
    if warmup:
        theirs = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, final, warmup_target=0.3, warmup_steps=warmup
        )
    else:
        theirs = keras.optimizers.schedules.CosineDecay(0.3, steps, final)
    for step in range(steps + 3):
        assert ours(step) == pytest.approx(float(theirs(step)), abs=1e-7)


def test_the_schedule_refuses_by_name():
    for arguments, message in (
        ((0, 10), "learning_rate: expected a finite number above 0"),
        ((0.1, 0), "steps: expected an integer of 1 or more"),
        ((0.1, 10, 10), "warmup_steps: expected an integer from 0 to 9"),
        ((0.1, 10, -1), "warmup_steps"),
        ((0.1, 10, 0, 1.5), "final: expected a finite number from 0 to 1"),
    ):
        with pytest.raises(ValueError, match=rf"^{message}"):
            warmup_cosine(*arguments)
    with pytest.raises(ValueError, match=r"^step: expected an integer"):
        warmup_cosine(0.1, 10)(2.5)


def test_the_package_hands_on_what_it_names():
    assert all(hasattr(optimizers, name) for name in optimizers.__all__)
