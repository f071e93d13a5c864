"""Entropy and mutual information: from tables, from samples, from a critic's scores; clusters from information.

All results are in nats. ``discrete`` holds what is exact once the probabilities are known, ``samples`` the
estimators that take samples, ``bounds`` the lower bounds that a critic is trained on, ``clusters`` the loss that
clusters without labels and the assignment that scores it. TensorFlow is imported where a tensor comes in.
"""

from course_utils.information.bounds import donsker_varadhan, info_nce, nwj
from course_utils.information.clusters import assign_clusters, iic_joint, iic_loss
from course_utils.information.discrete import entropy_of_counts, mutual_information
from course_utils.information.samples import histogram_information, nearest_neighbour_information

__all__ = [
    "assign_clusters",
    "donsker_varadhan",
    "entropy_of_counts",
    "histogram_information",
    "iic_joint",
    "iic_loss",
    "info_nce",
    "mutual_information",
    "nearest_neighbour_information",
    "nwj",
]
