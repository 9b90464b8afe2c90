import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

import semlens_widgets as sl
from semlens_widgets.images import Images, UnreadableImage, batches, seen_window

PIXELS = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)


def save(folder, name, image):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    image.save(path)
    return path


def test_every_kind_of_picture_in_a_folder_becomes_rgb(tmp_path):
    colour = Image.fromarray(PIXELS)
    save(tmp_path, "a.png", colour.convert("L"))
    save(tmp_path, "b.png", colour.convert("RGBA"))
    save(tmp_path, "c.jpg", colour.convert("CMYK"))
    save(tmp_path, "d.png", Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257))
    save(tmp_path, "e.png", colour.convert("P"))
    (tmp_path / "notes.txt").write_text("no image")
    data = sl.images(tmp_path)
    assert [data.name(i) for i in range(len(data))] == ["a.png", "b.png", "c.jpg", "d.png", "e.png"]
    assert all(data.picture(i).mode == "RGB" and data.picture(i).size == (17, 13) for i in range(5))
    assert np.array_equal(np.asarray(data.picture(1)), PIXELS)
    assert np.array_equal(np.asarray(data.picture(3))[..., 0], PIXELS[..., 0]), "16 bits keep their range"


def test_sub_folders_are_classes(tmp_path):
    save(tmp_path, "nevus/1.png", Image.fromarray(PIXELS))
    save(tmp_path, "melanoma/1.png", Image.fromarray(PIXELS))
    data = sl.images(tmp_path)
    assert data.classes == ("melanoma", "nevus")
    assert [(data.name(i), data.label(i)) for i in range(2)] == [("melanoma/1.png", 0), ("nevus/1.png", 1)]


def test_truncated_and_empty_files_are_named_when_read(tmp_path):
    whole = save(tmp_path, "a.png", Image.fromarray(PIXELS)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.png").write_bytes(b"")
    data = sl.images(tmp_path)
    with pytest.raises(UnreadableImage, match=r"^b\.png: "):
        data.picture(1)
    read = list(batches(data, range(3), 2, Images.picture))
    assert [b.ids.tolist() for b in read] == [[0], []]
    assert [[u.name for u in b.unreadable] for b in read] == [["b.png"], ["c.png"]]


def test_an_empty_folder_a_missing_one_and_an_empty_list_say_so(tmp_path):
    with pytest.raises(ValueError, match="no image files"):
        sl.images(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        sl.images(tmp_path / "absent")
    with pytest.raises(ValueError, match="empty"):
        sl.images([])
    with pytest.raises(TypeError, match="cannot read images from a int"):
        sl.images(5)


def test_a_data_set_of_normalised_tensors_shows_its_pictures():
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    seen = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])(Image.fromarray(PIXELS))
    data = sl.images([(seen, 1)], mean=mean, std=std)
    assert np.array_equal(np.asarray(data.picture(0)), PIXELS)
    assert torch.equal(data.tensor(0), seen)
    assert data.label(0) == 1


def test_tensors_without_a_stated_normalisation_are_refused():
    with pytest.raises(TypeError, match="say how it was normalised"):
        sl.images([torch.zeros(3, 5, 7)]).picture(0)


def test_labels_of_a_torch_data_set_are_its_targets():
    class Data(torch.utils.data.Dataset):
        targets = (4, 2)
        classes = ("a", "b", "c", "d", "e")

        def __len__(self):
            return 2

        def __getitem__(self, i):
            return Image.fromarray(PIXELS), self.targets[i]

    data = sl.images(Data())
    assert [data.label(i) for i in range(2)] == [4, 2]
    assert data.classes[4] == "e"


def test_the_fingerprint_knows_pixels_order_transform_and_normalisation():
    pictures = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1].copy())]
    changed = [Image.fromarray(PIXELS ^ 1), pictures[1]]
    prints = [
        sl.images(pictures).fingerprint,
        sl.images(pictures[::-1]).fingerprint,
        sl.images(changed).fingerprint,
        sl.images(pictures, transform=lambda p: np.asarray(p, np.float32)).fingerprint,
        sl.images(pictures, transform=lambda p: np.asarray(p, np.float32) * 2).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert sl.images([p.copy() for p in pictures]).fingerprint == prints[0]


def test_a_changed_file_changes_the_fingerprint(tmp_path):
    save(tmp_path, "a.png", Image.fromarray(PIXELS))
    before = sl.images(tmp_path).fingerprint
    save(tmp_path, "a.png", Image.fromarray(np.concatenate([PIXELS, PIXELS])))
    assert sl.images(tmp_path).fingerprint != before


def test_a_random_transform_is_refused():
    data = sl.images([Image.fromarray(PIXELS)], transform=lambda p: np.random.default_rng().normal(size=(3, 5, 5)))
    with pytest.raises(ValueError, match="pass the evaluation transform"):
        data.fingerprint  # noqa: B018


NORMALISE = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("steps", "size", "window"),
    [
        ([], (50, 40), (0, 0, 1, 1)),
        ([transforms.Resize((32, 32))], (101, 57), (0, 0, 1, 1)),
        ([transforms.CenterCrop(40)], (80, 50), (0.25, 0.1, 0.75, 0.9)),
        ([transforms.Resize(256), transforms.CenterCrop(224)], (500, 375), (0.171875, 0.0625, 0.828125, 0.9375)),
    ],
)
def test_the_window_the_model_sees_is_found_from_the_transform_alone(steps, size, window):
    transform = transforms.Compose([*steps, transforms.ToTensor(), NORMALISE])
    assert seen_window(transform, size) == pytest.approx(window, abs=0.006)


def test_batches_keep_their_order_and_read_ahead_at_most_two_batches():
    loaded = []
    data = sl.images([Image.fromarray(PIXELS)] * 100)
    stream = batches(data, range(100), 7, lambda _, i: loaded.append(i) or i)
    first = next(stream)
    assert first.items == list(range(7))
    assert len(loaded) <= 21
    assert [i for b in stream for i in b.items] == list(range(7, 100))


def test_labels_may_be_class_names_and_there_is_one_per_image():
    pictures = [Image.fromarray(PIXELS)] * 3
    data = sl.images(pictures, labels=["nevus", "melanoma", "nevus"])
    assert data.classes == ("melanoma", "nevus")
    assert [data.label(i) for i in range(3)] == [1, 0, 1]
    assert sl.images(pictures, labels=["b", "a", "b"], classes=["b", "a"]).label(0) == 0
    assert sl.images([(p, "b") for p in pictures]).classes == ("b",)
    with pytest.raises(ValueError, match="1 labels for 3 images"):
        sl.images(pictures, labels=[1])
    with pytest.raises(ValueError, match="label 5 with 2 classes"):
        sl.images(pictures, labels=[0, 5, 1], classes=["a", "b"])
    with pytest.raises(ValueError, match="label 'c'; labels are class numbers, or all of them names among a, b"):
        sl.images(pictures, labels=["a", "b", "c"], classes=["a", "b"])


def test_items_of_a_data_set_may_be_dicts_with_an_image():
    items = [{"image": Image.fromarray(PIXELS), "label": 1}]
    assert np.array_equal(np.asarray(sl.images(items).picture(0)), PIXELS)
    with pytest.raises(TypeError, match="a dict with pixels, label; needed is one with an 'image'"):
        sl.images([{"pixels": 1, "label": 1}]).picture(0)


def test_a_data_set_of_paths_without_an_end_is_read_to_its_length(tmp_path):
    path = save(tmp_path, "a.png", Image.fromarray(PIXELS))

    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return str(path)

    assert len(sl.images(Data())) == 2
    with pytest.raises(FileNotFoundError, match=r"no image file 'absent\.png'"):
        sl.images(["absent.png"])


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        (lambda picture: picture.resize((5, 5)), "gives a Image; the model needs a tensor"),
        (lambda picture: np.zeros((1, 3, 5, 7)), "without an axis for the batch"),
        (lambda: None, "fails on an RGB picture of 131 × 97 pixels .TypeError"),
    ],
)
def test_what_is_wrong_with_a_transform_is_said(transform, said):
    with pytest.raises((TypeError, ValueError), match=said):
        sl.images([Image.fromarray(PIXELS)], transform=transform).fingerprint  # noqa: B018


def test_a_transform_is_a_function(as_installed):
    with pytest.raises(TypeError, match="transform is a str; give a function"):
        sl.images([Image.fromarray(PIXELS)], transform="resize")
