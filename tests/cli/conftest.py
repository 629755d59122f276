"""Shared by the tests of the verbs."""

import pytest

from tests.tiny import build


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with the suite of `tests.tiny`, its images, prior and solver."""
    folder = tmp_path_factory.mktemp("tiny")
    build(folder)
    return folder
