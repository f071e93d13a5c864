"""Attention against loops, Keras and what has to hold: masks, permutations, huge scores, empty axes."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax as scipy_softmax

from course_utils.attention import (
    attention,
    attention_weights,
    blockwise_attention,
    local_attention,
    multi_head_attention,
    sinusoidal_positions,
)

INF = np.inf


def inputs(rng, n=5, m=7, d=4, v=3, leading=(), dtype=np.float64):
    shapes = ((*leading, n, d), (*leading, m, d), (*leading, m, v))
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def by_loops(q, k, v, mask=None, scale=None):
    """One query after the other, in Python's own floats."""
    result = np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if mask is None or mask[i][j]]
        scores = [(1 / math.sqrt(q.shape[1]) if scale is None else scale) * float(query @ k[j]) for j in seen]
        top = max(scores, default=0)
        total = sum(math.exp(s - top) for s in scores)
        for j, s in zip(seen, scores, strict=True):
            result[i] += math.exp(s - top) / total * v[j]
    return result


@pytest.mark.parametrize("scale", [None, 1, 0.0, -2.5])
def test_attention_is_what_loops_give(scale):
    rng = np.random.default_rng(0)
    q, k, v = inputs(rng)
    mask = rng.random((5, 7)) < 0.5
    mask[2] = False
    np.testing.assert_allclose(attention(q, k, v, scale=scale), by_loops(q, k, v, scale=scale))
    np.testing.assert_allclose(attention(q, k, v, mask, scale), by_loops(q, k, v, mask, scale))
    np.testing.assert_array_equal(attention(q, k, v, mask, scale)[2], 0)
    weights = attention_weights(q, k, mask, scale)
    np.testing.assert_allclose(weights.sum(axis=-1), mask.any(axis=1))
    np.testing.assert_array_equal(weights[~mask], 0)
    np.testing.assert_allclose(weights @ v, attention(q, k, v, mask, scale))


def test_attention_agrees_with_keras():
    import keras

    rng = np.random.default_rng(1)
    q, k, v = inputs(rng, leading=(2,), dtype=np.float32)
    mask = rng.random((2, 5, 7)) < 0.7
    heads = [x[:, :, np.newaxis] for x in (q, k, v[..., :3])]
    padded = np.concatenate([heads[2], heads[2][..., :1]], axis=-1)  # Keras asks for d features here
    theirs = keras.ops.dot_product_attention(heads[0], heads[1], padded, mask=mask[:, np.newaxis])
    mask_with_a_key = mask.any(axis=-1, keepdims=True)
    ours = attention(q, k, v, mask)
    np.testing.assert_allclose(
        np.where(mask_with_a_key, ours, 0),
        np.where(mask_with_a_key, np.asarray(theirs)[:, :, 0, :3], 0),
        rtol=1e-5,
        atol=1e-6,
    )
    layer = keras.layers.Attention()  # its scores are not scaled
    value_mask = np.array([[True] * 5 + [False] * 2, [True, False] * 3 + [True]])
    theirs = layer([q, v, k], mask=[None, value_mask])
    ours = attention(q, k, v, value_mask[:, np.newaxis], scale=1)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("function", [attention, lambda *a, **k: blockwise_attention(*a, block_size=2, **k)])
def test_leading_axes_broadcast(function):
    rng = np.random.default_rng(2)
    q, k, v = rng.normal(size=(3, 1, 5, 4)), rng.normal(size=(2, 7, 4)), rng.normal(size=(6, 1, 1, 7, 3))
    mask = rng.random((2, 1, 7)) < 0.6
    result = function(q, k, v, mask=mask)
    assert result.shape == (6, 3, 2, 5, 3)
    for a, b, c in np.ndindex(6, 3, 2):
        expected = by_loops(q[b, 0], k[c], v[a, 0, 0], np.broadcast_to(mask[c], (5, 7)))
        np.testing.assert_allclose(result[a, b, c], expected)
    # A mask may bring a batch of its own, and one for all queries or keys.
    many = rng.random((4, 5, 7)) < 0.5
    for index, one in enumerate(function(q[0, 0], k[0], v[0, 0, 0], mask=many)):
        np.testing.assert_allclose(one, by_loops(q[0, 0], k[0], v[0, 0, 0], many[index]))
    np.testing.assert_allclose(function(q, k, v, mask=True), function(q, k, v))
    assert attention_weights(q, k, mask).shape == (3, 2, 5, 7)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 9), st.integers(1, 11), st.booleans())
def test_blocks_give_the_same(seed, n, m, block_size, masked):
    rng = np.random.default_rng(seed)
    q, k, v = inputs(rng, n, m, leading=(2,))
    q *= 10.0 ** rng.integers(-3, 4)
    mask = rng.random((2, n, m)) < 0.6 if masked else None
    expected = attention(q, k, v, mask)
    np.testing.assert_allclose(blockwise_attention(q, k, v, block_size, mask), expected, rtol=1e-9, atol=1e-12)


def test_blocks_take_the_block_size_by_position_and_by_name():
    q, k, v = inputs(np.random.default_rng(0))
    np.testing.assert_array_equal(blockwise_attention(q, k, v, 3), blockwise_attention(q, k, v, block_size=3))


def test_blocks_need_memory_for_a_block_only():
    rng = np.random.default_rng(3)
    q, k, v = inputs(rng, 2000, 2000, 8, 8, dtype=np.float32)

    def peak(function):
        tracemalloc.start()
        function()
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return top

    table = 4 * 2000 * 2000
    assert peak(lambda: attention(q, k, v)) > table
    assert peak(lambda: blockwise_attention(q, k, v, block_size=50)) < table / 8
    mask = np.broadcast_to(np.arange(2000) % 3 > 0, (2000, 2000))
    assert peak(lambda: blockwise_attention(q, k, v, 50, mask)) < table / 8


SOFT = {
    "at once": attention,
    "in blocks of 1": lambda *a, **k: blockwise_attention(*a, block_size=1, **k),
    "in blocks of 2": lambda *a, **k: blockwise_attention(*a, block_size=2, **k),
}
EACH = pytest.mark.parametrize("function", SOFT.values(), ids=SOFT)


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_scores(function, dtype):
    v = np.array([[1.0], [2.0], [4.0]], dtype)
    for size in (1e30, 1e19, 3e38):  # squared: beyond float32
        k = np.array([[size], [-size], [size]], dtype)
        np.testing.assert_allclose(function(np.array([[size], [-size], [0]], dtype), k, v), [[2.5], [2], [7 / 3]])
        result = function(np.array([[size]], dtype), -abs(k), v)  # every score hugely negative, and alike
        np.testing.assert_allclose(result, [[7 / 3]])
        assert result.dtype == dtype
    weights = attention_weights(np.full((1, 2), 1e30, dtype), np.array([[1e30, 0], [0, 1e30], [0, 0]], dtype))
    np.testing.assert_allclose(weights, [[0.5, 0.5, 0]])
    assert weights.dtype == dtype
    np.testing.assert_allclose(function(np.ones((1, 1), dtype), k[:2], np.full((2, 1), 3e38, dtype)), 3e38)


@EACH
def test_scores_of_which_some_leave_float32_have_one_precision(function):
    """Two equal scores stay equal, whichever block they lie in."""
    k = np.array([[1e12, 1], [1e12, 1.0], [-1e30, 0], [1e12, 1]], np.float32)
    q = np.array([[3e9, 1e20]], np.float32)
    np.testing.assert_allclose(function(q, k, np.eye(4, dtype=np.float32)), [[1 / 3, 1 / 3, 0, 1 / 3]], rtol=1e-6)


@EACH
def test_infinite_entries(function):
    v = np.array([[1.0], [2.0], [4.0]])
    k = np.array([[-INF], [0.0], [0.0]])
    np.testing.assert_allclose(function([[1.0]], k, v), [[3.0]])  # a score of −inf hides the key
    np.testing.assert_array_equal(function([[1.0]], [[-INF]], [[5.0]]), [[0.0]])  # no key is left
    np.testing.assert_allclose(function([[-1.0]], k, v, mask=[[False, True, True]]), [[3.0]])
    with pytest.raises(ValueError, match=r"queries, keys: expected finite scores .*got inf"):
        function([[-1.0]], k, v)
    with pytest.raises(ValueError, match=r"queries, keys: expected finite scores .*got nan"):
        function([[0.0]], k, v)


@EACH
def test_values_of_minus_infinity_reach_those_who_see_them(function):
    v = np.array([[1.0, -INF], [3.0, 0.0]])
    seen = function(np.zeros((2, 1)), np.zeros((2, 1)), v, mask=[[True, True], [False, True]])
    np.testing.assert_array_equal(seen, [[2.0, -INF], [3.0, 0.0]])
    # Whatever rounding makes of its weight.
    np.testing.assert_array_equal(function([[1.0]], [[0.0], [5000.0]], v), [[3.0, -INF]])
    with pytest.raises(ValueError, match=r"values: expected finite numbers or −inf, got \+inf"):
        function([[1.0]], [[0.0], [0.0]], -v)


@EACH
def test_products_that_no_float_holds_are_refused(function):
    for sign in (1, -1):
        with pytest.raises(ValueError, match="queries, keys: expected finite scores"):
            function([[1e200]], [[sign * 1e200], [0.0]], [[1.0], [2.0]])
    masked = function([[1e200]], [[1e200], [0.0]], [[1.0], [2.0]], mask=[False, True])
    np.testing.assert_array_equal(masked, [[2.0]])
    np.testing.assert_allclose(function([[1e200]], [[1e200], [0.0]], [[1.0], [2.0]], scale=1e-200), [[1.0]])


@EACH
def test_dtypes(function):
    rng = np.random.default_rng(4)
    for dtype in (np.float16, np.float32, np.float64):
        q, k, v = inputs(rng, dtype=dtype)
        result = function(q, k, v, mask=np.ones((5, 7), bool), scale=0.3)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, by_loops(*(x.astype(float) for x in (q, k, v)), scale=0.3), rtol=2e-3)
        assert attention_weights(q, k).dtype == dtype
    assert function(q.astype(np.float16), k, v.astype(np.float32)).dtype == np.float64
    assert function([[1]], [[2]], [[3]]).dtype == np.float64


@EACH
def test_float16_is_summed_in_float32(function):
    """70,000 keys: the sum of the exponentials leaves float16, and so would a score of 200 × 200 × 64."""
    if function is attention:
        k = np.zeros((70_000, 1), np.float16)
        for long in (attention, lambda *a: blockwise_attention(*a, block_size=10_000)):
            np.testing.assert_array_equal(long(k[:1], k, np.ones_like(k)), 1)
    large = np.full((2, 64), 200, np.float16)
    np.testing.assert_array_equal(function(large, large, [[np.float16(1)], [np.float16(3)]]), [[2], [2]])


@EACH
def test_empty_axes(function):
    assert function(np.zeros((2, 0, 3)), np.zeros((2, 4, 3)), np.zeros((2, 4, 5))).shape == (2, 0, 5)
    assert function(np.zeros((0, 2, 3)), np.zeros((4, 3)), np.zeros((4, 5))).shape == (0, 2, 5)
    assert function(np.zeros((2, 3)), np.zeros((4, 3)), np.zeros((4, 0))).shape == (2, 0)
    np.testing.assert_array_equal(function(np.ones((2, 3)), np.zeros((0, 3)), np.zeros((0, 5))), np.zeros((2, 5)))
    assert attention_weights(np.ones((2, 3)), np.zeros((0, 3))).shape == (2, 0)
    with pytest.raises(ValueError, match="queries: expected shape"):
        function(np.zeros((2, 0)), np.zeros((4, 0)), np.zeros((4, 1)))


@EACH
def test_memory_order_does_not_matter_and_inputs_stay_as_they_are(function):
    rng = np.random.default_rng(5)
    q, k, v = inputs(rng, leading=(2,))
    mask = rng.random((2, 5, 7)) < 0.5
    expected = function(q, k, v, mask=mask)
    turned = [np.asfortranarray(x)[::1] for x in (q, k, v)]
    mirrored = [np.ascontiguousarray(x[:, ::-1])[:, ::-1] for x in (q, k, v)]
    for arrays in (turned, mirrored):
        for array in arrays:
            array.setflags(write=False)
        np.testing.assert_allclose(function(*arrays, mask=mask), expected)
    function(q, k, v)[...] = 0  # the result is the caller's own


BAD = [
    ({"queries": np.zeros(4)}, "queries: expected shape"),
    ({"keys": np.zeros(4)}, "keys: expected shape"),
    ({"keys": np.zeros((7, 3))}, "keys: expected 4 features as in queries"),
    ({"values": np.zeros((6, 3))}, "values: expected 7 rows, one a key"),
    ({"values": np.zeros(7)}, "values: expected shape"),
    ({"queries": np.full((5, 4), np.nan)}, "queries: 20 of 20 values are NaN"),
    ({"keys": np.full((7, 4), np.nan), "mask": np.zeros((5, 7), bool)}, "keys: 28 of 28 values are NaN"),
    ({"values": np.full((7, 3), np.nan)}, "values: 21 of 21 values are NaN"),
    ({"queries": np.zeros((5, 4), complex)}, "queries: expected real numbers"),
    ({"keys": np.ma.array(np.zeros((7, 4)), mask=True)}, "keys: expected an array without a mask"),
    ({"values": np.zeros((7, 3), bool)}, "values: expected real numbers"),
    ({"mask": np.ones((5, 7))}, "mask: expected booleans"),
    ({"mask": np.ones((5, 7), int)}, "mask: expected booleans"),
    ({"mask": np.ones((7, 5), bool)}, r"mask: expected to broadcast to \(…, 5, 7\)"),
    ({"mask": np.ones((6, 7), bool)}, "mask: expected to broadcast"),
    ({"scale": np.nan}, "scale: expected a finite number"),
    ({"scale": INF}, "scale: expected a finite number"),
    ({"scale": "1"}, "scale: expected a finite number"),
    ({"scale": True}, "scale: expected a finite number"),
    ({"queries": np.zeros((2, 5, 4)), "keys": np.zeros((3, 7, 4))}, "leading axes do not broadcast"),
    ({"queries": np.zeros((2, 5, 4)), "mask": np.ones((3, 5, 7), bool)}, "leading axes do not broadcast"),
    ({"values": np.zeros((2, 7, 3)), "queries": np.zeros((3, 5, 4))}, "leading axes do not broadcast"),
]


@EACH
@pytest.mark.parametrize(("changed", "message"), BAD)
def test_bad_arguments(function, changed, message):
    good = {"queries": np.zeros((5, 4)), "keys": np.zeros((7, 4)), "values": np.zeros((7, 3))}
    arguments = good | changed
    given = [arguments.pop(name) for name in good]
    with pytest.raises(ValueError, match=message):
        function(*given, **arguments)
    if "values" not in changed:
        with pytest.raises(ValueError, match=message):
            attention_weights(*given[:2], **arguments)


@pytest.mark.parametrize("block_size", [0, -1, 2.0, True, None])
def test_bad_block_sizes(block_size):
    q, k, v = inputs(np.random.default_rng(0))
    with pytest.raises(ValueError, match="block_size: expected an integer of 1 or more"):
        blockwise_attention(q, k, v, block_size)


def test_permutations():
    rng = np.random.default_rng(6)
    q, k, v = inputs(rng)
    keys, queries = rng.permutation(7), rng.permutation(5)
    np.testing.assert_allclose(attention(q, k[keys], v[keys]), attention(q, k, v))
    np.testing.assert_allclose(attention(q[queries], k, v), attention(q, k, v)[queries])


def test_the_scale_keeps_the_variance():
    rng = np.random.default_rng(7)
    q, k = rng.normal(size=(300, 64)), rng.normal(size=(300, 64))
    scores = np.log(attention_weights(q, k))  # scores up to a constant a row
    assert np.var(scores, axis=1).mean() == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(attention_weights(q, k), scipy_softmax(q @ k.T / 8, axis=-1))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_bias": False},
        {"value_dim": 5},
        {"value_dim": 2, "output_shape": 6, "use_bias": False},
        {"output_shape": (2, 3)},
    ],
)
def test_several_heads_are_those_of_keras(options):
    import keras

    rng = np.random.default_rng(8)
    x, context = rng.normal(size=(2, 5, 6)).astype(np.float32), rng.normal(size=(2, 7, 4)).astype(np.float32)
    mask = rng.random((2, 5, 7)) < 0.6
    mask[..., 0] = True
    layer = keras.layers.MultiHeadAttention(3, 4, bias_initializer="random_normal", seed=0, **options)
    theirs, masked = layer(x, context), layer(x, context, attention_mask=mask)
    weights = layer.get_weights()
    ours = multi_head_attention(x, context, weights, 3)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        multi_head_attention(x, context, weights, 3, mask), np.asarray(masked), rtol=1e-4, atol=1e-5
    )
    # Without the batch axis, with a mask for all, with no key at all.
    np.testing.assert_allclose(multi_head_attention(x[0], context[0], weights, 3), ours[0], rtol=1e-5, atol=1e-6)
    keys = np.arange(7) < 4
    np.testing.assert_allclose(
        multi_head_attention(x, context, weights, 3, keys),
        multi_head_attention(x, context[:, :4], weights, 3),
        rtol=1e-4,
        atol=1e-6,
    )
    bias = weights[-1] if options.get("use_bias", True) else np.zeros(ours.shape[2:])
    blind = multi_head_attention(x, context, weights, 3, np.zeros((5, 7), bool))
    np.testing.assert_allclose(blind, np.broadcast_to(bias, ours.shape))
    np.testing.assert_allclose(multi_head_attention(x, context[:, :0], weights, 3), blind)


def head_weights(d_x=6, d_c=4, h=2, k=3, v=5, o=6):
    rng = np.random.default_rng(9)
    shapes = [(d_x, h, k), (h, k), (d_c, h, k), (h, k), (d_c, h, v), (h, v), (h, v, o), (o,)]
    return [rng.normal(size=shape) for shape in shapes]


def test_heads_in_float16_are_computed_in_float32():
    rng = np.random.default_rng(10)
    x, context = rng.normal(size=(5, 6)), rng.normal(size=(7, 4))
    half = [w.astype(np.float16) for w in head_weights()]
    result = multi_head_attention(x.astype(np.float16), context.astype(np.float16), half, 2)
    assert result.dtype == np.float16
    exact = multi_head_attention(
        x.astype(np.float16).astype(float),
        context.astype(np.float16).astype(float),
        [w.astype(float) for w in half],
        2,
    )
    np.testing.assert_allclose(result, exact, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w[:7], "weights: expected a list of 8 arrays, or of 4 without biases, got 7 arrays"),
        (lambda w: None, "weights: expected a list"),
        (lambda w: [w[2], *w[1:]], r"weights\[0\]: expected shape \(6, 2, 3\)"),
        (lambda w: [*w[:2], w[0], *w[3:]], r"weights\[2\]: expected shape \(4, 2, 3\)"),
        (lambda w: [*w[:4], w[2][:3], *w[5:]], r"weights\[4\]: expected shape \(4, 2, 3\)"),
        (lambda w: [*w[:6], w[6][:, :2], w[7]], r"weights\[6\]: expected shape \(2, 5, \*o\)"),
        (lambda w: [w[0], w[1][0], *w[2:]], r"weights\[1\]: expected the bias of shape \(2, 3\)"),
        (lambda w: [w[0] * np.nan, *w[1:]], r"weights\[0\]: 36 of 36 values are NaN"),
        (lambda w: [w[0] * np.inf, *w[1:]], r"weights\[0\]: expected finite"),
    ],
)
def test_weights_that_do_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        multi_head_attention(np.zeros((5, 6)), np.zeros((7, 4)), change(head_weights()), 2)


def test_heads_refuse_what_does_not_fit():
    x, context, weights = np.zeros((5, 6)), np.zeros((7, 4)), head_weights()
    with pytest.raises(ValueError, match=r"weights\[0\]: expected shape \(6, 3, 3\)"):
        multi_head_attention(x, context, weights, 3)
    with pytest.raises(ValueError, match="n_heads: expected an integer"):
        multi_head_attention(x, context, weights, 2.0)
    with pytest.raises(ValueError, match="mask: expected booleans"):
        multi_head_attention(x, context, weights, 2, np.ones((5, 7)))
    with pytest.raises(ValueError, match="x: expected finite"):
        multi_head_attention(x + INF, context, weights, 2)
    with pytest.raises(ValueError, match="context: expected shape"):
        multi_head_attention(x, context[0], weights, 2)


def local_by_masks(q, k, v, centres, half, predictive):
    """Luong's equations with the whole table: softmax inside the window, times the Gaussian."""
    places = np.arange(k.shape[-2])
    distance = places - np.asarray(centres)[..., np.newaxis]
    weights = attention_weights(q, k, np.abs(distance) <= half)
    return (weights * np.exp(-(distance**2) / (2 * (half / 2) ** 2)) if predictive else weights) @ v


@pytest.mark.parametrize("predictive", [False, True])
def test_local_attention_is_that_of_a_mask(predictive):
    rng = np.random.default_rng(11)
    q, k, v = inputs(rng, leading=(2,))
    for half in (1, 2, 6, 50):
        for centres in (
            rng.integers(0, 7, 5),
            rng.uniform(-1, 8, (2, 5)),
            np.array([-3.0, 9, 6, 0, 2.5]),
            3.0,
            rng.uniform(0, 6, (3, 1, 5)),
        ):
            expected = local_by_masks(
                q, k, v, np.broadcast_to(centres, (*np.shape(centres)[:-1], 5)), half, predictive
            )
            found = local_attention(q, k, v, centres, half, predictive)
            np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-12)
    np.testing.assert_allclose(local_attention(q, k, v, np.arange(5), 7), attention(q, k, v))


def test_local_attention_at_the_edges():
    rng = np.random.default_rng(12)
    q, k, v = inputs(rng)
    np.testing.assert_array_equal(local_attention(q, k, v, [0, 6, 3, 2, 2], 0), v[[0, 6, 3, 2, 2]])
    np.testing.assert_array_equal(local_attention(q, k, v, np.full(5, 2.5), 0), 0)  # no key at 2.5
    np.testing.assert_array_equal(local_attention(q, k, v, [1e300, -1e300, 1e9, -2, 8], 1), 0)
    np.testing.assert_allclose(local_attention(q, k, v, 3, 10**12), attention(q, k, v))
    assert local_attention(q, k[:0], v[:0], 0, 2).tolist() == np.zeros((5, 3)).tolist()
    assert local_attention(q[:0], k, v, 0, 2).shape == (0, 3)
    for dtype in (np.float16, np.float32):
        arrays = [x.astype(dtype) for x in (q, k, v)]
        for predictive in (False, True):
            assert local_attention(*arrays, 3, 2, predictive).dtype == dtype
    v[6] = -INF
    np.testing.assert_array_equal(np.isneginf(local_attention(q, k, v, [0, 6, 4, 5, 3], 1)[:, 0]), [0, 1, 0, 1, 0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"centres": np.zeros(4)}, r"centres: expected to broadcast to \(5,\), got \(4,\)"),
        ({"centres": INF}, "centres: expected finite"),
        ({"centres": np.nan}, "centres: 1 of 1 values are NaN"),
        ({"half_window": -1}, "half_window: expected an integer of 0 or more"),
        ({"half_window": 1.5}, "half_window: expected an integer"),
        ({"half_window": 0, "predictive": True}, "half_window: expected an integer of 1 or more"),
        ({"predictive": "yes"}, "predictive: expected True or False"),
        ({"scale": np.nan}, "scale: expected a finite number"),
    ],
)
def test_local_attention_refuses(changed, message):
    q, k, v = inputs(np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        local_attention(**{"queries": q, "keys": k, "values": v, "centres": 3, "half_window": 1} | changed)


def test_sinusoidal_positions():
    table = sinusoidal_positions(50, 6)
    assert (table.shape, table.dtype) == ((50, 6), np.float32)
    for p, i in np.ndindex(50, 3):
        angle = p / 10_000 ** (2 * i / 6)
        np.testing.assert_allclose(table[p, 2 * i : 2 * i + 2], [math.sin(angle), math.cos(angle)], atol=1e-6)
    products = table @ table.T  # depends on the distance alone
    for offset in range(50):
        assert np.ptp(np.diagonal(products, offset)) < 1e-5
    assert sinusoidal_positions(0, 2).shape == (0, 2)
    with pytest.raises(ValueError, match="d: expected an even number, got 3"):
        sinusoidal_positions(4, 3)
    with pytest.raises(ValueError, match="longest: expected a finite number above 0"):
        sinusoidal_positions(4, 2, longest=0)
