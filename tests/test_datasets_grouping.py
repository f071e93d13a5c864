"""Near-duplicates are found, and stay on one side of a split."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from course_utils.datasets import Dataset, photograph_groups, render_dataset, split_photographs
from course_utils.datasets.photographs import fit_photograph

SCENES = render_dataset(40, seed=0).images


def of(images: np.ndarray | list[np.ndarray]) -> Dataset:
    """A set of which nothing but the images is known."""
    n = len(images)
    return Dataset(np.asarray(images, np.uint8), None, None, ((),) * n, ((),) * n, ((),) * n)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def compressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=20)
    return Image.open(file).convert("RGB")


def moved(image: Image.Image) -> Image.Image:
    return image.crop((2, 0, *image.size)).resize(image.size)


@pytest.mark.parametrize(
    ("alter", "found"),
    [
        (compressed, 40),
        (lambda image: ImageEnhance.Contrast(image).enhance(0.7), 40),
        (lambda image: image.filter(ImageFilter.GaussianBlur(1.5)), 40),
        (lambda image: image.resize((64, 48)).resize(image.size), 40),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 38),
        (moved, 38),
    ],
)
def test_altered_copies_are_the_same_picture(alter, found: int) -> None:
    copies = [np.asarray(alter(Image.fromarray(image))) for image in SCENES]
    groups = photograph_groups(of([*SCENES, *copies]))
    assert (groups[:40] == groups[40:]).sum() >= found
    assert len(set(groups[:40])) == 40  # and no two scenes are


def test_groups_are_those_that_chains_of_pairs_connect() -> None:
    """Against a plain loop, on a set with copies of copies."""
    from course_utils.datasets.photographs.grouping import ALIKE, _hashes

    images = [SCENES[0]]
    for _ in range(12):  # each darker and moved a little: the ends differ, the neighbours do not
        images.append(np.roll(images[-1], 1, axis=1))
    photographs = of([*images, *SCENES[1:6], SCENES[3]])
    hashes = _hashes(photographs.images)
    assert hashes.shape == (19, 63)
    expected = list(range(19))
    for one, other in itertools.combinations(range(19), 2):
        if (hashes[one] != hashes[other]).sum() <= ALIKE:
            old, new = expected[other], expected[one]
            expected = [new if group == old else group for group in expected]
    groups = photograph_groups(photographs)
    assert [groups.tolist().index(group) for group in groups] == [expected.index(group) for group in expected]
    assert (hashes[0] != hashes[12]).sum() > ALIKE and groups[0] == groups[12]
    assert groups.dtype == np.int64 and groups.tolist()[13:] == [1, 2, 3, 4, 5, 3]


def test_padding_makes_no_photographs_alike() -> None:
    """Upright photographs in a wide frame share two thirds of their pixels, which are padding."""
    upright = [
        np.rint(fit_photograph(scene.transpose(1, 0, 2), 96, 192)[0] * 255).astype(np.uint8) for scene in SCENES
    ]
    assert len(set(photograph_groups(of(upright)))) == 40


@pytest.mark.parametrize("value", [0, 128, 255])
def test_pictures_of_one_colour_are_one_group(value: int) -> None:
    assert photograph_groups(of(np.full((5, 24, 32, 3), value))).tolist() == [0] * 5


def test_one_photograph_is_one_group() -> None:
    assert photograph_groups(of(SCENES[:1])).tolist() == [0]


def test_a_split_keeps_copies_together_and_its_shares() -> None:
    images = np.concatenate([SCENES, SCENES[:20], SCENES[:5]])
    photographs = of(images)
    parts = split_photographs(photographs, rng=rng())
    assert sorted(np.concatenate(parts).tolist()) == list(range(65))
    assert all((np.diff(part) > 0).all() and part.dtype == np.int64 for part in parts)
    groups = photograph_groups(photographs)
    held = [set(groups[part]) for part in parts]
    assert all(not one & other for one, other in itertools.combinations(held, 2))
    np.testing.assert_allclose([len(part) for part in parts], [45.5, 9.75, 9.75], atol=1)


def test_a_split_is_that_of_its_generator() -> None:
    photographs = of(SCENES)
    one, same, other = (split_photographs(photographs, (0.5, 0.5), rng=rng(seed)) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert one[0].tolist() != other[0].tolist()


def test_a_group_larger_than_a_share_goes_to_the_largest() -> None:
    images = np.concatenate([np.repeat(SCENES[:1], 20, axis=0), SCENES[1:11]])  # 20 of 30 are one picture
    for seed in range(5):
        training, validation, test = split_photographs(of(images), (0.5, 0.25, 0.25), rng=rng(seed))
        assert training.tolist() == list(range(20)) and len(validation) == len(test) == 5
        whole, _, _ = split_photographs(of(images[:22]), (0.2, 0.4, 0.4), rng=rng(seed))
        assert len(whole) == 1  # no part is empty, whatever is left for it


def test_shares_that_are_far_apart_leave_no_part_empty() -> None:
    assert [len(part) for part in split_photographs(of(SCENES[:4]), (0.97, 0.01, 0.01, 0.01), rng=rng())] == [
        1
    ] * 4
    (everything,) = split_photographs(of(SCENES[:3]), (1,), rng=rng())
    assert everything.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.7, 0.2), r"shares: expected numbers above 0 that sum to 1, got \[0.7, 0.2\]"),
        ((1.2, -0.2), "shares: expected numbers above 0 that sum to 1"),
        ((1.0, 0.0), "shares: expected numbers above 0 that sum to 1"),
        ((), "shares: expected numbers above 0 that sum to 1"),
        ((0.5, float("nan")), "shares: 1 of 2 values are NaN"),
        ((0.5, float("inf")), "shares: expected finite numbers, got inf"),
        ("half", "shares: expected real numbers"),
        (0.5, r"shares: expected rank 1, got shape \(\)"),
        ((True, False), "shares: expected real numbers"),
    ],
)
def test_bad_shares(shares: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_photographs(of(SCENES[:8]), shares, rng=rng())


def test_sets_that_cannot_be_split() -> None:
    alike = of(np.repeat(SCENES[:1], 12, axis=0))
    with pytest.raises(ValueError, match="photographs: 12 make 1 groups of nearly the same picture"):
        split_photographs(alike, rng=rng())
    with pytest.raises(ValueError, match="photographs: 1 make 1 groups"):
        split_photographs(of(SCENES[:1]), (0.5, 0.5), rng=rng())
    for nothing in (of(SCENES)[:0], SCENES, None):
        for call in (photograph_groups, lambda given: split_photographs(given, rng=rng())):
            with pytest.raises(ValueError, match="photographs: expected a Dataset of one photograph or more"):
                call(nothing)
    with pytest.raises(ValueError, match=r"rng: expected a numpy\.random\.Generator"):
        split_photographs(of(SCENES), rng=7)
