"""`load_annotations`: every format recognised by its content, read, written, and told what was left out."""

import base64
import io
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_masks

from course_utils.annotations import (
    Record,
    load_annotations,
    load_boxes_csv,
    load_coco,
    load_via,
    polygons_to_label_map,
    save_boxes_csv,
    save_coco,
    save_via,
    save_voc,
    save_yolo,
)
from course_utils.annotations._outlines import decode_coco_runs, mask_parts

NAMES = ("background", "Can", "bottle")
TRIANGLE = [[10.0, 5.0], [40.0, 8.0], [22.0, 30.0]]
SIZE = (48, 64)


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(path)
    return path


def region(shape, attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def rectangle(x=1, y=2, width=10, height=20):
    return {"name": "rect", "x": x, "y": y, "width": width, "height": height}


def polygon(points):
    x, y = np.transpose(points).tolist()
    return {"name": "polygon", "all_points_x": x, "all_points_y": y}


def via(*regions, options=None, **entry):
    file = {"filename": "a.jpg", "size": 7, "regions": list(regions), "file_attributes": {}} | entry
    attributes = {"region": {"name": {"type": "radio", "options": options or {}}}, "file": {}}
    return {"_via_img_metadata": {"a.jpg7": file}, "_via_attributes": attributes, "_via_settings": {}}


def coco(*annotations, categories=((1, "Can"), (2, "bottle")), size=SIZE, **entry):
    one = {"id": 0, "file_name": "a.jpg", "height": size[0], "width": size[1]} | entry
    numbered = [{"id": number, "image_id": 0, "category_id": 1} | a for number, a in enumerate(annotations)]
    return {
        "images": [one],
        "annotations": numbered,
        "categories": [{"id": identity, "name": name} for identity, name in categories],
    }


def boxes_of(found):
    return [record.boxes.tolist() for record in found]


@pytest.fixture
def records():
    return [
        Record("a.jpg", [[10, 5, 40, 30], [1, 2, 3, 4.25]], [2, 1], [np.array(TRIANGLE), None]),
        Record("empty.jpg", [], [], []),
        Record("ü, b.jpg", [[10, 5, 64, 42]], [1], [[np.array(TRIANGLE), np.add(TRIANGLE, [24, 12])]]),
    ]


def assert_same(found, expected, *, parts=True):
    assert [r.file_name for r in found] == [r.file_name for r in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-5)
        np.testing.assert_array_equal(one.class_ids, other.class_ids)
        for mine, theirs in zip(one.polygons, other.polygons, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None and parts:
                assert isinstance(mine, list) == isinstance(theirs, list)
                np.testing.assert_allclose(
                    np.concatenate([mine]).ravel(), np.concatenate([theirs]).ravel(), atol=1e-5
                )
            elif mine is not None:
                maps = [polygons_to_label_map([outline], [1], *SIZE) for outline in (mine, theirs)]
                np.testing.assert_array_equal(*maps)


# ------------------------------------------------------------------------------------ there and back


@pytest.mark.parametrize("kind", ["via", "coco", "voc", "yolo"])
def test_what_is_written_reads_back(tmp_path, records, kind):
    for record in records:
        image(tmp_path / "images" / record.file_name)
    known = {"class_names": NAMES, "image_folder": tmp_path / "images"}
    target = tmp_path / "annotations"
    writer = {"via": save_via, "coco": save_coco, "voc": save_voc, "yolo": save_yolo}[kind]
    writer(records, target, **known)
    found = load_annotations(target, image_folder=tmp_path / "images", class_names=NAMES)
    assert_same(found.records, records, parts=kind != "yolo")
    assert found.class_names == NAMES
    again = load_annotations(target, image_folder=tmp_path / "images", format=kind)
    # VOC has no list of classes, and VIA's has no order: they are found by name.
    expected = ("background", "bottle", "Can") if kind in ("voc", "via") else NAMES
    assert again.class_names == expected
    with pytest.raises(ValueError, match=r"expected the format 'csv'|expected annotations of one format"):
        load_annotations(target, image_folder=tmp_path / "images", format="csv")


def test_voc_counts_from_one(tmp_path):
    box = [[0.0, 0, 64, 48]]
    save_voc([Record("a.jpg", box, [1], [None])], tmp_path, class_names=NAMES, image_size=SIZE)
    text = (tmp_path / "a.xml").read_text(encoding="utf-8")
    for tag, value in (("xmin", 1), ("ymin", 1), ("xmax", 64), ("ymax", 48), ("width", 64), ("height", 48)):
        assert f"<{tag}>{value}</{tag}>" in text
    assert boxes_of(load_annotations(tmp_path).records) == [box]


def test_yolo_is_written_as_its_tools_expect_it(tmp_path):
    square = np.array([[16.0, 12], [32, 12], [32, 24], [16, 24]])
    record = Record("front/a.jpg", [[16, 12, 48, 24], [16, 12, 32, 24]], [2, 1], [None, square])
    save_yolo([record], tmp_path, class_names=NAMES, image_size=SIZE)
    lines = (tmp_path / "labels" / "front" / "a.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["1 0.5 0.375 0.5 0.25", "0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5"]
    image(tmp_path / "images" / "front" / "a.jpg")
    assert_same(load_annotations(tmp_path).records, [record])


@pytest.mark.parametrize("size", [1e-3, 1e-5, 1e-9])
def test_tiny_shapes_are_written_so_that_they_can_be_read(tmp_path, size):
    corner = np.array([[10.04, 20.04]])
    points = corner + size * np.array([[0, 0], [1, 0], [0, 1]])
    record = Record("a.jpg", [[*points.min(axis=0), *points.max(axis=0)]] * 2, [1, 2], [points, None])
    save_via([record], tmp_path / "v.json", class_names=NAMES)
    save_coco([record], tmp_path / "c.json", class_names=NAMES, image_size=SIZE)
    save_boxes_csv([record], tmp_path / "b.csv")
    for name in ("v.json", "c.json", "b.csv"):
        (found,) = load_annotations(tmp_path / name, class_names=NAMES).records
        np.testing.assert_allclose(found.boxes, record.boxes, atol=1e-3)
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    if size > 1e-6:
        save_voc([record], tmp_path / "voc", class_names=NAMES, image_size=SIZE)
        np.testing.assert_allclose(load_annotations(tmp_path / "voc").records[0].boxes, record.boxes, atol=1e-3)
    else:
        with pytest.raises(ValueError, match="too small"):
            save_yolo([record], tmp_path / "yolo", class_names=NAMES, image_size=SIZE)


def test_a_box_without_area_is_not_written(tmp_path):
    record = Record("a.jpg", [[1, 2, 1, 4]], [1], [None])
    for save in (save_via, save_coco, save_voc, save_yolo):
        with pytest.raises(ValueError, match=r"'a\.jpg' has a box without area"):
            save([record], tmp_path / "x", class_names=NAMES)
    with pytest.raises(ValueError, match="box without area"):
        save_boxes_csv([record], tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_via_keys_of_name_and_size_do_not_collide(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x" * 11)
    (tmp_path / "a.jpg1").write_bytes(b"x")
    records = [Record(name, [[1, 2, 3, 4]], [1], [None]) for name in ("a.jpg", "a.jpg1")]
    save_via(records, tmp_path / "v.json", class_names=NAMES, image_folder=tmp_path)
    found = load_via(tmp_path / "v.json", class_names=NAMES)
    assert [record.file_name for record in found] == ["a.jpg", "a.jpg1"]


def test_writers_refuse_what_would_be_lost(tmp_path):
    one, other = (Record(name, [[1, 2, 3, 4]], [1], [None]) for name in ("a.jpg", "a.png"))
    known = {"class_names": NAMES, "image_size": SIZE}
    for save in (save_voc, save_yolo):
        with pytest.raises(ValueError, match="would both be written"):
            save([one, other], tmp_path / "x", **known)
        with pytest.raises(ValueError, match="lies outside the folder"):
            save([Record("../a.jpg", [], [], [])], tmp_path / "x", **known)
        with pytest.raises(ValueError, match="needs the images' sizes"):
            save([one], tmp_path / "x", class_names=NAMES)
        with pytest.raises(ValueError, match="control characters"):
            save([one], tmp_path / "x", class_names=("background", "a\nb"), image_size=SIZE)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------ classes


def test_ids_are_ids_and_names_are_names(tmp_path):
    numbers = ("background", "0", "1", "2")
    save_boxes_csv([Record("a.jpg", [[0, 0, 1, 1]] * 3, [1, 2, 3], [None] * 3)], tmp_path / "b.csv")
    assert load_boxes_csv(tmp_path / "b.csv", class_names=numbers)[0].class_ids.tolist() == [1, 2, 3]
    names = put(tmp_path / "n.csv", "frame,xmin,xmax,ymin,ymax,class\na.jpg,0,1,0,1,0\na.jpg,0,1,0,1,2\n")
    assert load_boxes_csv(names, class_names=numbers)[0].class_ids.tolist() == [1, 3]
    assert load_boxes_csv(names.with_name("b.csv"), class_names=(*NAMES, "x"))[0].class_ids.tolist() == [1, 2, 3]
    swapped = ("background", "2", "1")
    record = Record("a.jpg", [[0, 0, 1, 1]] * 2, [1, 2], [None] * 2)
    save_via([record], tmp_path / "v.json", class_names=swapped)
    assert load_via(tmp_path / "v.json", class_names=swapped)[0].class_ids.tolist() == [1, 2]
    for value in (1, "1.0", 2.0):
        path = put(tmp_path / "w.json", via(region(rectangle(), {"name": value})))
        with pytest.raises(ValueError, match=r"region_attributes\.name: .* is ambiguous"):
            load_via(path, class_names=swapped)
    for value in (1, "1", "1.0", 1.0):
        path = put(tmp_path / "w.json", via(region(rectangle(), {"class_id": value})))
        assert load_via(path, class_names=swapped)[0].class_ids.tolist() == [1]
        path = put(tmp_path / "w.json", via(region(rectangle(), {"name": value})))
        assert load_via(path, class_names=("background", "1", "2"))[0].class_ids.tolist() == [1]


def test_regions_without_a_class(tmp_path):
    path = put(tmp_path / "v.json", via(region(rectangle(), {}), region(rectangle(), {"name": ""})))
    only = ("background", "balloon")
    assert load_via(path, class_names=only)[0].class_ids.tolist() == [1, 1]
    assert load_via(path, class_names=NAMES, default_class="BOTTLE")[0].class_ids.tolist() == [2, 2]
    found = load_annotations(path, default_class="balloon")
    assert (found.class_names, found.records[0].class_ids.tolist()) == (only, [1, 1])
    with pytest.raises(ValueError, match=r"region 0, region_attributes\.name: missing; .*default_class="):
        load_via(path, class_names=NAMES)
    with pytest.raises(ValueError, match=r"region 0, region_attributes\.name: missing; .*default_class="):
        load_annotations(path)
    with pytest.raises(ValueError, match="default_class: expected one of"):
        load_via(path, class_names=NAMES, default_class="cup")
    # What has a class keeps it.
    mixed = put(tmp_path / "m.json", via(region(rectangle(), {"name": "can"}), region(rectangle(), {})))
    found = load_annotations(mixed, default_class="bottle")
    assert (found.class_names, found.records[0].class_ids.tolist()) == (("background", "bottle", "can"), [2, 1])


def test_a_foreign_class_is_left_out_and_told(tmp_path):
    save_boxes_csv([Record("a.jpg", [[0, 0, 1, 1]] * 3, [1, 2, 2], [None] * 3)], tmp_path / "b.csv")
    with pytest.raises(ValueError, match="unknown class: '2'"):
        load_annotations(tmp_path / "b.csv", class_names=NAMES[:2])
    told = r"objects of a foreign class left out: 2 \(2 2; the first: line 3\)"
    with pytest.warns(UserWarning, match=told) as caught:
        found = load_annotations(tmp_path / "b.csv", class_names=NAMES[:2], unknown="skip")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert found.records[0].class_ids.tolist() == [1]
    with pytest.warns(UserWarning, match=told):
        assert len(load_boxes_csv(tmp_path / "b.csv", class_names=NAMES[:2], unknown="skip")[0].boxes) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (coco({"bbox": [1, 2, 3, 4]}, categories=((7, "bottle"), (1, "Can"), (0, "None"))), ("Can", "bottle")),
        (via(region(rectangle(), {"name": "b"}), region(rectangle(), {"name": "A"})), ("A", "b")),
        (via(region(rectangle(), {"name": "10"}), region(rectangle(), {"name": "9"})), ("9", "10")),
        (via(region(rectangle(), {"name": "9"}), options={"10": "A", "9": "b"}), ("b", "A")),
        (via(region(rectangle(), {"name": "b"}), options={"b": "", "A": ""}), ("A", "b")),
        ("frame,xmin,xmax,ymin,ymax,class_id\na,0,1,0,1,2\na,0,1,0,1,1.0\n", ("1", "2")),
        ("image_name,x1,x2,y1,y2,label\na,0,1,0,1,dog\na,0,1,0,1,Cat\na,0,1,0,1,DOG\n", ("Cat", "dog")),
        ("frame,xmin,xmax,ymin,ymax,class_id\n", ()),
    ],
)
def test_classes_are_found_in_the_file(tmp_path, content, expected):
    found = load_annotations(put(tmp_path / "x", content))
    assert [name.casefold() for name in found.class_names] == ["background", *(n.casefold() for n in expected)]
    for record in found.records:
        assert (record.class_ids < len(found.class_names)).all()


# ------------------------------------------------------------------------------------ COCO, also as VIA writes it


def test_coco_as_via_writes_it(tmp_path):
    content = coco(
        {"image_id": "0", "segmentation": [2, 3, 9, 3, 6, 8], "bbox": [2, 3, 7, 5], "iscrowd": "0"},
        {"category_id": "2", "segmentation": [[]], "bbox": [1, 2, 3, 4], "iscrowd": 0},
        {"category_id": 2.0, "segmentation": [[[2], [3], [9], [3], [6], [8]]], "bbox": [None] * 4, "area": []},
        {"id": 0, "image_id": "0", "segmentation": [2, 3, 9, 3, 6, 8], "bbox": [2, 3, 7, 5], "iscrowd": "0"},
        categories=((1, "Can"), (2, "bottle"), (2, "bottle"), ("1", "Can")),
        size=(-1, -1),
    )
    path = put(tmp_path / "c.json", content)
    for found in (load_coco(path, class_names=NAMES), load_annotations(path).records):
        assert found[0].class_ids.tolist() == [1, 2, 2]
        assert found[0].boxes.tolist() == [[2, 3, 9, 8], [1, 2, 4, 6], [2, 3, 9, 8]]
        assert [outline is None for outline in found[0].polygons] == [False, True, False]
    put(path, coco({"bbox": [1, 2, 3, 4]}, size=(48.0, 90.0)))
    assert len(load_coco(path, class_names=NAMES)[0].boxes) == 1
    put(path, coco({"bbox": [1, 2, 3, 4]}, size=(48.5, 90)))
    with pytest.raises(ValueError, match=r"height: expected a whole number, got 48\.5"):
        load_coco(path, class_names=NAMES)
    put(path, coco({"bbox": [1, 2, 3, 4]}, categories=((1, "Can"), ("1", "bottle"))))
    with pytest.raises(ValueError, match="id: 1 is given twice"):
        load_coco(path, class_names=NAMES)
    put(path, coco({"bbox": [1, 2, 3, 4], "iscrowd": "perhaps"}))
    with pytest.raises(ValueError, match="iscrowd: expected 0 or 1, got 'perhaps'"):
        load_coco(path, class_names=NAMES)
    # A point: no outline, no box.
    put(path, coco({"segmentation": [[]], "bbox": [], "area": [], "keypoints": [3, 4, 2]}, {"bbox": [1, 2, 3, 4]}))
    with pytest.warns(UserWarning, match="objects without box and outline left out: 1"):
        assert len(load_annotations(path).records[0].boxes) == 1


def test_categories_called_by_their_ids(tmp_path):
    path = put(
        tmp_path / "c.json", coco({"bbox": [1, 2, 3, 4], "category_id": 2}, categories=((1, "1"), (2, "2")))
    )
    assert load_coco(path, class_names=NAMES)[0].class_ids.tolist() == [2]
    assert load_annotations(path).class_names == ("background", "1", "2")
    put(path, coco({"bbox": [1, 2, 3, 4], "category_id": 2}, categories=((1, "2"), (2, "1"))))
    with pytest.raises(ValueError, match="unknown class: category 2 is '1'"):
        load_coco(path, class_names=NAMES)


def runs_of(mask, *, compressed=True):
    runs = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    if compressed:
        return {"size": runs["size"], "counts": runs["counts"].decode("ascii")}
    flat = mask.ravel(order="F").astype(int)
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    return {"size": list(mask.shape), "counts": np.diff([0, *changes, flat.size]).tolist()}


def ring():
    """A ring with two holes, a second region, and one that touches it at a corner."""
    mask = np.zeros(SIZE, bool)
    mask[5:20, 10:30] = True
    mask[8:12, 13:16] = mask[10:17, 20:27] = False
    mask[20:25, 30:33] = True
    mask[40:48, 60:64] = True
    return mask


@pytest.mark.parametrize("compressed", [True, False])
def test_masks_in_run_lengths(tmp_path, compressed):
    mask = ring()
    path = put(tmp_path / "c.json", coco({"segmentation": runs_of(mask, compressed=compressed)}))
    record = load_coco(path, class_names=NAMES)[0]
    assert record.boxes.tolist() == [[10, 5, 64, 48]]
    np.testing.assert_array_equal(polygons_to_label_map(record.polygons, [1], *SIZE), mask)
    assert len(record.polygons[0]) == 2
    put(path, coco({"segmentation": runs_of(mask, compressed=compressed)}, size=(48, 65)))
    with pytest.raises(ValueError, match="for 48 × 64 pixels, expected 48 × 65"):
        load_coco(path, class_names=NAMES)


@pytest.mark.parametrize(
    "runs",
    [
        {"counts": "x"},
        {"size": [48, 64], "counts": [1, 2]},
        {"size": [48, 64], "counts": [-1, 48 * 64 + 1]},
        {"size": [48, 64], "counts": "é"},
        {"size": [48, 64], "counts": "\x00"},
        {"size": [48, 64], "counts": "PPYo0"},
        {"size": [48, 64], "counts": "0"},
        {"size": [48, 64], "counts": "12"},
        {"size": [48, 64], "counts": "P"},
        {"size": [48, 64], "counts": "oooooooooo0"},
        {"size": [48, 64], "counts": "Y`1O"},
        {"size": [10**6, 10**6], "counts": "0"},
        {"size": 5, "counts": "0"},
    ],
)
def test_damaged_run_lengths_are_refused(tmp_path, runs):
    path = put(tmp_path / "c.json", coco({"segmentation": runs}, size=(-1, -1)))
    with pytest.raises(ValueError, match=r"annotation 0, segmentation: given in run lengths \(RLE\)"):
        load_annotations(path)


def test_compressed_run_lengths_are_pycocotools():
    rng = np.random.default_rng(0)
    for height, width in ((1, 1), (1, 40), (40, 1), (7, 5), (300, 200)):
        for share in (0, 0.02, 0.5, 1):
            mask = rng.random((height, width)) < share
            mask[height // 3 :, width // 3 :] ^= rng.random() < 0.5  # long runs, and differences below 0
            for compressed in (True, False):
                decoded = decode_coco_runs("a", runs_of(mask, compressed=compressed), None)
                np.testing.assert_array_equal(decoded, mask)


def test_run_lengths_need_no_other_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    path = put(tmp_path / "c.json", coco({"segmentation": runs_of(ring())}))
    assert load_coco(path, class_names=NAMES)[0].boxes.tolist() == [[10, 5, 64, 48]]


def test_crowds(tmp_path):
    brush = {"segmentation": runs_of(ring()), "iscrowd": 1}
    path = put(tmp_path / "c.json", coco(brush, brush | {"category_id": 2}))
    with pytest.warns(UserWarning, match="crowds read as objects, for the file has nothing else: 2$"):
        assert load_annotations(path).records[0].class_ids.tolist() == [1, 2]
    assert len(load_coco(path, class_names=NAMES, crowds="objects")[0].boxes) == 2
    with pytest.warns(
        UserWarning, match=r"crowds left out: 2 \(Can 1, bottle 1; the first: image 'a\.jpg', annot"
    ):
        assert len(load_coco(path, class_names=NAMES, crowds="skip")[0].boxes) == 0
    put(path, coco(brush, {"bbox": [1, 2, 3, 4]}))
    with pytest.warns(UserWarning, match="crowds left out: 1"):
        assert len(load_annotations(path).records[0].boxes) == 1
    with pytest.raises(ValueError, match="a crowd is not one object"):
        load_coco(path, class_names=NAMES)


# ------------------------------------------------------------------------------------ what is left out


def test_one_warning_tells_everything(tmp_path):
    content = via(
        region(rectangle(), {"name": "can"}),
        region(rectangle(width=0), {"name": "can"}),
        region(rectangle(x=60), {"name": "can"}),
        region(rectangle(x=70), {"name": "bottle"}),
        region({"name": "point", "cx": 1, "cy": 1}, {"name": "can"}),
        region(polygon([[1, 1], [2, 2]]), {"name": "can"}),
        region(rectangle(), {"name": "giraffe"}),
    )
    path = put(tmp_path / "v.json", content)
    image(tmp_path / "a.jpg")
    with pytest.warns(UserWarning) as caught:
        found = load_annotations(path, class_names=NAMES, unknown="skip")
    assert boxes_of(found.records) == [[[1, 2, 11, 22], [60, 2, 64, 22]]]
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith(str(path))
    for told in (
        "rectangles without area left out: 1 (Can 1; the first: image 'a.jpg', region 1)",
        "boxes cut at the edge of their image: 1 (Can 1; the first: image 'a.jpg', region 2)",
        "boxes outside their image left out: 1 (bottle 1;",
        "shapes without area: 'point' left out: 1 (Can 1;",
        "polygons of fewer than three points left out: 1 (Can 1;",
        "objects of a foreign class left out: 1 (giraffe 1;",
    ):
        assert told in text, text
    with pytest.raises(ValueError, match=r"region 1, shape_attributes, width: expected more than 0"):
        load_via(path, class_names=NAMES)
    with pytest.warns(UserWarning, match="without area left out"):
        found = load_via(path, class_names=NAMES, without_area="skip", outside="clip", unknown="skip")
    assert len(found[0].boxes) == 2


def test_a_part_without_area_does_not_take_the_object_with_it(tmp_path):
    flat = np.ravel(TRIANGLE).tolist()
    path = put(tmp_path / "c.json", coco({"segmentation": [flat, [1, 2, 3, 4]], "bbox": [10, 5, 30, 25]}))
    with pytest.warns(UserWarning, match="polygons of fewer than three points left out: 1"):
        (record,) = load_annotations(path).records
    np.testing.assert_array_equal(record.polygons[0], TRIANGLE)


def test_the_size_of_an_image_counts_more_than_what_the_file_says(tmp_path):
    image(tmp_path / "a.jpg")
    path = put(tmp_path / "c.json", coco({"bbox": [30, 5, 20, 10]}, size=(10, 20)))
    with pytest.warns(UserWarning, match="image sizes in the file that are not those of the image"):
        assert boxes_of(load_annotations(path).records) == [[[30, 5, 50, 15]]]


# ------------------------------------------------------------------------------------ other formats


@pytest.mark.parametrize("head", ["#filename", "filename"])
def test_via_tables(tmp_path, head):
    def cell(value):
        return '"' + json.dumps(value).replace('"', '""') + '"'

    lines = [
        f"{head},file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
        f'a.jpg,7,"{{}}",2,0,{cell(rectangle())},{cell({"name": "can"})}',
        f'a.jpg,7,"{{}}",2,1,{cell(polygon(TRIANGLE))},{cell({"name": "bottle"})}',
        'b.jpg,8,"{}",0,0,"{}","{}"',
    ]
    path = put(tmp_path / "v.csv", "\n".join(lines))
    found = load_annotations(path)
    assert [record.file_name for record in found.records] == ["a.jpg", "b.jpg"]
    assert found.class_names == ("background", "bottle", "can")
    assert found.records[0].class_ids.tolist() == [2, 1]
    assert_same(load_via(path, class_names=found.class_names), found.records)
    put(path, lines[0] + '\na.jpg,7,"{}",1,0,"{","{}"')
    with pytest.raises(ValueError, match="line 2, region_shape_attributes: not a JSON"):
        load_annotations(path)


VOC = """<annotation><folder>x</folder><filename>{name}</filename><size><width>64</width><height>48</height></size>
<object><name>can</name><difficult>1</difficult><part><name>lid</name><bndbox><xmin>9</xmin></bndbox></part>
<bndbox><ymin>3</ymin><xmin>2</xmin><xmax>11</xmax><ymax>22</ymax></bndbox></object>
<object><name>Bottle</name><bndbox><xmin>0</xmin><ymin>3</ymin><xmax>11.5</xmax><ymax>22</ymax></bndbox></object>
</annotation>"""


def test_voc_of_others(tmp_path):
    put(tmp_path / "Annotations" / "a.xml", VOC.format(name="a.jpg"))
    put(tmp_path / "Annotations" / "b.xml", VOC.format(name=r"C:\photographs\b.jpg"))
    put(tmp_path / "Annotations" / "c.xml", VOC.format(name="c"))
    image(tmp_path / "images" / "c.png")
    for name in ("a.jpg", "b.jpg"):
        image(tmp_path / "images" / name)
    with pytest.warns(UserWarning, match="boxes cut at the edge of their image: 3"):
        found = load_annotations(tmp_path, image_folder=tmp_path / "images", format="voc")
    assert [record.file_name for record in found.records] == ["a.jpg", "b.jpg", "c.png"]
    assert found.class_names == ("background", "Bottle", "can")
    assert boxes_of(found.records) == [[[1, 2, 11, 22], [0, 2, 11.5, 22]]] * 3
    assert found.records[0].class_ids.tolist() == [2, 1]


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>
<annotation><filename>&b;</filename></annotation>"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "without a document type declaration"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><annotations/>', "without a document type declaration"),
        ("<annotation>", "not an XML file that can be read"),
        ('<?xml version="1.0" encoding="none"?><annotation/>', "not an XML file that can be read"),
        ("<html></html>", "expected <annotations> of images, got <html>"),
        ("<annotations><track/></annotations>", "tracks of a video"),
        ("<annotation/>", "filename: expected the name of an image"),
        (
            VOC.format(name="a.jpg").replace("<xmin>2", "<xmin>two"),
            r"object 0, bndbox\.xmin: expected a finite number",
        ),
        (
            VOC.format(name="a.jpg").replace("<xmin>2</xmin>", ""),
            r"object 0, bndbox\.xmin: expected a finite number",
        ),
    ],
)
def test_bad_xml_is_refused(tmp_path, content, message):
    path = put(tmp_path / "a.xml", content)
    with pytest.raises(ValueError, match=message):
        load_annotations(path)


def test_yolo_of_others(tmp_path):
    put(tmp_path / "labels" / "a.txt", "1 0.5 0.5 0.5 0.5\n\n0 0.25 0.25 0.5 0.25 0.5 0.5\n")
    put(tmp_path / "classes.txt", "Can\nbottle\n")
    for name in ("a.jpg", "b.png"):
        image(tmp_path / "images" / name, (40, 80))
    with pytest.warns(UserWarning, match="images without a file of labels read as images without objects"):
        found = load_annotations(tmp_path)
    assert found.class_names == NAMES
    assert [record.file_name for record in found.records] == ["a.jpg", "b.png"]
    assert found.records[0].class_ids.tolist() == [2, 1]
    assert found.records[0].boxes.tolist() == [[20, 10, 60, 30], [20, 10, 40, 20]]
    assert found.records[1].boxes.shape == (0, 4)
    (tmp_path / "images" / "b.png").unlink()
    for text in ("names: [Can, bottle]\n", "names:\n  0: Can\n  1: bottle\n", "nc: 2\nnames:\n- Can\n- bottle\n"):
        put(tmp_path / "data.yaml", text)
        assert load_annotations(tmp_path / "data.yaml").class_names == NAMES
    (tmp_path / "data.yaml").unlink()
    (tmp_path / "classes.txt").unlink()
    assert load_annotations(tmp_path, class_names=("background", "x", "y")).records[0].class_ids.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.5 0.5", "line 1, class: 2 has no name; there are 2"),
        ("-1 0.5 0.5 0.5 0.5", "line 1, class: expected an index"),
        ("0 0.5 0.5 0.5", "line 1: expected a class and x, y"),
        ("0 0.5 0.5 0.5 0.5 0.9", "line 1: expected a class and x, y"),
        ("0 0.5 0.5 nan 0.5", "line 1, number 3: expected a finite"),
    ],
)
def test_bad_yolo_is_refused(tmp_path, line, message):
    put(tmp_path / "labels" / "a.txt", line)
    put(tmp_path / "data.yaml", "names: [Can, bottle]")
    with pytest.raises(ValueError, match=r"a\.txt: expected one image that is called so, found none"):
        load_annotations(tmp_path)
    image(tmp_path / "images" / "a.jpg")
    with pytest.raises(ValueError, match=message):
        load_annotations(tmp_path)
    put(tmp_path / "data.yaml", "names: [")
    with pytest.raises(ValueError, match="not a YAML file"):
        load_annotations(tmp_path)


def test_without_pyyaml_its_name_and_the_way_round_are_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    put(tmp_path / "labels" / "a.txt", "0 0.5 0.5 0.5 0.5")
    put(tmp_path / "data.yaml", "names: [Can]")
    image(tmp_path / "images" / "a.jpg")
    with pytest.raises(ValueError, match=r"data\.yaml: PyYAML reads it: pip install pyyaml, or .*classes\.txt"):
        load_annotations(tmp_path)


def test_labelme(tmp_path):
    mask = ring()[5:25, 10:33]
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    shapes = [
        {"label": "can", "points": TRIANGLE, "shape_type": "polygon", "group_id": None},
        {"label": "bottle", "points": [[9, 8], [1, 2]], "shape_type": "rectangle"},
        {"label": "bottle", "points": [[20, 20], [20, 25]], "shape_type": "circle"},
        {"label": "can", "points": [[1, 2], [5, 6]], "shape_type": "line"},
        {"label": "can", "points": TRIANGLE, "group_id": 3},
        {"label": "can", "points": (np.array(TRIANGLE) + 9).tolist(), "group_id": 3},
        {
            "label": "can",
            "points": [[10, 5], [33, 25]],
            "shape_type": "mask",
            "mask": base64.b64encode(buffer.getvalue()).decode("ascii"),
        },
    ]
    content = {
        "version": "5",
        "imagePath": r"..\images\a.jpg",
        "imageHeight": 48,
        "imageWidth": 64,
        "shapes": shapes,
    }
    put(tmp_path / "a.json", content)
    put(tmp_path / "b.json", content | {"imagePath": "../images/b.jpg", "shapes": []})
    with pytest.warns(UserWarning, match="shapes without area: 'line' left out: 1"):
        found = load_annotations(tmp_path)
    assert [record.file_name for record in found.records] == ["a.jpg", "b.jpg"]
    assert found.class_names == ("background", "bottle", "can")
    (one, _) = found.records
    assert one.class_ids.tolist() == [2, 1, 1, 2, 2]
    assert one.boxes.tolist() == [
        [10, 5, 40, 30],
        [1, 2, 9, 8],
        [15, 15, 25, 25],
        [10, 5, 49, 39],
        [10, 5, 33, 25],
    ]
    drawn = polygons_to_label_map(one.polygons[4:], [1], *SIZE)
    np.testing.assert_array_equal(drawn[5:25, 10:33], mask)
    put(tmp_path / "b.json", content | {"shapes": [shapes[-1] | {"mask": "AAAA"}]})
    with pytest.raises(ValueError, match=r"b\.json, shape 0, mask: expected a PNG file in base 64"):
        load_annotations(tmp_path)


CVAT = """<annotations><version>1.1</version><meta><task><labels><label><name>can</name></label>
<label><name>bottle</name></label></labels></task></meta>
<image id="0" name="front/a.jpg" width="64" height="48">
<box label="bottle" xtl="1" ytl="2" xbr="11" ybr="22" occluded="0"/>
<box label="can" xtl="10" ytl="20" xbr="30" ybr="30" rotation="90"/>
<polygon label="can" points="10,5;40,8;22,30"/>
<ellipse label="can" cx="20" cy="20" rx="5" ry="10"/>
<mask label="bottle" rle="1, 2, 3" left="10" top="20" width="3" height="2"/>
<points label="can" points="1,2"/><tag label="can"/>
</image><image id="1" name="b.jpg" width="64" height="48"/></annotations>"""


def test_cvat(tmp_path):
    path = put(tmp_path / "annotations.xml", CVAT)
    for place in (path, tmp_path):
        with pytest.warns(UserWarning, match="'points' left out.*tags of whole images left out"):
            found = load_annotations(place)
        assert found.class_names == ("background", "can", "bottle")
        assert [record.file_name for record in found.records] == ["front/a.jpg", "b.jpg"]
        one = found.records[0]
        assert one.class_ids.tolist() == [2, 1, 1, 1, 2]
        expected = [[1, 2, 11, 22], [15, 15, 25, 35], [10, 5, 40, 30], [15, 10, 25, 30], [11, 20, 13, 21]]
        np.testing.assert_allclose(one.boxes, expected, atol=1e-9)


def masks(folder, **arrays):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        array.save(folder / f"{name}.png") if isinstance(array, Image.Image) else Image.fromarray(array).save(
            folder / f"{name}.png"
        )
    return folder


def test_masks_of_ids(tmp_path):
    labels = ring().astype(np.uint8) * 2
    labels[0, 0] = 1
    folder = masks(tmp_path / "masks", a=labels, b=np.zeros(SIZE, np.uint8))
    found = load_annotations(folder)
    assert found.class_names == ("background", "1", "2")
    assert found.records[0].boxes.tolist() == [[0, 0, 1, 1], [10, 5, 33, 25], [60, 40, 64, 48]]
    assert found.records[0].class_ids.tolist() == [1, 2, 2]
    drawn = polygons_to_label_map(found.records[0].polygons, found.records[0].class_ids, *SIZE)
    np.testing.assert_array_equal(drawn, labels)
    for name in ("a.jpg", "b.jpg"):
        image(tmp_path / "images" / name)
    found = load_annotations(folder, class_names=NAMES, image_folder=tmp_path / "images")
    assert [record.file_name for record in found.records] == ["a.jpg", "b.jpg"]
    labels[0, 1] = 255
    masks(folder, a=labels)
    with pytest.warns(UserWarning, match="masks with pixels of 255, which are ignored: 1"):
        assert len(load_annotations(folder).records[0].boxes) == 3
    image(tmp_path / "images" / "a.jpg", (9, 9))
    with pytest.raises(ValueError, match=r"expected a mask of \(9, 9\), as its image, got \(48, 64\)"):
        load_annotations(folder, image_folder=tmp_path / "images")


def test_masks_of_0_and_255(tmp_path):
    folder = masks(tmp_path / "masks", a=ring().astype(np.uint8) * 255)
    told = "masks of 0 and 255 only, where 255 is read as a class"
    for options, names in (
        ({}, ("background", "1")),
        ({"default_class": "cup"}, ("background", "cup")),
        ({"class_names": NAMES[:2]}, NAMES[:2]),
    ):
        with pytest.warns(UserWarning, match=told):
            found = load_annotations(folder, **options)
        assert (found.class_names, found.records[0].class_ids.tolist()) == (names, [1, 1])
    with pytest.raises(ValueError, match="the masks hold 0 and 255 only, expected the ids of"):
        load_annotations(folder, class_names=NAMES)
    with pytest.warns(UserWarning, match=told):
        assert load_annotations(folder, class_names=NAMES, default_class="bottle").records[
            0
        ].class_ids.tolist() == [2, 2]


def test_masks_of_colours(tmp_path):
    colours = np.zeros((*SIZE, 3), np.uint8)
    colours[2:5, 3:7] = [0, 128, 0]
    colours[9:12, 3:7] = [250, 0, 128]
    paletted = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE)
    folder = masks(tmp_path / "masks", a=colours, b=paletted)
    with pytest.raises(
        ValueError, match=r"a\.png: expected pixels that are class ids, got the bands \('R', 'G', 'B'\)"
    ):
        load_annotations(folder)
    lines = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nCan:250,0,128::\nbottle:0,128,0::\n"
    put(tmp_path / "labelmap.txt", lines)
    found = load_annotations(folder)
    assert found.class_names == NAMES
    for record in found.records:
        assert record.class_ids.tolist() == [1, 2]
        assert record.boxes.tolist() == [[3, 9, 7, 12], [3, 2, 7, 5]]
    put(folder / "label_colors.txt", "250 0 128 Can\n")
    (tmp_path / "labelmap.txt").unlink()
    with pytest.raises(ValueError, match=r"no colour \[0, 128, 0\]"):
        load_annotations(folder)
    put(folder / "label_colors.txt", "250 0 Can\n")
    with pytest.raises(ValueError, match=r"label_colors\.txt, line 1: expected a name and three numbers"):
        load_annotations(folder)


def test_any_mask_comes_back_to_the_pixel():
    rng = np.random.default_rng(0)
    for density in (0.1, 0.5, 0.9):
        for _ in range(5):
            mask = rng.random((17, 23)) < density
            parts = mask_parts(mask)
            np.testing.assert_array_equal(polygons_to_label_map([parts], [1], 17, 23) if parts else mask * 0, mask)
    assert mask_parts(np.zeros((3, 4), bool)) == []


# ------------------------------------------------------------------------------------ folders and arguments


def test_a_folder_holds_one_format(tmp_path):
    put(tmp_path / "b.csv", "frame,xmin,xmax,ymin,ymax,class_id\na.jpg,0,1,0,1,2\n")
    image(tmp_path / "a.jpg")
    assert boxes_of(load_annotations(tmp_path).records) == [[[0, 0, 1, 1]]]
    put(tmp_path / "v.json", via(region(rectangle(), {"name": "can"})))
    with pytest.raises(
        ValueError, match=r"expected annotations of one format .*got \['v\.json', 'b\.csv'\]; name one"
    ):
        load_annotations(tmp_path)
    assert boxes_of(load_annotations(tmp_path, format="csv").records) == [[[0, 0, 1, 1]]]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected annotations of one format .*found none"):
        load_annotations(tmp_path / "empty")


def test_arguments_are_checked(tmp_path):
    path = put(tmp_path / "v.json", via(region(rectangle(), {"name": "can"})))
    for options, message in [
        ({"class_names": "can"}, "class_names"),
        ({"format": "via2"}, "format: expected one of"),
        ({"format": "coco"}, "expected the format 'coco', got 'via'"),
        ({"unknown": "drop"}, "unknown: expected one of"),
        ({"image_folder": tmp_path / "none"}, "image_folder: expected a folder"),
    ]:
        with pytest.raises(ValueError, match=message):
            load_annotations(path, **options)
    with pytest.raises(FileNotFoundError, match="none"):
        load_annotations(tmp_path / "none")
    Image.new("L", (3, 4)).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match="masks are read from their folder"):
        load_annotations(tmp_path / "m.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_annotations(Path(path)).class_names == ("background", "can")


def test_names_that_lead_out_of_the_folder_are_not_followed(tmp_path):
    image(tmp_path / "secret.jpg", (3, 3))
    folder = tmp_path / "photographs"
    folder.mkdir()
    path = put(tmp_path / "a" / "v.json", via(region(rectangle(), {"name": "can"}), filename="../secret.jpg"))
    with pytest.raises(ValueError, match="lies outside the folder"):
        load_annotations(path, image_folder=folder)
    assert boxes_of(load_annotations(path).records) == [[[1, 2, 11, 22]]]
    put(path, via(region(rectangle(), {"name": "can"}), filename="https://example.org/x/a.jpg"))
    assert load_annotations(path).records[0].file_name == "a.jpg"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "v.json")
    for load in (load_annotations, lambda path: load_via(path, class_names=NAMES)):
        with pytest.raises(ValueError, match="expected a file, got something else"):
            load(tmp_path / "v.json")
    put(tmp_path / "x" / "a.json", {"imagePath": "a.jpg", "shapes": []})
    os.mkfifo(tmp_path / "x" / "b.json")
    assert len(load_annotations(tmp_path / "x").records) == 1
