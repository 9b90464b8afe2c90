"""The kernel's side of the table of labels: described from the window, meanings, vocabularies, files."""

import csv
import io
import json

import pytest
from windows import lens

from semlens_widgets.widgets import LabelTable, Window, label_table
from semlens_widgets.widgets.channel import Aborted, Job


def test_describing_from_the_window_tells_how_far_it_is():
    made = lens(vocabulary=["red", "green", "blue"])
    told = []
    for view in (LabelTable(made), Window(made)):
        view._verbs()["describe"]({"vocabulary": None}, [], Job("1", lambda content, buffers: told.append(content)))
        assert (told[-1]["done"], told[-1]["total"], told[-1]["what"]) == (6, 6, "Describing component")
        assert made.labels.probes.names == ("red", "green", "blue")
        assert view.labels_version >= 1


def test_describing_can_be_given_up_before_anything_changes():
    made = lens(vocabulary=["red", "green", "blue"])
    job = Job("1", lambda content, buffers: None)
    job.abort()
    with pytest.raises(Aborted):
        LabelTable(made)._verbs()["describe"]({"vocabulary": None}, [], job)
    assert made.labels is None


def test_describing_can_be_given_up_on_the_way():
    made = lens(vocabulary=["red", "green", "blue"])
    told = []

    def leave(content, buffers):
        told.append(content)
        if content["what"] == "Describing component":
            job.abort()

    job = Job("1", leave)
    with pytest.raises(Aborted):
        LabelTable(made)._verbs()["describe"]({"vocabulary": None}, [], job)
    assert [entry["what"] for entry in told].count("Describing component") == 1
    assert made.labels is None


def test_only_vocabularies_of_the_package_can_be_asked_for_by_name():
    made = lens(vocabulary=["red", "green"])
    told = label_table.vocabularies(made)["vocabularies"]
    assert [entry["name"] for entry in told] == [None, "common", "dermoscopy"]
    assert told[0]["count"] == 2
    assert label_table.vocabularies(lens())["vocabularies"][0]["name"] == "common"
    with pytest.raises(ValueError, match=r"no vocabulary '/etc/passwd'"):
        LabelTable(made)._verbs()["describe"]({"vocabulary": "/etc/passwd"}, [], Job("1", lambda c, b: None))


def test_meanings_of_some_components_are_those_of_all():
    made = lens()
    assert label_table.meanings(made, [0, 1])["meanings"] == [[], []]
    labels = made.describe(["red", "green", "blue"], centre=True)
    asked = label_table.meanings(made, [5, 0])["meanings"]
    assert labels.meanings_of([5, 0]) == (labels.meanings[5], labels.meanings[0])
    assert [[part["word"] for part in parts] for parts in asked] == [
        [part.word for part in labels.meanings[row]] for row in (5, 0)
    ]
    assert sorted(rank for part in asked[1] for rank in part["examples"]) == list(range(5))


def test_files_hold_a_person_s_own_labels():
    made = lens()
    with pytest.raises(ValueError, match="describe first"):
        label_table.labels_file(made, "csv")
    made.describe(["red", "green", "blue"])
    made.own_labels = {"colour:1": "leaf"}
    told = label_table.labels_file(made, "csv")
    assert told["name"] == "labels.csv"
    table = {(row["component"], row["rank"]): row for row in csv.DictReader(io.StringIO(told["file"].data.decode()))}
    assert table["colour:1", "0"]["label"] == "leaf"
    held = json.loads(label_table.labels_file(made, "json")["file"].data)
    assert {row["label"] for row in held["labels"] if row["own"]} == {"leaf"}
    with pytest.raises(ValueError, match="csv or json"):
        label_table.labels_file(made, "xlsx")
