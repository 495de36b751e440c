import os
import threading

import pytest

from jdstyle.errors import InputError
from jdstyle.errors import Stopped
from jdstyle.serving import kept_lines

HEADER = ["id", "probability a", "label a"]


def row(photo_id):
    return [photo_id, "0.250000", 0]


def open_lines(path, key="12345678", header=HEADER):
    return kept_lines.open_lines(
        str(path), header, key, num_columns=3, num_photos=3
    )


def stop(path, *ids, error=KeyboardInterrupt, **options):
    """Writes the lines of some photos and is stopped."""
    with open_lines(path, **options) as lines:
        lines.write(map(row, ids))
        raise error


@pytest.fixture
def output(tmp_path):
    return tmp_path / "p.csv"


@pytest.mark.parametrize("header", [HEADER, None])
def test_goes_on_after_a_stop(tmp_path, output, header):
    output.write_text("old")
    with pytest.raises(Stopped) as stopped:
        stop(output, "a", 'b "\n', header=header)
    part = tmp_path / "p.csv.12345678.part"
    assert f"after 2 of 3 photos; their lines are in {part}." in str(
        stopped.value
    )
    assert output.read_text() == "old"
    with open_lines(output, header=header) as lines:
        assert lines.ids == {"a", 'b "\n'}
        lines.write([row("c")])
    text = "id,probability a,label a\n" if header else ""
    text += 'a,0.250000,0\n"\'b ""\\x0a",0.250000,0\nc,0.250000,0\n'
    assert output.read_text() == text
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    "half", ["c", "c,0.25", "c,0.250000,0", '"c\n', '"c\n",0.2', "ü,0.25"]
)
def test_half_a_line_is_cut_off(tmp_path, output, half):
    """As a kill leaves it, at any byte."""
    with pytest.raises(Stopped):
        stop(output, "ä", "b")
    part = tmp_path / "p.csv.12345678.part"
    whole = part.read_text()
    with open(part, "a") as file:
        file.write(half)
    with open_lines(output) as lines:
        assert lines.ids == {"ä", "b"}
        lines.write([row("c")])
    assert output.read_text() == f"{whole}c,0.250000,0\n"


def test_half_a_header_is_cut_off(tmp_path, output):
    (tmp_path / "p.csv.12345678.part").write_text("id,proba")
    with open_lines(output) as lines:
        assert not lines.ids
    assert output.read_text() == "id,probability a,label a\n"


def test_each_line_is_on_the_disk_at_once(tmp_path, output):
    with open_lines(output) as lines:
        lines.write([row("a")])
        kept = (tmp_path / "p.csv.12345678.part").read_text()
        assert kept.endswith("\na,0.250000,0\n")


def test_names_that_are_not_utf8(output):
    with pytest.raises(Stopped):
        stop(output, "a\udcff")
    with open_lines(output) as lines:
        assert lines.ids == {"a\udcff"}
    assert output.read_bytes().endswith(b"\na\xff,0.250000,0\n")


def test_failure_keeps_the_lines_as_well(tmp_path, output):
    with pytest.raises(OSError, match="full"):
        stop(output, "a", error=OSError(28, "full"))
    with open_lines(output) as lines:
        assert lines.ids == {"a"}


def test_without_a_line_nothing_is_left(tmp_path, output):
    with pytest.raises(Stopped, match="before the first line.*begins again"):
        stop(output)
    assert not list(tmp_path.iterdir())


def test_other_lines_begin_anew(tmp_path, output):
    with pytest.raises(Stopped):
        stop(output, "a", key="00000000")
    with open_lines(output) as lines:
        assert not lines.ids
    # It is of another command, which may come again.
    assert (tmp_path / "p.csv.00000000.part").exists()


def test_one_process_at_a_time(output):
    with (
        open_lines(output),
        pytest.raises(InputError, match="Another process is writing"),
        open_lines(output),
    ):
        pass
    assert output.read_text() == "id,probability a,label a\n"


def test_pipe_gets_each_line_at_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    taken, got_first = [], threading.Event()

    def read():
        with open(pipe) as file:
            for line in file:
                taken.append(line)
                if line.startswith("a"):
                    got_first.set()

    reader = threading.Thread(target=read)
    reader.start()
    with (
        pytest.raises(Stopped, match="1 of 3 photos, whose lines are written"),
        open_lines(pipe) as lines,
    ):
        lines.write([row("a")])
        assert got_first.wait(10)
        raise KeyboardInterrupt
    reader.join(10)
    assert taken[1:] == ["a,0.250000,0\n"]
    assert list(tmp_path.iterdir()) == [pipe]


def test_longest_name(tmp_path):
    output = tmp_path / ("a" * 251 + ".csv")
    with pytest.raises(Stopped):
        stop(output, "a")
    with open_lines(output):
        pass
    assert list(tmp_path.iterdir()) == [output]


def test_digest_tells_photos_settings_and_products_apart(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"1")

    def digest(settings=("Punk", False), found=(("a", str(photo)),)):
        return kept_lines.digest(str(tmp_path), list(settings), list(found))

    first = digest()
    assert first == digest() and len(first) == 8
    seen = {first, digest(("Punk", True)), digest(found=())}
    seen.add(digest(found=[("a", str(tmp_path / "missing"))]))
    photo.write_bytes(b"12")
    seen.add(digest())
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  saved_model.pb\n")
    seen.add(digest())
    assert len(seen) == 6
