"""An auditor in a real JupyterLab: a checklist from a file, a dossier, two readers, a sealed report."""

from pathlib import Path

from playwright.sync_api import expect
from test_audit_window import ROOT, row
from test_report import audited

import semlens_widgets as sl

CHECKLIST = "# Should be used\n- red\n- green\n# Must not be used\n- blue\n"


def cells(folder):
    return (
        f"import os, sys\nos.environ['SEMLENS_CACHE'] = {str(folder)!r}\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "import semlens_widgets as sl\nfrom test_auditing import lens as made\nlens = made(relevance=True)",
        "lens.show()",
    )


def say(window, name, text):
    field = window.get_by_test_id(f"say-{name}")
    field.fill(text)
    field.blur()
    expect(field).to_have_value(text)


def decide(window, decisions):
    for name, decision in decisions.items():
        button = row(window, name).get_by_test_id(f"decide-{decision}")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")


def opened(window, panel):
    window.get_by_test_id(f"open-{panel}-panel").click()
    found = window.get_by_test_id(f"{panel}-panel")
    expect(found).to_be_visible()
    return found


def closed(panel):
    panel.get_by_test_id("close-panel").click()
    expect(panel).to_be_hidden()


def finished(window, who, decisions):
    """One reader takes a seat, decides about everything and says so."""
    panel = opened(window, "readers")
    panel.get_by_test_id("reader-auditor").fill(who)
    panel.get_by_test_id("reader-auditor").press("Enter")
    expect(panel.get_by_test_id("readers-left")).to_contain_text("3 of 3")
    closed(panel)
    assert window.locator("[data-testid=concept-row] [aria-pressed=true]").count() == 0, "nothing of the other is seen"
    decide(window, decisions)
    panel = opened(window, "readers")
    panel.get_by_test_id("readers-finish").click()
    return panel


def test_from_a_checklist_in_a_file_to_a_sealed_report(open_notebook, tmp_path):
    notebook = open_notebook(*cells(tmp_path), width=1360)
    window, page = notebook.windows.first, notebook.page
    window.get_by_test_id("tab-audit").click(timeout=180_000)
    (tmp_path / "colours.md").write_text(CHECKLIST, encoding="utf-8")
    window.get_by_test_id("checklist-file").first.set_input_files(tmp_path / "colours.md")
    expect(window.get_by_test_id("concept-row")).to_have_count(3)
    expect(window.get_by_test_id("audit-notice")).to_contain_text("2 valid, 1 spurious, 0 neutral")

    panel = opened(window, "dossier")
    say(panel, "title", "Audit of the colour net")
    say(panel, "purpose", "To tell warm pictures from cold ones.\n\nNot at night.")
    expect(panel.get_by_test_id("dossier-done")).to_contain_text("1 of ")
    panel.get_by_test_id("risk-owner").fill("Ada")
    panel.get_by_test_id("risk-owner").blur()
    say(panel, "signatories", "Ada Lovelace, physicist")
    notebook.expect_value("[lens.dossier.purpose.count(chr(10)), lens.dossier.risk('blue').owner]", [2, "Ada"])
    with page.expect_download() as download:
        panel.get_by_test_id("save-dossier").click()
    dossier = sl.Dossier.from_markdown(Path(download.value.path()).read_text("utf-8"))
    assert dossier.signatories == (sl.Signatory("Ada Lovelace", "physicist"),)
    closed(panel)

    panel = opened(window, "readers")
    panel.get_by_test_id("reader-first").fill("Ada")
    panel.get_by_test_id("reader-second").fill("Ben")
    panel.get_by_test_id("readers-begin").click()
    expect(panel.get_by_test_id("readers-state")).to_contain_text("Ada reads; Ben reads")
    closed(panel)
    panel = finished(window, "Ada", {"red": "valid", "green": "valid", "blue": "spurious"})
    expect(panel.get_by_test_id("readers-state")).to_contain_text("Ada has finished; Ben reads")
    closed(panel)
    panel = finished(window, "Ben", {"red": "valid", "green": "unsure", "blue": "spurious"})
    expect(panel.get_by_test_id("readers-agreement")).to_contain_text("agree on 2 of 3")
    one = panel.get_by_test_id("disagreement")
    one.get_by_test_id("settle-reason").fill("Grass is green.")
    one.get_by_test_id("settle-valid").click()
    expect(one).to_contain_text("settled: valid (Ben)")
    closed(panel)

    window.get_by_test_id("report").click()
    with page.expect_download() as download:
        window.get_by_test_id("report-json").click()
    found = sl.verify_report(download.value.path())
    assert found, found
    report = sl.Report.from_file(download.value.path())
    html = report.to_html()
    for words in ("Audit of the colour net", "Not at night.", "Grass is green.", "Ada Lovelace", "Index of clauses"):
        assert words in html
    assert report.document["reading"]["agreement"]["disagreements"][0]["subject"] == "@green"


ALONE = """() => [...document.querySelectorAll("h2, h3, h4, tr.group, :is(h2, h3, h4) + p")]
    .filter(node => node.nextElementSibling && getComputedStyle(node).breakAfter !== "avoid")
    .map(node => node.textContent.trim())"""
CUT = """() => [...document.querySelectorAll("tr, figure, .plot, article")]
    .filter(node => getComputedStyle(node).breakInside !== "avoid").map(node => node.textContent.trim())"""
WIDE = """() => [...document.querySelectorAll("body *")].filter(node => !node.closest("svg"))
    .filter(node => node.getBoundingClientRect().right > innerWidth + 1).map(node => node.textContent.trim())"""


def test_on_paper_no_heading_stands_alone_and_nothing_is_cut(browser, tmp_path):
    report = audited(note="A note.").document(dossier=sl.Dossier("On paper", purpose="To be printed."))
    path = report.save(tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 680, "height": 1000})  # A4 with margins
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    assert page.locator("h3").count() > 5
    assert page.evaluate(ALONE) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate(WIDE) == []
    page.close()
