"""Knowledge distillation: losses, a trainer, and the digit classifiers that chapter 03 trains.

Hinton, Vinyals and Dean 2015, *Distilling the Knowledge in a Neural Network*.
"""

from course_utils.distillation.digits import build_student, build_teacher, shifted_copies, train
from course_utils.distillation.distiller import Distiller
from course_utils.distillation.losses import distillation_loss, interpolated_loss, logit_matching_loss

__all__ = [
    "Distiller",
    "build_student",
    "build_teacher",
    "distillation_loss",
    "interpolated_loss",
    "logit_matching_loss",
    "shifted_copies",
    "train",
]
