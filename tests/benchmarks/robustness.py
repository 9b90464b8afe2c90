"""What may go wrong around a lens and its file: fits killed at random moments, damaged files, hostile texts,
notebooks that write at once.

python tests/benchmarks/robustness.py [mutants|page|kills|documents|writers ...]
"""

import collections
import concurrent.futures
import itertools
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _tables import particulars

sys.path.insert(0, str(Path(__file__).parents[1]))
import mutants as files

import semlens_widgets as sl

SEED = 0
WORKERS = 2
WRONG = {"crash": "crashes", "hang": "hangs (> 5 s)", "memory": "over 1 GB", "wrong": "wrong without notice"}
CHUNK = 250  # mutants of one task
LONGEST = 5.0  # seconds, for one file
MOST = 1 << 30  # bytes beyond what a process holds before
RIGHT = ("refused", "as the whole", "as it says")
FRESH = multiprocessing.get_context("forkserver")  # children of a process without threads, with all imported
FRESH.set_forkserver_preload(["torch", "open_clip", "zennit", "semlens_widgets", "semlens_widgets.demo", "mutants"])


def row(what, target, found):
    print(f"| {what} | {target} | {found} |", flush=True)


# damaged files


class Hang(Exception):
    """One file took longer than `LONGEST`."""


def _alarm(number, frame):
    raise Hang


def _limit_memory():
    status = Path("/proc/self/statm")
    if status.exists():
        now = int(status.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MOST, resource.RLIM_INFINITY))


def judged(whole, seed, count, by_page):
    """What became of so many mutants: how many of each outcome, and the first that went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        page = files.Page() if by_page else None
        judge = files.Judge(whole, Path(folder, "toy.semlens"), page)
        if not by_page:
            _limit_memory()
            signal.signal(signal.SIGALRM, _alarm)
        made, found, first = files.Mutants(whole, seed), collections.Counter(), []
        for number in range(count):
            mutant = made.damaged() if number % 2 else made.sealed()
            judge.path.write_bytes(mutant.data)
            outcome = _outcome(judge, mutant, page)
            kind = outcome.split(":")[0]
            found["damaged" if number % 2 else "sealed", kind] += 1
            if kind not in RIGHT and len(first) < 5:
                first.append(f"{mutant.done}: {outcome}")
        if page:
            found["largest", "MB"] = page.largest() // 2**20
            page.close()
    return found, first


def _outcome(judge, mutant, page):
    if page:
        try:
            return judge.by_page(mutant, LONGEST)
        except TimeoutError:
            page.restart()
            return "hang"
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        return judge.python(mutant)
    except Hang:
        return "hang"
    except MemoryError:
        return "memory"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _judge_all(total, by_page):
    whole = _whole()
    found, first, largest = collections.Counter(), [], 0
    started = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(WORKERS, FRESH) as pool:
        tasks = [pool.submit(judged, whole, SEED + at, CHUNK, by_page) for at in range(total // CHUNK)]
        for task in concurrent.futures.as_completed(tasks):
            part, wrong = task.result()
            largest = max(largest, part.pop(("largest", "MB"), 0))
            found.update(part)
            first += wrong
    reader = "the page" if by_page else "Python"
    for kind in ("damaged", "sealed"):
        tally = {name: number for (of, name), number in found.items() if of == kind}
        how = "damaged" if kind == "damaged" else "changed and sealed anew"
        told = ", ".join(f"{tally.get(name, 0):,} {name}" for name in RIGHT)
        row(f"{sum(tally.values()):,} files {how}, read by {reader}", "each is one of these", told)
        for name, what in WRONG.items():
            if not (by_page and name == "memory"):
                row(f"of these: {what}", 0, tally.get(name, 0))
    if by_page:
        row("the most memory that the reader held", "< 1,024 MB", f"{largest} MB")
    for wrong in first[:10]:
        print(f"  {wrong}")
    print(f"\n{time.monotonic() - started:.0f} s\n", flush=True)


def _whole():
    with tempfile.TemporaryDirectory() as folder:
        return files.whole_lens().save(Path(folder, "toy.semlens")).read_bytes()


def mutants(total=10_000):
    """Damaged files and files that were changed and sealed anew, read in Python."""
    _judge_all(total, by_page=False)


def page(total=2000):
    """The same, read by the code of the page, in Node."""
    _judge_all(total, by_page=True)


# killed fits


STAGES = {".examples": "collecting", ".crops": "cropping", ".embedding": "embedding", ".relevance": "relevance"}


class Counted:
    """Counts the pictures that each stage takes, and kills the process at the one that is chosen."""

    def __init__(self, stage=None, at=0):
        self.stage, self.at, self.now, self.seen = stage, at, "", collections.Counter()

    def watch(self):
        """From here on the stage is that of the file in which the pass at hand saves itself."""
        from semlens_widgets.passes import ProgressFile

        plain = ProgressFile.__init__

        def begun(file, path, made_from):
            plain(file, path, made_from)
            if path is not None:
                self.now = STAGES.get(Path(path).suffix, "")

        ProgressFile.__init__ = begun

    def __call__(self, function):
        def count(picture):
            self.seen[self.now] += 1
            if self.now == self.stage and self.seen[self.now] >= self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(picture)

        return count


def fitted(home, stage, at, results=None):
    """A fit of the demo with relevance, saved as out.semlens; killed at picture `at` of a stage."""
    os.environ["SEMLENS_CACHE"] = str(home)
    moments = itertools.accumulate(itertools.repeat(100), lambda a, b: a * 2 + b, initial=100)
    time.monotonic = moments.__next__  # every batch is due for saving
    counted = Counted(stage, at)

    class Clip(sl.OpenClip):
        def prepare(self, picture):
            return counted(super().prepare)(picture)

    data = sl.images(sl.demo.images(96, seed=1), transform=sl.demo.transform())
    model, clip = sl.demo.classifier("biased"), Clip(sl.demo.clip_folder())
    sizes = {"k": 5, "null": 50, "sample": 48}
    lens = sl.Lens(model, data, ["layer3", "layer4"], clip, crop="activation", **sizes)
    data.fingerprint  # noqa: B018  before counting: a transform is fingerprinted by trying it out
    data.transform = counted(data.transform)
    counted.watch()
    lens.fit(batch_size=16, progress=False)
    lens.relate(batch_size=16, progress=False)
    lens.save(home / "out.semlens")
    if results is not None:
        results.put(dict(counted.seen))


def _fit(home, stage=None, at=0):
    """(exit code, pictures taken in each stage) of a fit in a process of its own."""
    results = FRESH.Queue()
    process = FRESH.Process(target=fitted, args=(home, stage, at, results))
    process.start()
    process.join()
    return process.exitcode, results.get() if process.exitcode == 0 else {}


def _killed(folder, number, stage, at, expected, whole):
    """Whether a fit that was killed came out the same, and with less work than one from the beginning."""
    home = folder / str(number)
    home.mkdir()
    code, _ = _fit(home, stage, at)
    if code != -signal.SIGKILL:
        raise RuntimeError(f"not killed at picture {at} of {stage}: {code}")
    _, seen = _fit(home)
    same = (home / "out.semlens").read_bytes() == expected
    shutil.rmtree(home)
    return same, sum(seen.values()) < sum(whole.values())


def kills(moments=20):
    """kill -9 at random moments of each long stage, each followed by a fit that is left alone."""
    random, started = np.random.default_rng(SEED), time.monotonic()
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        folder = Path(name)
        (folder / "whole").mkdir()
        code, whole = _fit(folder / "whole")
        if code != 0:
            sys.exit(f"the fit that is left alone ended with {code}")
        expected = (folder / "whole" / "out.semlens").read_bytes()
        for stage in STAGES.values():
            at = random.integers(2, whole[stage], moments).tolist()
            numbers = [f"{stage}{i}" for i in range(moments)]
            done = [
                pool.submit(_killed, folder, n, stage, moment, expected, whole)
                for n, moment in zip(numbers, at, strict=True)
            ]
            same, fewer = np.array([task.result() for task in done]).sum(0)
            row(f"killed {moments} times while {stage}: resumed to the same bytes", moments, same)
            row("of these: without beginning again", "–", fewer)
    print(f"\n{time.monotonic() - started:.0f} s\n", flush=True)


# documents of hostile texts


def documents(count=1000):
    """Random reports and checklists of hostile texts: written, parsed, compared, and opened in Chromium."""
    from hostile import hostile_documents
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st
    from playwright.sync_api import sync_playwright
    from test_report import audited

    started, found = time.monotonic(), collections.Counter()
    lens = audited(note="A note.")
    effect = lens.effect("colour:2", {"clean": lens.source.images}, draws=2, points=2)
    document = dict(lens.document(effect).document)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as around, sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        browser = launched.new_context()

        @seed(SEED)
        @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(st.data())
        def one(data):
            found.update(_looked_at(document, *data.draw(hostile_documents(document)), Path(around), browser))

        one()
        launched.close()
    row("reports of hostile texts, written in every format", f"{count:,}", f"{found['documents']:,}")
    row("of these: with an element or a block of theirs", 0, found["markup"])
    row("of these: pages that ask for anything in Chromium", 0, found["asks"])
    row("of these: files outside the folder asked for", 0, found["outside"])
    row("of these: audits of their checklists read back otherwise", 0, found["differs"])
    print(f"\n{time.monotonic() - started:.0f} s\n", flush=True)


def _looked_at(document, hostile, new, around, browser):
    """What there is to say of one hostile document."""
    from hostile import harmless, markdown_skeleton, skeleton, what_a_page_does, with_texts

    from semlens_widgets.audit.state import AuditState

    report, folder = sl.Report(hostile), around / "asked for"
    names = {f"x.{ending}" for ending in ("html", "md", "csv", "json")}
    for name in names:
        report.save(folder / name)
    tame, tamer = (
        sl.Report(with_texts(document, {old: harmless(text, keep) for old, text in new.items()})) for keep in (".:", "")
    )
    yield "documents"
    same = skeleton((folder / "x.html").read_bytes()) == skeleton(tame.to_html().encode())
    if not same or markdown_skeleton(report.to_markdown()) != markdown_skeleton(tamer.to_markdown()):
        yield "markup"
    page = browser.new_page()
    if what_a_page_does(page, folder / "x.html", wait=20):
        yield "asks"
    page.close()
    if {p.name for p in around.rglob("*")} != names | {folder.name}:
        yield "outside"
    try:
        state = AuditState(sl.Checklist.from_document(hostile["checklist"]))
    except ValueError:
        return  # refused: no names of concepts
    if AuditState.from_text(state.to_text()).checklist != state.checklist:
        yield "differs"


def writers(runs=10, notebooks=3, edits=200):
    """Several notebooks that edit one audit at the same time, each of them all kinds of things."""
    from writers import at_once

    missing = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            missing += at_once(folder, notebooks, edits)
    said = f"{len(missing)} of {runs * notebooks * edits:,}" + (f": {', '.join(missing[:5])}" if missing else "")
    row(f"edits lost, {notebooks} processes × {edits} edits of all kinds at once, {runs} runs", "0", said)


WORKS = {"mutants": mutants, "page": page, "kills": kills, "documents": documents, "writers": writers}

if __name__ == "__main__":
    print(f"\n{particulars(SEED)}\n\n| attempt | target | found |\n|---|---|---|", flush=True)
    for name in sys.argv[1:] or WORKS:
        WORKS[name]()
