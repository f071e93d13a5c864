"""Right and wrong answers to the exercises of chapter 08 on sizes, receptive fields and label maps."""

import cv2
import numpy as np
from matplotlib.path import Path
from PIL import Image, ImageDraw
from scipy import ndimage, signal
from skimage import draw, transform

from exercise_answers import WrongAnswer

SIZE = "segmentation.upsampled_size"
FIELD = "segmentation.receptive_field"
ENLARGE = "label_maps.enlarge"
FILL = "label_maps.fill_polygon"

# --- the size of a transposed convolution's output


def size_by_laying_copies(size, kernel, stride, padding):
    canvas = np.zeros(1000)
    for i in range(size):
        canvas[i * stride : i * stride + kernel] += 1
    return int(np.flatnonzero(canvas).max()) + 1 - 2 * padding


def size_by_search(size, kernel, stride, padding):
    """The largest output from which an ordinary convolution without a remainder comes back."""
    return next(n for n in range(2000) if n + 2 * padding - kernel == (size - 1) * stride)


def size_by_convolving(size, kernel, stride, padding):
    stuffed = np.zeros((size - 1) * stride + 1)
    stuffed[::stride] = 1
    return float(len(np.convolve(stuffed, np.ones(kernel))) - 2 * padding)


def ordinary_convolution(size, kernel, stride, padding):
    return np.floor((size + 2 * padding - kernel) / stride) + 1


def stuffed_and_convolved(size, kernel, stride, padding):
    stuffed = np.zeros(max((size - 1) * stride + 1, 1) + 2 * padding)
    return len(stuffed) - kernel + 1


SIZE_RIGHT = [
    lambda size, kernel, stride, padding: (size - 1) * stride + kernel - 2 * padding,
    lambda size, kernel, stride, padding: size * stride - stride - 2 * padding + kernel,
    lambda size, kernel, stride, padding: size * stride + max(kernel - stride, 0) - 2 * padding,
    lambda *n: np.float32((n[0] - 1) * n[2] + n[1] - 2 * n[3]),
    lambda *n: np.array((n[0] - 1) * n[2] + n[1] - 2 * n[3]),
    size_by_laying_copies,
    size_by_search,
    size_by_convolving,
]
SIZE_WRONG: list[WrongAnswer] = [
    (SIZE, ordinary_convolution, "after an ordinary convolution"),
    (SIZE, lambda n, k, s, p: (n + 2 * p - k) // s + 1, "after an ordinary convolution"),
    (SIZE, lambda n, k, s, p: n * s, 'padding="same"'),
    (SIZE, lambda n, k, s, p: n * s + k - 2 * p, "Between 3 copies lie 2 steps"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + k - p, "taken off once"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + k + 2 * p, "padding added"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + k, "padding is not used"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + k - 1 - 2 * p, "not kernel − 1"),
    (SIZE, lambda n, k, s, p: (n - 1) * s - 2 * p + (k - 1) + 1 + 1, "One pixel too many"),
    (SIZE, lambda n, k, s, p: (n - 1) * k + s - 2 * p, "exchanged"),
    (SIZE, lambda n, k, s, p: n * k - 2 * p, "side by side"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + 1, "stuffed between its pixels"),
    (SIZE, stuffed_and_convolved, "that shrinks"),
    (SIZE, lambda n, k, s, p: n * s - 2 * p, "without the kernel"),
    (SIZE, lambda n, k, s, p: ((n - 1) * s + k - 2 * p) ** 2, "One side is asked"),
    (SIZE, lambda n, k, s, p: 2 * ((n - 1) * s + k - 2 * p), "Twice"),
    (SIZE, lambda n, k, s, p: 2 * [(n - 1) * s + k - 2 * p], "shape"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + k - 2 * (p // 2), "values differ"),
    (SIZE, lambda n, k, s, p: (n - 1) * s + k - k // 2, "values differ"),
    (SIZE, lambda n, k, s, p: (n - 1) * (s + 1) + k - 2 * p, "values differ"),
    (SIZE, lambda n, k, s, p: (n + 1) * s + k - 2 * p, "values differ"),
    (SIZE, lambda n, k, s, p: n + k - 1, "values differ"),
    (SIZE, lambda n, k, s, p: -(-n // s), "values differ"),
    (SIZE, lambda n, k, s, p: 7, "values differ"),
    (SIZE, lambda n, k, s, p: n * s + max(k - s, 0), "padding is not used"),
    (SIZE, lambda n, k, s, p: str((n - 1) * s + k - 2 * p), "real numbers were expected"),
    (SIZE, lambda n, k, s, p: None, "is there a return"),
]

# --- the receptive field


def field_from_the_end(layers):
    field = 1
    for kernel, stride in layers[::-1]:
        field = (field - 1) * stride + kernel
    return field


def field_in_one_line(layers):
    kernels, strides = np.array(layers).T
    return 1 + np.sum((kernels - 1) * np.cumprod(np.append(1, strides[:-1])))


def field_by_touching(layers):
    """The pixels that one output depends on, layer by layer from the output back."""
    touched = {0}
    for kernel, stride in reversed(layers):
        touched = {place * stride + tap for place in touched for tap in range(kernel)}
    return max(touched) - min(touched) + 1


def field_by_recursion(layers):
    if not layers:
        return 1.0
    *rest, (kernel, _) = layers
    return field_by_recursion(rest) + (kernel - 1) * np.prod([stride for _, stride in rest])


def own_stride_in_the_product(layers):
    field = step = 1
    for kernel, stride in layers:
        step *= stride
        field += (kernel - 1) * step
    return field


def previous_stride_only(layers):
    strides = [1] + [stride for _, stride in layers]
    return 1 + sum((k - 1) * s for (k, _), s in zip(layers, strides, strict=False))


def strides_added(layers):
    field = step = 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step += stride
    return field


def backward_formula_forwards(layers):
    field = 1
    for kernel, stride in layers:
        field = (field - 1) * stride + kernel
    return field


def backward_without_minus(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = field * stride + (kernel - 1)
    return field


def emptied_list(layers):
    field = 1
    while layers:
        kernel, stride = layers.pop()
        field = (field - 1) * stride + kernel
    return field


def dilated(layers):
    field = 1
    for kernel, stride in layers:
        field += ((kernel - 1) * stride + 1 - 1) * 1
    return field


def steps_of(layers):
    return np.cumprod([1] + [stride for _, stride in layers])


FIELD_RIGHT = [field_from_the_end, field_in_one_line, field_by_touching, field_by_recursion]
FIELD_WRONG: list[WrongAnswer] = [
    (FIELD, own_stride_in_the_product, "own stride is in the product"),
    (FIELD, lambda layers: 1 + sum(k - 1 for k, _ in layers), "strides are not used"),
    (FIELD, previous_stride_only, "layer before only"),
    (FIELD, dilated, "its own stride"),
    (FIELD, strides_added, "added up"),
    (
        FIELD,
        lambda layers: 1 + sum(k * s for (k, _), s in zip(layers, steps_of(layers), strict=False)),
        "kernel − 1",
    ),
    (
        FIELD,
        lambda layers: sum(k * s for (k, _), s in zip(layers, steps_of(layers), strict=False)),
        "sum of kernels",
    ),
    (FIELD, lambda layers: sum(k for k, _ in layers), "sum of the kernels"),
    (FIELD, lambda layers: field_from_the_end(layers) - 1, "Start with 1"),
    (FIELD, lambda layers: own_stride_in_the_product(layers) - 1, "Two faults"),
    (FIELD, lambda layers: np.prod(layers, axis=0)[0], "product of the kernels"),
    (FIELD, backward_formula_forwards, "in reverse"),
    (FIELD, backward_without_minus, "(n − 1) · stride + kernel"),
    (FIELD, lambda layers: (sum(k - 1 for k, _ in layers)) * steps_of(layers)[-1] + 1, "times all strides"),
    (
        FIELD,
        lambda layers: 1 + sum((k // 2) * s for (k, _), s in zip(layers, steps_of(layers), strict=False)),
        "reach to one side",
    ),
    (FIELD, lambda layers: field_from_the_end(layers) ** 2, "area in pixels"),
    (FIELD, lambda layers: steps_of(layers)[-1], "how far apart"),
    (FIELD, lambda layers: (field_from_the_end(layers), steps_of(layers)[-1]), "Return the field alone"),
    (FIELD, lambda layers: (field_from_the_end(layers) - 1) * layers[-1][1] + 1, "last layer's stride"),
    (FIELD, emptied_list, "changed the array"),
    (FIELD, lambda layers: max(k for k, _ in layers), "values differ"),
    (FIELD, lambda layers: 1 + 2 * len(layers), "values differ"),
    (FIELD, lambda layers: 2 * field_from_the_end(layers) - 1, "values differ"),
    (FIELD, lambda layers: field_from_the_end(layers) + 1, "values differ"),
    (FIELD, lambda layers: field_from_the_end(layers[:-1]), "values differ"),
    (FIELD, lambda layers: field_from_the_end(layers[1:]), "values differ"),
    (FIELD, lambda layers: field_from_the_end([(s, k) for k, s in layers]), "values differ"),
    (FIELD, lambda layers: 5, "values differ"),
    (FIELD, lambda layers: 1 + sum((k - 1) * s for s, k in enumerate(k for k, _ in layers)), "values differ"),
    (FIELD, lambda layers: [field_from_the_end(layers[:i]) for i in range(1, len(layers) + 1)], "shape"),
]

# --- enlarge a label map


def new_shape(labels, factor):
    return tuple(round(side * factor) for side in labels.shape)


def enlarge_with_loops(labels, factor):
    height, width = new_shape(labels, factor)
    return [
        [int(labels[int((i + 0.5) / factor), int((j + 0.5) / factor)]) for j in range(width)]
        for i in range(height)
    ]


def enlarge_by_coordinates(labels, factor):
    height, width = new_shape(labels, factor)
    places = np.mgrid[:height, :width] + 0.5
    return ndimage.map_coordinates(labels, places / factor - 0.5, order=0, mode="nearest").astype(np.int64)


def enlarge_with_scikit_image(labels, factor):
    """By reductions of a third its smoothing is off, so that the centre's pixel comes out."""
    shape = new_shape(labels, factor)
    return transform.resize(labels, shape, order=0, preserve_range=True, anti_aliasing=False)


def enlarge_one_hot(labels, factor):
    """Smooth a map of each class, and take the largest."""
    places = [
        np.clip((np.arange(n) + 0.5) / factor - 0.5, 0, side - 1)
        for n, side in zip(new_shape(labels, factor), labels.shape, strict=True)
    ]
    grid = np.meshgrid(*places, indexing="ij")
    classes = np.unique(labels)
    shares = [ndimage.map_coordinates((labels == c).astype(float), grid, order=1, mode="nearest") for c in classes]
    return classes[np.argmax(shares, axis=0)]


def enlarge_with_pillow(labels, factor):
    height, width = new_shape(labels, factor)
    return np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST), np.float32)


def interpolate(labels, factor):
    height, width = new_shape(labels, factor)
    grid = np.meshgrid(
        (np.arange(height) + 0.5) / factor - 0.5, (np.arange(width) + 0.5) / factor - 0.5, indexing="ij"
    )
    return ndimage.map_coordinates(labels.astype(float), grid, order=1, mode="nearest")


def opencv(flag, **options):
    def answer(labels, factor):
        height, width = new_shape(labels, factor)
        return cv2.resize(labels, (width, height), interpolation=flag, **options)

    return answer


def pick(rounded, half=0.5):
    def answer(labels, factor):
        rows, columns = (
            np.minimum(rounded((np.arange(n) + half) / factor).astype(int), side - 1)
            for n, side in zip(new_shape(labels, factor), labels.shape, strict=True)
        )
        return labels[rows][:, columns]

    return answer


def zoom(**options):
    return lambda labels, factor: ndimage.zoom(labels, factor, **options)


def repeat_or_slice(labels, factor):
    if factor < 1:
        return labels[:: round(1 / factor), :: round(1 / factor)]
    return enlarge_with_loops(labels, factor)


def means_of_blocks(labels, factor):
    if factor >= 1:
        return enlarge_with_loops(labels, factor)
    n = round(1 / factor)
    return labels.reshape(labels.shape[0] // n, n, labels.shape[1] // n, n).mean(axis=(1, 3)).astype(np.uint8)


def repeated(labels, factor):
    return labels.repeat(round(factor), axis=0).repeat(round(factor), axis=1)


def flipped_on_the_way(labels, factor):
    return np.asarray(enlarge_with_loops(labels, factor))[::-1]


def overwritten(labels, factor):
    result = np.asarray(enlarge_with_loops(labels, factor))
    labels[:] = 0
    return result


def without_ignored(labels, factor):
    result = np.asarray(enlarge_with_loops(labels, factor))
    return np.where(result == 255, 0, result)


def rows_only(labels, factor):
    return pick(np.floor)(labels, factor)[:, : labels.shape[1]]


def with_sides(rounded):
    """The right pixels, with sides rounded in another way."""

    def answer(labels, factor):
        sides = [
            int(rounded(round(side * factor, 6))) for side in labels.shape
        ]  # 6 · 5 / 3 need not be 10 to the last bit
        rows, columns = (
            np.minimum((np.arange(n) + 0.5) / factor, side - 1).astype(int)
            for n, side in zip(sides, labels.shape, strict=True)
        )
        return labels[np.ix_(rows, columns)]

    return answer


ENLARGE_RIGHT = [
    enlarge_with_loops,
    enlarge_by_coordinates,
    enlarge_with_scikit_image,
    enlarge_with_pillow,
    pick(np.floor),
    opencv(cv2.INTER_NEAREST_EXACT),
]
ENLARGE_WRONG: list[WrongAnswer] = [
    (ENLARGE, lambda labels, f: np.rint(interpolate(labels, f)).astype(np.uint8), "class 1, which is not there"),
    (ENLARGE, lambda labels, f: (interpolate(labels, f) + 0.5).astype(np.uint8), "do not average"),
    (ENLARGE, lambda labels, f: interpolate(labels, f).astype(np.uint8), "cut off by astype"),
    (ENLARGE, lambda labels, f: np.ceil(interpolate(labels, f)), "rounded up"),
    (ENLARGE, interpolate, "without rounding"),
    (ENLARGE, opencv(cv2.INTER_LINEAR), "values differ"),
    (ENLARGE, opencv(cv2.INTER_CUBIC), "values differ"),
    (ENLARGE, opencv(cv2.INTER_AREA), "values differ"),
    (ENLARGE, zoom(order=0), "ndimage.zoom with order=0"),
    (ENLARGE, zoom(order=1), "do not average"),
    (ENLARGE, zoom(), "values differ"),
    (ENLARGE, zoom(order=1, grid_mode=True, mode="nearest"), "do not average"),
    (ENLARGE, opencv(cv2.INTER_NEAREST), "the pixel's corner"),
    (ENLARGE, pick(np.floor, 0), "the pixel's corner"),
    (ENLARGE, pick(np.rint, 0), "part of a pixel"),
    (ENLARGE, pick(np.rint), "so cut off: floor"),
    (ENLARGE, pick(np.ceil), "so cut off: floor"),
    (ENLARGE, pick(np.floor, 1), "values differ"),
    (ENLARGE, repeat_or_slice, "every n-th pixel"),
    (ENLARGE, enlarge_one_hot, "corners are rounded off"),
    (ENLARGE, means_of_blocks, "values differ"),
    (ENLARGE, repeated, "shape"),
    (ENLARGE, lambda labels, f: np.tile(labels, (round(f), round(f))), "np.tile"),
    (ENLARGE, lambda labels, f: np.resize(labels, new_shape(labels, f)), "np.resize"),
    (ENLARGE, lambda labels, f: np.kron(labels, np.eye(round(f))), "values differ"),
    (
        ENLARGE,
        lambda labels, f: signal.convolve2d(
            np.kron(labels, np.pad([[1]], (0, round(f) - 1))), np.ones((2, 2)), "same"
        ),
        "values differ",
    ),
    (ENLARGE, lambda labels, f: labels, "old size"),
    (ENLARGE, lambda labels, f: pick(np.floor)(labels, f).T, "Rows and columns exchanged"),
    (ENLARGE, flipped_on_the_way, "values differ"),
    (ENLARGE, overwritten, "changed the array"),
    (ENLARGE, without_ignored, "values differ"),
    (ENLARGE, rows_only, "shape"),
    (ENLARGE, with_sides(int), "cut off by int"),
    (ENLARGE, with_sides(np.ceil), "rounded up"),
    (ENLARGE, with_sides(lambda side: side + 1), "shape"),
    (ENLARGE, lambda labels, f: np.asarray(enlarge_with_loops(labels, f)) + 1, "values differ"),
    (ENLARGE, lambda labels, f: np.zeros(new_shape(labels, f)), "values differ"),
    (ENLARGE, lambda labels, f: np.asarray(enlarge_with_loops(labels, f))[:-1], "shape"),
    (ENLARGE, lambda labels, f: np.asarray(enlarge_with_loops(labels, f)) > 0, "values differ"),
    (ENLARGE, lambda labels, f: ndimage.median_filter(repeated(labels, f), 3), "values differ"),
]

# --- fill a polygon


def centres(height, width):
    rows, columns = np.mgrid[:height, :width] + 0.5
    return columns, rows


def inside_with_loops(xs, ys, height, width):
    result = [[False] * width for _ in range(height)]
    for row in range(height):
        for column in range(width):
            inside, j = False, len(xs) - 1
            for i in range(len(xs)):
                if (ys[i] > row + 0.5) != (ys[j] > row + 0.5):
                    meets = xs[i] + (row + 0.5 - ys[i]) * (xs[j] - xs[i]) / (ys[j] - ys[i])
                    if column + 0.5 < meets:
                        inside = not inside
                j = i
            result[row][column] = inside
    return result


def inside_at_once(xs, ys, height, width):
    """One array of pixels by edges; the ray goes up."""
    x, y = centres(height, width)
    x, y = x[..., None].astype(np.float32), y[..., None].astype(np.float32)
    x0, y0, x1, y1 = (v.astype(np.float32) for v in (xs, ys, np.roll(xs, -1), np.roll(ys, -1)))
    spans = (x0 > x) != (x1 > x)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = y0 + (x - x0) * (y1 - y0) / (x1 - x0) < y
    return (np.sum(spans & above, axis=-1) % 2).astype(np.float32)


def inside_by_scikit_image(xs, ys, height, width):
    result = np.zeros((height, width), np.uint8)
    result[draw.polygon(ys - 0.5, xs - 0.5, result.shape)] = 1
    return result


def scikit_image_as_it_is(xs, ys, height, width):
    result = np.zeros((height, width), bool)
    result[draw.polygon(ys, xs, result.shape)] = True
    return result


def by_matplotlib(xs, ys, height, width):
    x, y = centres(height, width)
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    return Path(np.stack([xs, ys], axis=1)).contains_points(points).reshape(height, width)


def by_opencv(round_off):
    def answer(xs, ys, height, width):
        canvas = np.zeros((height, width), np.uint8)
        cv2.fillPoly(canvas, [round_off(np.stack([xs, ys], axis=1)).astype(np.int32)], 1)
        return canvas > 0

    return answer


def by_pillow(xs, ys, height, width):
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=1)
    return np.asarray(canvas) > 0


def by_opencv_lines(xs, ys, height, width):
    canvas = np.zeros((height, width), np.uint8)
    cv2.polylines(canvas, [np.stack([xs, ys], axis=1).astype(np.int32)], True, 1)
    return canvas > 0


def even_odd(
    at=0.5,
    drop_last=False,
    closed_interval=False,
    any_crossing=False,
    everywhere=False,
    upside_down=False,
    to_the_right=False,
):
    def answer(xs, ys, height, width):
        count = np.zeros((height, width), int)
        for i in range(len(xs) - drop_last):
            j = (i + 1) % len(xs)
            low, high = min(ys[i], ys[j]), max(ys[i], ys[j])
            for row in range(height):
                y = row + at
                if low == high or not (low <= y <= high if closed_interval else low <= y < high):
                    continue
                run, fall = xs[j] - xs[i], ys[j] - ys[i]
                if upside_down and run == 0:
                    continue
                meets = xs[i] + (y - ys[i]) * (fall / run if upside_down else run / fall)
                x = np.arange(width) + at
                count[row] += (x < meets if to_the_right else x > meets) | everywhere
        return count > 0 if any_crossing else count % 2 == 1

    return answer


right_fill = even_odd()


def winding(xs, ys, height, width):
    x, y = centres(height, width)
    turn = np.zeros((height, width))
    for i in range(len(xs)):
        j = (i + 1) % len(xs)
        a = np.arctan2(ys[i] - y, xs[i] - x)
        b = np.arctan2(ys[j] - y, xs[j] - x)
        turn += (b - a + np.pi) % (2 * np.pi) - np.pi
    return np.abs(turn) > 1


def all_on_one_side(sign):
    def answer(xs, ys, height, width):
        x, y = centres(height, width)
        good = np.ones((height, width), bool)
        for i in range(len(xs)):
            j = (i + 1) % len(xs)
            good &= sign * ((xs[j] - xs[i]) * (y - ys[i]) - (ys[j] - ys[i]) * (x - xs[i])) > 0
        return good

    return answer


def convex(xs, ys, height, width):
    return all_on_one_side(1)(xs, ys, height, width) | all_on_one_side(-1)(xs, ys, height, width)


def box(xs, ys, height, width):
    x, y = centres(height, width)
    return (x > xs.min()) & (x < xs.max()) & (y > ys.min()) & (y < ys.max())


def hull(xs, ys, height, width):
    points = cv2.convexHull(np.stack([xs, ys], axis=1).astype(np.float32))[:, 0]
    return right_fill(points[:, 0], points[:, 1], height, width)


def sorted_points(xs, ys, height, width):
    turn = np.argsort(np.arctan2(ys - ys.mean(), xs - xs.mean()))
    return right_fill(xs[turn], ys[turn], height, width)


def two_crossings_a_row(xs, ys, height, width):
    """From the first crossing of a row to the last."""
    inside = right_fill(xs, ys, height, width)
    ahead, behind = np.maximum.accumulate(inside, axis=1), np.maximum.accumulate(inside[:, ::-1], axis=1)[:, ::-1]
    return ahead & behind


def clipped_points(xs, ys, height, width):
    return right_fill(np.clip(xs, 0, width), np.clip(ys, 0, height), height, width)


def moved_points(xs, ys, height, width):
    xs -= 0.5
    ys -= 0.5
    inside = np.zeros((height, width), bool)
    inside[draw.polygon(ys, xs, inside.shape)] = True
    return inside


FILL_RIGHT = [
    inside_with_loops,
    inside_at_once,
    by_matplotlib,
    inside_by_scikit_image,
    right_fill,
    even_odd(to_the_right=True),
]
FILL_WRONG: list[WrongAnswer] = [
    (FILL, lambda xs, ys, h, w: right_fill(ys, xs, h, w), "x and y exchanged"),
    (FILL, lambda xs, ys, h, w: right_fill(xs, ys, w, h), "height and width exchanged"),
    (FILL, lambda xs, ys, h, w: right_fill(xs, ys, h, w).T, "height and width exchanged"),
    (FILL, lambda xs, ys, h, w: right_fill(ys, xs, w, h), "height and width exchanged"),
    (FILL, even_odd(at=0.0), "upper left corner"),
    (FILL, scikit_image_as_it_is, "upper left corner"),
    (FILL, even_odd(at=1.0), "lower right corner"),
    (FILL, even_odd(at=-0.5), "0.5 subtracted"),
    (FILL, even_odd(drop_last=True), "back to the first is missing"),
    (FILL, even_odd(drop_last=True, to_the_right=True), "back to the first is missing"),
    (FILL, even_odd(any_crossing=True, to_the_right=True), "any crossing"),
    (FILL, even_odd(closed_interval=True, to_the_right=True), "both ends"),
    (FILL, even_odd(upside_down=True, to_the_right=True), "slope upside down"),
    (FILL, box, "box around"),
    (FILL, hull, "convex hull"),
    (FILL, all_on_one_side(1), "one direction of travel"),
    (FILL, all_on_one_side(-1), "one direction of travel"),
    (FILL, convex, "convex polygons only"),
    (FILL, winding, "winding rule"),
    (FILL, even_odd(any_crossing=True), "any crossing"),
    (FILL, even_odd(closed_interval=True), "both ends"),
    (FILL, even_odd(upside_down=True), "slope upside down"),
    (FILL, by_opencv(np.trunc), "drawing functions"),
    (FILL, by_opencv(np.rint), "drawing functions"),
    (FILL, by_pillow, "drawing functions"),
    (FILL, by_opencv_lines, "This is the outline"),
    (FILL, lambda xs, ys, h, w: right_fill(np.trunc(xs), np.trunc(ys), h, w), "cut off to whole"),
    (FILL, lambda xs, ys, h, w: right_fill(np.rint(xs), np.rint(ys), h, w), "rounded to whole"),
    (FILL, lambda xs, ys, h, w: ~right_fill(xs, ys, h, w), "In and out"),
    (FILL, lambda xs, ys, h, w: right_fill(xs, ys, h, w)[::-1], "Upside down"),
    (FILL, lambda xs, ys, h, w: right_fill(xs, ys, h, w)[:, ::-1], "values differ"),
    (FILL, even_odd(everywhere=True), "values differ"),
    (FILL, sorted_points, "values differ"),
    (FILL, two_crossings_a_row, "values differ"),
    (FILL, lambda xs, ys, h, w: ndimage.binary_fill_holes(right_fill(xs, ys, h, w)), "values differ"),
    (FILL, clipped_points, "values differ"),
    (FILL, moved_points, "changed the array"),
    (FILL, lambda xs, ys, h, w: 255 * right_fill(xs, ys, h, w), "values differ"),
    (FILL, lambda xs, ys, h, w: np.argwhere(right_fill(xs, ys, h, w)), "shape"),
    (FILL, lambda xs, ys, h, w: right_fill(xs, ys, h, w).sum(), "shape"),
]
