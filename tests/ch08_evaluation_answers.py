"""Right and wrong answers to the exercises of chapter 08 on mean IoU and the training loss."""

import numpy as np
import tensorflow as tf
from scipy.special import logsumexp, softmax
from sklearn.metrics import confusion_matrix, jaccard_score

from course_utils.losses import cross_entropy, dice
from course_utils.metrics import mean_iou, per_image_mean_iou
from exercise_answers import WrongAnswer

MEAN = "metrics.mean_iou"
DATASET = "metrics.dataset_mean_iou"
LOSS = "losses.cross_entropy_dice"

# --- mean IoU of a confusion matrix


def mean_of_list(scores, empty=np.nan):
    return sum(scores) / len(scores) if len(scores) else empty


def mean_with_loops(confusion):
    scores = []
    for k in range(len(confusion)):
        false_negatives = sum(confusion[k, j] for j in range(len(confusion)) if j != k)
        false_positives = sum(confusion[j, k] for j in range(len(confusion)) if j != k)
        union = confusion[k, k] + false_negatives + false_positives
        if union:
            scores.append(confusion[k, k] / union)
    return mean_of_list(scores)


def mean_by_einsum(confusion):
    counts = np.asarray(confusion, np.float32)
    shared, union = np.einsum("ii->i", counts), np.einsum("ij->i", counts) + np.einsum("ji->i", counts)
    present = union > 0
    return (shared[present] / (union - shared)[present]).mean()


def mean_through_dice(confusion):
    dices = per_class(confusion, lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn))
    return np.nanmean(dices / (2 - dices))


def per_class(confusion, score):
    tp = np.diag(confusion).astype(float)
    with np.errstate(all="ignore"):
        return score(tp, confusion.sum(axis=0) - tp, confusion.sum(axis=1) - tp)


def iou_of(tp, fp, fn):
    return tp / (tp + fp + fn)


def over(score):
    """Mean over the classes for which a score is defined."""
    return lambda confusion: np.nanmean(per_class(confusion, score))


def mean_where(keep):
    return lambda confusion: per_class(confusion, iou_of)[keep(confusion)].mean()


def weighted(confusion):
    return np.nansum(per_class(confusion, iou_of) * confusion.sum(axis=1)) / confusion.sum()


def emptied(confusion):
    value = mean_with_loops(confusion)
    confusion[:] = 0
    return value


def in_place(confusion):
    scores = per_class(confusion, iou_of)
    return np.nan_to_num(scores).sum() / len(scores)


MEAN_RIGHT = [
    mean_with_loops,
    mean_by_einsum,
    mean_through_dice,
    over(iou_of),
    lambda confusion: mean_iou(confusion.tolist()).mean,
    lambda confusion: np.float32(mean_with_loops(confusion)),
]
MEAN_WRONG: list[WrongAnswer] = [
    (MEAN, over(lambda tp, fp, fn: tp / (tp + fn)), "mean recall"),
    (MEAN, over(lambda tp, fp, fn: tp / (tp + fp)), "mean precision"),
    (MEAN, over(lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn)), "This is Dice"),
    (MEAN, over(lambda tp, fp, fn: tp / (2 * tp + fp + fn)), "holds the right pixels twice"),
    (MEAN, over(lambda tp, fp, fn: tp / (fp + fn)), "divided by the errors"),
    (MEAN, over(lambda tp, fp, fn: tp / (tp + 2 * fn)), "rows summed twice"),
    (MEAN, over(lambda tp, fp, fn: tp / (tp + 2 * fp)), "values differ"),
    (MEAN, lambda confusion: np.nan_to_num(per_class(confusion, iou_of)).mean(), "0 for an absent class"),
    (MEAN, in_place, "0 for an absent class"),
    (MEAN, lambda confusion: np.nan_to_num(per_class(confusion, iou_of), nan=1).mean(), "1 for an absent class"),
    (MEAN, lambda confusion: per_class(confusion, iou_of).mean(), "0 / 0 is NaN"),
    (MEAN, mean_where(lambda confusion: confusion.sum(axis=1) > 0), "only classes with true pixels"),
    (MEAN, mean_where(lambda confusion: confusion.sum(axis=0) > 0), "only classes that are predicted"),
    (MEAN, mean_where(lambda confusion: confusion.diagonal() > 0), "IoU of 0 left out"),
    (MEAN, weighted, "frequency-weighted"),
    (MEAN, lambda confusion: np.nanmean(per_class(confusion, iou_of)[1:]), "background left out"),
    (MEAN, lambda confusion: np.trace(confusion) / confusion.sum(), "pixel accuracy"),
    (
        MEAN,
        lambda confusion: np.mean(per_class(confusion, lambda tp, fp, fn: 1 - (fp + fn) / confusion.sum())),
        "true negatives",
    ),
    (MEAN, lambda confusion: np.trace(confusion) / (2 * confusion.sum() - np.trace(confusion)), "over all unions"),
    (MEAN, lambda confusion: per_class(confusion, iou_of), "Their mean is asked"),
    (MEAN, lambda confusion: 1 - mean_with_loops(confusion), "a loss"),
    (MEAN, lambda confusion: 100 * mean_with_loops(confusion), "per cent"),
    (MEAN, mean_iou, "real numbers were expected"),
    (MEAN, lambda confusion: np.nanmedian(per_class(confusion, iou_of)), "values differ"),
    (MEAN, lambda confusion: np.nanmin(per_class(confusion, iou_of)), "values differ"),
    (MEAN, over(lambda tp, fp, fn: (tp + 1) / (tp + fp + fn + 1)), "values differ"),
    (MEAN, lambda confusion: round(mean_with_loops(confusion), 2), "values differ"),
    (MEAN, over(lambda tp, fp, fn: tp // (tp + fp + fn)), "values differ"),
    (MEAN, over(lambda tp, fp, fn: tp / tp.sum()), "values differ"),
    (MEAN, lambda confusion: mean_with_loops(confusion[:-1, :-1]), "values differ"),
    (MEAN, emptied, "changed the array"),
]

# --- mean IoU of a data set


def dataset_with_loops(label_maps, predictions, n_classes):
    scores = []
    for k in range(n_classes):
        shared = union = 0
        for truth, guess in zip(label_maps, predictions, strict=True):
            counted = truth != 255
            shared += np.sum((truth == k) & (guess == k) & counted)
            union += np.sum(((truth == k) | (guess == k)) & counted)
        if union > 0:
            scores.append(shared / union)
    return mean_of_list(scores)


def dataset_by_scikit_learn(label_maps, predictions, n_classes):
    counted = label_maps.ravel() != 255
    truth, guess = label_maps.ravel()[counted], predictions.ravel()[counted]
    present = np.union1d(truth, guess)
    return jaccard_score(truth, guess, labels=present, average="macro", zero_division=0)


def counts_of(label_maps, predictions, n_classes):
    counted = label_maps != 255
    return confusion_matrix(label_maps[counted], predictions[counted], labels=np.arange(n_classes))


def dataset_by_bincount(label_maps, predictions, n_classes):
    counted = label_maps != 255
    cells = label_maps[counted].astype(int) * n_classes + predictions[counted]
    return mean_with_loops(np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes))


def dataset_one_hot(label_maps, predictions, n_classes):
    truth = (label_maps[..., None] == np.arange(n_classes)).astype(np.float32)
    guess = (predictions[..., None] == np.arange(n_classes)) * (label_maps != 255)[..., None].astype(np.float32)
    return mean_by_einsum(np.einsum("nhwi,nhwj->ij", truth, guess))


def from_counts(function):
    return lambda *arguments: function(counts_of(*arguments))


def mean_over_images(function):
    def answer(label_maps, predictions, n_classes):
        images = zip(label_maps, predictions, strict=True)
        return np.mean([function(counts_of(truth, guess, n_classes)) for truth, guess in images])

    return answer


def each_class_over_images(label_maps, predictions, n_classes):
    images = zip(label_maps, predictions, strict=True)
    scores = [per_class(counts_of(truth, guess, n_classes), iou_of) for truth, guess in images]
    known = [row[~np.isnan(row)].mean() for row in np.transpose(scores) if not np.isnan(row).all()]
    return np.mean(known)


def ignored_as_background(label_maps, predictions, n_classes):
    return dataset_with_loops(np.where(label_maps == 255, 0, label_maps), predictions, n_classes)


def ignored_in_the_union(label_maps, predictions, n_classes):
    scores = []
    for k in range(n_classes):
        shared = np.sum((label_maps == k) & (predictions == k))
        union = np.sum((label_maps == k) | (predictions == k))
        if union:
            scores.append(shared / union)
    return np.mean(scores)


def counted_in_bytes(label_maps, predictions, n_classes):
    counted = label_maps != 255
    cells = n_classes * label_maps[counted] + predictions[counted]
    return mean_with_loops(
        np.bincount(cells, minlength=n_classes**2)[: n_classes**2].reshape(n_classes, n_classes)
    )


def first_image(label_maps, predictions, n_classes):
    return dataset_with_loops(label_maps[:1], predictions[:1], n_classes)


def truth_and_prediction_exchanged(label_maps, predictions, n_classes):
    return dataset_with_loops(predictions, label_maps, n_classes)


def ignored_overwritten(label_maps, predictions, n_classes):
    value = dataset_with_loops(label_maps, predictions, n_classes)
    predictions[label_maps == 255] = 255
    return value


def classes_of_the_truth(label_maps, predictions, n_classes):
    counts = counts_of(label_maps, predictions, n_classes)
    return per_class(counts, iou_of)[np.unique(label_maps[label_maps != 255])].mean()


DATASET_RIGHT = [
    dataset_with_loops,
    dataset_by_scikit_learn,
    dataset_by_bincount,
    dataset_one_hot,
    from_counts(over(iou_of)),
]
DATASET_WRONG: list[WrongAnswer] = [
    (DATASET, lambda *a: per_image_mean_iou(*a), "classes true in each"),
    (DATASET, mean_over_images(mean_where(lambda c: c.sum(axis=1) > 0)), "classes true in each"),
    (DATASET, mean_over_images(mean_with_loops), "This is a mean over images"),
    (DATASET, each_class_over_images, "averaged over images"),
    (DATASET, lambda t, g, n: np.mean(t[t != 255] == g[t != 255]), "which the background decides"),
    (DATASET, lambda t, g, n: np.mean(t == g), "pixels of 255 counted as wrong"),
    (DATASET, mean_over_images(lambda c: np.trace(c) / c.sum()), "accuracy of each image"),
    (DATASET, ignored_as_background, "counted as background"),
    (DATASET, ignored_in_the_union, "at pixels of 255 counted as false alarms"),
    (DATASET, counted_in_bytes, "wraps at 256"),
    (DATASET, classes_of_the_truth, "true somewhere"),
    (DATASET, from_counts(lambda c: np.nan_to_num(per_class(c, iou_of)).mean()), "0 for an absent"),
    (DATASET, from_counts(lambda c: np.nan_to_num(per_class(c, iou_of), nan=1).mean()), "1 for an absent"),
    (DATASET, from_counts(lambda c: per_class(c, iou_of).mean()), "0 / 0 is NaN"),
    (DATASET, from_counts(lambda c: np.nanmean(per_class(c, iou_of)[1:])), "background left out"),
    (DATASET, from_counts(mean_where(lambda c: c.diagonal() > 0)), "IoU of 0 left out"),
    (DATASET, from_counts(over(lambda tp, fp, fn: tp / (tp + fn))), "mean recall"),
    (DATASET, from_counts(over(lambda tp, fp, fn: tp / (tp + fp))), "mean precision"),
    (DATASET, from_counts(over(lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn))), "This is Dice"),
    (DATASET, from_counts(over(lambda tp, fp, fn: tp / (2 * tp + fp + fn))), "twice in the union"),
    (DATASET, from_counts(weighted), "frequency-weighted"),
    (DATASET, from_counts(lambda c: np.trace(c) / (2 * c.sum() - np.trace(c))), "over all unions"),
    (DATASET, from_counts(lambda c: per_class(c, iou_of)), "Their mean is asked"),
    (DATASET, from_counts(lambda c: c), "shape"),
    (
        DATASET,
        lambda t, g, n: [dataset_with_loops(a, b, n) for a, b in zip(t, g, strict=True)],
        "One number an image",
    ),
    (DATASET, first_image, "values differ"),
    (DATASET, truth_and_prediction_exchanged, "values differ"),
    (DATASET, lambda t, g, n: 1 - dataset_with_loops(t, g, n), "values differ"),
    (DATASET, lambda t, g, n: dataset_with_loops(t, g, n - 1), "values differ"),
    (
        DATASET,
        lambda t, g, n: np.median([dataset_with_loops(t[i : i + 1], g[i : i + 1], n) for i in (0, 1)]),
        "differ",
    ),
    (DATASET, ignored_overwritten, "changed the array"),
]

# --- the loss


def loss_by_the_course(labels, logits):
    return cross_entropy(labels, logits) + 0.5 * dice(labels, logits)


def loss_in_float32(labels, logits):
    z, y = tf.constant(logits, tf.float32), tf.constant(labels.astype(np.int32))
    return cross_entropy(y, z).numpy() + dice(y, z).numpy() / 2


def loss_image_by_image(labels, logits, weight=0.5, terms=None, absent=False, softer=0.0):
    """Loops over images and classes, on lists of the pixels that count."""
    result = []
    for truth, scores in zip(labels, logits, strict=True):
        counted = truth != 255
        y, z = truth[counted], scores[counted]
        if len(y) == 0:
            result.append(0.0)
            continue
        entropy = np.mean([logsumexp(row) - row[label] for row, label in zip(z, y, strict=True)])
        p, dices = softmax(z, axis=1), []
        for k in range(scores.shape[-1]):
            if absent or (y == k).any() or (z.argmax(axis=1) == k).any():
                shared = p[y == k, k].sum()
                dices.append((2 * shared + softer) / ((y == k).sum() + p[:, k].sum() + softer))
        parts = entropy, 1 - np.mean(dices)
        result.append(parts[0] + weight * parts[1] if terms is None else terms(*parts))
    return result


def loss_by_einsum(
    labels,
    logits,
    ignored=None,
    divide=None,
    log=None,
    mask_probabilities=True,
    score=lambda shared, truth, guess: 1 - 2 * shared / (truth + guess),
    keep=lambda held, won: held | won,
    axes="nk",
    hard=False,
    wins=None,
):
    """All images at once."""
    n_classes = logits.shape[-1]
    counted = (labels != 255).astype(float)
    names = np.where(labels == 255, 0, labels)
    if ignored == "background":
        counted = np.ones(labels.shape)
    truth = np.eye(n_classes)[names] * counted[..., None]
    logs = log(logits) if log else logits - logsumexp(logits, axis=-1, keepdims=True)
    guess = np.exp(logs)
    winners = wins(logits) if wins else np.eye(n_classes)[logits.argmax(axis=-1)]
    winners = winners * (counted if mask_probabilities else 1 + 0 * counted)[..., None]
    if hard:
        guess = np.eye(n_classes)[logits.argmax(axis=-1)]
    if mask_probabilities:
        guess = guess * counted[..., None]
    costs = -np.where(truth > 0, logs, 0).sum(axis=-1)
    total = costs.sum(axis=(1, 2))
    entropy = divide(total, costs) if divide else total / np.maximum(counted.sum(axis=(1, 2)), 1)
    shared = np.einsum(f"nhwk,nhwk->{axes}", truth, guess)
    sizes = [np.einsum(f"nhwk->{axes}", part) for part in (truth, guess)]
    with np.errstate(all="ignore"):
        values = np.nan_to_num(score(shared, *sizes))
    if axes == "n":
        return entropy + 0.5 * values
    held, won = sizes[0] > 0, np.einsum(f"nhwk->{axes}", winners) > 0
    kept = keep(held, won)
    overlap = (values * kept).sum(axis=-1) / np.maximum(kept.sum(axis=-1), 1)
    return entropy + 0.5 * overlap


def changed(**options):
    return lambda labels, logits: loss_by_einsum(labels, logits, **options)


def parts(terms):
    return lambda labels, logits: loss_image_by_image(labels, logits, terms=terms)


def log_of(probabilities):
    def log(logits):
        with np.errstate(all="ignore"):
            return np.log(probabilities(logits))

    return log


def without_shift(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def indexed(labels, logits):
    one_hot = np.eye(logits.shape[-1])[labels]
    return -np.mean(np.sum(one_hot * np.log(softmax(logits, axis=-1)), axis=-1), axis=(1, 2))


def taken(labels, logits):
    chosen = np.take_along_axis(softmax(logits, axis=-1), labels[..., None].astype(int), axis=-1)
    return -np.log(chosen).mean(axis=(1, 2, 3))


def nan_for_nothing(labels, logits):
    values = np.asarray(loss_image_by_image(labels, logits))
    values[(labels == 255).all(axis=(1, 2))] = np.nan
    return values


def shifted_in_place(labels, logits):
    value = loss_image_by_image(labels, logits)
    logits -= logits.max(axis=-1, keepdims=True)
    return value


def all_classes(held, won):
    return np.ones_like(held)


def but_background(held, won):
    kept = held | won
    kept[..., 0] = False
    return kept


LOSS_RIGHT = [
    loss_by_the_course,
    loss_in_float32,
    loss_image_by_image,
    loss_by_einsum,
    lambda labels, logits: loss_by_einsum(labels, logits.astype(np.float32)).astype(np.float32),
]
LOSS_WRONG: list[WrongAnswer] = [
    (LOSS, indexed, "values differ"),
    (LOSS, lambda y, z: loss_by_einsum(y, z) + 0 * np.eye(z.shape[-1])[y].sum(), "used as an index"),
    (LOSS, lambda y, z: loss_by_einsum(y, z) + 0 * taken(y, z), "used as an index"),
    (LOSS, changed(ignored="background"), "counted as background"),
    (LOSS, changed(mask_probabilities=False), "Dice does not"),
    (LOSS, changed(divide=lambda total, costs: costs.mean(axis=(1, 2))), "divided by all pixels"),
    (
        LOSS,
        changed(divide=lambda total, costs: costs.mean(axis=(1, 2)), mask_probabilities=False),
        "half left out",
    ),
    (LOSS, changed(divide=lambda total, costs: total), "sum over pixels"),
    (LOSS, parts(lambda entropy, overlap: -entropy + 0.5 * overlap), "minus sign"),
    (LOSS, parts(lambda entropy, overlap: entropy / np.log(2) + 0.5 * overlap), "log2"),
    (LOSS, parts(lambda entropy, overlap: entropy + overlap), "weight 1"),
    (LOSS, parts(lambda entropy, overlap: 0.5 * entropy + overlap), "weights exchanged"),
    (LOSS, parts(lambda entropy, overlap: 0.5 * (entropy + overlap)), "half of both"),
    (LOSS, parts(lambda entropy, overlap: entropy - 0.5 * overlap), "subtracted"),
    (LOSS, parts(lambda entropy, overlap: entropy), "cross-entropy alone"),
    (LOSS, parts(lambda entropy, overlap: overlap / 2), "Dice alone"),
    (LOSS, changed(score=lambda shared, truth, guess: 2 * shared / (truth + guess)), "1 − Dice belongs"),
    (LOSS, changed(score=lambda shared, truth, guess: -2 * shared / (truth + guess)), "−Dice"),
    (LOSS, changed(score=lambda shared, truth, guess: 1 - shared / (truth + guess - shared)), "soft IoU"),
    (LOSS, changed(score=lambda shared, truth, guess: 1 - shared / (truth + guess)), "the 2 of Dice"),
    (LOSS, changed(keep=all_classes), "all K classes"),
    (LOSS, changed(keep=lambda held, won: held), "classes of the truth only"),
    (LOSS, changed(wins=lambda z: softmax(z, axis=-1) > 0.5), "probability above 0.5"),
    (LOSS, changed(keep=but_background), "background left out"),
    (LOSS, changed(hard=True), "Dice of the argmax"),
    (LOSS, changed(axes="n"), "added up over the classes"),
    (LOSS, changed(axes="k"), "Dice of the whole batch"),
    (LOSS, changed(log=lambda z: np.log(softmax(softmax(z, axis=-1), axis=-1))), "softmax twice"),
    (LOSS, changed(log=log_of(lambda z: softmax(z, axis=1))), "axis 1, the rows"),
    (LOSS, changed(log=log_of(lambda z: softmax(z, axis=2))), "axis 2, the columns"),
    (LOSS, changed(log=log_of(lambda z: softmax(z, axis=0))), "axis 0, the images"),
    (LOSS, changed(log=log_of(lambda z: softmax(z))), "softmax over everything"),
    (LOSS, changed(log=log_of(lambda z: z)), "taken for probabilities"),
    (LOSS, changed(log=log_of(lambda z: softmax(z, axis=-1))), "has become 0"),
    (LOSS, changed(log=log_of(without_shift)), "overflows"),
    (LOSS, changed(log=log_of(lambda z: np.maximum(softmax(z, axis=-1), 1e-7))), "clipped"),
    (LOSS, changed(log=log_of(lambda z: softmax(z, axis=-1) + 1e-12)), "values differ"),
    (LOSS, changed(log=lambda z: -np.logaddexp(0, -z)), "values differ"),
    (LOSS, changed(divide=lambda total, costs: total / costs[0].size / 2), "values differ"),
    (LOSS, nan_for_nothing, "It costs 0"),
    (LOSS, lambda y, z: np.mean(loss_by_einsum(y, z)), "not their mean"),
    (LOSS, lambda y, z: loss_image_by_image(y, z, softer=1.0), "Often: a smoothing of 1"),
    (LOSS, lambda y, z: loss_image_by_image(y, z, softer=1.0, absent=True), "with a smoothing of 1"),
    (LOSS, lambda y, z: loss_image_by_image(y, z, absent=True, softer=1e-6), "all K classes"),
    (LOSS, lambda y, z: loss_image_by_image(y, z, weight=0.25), "values differ"),
    (LOSS, shifted_in_place, "changed the array"),
    (LOSS, lambda y, z: loss_by_einsum(y, -z), "values differ"),
]
