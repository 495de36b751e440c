import pytest

from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.serving import evaluation


def test_results_of_a_run_are_not_written_over(tmp_path):
    """Both are called results.json."""
    (tmp_path / directory.FLAGS_FILE).write_text("--style=Punk")
    (tmp_path / directory.RESULTS_FILE).write_text("{}")
    with pytest.raises(InputError, match="holds a run, whose results.json"):
        evaluation.evaluate("saved_model", None, "test", str(tmp_path))
    assert (tmp_path / directory.RESULTS_FILE).read_text() == "{}"
