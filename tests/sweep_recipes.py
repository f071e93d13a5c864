"""What the commands that make weights tell the training about their recipe, found out without training."""

import functools
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from course_utils.datasets import Dataset, render_dataset
from course_utils.training.fingerprint import describe_recipe


class ReachedError(Exception):
    """The training would begin here."""


@functools.cache
def built_once(build: Any) -> Any:
    """The same, with one network for equal arguments: none of the changes is one of the network."""
    return functools.cache(build)


@functools.cache
def few_scenes(seed: int) -> Dataset:
    """Four scenes in the place of thousands."""
    return render_dataset(4, seed)


def recipe_of_the_weights(sweep: ModuleType, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> dict[str, Any]:
    """The recipe of `--weights`, with some of the command's constants changed."""

    def reached(*_: object, recipe: dict[str, Any], checkpoint: Path, **__: object) -> None:
        assert checkpoint.suffix == ".npz"
        raise ReachedError(describe_recipe(recipe))

    with monkeypatch.context() as patch:
        for name, value in changed.items():
            patch.setattr(sweep, name, value)
        patch.setattr(sweep, "render_dataset", lambda n, seed: few_scenes(seed))
        patch.setattr(sweep, "train", reached)
        for name in ("build", "build_ssd"):
            if hasattr(sweep, name):
                patch.setattr(sweep, name, built_once(getattr(sweep, name)))
        with pytest.raises(ReachedError) as caught:
            sweep.ship()
    return dict(caught.value.args[0])
