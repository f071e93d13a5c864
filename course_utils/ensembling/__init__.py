"""Several models or images into one: votes, means, learnt weights, out-of-fold predictions, fusion."""

from course_utils.ensembling.combining import average_probabilities, majority_vote, majority_vote_accuracy
from course_utils.ensembling.fusion import fuse_images, pca_weights
from course_utils.ensembling.stacking import fit_weights, out_of_fold_probabilities

__all__ = [
    "average_probabilities",
    "fit_weights",
    "fuse_images",
    "majority_vote",
    "majority_vote_accuracy",
    "out_of_fold_probabilities",
    "pca_weights",
]
