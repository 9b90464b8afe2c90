"""What is kept is found again where nothing has changed, and never where something has."""

import functools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas
import platformdirs.macos
import platformdirs.unix
import platformdirs.windows
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import cache
from semlens_widgets.fingerprints import combined, fingerprint, of_data, program, reasons
from semlens_widgets.keys import made_from, of_clip
from semlens_widgets.model import resolve


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_WARNED", set())
    return tmp_path / "cache"


def on(system, monkeypatch, tmp_path):
    """As on another system: its folders, in a home of the test."""
    classes = {
        "linux": platformdirs.unix.Unix,
        "darwin": platformdirs.macos.MacOS,
        "win32": platformdirs.windows.Windows,
    }
    monkeypatch.setattr(platformdirs, "PlatformDirs", classes[system])
    monkeypatch.setattr(cache.sys, "platform", system)
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", lambda name: str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SEMLENS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


@pytest.mark.skipif(sys.platform == "win32", reason="homes of other systems are made of POSIX paths")
@pytest.mark.parametrize(
    ("system", "place"),
    [
        ("linux", ".cache/semlens_widgets"),
        ("darwin", "Library/Caches/semlens_widgets"),
        ("win32", "CSIDL_LOCAL_APPDATA/semlens_widgets/Cache"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches_unless_a_folder_is_named(system, place, monkeypatch, tmp_path):
    on(system, monkeypatch, tmp_path)
    assert cache.folder() == tmp_path / place
    assert not (tmp_path / place).exists()
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache.folder() == tmp_path / place
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "named"))
    assert cache.folder() == tmp_path / "named"


@pytest.mark.skipif(sys.platform == "win32", reason="homes of other systems are made of POSIX paths")
def test_a_cache_in_the_library_of_macos_stays_in_use_when_another_folder_is_set(monkeypatch, tmp_path):
    on("linux", monkeypatch, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    (tmp_path / "Library" / "Caches" / "semlens_widgets").mkdir(parents=True)
    assert cache.folder() == tmp_path / "xdg" / "semlens_widgets"
    monkeypatch.setattr(cache.sys, "platform", "darwin")
    assert cache.folder() == tmp_path / "Library" / "Caches" / "semlens_widgets"


def key(model, layers=("colour",), data=None):
    data = data or sl.images(pictures(9), transform=to_pixels)
    return made_from(model, data, resolve(model, list(layers)))


class Asked(ColourNet):
    """A model that says how often it was asked, and keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.calls, self.seen, self.last, self.scale = 0, [], None, 1.0

    def forward(self, pixels):
        self.calls += 1
        self.last = super().forward(pixels) * self.scale
        self.seen.append(self.last.mean().item())
        return self.last


class Remembering(ColourNet):
    """A model that makes a table when it first needs one."""

    table = None

    def forward(self, pixels):
        if self.table is None:
            self.table = torch.ones(4, 1, 1)
        return self.head(self.rectified(self.colour(pixels) * self.table).amax((2, 3)))


@pytest.mark.parametrize("kind", [Asked, Remembering])
def test_what_a_pass_leaves_in_a_model_is_no_change_of_it(kind):
    model = kind()
    first = key(model)
    model(torch.rand(2, 3, 8, 8))
    assert key(model) == first == key(kind())
    assert not reasons(first.model)


def test_a_setting_beside_such_state_is_a_change():
    model = Asked()
    first = key(model)
    model.scale = 2.0
    assert key(model).model != first.model


def test_a_hook_that_collects_is_the_same_hook_tomorrow():
    def hooked():
        model, seen = ColourNet(), []
        model.colour.register_forward_hook(lambda module, inputs, output: seen.append(output))
        return model

    model = hooked()
    first = key(model)
    assert key(model) == first == key(hooked())


def test_a_hook_for_all_modules_is_a_change_of_each():
    before = key(ColourNet())
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: output * 2)
    try:
        assert key(ColourNet()).model != before.model
    finally:
        handle.remove()
    assert key(ColourNet()) == before


def test_a_model_that_draws_at_random_is_not_kept(home):
    class Noisy(ColourNet):
        def forward(self, pixels):
            return super().forward(pixels + torch.rand_like(pixels))

    data = sl.images(pictures(9), transform=to_pixels)
    with pytest.warns(UserWarning, match="not cached.*same image again"):
        sl.Lens(Noisy(), data, "colour", ColourClip(), k=3).fit(progress=False)
    assert not list(home.glob("*"))


def fitted(model, layers="colour", **settings):
    data = sl.images(pictures(23), transform=to_pixels)
    return sl.Lens(model, data, layers, ColourClip(), k=3).fit(progress=False, **settings)


def answers(lens):
    return lens.space.examples.images.tolist()


def test_an_edited_forward_is_computed_anew():
    def cell(sign):
        class Net(ColourNet):
            def forward(self, pixels):
                return self.head(self.rectified(self.colour(sign(pixels))).amax((2, 3)))

        return Net()

    assert answers(fitted(cell(lambda pixels: pixels))) != answers(fitted(cell(lambda pixels: 1 - pixels)))


class Encoder(nn.Module):
    """As of a sparse autoencoder; keeps its last codes, as those of libraries do."""

    def __init__(self, seed):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 5, generator=torch.Generator().manual_seed(seed)))

    def encode(self, features):
        self.codes = features @ self.weight
        return self.codes


GAIN = 1.0


def test_each_encoder_has_results_of_its_own(monkeypatch):
    def with_via(via):
        return answers(fitted(ColourNet(), sl.Layer("colour", via=via, axes="nchw")))

    one, other = Encoder(0), Encoder(1)
    assert with_via(one.encode) == with_via(Encoder(0).encode) != with_via(other.encode)
    scaled = functools.partial(torch.matmul, other=one.weight.detach())
    negative = functools.partial(torch.matmul, other=-one.weight.detach())
    assert with_via(scaled) != with_via(negative)
    gained = lambda features: GAIN * one.encode(features)  # noqa: E731
    before = with_via(gained)
    monkeypatch.setitem(globals(), "GAIN", -1.0)
    assert with_via(gained) != before


def test_a_second_fit_is_found_also_after_the_model_was_used(home):
    model = Asked()
    fitted(model)
    kept = {path: path.stat().st_mtime_ns for path in home.iterdir()}
    model(torch.rand(1, 3, 8, 8))
    model.train()
    fitted(model)
    assert {path: path.stat().st_mtime_ns for path in home.iterdir()} == kept


@pytest.mark.parametrize("first", [True, False])
def test_fast_and_not_leave_each_other_alone(home, first):
    fitted(ColourNet(), fast=first)
    kept = {path: path.read_bytes() for path in home.iterdir()}
    fitted(ColourNet(), fast=not first)
    assert {path: path.read_bytes() for path in home.iterdir()} == kept
    for finished in home.glob("*.semlens"):
        finished.unlink()
    fitted(ColourNet(), fast=not first)  # its own pass, beside the other's
    examples = {path: content for path, content in kept.items() if path.suffix == ".examples"}
    assert examples
    assert {path: path.read_bytes() for path in examples} == examples


def test_what_cannot_be_told_is_not_kept_and_that_is_said_once(home):
    class Hidden(ColourNet):
        def __init__(self):
            super().__init__()
            self.numbers = (n for n in range(3))

        def forward(self, pixels):
            return super().forward(pixels) if self.numbers else None

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        lens, again = fitted(Hidden()), fitted(Hidden())
    told = [str(w.message) for w in said if "not cached" in str(w.message)]
    assert len(told) == 1
    assert "Hidden.numbers: a builtins.generator" in told[0]
    assert answers(lens) == answers(again) == answers(fitted(ColourNet()))
    assert not [path for path in home.glob("*") if path.stem.startswith(lens.space.recipe.key)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache._WARNED.clear()
        fitted(Hidden(), cached=False)


def test_another_version_of_a_library_computes_anew(monkeypatch):
    from semlens_widgets.fingerprints import libraries

    made = fingerprint(torchvision.models.squeezenet1_1())
    before = program(made)
    libraries.version.cache_clear()
    monkeypatch.setattr(torchvision, "__version__", "0.0.1")
    assert program(made) != before
    libraries.version.cache_clear()


# data


def photos(folder, count=200, seed=0):
    """Small pictures in two classes, as people have them."""
    random = np.random.default_rng(seed)
    for i in range(count):
        path = folder / f"{'ab'[i % 2]}" / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(path)
    return folder


class Opening(torch.utils.data.Dataset):
    """Opens files by names below a folder."""

    def __init__(self, root):
        self.root, self.names = root, sorted(str(p.relative_to(root)) for p in Path(root).glob("*/*.png"))

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        return Image.open(os.path.join(self.root, self.names[i])).convert("RGB"), 0


class Around(torch.utils.data.Dataset):
    """A data set around another."""

    def __init__(self, inner):
        self.inner = inner

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, i):
        return self.inner[i]


def opener(folder):
    names = sorted(path.relative_to(folder) for path in folder.glob("*/*.png"))
    return lambda i: Image.open(folder / names[i]).convert("RGB")


class ByFunction(torch.utils.data.Dataset):
    """Asks a function for its images, which alone knows where they lie."""

    def __init__(self, count, load):
        self.count, self.load = count, load

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return self.load(i)


class InTable(torch.utils.data.Dataset):
    """Has the paths in a table."""

    def __init__(self, root):
        self.table = pandas.DataFrame({"path": sorted(map(str, root.glob("*/*.png"))), "y": 0})

    def __len__(self):
        return len(self.table)

    def __getitem__(self, i):
        return Image.open(self.table.iloc[i].path).convert("RGB"), 0


SETS = {
    "by a function": lambda root: ByFunction(200, opener(root)),
    "in a table": InTable,
    "folder": lambda root: torchvision.datasets.ImageFolder(root),
    "subset": lambda root: torch.utils.data.Subset(torchvision.datasets.ImageFolder(root), range(5, 200)),
    "both": lambda root: torch.utils.data.ConcatDataset([torchvision.datasets.ImageFolder(root)] * 2),
    "opening": lambda root: Opening(str(root)),
    "opening by path": Opening,
    "around": lambda root: Around(torchvision.datasets.ImageFolder(root)),
    "around a subset": lambda root: Around(torch.utils.data.Subset(Opening(str(root)), range(5, 200))),
}


@pytest.mark.parametrize("small", [True, False], ids=["every image read", "told by its files"])
@pytest.mark.parametrize("kind", SETS)
def test_replaced_files_of_a_data_set_are_seen(tmp_path, monkeypatch, kind, small):
    from semlens_widgets.images import sources

    if not small:
        monkeypatch.setattr(sources, "_READ_WHOLE", 10)
        monkeypatch.setattr(sources, "_READ", 2)
    root = photos(tmp_path / "photos")

    def known():
        return sl.images(SETS[kind](root), transform=to_pixels).fingerprint

    before = known()
    assert known() == before
    assert not reasons(before)
    photos(root, 168, seed=1)
    assert known() != before


def test_one_file_in_a_large_set_is_seen_by_its_date(tmp_path, monkeypatch):
    from semlens_widgets.images import sources

    monkeypatch.setattr(sources, "_READ_WHOLE", 10)
    root = photos(tmp_path / "photos", 60)
    before = sl.images(torchvision.datasets.ImageFolder(root), transform=to_pixels).fingerprint
    os.utime(root / "a" / "022.png", (1, 1))
    assert sl.images(torchvision.datasets.ImageFolder(root), transform=to_pixels).fingerprint != before


def test_a_data_set_that_draws_at_random_is_not_known():
    class Drawing(Around):
        def __getitem__(self, i):
            return Image.fromarray(np.random.randint(0, 256, (8, 8, 3), dtype=np.uint8))  # noqa: NPY002

    assert "at random" in reasons(sl.images(Drawing(pictures(9)), transform=to_pixels).fingerprint)[0]


def test_a_text_that_names_the_whole_disk_is_no_path_to_data():
    class Joining(ByFunction):
        def __getitem__(self, i):
            return self.load("/".join(["a", str(i)]))

    data = Joining(3, lambda name: pictures(3)[int(name.split("/")[1])])
    assert not reasons(of_data(data))


def test_a_data_set_that_keeps_what_it_read_is_the_same_data_set():
    class Keeping(Around):
        def __init__(self, inner):
            super().__init__(inner)
            self.kept, self.reads = {}, 0

        def __getitem__(self, i):
            self.reads += 1
            return self.kept.setdefault(i, self.inner[i])

    data = Keeping(pictures(9))
    before = sl.images(data, transform=to_pixels).fingerprint
    data[4]
    assert sl.images(data, transform=to_pixels).fingerprint == before
    assert not reasons(before)


class Scaled:
    """A transform that is an object."""

    def __init__(self, by):
        self.by, self.calls = by, 0

    def __call__(self, picture):
        self.calls += 1
        return to_pixels(picture) * self.by


def test_a_transform_is_known_by_what_it_does_and_how():
    def known(transform):
        return sl.images(pictures(3), transform=transform).fingerprint

    assert known(Scaled(2)) == known(Scaled(2)) != known(Scaled(3))
    large = 1000
    wide = lambda picture: to_pixels(picture) * (2 if picture.width > large else 1)  # noqa: E731
    before = known(wide)
    large = 500
    assert known(wide) != before  # which no picture at hand shows


def test_pictures_in_a_list_are_known_by_their_pixels():
    some = pictures(5)
    other = [picture.copy() for picture in some]
    assert sl.images(some).fingerprint == sl.images(other).fingerprint
    other[3].putpixel((0, 0), (1, 2, 3))
    assert sl.images(some).fingerprint != sl.images(other).fingerprint


# CLIPs


def test_a_users_clip_is_known_by_its_code_and_weights_not_by_its_use():
    class Mine(ColourClip):
        def texts(self, texts):
            return super().texts(texts)

    class Edited(ColourClip):
        def texts(self, texts):
            return -super().texts(texts)

    clip = Mine()
    before = of_clip(clip)
    clip.images(pictures(2))
    assert of_clip(clip) == before == of_clip(Mine()) != of_clip(Edited())
    clip.turn = -clip.turn
    assert of_clip(clip) != before


# kinds of models

ELSEWHERE = """
import warnings; warnings.simplefilter("ignore")
import torch
from torch import nn
def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
def dynamic():
    return torch.ao.quantization.quantize_dynamic(plain(), {nn.Linear})
def static():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.d = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
            self.body = plain()[0]
        def forward(self, x):
            return self.d(self.body(self.q(x)))
    net = Net().eval()
    net.qconfig = torch.ao.quantization.get_default_qconfig(torch.backends.quantized.engine)
    torch.ao.quantization.prepare(net, inplace=True)
    net(torch.linspace(0, 1, 192).reshape(1, 3, 8, 8))
    return torch.ao.quantization.convert(net)
def scripted():
    return torch.jit.script(plain())
def traced():
    return torch.jit.trace(plain(), torch.zeros(1, 3, 8, 8))
def symbolic():
    return torch.fx.symbolic_trace(plain())
def compiled():
    return torch.compile(plain())
def with_extra_state():
    class Net(nn.Linear):
        note = "a"
        def get_extra_state(self): return {"note": self.note}
    torch.manual_seed(0)
    return Net(3, 4)
def keys():
    from semlens_widgets.fingerprints import fingerprint
    return {make.__name__: fingerprint(make()) for make in
            (plain, dynamic, static, scripted, traced, symbolic, compiled, with_extra_state)}
"""


def test_quantised_traced_and_compiled_models_are_known_in_any_process():
    here: dict = {"__name__": "__main__"}
    exec(ELSEWHERE, here)
    for _ in range(3):  # TorchScript numbers its classes as they come
        here["scripted"](), here["traced"]()
    mine = here["keys"]()
    assert not reasons("\n".join(mine.values()))
    assert len(set(mine.values())) == len(mine)
    env = os.environ | {"PYTHONHASHSEED": "3", "PYTHONPATH": os.pathsep.join(sys.path)}
    code = ELSEWHERE + "\nprint(repr(keys()))"
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert eval(run.stdout.splitlines()[-1]) == mine


@pytest.mark.parametrize("make", ["plain", "dynamic", "static", "scripted", "traced", "symbolic", "compiled"])
def test_such_models_are_told_apart_by_their_weights(make):
    here: dict = {"__name__": "__main__"}
    exec(ELSEWHERE, here)
    before = fingerprint(here[make]())
    exec(ELSEWHERE.replace("torch.manual_seed(0)", "torch.manual_seed(1)"), here)
    assert fingerprint(here[make]()) != before


def test_what_fails_when_it_is_looked_at_is_not_known():
    class Angry:
        @property
        def __dict__(self):
            raise OSError("gone")

        def __call__(self, x):
            return x

    assert "gone" in reasons(fingerprint(Angry()))[0]


def test_a_model_without_values_is_not_known():
    assert "once" in reasons(fingerprint(nn.LazyLinear(3)))[0]
    assert "meta" in reasons(fingerprint(nn.Linear(3, 3, device="meta")))[0]


def test_a_fingerprint_of_what_cannot_be_told_is_like_no_other():
    one, other = (of_data(n for n in range(3)) for _ in range(2))
    assert one != other
    assert reasons(combined("a", one)) == reasons(one) != ()
