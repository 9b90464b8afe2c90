import json

import numpy as np
import pytest

from semlens_widgets import SemlensFileError
from semlens_widgets.store import Stored, write

ARRAYS = {
    "responses": np.arange(35, dtype=np.float32).reshape(5, 7),
    "ids": np.arange(11, dtype=np.int64),
    "nothing": np.zeros((0, 3), np.float16),
}


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "space.semlens", ARRAYS, {"name": "größe", "layers": ["a", "b"], "k": 7})


def test_what_is_written_is_read_back_read_only(path):
    stored = Stored(path)
    assert stored.document == {"name": "größe", "layers": ["a", "b"], "k": 7}
    for name, array in ARRAYS.items():
        assert stored[name].dtype == array.dtype
        assert np.array_equal(stored[name], array)
        assert not stored[name].flags.writeable


def test_the_same_values_give_the_same_bytes(path, tmp_path):
    again = write(
        tmp_path / "again.semlens", dict(reversed(ARRAYS.items())), {"k": 7, "layers": ["a", "b"], "name": "größe"}
    )
    assert again.read_bytes() == path.read_bytes()


def test_others_may_read_the_file_as_they_may_any_new_file(path, tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_other_programs_read_it_as_safetensors(path):
    from safetensors.numpy import load_file

    assert np.array_equal(load_file(path)["ids"], ARRAYS["ids"])


def test_a_failed_write_leaves_the_old_file_and_no_litter(path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(path, ARRAYS, {"score": float("nan")})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_may_not_be_written_is_told_with_the_name_asked_for(path, monkeypatch):
    def refuse(self, *settings, **more):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(PermissionError, match=f"Permission denied: '{path}'"):
        write(path, ARRAYS, {})


def test_every_damage_is_refused_or_harmless(path):
    """One flipped bit, a cut, or a wrong length anywhere: refused with our error, or nothing of value changed."""
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for trial in range(400):
        mutant = bytearray(whole)
        if trial % 4 == 0:
            del mutant[int(random.integers(len(whole))) :]
        elif trial % 4 == 1:
            mutant[:8] = int(random.integers(2**63)).to_bytes(8, "little")
        else:
            mutant[int(random.integers(len(whole)))] ^= 1 << int(random.integers(8))
        path.write_bytes(mutant)
        values = _read_or_refused(path)
        refused += values is None
        if values is not None:
            assert all(np.array_equal(values[name], ARRAYS[name]) for name in ARRAYS)
    assert refused > 350


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file, not ours", json.dumps({"a": 1}).encode()])
def test_foreign_files_are_named_as_such(tmp_path, content):
    path = tmp_path / "x.semlens"
    path.write_bytes(content)
    with pytest.raises(SemlensFileError, match=r"x\.semlens is not a readable"):
        Stored(path)


def test_another_safetensors_file_is_not_ours(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "weights.safetensors")
    with pytest.raises(SemlensFileError, match="another safetensors file"):
        Stored(tmp_path / "weights.safetensors")


def test_a_newer_format_is_refused_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr("semlens_widgets.store.VERSION", 7)
    path = write(tmp_path / "new.semlens", ARRAYS, {})
    monkeypatch.undo()
    with pytest.raises(SemlensFileError, match="format version 7, this program reads up to 2"):
        Stored(path)


def test_a_missing_file_and_a_folder_say_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        Stored(tmp_path / "absent.semlens")
    with pytest.raises(SemlensFileError, match="folder"):
        Stored(tmp_path)


def _read_or_refused(path):
    """All arrays of a file, or None if our own error, which names the file, refused it."""
    try:
        stored = Stored(path)
        assert stored.document == {"name": "größe", "layers": ["a", "b"], "k": 7}
        return {name: np.array(stored[name]) for name in stored}
    except SemlensFileError as error:
        return None if str(path) in str(error) else pytest.fail(f"an error without the file's name: {error}")
