"""Two models compared in a real JupyterLab: cells move the window, and clicks end in both lenses."""

from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
TOY = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import semlens_widgets as sl
import torch
from semlens_widgets.widgets import ComparisonHeatmap
from toy import ColourClip, ColourNet, pictures, to_pixels
data = sl.images(pictures(60, size=24), transform=to_pixels)
def toy(name, order=(0, 1, 2, 3)):
    net = ColourNet()
    net.colour.weight.data = net.colour.weight.data[torch.tensor(order)]
    return sl.Lens(net, data, ["rectified", "head"], ColourClip(), k=5, crop=None, templates=("{{}}",), name=name,
                   vocabulary=["red", "green", "blue"]).fit(cached=False, progress=False)
lens, other = toy("plain"), toy("exchanged", (2, 3, 0, 1))
"""


def test_the_other_model_is_chosen_in_the_window_and_clicks_end_in_both(open_notebook):
    notebook = open_notebook(TOY, "window = lens.show(); window.tab = 'compare'; window")
    window = notebook.windows.first
    expect(window.get_by_test_id("choice")).to_have_count(1)
    expect(window.get_by_test_id("choice")).to_contain_text("exchanged")
    window.get_by_test_id("choose-compare").click()
    expect(window.get_by_test_id("python-line")).to_have_text("lens.compare(other)")
    expect(window.get_by_test_id("b-knows-a")).to_contain_text("B knows A")
    window.get_by_test_id("heat-cell").first.click()
    lines = window.get_by_test_id("shared-line")
    expect(lines).to_have_count(3)
    expect(window.get_by_test_id("python-line")).to_contain_text('between("rectified", "rectified")')
    window.locator('[data-testid="shared-line"][data-ids="rectified:0 rectified:2"]').click()
    notebook.expect_value("[str(c) for c in lens.selection + other.selection]", ["rectified:0", "rectified:2"])
    notebook.run("lens.query = 'green'")
    window.locator('[data-testid="concept-row"][data-concept="green"]').click()
    expect(lines).to_have_count(1)
    expect(lines.first).to_have_attribute("data-ids", "rectified:1 rectified:3")
    window.get_by_test_id("compare-all").click()
    expect(lines).to_have_count(3)
    notebook.expect_value("lens.query", "green")
    notebook.run("lens.concepts = ['yellow', 'red']")
    expect(window.get_by_test_id("concept-row")).to_have_count(3)  # and what is searched
    notebook.run("found = lens.compare(other, name='once more')")
    expect(window.get_by_test_id("compare-bar")).to_contain_text("once more")
    window.get_by_test_id("compare-map").click()
    expect(window.get_by_test_id("overlay").get_by_test_id("map-list-row").first).to_be_visible()


def test_the_heatmap_lives_with_cells_and_shows_what_stands_behind_it(open_notebook):
    notebook = open_notebook(TOY, "heatmap = ComparisonHeatmap({'plain': lens, 'exchanged': other}); heatmap")
    window = notebook.windows.first
    expect(window.get_by_test_id("heat-row")).to_have_count(3)
    notebook.run("heatmap.concepts = ['blue', 'yellow']")
    expect(window.get_by_test_id("heat-row")).to_have_count(2)
    notebook.expect_value("lens.concepts", ["blue", "yellow"])
    window.get_by_test_id("heat-cell").nth(1).click()
    expect(window.get_by_test_id("behind-line").first).to_contain_text("rectified:0 ↔ rectified:2")
    notebook.expect_value("heatmap.cell", [0, 1])
    window.get_by_test_id("behind-line").first.click()
    notebook.expect_value("str(lens.selection[0])", "rectified:2")
    notebook.run("lens.query = 'red'")
    expect(window.get_by_test_id("heat-row")).to_have_count(3)
    window.get_by_test_id("of-models").click()
    notebook.expect_value("heatmap.of", "models")
    expect(window.get_by_test_id("heat-cell")).to_have_count(4)
