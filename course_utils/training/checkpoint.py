"""A training's state in a file, which only the same training can go on from."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._files import replacing, write_arrays
from course_utils.training.fingerprint import (
    describe_batch,
    describe_model,
    describe_optimizer,
    describe_recipe,
    differences,
    same_batch,
)
from course_utils.training.weights import as_weight, read_arrays

__all__ = ["Checkpoint", "History"]

# Batches that are looked at to tell one data set from another.
FIRST_BATCHES = 3
# What TensorFlow calls its seed as long as nobody has set one.
NO_SEED = 87654321


@dataclass
class History:
    """What happened during a training.

    Attributes
    ----------
    losses : list of float
        The mean training loss since the last validation, at each validation.
    steps, scores : list
        Where validation took place, and the scores found there; no scores without validation.
    best_step : int
        The step whose weights the model holds at the end; 0 if there was no validation.
    seconds : float
        Spent training, validation included; runs before a stop count too.
    """

    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0


class _NotYetError(Exception):
    """The file can be written, and shall not be yet."""


@contextmanager
def _telling_what_to_do() -> Iterator[None]:
    """Add to what is wrong with a file what its owner can do."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            f"{error}; it is damaged, or an older version of the course wrote it: "
            "delete the file or name another one to begin anew"
        ) from error


class Checkpoint:
    """The file that a training writes to and resumes from.

    Parameters
    ----------
    path : path
    model, optimizer
        Those of the training.
    steps : int
        Of the whole training.
    validated_every : int or None
        Steps from one validation to the next, None without validation.
    recipe : mapping or None
        As in :func:`~course_utils.training.train`.

    Raises
    ------
    ValueError
        If no file can be written there.
    """

    def __init__(
        self,
        path: Path | str,
        model: keras.Model,
        optimizer: Any,
        *,
        steps: int,
        validated_every: int | None,
        recipe: Mapping[str, object] | None,
    ) -> None:
        self.path, self.model, self.optimizer, self.steps = Path(path), model, optimizer, steps
        seed = tf.compat.v1.get_seed(1)[0]  # given a seed of one operation, it only tells the global one
        self.fingerprint: dict[str, Any] = {
            "model": describe_model(model),
            "optimizer": describe_optimizer(optimizer, model.trainable_variables),
            "seed": None if seed == NO_SEED else int(seed),
            "number of steps": steps,
            "interval of validation": validated_every,
            "recipe": describe_recipe(recipe),
        }
        self.batches: list[Any] = []
        self._try()

    def see(self, step: int, batch: Any) -> None:
        """Remember one of the first batches of a training that has not been stopped."""
        if step == len(self.batches) + 1 <= FIRST_BATCHES:
            self.batches.append(describe_batch(batch))

    def save(self, step: int, best: list[Any] | None, history: History) -> None:
        """Write everything that the rest of the training depends on."""
        arrays = {f"model/{i}": variable.numpy() for i, variable in enumerate(self.model.weights)}
        arrays |= {f"random/{i}": variable.numpy() for i, variable in enumerate(self._random_states())}
        arrays |= {f"optimizer/{i}": variable.numpy() for i, variable in enumerate(self.optimizer.variables)}
        arrays |= {f"best/{i}": value for i, value in enumerate(best or [])}
        arrays |= {
            "fingerprint": np.array(json.dumps(self.fingerprint)),
            "batches": np.array(json.dumps(self.batches)),
            "step": np.array(step),
            "losses": np.array(history.losses, float),
            "steps": np.array(history.steps, int),
            "scores": np.array(history.scores, float),
            "best_step": np.array(history.best_step),
            "seconds": np.array(history.seconds, float),
        }
        write_arrays(self.path, arrays)

    def resume(self, batches: Callable[[int], tf.data.Dataset]) -> tuple[int, list[Any] | None, History]:
        """Put model and optimizer into the state that the file holds, if it is one of this training.

        Parameters
        ----------
        batches : callable
            As in :func:`~course_utils.training.train`. As many of the first ones are looked at as the file
            knows; fewer, or none, count as those of the file.

        Returns
        -------
        step : int
            0 if there is no file yet.
        best : list of array, or None
            The weights that validated best, if this training validates.
        history : History

        Raises
        ------
        ValueError
            For a file of another training, which it says all about, or one that is damaged or that an older
            version of the course wrote. Nothing has changed then, and the message says what to do.
        """
        if not self.path.exists():
            return 0, None, History()
        try:
            with _telling_what_to_do():
                stored = read_arrays("checkpoint", self.path)
                there, known = self._read_fingerprint(stored)
        except OSError as error:
            raise ValueError(f"checkpoint: {self.path} cannot be read: {error}") from error
        self._require_same(there, known, batches)
        with _telling_what_to_do():
            step, history = self._read_history(stored)
            groups = [
                ("model", self.model.weights),
                ("random", self._random_states()),
                ("optimizer", self.optimizer.variables),
                ("best", self.model.weights if history.best_step else []),
            ]
            values = {prefix: self._read_group(stored, prefix, variables) for prefix, variables in groups}
            if stored:
                raise ValueError(f"checkpoint: {self.path} holds {sorted(stored)[:3]}, which no checkpoint has")
        for prefix, variables in groups[:3]:
            for variable, value in zip(variables, values[prefix], strict=True):
                variable.assign(value)
        if self.fingerprint["interval of validation"] is None:  # the last weights count from now on
            history.scores, history.best_step = [], 0
            return step, None, history
        return step, values["best"], history

    def _try(self) -> None:
        """Find out now, not after the first hours, that the file cannot be written."""
        try:
            if self.path.exists() and not self.path.is_file():
                raise OSError("it is no file")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(_NotYetError), replacing(self.path):
                raise _NotYetError
        except (OSError, ValueError) as error:  # a ValueError for a name that no file can have
            raise ValueError(f"checkpoint: {self.path} cannot be written: {error}") from error

    def _random_states(self) -> list[Any]:
        """The states of the generators that Dropout and its like draw from: all that is no weight."""
        weights = {id(variable) for variable in self.model.weights}
        metrics = {id(variable) for variable in getattr(self.model, "metrics_variables", [])}
        return [v for v in self.model.variables if id(v) not in weights | metrics]

    def _read_fingerprint(self, stored: dict[str, npt.NDArray[Any]]) -> tuple[dict[str, Any], list[Any]]:
        there, known = (self._read_json(stored, name) for name in ("fingerprint", "batches"))
        if not isinstance(there, dict) or not isinstance(known, list):
            raise ValueError(f"checkpoint: {self.path} holds a fingerprint that no checkpoint has")
        return there, known

    def _require_same(
        self, there: dict[str, Any], known: list[Any], batches: Callable[[int], tf.data.Dataset]
    ) -> None:
        here = self.fingerprint
        if here["interval of validation"] is None:
            here = here | {"interval of validation": there.get("interval of validation")}
        found = []
        for part in here:
            unlike = differences(there.get(part, {}), here[part])
            if unlike:
                found.append(f"another {part} ({'; '.join(unlike[:3])}{'; …' if len(unlike) > 3 else ''})")
        for index, (one, batch) in enumerate(zip(known, batches(0).take(len(known)), strict=False)):
            if not same_batch(one, describe_batch(batch)):
                found.append(f"other batches (from step {index} on)")
                break
        if found:
            raise ValueError(
                f"checkpoint: {self.path} belongs to {', '.join(found)}; "
                "train as it was begun, or delete the file or name another one to begin anew"
            )
        self.batches = known

    def _read_history(self, stored: dict[str, npt.NDArray[Any]]) -> tuple[int, History]:
        step = self._read_number(stored, "step", "i", 1, self.steps)
        steps = self._read(stored, "steps", 1, "i")
        losses, scores = (self._read(stored, name, 1, "f") for name in ("losses", "scores"))
        if not len(steps) or (np.diff(steps, prepend=0) < 1).any() or steps[-1] != step:
            self._refuse("steps", steps.tolist(), f"increasing numbers up to {step}")
        if len(losses) != len(steps):
            self._refuse("losses", losses.tolist(), f"{len(steps)} numbers")
        if len(scores) not in (0, len(steps)):
            self._refuse("scores", scores.tolist(), f"none, or {len(steps)} numbers")
        # Of equal scores the last one counts.
        best_step = int(steps[len(scores) - 1 - np.argmax(scores[::-1])]) if len(scores) else 0
        self._read_number(stored, "best_step", "i", best_step, best_step)
        seconds = self._read_number(stored, "seconds", "f", 0, np.inf)
        return int(step), History(losses.tolist(), steps.tolist(), scores.tolist(), best_step, float(seconds))

    def _read_group(self, stored: dict[str, npt.NDArray[Any]], prefix: str, variables: list[Any]) -> list[Any]:
        found = [name for name in stored if name.startswith(f"{prefix}/")]
        if set(found) != {f"{prefix}/{i}" for i in range(len(variables))}:
            raise ValueError(
                f"checkpoint: {self.path} holds {len(found)} arrays of {prefix}/…, expected {len(variables)}"
            )
        values = []
        for i, variable in enumerate(variables):
            value = stored.pop(f"{prefix}/{i}")
            if value.dtype != np.dtype(variable.dtype):
                self._refuse(f"{prefix}/{i} ({variable.path})", value.dtype, f"dtype {variable.dtype}")
            if value.dtype.kind == "f":
                as_weight(f"checkpoint: {self.path}", value, variable)
            elif value.shape != tuple(variable.shape):
                self._refuse(f"{prefix}/{i} ({variable.path})", value.shape, f"shape {tuple(variable.shape)}")
            values.append(value)
        return values

    def _read(self, stored: dict[str, npt.NDArray[Any]], name: str, rank: int, kind: str) -> npt.NDArray[Any]:
        """Take out an array of one dtype kind and rank, without NaN and infinity."""
        if name not in stored:
            raise ValueError(f"checkpoint: {self.path} lacks {name!r}; it holds {sorted(stored)[:5]} …")
        value = stored.pop(name)
        if value.dtype.kind != kind or value.ndim != rank:
            self._refuse(name, f"shape {value.shape}, dtype {value.dtype}", f"rank {rank}, kind {kind!r}")
        if kind == "f" and not np.isfinite(value).all():
            self._refuse(name, value.tolist(), "finite numbers")
        return value

    def _read_json(self, stored: dict[str, npt.NDArray[Any]], name: str) -> Any:
        text = str(self._read(stored, name, 0, "U"))
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"checkpoint: {self.path} holds a {name} that cannot be read: {error}") from error

    def _read_number(
        self, stored: dict[str, npt.NDArray[Any]], name: str, kind: str, low: float, high: float
    ) -> float:
        value = self._read(stored, name, 0, kind).item()
        if not low <= value <= high:
            self._refuse(name, value, f"{low:g}" if low == high else f"{low:g} to {high:g}")
        return float(value)

    def _refuse(self, name: str, value: Any, expected: str) -> None:
        text = str(value)
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise ValueError(f"checkpoint: {self.path} holds {name} {shown}, expected {expected}")
