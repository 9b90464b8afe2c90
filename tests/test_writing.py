"""Every file the package writes appears whole or not at all, under a name that stays in its folder."""

import ast
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import colour_lens

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.writing import file_names, replacing, write_bytes, write_text

PACKAGE = Path(sl.__file__).parent

# Functions and methods that write a file, whatever they are given.
WRITERS = {"savefig", "save_file", "tofile", "savetxt", "savez", "savez_compressed", "touch", "mkstemp", "memmap",
           "NamedTemporaryFile", "extractall", "symlink_to", "hardlink_to"}  # fmt: skip
OPENERS = {"open", "GzipFile", "ZipFile"}  # where their mode says so
MODULES = {"os": {"open", "replace", "rename", "write", "remove", "truncate", "symlink"}, "np": {"save"}}
INTO_MEMORY = {"buffer", "data", "hits"}  # names of an io.BytesIO that a picture is saved into
OWN = {"lens", "space", "self.space", "run", "super()", "written", "figure"}  # values of ours

# Where they stand all the same, and why.
ALLOWED = {
    ("writing", "touch"): "the writer itself",
    ("writing", "disk_usage"): "how much is free, for the message of a full disk",
    ("writing", "replace"): "the writer itself",
    ("store", "memmap"): "mapped to be read",
    ("layout.apart", "open"): "its own temporary folder: what the process of UMAP says",
    ("layout.apart", "savez"): "its own temporary folder",
    ("layout.apart", "save"): "its own temporary folder",
    ("layout.apart", "write_text"): "its own temporary folder: how far it is",
    ("examples.running", "save"): "a pass of ours, which is written by `passes`",
    ("session.fitting", "rmtree"): "crops on the way to a space that is finished",
    ("space.embedded", "memmap"): "mapped to be read",
    ("shards.task", "touch"): "an empty file that says that work on a shard has begun",
    ("shards.parcel", "save"): "into memory",
    ("shards.engine", "rmtree"): "the model as it travelled, and parts that were merged",
    ("audit.file", "replace"): "a damaged audit is set aside",
    ("figures.figure", "savefig"): "into memory",
    ("demo.train_clip", "GzipFile"): "into memory",
    ("site.verb", "write_bytes"): "a folder of its own, which is moved into its place as a whole",
    ("site.verb", "touch"): "that folder",
    ("site.verb", "replace"): "that folder takes the place of the site before",
    ("site.verb", "rmtree"): "that folder, when it is empty or nothing came of it",
    ("images.processes", "disk_usage"): "asks how much room there is",
}


def opens_to_write(call):
    """`open(path, "w")`, `path.open("wb")`."""
    modes = [*call.args[isinstance(call.func, ast.Name) :], *(k.value for k in call.keywords if k.arg == "mode")]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)


def is_writer(call):
    if isinstance(call.func, ast.Name):
        return call.func.id in WRITERS or (call.func.id in OPENERS and opens_to_write(call))
    if not isinstance(call.func, ast.Attribute):
        return False
    what, of = call.func.attr, ast.unparse(call.func.value)
    if what == "save" and of not in OWN and of != "np":  # a picture's, most likely
        return not (call.args and isinstance(call.args[0], ast.Name) and call.args[0].id in INTO_MEMORY)
    return (
        what in WRITERS
        or what in ("write_text", "write_bytes")  # of a path; those of `writing` are called by their bare names
        or what in MODULES.get(of, ())
        or of == "shutil"
        or (what in OPENERS and of not in ("os", "Image") and opens_to_write(call))
    )


def writes(tree):
    """(what is called, line) for all that writes a file in one module, but what stands in a block of `replacing`."""
    within = {
        id(inner)
        for block in ast.walk(tree)
        if isinstance(block, ast.With) and any("replacing(" in ast.unparse(item.context_expr) for item in block.items)
        for inner in ast.walk(block)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and id(call) not in within and is_writer(call):
            yield getattr(call.func, "attr", getattr(call.func, "id", "")), call.lineno


def test_only_the_writer_writes_files():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        for what, line in writes(ast.parse(path.read_text("utf-8"))):
            assert (name, what) in ALLOWED, f"{name}, line {line}: {what}; files are written by semlens_widgets.writing"
            found.add((name, what))
    assert found == set(ALLOWED), "what is allowed but not there any more"


@pytest.mark.parametrize(
    "code",
    ["open(p, 'w').write(t)", "p.open('ab')", "p.write_text(t)", "p.write_bytes(t)", "picture.save(p)",
     "np.savez(p, a)", "os.replace(a, b)", "shutil.copy(a, b)", "ZipFile(p, 'w')", "f.savefig(p)", "open(p, mode='x')"],
)  # fmt: skip
def test_a_new_writer_would_be_found(code):
    assert list(writes(ast.parse(code)))


def every_writer(folder):
    """A function for each kind of file a user can have written, and its path."""
    lens = colour_lens().fit(cached=False, progress=False)
    lens.checklist = sl.Checklist((sl.Group("a", (sl.Concept("red"), sl.Concept("blue", kind="spurious"))),), "t")
    lens.audit(target="0", progress=False)
    lens.verdicts["@red"] = "valid"
    figure, report = lens.search("red").figure(), lens.document()
    return {
        folder / "lens.semlens": lens.save,
        folder / "page.html": lens.to_html,
        folder / "figure.png": figure.save,
        folder / "figure.svg": figure.save,
        folder / "figure.pdf": figure.save,
        folder / "report.html": report.save,
        folder / "report.json": report.save,
        folder / "checklist.csv": lens.checklist.to_file,
        folder / "verdicts.json": lens.verdicts.to_file,
    }


def test_a_full_disk_leaves_every_file_as_it_was_and_is_told_by_name(tmp_path, monkeypatch):
    writers = every_writer(tmp_path)
    for path in writers:
        path.write_bytes(b"what was there")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)  # as some disks say it only then
    monkeypatch.setattr("semlens_widgets.writing._onto_the_disk", full)
    before = set(tmp_path.iterdir())
    for path, write in writers.items():
        with pytest.raises(OSError, match="No space left") as raised:
            write(path)
        assert raised.value.filename == str(path)
        assert path.read_bytes() == b"what was there"
    assert set(tmp_path.iterdir()) == before, "nothing half-written is left"


LIMITED = """
import resource, signal, sys
from pathlib import Path
from test_writing import every_writer
folder = Path(sys.argv[1])
writers = every_writer(folder)
for path in writers:
    path.write_bytes(b"what was there")
before = set(folder.iterdir())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for path, write in writers.items():
    try:
        write(path)
    except OSError as error:
        if path.name in str(error) and path.read_bytes() == b"what was there":
            print(path.name)
assert set(folder.iterdir()) == before
"""


def test_a_write_that_the_system_cuts_off_leaves_every_file_as_it_was(tmp_path):
    """The system itself ends each write after 20 bytes, as a disk does that fills up on the way."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), str(Path(__file__).parent)])}
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.split()) == 9, run.stdout


def test_a_missing_folder_and_one_in_the_place_of_a_file_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.x\.bin"):
        write_bytes(tmp_path / "absent" / "x.bin", b"")
    for write in (lambda p: write_text(p, "a"), lambda p: store.write(p, {}, {})):
        with pytest.raises(IsADirectoryError, match=f"this is a folder; give the name of a file in it: '{tmp_path}'"):
            write(tmp_path)


def test_permissions_are_kept_and_new_files_have_the_usual_ones(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch(0o600)
    before = os.umask(0o027)
    try:
        write_bytes(new, b"1")
        write_bytes(old, b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    assert stat.S_IMODE(old.stat().st_mode) == 0o600


def test_a_link_that_lies_in_wait_is_not_written_through(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("secrets.token_hex", lambda count: "known")
    (tmp_path / ".semlens-known.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_bytes(tmp_path / "x", b"theirs")
    assert victim.read_text() == "mine"


def test_an_error_in_the_block_leaves_nothing(tmp_path):
    def interrupted():
        with replacing(tmp_path / "x") as temporary:
            temporary.write_bytes(b"half")
            raise KeyError("on the way")

    with pytest.raises(KeyError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_half_a_surrogate_pair_is_written_as_its_escape(tmp_path):
    path = write_text(tmp_path / "a.json", '{"name": "caf\udce9"}')
    assert path.read_text("utf-8") == '{"name": "caf\\udce9"}'


HOSTILE_NAMES = ["..", ".", "", "/", "../..", "/etc/passwd", "a/../../b", "a\\..\\b", "a\0b", "CON", "con.layer", "Aux",
                 "nul", "COM1", "lpt¹", "x" * 300, "ä" * 200, "a:b", "~", ".hidden", "dot.", "dot..", "a b ", "\n",
                 "\ud800", "layer4", "Layer4", "LAYER4", "ſtem", "stem", "ﬁ", "fi", "e\u0301", "é", "a/b", "a_b",
                 "https://x/y?z=1", "<script>", "*?|", "-rf", "‮"]  # fmt: skip


def held_to(names):
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert 0 < len(name.encode()) <= 80
        assert not set(name) & set('/\\\0:*?"<>| ')
        assert name.isprintable()
        assert not name.startswith(".")
        assert not name.endswith(".")
        assert name.split(".")[0].upper() not in ("CON", "PRN", "AUX", "NUL", *(f"COM{i}" for i in "0123456789¹²³"),
                                                  *(f"LPT{i}" for i in "0123456789¹²³"))  # fmt: skip


def test_names_made_from_content_are_names_everywhere_and_differ(tmp_path):
    names = file_names(HOSTILE_NAMES)
    held_to(names)
    for name in names.values():
        (tmp_path / name).mkdir()
    assert len(list(tmp_path.iterdir())) == len(HOSTILE_NAMES)
    assert {p.parent for p in tmp_path.rglob("*")} == {tmp_path}


def test_plain_names_stay_as_they_are():
    plain = ["layer4", "features.12", "blocks.3.mlp.fc1", "encoder_1", "größe"]
    assert file_names(plain) == {name: name for name in plain}
    assert file_names(["blocks/3"]) == {"blocks/3": "blocks_3"}


@given(st.lists(st.text(max_size=40) | st.sampled_from(HOSTILE_NAMES), max_size=8))
def test_any_texts_give_as_many_names(texts):
    names = file_names(texts)
    assert set(names) == set(texts)
    held_to(names)


def test_crops_are_exported_inside_their_folder_whatever_layers_are_called(tmp_path):
    from dataclasses import replace

    space = colour_lens().fit(cached=False, progress=False).space
    for number, layers in enumerate([("..", "../../up"), ("a", "A"), ("a/b", "a_b"), ("x" * 400, "nul"), ("a\0", "")]):
        components = replace(space.components, layers=layers)
        hostile = replace(space, examples=replace(space.examples, components=components))
        around = tmp_path / str(number)
        around.mkdir()
        folder = sl.export_crops(hostile, around / "crops", examples=1)
        assert list(around.iterdir()) == [folder]
        assert len(list(folder.rglob("*.png"))) == int(space.alive.sum())
        assert len({p.parent.parent for p in folder.rglob("*.png")}) == 2
