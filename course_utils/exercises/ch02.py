"""Exercises of chapter 02: ensembling."""

from collections.abc import Callable, Iterator
from math import comb
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.ensembling import average_probabilities, majority_vote, majority_vote_accuracy, pca_weights
from course_utils.exercises import Exercise, Mistake
from course_utils.exercises.probabilities import KEPT_FROM_ZERO
from course_utils.softmax import softmax

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]
FitPredict = Callable[[FloatArray, IntArray, FloatArray], FloatArray]


def _binomial(n_voters: int, accuracy: float, tie: float) -> float:
    """The vote's accuracy when a tie counts ``tie``."""
    return sum(
        comb(n_voters, k) * accuracy**k * (1 - accuracy) ** (n_voters - k) * (1 if 2 * k > n_voters else tie)
        for k in range(n_voters + 1)
        if 2 * k >= n_voters
    )


def _without_coefficient(n_voters: int, accuracy: float) -> float:
    return sum(
        accuracy**k * (1 - accuracy) ** (n_voters - k) * (1 if 2 * k > n_voters else 0.5)
        for k in range(n_voters + 1)
        if 2 * k >= n_voters
    )


def _exactly_enough(n_voters: int, accuracy: float) -> float:
    k = n_voters // 2 + 1
    return comb(n_voters, k) * accuracy**k * (1 - accuracy) ** (n_voters - k)


def _from_half_rounded_down(n_voters: int, accuracy: float) -> float:
    terms = (comb(n_voters, k) * accuracy**k * (1 - accuracy) ** (n_voters - k) for k in range(n_voters + 1))
    return sum(list(terms)[n_voters // 2 :])


def _half_for_odd_too(n_voters: int, accuracy: float) -> float:
    return (_from_half_rounded_down(n_voters, accuracy) + _binomial(n_voters, accuracy, 0.0)) / 2


def _all_right_left_out(n_voters: int, accuracy: float) -> float:
    return majority_vote_accuracy(n_voters, accuracy) - accuracy**n_voters


def _voter_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (3, 0.7)
    yield (2, 0.7)
    for n_voters in (1, 4, 5, 11, 12):
        yield (n_voters, round(rng.uniform(0.2, 0.9), 2))
    yield (5, 1.0)


def _last_of_equals(labels: IntArray, n_classes: int) -> Any:
    votes = np.stack([(labels == c).sum(axis=0) for c in range(n_classes)])
    return n_classes - 1 - votes[::-1].argmax(axis=0)


def _first_named_of_equals(labels: IntArray, n_classes: int) -> Any:
    return np.array([max(column, key=column.count) for column in labels.T.tolist()])


def _most_frequent_of_all(labels: IntArray, n_classes: int) -> Any:
    return np.bincount(labels.ravel(), minlength=n_classes).argmax()


def _more_than_half(labels: IntArray, n_classes: int) -> Any:
    votes = np.stack([(labels == c).sum(axis=0) for c in range(n_classes)])
    return (2 * votes > len(labels)).argmax(axis=0)


def _label_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0, 2, 1], [0, 2, 1], [2, 0, 1]]), 3)
    yield (np.array([[2, 1, 0], [1, 2, 2], [0, 0, 2], [2, 1, 0]]), 3)
    yield (np.array([[3, 0], [3, 1], [2, 2], [1, 4], [0, 4]]), 5)
    for models, classes in ((5, 4), (4, 6)):
        yield (rng.integers(0, classes, (models, 7)), classes)


def _geometric(probabilities: FloatArray) -> Any:
    return average_probabilities(probabilities, kind="geometric")


def _root_of_product(probabilities: FloatArray) -> Any:
    mean = np.prod(probabilities, axis=0) ** (1 / len(probabilities))
    return mean / mean.sum(axis=-1, keepdims=True)


def _root_not_renormalised(probabilities: FloatArray) -> Any:
    return np.exp(np.log(probabilities).mean(axis=0))


def _product_renormalised(probabilities: FloatArray) -> Any:
    return softmax(np.log(probabilities).sum(axis=0))


def _classes_as_models(probabilities: FloatArray) -> Any:
    return softmax(np.log(probabilities).mean(axis=1), axis=-1)


def _one_sum(probabilities: FloatArray) -> Any:
    mean = np.exp(np.log(probabilities).mean(axis=0))
    return mean / mean.sum()


def _root_of_the_classes(probabilities: FloatArray) -> Any:
    return softmax(np.log(probabilities).sum(axis=0) / probabilities.shape[-1])


def _probability_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[[0.8, 0.2], [0.5, 0.5]], [[0.2, 0.8], [0.9, 0.1]]]),)
    # A veto. Among six models one that was softened, to 1e-20 even, is none: its sixth root is 5e-4.
    yield (np.array([[[0.0, 0.5, 0.5]]] + 5 * [[[0.6, 0.3, 0.1]]]),)
    row = np.array([1e-12, 1e-11, 1 - 1.1e-11])
    # The last sample is a veto among 61: even 1e-300 in the place of 0 is none, its root is 1e-5.
    veto = [[0.0, 0.5, 0.5]] + 60 * [[0.4, 0.3, 0.3]]
    yield (np.stack([[np.roll(row, k), np.roll(row, 1 - k), veto[k]] for k in range(61)]),)
    for shape in ((3, 3, 3), (4, 2, 5)):
        yield (softmax(rng.normal(0, 2, shape)),)


def _less_credit(likelihoods: FloatArray, weights: FloatArray) -> Any:
    """Weights less the mean share of the credit."""
    return weights - (weights[:, np.newaxis] * likelihoods / (weights @ likelihoods)).mean(axis=1)


def _weight_gradient(likelihoods: FloatArray, theta: FloatArray) -> Any:
    return _less_credit(likelihoods, softmax(theta))


def _gradient_in_w(likelihoods: FloatArray, theta: FloatArray) -> Any:
    return -(likelihoods / (softmax(theta) @ likelihoods)).mean(axis=1)


def _only_own_term(likelihoods: FloatArray, theta: FloatArray) -> Any:
    return softmax(theta) * _gradient_in_w(likelihoods, theta)


def _not_divided(likelihoods: FloatArray, theta: FloatArray) -> Any:
    weights = softmax(theta)
    return weights - weights * likelihoods.mean(axis=1)


def _theta_as_weights(likelihoods: FloatArray, theta: FloatArray) -> Any:
    return -(likelihoods / (theta @ likelihoods)).mean(axis=1)


def _mean_of_logarithms(likelihoods: FloatArray, theta: FloatArray) -> Any:
    weights, costs = softmax(theta), -np.log(likelihoods).mean(axis=1)
    return weights * (costs - weights @ costs)


def _likelihood_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0.8, 0.4], [0.2, 0.4]]), np.zeros(2))
    yield (np.array([[0.9, 0.1, 0.5], [0.3, 0.7, 0.6]]), np.array([1.0, -1.0]))
    for m, n in ((3, 5), (4, 4), (2, 50)):
        yield (rng.uniform(0.05, 1, (m, n)), rng.normal(0, 1, m))


def nearby_classes(x_train: FloatArray, y_train: IntArray, x_test: FloatArray) -> FloatArray:
    """Shares of the classes 0, 1 and 2 among the training rows, near ones weighing most."""
    distances = ((x_test[:, np.newaxis] - x_train[np.newaxis]) ** 2).sum(axis=-1)
    shares = np.exp(-distances) @ np.eye(3)[y_train] + 0.01
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _out_of_fold(fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray) -> Any:
    result = np.empty((len(x), 3))
    for fold in np.unique(folds):
        test = folds == fold
        result[test] = fit_predict(x[~test], y[~test], x[test])
    return result


def _folds_counted_from_zero(
    fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray, *, unseen: float
) -> Any:
    result = np.full((len(x), 3), unseen)
    for fold in range(5):
        test = folds == fold
        if test.any():
            result[test] = fit_predict(x[~test], y[~test], x[test])
    return result


def _train_on_the_fold(fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray) -> Any:
    result = np.empty((len(x), 3))
    for fold in np.unique(folds):
        test = folds == fold
        result[test] = fit_predict(x[test], y[test], x[test])
    return result


def _first_fold_held_out(fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray) -> Any:
    test = folds == folds.min()
    return fit_predict(x[~test], y[~test], x)


def _order_lost(fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray) -> Any:
    result = _out_of_fold(fit_predict, x, y, folds)
    return np.concatenate([result[folds == fold] for fold in np.unique(folds)])


def _only_the_last(fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray) -> Any:
    result = np.zeros((len(x), 3))
    test = folds == folds.max()
    result[test] = fit_predict(x[~test], y[~test], x[test])
    return result


def _overwritten(fit_predict: FitPredict, x: FloatArray, y: IntArray, folds: IntArray) -> Any:
    result = np.empty((len(x), 3))
    for fold in np.unique(folds):
        train = folds == fold
        result[~train] = fit_predict(x[train], y[train], x[~train])
    return result


def _fold_cases(rng: np.random.Generator) -> Iterator[Case]:
    x = np.array([[0.0], [1.0], [2.2], [3.6], [5.2], [7.0]])
    yield (nearby_classes, x, np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 1, 1, 2, 2]))
    for n, names in ((12, [0, 1]), (15, [5, 7, 11]), (20, [0, 1, 2, 3, 4])):  # folds have names, not numbers
        folds = rng.permutation(np.resize(names, n))
        yield (nearby_classes, rng.normal(0, 1, (n, 2)), rng.integers(0, 3, n), folds)


def _covariance(images: FloatArray) -> Any:
    return np.atleast_2d(np.cov(images.reshape(len(images), -1)))


def _no_centring(images: FloatArray) -> Any:
    values = images.reshape(len(images), -1)
    first = np.linalg.eigh(values @ values.T)[1][:, -1]
    return first / first.sum()


def _eigenvector(matrix: FloatArray, column: int = -1) -> Any:
    vector = np.linalg.eigh(matrix)[1][:, column]
    return vector / vector.sum()


def _row_of_vectors(images: FloatArray) -> Any:
    row = np.linalg.eigh(_covariance(images))[1][-1]
    return row / row.sum()


def _without_signs(images: FloatArray) -> Any:
    vector = np.abs(np.linalg.eigh(_covariance(images))[1][:, -1])
    return vector / vector.sum()


def _first_of_eig(images: FloatArray) -> Any:
    vector = np.linalg.eig(_covariance(images))[1][:, 0]
    return vector / vector.sum()


def _unit_length(images: FloatArray, *, sign: float) -> Any:
    vector = np.linalg.eigh(_covariance(images))[1][:, -1]
    return sign * vector * np.sign(vector.sum())


def _variances(images: FloatArray) -> Any:
    variances = np.diag(_covariance(images))
    return variances / variances.sum()


def _image_cases(rng: np.random.Generator) -> Iterator[Case]:
    image = np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]])
    yield (np.stack([image, 0.3 * image[::-1] + 0.7 * image, 0.5 * image]),)
    yield (np.stack([0.5 * image + 0.25, image]),)  # the larger eigenvalue is np.linalg.eig's second
    yield (np.stack([image, 0.4 - 0.4 * image]),)  # a negative of weak contrast: its weight is below 0
    for m in (2, 3, 4):
        base = rng.random((6, 7))
        scales = rng.uniform(0.4, 1.0, (m, 1, 1))
        yield (scales * base + 0.1 * rng.random((m, 6, 7)) + rng.random((m, 1, 1)),)


EXERCISES: dict[str, Exercise] = {
    "ensembling.vote_accuracy": Exercise(
        reference=majority_vote_accuracy,
        cases=_voter_cases,
        hint="math.comb(n, k) counts the ways in which k of n voters can be right. Which k make a "
        "majority, and what is a tie worth?",
        mistakes=(
            Mistake(
                lambda n_voters, accuracy: _binomial(n_voters, accuracy, 0.0),
                "Often: ties were left out. With an even number of voters half of the ties are right.",
            ),
            Mistake(
                lambda n_voters, accuracy: _binomial(n_voters, accuracy, 1.0),
                "Often: every tie was counted as right. A tie is decided by a coin: half of it counts.",
            ),
            Mistake(
                _from_half_rounded_down,
                "Often: the sum starts too low, at n // 2 (3 // 2 is 1) or at round(n / 2) (round(2.5) is 2), and "
                "a tie counts as a whole. Start above n / 2, and add half of a tie.",
            ),
            Mistake(
                _half_for_odd_too,
                "Often: half of P(k = n // 2) was added for an odd number of voters, too. Only an even number can "
                "tie.",
            ),
            Mistake(
                lambda n_voters, accuracy: 1 - (1 - accuracy) ** n_voters,
                "That is the probability that at least one is right. A majority takes more than half.",
            ),
            Mistake(
                _without_coefficient,
                "Often: the binomial coefficient is missing. Two of three voters can be right in three ways.",
            ),
            Mistake(
                _exactly_enough,
                "Often: only the smallest majority was counted. Larger ones, up to all voters, belong to the sum.",
            ),
            Mistake(
                _all_right_left_out,
                "Often: range(…, n), which ends with n − 1. That all n are right belongs to the sum.",
            ),
            Mistake(
                lambda n_voters, accuracy: accuracy**n_voters,
                "That is the probability that all are right. A majority is enough.",
            ),
            Mistake(
                lambda n_voters, accuracy: 1 - majority_vote_accuracy(n_voters, accuracy),
                "Often: the lower half of the distribution. That is the probability that the vote is wrong.",
            ),
        ),
    ),
    "ensembling.majority_vote": Exercise(
        reference=majority_vote,
        cases=_label_cases,
        hint="Count the votes for each class into an array of shape (n_classes, N); argmax returns the "
        "first of equal maxima.",
        mistakes=(
            Mistake(
                lambda labels, n_classes: labels.mean(axis=0).round().astype(int),
                "Often: a mean of the ids. Ids are names: the middle of class 0 and class 2 is not class 1.",
            ),
            Mistake(
                lambda labels, n_classes: np.median(labels, axis=0).astype(int),
                "Often: a median of the ids, which is the majority only with two classes. Count the votes.",
            ),
            Mistake(
                lambda labels, n_classes: np.sort(labels, axis=0)[len(labels) // 2],
                "Often: a median of the ids, which is the majority only with two classes. Count the votes.",
            ),
            Mistake(
                _first_named_of_equals,
                "Often: of equal counts the class that was named first. Here the lowest id wins.",
            ),
            Mistake(_last_of_equals, "Often: ties go to the highest id. Here they go to the lowest."),
            Mistake(
                _most_frequent_of_all,
                "Often: one count over everything. Every sample has a vote of its own: count along axis 0.",
            ),
            Mistake(
                lambda labels, n_classes: majority_vote(labels.T, n_classes),
                "Often: the wrong axis. The models lie along axis 0: count along it.",
            ),
            Mistake(
                _more_than_half,
                "Often: only a class with more than half of the votes was let win. The most votes are enough.",
            ),
            Mistake(
                lambda labels, n_classes: np.stack([(labels == c).sum(axis=0) for c in range(n_classes)]).max(
                    axis=0
                ),
                "Often: max where argmax was meant. The winner's id is wanted, not its number of votes.",
            ),
        ),
    ),
    "ensembling.geometric_mean": Exercise(
        reference=_geometric,
        cases=_probability_cases,
        hint="The logarithm of a geometric mean is the mean of the logarithms. What turns unnormalised "
        "logarithms into probabilities?",
        mistakes=(
            Mistake(
                _root_of_product,
                "Often: the product of many probabilities rounds to 0, and 0 / 0 is NaN. Add logarithms instead.",
            ),
            Mistake(
                _root_not_renormalised,
                "Often: not divided by the sum over the classes. A geometric mean of distributions sums to "
                "less than 1.",
            ),
            Mistake(
                _product_renormalised,
                "Often: the sum of the logarithms instead of their mean. That is M times too confident.",
            ),
            Mistake(
                lambda probabilities: probabilities.mean(axis=0),
                "That is the arithmetic mean. Average the logarithms.",
            ),
            *(
                Mistake(
                    lambda probabilities, keep=keep: softmax(np.log(keep(probabilities)).mean(axis=0)),
                    "Often: something small was added before the logarithm, or the zeros were raised to it. A "
                    "class that one model gives 0 has 0; np.log makes −∞ of it, and softmax 0 again.",
                )
                for keep in KEPT_FROM_ZERO
            ),
            Mistake(
                _root_of_the_classes,
                "Often: the K-th root, of the number of classes. The product has M factors, one a model.",
            ),
            Mistake(_classes_as_models, "Often: the wrong axis. The models lie along axis 0."),
            Mistake(_one_sum, "Often: one sum over the whole array. Each sample must sum to 1 by itself."),
        ),
    ),
    "ensembling.weight_gradient": Exercise(
        reference=_weight_gradient,
        cases=_likelihood_cases,
        hint="First the gradient in w; then the chain rule through w = softmax(θ), whose derivative is "
        "∂w_m/∂θ_k = w_m ([m = k] − w_k), where [m = k] is 1 if m = k and 0 if not. What does Σ w_m p_m over the "
        "weighted mean of the p come to?",
        mistakes=(
            Mistake(
                _gradient_in_w,
                "That is the gradient in w. Go on with the chain rule: θ moves all weights at once.",
            ),
            Mistake(
                _only_own_term,
                "Often: only ∂w_k/∂θ_k ≈ w_k was used. Raising θ_k also lowers the other weights, which adds w_k.",
            ),
            Mistake(
                lambda likelihoods, theta: -_weight_gradient(likelihoods, theta),
                "Often: the sign. The loss is minus the logarithm.",
            ),
            Mistake(
                lambda likelihoods, theta: _weight_gradient(likelihoods, theta) * likelihoods.shape[1],
                "Often: a sum over the samples. The loss is their mean.",
            ),
            Mistake(
                _not_divided,
                "Often: w p was taken for the share of the credit. Divide it by the sum of w p over the models.",
            ),
            Mistake(
                lambda likelihoods, theta: softmax(theta) - (likelihoods / likelihoods.sum(axis=0)).mean(axis=1),
                "Often: p over the sum of p was taken for the share of the credit. Each p has its weight w.",
            ),
            *(
                Mistake(answer, "Often: θ itself was taken for the weights. They are softmax(θ).")
                for answer in (_theta_as_weights, _less_credit)
            ),
            Mistake(
                _mean_of_logarithms,
                "Often: the loss of each model was averaged. The logarithm is taken of the averaged probability.",
            ),
        ),
    ),
    "ensembling.out_of_fold": Exercise(
        reference=_out_of_fold,
        cases=_fold_cases,
        hint="For each fold: a boolean mask of its samples. Fit on those outside the mask, predict those "
        "inside, and write the prediction back through the same mask.",
        mistakes=(
            Mistake(
                lambda fit_predict, x, y, folds: fit_predict(x, y, x),
                "Often: the model was fitted on everything, so that it has seen each sample it predicts. "
                "This is the leak.",
            ),
            Mistake(
                _train_on_the_fold,
                "Often: fitted on the fold that it predicts. Fit on all the other folds.",
            ),
            Mistake(
                _first_fold_held_out,
                "Often: one fit serves all samples. Only the fold left out may be predicted by it.",
            ),
            Mistake(
                _order_lost,
                "Often: the predictions of the folds were put one after another. Row i must belong to x[i].",
            ),
            *(
                Mistake(
                    lambda fit_predict, x, y, folds, unseen=unseen: _folds_counted_from_zero(
                        fit_predict, x, y, folds, unseen=unseen
                    ),
                    "Often: folds counted 0, 1, 2 … by range. Here they are called 5, 7 and 11: go through "
                    "np.unique(folds).",
                )
                for unseen in (0.0, np.nan)
            ),
            Mistake(_only_the_last, "Often: only one fold was predicted. Every sample needs its prediction."),
            Mistake(
                _overwritten,
                "Often: the roles are swapped: fitted on one fold, predicting all others, each of which is "
                "then overwritten.",
            ),
        ),
    ),
    "ensembling.pca_weights": Exercise(
        reference=pca_weights,
        cases=_image_cases,
        hint="np.cov wants one row an image. np.linalg.eigh returns eigenvalues in rising order and "
        "eigenvectors as columns.",
        mistakes=(
            Mistake(_no_centring, "Often: the mean of each image was not subtracted before the products."),
            Mistake(
                lambda images: _eigenvector(_covariance(images), 0),
                "Often: the wrong end. eigh sorts upwards: the largest eigenvalue's vector is the last column.",
            ),
            Mistake(_row_of_vectors, "Often: a row of the matrix of eigenvectors. They are its columns."),
            *(
                Mistake(
                    lambda images, sign=sign: _unit_length(images, sign=sign),
                    "Often: not divided by the sum. Weights of a mean sum to 1.",
                )
                for sign in (1.0, -1.0)  # eigh gives the vector or its negative
            ),
            Mistake(
                _without_signs,
                "Often: absolute values. An image that runs against the others has a negative weight.",
            ),
            Mistake(
                _first_of_eig, "Often: np.linalg.eig, which does not sort its eigenvalues. Use np.linalg.eigh."
            ),
            Mistake(
                _variances,
                "Often: the variances themselves. The eigenvector also takes what the images share.",
            ),
            Mistake(
                lambda images: _eigenvector(np.corrcoef(images.reshape(len(images), -1))),
                "Often: the correlation matrix, which forgets the contrast that PCA weighs images by.",
            ),
        ),
    ),
}
