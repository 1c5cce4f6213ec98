import pytest

from experiments.report import ROOT, parts


@pytest.mark.parametrize(("document", "name", "text"), parts())
def test_a_page_shows_what_the_results_files_hold(document, name, text):
    label = f"{document.relative_to(ROOT)}: {name}; run experiments/report.py"
    assert f"<!-- {name} -->\n{text}\n<!-- /{name} -->" in document.read_text(), label
