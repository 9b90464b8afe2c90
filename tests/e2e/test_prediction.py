"""The prediction view in a real JupyterLab: chosen, followed, walked, given up, and read back from the kernel."""

import io
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
TOY = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "tests")!r})
import semlens_widgets as sl
from toy import ColourClip, ColourNet, pictures, to_pixels
class Labelled:
    classes = ("reddish", "other")
    def __init__(self):
        self.kept = pictures(60, size=24)
        self.targets = [i % 2 for i in range(60)]
    def __len__(self):
        return 60
    def __getitem__(self, i):
        if not 0 <= i < 60:
            raise IndexError(i)
        return self.kept[i], self.targets[i]
class Slow:
    pause = 0.0
    def __call__(self, picture):
        time.sleep(Slow.pause)
        return to_pixels(picture)
lens = sl.Lens(ColourNet(), sl.images(Labelled(), transform=Slow(), classes=Labelled.classes), ["colour", "head"],
               ColourClip(), k=5, crop=None, templates=("{{}}",), name="toy", vocabulary=["red", "green", "blue"])
lens.fit(cached=False, progress=False)
lens.describe(lens.vocabulary)
window = lens.show()
window.tab = "prediction"
window
"""


NOTEBOOK = [
    cell.source
    for cell in nbformat.read(ROOT / "notebooks" / "explain_a_prediction.ipynb", as_version=4).cells
    if cell.cell_type == "code"
]


def opened(open_notebook, **options):
    notebook = open_notebook(TOY, **options)
    return notebook, notebook.windows.first


def test_choosing_in_the_window_sets_the_lens_and_a_cell_moves_the_window(open_notebook):
    notebook, window = opened(open_notebook)
    expect(window.get_by_test_id("prediction-empty")).to_be_visible()
    window.get_by_test_id("browse-image").nth(3).click()
    expect(window.get_by_test_id("image-name")).to_contain_text("labelled other")
    notebook.expect_value("lens.image", 3)
    window.get_by_test_id("next-image").click()
    notebook.expect_value("lens.image", 4)
    notebook.run("lens.image = 7; lens.target = 'reddish'")
    expect(window.locator('[data-testid="class"][data-class="reddish"]')).to_have_attribute("aria-pressed", "true")
    window.locator('[data-testid="class"][data-class="other"]').click()
    notebook.expect_value("(lens.target, lens.explanation.target)", ["other", "other"])
    window.get_by_test_id("method").select_option("gradient")
    notebook.expect_value("lens.explanation.backend", "gradient")
    # hovering looks, a click selects, and a selection from a cell is followed into its layer
    bar = window.get_by_test_id("bar").first
    for _ in range(5):  # a click is lost where the answer is drawn between its press and its release
        bar.click()
        notebook.page.wait_for_timeout(500)
        if notebook.value("len(lens.selection)"):
            break
    notebook.expect_value(
        "str(lens.selection[0]) == str(lens.explanation.top(1, lens.components.layers[1])[0][0])", True
    )
    notebook.run("lens.selection = ['colour:2']")
    expect(window.locator('[data-testid="bar"].sl-primary')).to_contain_text("colour:2")
    expect(window.get_by_test_id("heat-words")).to_contain_text("colour:2")
    # a picture of one's own
    kept = io.BytesIO()
    Image.new("RGB", (24, 24), (240, 10, 10)).save(kept, "PNG")
    window.get_by_test_id("image-file").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": kept.getvalue()}
    )
    expect(window.get_by_test_id("image-name")).to_have_text("image mine.png")
    notebook.expect_value("lens.image.startswith('image:')", True)
    window.get_by_test_id("image-file").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    )
    expect(window.get_by_test_id("banner")).to_contain_text("notes.txt is not a picture")
    expect(window.get_by_test_id("image-name")).to_have_text("image mine.png")


def test_the_circuit_is_walked_by_keyboard_and_the_card_shows_all_looks(open_notebook):
    notebook, window = opened(open_notebook)
    notebook.run("lens.relate(cached=False, progress=False); lens.image = 0")
    node = window.get_by_test_id("node")
    expect(node.first).to_be_visible()
    node.first.focus()
    keyboard = notebook.page.keyboard
    keyboard.press("Enter")
    expect(window.get_by_test_id("selected-id")).to_contain_text("head")
    keyboard.press("ArrowLeft")
    expect(window.get_by_test_id("selected-id")).to_contain_text("colour")
    keyboard.press("Enter")
    card = window.get_by_test_id("card-pane")
    expect(card.get_by_test_id("card-id")).to_contain_text("colour")
    expect(card.get_by_test_id("class-relevance")).to_contain_text("reddish")
    for mode in ("heat", "mask", "whole"):
        card.get_by_test_id(f"mode-{mode}").click()
        expect(card.locator(".sl-example").first).to_be_visible()
    expect(card.locator(".sl-outlined-crop").first).to_be_visible()
    card.get_by_test_id("show-streams").click()
    expect(card.get_by_test_id("stream").first).to_contain_text("head")
    card.get_by_test_id("stream").first.click()
    expect(card.get_by_test_id("card-id")).to_contain_text("head")
    window.get_by_test_id("bar").first.focus()
    keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_long_work_tells_its_progress_and_can_be_given_up_while_a_cell_runs(open_notebook):
    notebook, window = opened(open_notebook)
    expect(window.get_by_test_id("browse-image").first).to_be_visible()
    notebook.run("lens.image = 2; Slow.pause = 0.3")
    window.get_by_test_id("browse-images").click()
    cell = notebook.run("time.sleep(15); print('awake')", wait=False)
    window.get_by_test_id("browse-order").select_option("wrong")
    expect(window.get_by_test_id("work")).to_contain_text("Asking the model, image")
    expect(window.get_by_test_id("work")).to_contain_text("of 60")
    window.get_by_test_id("cancel-work").click()
    expect(window.get_by_test_id("work")).to_be_hidden()
    expect(window.get_by_test_id("browse-order")).to_have_value("stored")
    window.get_by_test_id("browse-image").nth(5).click()
    expect(window.get_by_test_id("image-name")).to_contain_text("image 5")
    printed = cell.locator(".jp-OutputArea")
    assert "awake" not in printed.inner_text(), "the window answered before the cell ended"
    expect(printed).to_contain_text("awake")
    notebook.expect_value("lens.image", 5)


def test_a_lens_from_a_file_says_what_to_do(open_notebook):
    notebook = open_notebook(
        TOY.replace(
            "window = lens", "lens.save('toy.semlens'); lens = sl.open('toy.semlens', ColourClip())\nwindow = lens"
        )
    )
    expect(notebook.windows.first.get_by_test_id("prediction-no-model")).to_contain_text("sl.Lens(model, images")


def test_the_notebook_that_explains_a_prediction(open_notebook):
    """Run as a new user runs it; then the component that the notebook found is found again in the window."""
    notebook = open_notebook(*NOTEBOOK)
    window = notebook.windows.last
    window.get_by_test_id("tab-prediction").click(timeout=300_000)
    expect(window.get_by_test_id("image-name")).to_contain_text("image 17, labelled melanoma")
    expect(window.locator('[data-testid="class"][data-class="nevus"]')).to_have_attribute("aria-pressed", "true")
    window.get_by_test_id("bars-layer").filter(has_text="layer3").click()
    first = window.get_by_test_id("bar").first
    expect(first).to_contain_text(notebook.value("str(component)"))
    first.click()
    notebook.expect_value("lens.selection == [component]", True)
    expect(window.get_by_test_id("heat-words")).to_contain_text("+")
    expect(window.get_by_test_id("heat").locator(".sl-relevance-map")).to_have_count(2)
    first.press("Enter")
    expect(window.get_by_test_id("class-relevance")).to_contain_text("nevus")
    window.locator('[data-testid="class"][data-class="melanoma"]').click()
    notebook.expect_value("lens.explanation.target", "melanoma")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_no_serious_violation(open_notebook, dark):
    notebook, window = opened(open_notebook, dark=dark)
    notebook.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")

    def check():
        assert (
            notebook.page.evaluate(
                "async () => (await axe.run(document.querySelector('.semlens'))).violations"
                ".filter(v => ['serious', 'critical'].includes(v.impact)).map(v => [v.id, v.nodes[0].html])"
            )
            == []
        )

    expect(window.get_by_test_id("browse-image").first).to_be_visible()
    check()
    notebook.run("lens.relate(cached=False, progress=False); lens.image = 1")
    expect(window.get_by_test_id("edge").first).to_be_visible()
    window.get_by_test_id("bar").first.click()
    check()
    window.get_by_test_id("bar").first.press("Enter")
    expect(window.get_by_test_id("class-relevance")).to_be_visible()
    window.get_by_test_id("show-streams").click()
    expect(window.get_by_test_id("stream").first).to_be_visible()
    check()
