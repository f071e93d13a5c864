"""Gradient descent and its descendants, clipping and rates, in NumPy and without any state of their own.

A rule is a recipe: ``state = rule.init(parameters)``, then again and again ``parameters, state =
rule.update(parameters, gradients, state)``. What it remembers is in the state that you hand in and get back
(the functional form that optax made usual), so two runs with one rule never meet. Where conventions differ,
these are Keras'.
"""

from course_utils.optimizers.adaptive import adam, adamw, amsgrad, rmsprop
from course_utils.optimizers.clipping import clip_by_global_norm, clip_by_norm, clip_by_value, global_norm
from course_utils.optimizers.descent import sgd
from course_utils.optimizers.rules import Rule, State
from course_utils.optimizers.schedules import warmup_cosine

__all__ = [
    "Rule",
    "State",
    "adam",
    "adamw",
    "amsgrad",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "global_norm",
    "rmsprop",
    "sgd",
    "warmup_cosine",
]
