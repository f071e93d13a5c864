"""Exercises of chapter 13: mutual information."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.information import assign_clusters, donsker_varadhan, entropy_of_counts, mutual_information

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _terms(p: FloatArray) -> FloatArray:
    """−p ln p, 0 where p is 0."""
    return -p * np.log(np.where(p > 0, p, 1))


def _conditional(joint: FloatArray) -> Any:
    return _terms(joint).sum() - _terms(joint.sum(axis=0)).sum()


def _of_y(joint: FloatArray) -> Any:
    return _conditional(joint.T)


def _in_bits(joint: FloatArray) -> Any:
    return _conditional(joint) / np.log(2)


def _joint_entropy(joint: FloatArray) -> Any:
    return _terms(joint).sum()


def _columns_alike(joint: FloatArray) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = np.nan_to_num(joint / joint.sum(axis=0))
    return _terms(columns).sum(axis=0).mean()


def _zeros_are_nan(joint: FloatArray) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(joint * np.log(joint / joint.sum(axis=0))).sum()


def _joint_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0.4, 0.1], [0.1, 0.4]]),)
    yield (np.array([[0.5, 0.0], [0.2, 0.3]]),)
    yield (np.array([[0.5, 0.25, 0.0], [0.0, 0.25, 0.0]]),)
    for shape in ((2, 3), (5, 2), (4, 4), (1, 3), (7, 5)):
        table = rng.random(shape) ** 3
        yield (table / table.sum(),)


def _corrected(counts: IntArray) -> Any:
    of_x, of_y, of_both = (
        entropy_of_counts(part, "miller_madow") for part in (counts.sum(axis=1), counts.sum(axis=0), counts)
    )
    return of_x + of_y - of_both


def _plug_in(counts: IntArray) -> Any:
    return mutual_information(counts / counts.sum())


def _bias_added(counts: IntArray) -> Any:
    return 2 * _plug_in(counts) - _corrected(counts)


def _all_cells(counts: IntArray) -> Any:
    rows, columns = counts.shape
    return _plug_in(counts) - (rows - 1) * (columns - 1) / (2 * counts.sum())


def _cells_alone(counts: IntArray) -> Any:
    return _plug_in(counts) - (np.count_nonzero(counts) - 1) / (2 * counts.sum())


def _half_forgotten(counts: IntArray) -> Any:
    return 2 * _corrected(counts) - _plug_in(counts)


def _cut_at_zero(counts: IntArray) -> Any:
    return max(_corrected(counts), 0.0)


def _count_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[4, 1], [2, 3]]),)
    yield (np.array([[3, 0, 1], [0, 0, 2], [1, 0, 0]]),)
    yield (np.array([[5, 5], [5, 5]]),)
    for rows, columns, n in ((3, 4, 10), (6, 5, 200), (10, 10, 60), (2, 8, 30)):
        yield (rng.multinomial(n, rng.dirichlet(np.ones(rows * columns))).reshape(rows, columns),)


def _bound(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    return donsker_varadhan(joint_scores, marginal_scores)


def _overflowing(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    with np.errstate(over="ignore", divide="ignore"):
        return joint_scores.mean() - np.log(np.exp(marginal_scores).mean())


def _mean_of_logarithms(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    return joint_scores.mean() - marginal_scores.mean()


def _summed(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    return _bound(joint_scores, marginal_scores) - np.log(marginal_scores.size)


def _negative(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    return -_bound(joint_scores, marginal_scores)


def _exchanged(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    return _bound(marginal_scores, joint_scores)


def _level_of_the_joint_only(joint_scores: FloatArray, marginal_scores: FloatArray) -> Any:
    level = marginal_scores.max()
    return joint_scores.mean() - np.log(np.exp(marginal_scores - level).mean())


def _score_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([1.0, 3.0]), np.array([0.0, 1.0, 1.0]))
    yield (np.array([2000.0, 2001.0]), np.array([1999.0, 2000.0]))
    yield (np.array([-1500.0, -1502.0]), np.array([-1500.0, -1510.0, -1503.0]))
    for n, m in ((5, 5), (20, 7), (3, 40)):
        yield (rng.normal(1, 2, n), rng.normal(0, 2, m))


def _iic(p: FloatArray, q: FloatArray) -> Any:
    joint = p.T @ q / len(p)
    return mutual_information((joint + joint.T) / 2)


def _not_symmetric(p: FloatArray, q: FloatArray) -> Any:
    return mutual_information(p.T @ q / len(p))


def _product_of_means(p: FloatArray, q: FloatArray) -> Any:
    return 0.0


def _not_divided(p: FloatArray, q: FloatArray) -> Any:
    joint = p.T @ q
    joint = (joint + joint.T) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = joint * np.log(joint / (joint.sum(axis=0) * joint.sum(axis=1)[:, np.newaxis]))
    return np.nansum(terms)


def _loss(p: FloatArray, q: FloatArray) -> Any:
    return -_iic(p, q)


def _zeros_in_the_joint(p: FloatArray, q: FloatArray) -> Any:
    joint = p.T @ q / len(p)
    joint = (joint + joint.T) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return (joint * np.log(joint / np.outer(joint.sum(axis=0), joint.sum(axis=0)))).sum()


def _joint_entropy_of_views(p: FloatArray, q: FloatArray) -> Any:
    joint = p.T @ q / len(p)
    return _terms((joint + joint.T) / 2).sum()


def _view_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.7, 0.3], [0.4, 0.6]]))
    yield (np.eye(3), np.eye(3))
    yield (np.eye(4)[[0, 0, 1]], np.eye(4)[[0, 1, 1]])
    for n, k in ((6, 3), (20, 5), (3, 8), (50, 2)):
        p = rng.dirichlet(np.full(k, 0.4), n)
        yield (p, 0.6 * p + 0.4 * rng.dirichlet(np.ones(k), n))


def _counts(clusters: IntArray, labels: IntArray, n: int) -> IntArray:
    table = np.zeros((n, n), np.int64)
    np.add.at(table, (clusters, labels), 1)
    return table


def _held_out(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    classes = assign_clusters(_counts(train_clusters, train_labels, n))
    return (classes[test_clusters] == test_labels).mean()


def _fitted_on_test(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    return _held_out(test_clusters, test_labels, test_clusters, test_labels, n)


def _majority(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    classes = _counts(train_clusters, train_labels, n).argmax(axis=1)
    return (classes[test_clusters] == test_labels).mean()


def _no_mapping(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    return (test_clusters == test_labels).mean()


def _on_training(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    return _held_out(train_clusters, train_labels, train_clusters, train_labels, n)


def _mapped_backwards(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    clusters = np.argsort(assign_clusters(_counts(train_clusters, train_labels, n)))
    return (clusters[test_clusters] == test_labels).mean()


def _number_of_hits(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray, n: int
) -> Any:
    return len(test_labels) * _held_out(train_clusters, train_labels, test_clusters, test_labels, n)


def _cluster_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (
        *(np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 2, 2, 0, 0])),
        *(np.array([0, 1, 2, 2, 0]), np.array([1, 2, 0, 1, 2]), 3),
    )
    # Two clusters hold mostly class 0: one of them has to take another class.
    yield (
        *(np.array([0] * 5 + [1] * 5), np.array([0, 0, 0, 0, 1, 0, 0, 0, 1, 1])),
        *(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 0, 1]), 2),
    )
    for n, train, test, noise in ((3, 41, 17, 0.5), (4, 83, 29, 0.6), (6, 167, 61, 0.6), (10, 419, 133, 0.4)):
        order = rng.permutation(n)
        parts: list[Any] = []
        for size in (train, test):
            labels = rng.integers(0, n, size)
            merged = np.where(labels == 1, 0, labels)  # classes 0 and 1 come together
            random = rng.integers(0, n, size)
            parts += [order[np.where(rng.random(size) < noise, random, merged)], labels]
        yield (*parts, n)


def _hungarian(gains: FloatArray) -> Any:
    return assign_clusters(gains)


def _best_of_each_row(gains: FloatArray) -> Any:
    return gains.argmax(axis=1)


def _row_after_row(gains: FloatArray) -> Any:
    left, found = gains.astype(float), []
    for row in range(len(left)):
        found.append(int(left[row].argmax()))
        left[:, found[-1]] = -1
    return np.array(found)


def _largest_first(gains: FloatArray) -> Any:
    left, found = gains.astype(float), np.zeros(len(gains), int)
    for _ in range(len(gains)):
        row, column = np.unravel_index(left.argmax(), left.shape)
        found[row] = column
        left[row], left[:, column] = -1, -1
    return found


def _least(gains: FloatArray) -> Any:
    return assign_clusters(gains.max() - gains)


def _clusters_of_classes(gains: FloatArray) -> Any:
    return np.argsort(assign_clusters(gains))


def _gain_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[2.0, 1.0, 0.0], [3.0, 1.5, 0.0], [0.0, 2.5, 1.0]]),)
    yield (np.array([[7.0]]),)
    for n in (2, 4, 6, 9, 30, 60):
        yield (rng.random((n, n)) + rng.random(n),)  # ties do not happen, and columns compete


EXERCISES: dict[str, Exercise] = {
    "information.conditional": Exercise(
        reference=_conditional,
        cases=_joint_cases,
        hint="H(X | Y) = H(X, Y) − H(Y). Y runs along the columns: its probabilities are the sums over the rows. "
        "A probability of 0 adds 0.",
        mistakes=(
            Mistake(_of_y, "Often: H(Y | X). X runs along the rows of the table, Y along its columns."),
            Mistake(_in_bits, "Often: the logarithm to base 2. In nats it is the natural one."),
            Mistake(_joint_entropy, "Often: the joint entropy H(X, Y). Take H(Y) off it."),
            Mistake(
                _columns_alike,
                "Often: the plain mean over the values of Y. Each counts with its probability p(y).",
            ),
            Mistake(_zeros_are_nan, "Often: 0 ln 0. A cell of probability 0 adds 0, not NaN."),
        ),
    ),
    "information.corrected": Exercise(
        reference=_corrected,
        cases=_count_cases,
        hint="I = H(X) + H(Y) − H(X, Y). Each entropy gets (occupied cells − 1)/(2 N) added: what is left of the "
        "three corrections?",
        mistakes=(
            Mistake(_plug_in, "Often: no correction at all. This is the plug-in estimate."),
            Mistake(_bias_added, "Often: the sign. The bias of the information is positive, so it is taken off."),
            Mistake(_all_cells, "Often: empty cells, rows or columns counted. Only the occupied ones count."),
            Mistake(_cells_alone, "Often: only the joint entropy is corrected. The marginal ones are biased too."),
            Mistake(_half_forgotten, "Often: divided by N. It is 2 N."),
            Mistake(_cut_at_zero, "Often: negative results cut to 0. Then the mean over samples is biased again."),
        ),
    ),
    "information.donsker_varadhan": Exercise(
        reference=_bound,
        cases=_score_cases,
        hint="ln mean exp(t) = m + ln mean exp(t − m) for any m. Which m keeps exp from overflowing?",
        mistakes=(
            Mistake(
                _overflowing,
                "Often: exp of the scores as they are: it overflows or rounds to 0. Take the maximum out first.",
            ),
            Mistake(
                _mean_of_logarithms, "Often: the mean of ln exp T, which is the mean of T. The mean is inside."
            ),
            Mistake(_summed, "Often: the sum of the exponentials where their mean is asked."),
            Mistake(_negative, "Often: the loss. The bound is to be maximised."),
            Mistake(_exchanged, "Often: the two kinds of scores exchanged."),
            Mistake(_level_of_the_joint_only, "Often: the maximum was taken out and not put back."),
        ),
    ),
    "information.iic": Exercise(
        reference=_iic,
        cases=_view_cases,
        hint="The mean over the pairs of the outer products p[n]ᵀ q[n] is one matrix product, divided by N. Then "
        "the mean with its transpose, then the mutual information of that table.",
        mistakes=(
            Mistake(_not_symmetric, "Often: not symmetrised. Take the mean of the joint and its transpose."),
            Mistake(
                _product_of_means,
                "Often: the product of the mean probabilities. It makes the views independent: 0 always.",
            ),
            Mistake(_not_divided, "Often: the sum over the pairs. A joint distribution sums to 1: divide by N."),
            Mistake(_loss, "Often: the loss, minus the information. The information itself is asked."),
            Mistake(_zeros_in_the_joint, "Often: 0 ln 0. A cell of probability 0 adds 0, not NaN."),
            Mistake(_joint_entropy_of_views, "Often: the joint entropy. The information is what it lacks."),
        ),
    ),
    "information.held_out": Exercise(
        reference=_held_out,
        cases=_cluster_cases,
        hint="Count the training digits in an (n, n) table, cluster by class. assign_clusters gives the class of "
        "each cluster; index it with the test clusters, and compare.",
        mistakes=(
            Mistake(
                _fitted_on_test, "Often: the mapping is fitted on the test labels. Fit it on the training ones."
            ),
            Mistake(_majority, "Often: the majority class of each cluster. Each class may be given once only."),
            Mistake(_no_mapping, "Often: no mapping. The number of a cluster says nothing about its class."),
            Mistake(_on_training, "Often: scored on the training digits."),
            Mistake(
                _mapped_backwards, "Often: the mapping backwards. It is the class of each cluster that is wanted."
            ),
            Mistake(_number_of_hits, "Often: the number of hits. The share of the test digits is asked."),
        ),
    ),
    "information.hungarian": Exercise(
        reference=_hungarian,
        cases=_gain_cases,
        hint="Costs are minus the gains. Add row by row: keep potentials u, v with u[i] + v[j] ≤ cost[i, j], "
        "grow a tree of tight edges from the new row by the smallest slack, and flip the path that ends in a free "
        "column.",
        mistakes=(
            Mistake(_best_of_each_row, "Often: the best column of each row. Two rows may want the same one."),
            Mistake(
                _row_after_row,
                "Often: row after row takes the best that is left. The first is not asked to yield.",
            ),
            Mistake(_largest_first, "Often: the largest entry first. One large gain may cost two good ones."),
            Mistake(_least, "Often: the smallest total. Gains are maximised: turn the sign for costs."),
            Mistake(_clusters_of_classes, "Often: the row of each column. Asked is, for each row, its column."),
        ),
    ),
}
