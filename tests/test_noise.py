"""Noise: the bits are the published generator's, the numbers are normal, and each image keeps its own."""

import contextlib
import hashlib

import numpy as np
import pytest
import torch
from scipy import stats

from bench.noise import SCHEME, DrawnAhead, StreamNoise, philox_bits, stream_key
from bench.run.inputs import SampleNoise, SolverNoise

KEYS = [stream_key("test", i) for i in range(4)]
WORD = 2**64

KEY = 0x34A07845F39D9989D40DBAC8DC6DBA34
BITS = "3ca3640bf0f0dcdb6f8eb14b5b32f4a24c22df464755cfb37d99bb34dbdeb62d"
NORMALS = [
    0.17464710855880047,
    1.0876412790158112,
    -0.23458392186407534,
    0.5036409803703102,
    0.050667181791301516,
]


def philox_block(counter, key):
    """One block of Philox-4x64-10 (Salmon et al. 2011, section 3.3), in Python integers."""
    c, k = [(counter >> 64 * i) % WORD for i in range(4)], [(key >> 64 * i) % WORD for i in range(2)]
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c[0], WORD)
        high1, low1 = divmod(0xCA5A826395121157 * c[2], WORD)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B97F4A7C15) % WORD, (k[1] + 0xBB67AE8584CAA73B) % WORD]
    return c


def test_reference_block_has_the_published_answer():
    assert philox_block(0, 0) == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]


def test_bits_are_philox():
    for key, call in ((KEYS[0], 0), (KEYS[1], 3), (2**128 - 1, 2**40)):
        expected = [word for block in (1, 2, 3) for word in philox_block((call << 192) + block, key)]
        assert [int(word) for word in philox_bits(key, call, 12)] == expected


def test_golden_numbers():
    """If one of these changes, every stored result becomes another experiment: raise SCHEME with it."""
    assert SCHEME == "philox4x64-boxmuller-1"
    assert stream_key("sampler", 0, "fashion32", 7) == KEY
    assert hashlib.sha256(philox_bits(KEY, 5, 1000).tobytes()).hexdigest() == BITS
    values = StreamNoise([KEY], torch.float64).new((5,))[0]
    assert values.tolist() == pytest.approx(NORMALS, abs=1e-14)


def test_normals_are_normal():
    z = StreamNoise(KEYS, torch.float64).new((50_001,))
    for row in z.numpy():
        assert stats.kstest(row, "norm").pvalue > 1e-3
    flat = z.flatten()
    moments = [(flat**k).mean().item() for k in (1, 2, 3, 4)]
    spread = np.sqrt(np.array([1, 2, 15, 96]) / len(flat))
    assert np.all(np.abs(np.array(moments) - [0, 1, 0, 3]) < 4.5 * spread)
    half = 25_001
    pairs = torch.stack([z[:, : half - 1], z[:, half:]])
    assert abs((pairs[0] * pairs[1]).mean()) < 4.5 / pairs[0].numel() ** 0.5
    assert abs((pairs[0] ** 2 * pairs[1] ** 2).mean() - 1) < 4.5 * 8**0.5 / pairs[0].numel() ** 0.5


def test_streams_and_calls_are_uncorrelated():
    noise = StreamNoise(KEYS, torch.float64)
    draws = torch.cat([noise.new((20_000,)), noise.new((20_000,))])
    correlation = torch.corrcoef(draws) - torch.eye(8).double()
    assert correlation.abs().max() < 4.5 / 20_000**0.5


def test_uniforms():
    u = StreamNoise(KEYS, torch.float64).uniform((50_000,))
    assert u.min() >= 0 and u.max() < 1
    assert stats.kstest(u.flatten().numpy(), "uniform").pvalue > 1e-3


def test_uniforms_stay_below_one_in_any_precision(monkeypatch):
    monkeypatch.setattr(
        "bench.noise.Philox.__call__", lambda self, key, call, n: np.full(n, 2**64 - 1, dtype=np.uint64)
    )
    for dtype in (torch.float64, torch.float32, torch.float16):
        noise = StreamNoise(KEYS, dtype)
        assert noise.uniform((3,)).max() < 1
        assert noise.new((3,)).isfinite().all()


def test_an_image_does_not_see_its_batch():
    def draws(noise):
        return torch.cat([noise.new((3,)), noise.uniform((2,)), noise.new((2, 2)).flatten(1)], 1)

    together = draws(StreamNoise(KEYS))
    assert torch.equal(draws(StreamNoise(KEYS)[1:3]), together[1:3])
    assert torch.equal(draws(StreamNoise(KEYS[::-1])), together.flip(0))
    assert torch.equal(draws(StreamNoise([KEYS[2]])), together[2:3])


@pytest.mark.parametrize(
    "images", [slice(2, None), torch.tensor([3, 1]), torch.tensor([True, False, False, True])]
)
def test_some_streams_go_on_from_where_all_are_and_are_not_drawn_twice(images):
    """Also of noise that is drawn ahead, of a solver's, and of one problem's samples."""
    for make in (
        lambda: StreamNoise(KEYS),
        lambda: SolverNoise(KEYS, KEYS[::-1], torch.float64, "cpu"),
        lambda: SampleNoise(1, 2, 4, torch.float64, "cpu"),
    ):
        alone, noise, source = make(), make(), make()
        first, second, third = (alone.new((5,)) for _ in range(3))
        with DrawnAhead(source) as ahead:
            for one in (noise, ahead):
                assert torch.equal(one.new((5,)), first)
                some = one[images]
                assert torch.equal(some.new((5,)), second[images]) and len(some) == len(second[images])
                expected = second.clone()
                expected[images] = third[images]
                assert torch.equal(one.new((5,)), expected), "the others have not moved"


def test_images_are_chosen_by_slices_and_index_tensors():
    with pytest.raises(TypeError, match=r"i : i \+ 1 for one"):
        StreamNoise(KEYS)[0]


def test_a_draw_depends_on_its_call_alone():
    a, b = StreamNoise(KEYS), StreamNoise(KEYS)
    a.new((1,))
    b.new((64, 64))
    assert torch.equal(a.new((7,)), b.new((7,)))
    assert not torch.equal(a.new((7,)), a.new((7,)))
    assert a.calls.tolist() == [4] * 4


def test_delivery():
    noise = StreamNoise(KEYS, torch.float32)
    assert noise.new((1, 4, 3)).shape == (4, 1, 4, 3)
    assert noise.uniform(()).shape == (4,)
    x = torch.zeros(4, 5, dtype=torch.float64)
    assert noise.like(x).dtype == torch.float64
    exact, rounded = (StreamNoise(KEYS, dtype).new((9,)) for dtype in (torch.float64, torch.float32))
    assert torch.equal(exact.float(), rounded)


def test_keys_name_their_parts():
    assert stream_key("a", "bc") != stream_key("ab", "c")
    assert stream_key("a", 1) == stream_key("a", "1")
    assert len({stream_key("x", i) for i in range(1000)}) == 1000
    assert 0 <= stream_key("x") < 2**128


@pytest.mark.parametrize("in_thread", [True, False])
def test_noise_drawn_ahead_is_the_same_noise(in_thread):
    """Also after many draws, and where the guess is wrong: another shape, uniforms, a slice in between."""

    def draws(noise):
        for _ in range(12):
            yield noise.new((5,))
        yield noise.new((3,))
        yield noise.uniform((3,))
        yield noise[1:3].new((3,))
        yield noise.like(torch.zeros(4, 3, dtype=torch.float64))
        yield noise.new((3,))

    with DrawnAhead(SolverNoise(KEYS, KEYS[::-1], torch.float64, "cpu"), in_thread) as ahead:
        ours = list(draws(ahead))
    theirs = list(draws(SolverNoise(KEYS, KEYS[::-1], torch.float64, "cpu")))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_only_what_is_waited_for_stops_the_clock_and_draws_made_at_once_share_no_memory():
    waits = []

    @contextlib.contextmanager
    def paused():
        waits.append(1)
        yield

    with DrawnAhead(StreamNoise(KEYS, torch.float64), False, paused) as ahead:
        drawn = [ahead.new((6,)) for _ in range(8)]  # made 1, 1, 2 and 4 at once
        assert len(waits) == 4
        ahead[:1].new((6,))
        assert len(waits) == 5
    assert len({z.untyped_storage().data_ptr() for z in drawn}) == 8


def test_draws_made_at_once_are_few_where_they_are_large_and_none_where_they_vary(monkeypatch):
    """What is thrown away costs time, and what waits costs memory."""
    monkeypatch.setattr("bench.noise.AT_ONCE", 4 * len(KEYS) * 5)
    source = StreamNoise(KEYS)
    with DrawnAhead(source, in_thread=False) as ahead:
        for _ in range(9):
            ahead.new((5,))
        assert source.calls.tolist() == [1 + 1 + 2 + 4 + 4] * len(KEYS)
        for shape in ((3,), (4,), (3,), (100,), (100,), (100,)):
            ahead.new(shape)
        assert source.calls.tolist() == [9 + 6] * len(KEYS)


def test_complex_normals_are_one_draw_with_the_real_parts_first():
    like = torch.zeros(len(KEYS), 3, dtype=torch.complex128)
    noise, parts = (StreamNoise(KEYS, torch.float64) for _ in range(2))
    z, drawn = noise.like(like), parts.new((2, 3))
    assert torch.equal(z, torch.complex(drawn[:, 0], drawn[:, 1])) and (noise.calls == parts.calls).all()
