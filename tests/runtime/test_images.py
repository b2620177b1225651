import numpy as np
import pytest

from edgedet.runtime import DataError
from edgedet.runtime.images import read_image

cv2 = pytest.importorskip("cv2")


def _image(height=40, width=60):
    """Smooth, so that JPEG keeps it nearly as it is."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 4, columns * 3, rows + columns], axis=2).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
def test_an_image_comes_back(tmp_path, suffix):
    path = tmp_path / ("Bäume" + suffix)
    path.write_bytes(cv2.imencode(suffix, _image())[1].tobytes())
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, _image(), atol=25)


@pytest.mark.parametrize(
    "pixels", [np.full((9, 8), 70, np.uint8), np.full((9, 8, 4), 70, np.uint8)]
)
def test_grey_and_transparent_images_become_bgr(tmp_path, pixels):
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.full((9, 8, 3), 70))


def test_16_bit_images_become_8_bit(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((9, 8, 3), 70 * 257, np.uint16))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.full((9, 8, 3), 70))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9])
def test_an_image_cut_short_is_refused(tmp_path, suffix, part):
    noise = np.random.RandomState(0).randint(0, 256, (60, 60, 3)).astype(np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / ("a" + suffix)
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(DataError, match="a" + suffix) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_text_is_no_image(tmp_path):
    (tmp_path / "a.jpg").write_text("hello")
    with pytest.raises(DataError, match="does not decode"):
        read_image(tmp_path / "a.jpg")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.jpg"):
        read_image(str(tmp_path / "nothing.jpg"))
    with pytest.raises(DataError, match="directory"):
        read_image(tmp_path)


def _with_orientation(jpeg, orientation):
    """A JPEG with an EXIF segment that holds one tag, 0x0112 (TIFF 6.0 and EXIF 2.3)."""
    header = b"Exif\0\0MM\0*\0\0\0\x08"
    tag = b"\0\x01\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    body = header + tag + b"\0\0\0\0"
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda image: image),
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (5, lambda image: image.transpose(1, 0, 2)),
        (6, lambda image: np.rot90(image, -1)),
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_exif_orientation_is_applied(tmp_path, orientation, upright):
    jpeg = cv2.imencode(".jpg", _image())[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(_with_orientation(jpeg, orientation))
    expected = upright(_image())
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == expected.shape
    np.testing.assert_allclose(image, expected, atol=25)


def test_exif_orientation_as_pillow_writes_it(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    exif = pil.Exif()
    exif[0x0112] = 6
    pil.fromarray(_image()[..., ::-1]).save(str(tmp_path / "a.jpg"), quality=95, exif=exif)
    np.testing.assert_allclose(read_image(tmp_path / "a.jpg"), np.rot90(_image(), -1), atol=25)


def test_a_thumbnail_does_not_count_as_the_end(tmp_path):
    """An application segment may hold a whole JPEG; the image around it can still be cut."""
    data = cv2.imencode(".jpg", _image())[1].tobytes()
    segment = b"\xff\xe9" + (len(data) + 2).to_bytes(2, "big") + data
    whole = data[:2] + segment + data[2:]
    path = tmp_path / "a.jpg"
    path.write_bytes(whole)
    assert read_image(path).shape == (40, 60, 3)
    path.write_bytes(whole[:-40])
    with pytest.raises(DataError):
        read_image(path)


def test_bytes_after_the_end_do_no_harm(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(cv2.imencode(".jpg", _image())[1].tobytes() + b"\xff\xda trailer" * 100)
    assert read_image(path).shape == (40, 60, 3)


def test_progressive_and_restart_jpegs_are_whole(tmp_path):
    for options in ([cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]):
        cv2.imwrite(str(tmp_path / "a.jpg"), _image(), options)
        assert read_image(tmp_path / "a.jpg").shape == (40, 60, 3)


def test_opencv_keeps_its_own_log_level(tmp_path):
    log = getattr(cv2.utils, "logging", None)
    if log is None:
        pytest.skip("this OpenCV has no log switch")
    before = log.getLogLevel()
    with pytest.raises(DataError):
        read_image(__file__)
    assert log.getLogLevel() == before


def test_every_real_photograph_reads(shared_data):
    paths = sorted((shared_data / "det_bccd").rglob("*.jpg"))[:40]
    assert paths
    assert all(read_image(path).shape[2] == 3 for path in paths)
