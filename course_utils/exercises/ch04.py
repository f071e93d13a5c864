"""Exercises of chapter 04: elastic deformation and label maps."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from course_utils._arguments import FloatArray, IntArray
from course_utils.deformation import affine_from_points, jacobian_determinant, warp
from course_utils.exercises import Exercise, Mistake
from course_utils.label_maps import rgb_to_labels

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


# --- an affine map from three points


def _point_cases(rng: np.random.Generator) -> Iterator[Case]:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    yield (corners, corners + np.array([3.0, 5.0]))
    yield (corners, np.array([[0.0, 0.0], [2.0, 1.0], [0.0, 3.0]]))
    yield (np.array([[10.0, 4.0], [20.0, 4.0], [10.0, 8.0]]), np.array([[1.0, 2.0], [4.0, 3.0], [0.0, 9.0]]))
    for _ in range(3):
        yield (np.array([[0.0, 0], [30, 5], [2, 20]]) + rng.normal(0, 1, (3, 2)), rng.normal(0, 20, (3, 2)))


def _without_shift(source: FloatArray, target: FloatArray) -> Any:
    matrix = affine_from_points(source, target)
    matrix[:, 2] = 0
    return matrix


def _rows_and_columns(source: FloatArray, target: FloatArray) -> Any:
    return affine_from_points(source[:, ::-1], target[:, ::-1])


# --- a rotation about the centre of an image


def _about(centre: tuple[float, float], radians: float) -> FloatArray:
    cosine, sine = np.cos(radians), np.sin(radians)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([linear, np.array(centre) - linear @ np.array(centre)])


def _rotation(height: int, width: int, degrees: float) -> Any:
    return _about(((width - 1) / 2, (height - 1) / 2), np.deg2rad(degrees))


def _shifted_first(height: int, width: int, degrees: float) -> Any:
    matrix = _about((0, 0), np.deg2rad(degrees))
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([matrix[:, :2], centre + matrix[:, :2] @ centre])


def _shift_negated(height: int, width: int, degrees: float) -> Any:
    return _rotation(height, width, degrees) * np.array([1, 1, -1])


def _from_the_left(height: int, width: int, degrees: float) -> Any:
    linear = _about((0, 0), np.deg2rad(degrees))[:, :2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre - centre @ linear])


def _rotation_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (3, 5, 90.0)
    yield (3, 3, 0.0)
    yield (5, 3, -30.0)
    for _ in range(3):
        yield (*(int(size) for size in rng.integers(2, 60, 2)), float(rng.uniform(-180, 180)))


# --- a displacement field from noise


def _field(noise: FloatArray, alpha: float, sigma: float) -> Any:
    return alpha * ndimage.gaussian_filter(noise, (0, sigma, sigma))


def _normalised(noise: FloatArray, alpha: float, sigma: float) -> Any:
    smooth = _field(noise, 1.0, sigma)
    return alpha * smooth / np.abs(smooth).max()


def _noise_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[[0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]), 10.0, 0.5)
    for shape, alpha, sigma in (((2, 6, 8), 34.0, 2.0), ((2, 12, 9), 5.0, 0.7), ((2, 9, 9), 1.0, 4.0)):
        yield (rng.uniform(-1, 1, shape), alpha, sigma)


# --- sampling an image where a field points


def _sampled(image: FloatArray, field: FloatArray, **options: Any) -> Any:
    here = np.indices(image.shape)
    return ndimage.map_coordinates(image, here + field, **{"order": 1, "mode": "reflect", **options})


def _field_as_places(image: FloatArray, field: FloatArray) -> Any:
    return ndimage.map_coordinates(image, field, order=1, mode="reflect")


def _field_cases(rng: np.random.Generator) -> Iterator[Case]:
    image = np.arange(6.0).reshape(2, 3)
    right = np.zeros((2, 2, 3))
    right[1] = 1
    yield (image, right)
    yield (image, right[::-1] / 2)
    for height, width in ((4, 6), (7, 5)):
        yield (rng.random((height, width)), rng.normal(0, 1.5, (2, height, width)))


# --- where a field folds


def _folded(field: FloatArray) -> Any:
    return np.mean(jacobian_determinant(field) < 0)


def _without_identity(field: FloatArray) -> Any:
    (dy_y, dy_x), (dx_y, dx_x) = (np.gradient(component) for component in field)
    return np.mean(dy_y * dx_x - dy_x * dx_y < 0)


def _diagonal_only(field: FloatArray) -> Any:
    return np.mean((1 + np.gradient(field[0])[0]) * (1 + np.gradient(field[1])[1]) < 0)


def _flat_counted(field: FloatArray) -> Any:
    return np.mean(jacobian_determinant(field) <= 0)


def _crossed_terms(field: FloatArray) -> Any:
    (dy_y, dy_x), (dx_y, dx_x) = (np.gradient(component) for component in field)
    return np.mean((1 + dy_x) * (1 + dx_y) - dy_y * dx_x < 0)


def _sign_of_the_product(field: FloatArray) -> Any:
    (dy_y, dy_x), (dx_y, dx_x) = (np.gradient(component) for component in field)
    return np.mean((1 + dy_y) * (1 + dx_x) + dy_x * dx_y < 0)


def _smooth_field_cases(rng: np.random.Generator) -> Iterator[Case]:
    y, x = np.mgrid[:4, :5].astype(float)
    yield (np.stack([0 * y, 0 * x]),)
    yield (np.stack([0 * y, -2 * x]),)
    yield (np.stack([0 * y, -x]),)  # flattened, determinant 0 everywhere, but not folded
    yield (np.stack([-y + 2 * x, 2 * y - x]),)
    for spread in (0.5, 1.0, 2.0):
        yield (rng.normal(0, spread, (2, 6, 7)),)


# --- class ids of a colour mask


def _labels(rgb: IntArray, palette: IntArray) -> Any:
    return rgb_to_labels(rgb, palette, unknown="ignore")


def _unknown_is_zero(rgb: IntArray, palette: IntArray) -> Any:
    labels = _labels(rgb, palette)
    return np.where(labels == 255, 0, labels).astype(np.uint8)


def _minus_one(rgb: IntArray, palette: IntArray) -> Any:
    labels = _labels(rgb, palette).astype(int)
    return np.where(labels == 255, -1, labels)


def _first_channel(rgb: IntArray, palette: IntArray) -> Any:
    labels = np.full(rgb.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(palette):
        labels[rgb[..., 0] == colour[0]] = class_id
    return labels


def _any_channel(rgb: IntArray, palette: IntArray) -> Any:
    labels = np.full(rgb.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(palette):
        labels[(rgb == colour).any(axis=-1)] = class_id
    return labels


def _sum_of_channels(rgb: IntArray, palette: IntArray) -> Any:
    labels = np.full(rgb.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(palette):
        labels[rgb.sum(axis=-1) == colour.sum()] = class_id
    return labels


def _packed_in_bytes(rgb: IntArray, palette: IntArray) -> Any:
    table = np.full(2**24, 255, np.uint8)
    table[(palette[:, 0] << 16) | (palette[:, 1] << 8) | palette[:, 2]] = np.arange(len(palette))
    return table[(rgb[..., 0] << 16) | (rgb[..., 1] << 8) | rgb[..., 2]]


def _nearest_colour(rgb: IntArray, palette: IntArray) -> Any:
    differences = rgb[..., np.newaxis, :].astype(int) - palette.astype(int)
    return (differences**2).sum(axis=-1).argmin(axis=-1).astype(np.uint8)


def _colour_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (
        np.array([[[0, 0, 0], [255, 0, 0]], [[0, 255, 0], [0, 0, 0]]], np.uint8),
        np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8),
    )
    yield (
        np.array([[[1, 2, 3], [3, 2, 1]], [[9, 9, 9], [1, 2, 3]]], np.uint8),
        np.array([[3, 2, 1], [1, 2, 3]], np.uint8),
    )
    # Colours that collide where red, green and blue are given too little room in one number.
    primaries = np.eye(3, dtype=np.uint8)
    shades = np.array([1, 10, 100, 255], np.uint8)[:, np.newaxis, np.newaxis]
    yield (shades * primaries, primaries)
    for n_colours in (3, 5):
        yield (
            rng.integers(0, 2, (4, 5, 3)).astype(np.uint8) * 255,
            np.array([[v & 4 and 255, v & 2 and 255, v & 1 and 255] for v in range(n_colours)], np.uint8),
        )


_SWAPPED = "Often: x and y swapped. Points come as (x, y) = (column, row), shapes as (rows, columns)."

EXERCISES: dict[str, Exercise] = {
    "deformation.three_points": Exercise(
        reference=affine_from_points,
        cases=_point_cases,
        atol=1e-6,
        hint="Put a column of ones beside the source points: then source @ matrix.T = target is one "
        "linear system with a 3×3 matrix, and np.linalg.solve solves it for both columns at once.",
        mistakes=(
            Mistake(
                lambda source, target: affine_from_points(source, target).T,
                "Often: transposed. With one point a row the system gives the matrix's transpose, (3, 2).",
            ),
            Mistake(
                lambda source, target: affine_from_points(target, source),
                "Often: source and target exchanged, which is the inverse map.",
            ),
            Mistake(_rows_and_columns, _SWAPPED),
            Mistake(
                lambda source, target: affine_from_points(source, target).T.reshape(2, 3),
                "Often: reshape(2, 3) where .T is needed: reshape keeps the reading order and mixes the rows.",
            ),
            Mistake(
                lambda source, target: np.roll(affine_from_points(source, target), 1, axis=1),
                "Often: the column of ones first, which puts the shift first. It belongs in the third column.",
            ),
            Mistake(_without_shift, "Often: the shift is missing, the third column of the matrix."),
            Mistake(
                lambda source, target: np.vstack([affine_from_points(source, target), [0, 0, 1]]),
                "Often: the 3×3 homogeneous matrix. Leave its last row, 0 0 1, away.",
            ),
        ),
    ),
    "deformation.rotation": Exercise(
        reference=_rotation,
        cases=_rotation_cases,
        atol=1e-6,
        hint="Move the centre to the origin, rotate, move it back: p goes to A (p − c) + c. Multiply out "
        "and read off the shift. Pixel centres run from 0 to width − 1.",
        mistakes=(
            Mistake(
                lambda height, width, degrees: _about(((height - 1) / 2, (width - 1) / 2), np.deg2rad(degrees)),
                "Often: the centre as (row, column). " + _SWAPPED.removeprefix("Often: "),
            ),
            Mistake(
                lambda height, width, degrees: _about((width / 2, height / 2), np.deg2rad(degrees)),
                "Often: width / 2. The columns run from 0 to width − 1, so their middle is (width − 1) / 2.",
            ),
            Mistake(
                lambda height, width, degrees: _about((width // 2, height // 2), np.deg2rad(degrees)),
                "Often: whole-number division. The middle of an even width lies between two pixels.",
            ),
            Mistake(
                lambda height, width, degrees: _about(((width - 1) / 2, (height - 1) / 2), degrees),
                "Often: degrees handed to np.cos, which expects radians: use np.deg2rad.",
            ),
            Mistake(
                lambda height, width, degrees: _rotation(height, width, -degrees),
                "Often: the sine's sign. Here [cos −sin; sin cos] acts on (x, y).",
            ),
            Mistake(
                lambda height, width, degrees: _about((0, 0), np.deg2rad(degrees)),
                "Often: a rotation about the first pixel, the origin. Move the centre there and back.",
            ),
            Mistake(
                lambda height, width, degrees: np.vstack([_rotation(height, width, degrees), [0, 0, 1]]),
                "Often: the 3×3 homogeneous matrix. Leave its last row, 0 0 1, away.",
            ),
            Mistake(
                lambda height, width, degrees: np.column_stack(
                    [_rotation(height, width, degrees)[:, :2], [(width - 1) / 2, (height - 1) / 2]]
                ),
                "Often: c alone as the shift. A p + (c − A c) is needed: the centre must stay where it is.",
            ),
            Mistake(
                _from_the_left,
                "Often: c @ A, which multiplies by the transpose of A. Write A @ c.",
            ),
            Mistake(
                _shift_negated,
                "Often: A c − c where c − A c is needed: multiply out A (p − c) + c.",
            ),
            Mistake(_shifted_first, "Often: c + A c where c − A c is needed: the centre must stay where it is."),
        ),
    ),
    "deformation.field": Exercise(
        reference=_field,
        cases=_noise_cases,
        rtol=1e-4,
        atol=1e-5,
        hint="ndimage.gaussian_filter takes one sigma an axis. The axis that tells dy from dx must stay as it is.",
        mistakes=(
            Mistake(
                lambda noise, alpha, sigma: alpha * ndimage.gaussian_filter(noise, sigma),
                "Often: smoothed across the first axis too, which mixes dy with dx.",
            ),
            Mistake(
                lambda noise, alpha, sigma: ndimage.gaussian_filter(noise, (0, sigma, sigma)),
                "Often: alpha is missing.",
            ),
            Mistake(
                lambda noise, alpha, sigma: alpha * ndimage.gaussian_filter(noise, (0, sigma**2, sigma**2)),
                "Often: the variance σ² where SciPy expects the standard deviation σ.",
            ),
            Mistake(
                lambda noise, alpha, sigma: alpha * noise,
                "Often: not smoothed at all.",
            ),
            Mistake(
                lambda noise, alpha, sigma: sigma * ndimage.gaussian_filter(noise, (0, alpha, alpha)),
                "Often: alpha and sigma exchanged.",
            ),
            Mistake(
                _normalised,
                "Often: divided by the largest value, so that alpha is the largest move. Only multiply.",
            ),
            Mistake(
                lambda noise, alpha, sigma: _field(2 * noise - 1, alpha, sigma),
                "Often: 2 · noise − 1 once more. The noise is given; use it as it is.",
            ),
            Mistake(
                lambda noise, alpha, sigma: (
                    alpha * ndimage.gaussian_filter(noise, (0, sigma, sigma), mode="constant")
                ),
                "Often: zeros beyond the border, which weaken the field there. SciPy's default reflects.",
            ),
        ),
    ),
    "deformation.warp": Exercise(
        reference=lambda image, field: warp(image, field),
        cases=_field_cases,
        atol=1e-6,
        hint="map_coordinates wants places, not displacements: add the field to np.indices(image.shape).",
        mistakes=(
            Mistake(
                lambda image, field: _sampled(image, field[::-1]),
                "Often: dx and dy exchanged. The field holds dy first, as map_coordinates wants rows first.",
            ),
            Mistake(
                lambda image, field: _sampled(image, -field),
                "Often: the field subtracted. The result at p is read at p + d(p).",
            ),
            Mistake(
                _field_as_places,
                "Often: the field used as places. Add it to the pixels' own rows and columns.",
            ),
            Mistake(
                lambda image, field: _sampled(image, field, order=0),
                "Often: order 0, the nearest pixel. Images are interpolated, order 1.",
            ),
            Mistake(
                lambda image, field: _sampled(image, field, order=3),
                "Often: order 3, SciPy's default. Linear interpolation is order 1.",
            ),
            Mistake(
                lambda image, field: _sampled(image, field, mode="nearest"),
                'Often: the edge pixel repeated. Beyond the border lies the reflection: mode="reflect".',
            ),
            Mistake(
                lambda image, field: _sampled(image, field, mode="mirror"),
                'Often: mode="mirror", which shows the edge pixel once. "reflect" shows it twice.',
            ),
            Mistake(
                lambda image, field: _sampled(image, field, mode="constant"),
                'Often: zeros from beyond the border, SciPy\'s default. Use mode="reflect".',
            ),
        ),
    ),
    "deformation.folds": Exercise(
        reference=_folded,
        cases=_smooth_field_cases,
        hint="The map is p + d(p), so its derivative is the identity plus the field's. np.gradient(dy) returns "
        "the derivative along rows first, then along columns.",
        mistakes=(
            Mistake(
                _without_identity,
                "Often: the determinant of the field's derivative alone. Of p + d(p): add 1 to the diagonal.",
            ),
            Mistake(
                _diagonal_only, "Often: the product of the diagonal only. A determinant subtracts the other one."
            ),
            Mistake(
                _crossed_terms,
                "Often: the derivatives' order, or dy and dx exchanged. np.gradient returns the one along rows "
                "(y) first, and field[0] is dy.",
            ),
            Mistake(
                _sign_of_the_product, "Often: the two products were added. A determinant subtracts the second."
            ),
            Mistake(
                lambda field: np.mean(jacobian_determinant(field) < 1),
                "Often: < 1, which is where the map shrinks areas. It folds below 0.",
            ),
            Mistake(
                lambda field: np.mean(jacobian_determinant(-np.asarray(field)) < 0),
                "Often: the field's sign. The map is p + d(p), not p − d(p).",
            ),
            Mistake(
                lambda field: 0.0,
                "It finds no fold in any field. A determinant can be negative: take no absolute value or square.",
            ),
            Mistake(_flat_counted, "Often: <= 0. Where the determinant is 0 the map flattens; it folds below 0."),
            Mistake(
                lambda field: 100 * np.mean(jacobian_determinant(field) < 0),
                "Often: per cent. A share lies between 0 and 1.",
            ),
            Mistake(
                lambda field: np.sum(jacobian_determinant(field) < 0),
                "Often: a count. The share of the pixels is wanted.",
            ),
            Mistake(
                lambda field: jacobian_determinant(field) < 0,
                "Often: the map of folded pixels. Their share is wanted, one number.",
            ),
        ),
    ),
    "label_maps.lookup": Exercise(
        reference=_labels,
        cases=_colour_cases,
        dtype="uint8",
        hint="Turn the three bytes into one number, red · 65536 + green · 256 + blue, after a cast to int64. Fill "
        "a table of 2**24 entries with 255, write the ids at the palette's numbers, index it with the image's.",
        mistakes=(
            Mistake(_unknown_is_zero, "Often: unknown colours became class 0. Fill the table with 255 first."),
            Mistake(_minus_one, "Often: −1 for unknown colours. A uint8 map cannot hold it: use 255."),
            Mistake(_first_channel, "Often: only the first channel was compared."),
            Mistake(
                _any_channel,
                "Often: .any(axis=-1) where .all(axis=-1) is needed: all three channels must agree.",
            ),
            Mistake(
                _sum_of_channels,
                "Often: colours told apart by their sum. (1, 2, 3) and (3, 2, 1) have the same one.",
            ),
            Mistake(
                _packed_in_bytes,
                "Only the last channel has an effect. Often: computed in 8 bits, where 255 << 16 is 0. Cast the "
                "bytes to int64 first.",
            ),
            Mistake(
                _nearest_colour, "Often: the nearest colour. A colour that is not in the palette is ignored: 255."
            ),
            Mistake(
                lambda rgb, palette: _labels(rgb, palette).astype(int),
                "The ids fit in a byte: convert the result to uint8.",
            ),
        ),
    ),
}
