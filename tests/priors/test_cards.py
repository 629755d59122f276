"""Cards of priors: the suite's own are complete, and a wrong entry gives one clear line."""

import hashlib
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.priors import PriorError, list_priors, load_prior, read_card
from bench.priors.unet import build_unet
from tests.tiny import ARCHITECTURE, PRIOR


def test_cards_say_where_they_come_from():
    for name in list_priors():
        card, path = read_card(name)
        assert card.name == path.stem == name
        text = path.read_text()
        assert "licence = " in text and "parameters = " in text
        assert card.urls or (path.parent / card.file).exists()


def random_network(**changes):
    torch.manual_seed(0)
    network = build_unet(**ARCHITECTURE | changes)
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.05)
    return network


def write_card(folder, state, channels=1):
    save_file(state, folder / "tiny.safetensors")
    sha256 = hashlib.sha256((folder / "tiny.safetensors").read_bytes()).hexdigest()
    (folder / "tiny.toml").write_text(PRIOR.format(sha256=sha256, channels=channels))
    return str(folder / "tiny.toml")


def test_schedule_and_heads_are_part_of_the_identity(tmp_path):
    """Neither changes the shape of a weight, both change what the network says."""
    card = Path(write_card(tmp_path, random_network().state_dict()))
    text, identities = card.read_text(), set()
    for old, new in [
        ("", ""),
        ("beta_max = 2e-2", "beta_max = 3e-2"),
        ("num_head_channels = 32", "num_head_channels = 16"),
    ]:
        card.write_text(text.replace(old, new))
        prior = load_prior(str(card))
        identities.add((prior.weights_sha256, prior.config_sha256))
    assert len(identities) == 3
    card.write_text(text.replace("2e-2", "0.02"))
    prior = load_prior(str(card))
    assert (prior.weights_sha256, prior.config_sha256) in identities


def test_files_that_are_not_what_the_card_says_are_refused(tmp_path):
    state = random_network().state_dict()
    card = write_card(tmp_path, state)
    assert load_prior(card).shape == (1, 16, 16)
    with pytest.raises(
        PriorError, match=r"'input_blocks.0.0.weight' has shape \(32, 1, 3, 3\), expected \(32, 3, 3, 3\)"
    ):
        load_prior(write_card(tmp_path, state, channels=3))
    first = next(iter(state))
    with pytest.raises(PriorError, match=f"'{re.escape(first)}' is missing"):
        load_prior(write_card(tmp_path, {k: v for k, v in state.items() if k != first}))
    with pytest.raises(PriorError, match="unknown entry 'extra'"):
        load_prior(write_card(tmp_path, {**state, "extra": torch.zeros(1)}))
    with pytest.raises(
        PriorError, match=f"'{re.escape(first)}' holds torch.int8 in place of floating point weights"
    ):
        load_prior(write_card(tmp_path, {**state, first: state[first].to(torch.int8)}))
    card = write_card(tmp_path, state)
    with (tmp_path / "tiny.safetensors").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(PriorError, match="sha256"):
        load_prior(card)
    (tmp_path / "tiny.safetensors").unlink()
    with pytest.raises(PriorError, match="missing"):
        load_prior(card)
    with pytest.raises(PriorError, match="did you mean 'fashion32'"):
        load_prior("fasion32")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "tiny"', "", "tiny.toml: 'name': Field required; "),
        ('file = "', 'flie = "', "tiny.toml: 'file': Field required; "),
        ("[schedule]", "[schedul]", "tiny.toml: 'schedule': Field required; "),
        (
            "[schedule]",
            "width = 3\n[schedule]",
            "tiny.toml: 'architecture.width': Extra inputs are not permitted; ",
        ),
        (
            "image_size = 16",
            "image_size = 16.5",
            "tiny.toml: 'architecture.image_size': Input should be a valid integer",
        ),
        ("num_head_channels = 32", "num_head_channels = 7", "tiny.toml: 'architecture': cannot be built: "),
        ("beta_max = 2e-2", "beta_max = 2", "tiny.toml: 'schedule.beta_max': Input should be less than 1"),
        ("[schedule]", "[schedule", "tiny.toml: not a valid card: "),
    ],
)
def test_bad_cards_are_one_line(tmp_path, old, new, message):
    card = Path(write_card(tmp_path, random_network().state_dict()))
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises(PriorError, match=re.escape(message)) as error:
        load_prior(str(card))
    assert len(str(error.value).splitlines()) == 1


def test_a_card_that_is_not_there_is_no_list_of_names(tmp_path):
    """Who gives a path wants to hear of the path, not which names there are."""
    with pytest.raises(PriorError, match=r"unknown prior '.*mine.toml': no such file$"):
        read_card(str(tmp_path / "mine.toml"))
    with pytest.raises(PriorError, match=r"unknown prior 'fashon32' \(did you mean 'fashion32'"):
        read_card("fashon32")
