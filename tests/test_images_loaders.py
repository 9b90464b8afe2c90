"""A DataLoader as it is: its data set, transform, collate and labels; its order does not matter, or is refused."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, Subset, WeightedRandomSampler
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.images import batches


class Pictures(torch.utils.data.Dataset):
    """Pictures and classes as users write them: with an attribute `transform`."""

    def __init__(self, transform=None, count=23):
        self.pictures, self.targets, self.transform = pictures(count), [i % 3 for i in range(count)], transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        picture = self.pictures[i]
        return (picture if self.transform is None else self.transform(picture)), self.targets[i]


def told(data):
    items = [item for batch in batches(data, None, 5) for item in batch.items]
    return [np.asarray(item).tolist() for item in items], [data.label(i) for i in range(len(data))], data.classes


KNOWN = sl.images(pictures(23), to_pixels, labels=[i % 3 for i in range(23)])


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"batch_size": None}, {"num_workers": 2}], ids=str)
def test_a_loader_gives_the_images_of_its_data_set_in_their_order_as_it_transforms_them(options):
    data = sl.images(DataLoader(Pictures(to_pixels), **{"batch_size": 4} | options))
    workers = data.workers
    data.workers = 0
    assert told(data) == told(KNOWN)
    assert workers == options.get("num_workers", 0)
    assert data.picture(3).tobytes() == pictures(23)[3].tobytes(), "people and CLIP see the picture"


def test_a_loader_of_pictures_takes_what_is_stated():
    loader = DataLoader(Pictures(), batch_size=4, collate_fn=lambda batch: batch)
    assert told(sl.images(loader, to_pixels, classes=["a", "b", "c"]))[1:] == (told(KNOWN)[1], ("a", "b", "c"))


def test_a_data_set_with_a_transform_is_taken_apart_where_it_is_one_in_the_usual_way():
    assert told(sl.images(Pictures(to_pixels))) == told(KNOWN)
    assert told(sl.images(Subset(Pictures(to_pixels), [5, 1, 2])))[0] == [told(KNOWN)[0][i] for i in (5, 1, 2)]

    class Otherwise(Pictures):
        def __getitem__(self, i):
            seen, label = super().__getitem__(i)
            return (seen if self.transform is None else seen / 255), label

    with pytest.raises(TypeError, match="say how it was normalised"):
        sl.images(Otherwise(to_pixels)).tensor(0)
    assert np.asarray(sl.images(Otherwise(to_pixels), mean=0, std=1).tensor(0)).max() <= 1


COLLATES = {
    "a pair": lambda batch: (torch.stack([to_pixels(p) for p, _ in batch]) / 255, torch.tensor([n for _, n in batch])),
    "a dict": lambda batch: {"pixel_values": torch.stack([to_pixels(p) for p, _ in batch]) / 255,
                             "labels": torch.tensor([n for _, n in batch])},
    "images alone": lambda batch: torch.stack([to_pixels(p) for p, _ in batch]) / 255,
}  # fmt: skip


@pytest.mark.parametrize("collate", COLLATES)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_collate_makes_of_an_item_is_the_image(collate, streamed):
    class Streamed(IterableDataset):
        def __iter__(self):
            yield from (Pictures()[i] for i in range(23))

    source = Streamed() if streamed else Pictures()
    data = sl.images(DataLoader(source, batch_size=4, collate_fn=COLLATES[collate]), mean=0, std=1)
    found = told(data)
    assert np.allclose(found[0], np.asarray(told(KNOWN)[0]) / 255)
    assert found[1] == ([None] * 23 if streamed and collate == "images alone" else told(KNOWN)[1])


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"sampler": torch.utils.data.SubsetRandomSampler([7, 2, 5])}, [2, 5, 7]),
        ({"sampler": [9, 3, 4]}, [3, 4, 9]),
        ({"batch_sampler": [[1, 2], [0]]}, [0, 1, 2]),
    ],
    ids=["a random order of some", "a list", "batches"],
)
def test_some_images_are_those_that_the_sampler_gives(options, chosen):
    found = told(sl.images(DataLoader(Pictures(to_pixels), **options)))
    assert found[0] == [told(KNOWN)[0][i] for i in chosen]
    assert found[1] == [i % 3 for i in chosen]


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (WeightedRandomSampler([1.0] * 23, 23), "WeightedRandomSampler draws images at random"),
        (torch.utils.data.RandomSampler(range(23), replacement=True), "RandomSampler draws images at random"),
        (torch.utils.data.DistributedSampler(range(23), 2, 0), "DistributedSampler gives each process a part"),
        ([3, 3, 4], "list gives other images each time, or some of them twice"),
    ],
    ids=["weights", "replacement", "distributed", "twice"],
)
def test_a_sampler_that_draws_is_refused_with_what_to_do(sampler, said):
    with pytest.raises(ValueError, match=rf"the DataLoader's {said}; give its data set, sl.images\(loader.dataset\)"):
        sl.images(DataLoader(Pictures(to_pixels), batch_size=4, sampler=sampler))
    with pytest.raises(ValueError, match=said.split()[0]):
        sl.images(DataLoader(Pictures(to_pixels), batch_sampler=BatchSampler(sampler, 2, False)))


def test_the_last_images_are_read_though_drop_last_would_leave_them_out():
    with pytest.warns(UserWarning, match="drop_last=True of the DataLoader is not followed: all images are read"):
        assert len(sl.images(DataLoader(Pictures(to_pixels), batch_size=4, drop_last=True))) == 23


def test_a_loader_whose_data_set_makes_batches_is_refused():
    class Batches(IterableDataset):
        def __iter__(self):
            yield torch.zeros(4, 3, 5, 7)

    with pytest.raises(TypeError, match=r"batch_size=None: its data set gives whole batches.*without .batched\(\)"):
        sl.images(DataLoader(Batches(), batch_size=None))


def test_a_stream_in_a_loader_is_a_stream():
    class Streamed(IterableDataset):
        def __iter__(self):
            yield from (Pictures()[i] for i in range(23))

        def __len__(self):
            return 23

    data = sl.images(DataLoader(Streamed(), batch_size=4), to_pixels)
    assert data.streamed
    assert told(data) == told(KNOWN)


def test_images_of_torchvision_with_its_transform(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    for i, picture in enumerate(pictures(6)):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        picture.save(tmp_path / "ab"[i % 2] / f"{i}.png")
    data = sl.images(DataLoader(torchvision.datasets.ImageFolder(tmp_path, to_pixels), 2, shuffle=True))
    assert told(data) == told(sl.images(tmp_path, to_pixels))
    assert data.name(0) == sl.images(tmp_path).name(0)
    assert isinstance(data.picture(0), Image.Image)
