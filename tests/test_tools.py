"""The commands around the notebooks: pages, student copies, the repository's address, the set-up."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import nbformat
import pip
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import colab
import readme
import results
import run
import setup
import student
from notebooks import ROOT, chapters, read


@pytest.mark.integration
def test_a_failing_notebook_is_reported_with_its_cell_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, source in (("01_bad", "x = 1\nx / 0"), ("02_good", "print('fine')")):
        notebook = new_notebook(cells=[new_markdown_cell(f"# {name}"), new_code_cell(source), new_code_cell("2")])
        nbformat.write(notebook, folder / f"{name}.ipynb")
    monkeypatch.setattr(run, "FOLDER", folder)
    monkeypatch.setattr(run, "chapters", lambda: sorted(folder.glob("*.ipynb")))
    monkeypatch.setattr(run, "EXECUTED", tmp_path / "executed")
    monkeypatch.setattr(run, "FRAMES", tmp_path / "frames")
    monkeypatch.setattr(run, "RUNS", tmp_path / "runs.json")
    made = []
    monkeypatch.setattr(run.pages, "make", lambda folder, runs: made.extend(runs))
    monkeypatch.setattr(sys, "argv", ["run.py"])
    with pytest.raises(SystemExit) as stop:
        run.main()
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "x / 0" in printed
    assert "ZeroDivisionError" in printed
    assert "[2/2] 02_good" in printed
    assert (tmp_path / "executed" / "02_good.ipynb").is_file()
    assert [bool(result["failure"]) for result in made] == [True, False]


@pytest.mark.integration
def test_student_copies_ask_every_exercise_and_nothing_fails(tmp_path):
    """The exercises' cells of all copies, with set-ups and imports, in one kernel, emptied before each copy."""
    cells = [new_markdown_cell("# Student copies"), new_code_cell("_before = set(globals())")]
    # What `%reset -f` does takes half a second each time.
    emptied = "for _ in {name for name in globals() if name[0] != '_'} - _before:\n    del globals()[_]"
    # Chapter 14 divides the processor into two devices, which TensorFlow allows before anything else has run.
    for path in sorted(chapters(), key=lambda path: path.stem[:2] != "14"):
        copy = student.without_solutions(read(path))
        text = "\n".join(cell.source for cell in copy.cells)
        assert "def solution_" not in text
        assert "## Solutions" not in text
        start = next(i for i, cell in enumerate(copy.cells) if cell.source.startswith("## Exercises"))
        code = [cell for cell in copy.cells[:start] if cell.cell_type == "code"][:2]  # set-up and imports
        cells += [new_code_cell(emptied), *code, *copy.cells[start:]]
        for cell in cells:
            cell.metadata.setdefault("chapter", path.stem)
    target = tmp_path / "copies.ipynb"
    nbformat.write(new_notebook(cells=cells), target)
    executed, result = run.execute(target)
    assert not result.failure
    verdicts = {path.stem: [] for path in chapters()}
    for cell in executed.cells:
        if cell.source.startswith("check("):
            outputs = [output for output in cell.outputs if output.output_type == "execute_result"]
            verdicts[cell.metadata["chapter"]] += [output.data["text/plain"] for output in outputs]
    for chapter, found in verdicts.items():
        assert len(found) >= 3, chapter
        assert all(": not attempted." in verdict for verdict in found), chapter


@pytest.mark.slow
@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_whole_student_copy_runs(path, tmp_path):
    target = tmp_path / path.name
    nbformat.write(student.without_solutions(read(path)), target)
    assert not run.execute(target)[1].failure


def test_the_address_is_stamped_everywhere_and_can_be_removed():
    path = chapters()[0]
    before = read(path)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    plain = colab.stamp_project(project, "")
    stamped = colab.stamp_project(plain, "someone/course")
    assert tomllib.loads(stamped)["project"]["urls"] == {"Repository": "https://github.com/someone/course"}
    assert colab.stamp_project(colab.stamp_project(stamped, "other/name"), "") == plain

    notebook = colab.stamp_notebook(nbformat.from_dict(before), path.stem, "someone/course")
    again = colab.stamp_notebook(nbformat.from_dict(notebook), path.stem, "someone/course")
    assert again == notebook
    assert colab.badge(path.stem, "someone/course") in notebook.cells[0].source
    set_up = next(cell for cell in notebook.cells if cell.cell_type == "code").source
    assert 'COURSE = "git+https://github.com/someone/course"' in set_up
    tagged = colab.stamp_notebook(nbformat.from_dict(notebook), path.stem, "someone/course", "v1.2.3")
    set_up = next(cell for cell in tagged.cells if cell.cell_type == "code").source
    assert 'COURSE = "git+https://github.com/someone/course@v1.2.3"' in set_up
    if "figures/" in before.cells[0].source:
        assert "raw.githubusercontent.com/someone/course/main/notebooks/figures/" in notebook.cells[0].source
    removed = colab.stamp_notebook(nbformat.from_dict(notebook), path.stem, "")
    bare = colab.stamp_notebook(nbformat.from_dict(before), path.stem, "")
    assert removed == bare


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_tag_of_this_version_is_found_and_no_other(tmp_path, monkeypatch):
    def git(*arguments):
        names = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(colab, "ROOT", tmp_path)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # of a hook, which would point git at another repository
    git("init")
    git("commit", "--allow-empty", "-m", "a")
    git("tag", f"v{colab.__version__}0")
    assert colab.tag() == ""
    git("tag", f"v{colab.__version__}")
    assert colab.tag() == f"v{colab.__version__}"


@pytest.mark.parametrize(
    "address",
    [
        "../..",
        "a/..",
        "a/.",
        "a/b; touch x",
        "a/b c",
        "$(touch x)/b",
        "a/b/c",
        "a",
        "a/",
        "/b",
        "-a/b",
        "ä/b",
        "a/b\n",
    ],
)
def test_no_repository_has_such_an_address(address, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["colab.py", address])
    monkeypatch.setattr(colab, "write_text", None)
    monkeypatch.setattr(colab, "write", None)
    with pytest.raises(SystemExit, match="expected owner/name"):
        colab.main()


def test_usual_addresses_are_accepted():
    for address in ("someone/course", "some-one_2/softmax.to-seg_2", "A/..."):
        assert colab.REPOSITORY.fullmatch(address)


def test_a_notebook_that_cannot_be_read_leaves_the_others_unstamped(tmp_path, monkeypatch):
    good = chapters()[0]
    (tmp_path / "02_bad.ipynb").write_text("{", encoding="utf-8")
    monkeypatch.setattr(colab, "chapters", lambda: [good, tmp_path / "02_bad.ipynb"])
    monkeypatch.setattr(colab, "write_text", None)
    monkeypatch.setattr(colab, "write", None)
    monkeypatch.setattr(sys, "argv", ["colab.py", "someone/course"])
    with pytest.raises(Exception, match="JSON"):
        colab.main()


def test_only_what_is_installed_calls_for_another_set_up(tmp_path, monkeypatch):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    monkeypatch.setattr(setup, "ROOT", tmp_path)

    def stamp(text, constraints="numpy==2.4"):
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        (tmp_path / "constraints.txt").write_text(constraints, encoding="utf-8")
        return setup.installation()

    before = stamp(project)
    assert stamp(colab.stamp_project(project, "someone/course")) == before
    assert stamp(project.replace("line-length = ", "line-length = 1")) == before
    changed = [
        project.replace('"numpy>=', '"numpy>2,>='),
        project.replace("dev = [", 'dev = [\n    "rich",'),
        project.replace("requires-python = ", 'requires-python = ">=3" #'),
        project.replace('"hatchling>=1.26"]', '"hatchling>=1.27"]'),
        project + '\n[tool.hatch.build.targets.wheel.force-include]\n"a" = "b"\n'
        if "force-include" not in project
        else project.replace("force-include]", 'force-include]\n"a" = "b"'),
    ]
    for text in changed:
        assert text != project
        assert stamp(text) != before
    assert stamp(project, "numpy==2.5") != before


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(("target", "variable"), [("colab", "REPO"), ("save", "NOTEBOOKS")])
def test_make_passes_on_what_was_typed_and_runs_none_of_it(target, variable, tmp_path):
    """With `echo` for Python, which only shows the arguments."""
    marks = [tmp_path / name for name in "abcd"]
    typed = f"x/y; touch {marks[0]} $(shell touch {marks[1]}) `touch {marks[2]}` $$(touch {marks[3]}) '\""
    command = ["make", target, f"{variable}={typed}", "PYTHON=true", "PY=echo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert typed in done.stdout
    assert not any(mark.exists() for mark in marks)


def test_the_pictures_of_readme_are_found_on_a_package_index_too():
    text = readme.README.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert any("notebooks/figures/" in picture for picture in pictures)
    stamped = colab.stamp_pictures(text, "someone/course", "notebooks/")
    addresses = re.findall(r"!\[[^]]*\]\(([^)]+)\)", stamped)
    assert addresses[0].startswith("https://raw.githubusercontent.com/someone/course/main/notebooks/figures/")
    assert all(address.startswith("https://") for address in addresses)
    plain = colab.stamp_pictures(stamped, "", "notebooks/")
    assert colab.stamp_pictures(colab.stamp_pictures(stamped, "other/name"), "", "notebooks/") == plain
    for picture in re.findall(r"!\[[^]]*\]\((notebooks/[^)]+)\)", plain):
        assert (ROOT / picture).is_file()
    assert colab.stamp_pictures(text, colab.repository(), "notebooks/") == text


def test_readme_lists_every_chapter():
    table = readme.TABLE.search(readme.README.read_text(encoding="utf-8"))[0]
    for path in chapters():
        assert f"(notebooks/{path.name})" in table
    assert readme.rounded(61) == 65


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_another_python_gets_one_clear_line(version, monkeypatch):
    monkeypatch.setattr(setup.sys, "version_info", (*version, 0))
    with pytest.raises(SystemExit, match=r"needs 3\.11 to 3\.13"):
        setup.main()


def test_a_broken_environment_gets_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    with pytest.raises(SystemExit, match=r"\.venv is broken.*make clean"):
        setup.main()


@pytest.mark.integration
def test_no_network_gets_one_clear_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("", encoding="utf-8")
    # An environment with a copy of pip: letting Python's own set-up install one takes most of the time.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    packages = sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / ".venv")})
    shutil.copytree(Path(pip.__file__).parent, Path(packages) / "pip")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit, match="is the network there"):
        setup.main()
    assert (tmp_path / "build" / "setup.log").is_file()
    assert not (tmp_path / ".venv" / "installed").exists()


@pytest.mark.parametrize("path", sorted(results.RESULTS.glob("*.csv")), ids=lambda path: path.stem)
def test_every_table_is_written_as_it_was_read(path, tmp_path):
    rows = results.read_rows(path)
    results.write_rows(tmp_path / path.name, rows)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert results.holds(rows, dict(list(rows[-1].items())[:3]))
    assert not results.holds(rows, {"seed": "none of ours"})


def test_a_manifest_says_how_and_with_what(tmp_path):
    table = tmp_path / "table.csv"
    assert results.read_rows(table) == []
    assert results.read_manifest(table) == {}
    results.write_manifest(table.with_suffix(".json"), "python tools/x.py", seeds=(0, 1))
    found = results.read_manifest(table)
    assert (found["command"], found["seeds"]) == ("python tools/x.py", [0, 1])
    assert set(found) >= {"machine", "python", "tensorflow", "numpy", "finished"}


@pytest.mark.integration
def test_lost_workers_are_named_and_not_waited_for(tmp_path):
    """One test ends its process, one hangs; with the settings of pyproject.toml the run ends, with both names.

    Those of nbval are left out, and plug-ins with them: importing those takes most of the time.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings = project["tool"]["pytest"]["ini_options"]
    options = [option for option in settings["addopts"] if "nbval" not in option]
    timeouts = [f"{name} = {settings[name]}" for name in ("timeout", "timeout_method", "session_timeout")]
    (tmp_path / "pytest.ini").write_text("\n".join(["[pytest]", *timeouts]), encoding="utf-8")
    (tmp_path / "test_crash.py").write_text("import os\n\ndef test_crashes():\n    os.abort()\n", encoding="utf-8")
    hang = "import time\n\ndef test_hangs():\n    time.sleep(3600)\n"
    (tmp_path / "test_hang.py").write_text(hang, encoding="utf-8")
    options += ["-p", "xdist", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, "-n", "2", "--dist", "loadscope", "--timeout=3", "."]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    assert done.returncode == 1
    for name in ("test_crashes", "test_hangs"):
        assert re.search(rf"crashed while running '.*::{name}'", done.stdout), done.stdout


def test_on_windows_ci_runs_the_commands_of_the_readme():
    block = re.search(r"```powershell\n(.*?)```", readme.README.read_text(encoding="utf-8"), re.DOTALL)[1]
    commands = [line.split("  # ")[0].strip() for line in block.splitlines()]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    steps = [step["run"] for step in job["steps"] if step.get("if", "").startswith("runner.os == 'Windows'")]
    assert steps == [command for command in commands if command.startswith("python") or " -m " in command]
    assert set(job["env"]) == set(re.findall(r"\$env:(\w+)", block))


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_help_names_the_main_commands():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "lab", "clean", "student", "test-oldest"):
        assert f"make {target} " in done.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_runs_every_benchmark():
    done = subprocess.run(["make", "--dry-run", "benchmark"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pytest -m benchmark benchmarks/*.py tests" in done.stdout
