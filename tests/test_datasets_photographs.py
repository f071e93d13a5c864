"""Photographs as a set: fitted as `detect` fits them, annotations moved along, whatever the files hold."""

import io
import os
import re
import struct
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from course_utils.annotations import AnnotationSet, Record, load_annotations, polygons_to_label_map, save_coco
from course_utils.datasets import Dataset, load_photographs, render_dataset
from course_utils.datasets.photographs import fit_photograph, read_photograph, resample

SQUARE = [[2.0, 2], [10, 2], [10, 6], [2, 6]]


def picture(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """Something smooth, so that JPEG changes it little."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(40, 216, (4, 5, 3), np.uint8))
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def put(folder: Path, name: str, image: Image.Image | np.ndarray | None = None, **options: object) -> Record:
    """Save a picture, and give a record of it with one object."""
    image = picture() if image is None else image
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(folder / name, **options)
    return Record(name, [[2, 2, 10, 6]], [1], [np.array(SQUARE)])


def test_images_are_those_that_detect_sees(tmp_path: Path) -> None:
    sizes = [(48, 64), (24, 32), (100, 30), (33, 90), (7, 5), (40, 60)]
    records = [Record(put(tmp_path, f"{h}x{w}.png", picture(h, w)).file_name, [], [], []) for h, w in sizes]
    photographs = load_photographs(records, tmp_path, 24, 32)
    assert photographs.images.dtype == np.uint8 and photographs.images.shape == (6, 24, 32, 3)
    for (h, w), photograph in zip(sizes, photographs, strict=True):
        fitted, factor = fit_photograph(picture(h, w), 24, 32)
        assert photograph.factor == factor
        assert np.abs(photograph.image / 255 - fitted).max() <= 0.5001 / 255
    assert photographs.file_names == tuple(record.file_name for record in records)


@pytest.mark.parametrize("size", [(480, 640), (50, 200), (1, 300), (300, 1), (17, 23), (96, 128), (130, 131)])
def test_photographs_are_resized_as_by_tensorflow(size: tuple[int, int]) -> None:
    import tensorflow as tf

    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    fitted, factor = fit_photograph(image, 96, 128)
    inner = [max(1, round(side * factor)) for side in size]
    expected = tf.image.resize(image / np.float32(255), inner, antialias=True)
    np.testing.assert_allclose(fitted[: inner[0], : inner[1]], expected, atol=5e-6)
    assert (fitted[inner[0] :] == 0.5).all() and (fitted[:, inner[1] :] == 0.5).all()


@pytest.mark.parametrize("size", [(480, 640), (13, 170)])
def test_photographs_are_resized_as_by_pillow(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(size, np.float32)
    expected = np.asarray(Image.fromarray(image).resize((40, 30), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resample(image[..., np.newaxis], 30, 40)[..., 0], expected, atol=1e-5)


def test_a_large_photograph_takes_little_more_memory_than_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 30, 3), np.uint8)
    whole = resample(image, 20, 30)
    monkeypatch.setattr(sys.modules[resample.__module__], "STRIP", 1000)  # many strips of a few rows
    np.testing.assert_allclose(resample(image, 20, 30), whole, rtol=1e-5)


def test_annotations_move_with_the_pixels(tmp_path: Path) -> None:
    """Paint the objects in colours that tell their class: the label map must say the same."""
    outlines = [
        np.array([[10.0, 4], [50, 4], [50, 40], [10, 40]]),
        [np.array(SQUARE) * [1, 5], np.array(SQUARE) + 44],
    ]
    canvas = polygons_to_label_map(outlines, [1, 2], 60, 80)
    Image.fromarray(np.repeat((canvas * 100)[..., np.newaxis], 3, axis=-1)).save(tmp_path / "a.png")
    boxes = [[10, 4, 50, 40], [2, 10, 54, 50]]
    annotations = AnnotationSet([Record("a.png", boxes, [1, 2], outlines)], ("background", "x", "y"))
    photographs = load_photographs(annotations, tmp_path, 30, 50)  # half the size, ten columns of padding
    np.testing.assert_allclose(photographs.boxes[0], np.array(boxes) / 2)
    assert photographs.class_ids[0].tolist() == [1, 2] and photographs.factors.tolist() == [0.5]
    one, other = photographs.polygons[0]
    np.testing.assert_allclose(one, outlines[0] / 2)
    np.testing.assert_allclose(other, [part / 2 for part in outlines[1]])
    labels, instances = photographs.label_maps[0], photographs.instance_ids[0]
    assert (labels[:, 40:] == 255).all() and (instances[:, 40:] == 0).all()
    painted = np.rint(photographs.images[0, :, :40, 0] / 100)
    sure = np.isin(photographs.images[0, :, :40, 0], [0, 100, 200])  # not on an edge
    assert sure.mean() > 0.8
    np.testing.assert_array_equal(labels[:, :40][sure], painted[sure])
    np.testing.assert_array_equal(instances[:, :40], labels[:, :40])  # object i has class i here
    assert labels.dtype == instances.dtype == np.uint8


def test_an_object_with_a_box_only_leaves_the_set_without_label_maps(tmp_path: Path) -> None:
    both = [put(tmp_path, "a.png"), Record("a.png", [[0, 0, 5, 5]], [3], [None])]
    photographs = load_photographs(both, tmp_path, 24, 32)
    assert photographs.label_maps is None and photographs.instance_ids is None
    assert photographs[1].label_map is None and photographs[1].polygons == (None,)
    assert photographs[:1].label_maps is None and photographs[[1, 0]].instance_ids is None
    assert len(photographs[0].polygons[0]) == 4


def test_a_photograph_without_objects(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    photographs = load_photographs([Record("a.png", [], [], [])], tmp_path, 24, 40)
    assert photographs.boxes[0].shape == (0, 4) and photographs.class_ids[0].shape == (0,)
    assert photographs.class_ids[0].dtype == np.int64 and photographs.polygons == ((),)
    assert np.unique(photographs.label_maps).tolist() == [0, 255]


def test_what_leaves_its_photograph_is_cut_or_left_out_and_told(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    boxes = [[-5, 10, 20, 30], [70, 10, 80, 20], [5, 5, 5, 9], [10, 10, 20, 20]]
    outlines = [
        np.array([[-5.0, 10], [20, 10], [20, 30], [-5, 30]]),
        *[np.array(SQUARE) + 70] * 2,
        np.array(SQUARE),
    ]
    with pytest.warns(UserWarning) as caught:
        photographs = load_photographs([Record("a.png", boxes, [1, 2, 3, 2], outlines)], tmp_path, 24, 32)
    (message,) = [str(warning.message) for warning in caught]
    for text in (
        "cut at the edge of their photograph: 1",
        "outside their image left out: 1",
        "without area left out",
    ):
        assert text in message
    np.testing.assert_allclose(photographs.boxes[0], [[0, 5, 10, 15], [5, 5, 10, 10]])
    assert photographs.class_ids[0].tolist() == [1, 2] and len(photographs.polygons[0]) == 2
    assert set(np.unique(photographs.instance_ids)) <= {0, 1, 2}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = picture(48, 64)
    upright[5:15, 8:20] = 0  # an object that the annotations of the upright photograph have
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 5: Image.Transpose.TRANSPOSE}
    back |= {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM}
    back |= {7: Image.Transpose.TRANSVERSE}
    stored = Image.fromarray(upright)
    stored = stored.transpose(back[orientation]) if orientation > 1 else stored
    for name in ("a.jpg", "a.png"):
        stored.save(tmp_path / name, exif=exif, **({"quality": 95} if name == "a.jpg" else {}))
        with Image.open(tmp_path / name) as image:
            np.testing.assert_array_equal(read_photograph(tmp_path / name), ImageOps.exif_transpose(image))
        by_opencv = cv2.imread(str(tmp_path / name))[..., ::-1].astype(int)
        assert np.abs(read_photograph(tmp_path / name) - by_opencv).max() <= 3  # its decoder rounds on its own
        record = Record(name, [[8, 5, 20, 15]], [1], [None])
        photograph = load_photographs([record], tmp_path, 48, 64)[0]
        left, top, right, bottom = photograph.boxes[0].astype(int)
        assert photograph.image[top + 1 : bottom - 1, left + 1 : right - 1].max() < 40
        assert np.abs(photograph.image.astype(int) - upright).max() < (60 if name == "a.jpg" else 1)


@pytest.mark.parametrize(
    ("name", "convert"),
    [
        ("grey.png", lambda image: image.convert("L")),
        ("grey.jpg", lambda image: image.convert("L")),
        ("black and white.png", lambda image: image.convert("1")),
        ("palette.png", lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE)),
        ("palette.gif", lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE)),
        ("opaque.png", lambda image: image.convert("RGBA")),
        ("opaque grey.png", lambda image: image.convert("LA")),
        ("print.jpg", lambda image: image.convert("CMYK")),
        ("print.tif", lambda image: image.convert("CMYK")),
        ("a.webp", lambda image: image),
        ("a.bmp", lambda image: image),
    ],
)
def test_kinds_of_images_are_read_as_pillow_shows_them(tmp_path: Path, name: str, convert) -> None:
    record = put(tmp_path, name, convert(Image.fromarray(picture())))
    with Image.open(tmp_path / name) as image:
        expected = np.asarray(image.convert("RGB"))
    photographs = load_photographs([record], tmp_path, 48, 64)
    np.testing.assert_array_equal(photographs.images[0], expected)


def deep_png(folder: Path, name: str, channels: int) -> None:
    """16 bits a channel, which Pillow writes for grey only: by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    kind = {1: 0, 3: 2}[channels]
    rows = b"".join(b"\0" + bytes(range(0, 8 * channels * 2))[: 8 * channels * 2] for _ in range(6))
    header = struct.pack(">IIBBBBB", 8, 6, 16, kind, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def test_what_cannot_be_used_is_listed_in_one_message(tmp_path: Path) -> None:
    good = put(tmp_path, "good.jpg")
    jpeg = io.BytesIO()
    Image.fromarray(picture(480, 640)).save(jpeg, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(jpeg.getvalue()[:2000])
    (tmp_path / "text.jpg").write_text("no image", encoding="utf-8")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    deep_png(tmp_path, "grey16.png", 1)
    deep_png(tmp_path, "rgb16.png", 3)
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    clear = np.dstack([picture(), np.full((48, 64), 255, np.uint8)])
    clear[:24, :, 3] = 0
    Image.fromarray(clear).save(tmp_path / "clear.png")
    palette = Image.fromarray(picture()).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(tmp_path / "key.png", transparency=palette.getpixel((0, 0)))
    Image.fromarray(picture()).convert("LAB").save(tmp_path / "lab.tif")
    reasons = {
        "missing.jpg": "no such file",
        "cut.jpg": "not an image that can be read",
        "text.jpg": "not an image that can be read",
        "empty.jpg": "not an image that can be read",
        "folder.jpg": "no file",
        "grey16.png": "more than 8 bits a channel .mode I",
        "rgb16.png": "more than 8 bits a channel .mode RGB",
        "float.tif": "more than 8 bits a channel .mode F",
        "clear.png": "50% of its pixels are transparent",
        "key.png": "of its pixels are transparent",
        "lab.tif": "mode LAB: convert it",
        "../good.jpg": "lies outside the folder",
    }
    records = [good, *(Record(name, [[0, 0, 4, 4]], [1], [None]) for name in reasons)]
    with pytest.raises(ValueError, match="annotations: 12 of 13 photographs cannot be used") as caught:
        load_photographs(records, tmp_path, 24, 32)
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == 12
    for line, (name, reason) in zip(lines, reasons.items(), strict=True):
        assert line.startswith(f"  {name}: ")
        assert re.search(reason, line), line


def test_a_long_list_of_broken_files_breaks_off(tmp_path: Path) -> None:
    records = [Record(f"{i}.jpg", [], [], []) for i in range(50)]
    with pytest.raises(ValueError, match="50 of 50") as caught:
        load_photographs(records, tmp_path, 24, 32)
    assert len(str(caught.value).splitlines()) == 22 and str(caught.value).endswith("…")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match=r"a\.jpg: no file"):
        load_photographs([Record("a.jpg", [], [], [])], tmp_path, 24, 32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": []}, "annotations: expected one photograph or more, got none"),
        ({"annotations": AnnotationSet([], ("background",))}, "annotations: expected one photograph or more"),
        ({"annotations": ["a.jpg"]}, "annotations: expected what load_annotations gives, or a list of Record"),
        ({"annotations": None}, "annotations: expected what load_annotations gives"),
        ({"image_folder": "nowhere"}, "image_folder: expected a folder, got 'nowhere'"),
        ({"height": 0}, "height: expected an integer of 1 or more, got 0"),
        ({"width": 2.5}, "width: expected an integer of 1 or more, got 2.5"),
        ({"width": float("nan")}, "width: expected an integer of 1 or more, got nan"),
        ({"workers": 0}, "workers: expected an integer of 1 or more, got 0"),
    ],
)
def test_bad_arguments(tmp_path: Path, change: dict[str, object], message: str) -> None:
    good = {"annotations": [put(tmp_path, "a.png")], "image_folder": tmp_path, "height": 24, "width": 32}
    with pytest.raises(ValueError, match=message):
        load_photographs(**(good | change))


def test_class_ids_that_a_label_map_cannot_hold(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    with pytest.raises(ValueError, match=r"a\.png: class_ids: expected 1 to 254 where label maps .* got 255"):
        load_photographs([Record("a.png", [[2, 2, 10, 6]], [255], [np.array(SQUARE)])], tmp_path, 24, 32)
    only_boxes = load_photographs([Record("a.png", [[2, 2, 10, 6]], [300], [None])], tmp_path, 24, 32)
    assert only_boxes.class_ids[0].tolist() == [300]


def test_more_objects_than_a_byte_counts(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    count = 300
    record = Record("a.png", [[2, 2, 10, 6]] * count, [1] * count, [np.array(SQUARE)] * count)
    photographs = load_photographs([record], tmp_path, 48, 64)
    assert photographs.instance_ids.dtype == np.uint16 and photographs.instance_ids.max() == count
    assert photographs.label_maps.max() == 1


def test_the_result_does_not_depend_on_the_threads_and_is_read_only(tmp_path: Path) -> None:
    records = [put(tmp_path, f"{i}.jpg", picture(seed=i)) for i in range(9)]
    one, many = (load_photographs(records, tmp_path, 24, 32, workers=workers) for workers in (1, 3))
    np.testing.assert_array_equal(one.images, many.images)
    np.testing.assert_array_equal(one.label_maps, many.label_maps)
    assert repr(one) == "Dataset of 9 photographs of (24, 32) pixels with 9 objects"
    for array in (one.images, one.label_maps, one.instance_ids, one.factors, one.boxes[0], one.class_ids[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        one[[3, 1]].images[0] = 0


def test_a_folder_in_a_format_of_an_annotation_tool(tmp_path: Path) -> None:
    """The shipped way: files, `load_annotations`, a set; scenes come back as they were rendered."""
    scenes = render_dataset(3, seed=2)
    records = []
    for index, scene in enumerate(scenes):
        Image.fromarray(scene.image).save(tmp_path / f"{index}.png")
        records.append(Record(f"{index}.png", scene.boxes, scene.class_ids, [None] * len(scene.boxes)))
    save_coco(records, tmp_path / "coco.json", image_folder=tmp_path, class_names=("background", "a", "b", "c"))
    photographs = load_photographs(load_annotations(tmp_path / "coco.json"), tmp_path, 96, 128)
    np.testing.assert_array_equal(photographs.images, scenes.images)
    for one, other in zip(photographs.annotations, scenes.annotations, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
        np.testing.assert_array_equal(one.class_ids, other.class_ids)


def test_parts_of_a_set() -> None:
    scenes = render_dataset(5, seed=0, height=32, width=48)
    part = scenes[np.array([4, 0, -1])]
    assert isinstance(part, Dataset) and part.file_names is None and part.factors is None
    np.testing.assert_array_equal(part.images, scenes.images[[4, 0, 4]])
    np.testing.assert_array_equal(part.label_maps, scenes.label_maps[[4, 0, 4]])
    assert [len(boxes) for boxes in part.boxes] == [len(scenes.boxes[i]) for i in (4, 0, 4)]
    assert len(scenes[[]]) == 0 and len(scenes[np.zeros(0, int)]) == 0
    for index in ([5], [0.5], [True, False], np.array([np.nan])):
        with pytest.raises(ValueError, match="index: expected"):
            scenes[index]
    for index in (True, "0", 1.0, None):
        with pytest.raises(TypeError, match="index: expected an integer, a slice or a list of integers"):
            scenes[index]


def test_a_thousand_photographs_take_seconds(tmp_path: Path) -> None:
    """Ten here, of 640 × 480 pixels with polygons; the bound is far above what one core takes (8 ms each)."""
    records = []
    for index in range(10):
        put(tmp_path, f"{index}.jpg", picture(480, 640, index), quality=90)
        corners = np.array([[100.0, 100], [300, 120], [280, 400], [90, 380]])
        records.append(Record(f"{index}.jpg", [[90, 100, 300, 400]], [1], [corners]))
    load_photographs(records[:1], tmp_path, 96, 128)
    began = time.process_time()
    load_photographs(records, tmp_path, 96, 128)
    assert time.process_time() - began < 0.5
