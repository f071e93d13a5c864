"""Knowledge distillation: losses and a trainer.

Hinton, Vinyals and Dean 2015, *Distilling the Knowledge in a Neural Network*.
"""

from course_utils.distillation.distiller import Distiller
from course_utils.distillation.losses import distillation_loss, interpolated_loss, logit_matching_loss

__all__ = [
    "Distiller",
    "distillation_loss",
    "interpolated_loss",
    "logit_matching_loss",
]
