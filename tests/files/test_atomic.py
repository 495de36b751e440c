import pytest

from jdstyle.files import atomic


def test_takes_the_place_of_the_older_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with atomic.aside(path, newline="") as file:
        file.write("ü\r\n")
        assert path.read_text() == "old"
    assert path.read_bytes() == "ü\r\n".encode()
    with atomic.aside(path, "wb") as file:
        file.write(b"\xff")
    assert path.read_bytes() == b"\xff"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_failure_leaves_the_older_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(type(error)), atomic.aside(path) as file:
        file.write("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
