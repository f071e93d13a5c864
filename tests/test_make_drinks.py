"""The sample in data/drinks: what its four files say, and the scenes that it was drawn from."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

import make_drinks
from course_utils.annotations import load_boxes_csv, load_coco, load_via, polygons_to_label_map
from course_utils.data import data_path
from course_utils.datasets.drinks.scenes import CLASS_NAMES, render_scene

NAMES = [f"drinks_{index:02}.jpg" for index in range(50)]


@pytest.fixture(scope="module")
def folder():
    paths = [data_path(f"drinks/{name}") for name in NAMES]
    return paths[0].parent


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(np.random.default_rng([3, index]), 240, 320) for index in range(50)]


@pytest.fixture(scope="module")
def outlined(folder):
    return load_via(data_path("drinks/via_polygons.json"), image_folder=folder, class_names=CLASS_NAMES)


def test_the_four_files_agree_with_each_other_and_with_the_scenes(folder, scenes, outlined):
    boxed = load_via(data_path("drinks/via_boxes.json"), image_folder=folder, class_names=CLASS_NAMES)
    coco = load_coco(data_path("drinks/coco.json"), class_names=CLASS_NAMES)
    assert [r.file_name for r in boxed] == [r.file_name for r in outlined] == [r.file_name for r in coco] == NAMES
    for records in (boxed, outlined, coco):
        for record, scene in zip(records, scenes, strict=True):
            np.testing.assert_array_equal(record.boxes, scene.boxes)
            np.testing.assert_array_equal(record.class_ids, scene.class_ids)
    table = {r.file_name: r for r in load_boxes_csv(data_path("drinks/boxes.csv"), class_names=CLASS_NAMES)}
    for name, scene in zip(NAMES, scenes, strict=True):
        assert (name in table) == (len(scene.boxes) > 0)
        if name in table:
            np.testing.assert_array_equal(table[name].boxes, scene.boxes)
            np.testing.assert_array_equal(table[name].class_ids, scene.class_ids)
    assert sum(len(record.boxes) for record in boxed) == 117


def test_the_outlines_give_the_label_maps_to_the_pixel(scenes, outlined):
    for record, scene in zip(outlined, scenes, strict=True):
        found = polygons_to_label_map(record.polygons, record.class_ids, 240, 320)
        np.testing.assert_array_equal(found, scene.label_map)
    cut = [outline for record in outlined for outline in record.polygons if isinstance(outline, list)]
    assert len(cut) == 5


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # the library's own
def test_the_library_of_the_format_reads_the_same(outlined):
    library = COCO(str(data_path("drinks/coco.json")))
    for number, record in enumerate(outlined, start=1):
        assert library.imgs[number]["file_name"] == record.file_name
        annotations = library.imgToAnns[number]
        boxes = np.array([annotation["bbox"] for annotation in annotations]).reshape(-1, 4)
        np.testing.assert_array_equal(boxes[:, 2:], record.boxes[:, 2:] - record.boxes[:, :2])
        for annotation, outline, class_id in zip(annotations, record.polygons, record.class_ids, strict=True):
            assert library.cats[annotation["category_id"]]["name"] == CLASS_NAMES[class_id]
            theirs = library.annToMask(annotation)
            ours = polygons_to_label_map([outline], [1], 240, 320)
            assert np.sum(theirs & ours) / np.sum(theirs | ours) > 0.95
            assert annotation["area"] == pytest.approx(ours.sum(), rel=0.02)


def test_the_tool_would_write_the_same_annotations(scenes, outlined):
    for scene, record in zip(scenes[:12], outlined[:12], strict=True):
        again = make_drinks.annotate(scene, record.file_name)
        for one, other in zip(again.polygons, record.polygons, strict=True):
            assert type(one) is type(other)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)


def test_the_photographs_are_the_scenes(folder, scenes):
    for name, scene in zip(NAMES, scenes, strict=True):
        with Image.open(folder / name) as image:
            assert (image.mode, image.size) == ("RGB", (320, 240))
            difference = np.abs(np.asarray(image).astype(float) - scene.image)
        assert difference.mean() < 4, name


def test_via_finds_the_photographs_and_the_sample_is_small(folder):
    for name in ("via_boxes.json", "via_polygons.json"):
        images = json.loads((folder / name).read_text(encoding="utf-8"))["_via_img_metadata"]
        for key, image in images.items():
            assert image["size"] == (folder / image["filename"]).stat().st_size
            assert key == f"{image['filename']}{image['size']}"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4e6


def test_all_classes_are_there_and_some_photographs_have_no_drink(scenes):
    counts = np.bincount(np.concatenate([scene.class_ids for scene in scenes]), minlength=4)
    assert (counts[1:] >= 25).all(), counts
    assert any(len(scene.boxes) == 0 for scene in scenes)
