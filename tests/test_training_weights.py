"""Weights from files that are damaged, or were never a network's: a ValueError, and the model as it was."""

import os
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from course_utils.training import load_class_names, load_weights, save_weights


def build() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, name="hidden")(inputs)
    return keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(x))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_weights(build(), tmp_path / "w.npz")
    return tmp_path / "w.npz"


def with_array(path: Path, name: str, array: np.ndarray) -> None:
    with np.load(path) as archive:
        stored = dict(archive)
    np.savez_compressed(path, **(stored | {name: array}))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("hidden/kernel", np.full((3, 4), 1e300), "something else than finite numbers for hidden/kernel"),
        ("hidden/kernel", np.full((3, 4), -np.inf), "something else than finite numbers for hidden/kernel"),
        ("hidden/kernel", np.ones((3, 4), int), "something else than finite numbers .* int64"),
        ("hidden/kernel", np.ones((3, 4), complex), "something else than finite numbers .* complex128"),
        ("norm/moving_variance", np.float16([1, 1, -1e-3, 1]), "a variance of -0.001.* for norm/moving_variance"),
    ],
)
def test_values_that_no_network_can_have(path: Path, name: str, array: np.ndarray, message: str) -> None:
    with_array(path, name, array)
    model = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        load_weights(model, path)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_negative_mean_and_a_variance_of_zero_are_values_like_others(path: Path) -> None:
    with_array(path, "norm/moving_mean", np.float32([-1, 0, 1, 2]))
    with_array(path, "norm/moving_variance", np.float32([0, 0, 1, 2]))
    layer = load_weights(build(), path).get_layer("norm")
    assert layer.moving_mean.numpy().tolist() == [-1, 0, 1, 2]
    assert layer.moving_variance.numpy().tolist() == [0, 0, 1, 2]


def test_a_negative_variance_is_not_saved(tmp_path: Path) -> None:
    model = build()
    model.get_layer("norm").moving_variance.assign([1, 1, -1, 1])
    with pytest.raises(ValueError, match="variance of -1 for norm/moving_variance"):
        save_weights(model, tmp_path / "w.npz")
    assert not list(tmp_path.iterdir())


def places(content: bytes, signature: bytes) -> list[int]:
    found = [i for i in range(len(content)) if content.startswith(signature, i)]
    assert found
    return found


# Where a member's flags and its method of compression stand, in its own header and in the archive's directory.
HEADERS = [(b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)]


@pytest.mark.parametrize("value", [1, 64, 6, 12, 14, 93, 99, 255])
def test_flags_of_encryption_and_unknown_compression(path: Path, value: int) -> None:
    whole = path.read_bytes()
    for field in (0, 1):
        content = bytearray(whole)
        for signature, *offsets in HEADERS:
            for place in places(whole, signature):
                content[place + offsets[field]] ^= value
        path.write_bytes(bytes(content))
        try:
            load_weights(build(), path)
        except ValueError as error:
            assert "damaged" in str(error)
        else:  # only flags that say nothing about how to read may pass
            assert field == 0


def test_every_damaged_byte_is_found_or_does_not_matter(path: Path) -> None:
    model = build()
    before = model.get_weights()
    with np.load(path) as archive:
        stored = dict(archive)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.choice(len(whole), 400, replace=False):
        content = bytearray(whole)
        content[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(content))
        try:
            load_weights(model, path)
        except ValueError:
            refused += 1
        else:
            for variable in model.weights:
                np.testing.assert_array_equal(variable.numpy(), stored[variable.path].astype(np.float32))
        model.set_weights(before)
    assert refused > 200


@pytest.mark.parametrize("length", [0, 1, 22, 100, 500])
def test_a_cut_file(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"path: .* damaged"):
        load_weights(build(), path)


def test_members_that_are_no_arrays(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra/note.npy", b"no array")
    with pytest.raises(ValueError, match="damaged"):
        load_weights(build(), path)


def test_objects_are_not_unpickled(path: Path) -> None:
    with_array(path, "hidden/kernel", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        load_weights(build(), path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.npz")
    with pytest.raises(ValueError, match="is no file"):
        load_weights(build(), tmp_path / "w.npz")


def test_a_missing_file_keeps_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_weights(build(), tmp_path / "w.npz")


def test_class_names_are_kept_beside_the_weights(tmp_path: Path) -> None:
    names = ("background", "Löwe", "cup, red", "other")
    save_weights(build(), tmp_path / "w.npz", class_names=names, note=np.arange(2))
    assert load_class_names(tmp_path / "w.npz") == names
    load_weights(build(), tmp_path / "w.npz", note=np.arange(2))  # which nobody asks for
    load_weights(build(), tmp_path / "w.npz", note=np.arange(2), class_names=list(names))
    with pytest.raises(ValueError, match=r"was saved with the class names \['background', 'Löwe', .* expected"):
        load_weights(build(), tmp_path / "w.npz", note=np.arange(2), class_names=names[::-1])


def test_weights_without_class_names(path: Path) -> None:
    with pytest.raises(ValueError, match="was saved without class names; save_weights"):
        load_class_names(path)
    with pytest.raises(ValueError, match="was saved without class names, expected"):
        load_weights(build(), path, class_names=("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "b", "c"), "class_names: expected 4, one a class of the model, got 3"),
        (("a", "b", "c", "a"), "class_names: expected different names"),
        (("a", "b", "c", ""), "class_names: expected different names"),
        (("a", "b", "c", 4), "class_names: expected different names"),
        ("abcd", "class_names: expected different names"),
        ((), "class_names: expected different names"),
    ],
)
def test_class_names_that_no_model_has(tmp_path: Path, names: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        save_weights(build(), tmp_path / "w.npz", class_names=names)
    assert not list(tmp_path.iterdir())
