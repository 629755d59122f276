"""Cards of data sets: the suite's own are complete, and a wrong entry gives one clear line."""

import pytest

from bench import data
from bench.data import DATASETS, DataError, list_datasets, load_dataset, read_card


def test_datasets_is_not_a_package():
    assert not list(DATASETS.rglob("*.py")), "a package named datasets would shadow Hugging Face's"
    assert {"fashion32", "fashion32_tune"} <= set(list_datasets())


def test_unknown_names_and_a_lost_folder(monkeypatch, tmp_path):
    with pytest.raises(
        DataError, match=r"unknown data set 'fashion23' \(did you mean 'fashion32'\?\); known: "
    ):
        load_dataset("fashion23")
    with pytest.raises(DataError, match=r"gone\.toml: No such file"):
        load_dataset(tmp_path / "gone.toml")
    monkeypatch.setattr(data, "DATASETS", tmp_path / "none")
    with pytest.raises(DataError, match="clone it"):
        load_dataset("fashion32")


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


FOLDER = {"kind": '"folder"', "folder": '"pictures"', "shape": "[3, 4, 6]"}
LISTED = {
    "kind": '"listed"',
    "collection": '"imagenet"',
    "preprocessing": '"centre_crop"',
    "shape": "[3, 256, 256]",
    "count": "2",
    "ids": '"{:05d}"',
}


@pytest.mark.parametrize(
    ("entries", "changes", "words"),
    [
        (FOLDER, {"shape": "[2, 4, 6]"}, ["shape", "1 or 3"]),
        (FOLDER, {"shape": None}, ["shape", "required"]),
        (FOLDER, {"sizes": "3"}, ["sizes", "not permitted"]),
        (FOLDER, {"kind": '"video"'}, ["kind", "'sheet', 'folder'"]),
        (FOLDER, {"shape": "[3, 4"}, ["not a TOML card"]),
        (LISTED, {"ids": None}, ["give either 'id_list' or 'ids'"]),
        (LISTED, {"ids_sha256": f'"{"0" * 64}"'}, ["make another list than the one of 'ids_sha256'"]),
        (LISTED, {"shape": "[3, 256, 128]"}, ["a centre crop is square"]),
        (LISTED, {"preprocessing": '"squash"'}, ["preprocessing", "centre_crop"]),
    ],
)
def test_a_wrong_entry_is_one_clear_line(tmp_path, entries, changes, words):
    lines = [f"{key} = {value}" for key, value in {**entries, **changes}.items() if value is not None]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        read_card(path)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in ["mine.toml", *words]), message


def test_a_card_that_names_a_list_and_pins_its_pattern_is_refused(tmp_path):
    """There is no pattern, so nothing has the hash."""
    lines = [f"{key} = {value}" for key, value in LISTED.items() if key != "ids"]
    lines += [f'ids_sha256 = "{"0" * 64}"', f'[id_list]\nfile = "a.txt"\nsha256 = "{"0" * 64}"']
    (tmp_path / "mine.toml").write_text("\n".join(lines))
    with pytest.raises(DataError, match="'ids_sha256'"):
        read_card(tmp_path / "mine.toml")
