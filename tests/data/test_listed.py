"""Photographs: preprocessing to the last bit, public collections in every layout that people have, lists,
folders of images."""

import hashlib
import threading
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import skimage
from click.testing import CliRunner
from PIL import Image

from bench.cli import cli
from bench.data import DATASETS, DataError, ListUnavailable, fetch_list, load_dataset, read_card
from bench.data.preprocessing import centre_crop, prepare
from bench.records.journal import read_records
from tests.tiny import build

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
VARIABLES = ("BENCH_DATA", "BENCH_IMAGENET", "BENCH_FFHQ", "BENCH_FREEFORM_MASKS", "BENCH_BKSE")


def bench(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture(autouse=True)
def fresh_machine(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))


# An independent resampler: separable, antialiased, in 22-bit fixed point with 8 bits in between, which is
# what Pillow does.


def box(t):
    return 1.0 * ((t > -0.5) & (t <= 0.5))


def cubic(t, a=-0.5):
    t = np.abs(t)
    inner, outer = ((a + 2) * t - (a + 3)) * t * t + 1, (((t - 5) * t + 8) * t - 4) * a
    return np.where(t < 1, inner, np.where(t < 2, outer, 0))


def weights(n_in, n_out, kernel, radius):
    """(n_out, n_in), integers in float64, which holds their sums with 8-bit pixels exactly."""
    scale = n_in / n_out
    width = max(scale, 1.0)
    rows = np.zeros((n_out, n_in))
    for k in range(n_out):
        centre = (k + 0.5) * scale
        a, b = max(int(centre - radius * width + 0.5), 0), min(int(centre + radius * width + 0.5), n_in)
        w = kernel((np.arange(a, b) - centre + 0.5) / width)
        w = w / w.sum() * 2**22
        rows[k, a:b] = np.trunc(w + np.where(w < 0, -0.5, 0.5))
    return rows


def resample(x, size, kernel, radius):
    """(H, W, C) uint8 -> (h, w, C) uint8; first along rows, then along columns."""
    for axis, n in ((1, size[0]), (0, size[1])):
        if x.shape[axis] != n:
            summed = (
                np.tensordot(weights(x.shape[axis], n, kernel, radius), x.astype(float), (1, axis)) + 2**21
            )
            x = np.clip(np.floor(np.moveaxis(summed, 0, axis) / 2**22), 0, 255).astype(np.uint8)
    return x


def reference(x, side):
    """The definition, on an array."""
    while min(x.shape[:2]) >= 2 * side:
        x = resample(x, (x.shape[1] // 2, x.shape[0] // 2), box, 0.5)
    h, w, _ = x.shape
    h, w = (round(Fraction(length * side, min(h, w))) for length in (h, w))
    x = resample(x, (w, h), cubic, 2.0)
    return x[(h - side) // 2 :][:side, (w - side) // 2 :][:, :side]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("astronaut.png", None),  # 512 x 512: halved once, then nothing is left to do
        ("astronaut.png", (511, 512)),  # not halved
        ("astronaut.png", (512, 511)),
        ("chelsea.png", None),  # 451 x 300
        ("coffee.png", (400, 599)),  # portrait
        ("hubble_deep_field.jpg", None),  # 1000 x 872: odd sides after halving
        ("hubble_deep_field.jpg", (1000, 533)),  # 533 is odd before it
        ("retina.jpg", (1024, 1024)),  # FFHQ's own size: twice halved
        ("retina.jpg", None),  # 1411 x 1411
        ("chelsea.png", (200, 150)),  # enlarged
        ("rocket.jpg", (258, 256)),
        ("rocket.jpg", (256, 257)),
    ],
)
def test_preprocessing_is_the_definition_to_the_last_bit(name, size):
    with Image.open(PHOTOGRAPHS / name) as image:
        image = image.convert("RGB")
    image = image.crop((0, 0, *size)) if size else image
    ours = np.asarray(centre_crop(image, 256))
    assert ours.shape == (256, 256, 3)
    np.testing.assert_array_equal(ours, reference(np.asarray(image), 256))


def test_modes_are_converted_as_pillow_does_and_exif_is_ignored(tmp_path):
    with Image.open(PHOTOGRAPHS / "chelsea.png") as image:
        photo = image.convert("RGB")
    path, exif = tmp_path / "x.jpg", Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    photo.save(path, exif=exif, quality=95)
    with Image.open(path) as image:
        stored = np.asarray(image)
    assert stored.shape == (300, 451, 3)
    np.testing.assert_array_equal(prepare(path, (3, 256, 256)), reference(stored, 256))

    photo.convert("L").save(path)
    grey = prepare(path, (3, 256, 256))
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 0] == grey[..., 2]).all()
    np.testing.assert_array_equal(prepare(path, (1, 256, 256)), grey[..., 0])

    photo.convert("CMYK").save(path, quality=95)
    assert np.abs(prepare(path, (3, 256, 256)).astype(int) - reference(np.asarray(photo), 256)).mean() < 6

    for mode in ("P", "RGBA"):
        photo.convert(mode).save(tmp_path / "x.png")
        with Image.open(tmp_path / "x.png") as image:
            expected = reference(np.asarray(image.convert("RGB")), 256)
        np.testing.assert_array_equal(prepare(tmp_path / "x.png", (3, 256, 256)), expected)

    Image.fromarray(np.full((300, 300), 40000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png: colour mode is I;16, more than 8 bits"):
        prepare(tmp_path / "deep.png", (3, 256, 256))


# Synthetic collections, with lists that the tests' cards pin.

WNIDS = ("n01440764", "n02110958", "n03018349")
SIZES = {
    1: (400, 300),
    2: (255, 400),
    3: (256, 256),
    4: (530, 300),
    5: (300, 200),
    7: (640, 1100),
    9: (300, 260),
}
"""Number -> width and height; 2 and 5 are too small for the rule."""
LINES = [f"{WNIDS[1]}/ILSVRC2012_val_00000007.JPEG 1", f"{WNIDS[2]}/ILSVRC2012_val_00000002.JPEG 2"]
LIST = "\n".join(LINES)
RULED = [f"{WNIDS[k % 3]}/ILSVRC2012_val_{k:08}.JPEG {k % 3}" for k in (1, 3, 4, 7)]


def imagenet(folder, flat=False):
    """Some validation images, each of one colour with a little noise, number k in class k % 3."""
    rng = np.random.default_rng(0)
    for k, (w, h) in SIZES.items():
        place = folder if flat else folder / WNIDS[k % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(20 * k, 20 * k + 8, (h, w, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"ILSVRC2012_val_{k:08}.JPEG", quality=90)
    return folder


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def card(folder, name="mine", text=LIST, count=2, collection="imagenet", **more):
    """A card and, beside it, no list."""
    lines = [
        f'kind = "listed"\ncollection = "{collection}"\nshape = [3, 256, 256]\npreprocessing = "centre_crop"\ncount = {count}'
    ]
    if text is None:
        lines += [f"{key} = {value}" for key, value in more.items()]
    else:
        entries = {"file": f'"{name}.txt"', "sha256": f'"{sha256(text)}"'} | more
        lines += ["[id_list]", *(f"{key} = {value}" for key, value in entries.items())]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines))
    return path


def with_list(path, text=LIST):
    path.with_suffix(".txt").write_text(text)
    return path


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("below", ["", "val", "imagenet/val", "ILSVRC/Data/CLS-LOC/val"])
def test_imagenet_in_every_layout(tmp_path, flat, below):
    imagenet(tmp_path / "root" / below, flat)
    ds = load_dataset(with_list(card(tmp_path)), tmp_path / "root")
    assert ds.ids == ["ILSVRC2012_val_00000007", "ILSVRC2012_val_00000002"], "in the order of the list"
    assert ds.labels == {"ILSVRC2012_val_00000007": 1, "ILSVRC2012_val_00000002": 2}
    x = ds.image("ILSVRC2012_val_00000007")
    assert x.shape == (3, 256, 256) and abs(float(x.mean()) - (143.5 / 127.5 - 1)) < 0.02
    assert (ds.name, ds.shape, ds.class_names) == ("mine", (3, 256, 256), None)


def test_the_order_of_the_ways_to_name_the_folder(tmp_path, monkeypatch):
    mine, good, bad = with_list(card(tmp_path)), imagenet(tmp_path / "good", flat=True), tmp_path / "bad"
    bad.mkdir()
    with pytest.raises(
        DataError, match=r"mine: no folder is given for the validation images of ImageNet .* BENCH_IMAGENET"
    ):
        load_dataset(mine)
    for first, second in (("BENCH_IMAGENET", "BENCH_DATA"), ("BENCH_DATA", None)):
        monkeypatch.setenv(first, str(good))
        if second:
            monkeypatch.setenv(second, str(bad))
        assert load_dataset(mine).place == good
        monkeypatch.delenv(first)
    monkeypatch.setenv("BENCH_IMAGENET", str(bad))
    assert load_dataset(mine, good).place == good
    monkeypatch.setenv("BENCH_IMAGENET", str(tmp_path / "none"))
    with pytest.raises(DataError, match="BENCH_IMAGENET: no folder"):
        load_dataset(mine)


def test_missing_images_are_counted_and_a_damaged_one_is_named(tmp_path):
    mine, root = with_list(card(tmp_path)), imagenet(tmp_path / "val")
    (root / WNIDS[1] / "ILSVRC2012_val_00000007.JPEG").rename(tmp_path / "away")
    with pytest.raises(
        DataError, match=r"mine: .*/cards has none of 2 images, looked for as n02110958/ILSVRC2012_"
    ):
        load_dataset(mine, card(tmp_path / "cards").parent)
    with_list(card(tmp_path, text="\n".join(RULED), count=4), "\n".join(RULED))
    with pytest.raises(
        DataError,
        match=r"mine: 1 of 4 images are missing, the first is .*00000007\.JPEG; complete the folder",
    ):
        load_dataset(mine, root)
    assert load_dataset(mine, root, most=3).ids == [f"ILSVRC2012_val_{k:08}" for k in (1, 3, 4)], (
        "three need no fourth"
    )
    (tmp_path / "away").rename(root / WNIDS[1] / "ILSVRC2012_val_00000007.JPEG")
    ds = load_dataset(mine, root)
    ds.files["ILSVRC2012_val_00000001"].write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"00000001\.JPEG: not a readable image"):
        ds.image_sha256("ILSVRC2012_val_00000001")


def test_images_are_looked_up_without_a_search(tmp_path):
    """The whole validation set has 50,000."""

    class Unsearchable(list):
        __contains__ = None

    ds = load_dataset(with_list(card(tmp_path)), imagenet(tmp_path / "val"))
    ds.ids = Unsearchable(ds.ids)
    assert ds.pixels("ILSVRC2012_val_00000002").shape == (3, 256, 256)
    with pytest.raises(
        DataError, match="has no image 'other'; it has ILSVRC2012_val_00000007 to ILSVRC2012_val_00000002"
    ):
        ds.pixels("other")


def test_hashes_are_of_the_prepared_pixels(tmp_path):
    ds = load_dataset(with_list(card(tmp_path)), imagenet(tmp_path / "val"))
    with Image.open(tmp_path / "val" / WNIDS[1] / "ILSVRC2012_val_00000007.JPEG") as image:
        expected = reference(np.asarray(image), 256).transpose(2, 0, 1)
    assert ds.image_sha256("ILSVRC2012_val_00000007") == hashlib.sha256(expected.tobytes()).hexdigest()
    np.testing.assert_allclose(ds.image("ILSVRC2012_val_00000007"), expected / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("below", ["", "images1024x1024", "ffhq/images256x256"])
@pytest.mark.parametrize("thousands", [False, True])
def test_ffhq_in_every_layout(tmp_path, below, thousands):
    for k, side in ((999, 1024), (1000, 256)):
        place = tmp_path / "root" / below / (f"{k // 1000 * 1000:05}" if thousands else "")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, side), (k % 256, 0, 0)).save(place / f"{k:05}.png")
    mine = card(tmp_path, text=None, collection="ffhq", ids='"{:05d}"', first="999")
    ds = load_dataset(mine, tmp_path / "root")
    assert ds.ids == ["00999", "01000"] and ds.labels is None
    assert [int(ds.pixels(name)[0, 7, 7]) for name in ds.ids] == [999 % 256, 1000 % 256]
    Image.new("RGB", (128, 128)).save(ds.files["00999"])
    with pytest.raises(
        DataError, match=r"00999\.png: size is 128 x 128 px, it should be 1024 x 1024 or 256 x 256"
    ):
        load_dataset(mine, tmp_path / "root").image("00999")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda c: c.with_suffix(".txt").unlink(),
            "its list mine.txt is not in .*fetch lists .*mine.toml` gets it",
        ),
        (lambda c: c.with_suffix(".txt").write_text("other"), "sha256 is .* the card says"),
        (lambda c: with_list(card(c.parent, text="x y z"), "x y z"), r"mine\.txt:1: 'x y z' is not"),
        (lambda c: card(c.parent, count=3), "2 entries, the card says 3"),
        (lambda c: card(c.parent, text=None), "either 'id_list' or 'ids'"),
        (
            lambda c: card(c.parent, text=None, ids='"{:05d}"', ids_sha256=f'"{"0" * 64}"'),
            "another list than .*'ids_sha256'",
        ),
        (lambda c: c.write_text(c.read_text().replace("256, 256", "256, 128")), "a centre crop is square"),
        (
            lambda c: c.write_text(c.read_text().replace("centre_crop", "squash")),
            "'listed.preprocessing'|'preprocessing'",
        ),
    ],
)
def test_a_bad_list_or_card_is_one_clear_line(tmp_path, spoil, words):
    mine = with_list(card(tmp_path))
    spoil(mine)
    with pytest.raises(DataError, match=words) as caught:
        load_dataset(mine, imagenet(tmp_path / "val"))
    assert "\n" not in str(caught.value)


def test_the_cards_of_the_suite_pin_their_lists():
    facts = {
        "imagenet_dgp1k": (1000, "03db0aa086dd"),
        "imagenet_palette10k": (10000, "08e2c05ce8c2"),
        "imagenet_palette5k": (5000, "8bb922070177"),
        "imagenet_mcg1k": (1000, "609af4a79d01"),
    }
    for name, (count, digest) in facts.items():
        found = read_card(DATASETS / f"{name}.toml")
        assert found.count == count and found.id_list.sha256.startswith(digest) and found.id_list.urls
    # As `seq -f %05g 0 999 | sha256sum` prints it.
    for name, first, digest in (("ffhq_1k", 0, "d890a25b4c67"), ("ffhq_val1k", 63000, "963fec65c146")):
        found = read_card(DATASETS / f"{name}.toml")
        assert (found.first, found.count, found.ids.format(7)) == (first, 1000, "00007")
        assert found.ids_sha256.startswith(digest)


# Fetching lists.


@pytest.fixture
def server(tmp_path):
    """Serves a folder on this machine: (folder, address, requested paths)."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    httpd.server_close()


def test_a_list_is_downloaded_from_the_first_place_that_has_the_right_one_once(tmp_path, server):
    folder, address, asked = server
    (folder / "wrong.txt").write_text("something else")
    (folder / "right.txt").write_text(LIST)
    urls = [f"{address}/{name}.txt" for name in ("gone", "wrong", "right")]
    mine = card(tmp_path / "cards", urls=urls)
    target = tmp_path / "home" / "lists" / "mine.txt"
    assert fetch_list(mine) == target and target.read_text() == LIST
    assert len(asked) == 3 + 1, "one line more for the error"
    assert fetch_list(mine) == target and len(asked) == 4, "it is there"
    target.write_text("damaged")
    with pytest.raises(DataError, match=r"remove it, then `python -m bench fetch lists"):
        load_dataset(mine, imagenet(tmp_path / "val"))
    assert fetch_list(mine) == target and target.read_text() == LIST
    assert [path.name for path in target.parent.iterdir()] == ["mine.txt"], "no drafts are left"


def test_a_list_from_a_server_that_does_not_say_how_long_it_is(tmp_path, server, monkeypatch):
    folder, address, _ = server
    (folder / "mine.txt").write_text(LIST)
    header = SimpleHTTPRequestHandler.send_header
    monkeypatch.setattr(
        SimpleHTTPRequestHandler,
        "send_header",
        lambda self, *pair: None if pair[0] == "Content-Length" else header(self, *pair),
    )
    assert fetch_list(card(tmp_path / "cards", urls=[f"{address}/mine.txt"])).read_text() == LIST


def test_a_list_that_cannot_be_had_says_why_for_each_way(tmp_path, server):
    folder, address, _ = server
    (folder / "wrong.txt").write_text("something else")
    mine = card(tmp_path / "cards", urls=[f"{address}/gone.txt", f"{address}/wrong.txt"], min_side=256)
    with pytest.raises(ListUnavailable) as caught:
        fetch_list(mine, imagenet(tmp_path / "flat", flat=True))
    for words in ("no folders named by class", "404", "sha256 is", "--from FILE"):
        assert words in str(caught.value)
    assert str(caught.value).count("/gone.txt") == 1, "each address once, with its reason"
    assert not (tmp_path / "home").exists()


def test_a_list_from_a_local_file(tmp_path):
    mine, copy = card(tmp_path / "cards"), tmp_path / "download"
    copy.mkdir()
    (copy / "mine.txt").write_text(LIST)
    for source in (copy, copy / "mine.txt"):
        target = fetch_list(mine, source=source)
        assert target.read_text() == LIST
        target.unlink()
    (copy / "mine.txt").write_text("other")
    with pytest.raises(ListUnavailable, match=r"mine\.txt: sha256 is"):
        fetch_list(mine, source=copy)
    assert not target.exists()


@pytest.mark.parametrize("newline", ["", "\n"])
def test_lists_by_rule(tmp_path, newline):
    """The first four images by number with 256 px on each side; then the first two of them. Published files
    end either way."""
    text = "\n".join(RULED) + newline
    mine = card(tmp_path / "cards", text=text, count=4, min_side=256)
    root = imagenet(tmp_path / "data" / "imagenet" / "val").parents[1]
    assert fetch_list(mine, root).read_text() == text
    half = card(tmp_path / "cards", "half", "\n".join(RULED[:2]) + newline, 2, head_of='"mine"')
    assert fetch_list(half).read_text() == "\n".join(RULED[:2]) + newline
    assert load_dataset(half, root).ids == [f"ILSVRC2012_val_{k:08}" for k in (1, 3)]
    more = card(tmp_path / "cards", "more", text, 6, min_side=256)
    with pytest.raises(ListUnavailable, match="has 5 images with at least 256 px on each side, the list 6"):
        fetch_list(more, root)
    (root / "imagenet" / "val" / "n00000001").mkdir()
    (tmp_path / "home" / "lists" / "mine.txt").unlink()
    with pytest.raises(ListUnavailable, match="by its rule from the user's folder: sha256 is"):
        fetch_list(mine, root)


def test_fetch_on_the_command_line(tmp_path, monkeypatch):
    mine = card(tmp_path / "cards")
    (tmp_path / "copy.txt").write_text(LIST)
    done = bench("fetch", "lists", mine, "--from", tmp_path / "copy.txt")
    assert done.exit_code == 0 and done.stdout == f"{mine}: {tmp_path}/home/lists/mine.txt\n", done.output
    unknown = bench("fetch", "lists", "--from", tmp_path / "copy.txt")
    assert unknown.exit_code == 1 and "is not that of any known list; known: imagenet_dgp1k" in unknown.stderr
    (tmp_path / "empty").mkdir()
    lost = bench("fetch", "lists", "--from", tmp_path / "empty")
    assert lost.exit_code == 1 and lost.stderr.count("cannot be had") == 4
    assert "no list to fetch" in bench("fetch", "lists", "fashion32").stderr
    assert "did you mean 'imagenet_mcg1k'?" in bench("fetch", "lists", "imagenet_mcg").stderr


def test_doctor_on_a_fresh_machine_and_by_name(tmp_path, monkeypatch):
    result = bench("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    start = {line.split(":")[0].split(maxsplit=1)[1]: line for line in lines}
    assert start["data set fashion32"].startswith("ok      data set fashion32: 256 of 256 images")
    dgp = start["data set imagenet_dgp1k"]
    assert (
        dgp.startswith("missing")
        and "`python -m bench fetch lists imagenet_dgp1k`" in dgp
        and "--data-root DIR" in dgp
    )
    assert start["prior fashion32"].startswith("ok") and "fetch metrics" in start["metric network inception"]
    assert (
        "BENCH_FREEFORM_MASKS" in start["operator inpaint_freeform"]
        and "GOPRO_wVAE.pth" in start["operator blur_nonlinear"]
    )
    assert {"devices", "versions", "cache"} <= start.keys()

    assert bench("doctor", "fashion32").exit_code == 0
    missing = bench("doctor", "ffhq_1k", "fashion32")
    assert missing.exit_code == 1 and len(missing.stdout.splitlines()) == 3, (
        "a data set, and a data set and a prior"
    )
    unknown = bench("doctor", "ffhq")
    assert unknown.exit_code == 2 and "unknown 'ffhq' (did you mean 'ffhq_1k'?)" in unknown.stderr

    mine = with_list(card(tmp_path / "cards"))
    found = bench("doctor", mine, "--data-root", imagenet(tmp_path / "val"))
    assert found.exit_code == 0 and f"2 of 2 images in {tmp_path}/val; the list is the card's" in found.stdout
    with_list(mine, "other")
    assert bench("doctor", mine, "--data-root", tmp_path / "val").stdout.startswith("wrong")
    monkeypatch.setenv("BENCH_BKSE", str(tmp_path / "none"))
    assert bench("doctor", "blur_nonlinear").stdout.startswith("wrong   operator blur_nonlinear: no file")


# Folders of images without a card.


def photographs(folder):
    (folder / "sub").mkdir(parents=True)
    for name, size in (("b.png", (40, 31)), ("sub/a.jpg", (16, 20)), ("sub/B.PNG", (33, 64))):
        Image.effect_noise(size, 60).convert("RGB").save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_is_a_data_set_named_by_its_content(tmp_path):
    folder = photographs(tmp_path / "photos")
    ds = load_dataset(folder, shape=(1, 16, 16))
    assert ds.ids == ["b", "sub/B", "sub/a"] and ds.name == f"photos-{ds.card_sha256[:8]}"
    with Image.open(folder / "b.png") as image:
        expected = reference(np.asarray(image.convert("L"))[..., None], 16)
    np.testing.assert_array_equal(ds.pixels("b")[0], expected[..., 0])
    assert load_dataset(folder, shape=(3, 16, 16)).image("b").shape == (3, 16, 16)
    Image.new("L", (16, 16)).save(folder / "b.png")
    assert load_dataset(folder, shape=(1, 16, 16)).name != ds.name
    Image.new("L", (16, 16)).save(folder / "b.jpg")
    with pytest.raises(DataError, match="differ in the suffix only"):
        load_dataset(folder, shape=(1, 16, 16))
    with pytest.raises(DataError, match="no PNG or JPEG"):
        load_dataset(card(tmp_path / "cards").parent, shape=(1, 16, 16))


def test_images_dir_from_end_to_end(tmp_path):
    (tmp_path / "world").mkdir()
    suite, folder, out = build(tmp_path / "world"), photographs(tmp_path / "photos"), tmp_path / "run"
    args = ["run", "--suite", suite, "--out", out, "--solver", "pinv", "--task", "box", "--progress", "none"]
    done = bench(*args, "--images-dir", folder)
    assert done.exit_code == 0, done.stderr
    records = read_records(out)[0]
    ds = load_dataset(folder, shape=(1, 16, 16))
    assert [r.image for r in records] == ds.ids and {r.dataset for r in records} == {ds.name}, (
        "three, though the suite takes four"
    )
    assert {r.image: r.image_sha256 for r in records} == {name: ds.image_sha256(name) for name in ds.ids}
    assert (out / "report" / "report.md").is_file()
    Image.new("L", (20, 20), 77).save(folder / "b.png")
    assert bench(*args, "--images-dir", folder).exit_code == 0
    assert len(read_records(out)[0]) == 6, "another content, another data set: nothing is mixed"
    few = bench(*args, "--images-dir", folder, "--images", 9)
    assert few.exit_code == 2 and "asks for 9 images" in few.stderr
    both = bench(*args, "--images-dir", folder, "--dataset", "fashion32")
    assert both.exit_code == 2 and "exclude each other" in both.stderr


def test_a_listed_data_set_runs_from_the_command_line(tmp_path):
    """The prior is for 16 px, the card too; the root comes from the option."""
    (tmp_path / "world").mkdir()
    suite, mine = build(tmp_path / "world"), with_list(card(tmp_path / "cards"))
    mine.write_text(mine.read_text().replace("[3, 256, 256]", "[1, 16, 16]"))
    args = [
        "run",
        "--suite",
        suite,
        "--out",
        tmp_path / "run",
        "--solver",
        "pinv",
        "--task",
        "box",
        "--progress",
        "none",
    ]
    done = bench(
        *args, "--dataset", mine, "--images", 2, "--data-root", imagenet(tmp_path / "val"), "--no-report"
    )
    assert done.exit_code == 0, done.stderr
    assert [r.image for r in read_records(tmp_path / "run")[0]] == [
        "ILSVRC2012_val_00000007",
        "ILSVRC2012_val_00000002",
    ]
    (tmp_path / "val" / WNIDS[2] / "ILSVRC2012_val_00000002.JPEG").unlink()
    for images, code in ((1, 0), (2, 2)):
        some = bench(
            *args, "--dataset", mine, "--images", images, "--data-root", tmp_path / "val", "--no-report"
        )
        assert some.exit_code == code, "the first image needs no second"
    lost = bench(*args, "--dataset", mine, "--images", 2)
    assert lost.exit_code == 2 and "no folder is given" in lost.stderr
