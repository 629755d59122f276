"""What operators say about their conventions is measured where it can be."""

from bench.operators import make_operator


def test_operators_tell_their_conventions():
    assert make_operator("blur_gauss", (3, 64, 64), [0], std=2.0, taps=15).conventions() == {
        "kernel": "15 taps, std 2 px", "padding": "mirrored without the edge (reflect)", "DC gain": "1",
    }  # fmt: skip
    (half,) = (make_operator("blur_circular", (1, 16, 16), [0]),)
    half.transfer = half.transfer / 2
    assert half.conventions()["DC gain"] == "0.5" and half.conventions()["padding"] == "circular", (
        "measured, not declared"
    )
    assert "DC gain" not in make_operator("hdr", (3, 32, 32), [0]).conventions()
