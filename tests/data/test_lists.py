"""Lists of images: found, derived and fetched, and refused unless they are the card's."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.data import DataError, ListUnavailable, fetch_list, load_dataset
from tests.collections_of_images import LIST, RULED, card, imagenet, with_list


def bench(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


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
    ],
)
def test_a_bad_list_is_one_clear_line(tmp_path, spoil, words):
    mine = with_list(card(tmp_path))
    spoil(mine)
    with pytest.raises(DataError, match=words) as caught:
        load_dataset(mine, imagenet(tmp_path / "val"))
    assert "\n" not in str(caught.value)


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
