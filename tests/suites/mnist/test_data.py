from pathlib import Path

import numpy as np
import pytest

from odebench.errors import DataError
from suites.mnist import data

SHIPPED = Path(data.__file__).parent / "data"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the test images and labels that ODEBENCH_DATA names."""
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    monkeypatch.setenv("ODEBENCH_DATA", str(tmp_path))
    return tmp_path


def test_the_shipped_files_are_mnist(monkeypatch):
    """Shapes, types, how often each digit occurs, the first labels, and the well-known mean brightness."""
    monkeypatch.delenv("ODEBENCH_DATA", raising=False)
    train, test = data.load("train"), data.load("test")
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.images.dtype == train.labels.dtype == np.uint8
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_loaded_once_and_read_only():
    """The arrays are shared by everyone in the process, so nobody may write to them."""
    assert data.load("test").images is data.load("test").images
    with pytest.raises(ValueError, match="read-only"):
        data.load("test").images[0] = 0


@pytest.mark.usefixtures("folder")
def test_odebench_data_is_where_the_files_are_read():
    """A folder with the published files works as well as the suite's own."""
    loaded = data.load("test")
    np.testing.assert_array_equal(loaded.labels, data._load(SHIPPED, "test").labels)
    assert loaded.labels is not data._load(SHIPPED, "test").labels


def test_a_missing_file_is_named_with_its_folder_and_the_remedy(folder):
    """Nothing but the message is needed to put it right."""
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        data.load("test")
    message = str(caught.value)
    assert "t10k-labels-idx1-ubyte.gz in " + str(folder) in message
    assert "ODEBENCH_DATA" in message
    assert "\n" not in message


@pytest.mark.parametrize("damage", ["truncated", "corrupted"])
def test_a_damaged_file_is_named_with_both_digests(folder, damage):
    """A short file and one with a single changed bit are refused before they are unpacked."""
    file = folder / "t10k-images-idx3-ubyte.gz"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        data.load("test")
    message = str(caught.value)
    assert str(file) in message
    assert "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be" in message
    assert "SHA-256 is " in message
