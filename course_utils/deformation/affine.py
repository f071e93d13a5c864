"""Affine maps of the plane: from three points, at random, composed, inverted, applied.

A map is a (2, 3) matrix [A | t] in pixel coordinates (x, y), the centre of the first pixel being
(0, 0): it moves the point p to A p + t. This is the convention of OpenCV's `getAffineTransform`
and `warpAffine`.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    FloatArray,
    as_array,
    as_float_array,
    require_finite,
    require_generator,
    require_within,
)
from course_utils.deformation.warping import (
    AnyArray,
    Mode,
    as_draws,
    as_field,
    as_shape,
    require_images,
    warp,
)

__all__ = [
    "affine_field",
    "affine_from_points",
    "affine_warp",
    "apply_affine",
    "compose_affine",
    "invert_affine",
    "random_affine",
]

# Three points count as collinear, and a matrix as singular, below this share of what their size allows.
_SINGULAR = 1e-10

# Units in the last place of a matrix's dtype by which its entries may be off, after a few compositions.
_ROUNDINGS = 64


def affine_from_points(source: npt.ArrayLike, target: npt.ArrayLike) -> FloatArray:
    """The one affine map that moves three points to three others.

    Parameters
    ----------
    source, target : (3, 2) array_like of float
        Points as (x, y), in the same order. The source points must not lie on a line; target
        points that do give a map that flattens the plane.

    Returns
    -------
    (2, 3) float64
        The matrix [A | t].

    Raises
    ------
    ValueError
        For collinear source points, another shape, NaN or infinite values.

    Notes
    -----
    Six unknowns, and each pair of points gives two linear equations (Hartley and Zisserman 2004,
    *Multiple View Geometry*, section 2.4).

    Examples
    --------
    >>> affine_from_points([[0, 0], [1, 0], [0, 1]], [[5, 7], [6, 7], [5, 9]])
    array([[1., 0., 5.],
           [0., 2., 7.]])
    """
    start, end = _as_triangle("source", source), _as_triangle("target", target)
    edges, images = start[1:] - start[0], end[1:] - end[0]
    if abs(np.linalg.det(edges)) <= _SINGULAR * np.prod(np.linalg.norm(edges, axis=1)):
        raise ValueError(f"source: the three points lie on a line, which fixes no map: {start.tolist()}")
    linear = np.linalg.solve(edges, images).T
    return np.column_stack([linear, end[0] - linear @ start[0]])


def compose_affine(*matrices: npt.ArrayLike) -> FloatArray:
    """One map that does what several do one after another, the first argument first.

    Parameters
    ----------
    *matrices : (2, 3) array_like of float
        One or more.

    Returns
    -------
    (2, 3) float64

    Raises
    ------
    ValueError
        For no matrix, another shape, NaN or infinite values.

    Examples
    --------
    >>> shift, double = [[1, 0, 3], [0, 1, 0]], [[2, 0, 0], [0, 2, 0]]
    >>> compose_affine(shift, double)
    array([[2., 0., 6.],
           [0., 2., 0.]])
    """
    if not matrices:
        raise ValueError("matrices: expected at least one, got none")
    product = np.eye(3)
    for number, matrix in enumerate(matrices):
        product = np.vstack([_as_matrix(f"matrices[{number}]", matrix), [0.0, 0.0, 1.0]]) @ product
    return product[:2]


def invert_affine(matrix: npt.ArrayLike) -> FloatArray:
    """The map that undoes another.

    Parameters
    ----------
    matrix : (2, 3) or (N, 2, 3) array_like of float

    Returns
    -------
    float64 array of the shape of ``matrix``

    Raises
    ------
    ValueError
        For a map that flattens the plane (determinant 0), another shape, NaN or infinite values.

    Examples
    --------
    >>> invert_affine([[2, 0, 6], [0, 1, 0]])
    array([[ 0.5,  0. , -3. ],
           [ 0. ,  1. ,  0. ]])
    """
    forward = _as_matrix("matrix", matrix, batch=True)
    linear, shift = forward[..., :2], forward[..., 2:]
    flat = np.abs(np.linalg.det(linear)) <= _SINGULAR * np.prod(np.linalg.norm(linear, axis=-2), axis=-1)
    if flat.any():
        raise ValueError(f"matrix: it flattens the plane (determinant 0) and has no inverse: {forward.tolist()}")
    inverse = np.linalg.inv(linear)
    return np.concatenate([inverse, 0 - inverse @ shift], axis=-1)  # not −inverse, which prints −0.0


def apply_affine(matrix: npt.ArrayLike, points: npt.ArrayLike) -> FloatArray:
    """Where a map moves points.

    Parameters
    ----------
    matrix : (2, 3) array_like of float
    points : (N, 2) array_like of float
        As (x, y).

    Returns
    -------
    (N, 2) float64

    Raises
    ------
    ValueError
        For other shapes, NaN or infinite values.

    Examples
    --------
    >>> apply_affine([[0, -1, 10], [1, 0, 0]], [[1, 2], [0, 0]])
    array([[ 8.,  1.],
           [10.,  0.]])
    """
    forward = _as_matrix("matrix", matrix)
    places = require_finite("points", as_float_array("points", points, rank=2))
    if places.shape[1] != 2:
        raise ValueError(f"points: expected (N, 2), got shape {places.shape}")
    return np.asarray(places @ forward[:, :2].T + forward[:, 2])


def random_affine(
    shape: tuple[int, int],
    rng: np.random.Generator,
    rotation: float,
    scale: float,
    shear: float,
    shift: float,
    n: int | None = None,
) -> FloatArray:
    """A random affine map about the centre of an image.

    Parameters
    ----------
    shape : (H, W)
        Height and width of the image; its centre lies at x = (W − 1) / 2, y = (H − 1) / 2.
    rng : numpy.random.Generator
    rotation : float
        Largest angle, in degrees.
    scale : float
        In [0, 1): width and height are each multiplied by a factor in [1 − scale, 1 + scale].
    shear : float
        Largest slant: x moves by up to ``shear`` times y.
    shift : float
        Largest shift along x and along y, in pixels.
    n : int, optional
        How many maps to draw.

    Returns
    -------
    (2, 3) float64, or (n, 2, 3) if ``n`` is given
        Shear, scale, rotation and shift, one after another, each uniform between minus and plus
        its limit.

    Raises
    ------
    ValueError
        For a limit below 0, a scale of 1 or more, or a shape that is not two integers above 0.

    Examples
    --------
    >>> random_affine((28, 28), np.random.default_rng(0), 0, 0, 0, 0)
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    height, width = as_shape(shape)
    count = as_draws(n)
    require_generator(rng)
    for name, value in (("rotation", rotation), ("shear", shear), ("shift", shift)):
        require_within(name, value, 0, np.inf)
    if require_within("scale", scale, 0, 1) == 1:
        raise ValueError("scale: expected a number below 1, got 1: it would let an image shrink to nothing")
    unit = rng.uniform(-1, 1, (count, 6))
    angle, slant = np.deg2rad(rotation * unit[:, 0]), shear * unit[:, 3]
    cosine, sine = np.cos(angle), np.sin(angle)
    factor_x, factor_y = 1 + scale * unit[:, 1], 1 + scale * unit[:, 2]

    # Rotation · scale · shear: the rightmost factor acts first.
    slanted = np.stack([factor_x, factor_x * slant, np.zeros(count), factor_y], axis=1).reshape(-1, 2, 2)
    linear = np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2) @ slanted
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre - linear @ centre + shift * unit[:, 4:]
    matrices = np.concatenate([linear, offset[..., np.newaxis]], axis=2)
    return matrices if n is not None else matrices[0]


def affine_field(shape: tuple[int, int], matrix: npt.ArrayLike, then: npt.ArrayLike | None = None) -> FloatArray:
    """The displacement field that makes :func:`warp` move an image by an affine map.

    Parameters
    ----------
    shape : (H, W)
    matrix : (2, 3) or (N, 2, 3) array_like of float
        Moves the content forwards; the field holds its inverse, less the identity.
    then : (2, H, W) or (N, 2, H, W) array_like of float, optional
        A field by which the result would be warped next. The field of both together reads the
        original once, where two warps would interpolate twice.

    Returns
    -------
    (2, H, W) or (N, 2, H, W) float64
        dy and dx, in pixels.

    Raises
    ------
    ValueError
        As :func:`invert_affine`, for a shape that is not two integers above 0, and for a field that
        has another shape or values that are not finite.

    Notes
    -----
    Warping backwards by a and then by e reads pixel p at p + e(p) + a(p + e(p)). An affine a is known
    between the pixels and beyond the border too, so nothing is interpolated here.

    A place that rounding alone has moved off the outermost pixels' centres is put back there: in the
    modes "constant" and "wrap" :func:`warp`, as SciPy does, reads something else a hair beyond them.
    What counts as rounding are 64 units in the last place of the dtype of ``matrix`` (float64 for
    integers): some 1e-12 of a pixel for images of 28 × 28, and a thousandth from a float32 matrix.

    Examples
    --------
    >>> affine_field((1, 2), [[1, 0, 3], [0, 1, 0]]).tolist()
    [[[0.0, 0.0]], [[-3.0, -3.0]]]
    >>> affine_field((1, 2), [[1, 0, 3], [0, 1, 0]], then=np.full((2, 1, 2), 0.5)).tolist()
    [[[0.5, 0.5]], [[-2.5, -2.5]]]
    """
    height, width = as_shape(shape)
    inverse = invert_affine(matrix)
    field = np.zeros((2, height, width)) if then is None else as_field("then", then).astype(np.float64)
    if field.shape[-2:] != (height, width) or (
        field.ndim == 4 and inverse.ndim == 3 and len(field) != len(inverse)
    ):
        raise ValueError(
            f"then: shape {field.shape} does not fit shape {(height, width)} and {inverse.shape} maps"
        )
    first_y, first_x = field[..., 0, :, :], field[..., 1, :, :]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    v, u = y + first_y, x + first_x
    a, b, c = (inverse[..., 0, k, np.newaxis, np.newaxis] for k in range(3))
    d, e, f = (inverse[..., 1, k, np.newaxis, np.newaxis] for k in range(3))
    # How far rounding may have moved a place: its terms add up to no more than this.
    reach = width + height + (np.abs(inverse) @ [width, height, 1]).max(axis=-1)
    slack = _ROUNDINGS * np.finfo(as_float_array("matrix", matrix).dtype).eps * reach[..., np.newaxis, np.newaxis]
    down = _on_the_border(d * u + (e - 1) * v + f + first_y, y, height, slack)
    right = _on_the_border((a - 1) * u + b * v + c + first_x, x, width, slack)
    return np.stack([down, right], axis=-3)


def affine_warp(
    images: npt.ArrayLike, matrix: npt.ArrayLike, order: Literal[1, 0] = 1, mode: Mode = "reflect"
) -> AnyArray:
    """Images whose content an affine map has moved.

    Parameters
    ----------
    images : (H, W), (H, W, C) or (N, H, W, C) array
        With a batch of maps also (N, H, W), as label maps come.
    matrix : (2, 3) or (N, 2, 3) array_like of float
        One map for all images or one for each. What was at p is at A p + t afterwards.
    order, mode
        As in :func:`warp`.

    Returns
    -------
    array of the shape of ``images``

    Raises
    ------
    ValueError
        As :func:`warp` and :func:`invert_affine`.

    Examples
    --------
    >>> affine_warp(np.array([[1.0, 2.0, 3.0]]), [[1, 0, 1], [0, 1, 0]])
    array([[1., 1., 2.]])

    A turn by 180° about the centre, whose sine is 1.2e-16 and not 0, loses no pixel:

    >>> cosine, sine = np.cos(np.pi), np.sin(np.pi)
    >>> affine_warp(np.ones((2, 2)), [[cosine, -sine, 1], [sine, cosine, 1]], mode="constant")
    array([[1., 1.],
           [1., 1.]])
    """
    pixels = as_array("images", images)
    require_images(pixels)
    shape, forward = pixels.shape, _as_matrix("matrix", matrix, batch=True)
    batched = len(shape) == 4 or (len(shape) == 3 and forward.ndim == 3)
    size = (shape[1], shape[2]) if batched else (shape[0], shape[1])
    return warp(images, affine_field(size, matrix), order, mode)


def _on_the_border(displacement: FloatArray, lines: FloatArray, size: int, slack: FloatArray) -> FloatArray:
    """Displacements that lead exactly to the first or the last pixel where they do so up to rounding."""
    for border in (0, size - 1):
        displacement = np.where(np.abs(lines + displacement - border) <= slack, border - lines, displacement)
    return displacement


def _as_triangle(name: str, value: npt.ArrayLike) -> FloatArray:
    points = require_finite(name, as_float_array(name, value))
    if points.shape != (3, 2):
        raise ValueError(f"{name}: expected three points (x, y), shape (3, 2), got shape {points.shape}")
    return points.astype(np.float64)


def _as_matrix(name: str, value: npt.ArrayLike, *, batch: bool = False) -> FloatArray:
    matrix = require_finite(name, as_float_array(name, value)).astype(np.float64)
    if matrix.shape[-2:] != (2, 3) or matrix.ndim > (3 if batch else 2):
        expected = "(2, 3) or (N, 2, 3)" if batch else "(2, 3)"
        raise ValueError(f"{name}: expected shape {expected}, got {matrix.shape}")
    return matrix
