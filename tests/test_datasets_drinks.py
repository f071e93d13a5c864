"""Sets of scenes: the same however they are drawn, cached safely, never from a damaged file."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import psutil
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from course_utils._progress import ProgressBar
from course_utils.datasets.dataset import Dataset
from course_utils.datasets.drinks import cache, dataset, job
from course_utils.datasets.drinks.cache import cache_folder
from course_utils.datasets.drinks.dataset import render_dataset
from course_utils.datasets.drinks.scenes import render_scene
from notebooks import ROOT

FIELDS = ("images", "label_maps", "instance_ids")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def small(n=5, seed=3, **options):
    return render_dataset(n, seed, height=32, width=48, **options)


def assert_same(one, other):
    for scene, twin in zip(one, other, strict=True):
        for field in ("image", "label_map", "instance_ids", "boxes", "class_ids"):
            np.testing.assert_array_equal(getattr(scene, field), getattr(twin, field))
            assert getattr(scene, field).dtype == getattr(twin, field).dtype
        assert len(scene.polygons) == len(twin.polygons)
        assert all(map(np.array_equal, scene.polygons, twin.polygons))


@pytest.fixture
def drawn(monkeypatch):
    """Number of scenes that were drawn, as a list that grows."""
    indices = []
    draw = job.Job.draw
    monkeypatch.setattr(job.Job, "draw", lambda self, index: indices.append(index) or draw(self, index))
    return indices


def run(code, **options):
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # see children_of
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, **options
    )


CALL = (
    "from course_utils.datasets.drinks.dataset import render_dataset; render_dataset({n}, 3, height=32, width=48)"
)


# ------------------------------------------------------------------------------------ what comes back


def test_scene_i_depends_on_the_seed_and_on_i_alone():
    found = small()
    assert_same(found, [render_scene(np.random.default_rng([3, i]), 32, 48, 1) for i in range(5)])
    other = small(seed=4)
    assert not (found.images == other.images).all(axis=(1, 2, 3)).any()


@pytest.mark.integration
def test_the_number_of_processes_does_not_matter(folder):
    one = small(n=70, workers=1)
    for file in folder.iterdir():
        file.unlink()
    assert_same(small(n=70, workers=2), one)


@pytest.mark.integration
def test_many_scenes_are_drawn_by_several_processes(monkeypatch, drawn):
    monkeypatch.setattr(dataset, "WORTH_PROCESSES", 130)
    monkeypatch.setattr("joblib.parallel.cpu_count", lambda **_: 2)
    found = small(n=130)
    assert drawn == [0]  # the others were drawn elsewhere
    assert_same(found[120:], [render_scene(np.random.default_rng([3, i]), 32, 48) for i in range(120, 130)])


def test_indices_slices_and_iteration():
    found = small()
    assert len(found) == len(list(found)) == 5
    np.testing.assert_array_equal(found[-1].image, found.images[4])
    np.testing.assert_array_equal(found[np.int64(1)].label_map, found.label_maps[1])
    part = found[3:1:-1]
    assert isinstance(part, Dataset)
    assert_same(part, [found[3], found[2]])
    assert len(found[5:]) == 0
    assert repr(found) == f"Dataset of 5 scenes of (32, 48) pixels with {sum(map(len, found.boxes))} objects"
    for index, error in ((5, IndexError), (-6, IndexError), ("0", TypeError), (True, TypeError), (1.0, TypeError)):
        with pytest.raises(error, match="index"):
            found[index]


def test_everything_is_read_only():
    for found in (small(), small(), small(n=3)):  # drawn, cached, the beginning of a cached one
        scene = found[1]
        arrays = [*(getattr(found, field) for field in FIELDS), scene.image, scene.boxes, scene.class_ids]
        for array in [*arrays, *(polygon for s in found for polygon in s.polygons)]:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n: expected an integer of 1"),
        ({"n": 2.0}, "n: expected"),
        ({"n": True}, "n: expected"),
        ({"seed": -1}, "seed: expected an integer of 0"),
        ({"seed": None}, "seed: expected"),
        ({"height": 31}, "height"),
        ({"width": "48"}, "width"),
        ({"workers": 0}, "workers"),
        ({"workers": 1.5}, "workers"),
        ({"difficulty": 3}, "difficulty"),
        ({"difficulty": -1}, "difficulty"),
    ],
)
def test_bad_settings_are_named(options, message, folder):
    with pytest.raises(ValueError, match=message):
        render_dataset(**({"n": 2, "seed": 0, "height": 32, "width": 48} | options))
    assert not folder.exists()


# ---------------------------------------------------------------------------------------------- the cache


def test_a_second_call_draws_nothing_but_the_first_scene(drawn, folder, capsys):
    one = small()
    assert sorted(drawn) == [0, 0, 1, 2, 3, 4]
    drawn.clear()
    assert_same(small(), one)
    assert drawn == [0]
    name = f"scenes-v{cache.RENDERER_VERSION}-32x48-difficulty1-seed3-n5.npz"
    assert [file.name for file in folder.iterdir()] == [name]
    assert capsys.readouterr() == ("", "")


def test_every_setting_has_its_own_file(drawn, folder):
    small()
    for options in ({"seed": 4}, {"n": 6}, {"difficulty": 0}):
        drawn.clear()
        small(**options)
        assert len(drawn) > 4, options
    drawn.clear()
    render_dataset(5, 3, height=32, width=56)
    assert len(drawn) > 4
    assert len(list(folder.iterdir())) == 5


def test_a_larger_set_serves_a_smaller_one(drawn, folder):
    larger = small(n=9)
    drawn.clear()
    assert_same(small(n=4), larger[:4])
    assert drawn == [0]
    assert len(list(folder.iterdir())) == 1
    assert small(n=4).images.base is None  # the rest of the larger set is not kept in memory


def test_scenes_without_drinks_come_back(folder):
    empty = next(i for i in range(200) if not len(render_scene(np.random.default_rng([3, i]), 32, 48).boxes))
    one = small(n=empty + 1)
    again = small(n=empty + 1)
    assert_same(again, one)
    assert again[empty].boxes.shape == (0, 4)
    assert again[empty].polygons == ()


def damage_at_the_end(path):
    path.write_bytes(path.read_bytes()[:-300])


def damage_in_the_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_wholly(path):
    path.write_bytes(b"no archive")


def damage_by_emptying(path):
    path.write_bytes(b"")


def damage_consistently(path):
    """Change a pixel and let the archive's own checksums agree."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    arrays["images"][-1, 0, 0, 0] ^= 1
    with path.open("wb") as file:
        np.savez(file, **arrays)


def damage_by_leaving_out(path):
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "sha256"}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def damage_by_objects(path):
    with path.open("wb") as file:
        np.savez(file, images=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    "damage",
    [
        damage_at_the_end,
        damage_in_the_middle,
        damage_wholly,
        damage_by_emptying,
        damage_consistently,
        damage_by_leaving_out,
        damage_by_objects,
    ],
)
def test_a_damaged_file_is_drawn_again(damage, folder):
    one = small()
    (path,) = folder.iterdir()
    intact = path.read_bytes()
    damage(path)
    assert path.read_bytes() != intact
    with pytest.warns(UserWarning, match=rf"{path.name} are damaged or outdated and are drawn again"):
        again = small()
    assert_same(again, one)
    assert path.read_bytes() == intact
    assert_same(small(), one)


def test_a_file_of_other_scenes_is_not_used(folder):
    small(seed=4)
    (path,) = folder.iterdir()
    path.rename(path.with_name(path.name.replace("seed4", "seed3")))
    with pytest.warns(UserWarning, match="other scenes than its name says"):
        found = small(seed=3)
    np.testing.assert_array_equal(found[0].image, render_scene(np.random.default_rng([3, 0]), 32, 48).image)


def test_scenes_of_another_renderer_are_not_used(monkeypatch, folder):
    """Somebody edited the renderer and forgot to raise its version."""
    real = job.render_scene

    def brighter(*arguments):
        scene = real(*arguments)
        scene.image[:] = 255 - scene.image
        return scene

    small()
    monkeypatch.setattr(job, "render_scene", brighter)
    with pytest.warns(UserWarning, match="the renderer has changed since"):
        found = small()
    np.testing.assert_array_equal(found[4].image, 255 - real(np.random.default_rng([3, 4]), 32, 48).image)
    monkeypatch.setattr(cache, "RENDERER_VERSION", -7)
    small()
    assert any("v-7" in file.name for file in folder.iterdir())


def test_photographs_are_stored_and_maps_are_packed(folder):
    small(n=30)
    with zipfile.ZipFile(*folder.iterdir()) as archive:
        sizes = {member.filename: (member.file_size, member.compress_size) for member in archive.infolist()}
    assert sizes["images.npy"][0] == sizes["images.npy"][1]
    assert sizes["label_maps.npy"][1] < sizes["label_maps.npy"][0] / 5


@pytest.mark.integration
def test_two_processes_at_once_both_get_their_scenes(folder):
    processes = [run(CALL.format(n=20)) for _ in range(2)]
    for process in processes:
        assert "Warning" not in process.communicate()[1]
        assert process.returncode == 0
    assert len(list(folder.iterdir())) == 1
    assert_same(small(n=20), [render_scene(np.random.default_rng([3, i]), 32, 48) for i in range(20)])


@pytest.mark.integration
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_that_is_killed_while_it_writes_leaves_no_broken_file(folder, drawn):
    code = f"""
import os, signal, numpy as np
write = np.lib.format.write_array
def killed(file, array):
    if array.dtype == np.float64:
        os.kill(os.getpid(), signal.SIGKILL)
    write(file, array)
np.lib.format.write_array = killed
{CALL.format(n=5)}
"""
    process = run(code)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    assert left.suffix == ".tmp"
    drawn.clear()
    small()
    assert len(drawn) > 4
    assert {file.suffix for file in folder.iterdir()} == {".npz", ".tmp"}
    hour_ago = time.time() - 3601
    os.utime(left, (hour_ago, hour_ago))
    small(seed=9)
    assert {file.suffix for file in folder.iterdir()} == {".npz"}


@pytest.mark.integration
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_that_is_killed_while_it_draws_takes_its_children_along(folder):
    process = run(f"{CALL.format(n=100_000)[:-1]}, workers=2)")
    children = children_of(process, 2)
    process.kill()
    process.wait()
    process.stderr.close()
    assert not still_alive(children)
    assert not folder.exists()


def children_of(process, count):
    """The children of another process, once so many of them draw for it.

    One that draws has a second thread, which watches its caller. One without work yet cannot know who its
    caller is: joblib lets it end after five minutes.
    """
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        children = psutil.Process(process.pid).children(recursive=True)
        drawing = [
            child
            for child in children
            if "loky.backend.popen" in " ".join(child.cmdline()) and child.num_threads() > 1
        ]
        if len(drawing) == count:
            return children
        time.sleep(0.05)
    raise AssertionError("they have not come up")


def still_alive(processes):
    """Those that do not end within five minutes."""
    return [
        child for child in psutil.wait_procs(processes, timeout=300)[1] if child.status() != psutil.STATUS_ZOMBIE
    ]


class Deadly(job.Job):
    """Scenes that end the process which draws them."""

    def draw(self, index):
        return os._exit(3) if index else super().draw(index)


@pytest.mark.integration
def test_a_child_that_ends_early_is_an_error(monkeypatch):
    monkeypatch.setattr(dataset, "Job", Deadly)
    with pytest.raises(RuntimeError, match="terminated"):
        small(n=70, workers=2)
    monkeypatch.undo()
    assert len(small(n=70, workers=2)) == 70


@pytest.mark.integration
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
def test_an_interrupt_ends_the_children(folder):
    # A shell's background processes ignore interrupts, and hand that on.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = run(f"{listen}; {CALL.format(n=100_000)[:-1]}, workers=2)")
    children = children_of(process, 2)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=300)[1]
    assert not still_alive(children)
    assert not folder.exists()


UNGUARDED = """
import hashlib, sys, threading
import {imported}
from course_utils.datasets.drinks.dataset import render_dataset
def draw():
    dataset = render_dataset(64, 3, height=32, width=48, workers=2)
    print(hashlib.sha256(dataset.images).hexdigest())
print("once", flush=True)
{call}
import psutil, time
end = time.monotonic() + 20  # a child that has only been forked as yet has its parent's memory
for child in psutil.Process().children(recursive=True):
    while any("{imported}" in part.path for part in child.memory_maps()):
        assert time.monotonic() < end, child
        time.sleep(0.1)
"""
THREAD = "thread = threading.Thread(target=draw); thread.start(); thread.join()"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("call", "imported", "through"),
    [
        ("draw()", "cv2", "script"),
        (THREAD, "cv2", "script"),
        ("draw()", "cv2", "stdin"),
        pytest.param("draw()", "tensorflow", "script", marks=pytest.mark.slow),
    ],
    ids=["from a script", "in a thread", "from standard input", "with TensorFlow in the caller"],
)
def test_a_program_without_a_guard_can_call_it(call, imported, through, tmp_path):
    """It is run once, not once in each process, and they do not import what it imports."""
    code = UNGUARDED.format(call=call, imported=imported)
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    command, given = ([script], None) if through == "script" else (["-"], code)
    done = subprocess.run(
        [sys.executable, *command],
        input=given,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"once\n{sha256(small(n=64).images).hexdigest()}\n"


@pytest.mark.integration
def test_a_kernel_can_call_it(tmp_path):
    call = UNGUARDED.format(call="draw()", imported="cv2")
    notebook = new_notebook(
        cells=[new_code_cell(f"import sys; sys.path.insert(0, {str(ROOT)!r})"), new_code_cell(call)]
    )
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = "".join(output.text for output in notebook.cells[1].outputs if output.get("name") == "stdout")
    assert printed == f"once\n{sha256(small(n=64).images).hexdigest()}\n"


CLUSTER = """
import hashlib
import joblib
from dask.distributed import Client, LocalCluster
from course_utils.datasets.drinks.dataset import render_dataset

def imported():
    import sys
    return [name in sys.modules for name in ("course_utils.datasets.drinks.job", "tensorflow")]

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        with joblib.parallel_config(backend="dask"):
            dataset = render_dataset(140, 3, height=32, width=48)
        print(hashlib.sha256(dataset.images).hexdigest(), *client.run(imported).values())
"""


@pytest.mark.slow
def test_a_dask_cluster_can_take_over(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CLUSTER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{sha256(small(n=140).images).hexdigest()} [True, False] [True, False]\n"


def test_an_unusable_folder_only_costs_the_caching(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("COURSE_UTILS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"could not be cached.*COURSE_UTILS_CACHE"):
        found = small()
    assert len(found) == 5


def test_a_full_disk_only_costs_the_caching(monkeypatch, folder):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.warns(UserWarning, match="could not be cached.*No space left"):
        small()
    assert list(folder.iterdir()) == []


def test_a_file_that_may_not_be_read_is_left_alone(monkeypatch, folder):
    one = small()
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning) as caught:
        assert_same(small(), one)
    assert "cannot be read" in str(caught[0].message)
    assert "could not be cached" in str(caught[1].message)
    assert [file.name for file in folder.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "~/.cache/softmax-to-segmentation"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/softmax-to-segmentation"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/softmax-to-segmentation"),
        ("linux", {"COURSE_UTILS_CACHE": "/y/z", "XDG_CACHE_HOME": "/x"}, "/y/z"),
        ("linux", {"COURSE_UTILS_CACHE": "~/z"}, "~/z"),
        ("linux", {"COURSE_UTILS_CACHE": ""}, "~/.cache/softmax-to-segmentation"),
        ("darwin", {}, "~/Library/Caches/softmax-to-segmentation"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/softmax-to-segmentation"),
        ("win32", {}, "~/AppData/Local/softmax-to-segmentation"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the paths are written as elsewhere")
def test_where_the_cache_is(platform, variables, expected, monkeypatch, tmp_path):
    for name in ("COURSE_UTILS_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert str(cache_folder()) == expected.replace("~", str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="HOME says nothing there")
def test_an_empty_home_is_none(monkeypatch):
    pwd = pytest.importorskip("pwd")
    for name in ("COURSE_UTILS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache.sys, "platform", "linux")
    monkeypatch.setenv("HOME", "")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert cache_folder() == home / ".cache" / "softmax-to-segmentation"

    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(RuntimeError, match="HOME is empty"):
        cache_folder()
    monkeypatch.setenv("HOME", "relative")
    with pytest.raises(RuntimeError, match="'relative' is no absolute path"):
        cache_folder()
    with pytest.warns(UserWarning, match="could not be cached"):
        small()  # drawn all the same


FOREIGN = [
    ".other.tmp",
    ".scenes.tmp",
    ".scenes-v1-notes.npz.ab.tmp",
    "scenes-v1-32x48-difficulty1-seed3-n5.npz.backup",
    "scenes.npz",
    "notes.txt",
]


def test_only_the_caches_own_files_are_removed(folder):
    small()
    (own,) = folder.iterdir()
    left = folder / f".{own.name}.0123456789abcdef.tmp"
    for name in (*FOREIGN, left.name):
        (folder / name).write_bytes(b"12345")
        os.utime(folder / name, (0, 0))
    (folder / own.name.replace("n5", "n4")).mkdir()
    small(n=6)
    assert not left.exists()  # a write that was cut short an hour ago
    left.write_bytes(b"12345")
    sizes = [path.stat().st_size for path in (own, left, folder / own.name.replace("n5", "n6"))]
    assert cache.clear_cache() == (3, sum(sizes))
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FOREIGN, own.name.replace("n5", "n4")])
    assert cache.clear_cache() == (0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_cache_is_not_the_caches_own(folder, tmp_path):
    small()
    (own,) = folder.iterdir()
    own.rename(tmp_path / "elsewhere.npz")
    own.symlink_to(tmp_path / "elsewhere.npz")
    assert cache.clear_cache() == (0, 0)
    assert own.is_symlink()


@pytest.mark.integration
def test_the_command_empties_the_cache_and_says_how_much_that_freed(folder):
    command = [sys.executable, "-m", "course_utils.datasets", "clear"]
    small()
    (own,) = folder.iterdir()
    own.write_bytes(bytes(2_000_000))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"removed 1 file from {folder}: 2.0 MB freed\n"
    assert not list(folder.iterdir())
    # The rest in a process that goes on: starting one takes most of the time.
    code = """
import sys
from course_utils.datasets.__main__ import main
print("tensorflow" in sys.modules)
main()
sys.argv.pop()
main()
"""
    done = subprocess.run([sys.executable, "-c", code, "clear"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"False\nremoved 0 files from {folder}: 0.0 MB freed\n"
    assert done.returncode == 2
    assert "usage: python -m course_utils.datasets" in done.stderr


def test_a_long_wait_shows_a_bar_and_a_cached_set_none(monkeypatch, capsys):
    monkeypatch.setattr(ProgressBar, "PATIENCE", -1)
    small(n=40)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("drawing scenes [####################] 40 of 40, ")
    assert err.count("\n") == 1
    small(n=40)
    assert capsys.readouterr() == ("", "")
