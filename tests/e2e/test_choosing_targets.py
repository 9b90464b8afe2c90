"""Choosing what is explained in a real JupyterLab: a click on a segmentation, a box, a text, another image."""

from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
START = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import semlens_widgets as sl
from heads import CLASSES, Detector, Mapped, Tower, data
from toy import ColourClip
from semlens_widgets.widgets import PredictionView
def lens_of(model, layer, clip=None, **options):
    made = sl.Lens(model, data(**options), [layer], clip or ColourClip(), k=3, crop=None, templates=("{{}}",))
    return made.fit(cached=False, progress=False)
"""
SEGMENTATION = START + "lens = lens_of(Mapped(), 'trunk.3')\nlens.image = 1\nPredictionView(lens)"
DETECTION = (
    START
    + "lens = lens_of(Detector(), 'maps.trunk.3', classes=('background', 'cat', 'dog', 'cow'))\n"
    + "lens.image = 1\nPredictionView(lens)"
)
EMBEDDING = START + "clip = ColourClip()\nlens = lens_of(Tower(clip), 'seen', clip)\nPredictionView(lens)"


def test_a_click_on_the_segmentation_is_a_place_and_a_place_of_a_cell_is_marked(open_notebook):
    notebook = open_notebook(SEGMENTATION)
    window = notebook.windows.first
    plane = window.get_by_test_id("mark-map")
    expect(plane).to_be_visible()
    box = plane.bounding_box()
    plane.click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.25})
    expect(window.get_by_test_id("mark-place")).to_be_visible()
    place = notebook.value("[lens.target.which, *lens.target.within]")
    assert abs(place[1] - 0.75) < 0.02
    assert abs(place[2] - 0.25) < 0.02
    said = "CLASSES[int(lens.explanation.found.cells[int(.25 * 24), int(.75 * 24)])]"
    notebook.expect_value(said, place[0])
    expect(window.get_by_test_id("within-place")).to_have_attribute("aria-pressed", "true")
    window.get_by_test_id("within-everywhere").click()
    notebook.expect_value(f"lens.target == sl.targets.segment({place[0]!r})", True)
    window.get_by_test_id("within-place").click()
    notebook.expect_value("list(lens.target.within)", place[1:])
    notebook.run("lens.target = None; lens.image = 2")
    expect(window.get_by_test_id("within-place")).to_be_disabled()  # nothing was clicked in this one
    notebook.run("lens.target = sl.targets.segment('car', (0.25, 0.5))")
    mark = window.get_by_test_id("mark-place")
    expect(mark).to_have_attribute("style", "left: 25%; top: 50%;")
    expect(window.get_by_test_id("choice").filter(has_text="car")).to_have_attribute("aria-pressed", "true")
    chosen = window.get_by_test_id("choice").last
    chosen.click()
    notebook.expect_value("lens.target.within", "predicted")
    chosen.click()  # the one that is explained: back to what the model says most of
    notebook.expect_value("lens.target", None)


def test_a_box_is_chosen_in_the_picture_or_in_the_list(open_notebook):
    notebook = open_notebook(DETECTION)
    window = notebook.windows.first
    boxes = window.get_by_test_id("mark-box")
    expect(boxes).to_have_count(4)
    expect(window.locator('[data-testid="mark-box"][aria-pressed="true"]')).to_have_count(1)  # the surest
    cow = boxes.filter(has_text="cow")
    cow.click()
    expect(cow).to_have_attribute("aria-pressed", "true")
    notebook.expect_value("[lens.target.kind, lens.target.which]", ["box", "cow"])
    notebook.expect_value("lens.explanation.target.startswith('cow at 71 %')", True)
    window.get_by_test_id("choice").filter(has_text="dog").click()
    notebook.expect_value("lens.target.which", "dog")
    notebook.run("lens.target = 'cat'")
    pressed = window.locator('[data-testid="choice"][aria-pressed="true"]')
    expect(pressed).to_have_count(1)
    expect(pressed).to_contain_text("cat")
    expect(window.get_by_test_id("choice")).to_have_count(4)  # it is one of them, however it was asked for


def test_a_text_and_another_image_are_typed_before_and_after_an_image_is_chosen(open_notebook):
    notebook = open_notebook(EMBEDDING)
    window = notebook.windows.first
    text, other = window.get_by_test_id("target-text"), window.get_by_test_id("target-image")
    text.fill("red")
    text.press("Enter")
    notebook.expect_value("repr(lens.target)", "sl.targets.text('red')")
    window.get_by_test_id("browse-image").nth(2).click()
    notebook.expect_value("[lens.explanation.target, lens.image]", ["text: red", 2])
    expect(text).to_have_value("red")
    other.fill("4")
    other.press("Enter")
    notebook.expect_value("lens.explanation.target", "likeness to image 4")
    expect(text).to_have_value("")
    window.get_by_test_id("next-image").click()
    notebook.expect_value("[lens.explanation.target, lens.image]", ["likeness to image 4", 3])
    text.fill("mauve")
    text.press("Enter")
    expect(window.get_by_test_id("banner")).to_contain_text("words that this CLIP never saw")
    notebook.expect_value("lens.explanation.target", "likeness to image 4")
