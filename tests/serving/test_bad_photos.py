import pytest

from jdstyle.serving import bad_photos

BAD = [("a", "x/a.jpg", "empty file")]


def test_list_is_of_the_last_run(tmp_path):
    path = tmp_path / "new" / "errors.csv"
    bad_photos.write(path, BAD)
    assert path.read_text() == "id,path,reason\na,x/a.jpg,empty file\n"
    bad_photos.write(path, [])
    assert path.read_text() == "id,path,reason\n"


@pytest.mark.parametrize("text", ["", "mine", "id,path\n", "id,path,reasons\n"])
def test_nothing_bad_leaves_the_users_file(tmp_path, text):
    path = tmp_path / "notes.txt"
    path.write_text(text)
    bad_photos.write(path, [])
    assert path.read_text() == text


def test_nothing_bad_makes_no_file(tmp_path):
    bad_photos.write(tmp_path / "errors.csv", [])
    assert not list(tmp_path.iterdir())


def test_without_a_file_the_log_tells(log):
    bad_photos.write(None, BAD)
    assert "x/a.jpg: empty file" in log.text
