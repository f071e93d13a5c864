"""Training for a fixed number of steps: the same result twice, also after having been stopped midway."""

from course_utils.training.checkpoint import History
from course_utils.training.loop import set_seed, train
from course_utils.training.schedule import cosine_optimizer, image_order, prefetched
from course_utils.training.weights import load_weights, save_weights

__all__ = [
    "History",
    "cosine_optimizer",
    "image_order",
    "load_weights",
    "prefetched",
    "save_weights",
    "set_seed",
    "train",
]
