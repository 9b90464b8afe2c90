"""Files from anywhere: damaged ones are refused or say what the whole one says, in Python and in the page."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mutants import Judge, Mutant, Mutants, Page, first_version, page_told, put_together, taken_apart, told, whole_lens

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.format import RENAMED, TABLE, Unfit, check_document
from semlens_widgets.held import Held
from semlens_widgets.space import SemanticSpace

pytestmark = pytest.mark.usefixtures("as_installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node to run the page's part")
WRONG = {"null": None, "boolean": True, "integer": 5, "number": 1.5, "string": "x", "array": [], "object": {}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a lens file with all there is to keep."""
    return whole_lens().save(tmp_path_factory.mktemp("whole") / "toy.semlens").read_bytes()


@pytest.fixture(scope="module")
def page():
    with Page() as reader:
        yield reader


def test_python_refuses_what_is_damaged_or_unlawful_and_reads_the_rest_as_it_is(whole, tmp_path):
    judge, mutants = Judge(whole, tmp_path / "toy.semlens", None), Mutants(whole, seed=1)
    found = []
    for number in range(240):
        mutant = mutants.damaged() if number % 2 else mutants.sealed()
        judge.path.write_bytes(mutant.data)
        found.append(judge.python(mutant))
        assert found[-1] in ("refused", "as the whole", "as it says"), (mutant.done, found[-1])
    assert {"refused", "as the whole", "as it says"} == set(found)


@needs_node
def test_the_page_refuses_what_is_damaged_or_unlawful_and_reads_the_rest_as_it_is(whole, page, tmp_path):
    judge, mutants = Judge(whole, tmp_path / "toy.semlens", page), Mutants(whole, seed=2)
    found = []
    for number in range(160):
        mutant = mutants.damaged() if number % 2 else mutants.sealed()
        judge.path.write_bytes(mutant.data)
        found.append(judge.by_page(mutant))
        assert found[-1] in ("refused", "as the whole", "as it says"), (mutant.done, found[-1])
    assert {"refused", "as it says"} < set(found)


ATTEMPTS = {
    "a null that is NaN": ("null_vectors", lambda a: a.fill(np.nan), "'null_vectors' holds NaN"),
    "vectors times seven": ("vectors", lambda a: np.multiply(a, 7, out=a), "a vector of length 7"),
    "another word": ("labels/words", lambda a: a.fill(-1), "'labels/words' holds -1"),
    "a word beyond the last": ("labels/words", lambda a: a.fill(4), "'labels/words' holds 4"),
    "a null without spread": ("words/null_sd", lambda a: a.fill(-1), "'words/null_sd' holds -1"),
    "a crop that is not there": ("crop_of", lambda a: a.fill(10_000), "'crop_of' holds 10000"),
    "examples out of order": ("example_responses", lambda a: np.copyto(a, a[:, ::-1].copy()), "falling order"),
    "a picture in another": ("thumbnail_offsets", lambda a: np.copyto(a[1:-1], a[1:-1][::-1].copy()), "does not rise"),
    "more images than there are": ("bins", lambda a: a.fill(61), "'bins' holds 61"),
}


@needs_node
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_numbers_that_this_package_does_not_write_are_refused_although_their_checksums_fit(
    whole, page, tmp_path, attempt
):
    name, change, says = ATTEMPTS[attempt]
    arrays, document = taken_apart(whole)
    arrays[name] = arrays[name].copy()
    change(arrays[name])
    path = tmp_path / "sealed.semlens"
    path.write_bytes(put_together(arrays, document))
    if name != "words/null_sd":  # which Python works out anew
        with pytest.raises(sl.SemlensFileError, match=says):
            told(sl.open(path))
    answers = page_told(page, path, len(arrays["vectors"]))
    told_by_page = [answer["error"]["message"] for answer in answers if "error" in answer]
    if name != "null_vectors":  # which the page does not read
        assert any(f"'{name}'" in message for message in told_by_page)


def test_what_a_file_claims_is_held_against_its_length_before_anything_is_made(whole, page, tmp_path):
    arrays, document = taken_apart(whole)
    claims = copy.deepcopy(document)
    claims["components"]["sizes"][0] = 10**9
    path = tmp_path / "claims.semlens"
    path.write_bytes(put_together(arrays, claims))
    with pytest.raises(sl.SemlensFileError, match="'component'"):
        sl.open(path)
    assert "'component'" in page.ask(path, [])["error"]["message"]
    empty = {name: np.zeros((10**9, 0), array.dtype) if array.ndim == 2 else array for name, array in arrays.items()}
    path.write_bytes(put_together(empty, claims))
    with pytest.raises(sl.SemlensFileError):
        sl.open(path)
    assert page.ask(path, [["hits", {}, {"query": ""}]])["error"]["name"] == "DamagedFile"


def members(value, schema, path=()):
    """Every member of a document with its schema: of lists the first entry, of free objects none."""
    yield path, schema
    if isinstance(value, dict):
        for name, part in value.items():
            if name in schema.get("properties", {}):
                yield from members(part, schema["properties"][name], (*path, name))
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from members(part, schema["additionalProperties"], (*path, name))
        if "discriminator" in schema:
            by, of, mapping = (schema["discriminator"][key] for key in ("by", "of", "mapping"))
            yield from members(value[of], mapping[value[by]], (*path, of))
    elif isinstance(value, list) and value and "items" in schema:
        yield from members(value[0], schema["items"], (*path, 0))


def spoken(path):
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def wrong_types(document):
    """(member, document in which it is of a type that it cannot be), each member with each such type."""
    for path, schema in members(document, TABLE["document"]):
        for kind, value in WRONG.items():
            allowed = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
            if kind in allowed or (kind == "integer" and "number" in allowed) or not path:
                continue
            changed = copy.deepcopy(document)
            here = changed
            for key in path[:-1]:
                here = here[key]
            here[path[-1]] = value
            yield spoken(path), kind, changed


def test_each_member_of_each_wrong_type_is_told_by_its_name(whole):
    _, document = taken_apart(whole)
    check_document(document)
    tried = set()
    for path, kind, changed in wrong_types(document):
        with pytest.raises(Unfit) as raised:
            check_document(changed)
        assert str(raised.value).startswith(path), (path, kind, str(raised.value))
        tried.add(path)
    assert len(tried) > 130
    assert {"extra.clip", "extra.parts", "recipe.clip", "components.sizes[0]", "unreadable"} <= tried


@needs_node
def test_python_and_the_page_tell_a_wrong_type_in_the_same_words(whole, page, tmp_path):
    arrays, document = taken_apart(whole)
    path = tmp_path / "wrong.semlens"
    for at, (where, kind, changed) in enumerate(wrong_types(document)):
        if at % 5:  # opening a file for each takes its time
            continue
        path.write_bytes(put_together(arrays, changed))
        with pytest.raises(sl.SemlensFileError) as raised:
            sl.open(path)
        told_by_page = page.ask(path, [])["error"]
        assert told_by_page["name"] == "DamagedFile"
        assert str(raised.value) == f"{path} is not a readable .semlens file: {told_by_page['message']}", (where, kind)


@needs_node
@pytest.mark.parametrize("version", [None, True, "2", 1.5, 0, -1, [], {}, 3, 10**30])
def test_a_version_that_is_none_or_from_the_future_is_refused_in_words(whole, page, tmp_path, version, monkeypatch):
    monkeypatch.setattr(store, "VERSION", version)
    path = tmp_path / "version.semlens"
    path.write_bytes(put_together(*taken_apart(whole)))
    monkeypatch.undo()
    says = "version" if version not in (3, 10**30) else "update semlens-widgets"
    with pytest.raises(sl.SemlensFileError, match=says):
        sl.open(path)
    assert says in page.ask(path, [])["error"]["message"]


@needs_node
def test_files_of_version_1_are_read_as_before_and_their_damage_is_told(whole, page, tmp_path):
    arrays, document = taken_apart(whole)
    old = first_version(arrays, document)
    judge = Judge(whole, tmp_path / "toy.semlens", page)
    judge.path.write_bytes(old)
    assert judge.python(Mutant(old, "", sealed=False)) == "as the whole"
    assert judge.by_page(Mutant(old, "", sealed=False)) == "as the whole"
    for at in np.random.default_rng(5).integers(8, len(old), 60).tolist():
        mutant = bytearray(old)
        mutant[at] ^= 4
        judge.path.write_bytes(mutant)
        for found in (judge.python(Mutant(bytes(mutant), "", False)), judge.by_page(Mutant(bytes(mutant), "", False))):
            assert found in ("refused", "as the whole"), (at, found)


def as_before(value, names):
    """A document with the names of an earlier version, of members and of recorded columns."""
    if isinstance(value, dict):
        return {names.get(name, name): as_before(part, names) for name, part in value.items()}
    if isinstance(value, list):
        return [as_before(part, names) for part in value]
    return value


@needs_node
def test_files_with_the_names_of_an_earlier_version_are_read_as_those_of_now(whole, page, tmp_path):
    arrays, document = taken_apart(whole)
    before = {new: old for old, new in RENAMED.items()}
    document = as_before(document, before)
    for reply in document["extra"]["parts"]["answers"]["replies"]:
        for column in reply["result"].get("buffers", ()):
            column[0] = before.get(column[0], column[0])
    old = put_together({before.get(name, name): array for name, array in arrays.items()}, document)
    judge = Judge(whole, tmp_path / "toy.semlens", page)
    judge.path.write_bytes(old)
    header = old[8 : 8 + int.from_bytes(old[:8], "little")].decode()
    assert all(name in header for name in RENAMED)
    assert judge.python(Mutant(old, "", sealed=False)) == "as the whole"
    assert judge.by_page(Mutant(old, "", sealed=False)) == "as the whole"


def test_a_large_array_is_read_by_blocks_and_a_damaged_block_is_told_when_it_is_read(whole, tmp_path):
    arrays, document = taken_apart(whole)
    crops = np.repeat(arrays["crop_vectors"], 1200, axis=0)
    count = len(crops)
    grown = arrays | {
        "crop_vectors": crops, "crop_images": np.zeros(count, np.int32), "thumbnails": arrays["thumbnails"],
        "thumbnail_offsets": np.minimum(np.arange(count + 1), len(arrays["thumbnails"])).astype(np.int64),
        "thumbnail_checksums": np.zeros(count, np.uint32),
    }  # fmt: skip
    grown["thumbnail_offsets"][-1] = len(arrays["thumbnails"])
    grown["crop_of"] = np.arange(arrays["crop_of"].size, dtype=np.int32).reshape(arrays["crop_of"].shape)
    grown["crop_of"][-1] = count - 1
    path = tmp_path / "large.semlens"
    data = bytearray(put_together(grown, document))
    place = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["crop_vectors"]["data_offsets"]
    assert place[1] - place[0] > 3 * store.BLOCK
    data[8 + int.from_bytes(data[:8], "little") + place[1] - 1] ^= 1
    path.write_bytes(data)
    space = SemanticSpace.open(path).space
    assert all(isinstance(vars(space)[name], Held) for name in ("crop_vectors", "vectors", "null_vectors"))
    first = space.embeddings_of([0, 1])
    assert first.shape == (2, *arrays["crop_of"].shape[1:], crops.shape[1])
    with pytest.raises(sl.SemlensFileError, match="'crop_vectors' is damaged"):
        space.embeddings_of([len(arrays["vectors"]) - 1])
    with pytest.raises(sl.SemlensFileError, match="'crop_vectors' is damaged"):
        space.crop_vectors  # noqa: B018
    with pytest.raises(sl.SemlensFileError, match="'crop_vectors' is damaged"):
        SemanticSpace.open(path, whole=True)


def test_the_table_is_the_one_that_the_page_reads():
    js = (Path(__file__).parents[1] / "js" / "offline" / "format.js").read_text()
    assert 'from "../../semlens_widgets/format.json"' in js
