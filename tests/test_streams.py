"""Streams: what has an order but no length is the list of its images; what changes between two looks is noticed."""

import io
import pickle
import subprocess
import sys
import tarfile
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import fingerprints, passes
from semlens_widgets.examples import collect
from semlens_widgets.images import Images, batches, first_readable
from semlens_widgets.images.stream import StreamChanged


def encoded(picture, kind="PNG"):
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


class Stream:
    """Anything that can be begun again. It counts how often it was, and how many items it gave."""

    def __init__(self, items):
        self.items, self.begun, self.gave = items, 0, 0

    def __iter__(self):
        self.begun += 1
        for item in self.items:
            self.gave += 1
            yield item


def read(data, how=Images.tensor, ids=None, **options):
    found = batches(data, ids, 7, how, **options)
    return [
        (
            batch.ids.tolist(),
            [np.asarray(item).tolist() for item in batch.items],
            [(u.name, u.why) for u in batch.unreadable],
        )
        for batch in found
    ]


ITEMS = {
    "pictures": lambda p, i: p,
    "files' bytes": lambda p, i: encoded(p),
    "arrays": lambda p, i: np.asarray(p),
    "pairs": lambda p, i: (p, i % 3),
    "pairs with names": lambda p, i: (encoded(p), ["cat", "dog", "bird"][i % 3]),
    "pairs with numbers as text": lambda p, i: (p, str(i % 3)),
    "pairs with captions": lambda p, i: (p, {"a": 1, "b": 2}),
    "dicts": lambda p, i: {"image": p, "label": i % 3, "id": i},
    "webdataset": lambda p, i: {"__key__": str(i), "png": encoded(p), "cls": str(i % 3).encode()},
    "some are broken": lambda p, i: (b"no picture", 0) if i % 9 == 4 else (p, -1 if i % 5 else 1),
    "dicts without an image": lambda p, i: {"id": i} if i == 3 else {"image": p},
}


def quietly(make, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*arguments, **options)


@pytest.mark.parametrize("kind", [kind for kind in ITEMS if kind != "dicts without an image"])
def test_a_stream_is_the_list_of_its_items(kind):
    items = [ITEMS[kind](picture, i) for i, picture in enumerate(pictures(33))]
    stream, known = (quietly(sl.images, source, to_pixels) for source in (Stream(items), items))
    assert read(stream) == read(known)
    assert stream.length == len(stream) == 33
    assert read(stream, Images.picture, [1, 5, 6, 32]) == read(known, Images.picture, [1, 5, 6, 32])
    assert read(stream, Images.picture, [32, 5, 6, 1, 5]) == read(known, Images.picture, [32, 5, 6, 1, 5])
    labels = quietly(lambda: [stream.label(i) for i in range(33)])
    assert (labels, stream.classes, stream.highest_label) == (
        [known.label(i) for i in range(33)], known.classes, known.highest_label
    )  # fmt: skip
    assert stream.window((11, 7)) == known.window((11, 7))
    assert first_readable(stream)[0] == first_readable(known)[0]
    assert repr(stream) == repr(known)


def test_what_is_no_image_is_told_in_the_same_words():
    items = [ITEMS["dicts without an image"](picture, i) for i, picture in enumerate(pictures(7))]
    told = []
    for source in (Stream(items), items):
        with pytest.raises(TypeError, match="image 3 is a dict with id; needed is one with an 'image'") as caught:
            read(sl.images(source))
        told.append(str(caught.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("kind", ["files' bytes", "pictures", "some are broken"])
def test_workers_read_a_stream_alike(kind):
    items = [ITEMS[kind](picture, i) for i, picture in enumerate(pictures(33))]
    here, there = (sl.images(Stream(items), lambda p: to_pixels(p)) for _ in range(2))
    assert read(there, workers=2) == read(here, workers=0)
    assert there.length == 33


@pytest.mark.parametrize("order", ["labels first", "images first"])
def test_labels_that_are_names_are_numbered_as_those_of_a_list_whenever_they_are_asked_for(order):
    items = [(picture, ["cat", "dog", "bird"][(i // 20) % 3]) for i, picture in enumerate(pictures(61))]
    stream, known = sl.images(Stream(items)), sl.images(items)
    if order == "images first":
        read(stream)
    assert (stream.label(0), stream.classes) == (known.label(0), known.classes) == (1, ("bird", "cat", "dog"))


@pytest.mark.parametrize(
    ("labels", "classes"), [([0, 1, 2] * 11, ()), (["b", "a", "a"] * 11, ()), (["b", "a", "a"] * 11, ["b", "a", "c"])]
)
def test_labels_that_are_stated_go_with_the_images(labels, classes):
    stream, known = (sl.images(s, labels=labels, classes=classes) for s in (Stream(pictures(33)), pictures(33)))
    assert [stream.label(i) for i in range(33)] == [known.label(i) for i in range(33)]
    assert stream.classes == known.classes


@pytest.mark.parametrize(("count", "said"), [(32, "more images"), (34, "34 labels for 33 images")])
def test_there_is_a_label_for_each_image_or_the_end_says_so(count, said):
    with pytest.raises(ValueError, match=said):
        read(sl.images(Stream(pictures(33)), labels=[0] * count))


@given(st.integers(1, 700), st.data())
@settings(max_examples=40, deadline=None)
def test_another_image_anywhere_is_noticed_by_a_pass_that_goes_that_far(count, data):
    items = [bytes([i % 256, i // 256]) for i in range(count)]
    stream = Stream(items)
    images = sl.images(stream)
    changed = data.draw(st.integers(0, count - 1))
    asked = data.draw(st.integers(changed, count - 1))
    assert len(images) == count
    stream.items = [*items[:changed], b"another", *items[changed + 1 :]]
    with pytest.raises(StreamChanged, match=r"it must give the same ones in the same order.*shuffle"):
        list(batches(images, [asked], 1, lambda images, number: number))


@pytest.mark.parametrize("there", [0, 2, 99, 100, 102, 300])
def test_another_length_is_noticed(there):
    stream = Stream(pictures(101))
    images = sl.images(stream)
    len(images)
    stream.items = pictures(there) if there < 101 else [*stream.items, *pictures(there - 101)]
    with pytest.raises(StreamChanged, match=r"it had 101 images, (and )?now"):
        list(batches(images, None, 8))


def test_a_stream_that_shuffles_is_refused_at_its_second_look():
    class Shuffled:
        def __iter__(self):
            yield from np.random.default_rng().permuted(
                np.arange(300, dtype=np.uint8).repeat(3).reshape(-1, 1, 3), axis=0
            )

    images = sl.images(Shuffled())
    with pytest.raises(StreamChanged):
        [read(images) for _ in range(2)]


@pytest.mark.parametrize("make", [lambda: (p for p in pictures(3)), lambda: iter(pictures(3)), lambda: map(abs, [1])])
def test_what_gives_its_items_once_is_refused_with_what_to_do(make):
    with pytest.raises(TypeError, match=r"it gives its items once.*give what can be begun again.*or list"):
        sl.images(make())


def test_an_empty_stream_says_so():
    with pytest.raises(ValueError, match="the data set is empty"):
        sl.images(Stream([]))


def test_a_stream_that_fails_says_where_and_what_to_do():
    class Failing:
        def __iter__(self):
            yield from pictures(5)
            raise OSError(5, "connection lost")

    with pytest.raises(RuntimeError, match=r"the stream fails after 5 images \(OSError: .*connection lost.*leave out"):
        read(sl.images(Failing()))


def test_where_no_image_can_be_read_it_ends_soon_and_says_why():
    stream = Stream([b"no picture"] * 10_000)
    with pytest.raises(ValueError, match=r"the first 2\d\d images of the stream cannot be read; the first: 0: "):
        read(sl.images(stream))
    assert stream.gave < 400


def test_images_in_order_take_one_way_through_the_stream():
    stream = Stream(pictures(200))
    images = sl.images(stream)
    assert read(images)
    before = stream.begun
    list(batches(images, range(0, 200, 9), 4))
    assert stream.begun == before + 1
    [images.picture(i) for i in range(50)]
    assert stream.begun <= before + 3


def test_a_stream_is_true_and_its_length_is_not_known_before_its_end():
    stream = Stream(pictures(100))
    images = sl.images(stream)
    assert images
    assert images.length is None
    assert images.upto(7) == range(7)
    assert images.number("99") == 99
    assert stream.gave <= 10, "nothing of this reads more than it must"
    assert "a stream of images, 7 of them read so far" in repr(images)
    assert len(images) == images.length == 100
    assert images.number("100") is None
    assert images.upto(700) == range(100)


def test_a_stream_travels_with_what_is_known_of_it():
    images = sl.images(Stream([(picture, i % 3) for i, picture in enumerate(pictures(70))]), to_pixels)
    read(images)
    other = pickle.loads(pickle.dumps(images))
    assert (other.length, other.label(69), other.fingerprint) == (70, 0, images.fingerprint)
    other._stream.source.items[3] = (pictures(1)[0], 0)
    with pytest.raises(StreamChanged, match="image 3 is another one"):
        read(other)


def tars(folder, count=50):
    """Two tars as webdataset has them, of pictures with a class each."""
    found = []
    for part in range(2):
        found.append(str(folder / f"part-{part}.tar"))
        with tarfile.open(found[-1], "w") as tar:
            for i in range(part * count // 2, (part + 1) * count // 2):
                files = {f"{i:04}.png": encoded(pictures(1, seed=i)[0]), f"{i:04}.cls": str(i % 3).encode()}
                for name, content in files.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
    return found


@pytest.mark.parametrize("decoded", ["as bytes", "as pictures", "as pairs"])
def test_tars_of_webdataset(tmp_path, decoded):
    webdataset = pytest.importorskip("webdataset")
    stream = webdataset.WebDataset(tars(tmp_path), shardshuffle=False)
    if decoded != "as bytes":
        stream = stream.decode("pil")
    if decoded == "as pairs":
        stream = stream.to_tuple("png", "cls")
    images = sl.images(stream, to_pixels)
    known = sl.images([(pictures(1, seed=i)[0], i % 3) for i in range(50)], to_pixels)
    assert read(images) == read(known)
    assert [images.label(i) for i in range(50)] == [known.label(i) for i in range(50)]


def hugging_face(count=50):
    datasets = pytest.importorskip("datasets")
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    columns = {"image": pictures(count), "label": [i % 2 for i in range(count)]}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def test_a_streaming_data_set_of_hugging_face():
    table = hugging_face()
    images, known = sl.images(table.to_iterable_dataset(), to_pixels), sl.images(table, to_pixels)
    assert read(images) == read(known)
    assert images.classes == known.classes == ("cat", "dog")
    assert [images.label(i) for i in range(50)] == [known.label(i) for i in range(50)]
    shuffled = sl.images(table.to_iterable_dataset().shuffle(seed=3), to_pixels)
    assert read(shuffled) == read(shuffled), "the same order each time"


def test_streams_are_known_again_in_another_session_and_others_are_others(tmp_path):
    pytest.importorskip("webdataset")
    datasets = pytest.importorskip("datasets")
    tars(tmp_path)
    hugging_face().to_parquet(str(tmp_path / "table.parquet"))
    datasets.logging.set_verbosity_error()
    code = (
        "import sys; sys.path[:0] = " + repr(sys.path) + "\n"
        "import datasets, webdataset, semlens_widgets as sl\n"
        "from semlens_widgets import fingerprints\n"
        f"here = {str(tmp_path)!r}\n"
        "table = datasets.load_dataset('parquet', data_files=here + '/table.parquet', split='train', streaming=True)\n"
        "parts = here + '/part-{0..1}.tar'\n"
        "tars = webdataset.WebDataset(parts, shardshuffle=False).decode('pil').to_tuple('png', 'cls')\n"
        "found = [sl.images(source).fingerprint for source in (table, table.take(40), tars)]\n"
        "print(*found, *fingerprints.reasons(' '.join(found)))\n"
    )
    told = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert len(set(told[0].split())) == 3


def test_a_name_stands_for_what_cannot_be_told_and_the_first_images_count():
    class Told(Stream):
        def __iter__(self):
            return (item for item in eval("self.items"))

    def made(items, **options):
        return sl.images(Told(items), **options).fingerprint

    items = pictures(40)
    assert fingerprints.reasons(made(items))
    assert not fingerprints.reasons(made(items, name="train"))
    assert made(items, name="train") == made(items, name="train")
    assert len({made(items, name="train"), made(items, name="test"), made(items[1:], name="train")}) == 3


def whole(lens):
    """All that a fit found, but names and the fingerprint of the data."""
    examples, space = lens.space.examples, lens.space
    arrays = {**examples.to_arrays(), "vectors": space.crop_vectors, "of": space.crop_of}
    arrays |= {"sampled": space.sample.vectors, "activations": space.sample.activations, "null": space.null_vectors}
    told = [len(examples.unreadable), examples.statistics.images, examples.grids, examples.k]
    return {name: np.asarray(array).tolist() for name, array in arrays.items()}, told, space.labels, space.classes


def fitted(data, **options):
    batch_size = options.pop("batch_size", 7)
    options = {"k": 5, "sample": 13, "null": 11, "templates": ("{}",), "crop": None} | options
    lens = sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lens.fit(cached=False, progress=False, batch_size=batch_size)


@pytest.mark.parametrize("count", [7, 33, 64])
@pytest.mark.parametrize("crop", [None, "activation", "crp"])
def test_a_fit_on_a_stream_is_that_on_the_list_and_on_the_folder(tmp_path, count, crop):
    items = [(picture, f"{'zay'[i % 3]}") for i, picture in enumerate(pictures(count))]
    items.sort(key=lambda item: item[1])
    for i, (picture, name) in enumerate(items):
        (tmp_path / name).mkdir(exist_ok=True)
        picture.save(tmp_path / name / f"{i:03}.png")
    (tmp_path / items[4][1] / "004.png").write_bytes(b"no picture")
    items[4] = (b"no picture", items[4][1])
    layers = {"crop": crop}
    on_folder = whole(fitted(sl.images(tmp_path, to_pixels), **layers))
    on_list = whole(fitted(sl.images(items, to_pixels), **layers))
    on_stream = whole(fitted(sl.images(Stream(items), to_pixels), **layers))
    assert on_stream == on_list == on_folder


@pytest.mark.parametrize("batch_size", [1, 5, 33, 64])
def test_a_fit_on_a_stream_is_the_same_for_any_batch_size_and_any_number_of_workers(batch_size):
    items = [(encoded(picture), i % 3) for i, picture in enumerate(pictures(33))]
    found = whole(fitted(sl.images(Stream(items), to_pixels), batch_size=batch_size))
    data = sl.images(Stream(items), to_pixels)
    data.workers = 1 if batch_size == 5 else 0
    assert found == whole(fitted(data, batch_size=33))


def test_a_fit_goes_through_a_stream_as_often_as_it_must():
    stream = Stream([(picture, 0) for picture in pictures(400)])
    fitted(sl.images(stream, to_pixels), crop="activation")
    assert stream.gave < 8 * 400, "to look at it, the examples, their crops, their vectors and those of the samples"


class Again(Stream):
    """A stream that cannot be told, and is given a name."""

    def __iter__(self):
        return (item for item in eval("self.items"))


def test_a_pass_over_a_stream_that_was_interrupted_goes_on_where_it_was_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(passes, "_PAUSE", -1.0)
    monkeypatch.setattr(passes, "_SHARE", -1.0)
    items = pictures(100)
    model, file = ColourNet(), tmp_path / "progress"
    expected = collect(model, sl.images(items, to_pixels), "colour", k=5, batch_size=7, sample=13, progress=False)

    def go_on(some):
        data = sl.images(Again(some), to_pixels, name="train")
        return collect(model, data, "colour", k=5, batch_size=7, sample=13, progress=False, progress_file=file)

    with monkeypatch.context() as patch:
        patch.setattr(Again, "__iter__", lambda self: stop_after(iter(self.items), 60))
        with pytest.raises(KeyboardInterrupt):
            go_on(items)
    assert file.exists()
    gone = [*items[:40], items[0], *items[41:]]
    with pytest.raises(StreamChanged, match="image 40 is another one"):
        go_on(gone)
    found = go_on(items)
    for name, array in expected.to_arrays().items():
        assert np.array_equal(found.to_arrays()[name], array), name


def stop_after(items, count):
    for _ in range(count):
        yield next(items)
    raise KeyboardInterrupt
