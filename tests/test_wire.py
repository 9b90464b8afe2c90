"""What Python writes to the windows: the table in `wire.json`, which JavaScript reads in `js/shared/wire.test.js`."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from semlens_widgets.widgets.wire import File, encode

TABLE = json.loads(Path(__file__).with_name("wire.json").read_text(encoding="utf-8"))


def test_facts_arrays_and_files_are_sent_by_name_as_the_table_says():
    file = TABLE["file"]
    arrays = {
        name: np.array(a["values"], a["numpy"]).reshape(a["shape"]) for name, a in TABLE["arrays"].items()
    }
    result, buffers = encode({**TABLE["facts"], **arrays, file["name"]: File(bytes(file["bytes"]), file["type"])})
    assert json.loads(json.dumps(result)) == TABLE["sent"]["result"]
    assert [base64.b64encode(data).decode() for data in buffers] == TABLE["sent"]["buffers"]


def test_what_is_not_contiguous_is_sent_in_row_order():
    columns = np.arange(15, dtype=np.int32).reshape(3, 5).T
    result, (data,) = encode({"columns": columns})
    assert result == {"buffers": [["columns", "I32", [5, 3]]]}
    assert np.frombuffer(data, np.int32).reshape(5, 3).tolist() == columns.tolist()


def test_an_answer_without_arrays_is_its_facts():
    assert encode({"words": ["red"]}) == ({"words": ["red"]}, [])


def test_numbers_that_windows_cannot_read_are_refused():
    with pytest.raises(TypeError, match="'names' holds <U3 numbers"):
        encode({"names": np.array(["red"])})
    with pytest.raises(OverflowError, match="'images' holds 2147483648"):
        encode({"images": np.array([2**31])})
