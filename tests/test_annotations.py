"""Annotation files: read, written, read back, and refused with the place that is wrong."""

import copy
import json
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from skimage import draw

from course_utils import annotations
from course_utils.annotations import Record, polygons_to_label_map, save_boxes_csv
from course_utils.datasets import CLASS_NAMES

load_via, load_coco, load_boxes_csv, save_via, save_coco = (
    partial(getattr(annotations, name), class_names=CLASS_NAMES)
    for name in ("load_via", "load_coco", "load_boxes_csv", "save_via", "save_coco")
)

TRIANGLE = [[10.0, 5.0], [40.5, 8.0], [22.0, 30.2]]
SQUARE = [[50.0, 10.0], [60.0, 10.0], [60.0, 20.0], [50.0, 20.0]]
CSV = "frame,xmin,xmax,ymin,ymax,class_id"
FLAT_TRIANGLE, FLAT_SQUARE = (np.ravel(points).tolist() for points in (TRIANGLE, SQUARE))


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8", newline="")
    return path


def rectangle(x=1, y=2, width=10, height=20, **attributes):
    return {
        "shape_attributes": {"name": "rect", "x": x, "y": y, "width": width, "height": height},
        "region_attributes": attributes or {"name": "bottle"},
    }


def polygon(points, **attributes):
    x, y = ([point[axis] for point in points] for axis in (0, 1))
    return {
        "shape_attributes": {"name": "polygon", "all_points_x": x, "all_points_y": y},
        "region_attributes": attributes or {"name": "can"},
    }


def shaped(**shape):
    return {"shape_attributes": shape, "region_attributes": {"name": "1"}}


def via(*regions, file_attributes=None, **project):
    image = {"filename": "a.jpg", "size": 7, "regions": list(regions), "file_attributes": file_attributes or {}}
    return {"_via_img_metadata": {"a.jpg7": image}, "_via_attributes": {}, "_via_settings": {}} | project


COCO = {
    "images": [{"id": 4, "file_name": "a.jpg", "width": 64, "height": 48}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [
        {"id": 9, "image_id": 4, "category_id": 30, "bbox": [1, 2, 10, 20.5], "segmentation": [FLAT_TRIANGLE]},
        {"id": 8, "image_id": 4, "category_id": 10, "bbox": [5, 5, 2, 2], "iscrowd": 0},
    ],
    "categories": [{"id": 30, "name": "Can"}, {"id": 10, "name": "carton"}, {"id": 77, "name": "giraffe"}],
}


def coco(**changes):
    """COCO with entries changed: ``annotations__0__bbox=…``; ``...`` takes an entry away."""
    content = copy.deepcopy(COCO)
    for path, value in changes.items():
        *way, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        holder = content
        for step in way:
            holder = holder[step]
        if value is ...:
            del holder[last]
        else:
            holder[last] = value
    return content


@pytest.fixture
def records():
    return [
        Record("a.jpg", [[10, 5, 40.5, 30.2], [1, 2, 3, 4.25]], [3, 1], [np.array(TRIANGLE), None]),
        Record("empty.jpg", [], [], []),
        Record("ü, b.jpg", [[10, 5, 60, 30.2]], [2], [[np.array(TRIANGLE), np.array(SQUARE)]]),
    ]


def assert_same(found, expected):
    assert [r.file_name for r in found] == [r.file_name for r in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.boxes.dtype == np.float64
        assert one.class_ids.dtype == np.int64
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-9)
        np.testing.assert_array_equal(one.class_ids, other.class_ids)
        assert len(one.polygons) == len(other.polygons)
        for mine, theirs in zip(one.polygons, other.polygons, strict=True):
            assert type(mine) is type(theirs)
            pairs = (
                [(mine, theirs)] if isinstance(mine, np.ndarray) else zip(mine or [], theirs or [], strict=True)
            )
            for a, b in pairs:
                assert a.dtype == np.float64
                np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------- there and back


def test_via_with_polygons_there_and_back(tmp_path, records):
    save_via(records, tmp_path / "v.json")
    assert_same(load_via(tmp_path / "v.json"), records)


def test_via_with_rectangles_there_and_back(tmp_path, records):
    save_via(records, tmp_path / "v.json", kind="boxes")
    boxes_only = [Record(r.file_name, r.boxes, r.class_ids, [None] * len(r.boxes)) for r in records]
    assert_same(load_via(tmp_path / "v.json"), boxes_only)


def test_coco_there_and_back(tmp_path, records):
    save_coco(records, tmp_path / "c.json", image_size=(48, 64))
    assert_same(load_coco(tmp_path / "c.json"), records)
    images = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["images"]
    assert images[0] == {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}


def test_boxes_there_and_back(tmp_path, records):
    save_boxes_csv(records, tmp_path / "b.csv")
    text = (tmp_path / "b.csv").read_text(encoding="utf-8")
    assert text.splitlines()[:2] == ["frame,xmin,xmax,ymin,ymax,class_id", "a.jpg,10,40.5,5,30.2,3"]
    expected = [Record(r.file_name, r.boxes, r.class_ids, [None] * len(r.boxes)) for r in records if len(r.boxes)]
    assert_same(load_boxes_csv(tmp_path / "b.csv"), expected)


@given(
    boxes=arrays(np.float64, (5, 2, 2), elements=st.floats(0, 500)),
    points=arrays(np.float64, (7, 2), elements=st.floats(0, 600), unique=True),
)
def test_any_numbers_come_back_rounded(tmp_path_factory, boxes, points):
    folder = tmp_path_factory.mktemp("any")
    corners = np.concatenate([boxes.min(axis=1), boxes.max(axis=1) + 0.5], axis=1)
    record = Record("a.jpg", corners, [1, 2, 3, 1, 2], [points + np.arange(7)[:, None]] + [None] * 4)
    save_coco([record], folder / "c.json", image_size=(700, 700))
    save_via([record], folder / "v.json", kind="boxes")
    save_boxes_csv([record], folder / "b.csv")
    for (found,) in (load_coco(folder / "c.json"), load_via(folder / "v.json"), load_boxes_csv(folder / "b.csv")):
        np.testing.assert_allclose(found.boxes, corners, atol=0.000501)
    np.testing.assert_allclose(load_coco(folder / "c.json")[0].polygons[0], record.polygons[0], atol=0.0501)


def test_a_writer_that_fails_leaves_the_old_file(tmp_path, records):
    path = write(tmp_path / "v.json", "old")
    with pytest.raises(ValueError, match="given twice"):
        save_via([*records, records[0]], path)
    with pytest.raises(ValueError, match=r"'a\.jpg' has class 3"):
        save_coco(records, path, class_names=("background", "x", "y"), image_size=(9, 9))
    with pytest.raises(ValueError, match="image_size, image_folder"):
        save_coco(records, path)
    with pytest.raises(AttributeError):
        save_boxes_csv([*records, None], path)
    assert [file.name for file in tmp_path.iterdir()] == ["v.json"]
    assert path.read_text(encoding="utf-8") == "old"


def test_what_is_written_for_via_opens_there(tmp_path, records):
    for record in records:
        Image.new("RGB", (64, 48)).save(tmp_path / record.file_name)
    save_via(records, tmp_path / "v.json", image_folder=tmp_path)
    project = json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))
    assert {"_via_settings", "_via_img_metadata", "_via_attributes", "_via_image_id_list"} <= project.keys()
    for key, image in project["_via_img_metadata"].items():
        assert image["size"] == (tmp_path / image["filename"]).stat().st_size
        assert key == f"{image['filename']}{image['size']}"
    assert project["_via_image_id_list"] == list(project["_via_img_metadata"])
    assert max(map(len, (tmp_path / "v.json").read_text(encoding="utf-8").splitlines())) < 120


# -------------------------------------------------------------------------- users' files of other shapes


def test_a_project_with_other_attributes_and_several_regions(tmp_path):
    content = via(
        polygon(TRIANGLE, Name="3", object_id="x"),
        rectangle(Name="1"),
        polygon(SQUARE, Name="3", object_id="x"),
        rectangle(x=0, y=0, width=4, height=4, Name="2", object_id="y"),
        polygon(SQUARE, Name="2", object_id="y"),
    )
    (record,) = load_via(write(tmp_path / "v.json", content))
    np.testing.assert_array_equal(record.class_ids, [3, 1, 2])
    np.testing.assert_array_equal(record.boxes, [[10, 5, 60, 30.2], [1, 2, 11, 22], [0, 0, 60, 20]])
    assert [len(part) for part in record.polygons[0]] == [3, 4]
    assert record.polygons[1] is None
    np.testing.assert_array_equal(record.polygons[2], SQUARE)


@pytest.mark.parametrize(
    ("attributes", "options"),
    [
        ({"Class": "Carton"}, {}),
        ({"LABEL": 3}, {}),
        ({"what is it": " carton "}, {}),
        ({"what": "carton", "sure": "yes"}, {"attribute": "what"}),
        ({"name": {"carton": True, "can": False}}, {}),
        ({"name": "3.0"}, {}),
        ({"name": 3.0}, {}),
        ({"name": "Saft"}, {"class_names": ("nichts", "Wasser", "Limo", "saft")}),
        ({"object_id": "carton"}, {}),
        ({"nr": 5, "kind": "carton"}, {"instance_attribute": "nr", "attribute": "kind"}),
        ({"nr": 5, "kind": "carton"}, {"instance_attribute": "nr"}),
    ],
)
def test_ways_to_give_the_class(tmp_path, attributes, options):
    path = write(tmp_path / "v.json", via(rectangle(**attributes)))
    np.testing.assert_array_equal(load_via(path, **options)[0].class_ids, [3])


def test_what_the_project_says_of_its_options_counts(tmp_path):
    declared = {"region": {"drink": {"type": "radio", "options": {"1": "carton", "2": "some can"}}}, "file": {}}
    content = via(rectangle(drink="1"), rectangle(drink="2"), _via_attributes=declared)
    np.testing.assert_array_equal(load_via(write(tmp_path / "v.json", content))[0].class_ids, [3, 2])


def test_exported_annotations_of_both_versions(tmp_path):
    exported = via(rectangle(), polygon(TRIANGLE))["_via_img_metadata"]
    second = {"filename": "b.jpg", "size": 9, "regions": [], "file_attributes": {}}
    one = load_via(write(tmp_path / "2.json", exported | {"b.jpg9": second}))
    exported["a.jpg7"]["regions"] = {"0": rectangle(), "1": polygon(TRIANGLE)}
    exported["a.jpg7"] |= {"fileref": "", "base64_img_data": ""}
    other = load_via(write(tmp_path / "1.json", exported | {"b.jpg9": second | {"regions": {}}}))
    assert_same(one, other)
    assert [len(r.boxes) for r in one] == [2, 0]
    assert one[1].boxes.shape == (0, 4)
    assert load_via(write(tmp_path / "0.json", {})) == []


def test_circles_and_ellipses_become_polygons(tmp_path):
    circle = shaped(name="circle", cx=30, cy=20, r=10)
    ellipse = shaped(name="ellipse", cx=30, cy=20, rx=12, ry=5, theta=0.7)
    flat = shaped(name="ellipse", cx=30, cy=20, rx=12, ry=5)
    (record,) = load_via(write(tmp_path / "v.json", via(circle, ellipse, flat)))
    np.testing.assert_allclose(record.boxes[[0, 2]], [[20, 10, 40, 30], [18, 15, 42, 25]])
    for index, area in enumerate(np.pi * np.array([100, 60, 60])):
        corners = record.polygons[index]
        extent = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        np.testing.assert_allclose(extent, record.boxes[index], atol=0.02)
        x, y = corners.T
        assert abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2 == pytest.approx(area, rel=5e-4)
    x, y = (record.polygons[1] - [30, 20]).T  # turned towards +y, as a canvas turns
    assert np.corrcoef(x, y)[0, 1] > 0.5


def test_sizes_come_from_the_caller_the_images_or_the_file(tmp_path):
    path, images = write(tmp_path / "v.json", via(rectangle(width=70))), tmp_path / "images"
    images.mkdir()
    assert load_via(path)[0].boxes[0, 2] == 71
    Image.new("RGB", (64, 48)).save(images / "a.jpg")
    for known in ({"image_size": (48, 64)}, {"image_size": {"a.jpg": (48, 64)}}, {"image_folder": images}):
        with pytest.raises(
            ValueError, match=r"x \+ width: 71 lies outside the image of width 64 and height 48; outside="
        ):
            load_via(path, **known)
    np.testing.assert_array_equal(load_via(path, image_size=(48, 64), outside="clip")[0].boxes, [[1, 2, 64, 22]])
    noted = write(tmp_path / "n.json", via(rectangle(width=70), file_attributes={"width": "64", "height": 48}))
    with pytest.raises(ValueError, match="71 lies outside"):
        load_via(noted)
    other = write(tmp_path / "o.json", via(rectangle(width=70), file_attributes={"width": "wide", "height": ""}))
    assert load_via(other)[0].boxes[0, 2] == 71


def test_images_beside_the_file_are_measured_too(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    content = coco(annotations__1__bbox=[60, 5, 10, 2], images__0__width=..., images__0__height=...)
    wrong = [
        (load_via, via(rectangle(width=70))),
        (load_coco, content),
        (load_boxes_csv, f"{CSV}\na.jpg,1,70,2,9,3\n"),
    ]
    for load, text in wrong:
        path = write(tmp_path / "annotations", text)
        with pytest.raises(ValueError, match=r"7[01] lies outside the image of width 64 and height 48"):
            load(path)
        assert load(path, image_size=(48, 90))[0].boxes[-1, 2] in (70, 71)
    write(tmp_path / "a.jpg", "no image")
    assert len(load_via(write(tmp_path / "v.json", via(rectangle(width=70))))) == 1


def test_a_photograph_that_was_taken_upright_is_measured_upright(tmp_path):
    orientation = Image.Exif()
    orientation[0x0112] = 6
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg", exif=orientation)
    path = write(tmp_path / "v.json", via(rectangle(height=60)))
    assert load_via(path, image_folder=tmp_path)[0].boxes[0, 3] == 62


def test_a_polygon_may_leave_the_image_and_its_box_does_not(tmp_path):
    path = write(tmp_path / "v.json", via(polygon([[-5, -5], [70, 10], [10, 60]])))
    (record,) = load_via(path, image_size=(48, 64))
    np.testing.assert_array_equal(record.boxes, [[0, 0, 64, 48]])
    np.testing.assert_array_equal(record.polygons[0], [[-5, -5], [70, 10], [10, 60]])
    np.testing.assert_array_equal(load_via(path)[0].boxes, [[0, 0, 70, 60]])


def test_rounding_at_the_edge_is_not_outside(tmp_path):
    path = write(tmp_path / "v.json", via(rectangle(x=-0.02, y=0, width=64.05, height=48.01)))
    np.testing.assert_array_equal(load_via(path, image_size=(48, 64))[0].boxes, [[0, 0, 64, 48]])


def test_coco_of_others(tmp_path):
    a, b = load_coco(write(tmp_path / "c.json", COCO))
    assert (a.file_name, b.file_name) == ("a.jpg", "b.jpg")
    np.testing.assert_array_equal(a.class_ids, [2, 3])
    np.testing.assert_array_equal(a.boxes, [[1, 2, 11, 22.5], [5, 5, 7, 7]])
    np.testing.assert_array_equal(a.polygons[0], TRIANGLE)
    assert a.polygons[1] is None
    assert b.boxes.shape == (0, 4)


def test_coco_without_bbox_in_parts_and_with_crowds(tmp_path):
    content = coco(
        annotations__0__bbox=...,
        annotations__0__segmentation=[FLAT_TRIANGLE, FLAT_SQUARE],
        annotations__1__iscrowd=1,
        annotations__1__segmentation={"counts": [1, 2], "size": [48, 64]},
    )
    path = write(tmp_path / "c.json", content)
    told = r"crowds left out: 1 \(carton 1; the first: image 'a\.jpg', annotation 8\)"
    with pytest.warns(UserWarning, match=told):
        (record, _) = load_coco(path, crowds="skip")
    np.testing.assert_array_equal(record.boxes, [[10, 5, 60, 30.2]])
    assert [len(part) for part in record.polygons[0]] == [3, 4]


@pytest.mark.parametrize(
    "text",
    [
        f"{CSV}\na.jpg,1,5,2,9,3\nb.jpg,0,1,0,1,1\na.jpg,2,4,6,8,1\n",
        f"\ufeff{CSV}\r\na.jpg,1,5,2,9,3\r\nb.jpg,0,1,0,1,1\r\n\r\na.jpg,2,4,6,8,1\r\n\r\n\r\n",
        f"{CSV.replace(',', ';')}\na.jpg;1;5;2;9;3\nb.jpg;0;1;0;1;1\n;;;;;\na.jpg;2;4;6;8;1",
        f"{CSV}\na.jpg,1,5,2,9,3\nb.jpg,0,1,0,1,1\na.jpg,2,4,6,8,1\n".replace(",", "\t"),
        "Class, XMin, YMin, XMax, YMax, filename, note\n"
        'carton, 1, 2, 5, 9, "a.jpg", x\n Bottle ,0,0,1,1,b.jpg,\n1.0,2,6,4,8.0,a.jpg,""\n',
    ],
    ids=["plain", "byte order mark and CRLF", "semicolons", "tabs", "another tool's"],
)
def test_tables_of_many_kinds(tmp_path, text):
    a, b = load_boxes_csv(write(tmp_path / "b.csv", text), image_size=(9, 9))
    assert (a.file_name, b.file_name) == ("a.jpg", "b.jpg")
    np.testing.assert_array_equal(a.boxes, [[1, 2, 5, 9], [2, 6, 4, 8]])
    np.testing.assert_array_equal(a.class_ids, [3, 1])
    assert a.polygons == [None, None]


def test_a_table_without_rows_has_no_images(tmp_path):
    assert load_boxes_csv(write(tmp_path / "b.csv", CSV)) == []


# ------------------------------------------------------------------------------------ malformed files

TWICE = '{"a": 1, "a": 2}'
LINE_2 = r", line 2, "
REGION_0 = r": image 'a\.jpg', region 0, "
ANNOTATION_9 = r": image 'a\.jpg', annotation 9, "
BAD_VIA = [
    (b"\xff\xfe\x00", "not a JSON file"),
    ("", "not a JSON file"),
    ("{", "not a JSON file"),
    (TWICE, "the key 'a' stands twice"),
    ("[" * 100_000, "not a JSON file"),
    ([], "expected VIA's object of images, got"),
    (3, "expected VIA's object of images, got 3"),
    ({"_via_settings": {}}, "_via_img_metadata: missing"),
    ({"_via_img_metadata": []}, "_via_img_metadata: expected an object of images"),
    ({"project": {}, "file": {}, "metadata": {}}, "VIA 3"),
    (COCO, "load_coco"),
    ({"a": 5}, ": image 'a': expected an object with 'filename', got 5"),
    ({"a": {"regions": []}}, ": image 'a', filename: missing"),
    ({"a": {"filename": 7, "regions": []}}, ": image 'a', filename: expected text, got 7"),
    ({"a": {"filename": " ", "regions": []}}, ": image 'a', filename: expected the name"),
    ({"a": {"filename": "a.jpg"}}, r": image 'a\.jpg', regions: missing"),
    ({"a": {"filename": "a.jpg", "regions": 5}}, r": image 'a\.jpg', regions: expected a list"),
    ({k: {"filename": "a.jpg", "regions": []} for k in "ab"}, "filename: given twice, under 'a' and 'b'"),
    (via(7), r": image 'a\.jpg', region 0: expected an object with 'region_attributes'"),
    (via({"shape_attributes": {}}), REGION_0 + "region_attributes: missing"),
    (via({"region_attributes": {"name": "can"}}), REGION_0 + "shape_attributes: missing"),
    (via(rectangle(), rectangle(name="cup")), r", region 1, region_attributes\.name: unknown class: 'cup'"),
    (
        via(rectangle(name="4")),
        REGION_0 + r"region_attributes\.name: unknown class: '4'; expected one of: 1 bottle",
    ),
    (via(rectangle(name=-1)), REGION_0 + r"region_attributes\.name: unknown class: -1"),
    (via(rectangle(name=1.5)), REGION_0 + r"region_attributes\.name: unknown class: 1\.5"),
    (via(rectangle(name=float("inf"))), REGION_0 + r"region_attributes\.name: unknown class: inf"),
    (via(rectangle(name=10**400)), REGION_0 + r"region_attributes\.name: unknown class: 1000"),
    (via(rectangle(name="9" * 5000)), REGION_0 + r"region_attributes\.name: unknown class: '999"),
    (via(rectangle(name=True)), REGION_0 + r"region_attributes\.name: unknown class: True"),
    (via(rectangle(name=None)), REGION_0 + r"region_attributes\.name: unknown class: None"),
    (via(rectangle(name="")), REGION_0 + r"region_attributes\.name: unknown class: ''"),
    (via(rectangle(name="background")), REGION_0 + r"region_attributes\.name: the background is not an object"),
    (
        via(rectangle(name={"can": True, "bottle": True})),
        REGION_0 + r"region_attributes\.name: expected one class",
    ),
    (
        via(rectangle(kind="can", sure="yes")),
        REGION_0 + r"region_attributes\.name: missing.*'kind', 'sure'.*attribute=",
    ),
    (via(shaped(name="point", cx=1, cy=2)), REGION_0 + "shape_attributes, name: expected rect.*'point'"),
    (via(shaped(name="polyline", all_points_x=[1, 2], all_points_y=[1, 2])), "shape_attributes, name.*'polyline'"),
    (via(shaped(x=1)), REGION_0 + "shape_attributes, name: missing"),
    (via(shaped(name="rect", x=1, y=2, width=3)), REGION_0 + "shape_attributes, height: missing"),
    (via(rectangle(x="1")), REGION_0 + "shape_attributes, x: expected a number, got '1'"),
    (via(rectangle(x=None)), REGION_0 + "shape_attributes, x: expected a number, got None"),
    (via(rectangle(y=float("nan"))), REGION_0 + "shape_attributes, y: expected a finite number, got nan"),
    (via(rectangle(y=10**400)), REGION_0 + "shape_attributes, y: expected a finite number"),
    (via(rectangle(width=0)), REGION_0 + "shape_attributes, width: expected more than 0, got 0"),
    (via(rectangle(height=-4)), REGION_0 + "shape_attributes, height: expected more than 0, got -4"),
    (via(rectangle(x=-4)), REGION_0 + "shape_attributes, x: -4 lies outside the image;"),
    (via(rectangle(x=-40)), REGION_0 + "shape_attributes, x: -40 lies outside the image$"),
    (via(shaped(name="circle", cx=1, cy=2, r=0)), REGION_0 + "shape_attributes, r: expected more than 0"),
    (via(shaped(name="circle", cx=1, cy=20, r=5)), REGION_0 + "shape_attributes, cx, r: -4 lies outside"),
    (via(shaped(name="ellipse", cx=1, cy=2, rx=2)), REGION_0 + "shape_attributes, ry: missing"),
    (via(polygon(TRIANGLE[:2])), REGION_0 + "shape_attributes, all_points_x.*three different points or more, got"),
    (via(polygon([])), REGION_0 + "shape_attributes, all_points_x.*three points or more, got none"),
    (
        via(polygon([*TRIANGLE[:2], TRIANGLE[0]])),
        REGION_0 + "shape_attributes, all_points_x.*three different points",
    ),
    (via(polygon([[1, 1], [2, 1], [3, "4"]])), REGION_0 + "shape_attributes, all_points_y: expected numbers"),
    (
        via(polygon([[1, 1], [2, None], [3, 4]])),
        REGION_0 + r"shape_attributes, all_points_y\[1\]: expected a finite",
    ),
    (via(polygon([[1, 1], [2, 1], [3, 1]])), REGION_0 + "shape_attributes, .*covers nothing"),
    (via(polygon([[-9, 1], [-8, 5], [-7, 1]])), REGION_0 + "shape_attributes, .*covers nothing inside the image"),
    (
        via(shaped(name="polygon", all_points_x=[1, 2, 3], all_points_y=[1, 2])),
        REGION_0 + "shape_attributes, all_points_y: expected 3 numbers, as in all_points_x, got 2",
    ),
    (
        via(polygon(TRIANGLE, name="1", instance="a"), polygon(SQUARE, name="2", instance="a")),
        r"region 1, region_attributes\.instance: 'a' has two classes, bottle and can",
    ),
    (via(rectangle(name="1", instance={"a": 1})), REGION_0 + r"region_attributes\.instance: expected a name"),
]
BAD_COCO = [
    ("nothing", "not a JSON file"),
    ([{"image_id": 1}], "expected an object with 'images'"),
    (via(), "load_via"),
    (coco(images=...), ", images: missing"),
    (coco(categories={}), ", categories: expected a list"),
    (coco(annotations__1=5), r": annotations\[1\]: expected an object with 'id'"),
    (coco(annotations__1__id=...), r": annotations\[1\], id: missing"),
    (coco(annotations__1__id=9), r": annotations\[1\], id: 9 is given twice"),
    (coco(images__1__file_name=...), ": image 2, file_name: missing"),
    (coco(images__1__file_name="a.jpg"), r": image 'a\.jpg', file_name: given twice"),
    (coco(images__0__width="64"), r": image 'a\.jpg', width: expected a number, got '64'"),
    (coco(images__0__width=0), r": image 'a\.jpg', height, width: expected 1 to 1,000,000, got 48 and 0"),
    (coco(images__0__width=10**400), r": image 'a\.jpg', height, width: expected 1 to"),
    (coco(annotations__0__image_id=5), ": annotation 9, image_id: no image has the id 5"),
    (coco(annotations__0__image_id=...), ": annotation 9, image_id: missing"),
    (coco(annotations__0__category_id=5), ANNOTATION_9 + "category_id: no category has the id 5"),
    (coco(annotations__0__category_id=77), ANNOTATION_9 + "category_id: unknown class: category 77 is 'giraffe'"),
    (coco(categories__0__name=...), ": category 30, name: missing"),
    (coco(categories__0__name="2"), ANNOTATION_9 + "category_id: unknown class"),
    (coco(annotations__0__iscrowd=1), ANNOTATION_9 + "iscrowd: a crowd"),
    (coco(annotations__0__bbox=[1, 2, 3]), ANNOTATION_9 + "bbox: expected x, y, width, height"),
    (coco(annotations__0__bbox=[1, 2, 3, "a"]), ANNOTATION_9 + r"bbox\[3\]: expected a finite number, got 'a'"),
    (coco(annotations__0__bbox=[1, 2, -3, 4]), ANNOTATION_9 + "bbox: expected a width above 0, got -3"),
    (coco(annotations__0__bbox=[1, 2, 3, 0]), ANNOTATION_9 + "bbox: expected a height above 0, got 0"),
    (
        coco(annotations__0__bbox=[1, 30, 3, 20]),
        ANNOTATION_9 + r"bbox\[1\] \+ bbox\[3\]: 50 lies outside the image of width 64",
    ),
    (coco(annotations__0__bbox=[-2, 3, 3, 4]), ANNOTATION_9 + r"bbox\[0\]: -2 lies outside"),
    (coco(annotations__1__bbox=...), "annotation 8, bbox: missing, and there is no segmentation"),
    (
        coco(annotations__0__segmentation={"counts": "x"}),
        ANNOTATION_9 + r"segmentation: given in run lengths \(RLE\)",
    ),
    (coco(annotations__0__segmentation=[1, 2, 3]), ANNOTATION_9 + "segmentation: expected a list of polygons"),
    (
        coco(annotations__0__segmentation=[[1, 2, 3, 4]]),
        ANNOTATION_9 + r"segmentation\[0\]: expected x and y of three",
    ),
    (
        coco(annotations__0__segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
        ANNOTATION_9 + r"segmentation\[0\].*got 7 numbers",
    ),
    (
        coco(annotations__0__segmentation=[[1, 2, 1, 2, 3, 4]]),
        ANNOTATION_9 + r"segmentation\[0\]: a polygon needs",
    ),
    (
        coco(annotations__0__segmentation=[[1, 2, 3, None, 5, 6]]),
        ANNOTATION_9 + r"segmentation, \[0\]\[3\]: expected",
    ),
    (coco(annotations__0__segmentation=[[99, 2, 98, 6, 97, 3]]), ANNOTATION_9 + "segmentation: .*covers nothing"),
]
BAD_CSV = [
    ("", "empty; expected the header frame,xmin"),
    ("\n\n", "empty; expected the header"),
    ("frame,xmin,ymin,xmax,ymax\n", ", line 1, class_id: no such column"),
    ("a.jpg,1,5,2,9,3\n", ", line 1, frame: no such column; expected the header"),
    ("frame,xmin,xmax,ymin,ymax,class_id,xmin\n", ", line 1, xmin: two columns"),
    ("filename,file_size,region_shape_attributes\n", ", line 1: this is VIA's own table"),
    (f"{CSV}\na.jpg,1,5,2,9\n", LINE_2 + "class_id: missing: expected 6 fields, got 5"),
    (f"{CSV}\na.jpg,1,5,2,9,3,4\n", LINE_2 + "more fields than the header"),
    (f"{CSV}\n ,1,5,2,9,3\n", LINE_2 + "frame: expected the name of an image"),
    (f"{CSV}\na.jpg,one,5,2,9,3\n", LINE_2 + "xmin: expected a finite number, got 'one'"),
    (f"{CSV}\na.jpg,1,,2,9,3\n", LINE_2 + "xmax: expected a finite number, got ''"),
    (f"{CSV}\na.jpg,1,5,nan,9,3\n", LINE_2 + "ymin: expected a finite number, got 'nan'"),
    (f"{CSV}\na.jpg,1,5,2,inf,3\n", LINE_2 + "ymax: expected a finite number, got 'inf'"),
    (f"{CSV}\na.jpg,1_0,50,2,9,3\n", LINE_2 + "xmin: expected a finite number, got '1_0'"),
    (f"{CSV}\na.jpg,5,1,2,9,3\n", LINE_2 + "xmax: expected more than xmin, got 1 and 5"),
    (f"{CSV}\na.jpg,1,5,9,9,3\n", LINE_2 + "ymax: expected more than ymin, got 9 and 9"),
    (f"{CSV}\n\na.jpg,-3,5,2,9,3\n", ", line 3, xmin: -3 lies outside the image;"),
    (f"{CSV}\na.jpg,1,5,2,9,0\n", LINE_2 + "class_id: the background is not an object"),
    (
        f"{CSV}\na.jpg,1,5,2,9,4\n",
        LINE_2 + "class_id: unknown class: '4'; expected one of: 1 bottle, 2 can, 3 carton",
    ),
    (f"{CSV}\na.jpg,1,5,2,9,cup\n", LINE_2 + "class_id: unknown class: 'cup'"),
    (f"{CSV}\na.jpg,1,5,2,9,1.5\n", LINE_2 + r"class_id: unknown class: '1\.5'"),
    (f"{CSV}\na.jpg,1,5,2,9,\n", LINE_2 + "class_id: unknown class: ''"),
    (f'{CSV}\n"a.jpg,1,5,2,9,3\n', ", line 2: not a table that can be read"),
    (f"{CSV}\na.jpg,1,5,2,9,3\n".encode("utf-16"), "expected a text file in UTF-8"),
    (f"{CSV.replace(',', ';')}\na.jpg;1,5;5;2;9;3\n", LINE_2 + "xmin: expected a finite number, got '1,5'"),
]


@pytest.mark.parametrize(
    ("load", "content", "message"),
    [(load_via, *case) for case in BAD_VIA]
    + [(load_coco, *case) for case in BAD_COCO]
    + [(load_boxes_csv, *case) for case in BAD_CSV],
)
def test_a_malformed_file_is_refused_with_its_place(tmp_path, load, content, message):
    path = write(tmp_path / "wrong.txt", content)
    with pytest.raises(ValueError) as raised:
        load(path)
    assert str(raised.value).startswith(str(path))
    assert re.search(message, str(raised.value)), str(raised.value)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("load", [load_via, load_coco, load_boxes_csv])
def test_bad_options_are_named(tmp_path, load):
    path = write(tmp_path / "a", CSV if load is load_boxes_csv else (COCO if load is load_coco else via()))
    for options, message in [
        ({"class_names": "bottle"}, "class_names"),
        ({"class_names": ("background",)}, "class_names"),
        ({"class_names": ("background", "Can", "can ")}, "class_names: expected different"),
        ({"outside": "cut"}, "outside: expected one of"),
        ({"image_size": 5}, r"image_size: expected \(height, width\)"),
        ({"image_size": (5, 0)}, "image_size: expected an integer of 1"),
        ({"image_size": (5, 6), "image_folder": tmp_path}, "one of them at most"),
    ]:
        with pytest.raises(ValueError, match=message):
            load(path, **options)
    with pytest.raises(FileNotFoundError, match="none"):
        load(tmp_path / "none")


def test_images_of_unknown_size_are_named(tmp_path):
    path = write(tmp_path / "v.json", via(rectangle()))
    with pytest.raises(ValueError, match=r"v\.json: image 'a\.jpg': image_size has no entry"):
        load_via(path, image_size={"b.jpg": (5, 5)})
    with pytest.raises(ValueError, match=r"v\.json: image 'a\.jpg': .*a\.jpg is not an image that can be read"):
        load_via(path, image_folder=tmp_path)
    write(tmp_path / "a.jpg", "no image")
    with pytest.raises(ValueError, match="is not an image that can be read"):
        load_via(path, image_folder=tmp_path)


def test_a_missing_attribute_that_was_asked_for_is_named(tmp_path):
    path = write(tmp_path / "v.json", via(rectangle()))
    with pytest.raises(ValueError, match=r"region 0, region_attributes\.kind: missing; there is \['name'\]$"):
        load_via(path, attribute="kind")


# -------------------------------------------------------------------------------------------- records


@pytest.mark.parametrize(
    ("file_name", "boxes", "class_ids", "polygons", "message"),
    [
        ("", [], [], [], "file_name"),
        (7, [], [], [], "file_name"),
        ("a", [[1, 2, 3]], [1], [None], r"boxes: expected shape \(n, 4\)"),
        ("a", [[1, 2, 3, 4]], [1, 2], [None], r"class_ids: expected shape \(1,\)"),
        ("a", [[3, 2, 1, 4]], [1], [None], "boxes: expected x_min ≤ x_max"),
        ("a", [[1, 2, 3, 4]], [1], [], "polygons: expected 1 entries"),
        ("a", [[1, 2, 3, np.nan]], [1], [None], "boxes: 1 of 4 values are NaN"),
        ("a", [[1, 2, 3, np.inf]], [1], [None], "boxes: expected finite"),
        ("a", [[1, 2, 3, 4]], [0], [None], "class_ids: expected 1 to"),
        ("a", [[1, 2, 3, 4]], [1.0], [None], "class_ids: expected integers"),
        ("a", [[1, 2, 3, 4]], [1], [[[1, 2], [3, 4]]], r"polygons\[0\]: a polygon needs three"),
        ("a", [[1, 2, 3, 4]], [1], [[]], r"polygons\[0\]: expected points"),
    ],
)
def test_bad_records_are_named(file_name, boxes, class_ids, polygons, message):
    with pytest.raises(ValueError, match=message):
        Record(file_name, boxes, class_ids, polygons)


def test_a_record_takes_lists_and_keeps_no_hold_of_them():
    boxes = np.array([[1, 2, 3, 4]], np.float32)
    points = np.array(TRIANGLE)
    record = Record("a", boxes, np.array([3], np.uint8), [points])
    boxes[:], points[:] = 0, 0
    assert record.boxes.tolist() == [[1, 2, 3, 4]]
    assert record.boxes.dtype == np.float64
    assert record.class_ids.dtype == np.int64
    np.testing.assert_array_equal(record.polygons[0], TRIANGLE)
    assert Record("a", np.zeros((0, 4)), [], []).class_ids.dtype == np.int64


# ------------------------------------------------------------------------------------------- label maps


def brute_force(polygons, class_ids, height, width):
    """Even-odd rule at every pixel's centre, one edge and one pixel at a time."""
    result = np.zeros((height, width), np.uint8)
    for polygon_, class_id in zip(polygons, class_ids, strict=True):
        for row in range(height):
            for column in range(width):
                x, y = column + 0.5, row + 0.5
                inside = False
                for (x0, y0), (x1, y1) in zip(polygon_, np.roll(polygon_, -1, axis=0), strict=True):
                    if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                        inside = not inside
                if inside:
                    result[row, column] = class_id
    return result


def test_label_maps_are_those_of_a_test_of_every_pixel():
    rng = np.random.default_rng(5)
    for _ in range(60):
        height, width = rng.integers(1, 25, 2)
        polygons = [rng.uniform(-8, 30, (rng.integers(3, 9), 2)) for _ in range(rng.integers(1, 4))]
        ids = rng.integers(1, 255, len(polygons))
        found = polygons_to_label_map(polygons, ids, int(height), int(width))
        np.testing.assert_array_equal(found, brute_force(polygons, ids, height, width))
        assert found.dtype == np.uint8


def test_label_maps_are_those_of_scikit_image():
    rng = np.random.default_rng(6)
    for _ in range(100):
        points = rng.uniform(-20, 120, (rng.integers(3, 30), 2))
        expected = np.zeros((90, 110), np.uint8)
        expected[draw.polygon(points[:, 1] - 0.5, points[:, 0] - 0.5, expected.shape)] = 7
        np.testing.assert_array_equal(polygons_to_label_map([points], [7], 90, 110), expected)


def test_rectangles_on_whole_pixels_fill_exactly_those():
    rng = np.random.default_rng(7)
    for _ in range(50):
        x0, y0 = rng.integers(-3, 8, 2)
        x1, y1 = x0 + rng.integers(1, 9), y0 + rng.integers(1, 9)
        expected = np.zeros((9, 11), np.uint8)
        expected[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 4
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        for points in (corners, corners[::-1], corners.tolist(), corners.astype(np.float32)):
            np.testing.assert_array_equal(polygons_to_label_map([points], [4], 9, 11), expected)


@given(st.lists(st.tuples(st.integers(-8, 40), st.integers(-8, 40)), min_size=5, max_size=5, unique=True))
def test_polygons_that_share_edges_leave_no_gap_and_do_not_overlap(points):
    """A fan around a point in steps of half a pixel, so that many centres lie on edges."""
    corners = np.array(points[1:]) / 2
    centre = np.array(points[0]) / 2
    angle = np.arctan2(*(corners - centre).T[::-1])
    corners = corners[np.argsort(angle, kind="stable")]
    counts = np.zeros((20, 20), int)
    for first, second in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        counts += polygons_to_label_map([[centre, first, second]], [1], 20, 20)
    whole = polygons_to_label_map([corners], [1], 20, 20)
    np.testing.assert_array_equal(counts % 2, whole)


def test_later_polygons_cover_earlier_ones_and_parts_join():
    low, high = [[0, 0], [6, 0], [6, 6], [0, 6]], [[3, 3], [9, 3], [9, 9], [3, 9]]
    one = polygons_to_label_map([low, high], [1, 2], 9, 9)
    other = polygons_to_label_map([high, low], [2, 1], 9, 9)
    assert (one[4, 4], other[4, 4]) == (2, 1)
    joined = polygons_to_label_map([[low, high]], [3], 9, 9)
    np.testing.assert_array_equal(joined > 0, one > 0)
    assert joined[4, 4] == 3  # what two parts both cover belongs to the object once
    np.testing.assert_array_equal(joined, polygons_to_label_map([[np.array(low), np.array(high)]], [3], 9, 9))
    np.testing.assert_array_equal(joined, polygons_to_label_map([np.array([low, high])], [3], 9, 9))


def test_no_polygons_and_far_ones_give_background():
    assert polygons_to_label_map([], [], 3, 4).tolist() == [[0] * 4] * 3
    assert polygons_to_label_map([], np.zeros(0, np.int64), 3, 4).shape == (3, 4)
    far = np.array(TRIANGLE) + 500
    for points in (far, -far, far * [1, -1], far * 1000):
        assert not polygons_to_label_map([points], [1], 40, 40).any()
    huge = np.array([[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]])
    assert polygons_to_label_map([huge], [254], 5, 5).tolist() == [[254] * 5] * 5


@pytest.mark.parametrize(
    ("polygons", "class_ids", "message"),
    [
        ([TRIANGLE, TRIANGLE[:2]], [1, 2], r"polygons\[1\]: a polygon needs three different points"),
        ([[TRIANGLE, TRIANGLE[:2]]], [1], r"polygons\[0\], part 1: a polygon needs three"),
        ([[[1, 1], [2, 2], [1, 1], [2, 2]]], [1], r"polygons\[0\]: a polygon needs three"),
        ([[[1, 1], [2, np.nan], [3, 1]]], [1], r"polygons\[0\]: 1 of 6 values are NaN"),
        ([TRIANGLE, [[1, 1], [2, np.inf], [3, 1]]], [1, 1], r"polygons\[1\]: expected finite"),
        ([[[1, 1], [2, 1e9], [3, 1]]], [1], r"polygons\[0\]: 1e\+09 lies beyond"),
        ([[[1, 1, 1], [2, 2, 2], [3, 1, 1]]], [1], r"polygons\[0\]: expected points of shape \(k, 2\)"),
        ([[[1, 1], [2], [3, 1]]], [1], r"polygons\[0\]: expected a rectangular array"),
        ([[["1", "1"], ["2", "2"], ["3", "1"]]], [1], r"polygons\[0\]: expected real numbers"),
        ([TRIANGLE, None], [1, 1], r"polygons\[1\]: no outline"),
        ([TRIANGLE, []], [1, 1], r"polygons\[1\]: expected points"),
        ([TRIANGLE, 5], [1, 1], r"polygons\[1\]: expected points"),
        (TRIANGLE, [1, 1, 1], r"polygons\[0\]: expected points of shape"),
        ([TRIANGLE], [0], r"class_ids: expected 1 to 254, got 0 at index \(0,\)"),
        ([TRIANGLE, SQUARE], [1, 255], r"class_ids: expected 1 to 254, got 255 at index \(1,\)"),
        ([TRIANGLE], [1.0], "class_ids: expected integers"),
        ([TRIANGLE], [1, 2], "class_ids: expected 1 ids"),
        ([TRIANGLE], 1, "class_ids: expected 1 ids"),
        ([], [1], "class_ids: expected 0 ids"),
    ],
)
def test_bad_polygons_are_named(polygons, class_ids, message):
    with pytest.raises(ValueError, match=message):
        polygons_to_label_map(polygons, class_ids, 40, 64)


@pytest.mark.parametrize("size", [(0, 4), (4, -1), (4.0, 4), (True, 4), ("4", 4)])
def test_bad_sizes_are_named(size):
    with pytest.raises(ValueError, match=r"height|width"):
        polygons_to_label_map([TRIANGLE], [1], *size)


def test_the_arguments_are_not_changed():
    points, ids = np.array(TRIANGLE), np.array([1])
    polygons_to_label_map([points], ids, 40, 64)
    np.testing.assert_array_equal(points, TRIANGLE)
    np.testing.assert_array_equal(ids, [1])
