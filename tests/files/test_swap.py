"""Folders that are links; what a kill leaves is tested with `prepare`."""

import pytest

from jdstyle.files import swap


@pytest.fixture
def link(tmp_path):
    """A link to a folder on another disk, say."""
    (tmp_path / "disk" / "old").mkdir(parents=True)
    (tmp_path / "disk" / "old" / "mine").touch()
    link = tmp_path / "link"
    link.symlink_to("disk/old")
    return link


def test_link_gives_way_and_its_folder_stays(tmp_path, link):
    with swap.replacing(str(link)):
        link.mkdir()
        (link / "new").touch()
    assert not link.is_symlink() and (link / "new").exists()
    assert (tmp_path / "disk" / "old" / "mine").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["disk", "link"]


def test_link_is_back_after_a_failure(tmp_path, link):
    with pytest.raises(OSError), swap.replacing(str(link)):
        raise OSError
    assert link.is_symlink() and (link / "mine").exists()


def test_removes_a_link_alone(tmp_path, link):
    swap.remove(str(link))
    assert not link.is_symlink()
    swap.remove(str(tmp_path / "disk"))
    assert not list(tmp_path.iterdir())
