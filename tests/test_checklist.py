from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semlens_widgets.checklist import EXAMPLES, KINDS, Checklist, Concept, Group

FORMS = ("json", "csv", "md")
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x")',
    "'=1+1",
    "a; b (spurious)",
    "- [x] * # ## \\ | `code`",
    "\u202eright to left\u202c",
    "🩺" * 50,
    "x" * 10_000,
    "prompt: note: class:",
    "(cannot be seen in one image)",
)


def small():
    return Checklist(
        (
            Group("Should be used", (Concept("border", ("irregular border", "jagged border")), Concept("veil"))),
            Group("Must not be used", (Concept("ruler", kind="spurious", classes=("melanoma",), note="two\nlines"),)),
        ),
        "Moles",
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_written_is_read_again_whatever_people_type(form, text):
    concepts = (
        Concept(text, (text, f"{text} again"), "spurious", (text,), text),
        Concept("once", (text,)),
        Concept("plain"),
    )
    written = Checklist((Group(text, concepts), Group("unseen", (Concept("E", ()),))), "" if form == "csv" else "T")
    assert Checklist.from_text(written.to_text(form), form) == written


letters = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))
words = st.text(letters, min_size=1, max_size=12).filter(lambda text: bool(text.split()))
fields = st.tuples(
    words,
    st.none() | st.lists(words, max_size=3).map(tuple),
    st.sampled_from(KINDS),
    st.lists(words, max_size=2).map(tuple),
    st.lists(words, max_size=2).map("\n".join),
)


@given(st.lists(fields, max_size=4, unique_by=lambda f: " ".join(f[0].split())), words, st.sampled_from(FORMS))
@settings(max_examples=150, deadline=None)
def test_every_checklist_survives_every_format(listed, group, form):
    written = Checklist((Group(group, [Concept(*given) for given in listed]),) if listed else ())
    assert Checklist.from_text(written.to_text(form), form) == written


def test_files_are_the_same_every_time_and_one_concept_changes_one_line(tmp_path):
    before = small()
    after = before.replacing("veil", Concept("veil", ("blue veil",)))
    for ending in ("json", "csv", "md"):
        path = before.to_file(tmp_path / f"list.{ending}")
        assert path.read_bytes() == before.to_file(tmp_path / f"again.{ending}").read_bytes()
    old, new = before.to_text("json").splitlines(), after.to_text("json").splitlines()
    assert sum(a != b for a, b in zip(old, new, strict=True)) == 1


def test_a_person_can_write_markdown_by_hand():
    read = Checklist.from_text(
        "# My list\n\nSome words nobody parses.\n\n## Should be used\n\n* border\n- [x] colour\n  - several colours\n"
        "  - many colours\n\n## Artefacts that must not be used\n- [ ] ruler\n- [ ] hair (neutral)\r\n",
        "md",
    )
    assert [(c.name, c.kind) for c in read] == [
        ("border", "valid"), ("colour", "valid"), ("ruler", "spurious"), ("hair", "neutral"),
    ]  # fmt: skip
    assert read["colour"].texts == ("several colours", "many colours")
    assert read["border"].texts == ("border",)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("# Should be used\n- border\n# Must not be used\n- ruler", "vs"),
        ("# Must not be used\n- ruler", "s"),
        ("# Must not be used\n- ruler\n# Colours\n- red", "sv"),
        ("# My list\n- border\n# Artefacts\n- ruler", "vs"),
        ("# My list\n# Must not be used\n## Rulers\n- ruler\n## Hair\n- hair\n# Should be used\n- border", "ssv"),
        ("# Moles\n## Must not be used\n### Rulers\n- ruler\n### Should be used\n- border\n## Colours\n- red", "svv"),
        ("Moles\n=====\n\nShould be used\n---\n- border\n\nMust not be used\n---\n- ruler", "vs"),
        ("# Moles\n\n**Should be used:**\n- border\n\n**Must not be used**\n- ruler", "vs"),
        ("Should be used:\n- border\n\nShortcuts:\n- ruler", "vs"),
        ("# Artefacts and features\n## Should be used\n- border\n## Never to be used\n- ruler", "vs"),
        ("# M\n## Do not use\n- a\n## Should not matter\n- b\n## Not allowed\n- c\n## No difference\n- d", "sssn"),
        ("# M\n## Invalid\n- a\n## Valid\n- b\n- c (Spurious)\n- d (NEUTRAL)\n## Cannot be seen\n- e", "svsnv"),
        ("# M\n## Should be used\n1. border\n2) veil\n   1. many veils\n## Artefacts\n• ruler\n*   hair", "vvss"),
        ("# M\n## Forbidden\n- a\n---\n## Confounders\n- b\n* * *\n## Expected\n- c", "ssv"),
    ],
)
def test_a_heading_of_any_form_and_level_says_the_kind(text, kinds):
    assert "".join(concept.kind[0] for concept in Checklist.from_text(text, "md")) == kinds


def test_reading_a_file_tells_what_was_understood(tmp_path, capsys):
    (tmp_path / "moles.md").write_text("# Should be used\n- border\n- veil\n# Must not be used\n- ruler\n")
    Checklist.from_file(tmp_path / "moles.md")
    assert capsys.readouterr().out == "moles.md: 2 valid, 1 spurious, 0 neutral\n"


@pytest.mark.parametrize("title", ["Must not be used", "Artefacts", "**Shortcuts:**", "Valid:"])
def test_a_title_that_names_a_kind_stays_the_title(title):
    written = Checklist((Group("Colours", (Concept("red"),)),), title)
    assert Checklist.from_text(written.to_text("md"), "md") == written


def test_a_person_can_write_a_spreadsheet_by_hand():
    read = Checklist.from_text("\ufeffgroup,name,prompts,kind\nA,border,jagged; ragged,\nB,ruler,,Spurious\n", "csv")
    assert read["border"].texts == ("jagged", "ragged")
    assert read["ruler"].kind == "spurious"


def test_a_concept_without_prompts_cannot_be_seen_and_one_without_any_said_is_its_name():
    assert Concept("ruler").texts == ("ruler",)
    assert not Concept("evolving", ()).visible


def test_a_concept_of_other_classes_makes_no_difference_to_this_one():
    concept = Concept("red skin", classes=("erythema",), kind="valid")
    assert concept.kind_for("erythema") == concept.kind_for(None) == "valid"
    assert concept.kind_for("melanoma") == "neutral"


def test_editing_gives_new_checklists_and_leaves_the_old_one():
    before = small()
    moved = before.moving("ruler", "Should be used", 1, kind="valid")
    assert [c.name for c in moved.groups[0].concepts] == ["border", "ruler", "veil"]
    assert moved["ruler"].kind == "valid"
    assert before["ruler"].kind == "spurious"
    assert [g.name for g in before.adding(Concept("hair"), "Neutral").groups][-1] == "Neutral"
    assert "veil" not in before.without("veil")
    assert before.replacing("veil", replace(before["veil"], note="seen")).group_of("veil").name == "Should be used"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Concept(" "), "needs a name"),
        (lambda: Concept("a", kind="bad"), "kinds are"),
        (lambda: small().adding(Concept("veil")), "already"),
        (lambda: Checklist((Group("a", (Concept("x"), Concept("x"))),)), "stands twice"),
        (lambda: Checklist((Group("a"), Group("a"))), "stands twice"),
        (lambda: Checklist.from_text("{", "json"), "no JSON"),
        (lambda: Checklist.from_text("[]", "json"), "groups"),
        (lambda: Checklist.from_text('{"groups": [{"concepts": [{"name": "a", "colour": 1}]}]}', "json"), "colour"),
        (lambda: Checklist.from_text('{"groups": [3]}', "json"), "no checklist"),
        (lambda: Checklist.from_text("name,kind\na,bad\n", "csv"), "row 2"),
        (lambda: Checklist.from_text("a,b\n1,2\n", "csv"), "name is needed"),
        (lambda: Checklist.from_text("some words, and more\n", "csv"), "name is needed"),
        (lambda: Checklist.from_text("# Moles\n\nborder\nruler\n", "md"), "no concept.*line 3 is none: 'border'"),
        (lambda: Checklist.from_text("| name | kind |\n|---|---|\n| ruler | spurious |\n", "md"), "no concept"),
        (lambda: Checklist.from_text("PK\x03\x04 of another program", "md"), "no concept"),
        (lambda: small().to_file("list.txt"), "list.txt"),
    ],
)
def test_mistakes_are_named(as_installed, make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_one_text_is_not_taken_for_a_list_of_letters(as_installed):
    with pytest.raises(TypeError, match="list of texts"):
        Concept("ruler", "ruler")
    with pytest.raises(KeyError, match="border, veil"):
        small()["nothing"]


def test_abcde_has_its_five_letters_and_says_what_cannot_be_seen():
    abcde = Checklist.abcde()
    assert [g.name[0] for g in abcde.groups[:5]] == list("ABCDE")
    assert not abcde["evolving"].visible
    assert "one image" in abcde["evolving"].note
    assert "no medical standard" in abcde.title
    assert {c.kind for c in abcde} == set(KINDS)


def test_names_are_shown_inert():
    shown = Checklist((Group("<b>", (Concept("<script>", ("<img>",)),)),))._repr_html_()
    assert "<script>" not in shown
    assert "<img>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_checklist_is_made_of_names_by_kind():
    ruler = Concept("ruler", ("a ruler", "a scale"), "valid", note="at the edge")
    made = Checklist(valid=["border", "colour"], spurious=(ruler, "hair"), title="moles")
    assert [(g.name, [c.name for c in g.concepts]) for g in made.groups] == [
        ("Should be used", ["border", "colour"]), ("Must not be used", ["ruler", "hair"])]  # fmt: skip
    assert [c.kind for c in made] == ["valid", "valid", "spurious", "spurious"]
    assert made["ruler"].texts == ruler.texts
    assert made == Checklist.from_text(made.to_text("json"), "json")
    assert made.without("hair").without("ruler").title == "moles"
    assert len(Checklist(neutral=["skin"])) == 1
    assert Checklist(valid=[]) == Checklist()
    with pytest.raises(TypeError, match="spurious is one text, 'ruler'; give a list"):
        Checklist(spurious="ruler")
    with pytest.raises(ValueError, match="'ruler' stands twice"):
        Checklist(valid=["ruler"], spurious=["ruler"])


@pytest.mark.parametrize("field", EXAMPLES)
def test_a_checklist_of_another_field_has_all_kinds_prompts_and_says_whose_it_is(field):
    checklist = Checklist.example(field)
    assert {concept.kind for concept in checklist} == set(KINDS)
    assert len([c for c in checklist if c.kind == "valid"]) >= 3
    assert len([c for c in checklist if c.kind == "spurious"]) >= 5
    assert "prompts by semlens_widgets" in checklist.title
    assert "no" in checklist.title.split("prompts by semlens_widgets")[1]
    assert [g.name for g in checklist.groups] == ["Should be used", "Must not be used", "Neutral"]
    for concept in checklist:
        assert concept.texts != (concept.name,) or not concept.visible or concept.kind == "neutral", concept.name
    assert Checklist.from_text(checklist.to_text("md"), "md") == checklist


def test_an_unknown_field_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"no example for 'chests'; there are .*\(did you mean 'chest'"):
        Checklist.example("chests")
