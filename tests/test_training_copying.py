"""Networks of other classes start from the shipped weights; what does not fit stays as it was."""

from pathlib import Path

import keras
import numpy as np
import pytest

from course_utils.backbones import residual_backbone
from course_utils.data import data_path
from course_utils.detection import build_ssd
from course_utils.segmentation import build_fcn
from course_utils.training import initialise_from, load_weights, save_weights

SSD, FCN = data_path("weights/ssd.npz"), data_path("weights/fcn.npz")


def by_name(model: keras.Model) -> dict[str, np.ndarray]:
    return {variable.path: variable.numpy() for variable in model.weights}


@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize(("build", "file", "head"), [(build_ssd, SSD, "classes"), (build_fcn, FCN, "logits")])
def test_everything_but_the_class_head_is_copied(build, file: Path, head: str, n_classes: int) -> None:
    model = build(n_classes=n_classes)
    before = by_name(model)
    copied = initialise_from(model, file)
    assert copied.kept == (f"{head}/kernel", f"{head}/bias")
    assert set(copied.names) | set(copied.kept) == set(before)
    assert copied.n_parameters == sum(before[name].size for name in copied.names)
    with np.load(file) as stored:
        for name, value in by_name(model).items():
            np.testing.assert_array_equal(value, before[name] if name in copied.kept else stored[name])


def test_a_model_and_its_file_give_the_same() -> None:
    shipped = build_ssd()
    load_weights(shipped, SSD, anchors=shipped.anchors)
    one, other = build_ssd((160, 224, 3), n_classes=3), build_ssd((160, 224, 3), n_classes=3)
    other.set_weights(one.get_weights())
    assert initialise_from(one, shipped) == initialise_from(other, SSD)
    for first, second in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_as_many_classes_leave_nothing_out() -> None:
    model = build_ssd()
    assert initialise_from(model, str(SSD)).kept == ()


def test_a_part_alone() -> None:
    model = build_fcn()
    before = by_name(model)
    copied = initialise_from(model, SSD, "backbone")
    assert copied.n_parameters == 310_576 and copied.kept == ()
    changed = {name for name, value in by_name(model).items() if not np.array_equal(value, before[name])}
    assert changed <= set(copied.names)
    assert initialise_from(model, SSD)[:2] == copied[:2]  # and nothing else of a detector fits a segmenter


def small(width: int, name: str = "hidden", head: int = 2) -> keras.Model:
    inputs = keras.Input((3,))
    x = keras.layers.Dense(width, name=name)(inputs)
    return keras.Model(inputs, keras.layers.Dense(head, name="head")(x))


def test_a_layer_is_copied_as_a_whole_or_not_at_all() -> None:
    """The head's bias would fit, but belongs to another kernel."""
    model, other = small(4), small(5)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    before = model.get_weights()
    with pytest.raises(ValueError, match="other: expected layers of the model's names and shapes, got none"):
        initialise_from(model, other)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    copied = initialise_from(small(4, head=3), small(4))
    assert copied.names == ("hidden/kernel", "hidden/bias") and copied.n_parameters == 16


def test_what_is_wrong_changes_nothing(tmp_path: Path) -> None:
    save_weights(small(4), tmp_path / "w.npz", note=np.arange(3))
    with np.load(tmp_path / "w.npz") as archive:
        stored = dict(archive)
    np.savez_compressed(tmp_path / "nan.npz", **(stored | {"head/bias": np.float16([np.nan, 0])}))
    (tmp_path / "text.npz").write_text("no weights", encoding="utf-8")
    model = small(4)
    before = model.get_weights()
    wider = build_fcn(backbone=residual_backbone((96, 128, 3), (8, 32, 48, 64, 64)))
    for target, other, message in (
        (model, tmp_path / "nan.npz", "other: it holds something else than finite numbers for head/bias"),
        (model, tmp_path / "text.npz", "other: .*text.npz is no .npz file of weights"),
        (model, 3, "other: expected a keras.Model or a file of weights, got int"),
        (wider, FCN, r"other: its backbone holds stem_conv/kernel of shape \(3, 3, 3, 16\)"),
        (wider, tmp_path / "w.npz", "other: its backbone does not fit the model: it lacks"),
    ):
        with pytest.raises(ValueError, match=message):
            initialise_from(target, other)
    with pytest.raises(FileNotFoundError):
        initialise_from(model, tmp_path / "missing.npz")
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
