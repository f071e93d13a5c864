"""Training for a fixed number of steps: the same result twice, also after having been stopped midway."""

from course_utils.training.checkpoint import History
from course_utils.training.copying import Copied, initialise_from
from course_utils.training.exporting import export
from course_utils.training.loop import set_seed, train
from course_utils.training.schedule import cosine_optimizer, image_order, prefetched
from course_utils.training.weights import load_class_names, load_weights, save_weights

__all__ = [
    "Copied",
    "History",
    "cosine_optimizer",
    "export",
    "image_order",
    "initialise_from",
    "load_class_names",
    "load_weights",
    "prefetched",
    "save_weights",
    "set_seed",
    "train",
]
