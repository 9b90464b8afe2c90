"""What the README says must run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    block = re.search(r"## Ten lines\n+```python\n(.*?)```", README, re.S)[1]
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "'ruler' found: best layer" in printed
    assert printed.rstrip().endswith("False")
    assert (tmp_path / "demo.semlens").exists()


def test_every_name_of_the_package_in_it_exists():
    import semlens_widgets as sl

    for name in set(re.findall(r"\bsl\.([A-Za-z_.]+)", README)):
        target = sl
        for part in name.rstrip(".").split("."):
            assert hasattr(target, part), f"sl.{name}"
            target = getattr(target, part)


def test_every_block_is_python_and_fits_the_width_of_the_page():
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        compile(block, "README.md", "exec")
        for line in block.splitlines():
            assert len(line) <= 110, line


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_line_of_what_it_accepts_names_the_tests_that_hold_it():
    section = re.search(r"## What it accepts\n(.*?)\n## ", README, re.S)[1]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        assert re.search(r"\[tests\]\(tests/[\w/]+\.py\)", row), row
