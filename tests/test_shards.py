"""Shards: whoever computes them, in whatever order, with whatever accident, the result is that of one process."""

import ast
import errno
import inspect
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from dask import config
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st
from shard_world import (
    BATCH,
    COUNT,
    Deadly,
    Elsewhere,
    LockedNet,
    Making,
    Pictures,
    Streamed,
    Torn,
    arrays,
    drawn_net,
    fitted,
)
from toy import ColourNet

import semlens_widgets as sl
from semlens_widgets import shards, store
from semlens_widgets.examples.running import RunningPass
from semlens_widgets.shards import waiting
from semlens_widgets.shards.parcel import CannotTravel
from semlens_widgets.shards.task import OtherVersion, check_versions

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def cluster():
    with (
        config.set({"distributed.deploy.lost-worker-timeout": "1h"}),  # on a busy machine they come back late
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as found,
    ):
        yield found


@pytest.fixture
def dask(cluster):
    with Client(cluster) as client:
        yield client.get_executor()


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=SPAWN) as found:
        yield found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process finds."""
    return arrays(fitted(cached=False), tmp_path_factory.mktemp("alone") / "a.semlens")


@pytest.fixture(scope="module")
def alone_briefly(tmp_path_factory):
    """The same without relevance, which takes the most of the time and goes the same way through an engine."""
    return arrays(fitted(cached=False, relevance=False), tmp_path_factory.mktemp("alone") / "b.semlens")


class Written(list):
    """The parts that this process wrote; OSError from `room` on."""

    room = None


@pytest.fixture
def written(monkeypatch):
    found, write = Written(), store.write

    def noting(path, *rest, **options):
        if str(path).endswith(".part"):
            if len(found) == found.room:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            found.append(path if isinstance(path, Path) else Path(path))
        return write(path, *rest, **options)

    monkeypatch.setattr(store, "write", noting)
    return found


class Backwards(Executor):
    """Computes what it is given when it is asked for the first result, the last one first."""

    def __init__(self):
        self.given = []

    def submit(self, fn, /, *args):
        self.given.append((future := Future(), fn, args))
        threading.Timer(0.2, self.compute).start()
        return future

    def compute(self):
        given, self.given = self.given, []
        for future, fn, args in reversed(given):
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(fn(*args))
            except Exception as error:
                future.set_exception(error)


# the same result


def test_dask_finds_what_one_process_finds(dask, alone, tmp_path, cache):
    assert arrays(fitted(executor=dask), tmp_path / "a.semlens") == alone
    assert not [*cache.glob("*.part*")], "parts and what was handed over are gone"


def test_a_pool_of_processes_finds_what_one_process_finds(pool, alone, tmp_path):
    assert arrays(fitted(executor=pool), tmp_path / "a.semlens") == alone


def test_a_process_for_each_device_finds_what_one_process_finds(alone_briefly, tmp_path):
    assert arrays(fitted(devices=["cpu", "cpu"], relevance=False), tmp_path / "a.semlens") == alone_briefly


@pytest.mark.parametrize("make", [Backwards, lambda: ThreadPoolExecutor(3)], ids=["backwards", "threads"])
def test_the_order_of_shards_does_not_matter(make, alone, tmp_path):
    assert arrays(fitted(executor=make()), tmp_path / "a.semlens") == alone


@pytest.mark.parametrize(
    "settings",
    [{"crop": "crp"}, {"crop": None, "k": 200}, {"sample": 0, "pooling": "mean", "fast": True}],
    ids=["by relevance", "whole pictures, all of them", "fast"],
)
def test_every_kind_of_fit_goes_in_shards(settings, tmp_path):
    fast = settings.pop("fast", False)
    one = fitted(settings=settings, fast=fast, cached=False)
    with ThreadPoolExecutor(1) as executor:
        other = fitted(settings=settings, fast=fast, cached=False, executor=executor)
    assert arrays(other, tmp_path / "a.semlens") == arrays(one, tmp_path / "b.semlens")


def test_functions_of_a_notebook_are_targets_in_other_processes_too(pool):
    """As `output=` and in settings: what `pickle` alone would not take."""
    data = {"output": lambda answer: answer * 2}
    one = fitted(settings=data, cached=False)
    other = fitted(settings=data, executor=pool)
    assert np.array_equal(one.relevance.sums, other.relevance.sums)


def test_unreadable_images_are_listed_in_order_also_where_a_shard_has_no_other(tmp_path):
    with pytest.warns(UserWarning, match="could not be read"):
        one = fitted(Torn(), cached=False)
    with pytest.warns(UserWarning, match="could not be read"):
        other = fitted(Torn(), cached=False, executor=Backwards())
    assert other.unreadable == one.unreadable
    assert len(one.unreadable) == 23
    assert arrays(other, tmp_path / "a.semlens") == arrays(one, tmp_path / "b.semlens")


def test_a_stream_in_shards_is_the_list_of_its_images(pool, alone_briefly, tmp_path):
    assert arrays(fitted(Streamed(), executor=pool, relevance=False), tmp_path / "a.semlens") == alone_briefly


@given(st.integers(1, 5000), st.integers(1, 70), st.data())
def test_shards_are_whole_batches_of_one_grid(total, batch, data):
    whole = shards.cut_up(total, batch)
    assert [a for a, _ in whole] == [0, *(b for _, b in whole[:-1])]
    assert whole[-1][1] == total
    assert all((b - a) % batch == 0 for a, b in whole[:-1])
    assert len(whole) <= 256
    done = data.draw(st.integers(0, total))
    rest = shards.cut_up(total, batch, done)
    assert [*range(done, total)] == [i for a, b in rest for i in range(a, b)]
    if done % batch == 0:
        assert set(rest[1:]) <= set(whole), "parts of the rest are found again by who begins anew"


# a model travels, and is opened once


def test_a_model_that_cannot_travel_asks_for_a_factory_which_runs_once_in_a_process(pool, alone_briefly, tmp_path):
    with pytest.raises(CannotTravel, match=r"LockedNet.*cannot be sent .*lock.*factory=make_model"):
        fitted(model=LockedNet(), executor=pool)
    found = fitted(model=LockedNet(), executor=pool, factory=Making(tmp_path / "log"), relevance=False)
    made = (tmp_path / "log").read_text().split()
    assert 1 <= len(made) == len(set(made)) <= 2
    assert str(os.getpid()) not in made
    assert arrays(found, tmp_path / "a.semlens") == alone_briefly


def test_a_factory_that_makes_another_model_is_refused(pool):
    with pytest.raises(RuntimeError, match=r"other weights than this lens; a factory must load them"):
        fitted(model=LockedNet(), executor=pool, factory=drawn_net)
    with pytest.raises(TypeError, match=r"factory made a dict; needed is the model"):
        fitted(model=LockedNet(), executor=pool, factory=dict)


def test_workers_that_see_other_images_are_refused(pool):
    with pytest.raises(RuntimeError, match=r"finds another picture than this lens under the name '0'"):
        fitted(Elsewhere(), executor=pool)


def test_a_model_of_a_notebook_travels_to_a_pool():
    code = """
import multiprocessing, torch, sys
sys.path.insert(0, "tests")
from concurrent.futures import ProcessPoolExecutor
from shard_world import fitted
class Mine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.colour, self.head = torch.nn.Conv2d(3, 4, 1), torch.nn.Linear(4, 2)
    def forward(self, x):
        return self.head(self.colour(x).amax((2, 3)))
mine = Mine()
with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
    found = fitted(model=mine, executor=pool, relevance=False, cached=False)
one = fitted(model=mine, relevance=False, cached=False)
print((found.space.examples.responses == one.space.examples.responses).all())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.stdout.split() == ["True"], run.stderr


def test_tensors_arrive_on_the_device_that_is_asked_for():
    packed = shards.parcel.pack("model", ColourNet())
    found = shards.parcel.unpack("model", packed, "meta")
    assert {p.device.type for p in found.parameters()} == {"meta"}


# accidents


def test_workers_killed_at_random_moments_change_nothing(cluster, dask, alone, tmp_path):
    chance = random.Random(0)
    with Client(cluster) as client:
        for _ in range(2):
            client.wait_for_workers(1)
            workers = list(client.run(os.getpid).values())
            killing = threading.Timer(chance.uniform(0.1, 1.5), os.kill, (chance.choice(workers), signal.SIGKILL))
            killing.start()
            found = fitted(Pictures(0.01), executor=dask, cached=False)
            killing.join()
            assert arrays(found, tmp_path / "a.semlens") == alone


def test_a_broken_pool_is_made_anew_once_then_the_shard_is_named_and_others_are_kept(alone_briefly, tmp_path, cache):
    (tmp_path / "times").write_text("1")
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        found = fitted(Deadly(tmp_path / "times"), executor=pool, relevance=False)
    assert arrays(found, tmp_path / "a.semlens") == alone_briefly
    (tmp_path / "times").write_text("9")
    with (
        ProcessPoolExecutor(1, mp_context=SPAWN) as pool,
        pytest.raises(RuntimeError, match=r"ended again by force while at work on images 48 to 55; .* fit again"),
    ):
        fitted(Deadly(tmp_path / "times"), executor=pool, settings={"k": 4}, relevance=False)
    parts = {path.name for path in cache.glob("*.parts/*.part")}
    assert parts >= {"0-8.part", "40-48.part"}
    assert "48-56.part" not in parts


def test_closing_the_executor_and_coming_back_goes_on(cluster, alone, tmp_path, cache, written):
    data = Pictures(0.03)
    with Client(cluster) as client:
        executor = client.get_executor()
        threading.Thread(target=lambda: (_some_parts(cache), executor.shutdown(wait=False))).start()
        with pytest.raises(RuntimeError, match=r"closed before images .* fit again to go on"):
            fitted(data, executor=executor, relevance=False)
    finished = set(cache.glob("*.parts/*.part"))
    found = fitted(data, relevance=False)  # without an executor, so here
    assert finished
    assert written, "the rest"
    assert not finished & set(written)
    found.fit(relevance=True, batch_size=BATCH, progress=False)
    assert arrays(found, tmp_path / "a.semlens") == alone
    assert not [*cache.glob("*.part*")]


def _some_parts(cache):
    while len([*cache.glob("*.parts/*.part")]) < 3:
        time.sleep(0.01)


def test_a_cluster_without_workers_is_told_of_once_and_goes_on_when_one_comes(alone_briefly, tmp_path, monkeypatch):
    """It can be interrupted as well."""
    monkeypatch.setattr(waiting, "_LOOK", 0.1)
    monkeypatch.setattr(waiting, "_LONELY", 0.3)
    told = []
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:

        def interrupt(text):
            raise KeyboardInterrupt(text)

        monkeypatch.setattr(waiting, "warn", interrupt)
        with pytest.raises(KeyboardInterrupt, match="Dask has no worker, and 13 shards wait for one; start workers"):
            fitted(executor=client.get_executor())
        monkeypatch.setattr(waiting, "warn", lambda text: (told.append(text), cluster.scale(1)))
        found = fitted(executor=client.get_executor(), relevance=False)
    assert len(told) == 1
    assert "Finished shards are kept: fit again to go on" in told[0]
    assert arrays(found, tmp_path / "a.semlens") == alone_briefly


def test_only_a_cluster_without_workers_is_told_of(monkeypatch):
    monkeypatch.setattr(waiting, "_LOOK", 0.01)
    monkeypatch.setattr(waiting, "_LONELY", 0.0)
    monkeypatch.setattr(waiting, "warn", lambda text: pytest.fail(text))
    with ThreadPoolExecutor(1) as executor:
        futures = [executor.submit(time.sleep, 0.1) for _ in range(3)]
        assert {*waiting.as_they_finish(executor, futures, "")} == {*futures}
    for client in (None, Silent(), Silent(asynchronous=True)):
        lonely = waiting._Watch(Executor(), "")
        lonely.executor._client = client
        lonely.look(1)
        lonely.look(1)


class Silent:
    """A client whose scheduler is away."""

    def __init__(self, asynchronous=False):
        self.asynchronous = asynchronous

    def nthreads(self, callback_timeout):
        raise OSError("no scheduler")


def test_a_full_disk_is_one_error_and_finished_shards_are_kept(alone, tmp_path, cache, written):
    written.room = 4
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(
            OSError, match=r"No space.*: \d+ kB were to be written, and .* are free; free some space.*shards are kept"
        ) as full:
            fitted(executor=executor)
        assert full.value.errno == errno.ENOSPC
        finished = {*cache.glob("*.parts/*.part")}
        assert len(finished) == 4
        written.clear()
        written.room = None
        found = fitted(executor=executor)
    assert not finished & set(written), "they are not made again"
    assert arrays(found, tmp_path / "a.semlens") == alone


def test_a_damaged_part_is_made_again(alone, tmp_path, cache, written):
    written.room = 4
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(OSError, match="No space"):
            fitted(executor=executor)
        (damaged, *_) = cache.glob("*.parts/*.part")
        data = bytearray(damaged.read_bytes())
        data[-1] ^= 1
        damaged.write_bytes(data)
        written.clear()
        written.room = None
        found = fitted(executor=executor)
    assert damaged in written
    assert arrays(found, tmp_path / "a.semlens") == alone


def test_an_executor_goes_on_with_a_pass_that_one_process_began(alone, tmp_path, written):
    calls = []

    def stopped(run, step):
        calls.append(run.position)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semlens_widgets.passes._PAUSE", 0.0)
        patch.setattr("semlens_widgets.passes._SHARE", 0)
        take = RunningPass.take
        patch.setattr(RunningPass, "take", lambda run, *rest: (stopped(run, rest), take(run, *rest))[1])
        with pytest.raises(KeyboardInterrupt):
            fitted()
    assert not written
    with ThreadPoolExecutor(1) as executor:
        found = fitted(executor=executor)
    assert min(int(path.stem.split("-")[0]) for path in written if "-" in path.stem) >= 0
    assert written[0].stem.startswith("32-"), "the first four batches are there already"
    assert arrays(found, tmp_path / "a.semlens") == alone


# what is refused


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        (4, r"executor is a int, which is no executor; give a concurrent.futures.Executor"),
        (SPAWN, r"executor is a SpawnContext, .*ProcessPoolExecutor\(mp_context="),
        (ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")), r"forks, and torch's threads hang"),
    ],
    ids=["a number", "a context", "a pool that forks"],
)
def test_what_is_no_executor_is_refused_with_what_to_give(executor, said, as_installed):
    with pytest.raises((TypeError, ValueError), match=said):
        fitted(executor=executor)


def test_a_client_is_asked_for_its_executor(cluster, as_installed):
    with Client(cluster) as client, pytest.raises(TypeError, match=r"executor is a Client.*client.get_executor\(\)"):
        fitted(executor=client)


def test_an_executor_that_is_shut_down_is_refused():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match=r"takes no work .*; give one that is running"):
        fitted(executor=pool)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ("cpu", r"give a list with a device for each process"),
        ([], r"an empty list"),
        (["gpu"], r"'gpu' is no device"),
        ([f"cuda:{torch.cuda.device_count()}"], r"this machine has no device 'cuda:\d'; it has"),
    ],
    ids=str,
)
def test_devices_that_there_are_not_are_refused(devices, said, as_installed):
    with pytest.raises((TypeError, ValueError), match=said):
        fitted(devices=devices)


def test_settings_of_other_processes_need_some(as_installed):
    with pytest.raises(TypeError, match=r"factory is a int; give a function without arguments"):
        fitted(executor=ThreadPoolExecutor(1), factory=4)
    with pytest.raises(ValueError, match=r"give executor= or devices= too"):
        fitted(factory=ColourNet)
    with pytest.raises(ValueError, match=r"executor= or devices=, not both"):
        fitted(executor=ThreadPoolExecutor(1), devices=["cpu"])


def test_another_version_is_refused_by_name():
    with pytest.raises(OtherVersion, match=r"has torch 2\.\S+ where torch 1\.0 is needed; .*Install the same versions"):
        check_versions({"torch": "torch 1.0"})
    with pytest.raises(OtherVersion, match=r"has no nosuchlibrary where nosuchlibrary 3 is needed"):
        check_versions({"nosuchlibrary": "nosuchlibrary 3"})
    with pytest.raises(OtherVersion, match=r"semlens_widgets \w+ where semlens_widgets 0 is needed"):
        check_versions({"semlens_widgets": "semlens_widgets 0"})


def test_a_worker_without_the_package_is_refused():
    without = "import sys; sys.modules['semlens_widgets'] = None"
    with (
        ProcessPoolExecutor(1, mp_context=SPAWN, initializer=exec, initargs=(without,)) as executor,
        pytest.raises(RuntimeError, match=r"a worker cannot import semlens_widgets.*install the same version"),
    ):
        fitted(executor=executor)


class Unseen(Executor):
    """Work in a pool that does not see the folder."""

    def __init__(self, pool, cache):
        self.pool, self.cache = pool, cache

    def submit(self, fn, /, *args):
        for path in self.cache.glob("*.parcels/*"):
            path.unlink()
        return self.pool.submit(fn, *args)


class Unheard(Executor):
    """Says that all is done, in another folder of that name."""

    def submit(self, fn, /, *args):
        future = Future()
        future.set_result("far (process 1)")
        return future


def test_a_folder_that_workers_do_not_see_is_named(pool, cache, monkeypatch):
    with pytest.raises(RuntimeError, match=r"cannot read .*parcel .*need a folder that all of them see.*folder="):
        fitted(executor=Unseen(pool, cache), settings={"k": 3, "sample": 7})
    monkeypatch.setattr(shards.engine, "_PATIENCE", 0.1)
    with pytest.raises(RuntimeError, match=r"worker on far .* has written .*part, which is not to be found.*folder="):
        fitted(executor=Unheard())


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        """
import sys
sys.path.insert(0, "tests")
from shard_world import fitted
fitted(devices=["cpu"], cached=False)
"""
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert "stands under if __name__ == '__main__':" in run.stderr


def test_errors_of_a_model_come_through_as_they_are(pool):
    net = ColourNet()
    net.colour.weight.data[1] = float("nan")
    kinds = []
    for executor in (None, pool):
        with pytest.raises(Exception, match="NaN") as raised:
            fitted(model=net, executor=executor, cached=False, relevance=False, settings={"crop": None})
        kinds.append((type(raised.value), str(raised.value)))
    assert kinds[0] == kinds[1]


def test_the_bar_counts_images(capsys):
    fitted(executor=Backwards(), progress=True, relevance=False)
    assert f"{COUNT}/{COUNT}" in capsys.readouterr().err


def test_the_documentation_calls_what_there_is():
    """All code of docs/scale.md is Python, and calls `lens` with options that it has."""
    text = (Path(__file__).parents[1] / "docs" / "scale.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    calls = [node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    of_lens = [c for c in calls if isinstance(c.func, ast.Attribute) and ast.unparse(c.func.value) == "lens"]
    assert len(of_lens) > 6
    for call in of_lens:
        inspect.signature(getattr(sl.Lens, call.func.attr)).bind(None, **{k.arg: 0 for k in call.keywords})


def test_responses_are_those_of_the_definition():
    found = fitted(executor=Backwards(), relevance=False, settings={"crop": None})
    images = found.source.images
    with torch.no_grad():
        maps = [ColourNet().colour(images.tensor(i)[None])[0].amax((1, 2)).numpy() for i in range(COUNT)]
    rows = found.components.rows("colour")
    assert np.array_equal(found.space.examples.responses[rows], -np.sort(-np.stack(maps).T, axis=1)[:, :5])
