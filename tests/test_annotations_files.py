"""What annotations from anybody may name: images in the caller's folder, and nothing else."""

import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from course_utils.annotations import Record, load_boxes_csv, load_coco, load_via, save_boxes_csv, save_via
from notebooks import ROOT

NAMES = ("background", "cup")


def csv_of(folder, name):
    save_boxes_csv([Record(name, np.array([[1.0, 2, 5, 9]]), np.array([1]), [None])], folder / "boxes.csv")
    return folder / "boxes.csv"


def via_of(folder, name):
    region = {
        "shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 4, "height": 7},
        "region_attributes": {"name": "cup"},
    }
    content = {name: {"filename": name, "size": -1, "regions": [region], "file_attributes": {}}}
    (folder / "via.json").write_text(json.dumps(content), encoding="utf-8")
    return folder / "via.json"


def coco_of(folder, name):
    content = {
        "images": [{"id": 1, "file_name": name}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 4, 7], "segmentation": []}],
        "categories": [{"id": 1, "name": "cup"}],
    }
    (folder / "coco.json").write_text(json.dumps(content), encoding="utf-8")
    return folder / "coco.json"


FORMATS = pytest.mark.parametrize(
    ("write", "load"), [(csv_of, load_boxes_csv), (via_of, load_via), (coco_of, load_coco)]
)


@pytest.fixture
def folder(tmp_path):
    """A folder with an image, and a small one outside that a box of five pixels does not fit into."""
    (tmp_path / "photographs" / "front").mkdir(parents=True)
    Image.new("L", (30, 20)).save(tmp_path / "photographs" / "a.png")
    Image.new("L", (30, 20)).save(tmp_path / "photographs" / "front" / "b.png")
    Image.new("L", (3, 3)).save(tmp_path / "secret.png")
    return tmp_path / "photographs"


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width, height):
    """The beginning of an image of any size, which costs nothing to write."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@FORMATS
@pytest.mark.parametrize("name", ["a.png", "front/b.png", "front/../a.png", "./a.png"])
def test_names_within_the_folder(write, load, name, folder):
    (record,) = load(write(folder, name), class_names=NAMES, image_folder=folder)
    assert record.file_name == name
    assert record.boxes.tolist() == [[1, 2, 5, 9]]


@FORMATS
@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "front/../../secret.png",
        "/etc/hostname",
        "{absolute}",
        "..\\secret.png",
        "C:\\secret.png",
        "C:secret.png",
        "\\\\server\\share\\secret.png",
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(write, load, name, folder):
    name = name.replace("{absolute}", str(folder.parent / "secret.png"))
    path = write(folder, name)
    with pytest.raises(ValueError, match=r"lies outside the folder .*photographs, expected a name within it"):
        load(path, class_names=NAMES, image_folder=folder)
    if load is not load_coco:  # which insists on a size
        # Without a folder nothing needs to be measured: the name stands for itself, and is not followed.
        (record,) = load(path, class_names=NAMES)
        assert record.file_name == name
        assert record.boxes.tolist() == [[1, 2, 5, 9]]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_of_the_callers_own_are_followed(folder):
    (folder / "elsewhere").symlink_to(folder / "front")
    (record,) = load_via(via_of(folder, "elsewhere/b.png"), class_names=NAMES, image_folder=folder)
    assert len(record.boxes) == 1


@FORMATS
def test_an_image_that_is_too_large_is_named(write, load, folder):
    (folder / "a.png").write_bytes(png_header(60_000, 60_000))
    path = write(folder, "a.png")
    for options in ({"image_folder": folder}, {}):
        with pytest.raises(ValueError, match=r"a\.png: Image size \(3600000000 pixels\) exceeds limit"):
            load(path, class_names=NAMES, **options)


def test_a_large_photograph_is_measured_without_a_warning(folder):
    (folder / "a.png").write_bytes(png_header(12_000, 10_000))
    (record,) = load_boxes_csv(csv_of(folder, "a.png"), class_names=NAMES, image_folder=folder)
    assert len(record.boxes) == 1


def test_a_turned_png_is_measured_upright(folder):
    orientation = Image.Exif()
    orientation[0x0112] = 6
    Image.new("L", (30, 5)).save(folder / "a.png", exif=orientation)
    path = csv_of(folder, "a.png")
    with pytest.raises(ValueError, match="9 lies outside the image of width 30 and height 5"):
        load_boxes_csv(path, class_names=NAMES, image_size=(5, 30))
    with pytest.raises(ValueError, match="9 lies outside the image of width 5 and height 8"):
        Image.new("L", (8, 5)).save(folder / "a.png", exif=orientation)
        load_boxes_csv(path, class_names=NAMES, image_folder=folder)


def test_a_damaged_header_is_no_image(folder):
    whole = bytearray()
    Image.new("L", (30, 20)).save(folder / "c.png", exif=b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03")
    whole += (folder / "c.png").read_bytes()
    path = csv_of(folder, "c.png")
    for place in range(8, len(whole)):
        content = whole.copy()
        content[place] ^= 0xFF
        (folder / "c.png").write_bytes(bytes(content))
        try:
            load_boxes_csv(path, class_names=NAMES, image_folder=folder)
        except ValueError as error:
            assert "c.png" in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name here")
@FORMATS
def test_a_pipe_is_not_waited_for(write, load, folder):
    os.mkfifo(folder / "pipe.png")
    path = write(folder, "pipe.png")
    code = f"""
from course_utils.annotations import {load.__name__}
for options in ({{"image_folder": {str(folder)!r}}}, {{}}):
    try:
        {load.__name__}({str(path)!r}, class_names={NAMES}, **options)
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.stdout.count("something else than a file") == 2, done.stderr


def test_a_writer_does_not_look_outside_either(folder):
    record = Record("../secret.png", np.array([[1.0, 2, 5, 9]]), np.array([1]), [None])
    with pytest.raises(ValueError, match="lies outside the folder"):
        save_via([record], folder / "via.json", class_names=NAMES, image_folder=folder)
    assert not (folder / "via.json").exists()


FORMULAS = ["=HYPERLINK(0).png", "+1.png", "-1.png", "@a.png", "'=1.png", "''+1.png", "'a.png", "a=1.png", "'"]


def test_file_names_that_look_like_formulas_come_back_and_are_none(tmp_path):
    records = [Record(name, np.array([[1.0, 2, 5, 9]]), np.array([1]), [None]) for name in FORMULAS]
    save_boxes_csv(records, tmp_path / "boxes.csv")
    lines = (tmp_path / "boxes.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line[0] for line in lines if line[0] in "=+-@"] == []
    assert lines[0].startswith("'=HYPERLINK(0).png,")
    assert lines[7].startswith("a=1.png,")
    found = load_boxes_csv(tmp_path / "boxes.csv", class_names=NAMES)
    assert [record.file_name for record in found] == FORMULAS


def test_tables_of_others_keep_names_that_begin_with_a_sign(tmp_path):
    (tmp_path / "b.csv").write_text("frame,xmin,xmax,ymin,ymax,class_id\n-1.png,1,5,2,9,1\n", encoding="utf-8")
    assert load_boxes_csv(tmp_path / "b.csv", class_names=NAMES)[0].file_name == "-1.png"
