"""What all optimisers share: the state, its checks, and the walk over the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, as_count, as_number, require_within, shown
from course_utils.optimizers._collections import (
    Collection,
    as_like,
    as_parameters,
    computed_in,
    member,
    put_together,
)

__all__ = ["Rate", "Rule", "State", "as_decay", "as_epsilon", "as_rate"]

# A learning rate, or a function from the number of the step (from 0) to one.
Rate = float | Callable[[int], float]

# One array's step: of (parameter, gradient, what is remembered, rate, number of the step from 1)
# to (new parameter, what to remember).
Formula = Callable[
    [FloatArray, FloatArray, tuple[FloatArray, ...], float, int], tuple[FloatArray, tuple[FloatArray, ...]]
]


@dataclass(frozen=True, eq=False)
class State:
    """What a rule remembers between two updates.

    Attributes
    ----------
    step : int
        Updates made so far.
    slots : dict
        For each name, such as "velocity", a list or dict of arrays in the shapes of the parameters.
    """

    step: int
    slots: dict[str, Collection]


@dataclass(frozen=True, eq=False)
class Rule:
    """A way to turn gradients into steps; made by ``sgd``, ``adam`` and their like.

    Attributes
    ----------
    learning_rate : float or callable
        0 or more; or a function of the step, counted from 0, that returns such a number.
    slots : tuple of str
        The names of what it remembers for each parameter.
    formula : callable
        The step for one array.
    """

    learning_rate: Rate
    slots: tuple[str, ...]
    formula: Formula

    def init(self, parameters: Collection) -> State:
        """Return the state before the first update: every memory 0.

        Parameters
        ----------
        parameters : list or dict of float arrays
            Of any shapes, () and empty ones too. float16 is remembered in float32, others in their own dtype.

        Raises
        ------
        ValueError
            For what is no such collection, integers, or numbers that are not finite.

        Examples
        --------
        >>> from course_utils.optimizers import sgd
        >>> sgd(0.1, momentum=0.9).init({"w": np.ones(2)})
        State(step=0, slots={'velocity': {'w': array([0., 0.])}})
        """
        arrays = as_parameters(parameters)
        return State(
            0,
            {
                slot: put_together(parameters, {k: np.zeros(a.shape, computed_in(a)) for k, a in arrays.items()})
                for slot in self.slots
            },
        )

    def update(self, parameters: Collection, gradients: Collection, state: State) -> tuple[Collection, State]:
        """Take one step.

        Parameters
        ----------
        parameters : list or dict of float arrays
        gradients : list or dict of arrays
            The same keys and shapes; finite.
        state : State
            From ``init`` or the last ``update``.

        Returns
        -------
        (parameters, state) : tuple
            The new parameters, in the form, shapes and dtypes of the old ones, and the new state. What was
            handed in stays as it is.

        Raises
        ------
        ValueError
            For shapes or keys that do not fit, gradients or parameters that are not finite, the state of another
            rule, a schedule that returns no rate, or a step beyond what the dtype can hold.

        Examples
        --------
        >>> from course_utils.optimizers import sgd
        >>> rule = sgd(0.1)
        >>> parameters = [np.array([1.0, 2.0])]
        >>> parameters, state = rule.update(parameters, [np.array([10.0, 0.0])], rule.init(parameters))
        >>> parameters, state.step
        ([array([0., 2.])], 1)
        """
        values = as_parameters(parameters)
        slopes = as_like("gradients", gradients, values)
        if not isinstance(state, State) or set(state.slots) != set(self.slots):
            raise ValueError(
                f"state: expected one of this rule, which holds {list(self.slots)}, got {shown(state)}"
            )
        done = as_count("state.step", state.step, low=0)
        kept = {slot: as_like(f"state.slots[{slot!r}]", state.slots[slot], values) for slot in self.slots}
        rate = self._rate_at(done)
        new: dict[Any, FloatArray] = {}
        memory: dict[str, dict[Any, FloatArray]] = {slot: {} for slot in self.slots}
        for key, value in values.items():
            remembered = tuple(kept[slot][key] for slot in self.slots)
            with np.errstate(all="ignore"):
                wide = value.astype(computed_in(value))
                moved, remembered = self.formula(wide, slopes[key], remembered, rate, done + 1)
                new[key] = np.asarray(np.asarray(moved).astype(value.dtype))
            for slot, array in zip(self.slots, remembered, strict=True):
                memory[slot][key] = np.asarray(array)
            for array in (new[key], *remembered):
                if not np.isfinite(array).all():
                    raise ValueError(
                        f"{member('gradients', key)}: the step is too large for {value.dtype}, with gradients "
                        f"up to {np.abs(slopes[key]).max():.3g} and a learning rate of {rate:.3g}"
                    )
        slots = {slot: put_together(parameters, arrays) for slot, arrays in memory.items()}
        return put_together(parameters, new), State(done + 1, slots)

    def _rate_at(self, step: int) -> float:
        if not callable(self.learning_rate):
            return self.learning_rate
        return require_within(f"learning_rate({step})", self.learning_rate(step), 0, np.inf)


def as_rate(learning_rate: Rate) -> Rate:
    """Return a learning rate of 0 or more, or the function that gives it.

    Examples
    --------
    >>> as_rate(0.5)
    0.5
    """
    if callable(learning_rate):
        return learning_rate
    return require_within("learning_rate", learning_rate, 0, np.inf)


def as_decay(name: str, value: float) -> float:
    """Return the share of a memory that stays, from 0 to below 1.

    Examples
    --------
    >>> as_decay("beta_1", 0.9)
    0.9
    """
    expected = "a number from 0 to below 1"
    number = as_number(name, value, expected)
    # What is nearer to 1 is 1 in float32, where 1 − β would be 0, and be divided by.
    if not 0 <= number < 1 - 2**-25:
        raise ValueError(f"{name}: expected {expected}, got {shown(value)}")
    return number


def as_epsilon(epsilon: float) -> float:
    """Return what keeps a division from being one by 0, in float32 too.

    Examples
    --------
    >>> as_epsilon(1e-7)
    1e-07
    """
    return require_within("epsilon", epsilon, 1e-37, np.inf)
