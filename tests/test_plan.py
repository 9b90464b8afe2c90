"""Plans: what a fit costs is told before, and comes true."""

import dataclasses
import re
import tracemalloc

import numpy as np
import pytest
from shard_world import Pictures, Torn, lens
from toy import ColourClip, colour_lens

import semlens_widgets as sl
from semlens_widgets.components import Recipe
from semlens_widgets.plan import Plan, Shape, duration, size
from semlens_widgets.space import verb


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def shape(made, picture):
    """The shape of a finished lens, without what a trial would have to estimate."""
    space = made.space
    names = [len(space.image_name(int(i)).encode()) for i in space.examples.referenced]
    return Shape(
        space.examples.statistics.images, len(space.components), 0.0, space.examples.images.shape[1],
        len(space.examples.sampled.images) if space.examples.sampled else 0, len(space.null_vectors),
        space.examples.boxes is not None, space.vectors.shape[1], picture, np.mean(names),
    )  # fmt: skip


@pytest.mark.parametrize("crop", ["activation", None])
def test_bytes_on_disk_are_those_of_the_files(cache, crop):
    made = colour_lens(400, k=41, clip=ColourClip(768), crop=crop, null=30, sample=50).fit(progress=False)
    space = made.space
    picture = space.thumbnails.data.nbytes / len(space.thumbnails)
    files = [path for path in cache.iterdir() if path.suffix in (".examples", ".crops", ".semlens")]
    kept = sum(path.stat().st_size for path in files)
    headers = 30_000  # JSON of three files
    told = shape(made, picture).disk(len(space.crop_vectors), len(space.examples.referenced))
    assert 0 <= kept - told * 0.98 <= headers + 0.02 * kept


@pytest.mark.parametrize(("dim", "components", "cropped"), [(16, 3000, True), (384, 1500, True), (128, 2000, False)])
def test_memory_of_an_embedding_is_as_told(tmp_path, monkeypatch, dim, components, cropped):
    """What Python and numpy hold at the most, from the examples to the space, vectors and pictures on disk."""
    k, images = 20, 9000
    data = sl.images([np.zeros((1, 1, 3), np.uint8)] * images)
    monkeypatch.setattr(verb, "_embedded", at_hand(dim, 256))
    monkeypatch.setattr(verb, "of_clip", lambda clip: "a CLIP")
    recipe = Recipe("w", "i", ("layer",), "max", k, "activation" if cropped else "none", "colours", 300, 0)
    tracemalloc.start()
    examples = chosen(components, k, images, cropped)
    made = verb.embed(examples, data, ColourClip(dim), recipe, progress_file=tmp_path / "x.crops", progress=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    told = Shape(images, components, 0.0 if cropped else 1.0, k, 0, 300, cropped, dim, 200.0, 4.0).memory()
    assert len(made.crop_vectors) * dim * 2 > 1e6
    assert 0.7 * peak < told < 1.8 * peak, told / peak


def at_hand(dim, step):
    """Vectors and pictures of crops, without reading or a CLIP."""
    vectors = np.ones((step, dim), np.float32) / np.sqrt(np.float32(dim))

    def embedded(jobs, images, clip, thumbnail, size):
        for start in range(0, len(jobs), step):
            part = jobs.part(start, start + step)
            yield vectors[: len(part)], [True] * len(part), [bytes(200) if job.shown else b"" for job in part]

    return embedded


def chosen(components, k, images, cropped):
    """Examples of components, drawn from some images, each with a box of its own."""
    random = np.random.default_rng(0)
    boxes = random.random((components, k, 4), np.float32) / 2 + np.float32([0, 0, 0.5, 0.5])
    return sl.ConceptExamples(
        sl.Components(("layer",), (components,), (False,)),
        random.integers(0, images, (components, k)).astype(np.int32),
        np.tile(np.arange(k, 0, -1, dtype=np.float32), (components, 1)),
        np.zeros((components, k), np.int32),
        ((1,),),
        sl.Statistics.of(np.ones((2, components), np.float32)),
        boxes if cropped else None,
        k=k,
    )


@pytest.mark.parametrize("crop", ["activation", "crp", None])
def test_counts_are_right_and_estimates_on_the_safe_side(cache, crop):
    made = colour_lens(300, k=7, crop=crop)
    told = made.plan(relevance=True)
    made.fit(progress=False)
    space = made.space
    assert (told.images, told.components) == (300, len(space.components))
    if crop is None:
        seen = {*space.examples.referenced, *np.random.default_rng(0).permutation(300)[:300]}
        assert told.crops == len(seen) == 300
    else:
        shown = told.crops - len(space.null_vectors) - len(space.sample_vectors)
        assert len(space.crop_vectors) <= shown <= len(space.components) * 7
    kept = sum(path.stat().st_size for path in cache.iterdir() if path.suffix in (".examples", ".crops", ".semlens"))
    assert 0.5 * kept < told.disk + 30_000 < 2 * kept + 30_000
    assert list(told.seconds) == ["examples", *(["crops"] if crop else []), "embedding", "relevance"]
    assert all(took > 0 for stage, took in told.seconds.items() if stage != "crops")
    assert told.total == pytest.approx(sum(told.seconds.values()))
    assert told.memory > 50e6


def test_a_trial_looks_at_few_images_and_leaves_nothing(cache, tmp_path):
    log = tmp_path / "log"
    told = lens(Pictures(count=1000, log=log)).plan()
    seen = {int(line.split()[1]) for line in log.read_text().splitlines()}
    assert told.trial == 1000 // 30
    assert max(seen) < 40
    assert not cache.exists()


def test_fit_says_it_first_where_it_shows_progress(capsys):
    colour_lens(300).fit()
    said = capsys.readouterr().err
    line, rest = said.split("examples:", 1)
    assert re.search(r"300 images · 6 components · about [\d,]+ crops · .* on disk · .* of memory · about", line)
    assert "300/300" in rest
    colour_lens(300).fit()
    assert capsys.readouterr().err == "", "what is read from the cache costs nothing"
    colour_lens(301).fit(progress=False)
    assert capsys.readouterr().err == ""


def test_fit_says_no_times_where_others_do_the_work(capsys):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        colour_lens(300).fit(executor=executor)
    line = capsys.readouterr().err.split("examples:")[0]
    assert "6 components" in line
    assert "examples" not in line.split("memory")[1]


def test_what_a_trial_cannot_tell_is_no_error_of_the_fit(capsys):
    class Late(Torn):
        def __getitem__(self, image):
            if image < 12:
                raise OSError("not yet")
            return super().__getitem__(image)

    made = lens(Late())
    with pytest.raises(ValueError, match="none of the 8 images could be read"):
        made.plan()
    with pytest.warns(UserWarning, match="35 images could not be read"):
        made.fit()
    assert "about" not in capsys.readouterr().err


def test_a_plan_reads_as_a_line_and_as_a_table_and_cannot_be_changed():
    told = Plan(50_000, 3072, 92_660, 412_000_000, 3_100_000_000, {"examples": 4800.0, "embedding": 90061.0}, 192)
    assert str(told) == (
        "50,000 images · 3,072 components · about 92,660 crops · 412 MB on disk · 3.1 GB of memory · about 1 d 2 h "
        "(examples 1 h 20 min, embedding 1 d 1 h)"
    )
    assert repr(told) == f"<Plan: {told}>"
    assert "<tr><th>time of examples</th><td>about 1 h 20 min</td></tr>" in told._repr_html_()
    assert np.isnan(Plan(1, 1, 1, 1, None).total)
    assert "memory" not in str(Plan(1, 1, 1, 1, None))
    with pytest.raises(dataclasses.FrozenInstanceError):
        told.images = 3


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "under a second"), (1, "1 s"), (119, "119 s"), (150, "2 min"), (3599, "1 h"), (7860, "2 h 11 min")],
)
def test_times_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(900, "1 kB"), (812_000, "812 kB"), (999_800, "1.0 MB"), (3.14e9, "3.1 GB"), (2e14, "200 TB")]
)
def test_bytes_are_said_as_people_say_them(count, said):
    assert size(count) == said
