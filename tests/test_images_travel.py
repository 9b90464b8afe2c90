"""Images in another process: what travels sees the same pictures under the same numbers, labels and fingerprint."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import fingerprints


class Pairs(torch.utils.data.Dataset):
    """A data set of a user's."""

    def __init__(self, count):
        self.pictures, self.targets = pictures(count), [i % 3 for i in range(count)]

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        return self.pictures[i], self.targets[i]


class Darker:
    def __call__(self, picture):
        return to_pixels(picture) / 2


def folder(tmp_path):
    for i, picture in enumerate(pictures(7)):
        (tmp_path / f"{'ab'[i % 2]}").mkdir(exist_ok=True)
        picture.save(tmp_path / "ab"[i % 2] / f"{i}.png")
    (tmp_path / "a" / "broken.png").write_bytes(b"no picture")
    return sl.images(tmp_path, to_pixels)


def hugging_face(tmp_path):
    datasets = pytest.importorskip("datasets")
    columns = {"image": pictures(7), "label": [0, 1, 1, 0, 1, 0, 0]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    return sl.images(datasets.Dataset.from_dict(columns, features=features), Darker())


KINDS = {
    "folder": folder,
    "files": lambda tmp_path: sl.images([*folder(tmp_path)._load.paths], to_pixels, labels=list("abcabcab")),
    "pictures": lambda _: sl.images(pictures(7), labels=[3, 1, 0, 1, 2, 1, 0], classes=list("abcd")),
    "an array": lambda _: sl.images(np.stack([np.asarray(picture) for picture in pictures(7)])),
    "tensors": lambda _: sl.images(torch.rand(7, 3, 8, 8), mean=0.5, std=0.5),
    "a data set": lambda _: sl.images(Pairs(7), Darker(), classes=["x", "y", "z"]),
    "a part of one": lambda _: sl.images(torch.utils.data.Subset(Pairs(7), [5, 1, 2])),
    "Hugging Face": hugging_face,
}


def what_is_told(data):
    def tensor(i):
        try:
            return np.asarray(data.tensor(i)).tolist()
        except sl.UnreadableImage as unreadable:
            return unreadable.name, unreadable.why

    told = [(data.name(i), data.label(i), tensor(i)) for i in range(len(data))]
    return told, data.classes, data.stated, repr(data), data.window((11, 7))


@pytest.mark.parametrize("asked_before", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_images_travel_with_all_that_they_tell(tmp_path, kind, asked_before):
    data = KINDS[kind](tmp_path)
    if asked_before:
        assert data.fingerprint
    other = pickle.loads(pickle.dumps(data))
    assert what_is_told(other) == what_is_told(data)
    assert other.fingerprint == data.fingerprint
    assert fingerprints.program(other.fingerprint) == fingerprints.program(data.fingerprint)


def test_a_fingerprint_in_another_process_is_the_same_and_knows_its_libraries(tmp_path):
    data = folder(tmp_path)
    said = f"{data.fingerprint} {fingerprints.program(data.fingerprint)}"
    (tmp_path / "images").write_bytes(pickle.dumps(data))
    code = (
        "import pickle, sys; from semlens_widgets import fingerprints\n"
        "data = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(data.fingerprint, fingerprints.program(data.fingerprint))"
    )
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}", str(tmp_path / "images")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == said


def test_why_something_cannot_be_told_travels_too():
    data = sl.images([Image.new("RGB", (5, 7))], lambda picture: to_pixels(picture) + eval("1"))
    unpacked = fingerprints.unpacked(pickle.loads(pickle.dumps(fingerprints.packed(data.fingerprint))))
    assert fingerprints.reasons(unpacked) == fingerprints.reasons(data.fingerprint) != ()


def test_images_with_other_labels_share_one_reader():
    data = sl.images(Pairs(7))
    assert data.labelled([1] * 7)._one_reader is data._one_reader


def test_an_unreadable_image_travels():
    told = pickle.loads(pickle.dumps(sl.UnreadableImage("a.png", "damaged")))
    assert (told.name, told.why, str(told)) == ("a.png", "damaged", "a.png: damaged")
