"""Sample images, label maps and boxes where a displacement field points."""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from course_utils._arguments import (
    FloatArray,
    as_array,
    as_boxes,
    as_count,
    as_float_array,
    as_integer,
    require_finite,
    require_kind,
    shown,
)

__all__ = ["Mode", "warp", "warp_boxes", "warp_points"]

AnyArray = npt.NDArray[Any]
Mode = Literal["reflect", "grid-mirror", "mirror", "nearest", "constant", "grid-constant", "wrap", "grid-wrap"]
_MODES = get_args(Mode)

# Images are warped a few at a time, so that the indices and weights of a chunk stay in the cache.
CHUNK_PIXELS = 64 * 28 * 28


def warp(
    images: npt.ArrayLike, field: npt.ArrayLike, order: Literal[1, 0] = 1, mode: Mode = "reflect"
) -> AnyArray:
    """Images whose pixel (y, x) is read at (y + dy, x + dx) of the originals.

    Parameters
    ----------
    images : (H, W), (H, W, C) or (N, H, W, C) array
        Finite real numbers; with order 0 also booleans and infinite values. With a batch of fields
        also (N, H, W), as label maps come.
    field : (2, H, W) or (N, 2, H, W) float
        The displacements dy and dx in pixels, one field for all images or one for each; finite.
        All channels of an image move together.
    order : 1 or 0
        1 interpolates between the four nearest pixels, 0 takes the nearest one (half a pixel
        rounds up), which is what label maps need.
    mode : str
        What lies beyond the border: "reflect" (also called "grid-mirror"), "mirror", "nearest",
        "constant", "grid-constant", "wrap" or "grid-wrap", with the meaning that
        `scipy.ndimage.map_coordinates` gives these names; the constant is 0.

    Returns
    -------
    array of the shape of ``images``
        Order 0 keeps the dtype. Order 1 keeps floating-point dtypes and turns integers into float64.

    Raises
    ------
    ValueError
        For NaN, infinite values (with order 1 in the images, always in the field), a field whose
        shape does not fit, images without pixels or channels, another order or mode.

    Notes
    -----
    The map runs backwards, from the result to the original: so every pixel of the result gets
    exactly one value (Wolberg 1990, *Digital Image Warping*, section 3.1).

    Examples
    --------
    >>> image = np.array([[0.0, 1.0, 2.0]])
    >>> field = np.zeros((2, 1, 3))
    >>> field[1] = 0.5
    >>> warp(image, field)
    array([[0.5, 1.5, 2. ]])
    """
    if as_integer("order", order) not in (0, 1):
        raise ValueError(f"order: expected 1 (linear) or 0 (nearest pixel), got {shown(order)}")
    require_kind(mode, _MODES, name="mode")
    pixels = _as_pixels(images, keep_dtype=order == 0)
    fields = as_field("field", field)
    if fields.ndim == 3:
        shape = (1, *pixels.shape, 1)[:4] if pixels.ndim < 4 else pixels.shape
        fits = fields.shape[1:] == shape[1:3]
    else:
        shape = pixels.shape if pixels.ndim == 4 else (*pixels.shape, 1)
        fits = pixels.ndim >= 3 and (fields.shape[0], *fields.shape[2:]) == shape[:3]
    if not fits:
        raise ValueError(f"field: shape {fields.shape} does not fit images of shape {pixels.shape}")

    batch = pixels.reshape(shape)
    warped = np.empty_like(batch)
    step = max(1, CHUNK_PIXELS // max(1, shape[1] * shape[2]))
    for start in range(0, len(batch), step):
        part = slice(start, start + step)
        chunk = fields if fields.ndim == 4 else fields[np.newaxis]
        if len(chunk) > 1:
            chunk = chunk[part]
        warped[part] = _sample(batch[part], chunk, order, "reflect" if mode == "grid-mirror" else mode)
    return warped.reshape(pixels.shape)


def warp_boxes(boxes: npt.ArrayLike, field: npt.ArrayLike) -> FloatArray:
    """Boxes around what a field makes of the content of boxes, clipped to the image.

    Parameters
    ----------
    boxes : (N, 4) array_like of float
        Corners as x_min, y_min, x_max, y_max in pixels; pixel (0, 0) covers 0 to 1.
    field : (2, H, W) float
        The field that the image was warped by, as in :func:`warp`.

    Returns
    -------
    (N, 4) float64
        The tightest boxes around the warped outlines, inside the image. A box whose content has
        left the image has no width or no height.

    Raises
    ------
    ValueError
        For a box that is crossed (x_max < x_min), another shape, NaN or infinite values.

    Notes
    -----
    A field says for each pixel of the result where it comes from; a box asks where a point of the
    original goes, the point p with p + d(p) = q. It is found by a damped fixed-point iteration.
    Where the field folds, a point appears several times, and the box holds one of its images.

    Examples
    --------
    >>> field = np.zeros((2, 10, 10))
    >>> field[1] = -2.0  # every pixel is read two pixels to its left: the content moves right
    >>> warp_boxes([[1.0, 2.0, 4.0, 6.0]], field)
    array([[3., 2., 6., 6.]])
    """
    corners = as_boxes("boxes", boxes).astype(np.float64)
    displacement = as_field("field", field)
    if displacement.ndim != 3:
        raise ValueError(f"field: expected (2, H, W), one field for one image, got shape {displacement.shape}")
    height, width = displacement.shape[1:]

    warped = np.empty_like(corners)
    beyond = 2 * (height + width)  # what lies further out than that is out of sight
    corners = np.clip(corners, -beyond, [width + beyond, height + beyond] * 2)
    for number, box in enumerate(corners):
        place = _origin_of(_outline(box), displacement)
        warped[number] = [*place.min(axis=1)[::-1], *place.max(axis=1)[::-1]]
    return np.clip(warped, 0, [width, height, width, height])


def warp_points(points: npt.ArrayLike, field: npt.ArrayLike) -> FloatArray:
    """Where a field puts points (keypoints) of an image.

    Parameters
    ----------
    points : (N, 2) array_like of float
        (x, y) in pixels, whole numbers at the centres of pixels, as the points of affine maps.
    field : (2, H, W) float
        The field that the image was warped by, as in :func:`warp`.

    Returns
    -------
    (N, 2) float64
        May lie outside the image: such a point is out of sight.

    Raises
    ------
    ValueError
        For another shape, NaN or infinite values.

    Notes
    -----
    As for :func:`warp_boxes`, the field is inverted by a damped fixed-point iteration, and where it
    folds, one of several places is returned. Beyond the border the field keeps its border's value.

    Examples
    --------
    >>> field = np.zeros((2, 10, 10))
    >>> field[1] = -2.0  # the content moves right
    >>> warp_points([[1.0, 2.0]], field)
    array([[3., 2.]])
    """
    places = require_finite("points", as_float_array("points", points)).astype(np.float64)
    displacement = as_field("field", field)
    if places.ndim != 2 or places.shape[1] != 2:
        raise ValueError(f"points: expected (N, 2), x and y of each, got shape {places.shape}")
    if displacement.ndim != 3:
        raise ValueError(f"field: expected (2, H, W), one field for one image, got shape {displacement.shape}")
    if len(places) == 0:
        return places
    # Boxes count from the corner of the first pixel, points from its centre.
    moved = _origin_of(places.T[::-1] + 0.5, displacement)
    return np.asarray(moved[::-1].T - 0.5)


def as_field(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return one displacement field, or a batch of them, of finite numbers."""
    field = require_finite(name, as_float_array(name, value))
    if field.ndim not in (3, 4) or field.shape[-3] != 2:
        raise ValueError(f"{name}: expected (2, H, W) or (N, 2, H, W), got shape {field.shape}")
    if min(field.shape[-2:]) < 1:
        raise ValueError(f"{name}: expected a height and width of 1 or more, got shape {field.shape}")
    return field


def as_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Return a height and a width of 1 or more."""
    if as_array("shape", shape).shape != (2,):
        raise ValueError(f"shape: expected (H, W), two integers of 1 or more, got {shown(shape)}")
    height, width = (as_count(f"shape[{k}]", side) for k, side in enumerate(shape))
    return height, width


def as_draws(n: int | None) -> int:
    """Return how many to draw: ``None`` stands for one."""
    return 1 if n is None else as_count("n", n, low=0)


def _as_pixels(images: npt.ArrayLike, *, keep_dtype: bool) -> AnyArray:
    given = as_array("images", images)
    # Integers and booleans hold no NaN, and order 0 does not compute with them.
    pixels = given if keep_dtype and given.dtype.kind in "iub" else as_float_array("images", images)
    require_images(pixels)
    return pixels if keep_dtype else require_finite("images", pixels)  # 0 · inf would be NaN


def require_images(pixels: AnyArray) -> None:
    """Raise unless an array is one image or a batch, with pixels and channels in it."""
    if pixels.ndim not in (2, 3, 4):
        raise ValueError(f"images: expected (H, W), (H, W, C) or (N, H, W, C), got shape {pixels.shape}")
    if 0 in (pixels.shape[1:] if pixels.ndim == 4 else pixels.shape[-2:]):
        raise ValueError(f"images: expected a height, a width and channels of 1 or more, got shape {pixels.shape}")


def _sample(batch: AnyArray, fields: FloatArray, order: int, mode: str) -> AnyArray:
    """Read a batch (N, H, W, C) at the places that fields (N or 1, 2, H, W) point to."""
    n, height, width, channels = batch.shape
    if mode == "constant":  # 0 from the centres of the outermost pixels on, without a transition
        places = np.indices((height, width)) + fields.astype(np.float64)
        last = np.array([height - 1, width - 1]).reshape(2, 1, 1)
        inside = np.all((places >= 0) & (places <= last), axis=1, keepdims=True)
        inside = np.moveaxis(inside, 1, -1)
        return np.where(inside, _sample(batch, fields, order, "nearest"), batch.dtype.type(0))
    if mode == "wrap":
        return _sample(batch, _wrapped(fields), order, "nearest")
    dy, dx = fields[:, 0], fields[:, 1]
    if order == 0:
        whole_y = _nearest(dy, np.arange(height)[:, np.newaxis], mode)
        whole_x = _nearest(dx, np.arange(width), mode)
    else:
        whole_y, whole_x = np.floor(dy), np.floor(dx)
        share_y, share_x = (dy - whole_y).astype(batch.dtype), (dx - whole_x).astype(batch.dtype)
    steps_y, margin_y = _steps(whole_y, np.arange(height)[:, np.newaxis], mode)
    steps_x, margin_x = _steps(whole_x, np.arange(width), mode)

    # Copy the border outwards as far as any pixel reaches: then one index serves four neighbours.
    from_rows, from_columns = _extended(height, margin_y, mode), _extended(width, margin_x, mode)
    padded = batch[:, from_rows[:, np.newaxis], from_columns]
    if mode == "grid-constant":
        padded[:, :margin_y], padded[:, margin_y + height :] = 0, 0
        padded[:, :, :margin_x], padded[:, :, margin_x + width :] = 0, 0
    # A single channel is read as plain numbers, which is faster than rows of one.
    values = padded.reshape(-1) if channels == 1 else padded.reshape(-1, channels)
    stride = len(from_columns)
    here = np.arange(margin_y, margin_y + height)[:, np.newaxis] * stride + np.arange(margin_x, margin_x + width)
    first = (np.arange(n) * (len(from_rows) * stride)).reshape(n, 1, 1)
    index = (steps_y * stride + steps_x) + (first + here)
    if order == 0:
        return np.asarray(np.take(values, index, axis=0).reshape(batch.shape))

    if channels > 1:
        share_y, share_x = share_y[..., np.newaxis], share_x[..., np.newaxis]
    upper = _blend(np.take(values, index, axis=0), np.take(values[1:], index, axis=0), share_x)
    values = values[stride:]
    lower = _blend(np.take(values, index, axis=0), np.take(values[1:], index, axis=0), share_x)
    return np.asarray(_blend(upper, lower, share_y).reshape(batch.shape))


def _blend(start: AnyArray, end: AnyArray, share: AnyArray) -> AnyArray:
    """Linear interpolation, start + share · (end − start), in the memory of both."""
    end -= start
    end *= share
    start += end
    return start


def _nearest(displacement: FloatArray, lines: AnyArray, mode: str) -> FloatArray:
    """Whole steps to the nearest pixel: halves round up, and down in mirrored copies, as in SciPy."""
    raised = displacement + np.float64(0.5)  # in float64, so that 0.49999997 + 0.5 stays below 1
    whole: FloatArray = np.floor(raised)
    halves = whole == raised
    if mode in ("reflect", "mirror") and halves.any():
        place, size = lines + displacement.astype(np.float64), lines.size
        if mode == "reflect":
            mirrored = (place + 0.5) % (2 * size) >= size
        else:
            mirrored = place % max(2 * size - 2, 1) >= np.where(place < 0, size - 1, size)
        whole -= halves & mirrored
    return whole


def _wrapped(fields: FloatArray) -> FloatArray:
    """Fields that stay inside the image, repeated as SciPy's "wrap" does: the last pixel is the first again."""
    here = np.indices(fields.shape[2:])
    places = here + fields.astype(np.float64)
    for axis, size in enumerate(fields.shape[2:]):
        place, period = places[:, axis], size - 1
        if period:
            place[:] = np.where(place < 0, place + period * (np.trunc(-place / period) + 1), place)
            place[:] = np.where(place > period, place - period * np.trunc(place / period), place)
        else:
            place[:] = 0
    return np.asarray(places - here, dtype=np.float64)


def _steps(whole: FloatArray, lines: AnyArray, mode: str) -> tuple[npt.NDArray[np.int32], int]:
    """Whole steps away from each row (or column), and how far the longest leads."""
    size = lines.size
    reach = max(-whole.min(initial=0), whole.max(initial=0))
    if reach > size:  # so far out that the border repeats: bring it near, without changing what is read
        target = whole + lines
        if mode == "nearest":
            target = np.clip(target, -1, size)
        elif mode == "grid-constant":
            target = np.clip(target, -2, size)
        else:
            target %= {"grid-wrap": size, "mirror": max(2 * size - 2, 1), "reflect": 2 * size}[mode]
        return (target - lines).astype(np.int32), 2 * size + 1
    return whole.astype(np.int32), int(reach) + 1


def _extended(size: int, margin: int, mode: str) -> AnyArray:
    """Indices −margin to size + margin − 1, each replaced by what a border mode reads there."""
    index = np.arange(-margin, size + margin)
    if mode in ("nearest", "grid-constant"):
        return np.clip(index, 0, size - 1)
    if mode == "grid-wrap":
        return np.asarray(index % size)
    if mode == "mirror":  # c b | a b c | b a: the edge pixel stands once
        index %= max(2 * size - 2, 1)
        return np.minimum(index, 2 * size - 2 - index) if size > 1 else index
    index %= 2 * size  # b a | a b c | c b: the edge pixel stands twice
    return np.minimum(index, 2 * size - 1 - index)


def _outline(box: FloatArray) -> FloatArray:
    """Points (2, M) as (y, x) along the four sides of a box, a pixel apart or closer."""
    x_min, y_min, x_max, y_max = box
    n = int(np.ceil(max(x_max - x_min, y_max - y_min))) + 2
    x, y = np.linspace(x_min, x_max, n), np.linspace(y_min, y_max, n)
    across = [np.stack([np.full(n, side), x]) for side in (y_min, y_max)]
    down = [np.stack([y, np.full(n, side)]) for side in (x_min, x_max)]
    return np.concatenate(across + down, axis=1)


def _origin_of(targets: FloatArray, field: FloatArray) -> FloatArray:
    """Points p with p + d(p) = target, in continuous coordinates (pixel centres at half numbers)."""
    places = targets.copy()
    for number in range(200):
        moved = [ndimage.map_coordinates(d, places - 0.5, order=1, mode="nearest") for d in field]
        change = targets - places - moved
        # Half steps later on: where the field bends sharply, full steps run in circles.
        places += change if number < 20 else change / 2
        if np.abs(change).max() < 1e-6:
            break
    return places
