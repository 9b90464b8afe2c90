"""A folder is what torchvision's ImageFolder has of it, hidden folders apart; what is left out is told."""

import os
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import ImageFolder

import semlens_widgets as sl
from semlens_widgets.images import SUFFIXES, UnreadableImage

NAMES = ["a", "b", "B", "a-b", "a b", "a.b", "10", "9", "_", "é", "train", "zz", "a.png"]
HIDDEN = [".ipynb_checkpoints", ".git", ".a"]
FILES = [
    "1.png",
    "2.PNG",
    "10.jpg",
    ".png",
    ".b.png",
    "x.jpeg",
    "y.gif",
    "z.txt",
    "Thumbs.db",
    "é.webp",
    "t.TIFF",
    "c.avif",
]


@st.composite
def trees(draw, depth=3):
    """Files and folders by name; a folder is a dict, a file None, a text a link."""
    tree = dict.fromkeys(draw(st.lists(st.sampled_from(FILES), max_size=3)))
    if depth:
        for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
            tree[name] = draw(trees(depth=depth - 1))
    return tree


def build(folder, tree):
    folder.mkdir(exist_ok=True)
    for name, content in tree.items():
        if content is None:
            (folder / name).write_bytes(b"")
        else:
            build(folder / name, content)


def of_torchvision(folder):
    """(paths, class numbers, classes) or None where ImageFolder finds nothing."""
    try:
        found = ImageFolder(folder, allow_empty=True)
    except FileNotFoundError:
        return None
    return [(os.path.relpath(p, folder), n) for p, n in found.samples], tuple(found.classes)


def opened(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sl.images(folder)


def ours(folder):
    data = opened(folder)
    return [(data.name(i), data.label(i)) for i in range(len(data))], data.classes


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees())
def test_classes_and_files_are_those_of_torchvision(tree):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        build(folder, tree)
        expected = of_torchvision(folder)
        if expected is not None and expected[0]:
            assert ours(folder) == expected
        elif any(path.suffix.lower() in SUFFIXES or path.name == ".png" for path in folder.iterdir() if path.is_file()):
            found, classes = ours(folder)
            assert classes == ()
            assert all("/" not in name and label is None for name, label in found)
        else:
            with pytest.raises(ValueError, match="no image files"):
                ours(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    trees(),
    st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=3), st.sampled_from(HIDDEN)), min_size=1, max_size=4),
)
def test_hidden_folders_change_nothing(tree, hidden):
    with tempfile.TemporaryDirectory() as place:
        build(Path(place) / "plain", {**tree, "class": {"1.png": None}})
        build(Path(place) / "hidden", {**tree, "class": {"1.png": None}})
        expected = ours(Path(place) / "plain")
        for steps, name in hidden:
            folder = Path(place) / "hidden"
            for step in steps:
                below = sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in HIDDEN)
                folder = below[step % len(below)] if below else folder
            build(folder / name, {"1.png": None, "deep": {"2.png": None}})
        assert ours(Path(place) / "hidden") == expected
        assert name in repr(opened(Path(place) / "hidden"))


def tree(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 7)).save(folder / name, "PNG")


def test_a_stray_file_in_the_root_is_told_and_does_no_harm(tmp_path):
    tree(tmp_path, "nevus/1.png", "melanoma/1.png")
    (tmp_path / "notes.txt").write_text("")
    data = sl.images(tmp_path)
    assert [data.label(i) for i in range(2)] == [0, 1]
    assert repr(data).endswith("2 classes; left out: 1 file beside the class folders (notes.txt)>")


def test_images_beside_the_class_folders_are_left_out_with_a_warning_at_the_users_line(tmp_path):
    tree(tmp_path, "nevus/1.png", "cover.png")
    with pytest.warns(UserWarning, match="1 image beside the class folders of .* is left out") as warned:
        data = sl.images(tmp_path)
    assert warned[0].filename == __file__
    assert [data.name(i) for i in range(len(data))] == ["nevus/1.png"]
    assert "1 file beside the class folders (cover.png)" in repr(data)


def test_an_empty_class_folder_keeps_its_number(tmp_path):
    tree(tmp_path, "a/1.png", "c/1.png")
    (tmp_path / "b").mkdir()
    data = sl.images(tmp_path)
    assert data.classes == ("a", "b", "c")
    assert [data.label(i) for i in range(2)] == [0, 2]
    assert "1 class folder without images (b)" in repr(data)


def test_linked_class_folders_are_followed_and_circles_end(tmp_path):
    tree(tmp_path, "elsewhere/1.png", "elsewhere/below/2.png", "data/a/1.png")
    (tmp_path / "data/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/absent").symlink_to(tmp_path / "nowhere")
    assert ours(tmp_path / "data") == of_torchvision(tmp_path / "data")
    (tmp_path / "data/a/around").symlink_to(tmp_path / "data")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "elsewhere")
    data = sl.images(tmp_path / "data")
    assert len(data) < 12
    assert "which leads back to a folder above it" in repr(data)


def test_a_flat_folder_has_no_classes_and_takes_every_kind(tmp_path):
    tree(tmp_path, "b.png", "a.png")
    Image.new("L", (5, 7)).save(tmp_path / "c.gif")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/a.txt").write_text("")
    data = sl.images(tmp_path)
    assert [data.name(i) for i in range(3)] == ["a.png", "b.png", "c.gif"]
    assert data.classes == ()
    assert repr(data) == f"<3 images in {tmp_path}, no labels; left out: 1 file of other kinds (1 .txt)>"


def test_a_folder_with_nothing_but_other_kinds_says_what_there_is(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("1.gif", "2.gif", "3.heic"):
        (tmp_path / "a" / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"no image files .* 3 files of other kinds \(2 \.gif, 1 \.heic\)"):
        sl.images(tmp_path)
    with pytest.raises(FileNotFoundError, match="is a file, not a folder"):
        sl.images(tmp_path / "a" / "1.gif")


def test_class_names_given_for_folders_rename_or_renumber_them(tmp_path):
    tree(tmp_path, "n01/1.png", "n03/1.png")
    renamed = sl.images(tmp_path, classes=["tench", "shark"])
    assert (renamed.classes, renamed.label(1)) == (("tench", "shark"), 1)
    among = sl.images(tmp_path, classes=["n00", "n01", "n02", "n03"])
    assert (among.label(0), among.label(1)) == (1, 3), "the numbers of the whole list"
    with pytest.raises(ValueError, match="3 class names for 2 classes"):
        sl.images(tmp_path, classes=["a", "b", "c"])


def test_file_names_that_are_no_utf8_are_read_and_named_as_text(tmp_path):
    tree(tmp_path, "a/1.png")
    bad = os.fsencode(tmp_path) + b"/a/caf\xe9.png"
    Path(os.fsdecode(bad)).write_bytes((tmp_path / "a/1.png").read_bytes())
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/bad\xff.png")).write_bytes(b"")
    data = sl.images(tmp_path)
    names = [data.name(i) for i in range(3)]
    assert sorted(names) == ["a/1.png", "a/bad\\xff.png", "a/caf\\xe9.png"]
    assert all(name.encode() for name in names), "every file and window can hold them"
    assert data.picture(data.number("a/caf\\xe9.png")).size == (5, 7)
    with pytest.raises(UnreadableImage, match=r"a/bad\\xff\.png: the file is empty"):
        data.picture(data.number("a/bad\\xff.png"))
    assert data.fingerprint
    assert sl.images([os.fsdecode(bad)]).picture(0).size == (5, 7)


def test_a_broken_link_to_a_file_is_an_unreadable_image_as_for_torchvision(tmp_path):
    tree(tmp_path, "a/1.png")
    (tmp_path / "a/2.png").symlink_to(tmp_path / "nowhere.png")
    data = sl.images(tmp_path)
    assert ours(tmp_path) == of_torchvision(tmp_path)
    assert data.fingerprint
    with pytest.raises(UnreadableImage, match=r"a/2\.png: FileNotFoundError"):
        data.picture(1)
