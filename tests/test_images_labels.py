"""Labels as people have them: taken where they are one class per image, else left out with a warning."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import datasets as hugging_face
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import ConcatDataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder

import semlens_widgets as sl

PICTURE = Image.new("RGB", (5, 7))


def labels_of(data):
    return [data.label(i) for i in range(len(data))]


def given_labels(labels, **options):
    return sl.images([PICTURE] * 3, labels=labels, **options)


WAYS = {
    "list": list,
    "tuple": tuple,
    "numpy": np.asarray,
    "numpy, narrow": lambda x: np.asarray(x, np.uint8),
    "numpy, floats": lambda x: np.asarray(x, np.float32),
    "numpy, objects": lambda x: np.asarray(x, object),
    "numpy, a column": lambda x: np.asarray(x)[:, None],
    "torch": torch.tensor,
    "torch scalars": lambda x: [torch.tensor(i) for i in x],
    "numpy scalars": lambda x: [np.int64(i) for i in x],
    "pandas": pd.Series,
    "pandas, other index": lambda x: pd.Series(x, index=list("xyz")),
    "pandas index": pd.Index,
    "pandas, nullable": lambda x: pd.Series(x, dtype="Int64"),
    "pandas table": lambda x: pd.DataFrame({"label": x}),
    "text": lambda x: [str(i) for i in x],
    "numpy text": lambda x: np.asarray([str(i) for i in x]),
    "bytes": lambda x: [str(i).encode() for i in x],
    "one-hot": lambda x: np.eye(12)[list(x)],
    "one-hot tensor": lambda x: torch.eye(12)[list(x)],
    "dicts": lambda x: [{"label": i} for i in x],
    "range": lambda x: range(2, 11, 4) if x == (2, 6, 10) else list(x),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_class_numbers_are_taken_however_they_are_kept(way):
    assert labels_of(given_labels(way((2, 6, 10)))) == [2, 6, 10]


@pytest.mark.parametrize(
    "names",
    [
        ["ox", "ant", "ox"],
        np.asarray(["ox", "ant", "ox"]),
        pd.Series(["ox", "ant", "ox"]),
        pd.Categorical(["ox", "ant", "ox"]),
        [b"ox", b"ant", b"ox"],
    ],
)
def test_class_names_are_numbered_in_order_of_the_alphabet(names):
    data = given_labels(names)
    assert (data.classes, labels_of(data)) == (("ant", "ox"), [1, 0, 1])
    assert labels_of(given_labels(names, classes=["ox", "ant"])) == [0, 1, 0]


def test_categories_of_pandas_keep_their_order():
    data = given_labels(pd.Series(pd.Categorical(["ox", "ant", "ox"], categories=["ox", "bee", "ant"])))
    assert (data.classes, labels_of(data)) == (("ox", "bee", "ant"), [0, 2, 0])


@pytest.mark.parametrize("none", [None, float("nan"), np.nan, -1, "", pd.NA, np.float32("nan")])
def test_an_image_may_have_no_label(none):
    assert labels_of(given_labels([1, none, 0])) == [1, None, 0]
    assert "1 without a label" in repr(given_labels([1, none, 0]))
    assert given_labels([1, none, 0]).highest_label is None, "not every image has one"


def test_names_may_be_missing_too():
    data = given_labels(["ox", None, "ant"])
    assert (data.classes, labels_of(data)) == (("ant", "ox"), [1, None, 0])


def test_numbers_as_text_are_numbers_unless_classes_are_called_so():
    assert labels_of(given_labels(["2", "10", "9"])) == [2, 10, 9]
    data = given_labels(["2", "10", "9"], classes=["10", "2", "9"])
    assert labels_of(data) == [1, 0, 2]
    assert given_labels(["02", "10", "9"]).classes == ("02", "10", "9"), "a code, no number"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0.7, 0.1, 0.2], "0.7, no whole number"),
        (np.asarray([[0, 1, 1], [1, 0, 0], [0, 0, 1]]), "2 classes for one image"),
        (np.zeros((3, 4)), "0 classes for one image"),
        (np.full((3, 4), 0.25), "several numbers for an image"),
        ([{"boxes": [1, 2], "labels": [3, 4]}] * 3, "a dict with boxes, labels"),
        (["masks/1.png", "masks/2.png", "masks/3.png"], "a path"),
        ([Path("1.xml")] * 3, "a path"),
        ([{"annotation": {"object": []}}] * 3, "a dict with annotation"),
        ([object()] * 3, "a object"),
        ([[1, 2], [3], [4]], "several numbers"),
        (5, "a int"),
        ({0: 1, 1: 0, 2: 1}, "a dict"),
    ],
)
def test_what_is_no_class_per_image_is_left_out_with_a_warning_at_the_users_line(labels, said):
    with pytest.warns(UserWarning, match=f"labels are no classes: .*{said}.*going on without labels") as warned:
        data = given_labels(labels)
    assert warned[0].filename == __file__
    assert labels_of(data) == [None] * 3
    assert "no labels" in repr(data)


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        ([1], (), "1 labels for 3 images"),
        (np.asarray([0, 5, 1]), ["a", "b"], "label 5 with 2 classes"),
        (["a", "b", "c"], ["a", "b"], "label 'c'; labels are class numbers, or all of them names among a, b"),
        (["a", 1, 0], (), "label 'a' among numbers"),
        ([0, -2, 1], (), "label -2; class numbers count from 0"),
        (["crane", "ox", "ox"], ["crane", "ox", "crane"], "label 'crane' is the name of several classes .0 and 2."),
        ([0, 1, 1], "ab", "classes is a str"),
        ([0, 1, 1], {"a": 0, "b": 2}, "without a gap"),
        ([0, 1, 1], 2, "classes is a int"),
    ],
)
def test_labels_and_classes_that_contradict_each_other_are_refused(labels, classes, said):
    with pytest.raises(ValueError, match=said):
        given_labels(labels, classes=classes)


@pytest.mark.parametrize(
    "classes",
    [
        ["a", "b"],
        np.asarray(["a", "b"]),
        pd.Index(["a", "b"]),
        pd.Series(["a", "b"], index=[7, 8]),
        {0: "a", 1: "b"},
        {"b": 1, "a": 0},
        [b"a", b"b"],
        (np.str_("a"), np.str_("b")),
    ],
)
def test_class_names_are_taken_however_they_are_kept(classes):
    data = given_labels([1, 0, 1], classes=classes)
    assert data.classes == ("a", "b")
    assert all(type(name) is str for name in data.classes)


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**6)), min_size=1, max_size=30))
def test_every_column_with_gaps_says_what_its_list_says(numbers):
    pictures = [PICTURE] * len(numbers)
    plain = labels_of(sl.images(pictures, labels=numbers))
    assert plain == numbers
    assert labels_of(sl.images(pictures, labels=pd.Series(numbers, dtype="Int64"))) == numbers
    assert labels_of(sl.images(pictures, labels=np.asarray(numbers, float))) == numbers


class Closed(torch.utils.data.Dataset):
    """A data set that must not be asked for an item."""

    def __init__(self, length, **attributes):
        self.length = length
        self.__dict__.update(attributes)

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        raise AssertionError("an image was decoded for its label")


@pytest.mark.parametrize("name", ["targets", "labels", "_labels", "y"])
@pytest.mark.parametrize("way", [list, np.asarray, torch.tensor, pd.Series])
def test_labels_that_a_data_set_keeps_are_found_without_an_image(name, way):
    assert labels_of(sl.images(Closed(3, **{name: way([2, 0, 1])}))) == [2, 0, 1]


def test_labels_in_pairs_with_paths_are_found():
    assert labels_of(sl.images(Closed(2, _samples=[("a.png", 1), ("b.png", 0)], classes=["a", "b"]))) == [1, 0]


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (["a/1.xml", "a/2.xml"], "a path"),
        ([{"boxes": 1}, {"boxes": 2}], "a dict with boxes"),
        (torch.tensor([[1, 1], [0, 1]]), "2 classes for one image"),
        ([0.7, 1.0], "no whole number"),
        ([1], "1 labels for 2 images"),
    ],
)
def test_targets_that_are_no_classes_are_left_out_with_a_warning(targets, said):
    with pytest.warns(UserWarning, match=f"{said}.*going on without labels"):
        assert labels_of(sl.images(Closed(2, targets=targets))) == [None, None]


def test_a_target_transform_is_applied_and_its_classes_have_other_names():
    data = sl.images(Closed(2, targets=[3, 1], target_transform=lambda t: t // 2, classes=list("abcd")))
    assert (labels_of(data), data.classes) == ([1, 0], ())
    with pytest.warns(UserWarning, match="target_transform that fails"):
        assert labels_of(sl.images(Closed(2, targets=[3, 1], target_transform=lambda t: t["x"]))) == [None, None]


def test_a_data_set_without_labels_says_so_and_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(sl.images(Closed(3))) == "<3 images, no labels>"


def test_synonyms_of_a_class_stand_in_one_name():
    assert sl.images(Closed(1, targets=[0], classes=[("tench", "Tinca tinca")])).classes == ("tench, Tinca tinca",)


def test_a_subset_has_the_labels_of_its_images():
    inner = Closed(5, targets=[4, 3, 2, 1, 0], classes=list("abcde"))
    data = sl.images(Subset(Subset(inner, [4, 2, 0]), torch.tensor([2, 0])))
    assert (labels_of(data), data.classes) == ([4, 0], tuple("abcde"))
    with pytest.warns(UserWarning, match="a path"):
        sl.images(Subset(Closed(2, targets=["a/1.xml", "a/2.xml"]), [1]))


def test_joined_data_sets_have_labels_where_their_classes_are_the_same():
    one, two = (Closed(2, targets=[1, 0], classes=["a", "b"]) for _ in range(2))
    assert labels_of(sl.images(ConcatDataset([one, Subset(two, [0])]))) == [1, 0, 1]
    other = Closed(2, targets=[1, 0], classes=["b", "c"])
    with pytest.warns(UserWarning, match="other classes under the same numbers"):
        assert labels_of(sl.images(ConcatDataset([one, other]))) == [None] * 4
    with pytest.warns(UserWarning, match="data set 1 of those joined has no labels"):
        assert labels_of(sl.images(ConcatDataset([one, Closed(1)]))) == [None] * 3


def test_tensors_in_a_data_set_are_images_and_labels():
    data = sl.images(TensorDataset(torch.zeros(3, 3, 5, 7), torch.tensor([2, 0, 1])), mean=0, std=1)
    assert labels_of(data) == [2, 0, 1]
    assert data.concurrent
    assert data.picture(0).size == (7, 5)


def test_a_list_of_pairs_or_dicts_has_labels_where_each_has_one():
    assert labels_of(sl.images([(PICTURE, np.int64(3)), (PICTURE, 1)])) == [3, 1]
    assert labels_of(sl.images([{"image": PICTURE, "label": 3}, {"image": PICTURE, "label": 1}])) == [3, 1]
    assert sl.images([(PICTURE, "b", 7), (PICTURE, "a", 7)]).classes == ("a", "b")
    with pytest.warns(UserWarning, match="a dict with boxes"):
        data = sl.images([(PICTURE, {"boxes": []})] * 2)
    assert data.picture(1).size == (5, 7)


def tree(folder, *names):
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 7), (i, 0, 0)).save(folder / name)


def test_torchvisions_own_folder_has_names_labels_and_threads(tmp_path):
    tree(tmp_path, "a/1.png", "b/2.png", "b/3.png")
    data = sl.images(Subset(ImageFolder(tmp_path), [2, 0]))
    assert [data.name(i) for i in range(2)] == ["b/3.png", "a/1.png"]
    assert (labels_of(data), data.classes, data.concurrent) == ([1, 0], ("a", "b"), True)
    assert data.picture(0).getpixel((0, 0)) == (2, 0, 0)
    assert not sl.images(ImageFolder(tmp_path, loader=lambda path: Image.open(path))).concurrent, "who knows"


def hugging(**columns):
    features = {
        name: hugging_face.Image() if "picture" in name or name in ("image", "img") else
        hugging_face.ClassLabel(names=["ant", "bee", "ox"]) if "label" in name else hugging_face.Value("string")
        for name in columns
    }  # fmt: skip
    return hugging_face.Dataset.from_dict(columns, features=hugging_face.Features(features))


def test_hugging_face_data_sets_have_images_and_labels_by_their_features(tmp_path):
    tree(tmp_path, "1.png", "2.png", "3.png")
    paths = [str(tmp_path / f"{i}.png") for i in (1, 2, 3)]
    for column in ("image", "img", "the_picture"):
        table = hugging(**{column: paths, "label": [2, 0, 1], "caption": list("abc")})
        ways = {"table": (table, [2, 0, 1]), "part": (table.select([2, 0]), [1, 2]),
                "tensors": (table.with_format("torch"), [2, 0, 1])}  # fmt: skip
        for data, expected in ways.values():
            found = sl.images(data)
            assert (labels_of(found), found.classes) == (expected, ("ant", "bee", "ox"))
            assert found.picture(0).size == (5, 7)
            assert not found.concurrent
    fine = hugging(image=paths, fine_label=[2, 0, 1])
    assert labels_of(sl.images(fine)) == [2, 0, 1], "the only column of classes"
    with pytest.warns(UserWarning, match=r"several columns of classes \(fine_label, coarse_label\)"):
        assert labels_of(sl.images(hugging(image=paths, fine_label=[2, 0, 1], coarse_label=[0, 0, 1]))) == [None] * 3


def test_images_that_hugging_face_has_not_decoded_are_opened(tmp_path):
    tree(tmp_path, "1.png")
    table = hugging(image=[str(tmp_path / "1.png")]).cast_column("image", hugging_face.Image(decode=False))
    assert sl.images(table).picture(0).size == (5, 7)
    assert sl.images([{"image": {"bytes": (tmp_path / "1.png").read_bytes(), "path": None}}]).picture(0).size == (5, 7)


def test_sources_that_have_no_numbered_images_say_what_to_give_instead(tmp_path):
    table = hugging(caption=["a"], label=[1])
    for source, said in (
        (
            hugging_face.DatasetDict({"train": table}),
            r"a DatasetDict; give one data set .* sl\.images\(source\['train'\]",
        ),
        (
            (p for p in [PICTURE]),
            "gives its items once, and examples are looked at again; give what can be begun again",
        ),
        (pd.DataFrame({"path": ["a.png"]}), r"give its column of files: sl\.images\(table\['path'\]"),
        (PICTURE, r"sl\.images\(\[picture\]\)"),
        ({PICTURE.size}, "it has no order"),
        (np.zeros((5, 7, 3), np.uint8), r"its shape \(5, 7, 3\) is that of one picture"),
        (torch.zeros(3, 5, 7), "is that of one picture"),
        (SimpleNamespace(), "needed is a folder, a data set with len"),
        (b"abc", "cannot read images from a bytes"),
    ):
        with pytest.raises(TypeError, match=said):
            sl.images(source)


def test_paths_come_as_columns_arrays_and_pairs(tmp_path):
    tree(tmp_path, "1.png", "2.png")
    paths = [str(tmp_path / "1.png"), str(tmp_path / "2.png")]
    for source in (pd.Series(paths, index=[5, 6]), np.asarray(paths), [Path(p) for p in paths], tuple(paths)):
        data = sl.images(source)
        assert [data.name(i) for i in range(2)] == paths
        assert data.picture(1).getpixel((0, 0)) == (1, 0, 0)
    pairs = sl.images([(paths[1], "ox"), (paths[0], "ant")])
    assert (labels_of(pairs), pairs.classes, pairs.name(0)) == ([1, 0], ("ant", "ox"), paths[1])
    with pytest.raises(FileNotFoundError, match="web addresses are not fetched"):
        sl.images(["https://example.org/a.png"])


def test_a_list_may_mix_files_pictures_and_arrays(tmp_path):
    tree(tmp_path, "1.png")
    data = sl.images([PICTURE, tmp_path / "1.png", np.zeros((7, 5, 3), np.uint8), str(tmp_path / "1.png")])
    assert [data.picture(i).size for i in range(4)] == [(5, 7)] * 4
