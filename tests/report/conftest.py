"""The report of the made-up run, rendered once."""

import pytest

from tests.made_run import make_run, record, records, report


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """The made-up run with a skipped row: (its folder, the report's folder, the page, tables.csv by row)."""
    folder = tmp_path_factory.mktemp("made")
    skipped = record(
        "worse",
        0,
        psnr=0,
        image="*",
        label="needy",
        cell="n",
        key="n",
        status="skipped",
        reason="Needy needs SVD",
        y_hash=None,
    )
    make_run(folder / "run", [*records(), skipped])
    return (folder / "run", folder / "out", *report(folder / "run", folder / "out", ("md", "csv", "png")))
