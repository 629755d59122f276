"""What searches found and would do, in words."""

from pathlib import Path
from types import SimpleNamespace

from bench.tune.objectives import objectives
from bench.tune.outlook import Outlook
from bench.tune.search import Candidate, CandidateScore, Found, Told
from bench.tune.tables import candidates_csv, found_lines, outlook_lines, progress_line
from bench.tune.trials import Size

ASKED = SimpleNamespace(
    name="dps, masks",
    label="dps",
    folder=Path("x"),
    family=SimpleNamespace(
        name="masks", tasks=[SimpleNamespace(name="a"), SimpleNamespace(name="b")], dataset="d", prior="p"
    ),
    options=SimpleNamespace(dtype="float32"),
    steps=100,
    chosen=objectives(["psnr", "psnr-misfit"]),
    evaluations=1000,
    size=Size(16, 32, 1, 0),
)
SEARCH = "steps=100 images=16 samples=1 seed=0 dataset=d prior=p tasks=a+b dtype=float32 "
SEARCH += "objectives=psnr+psnr-misfit"
BEST = Candidate(
    Told({}, (CandidateScore(20.5), CandidateScore(20.5, 0.2))),
    {"zeta": 3},
    300,
    (CandidateScore(19.75), CandidateScore(19.75, 0.1)),
)
LOST = Candidate(Told({}, (CandidateScore(None), CandidateScore(None))), {"zeta": 30}, 300)
FOUND = Found([BEST, LOST], ["zeta: 1 .. 10 widened to 1 .. 18"], [BEST, None])


def test_an_outcome_says_what_was_spent_and_found():
    assert found_lines(ASKED, FOUND) == [
        "dps, masks: 2 candidates, 600 of 1000 evaluations",
        "  psnr         19.75 on fresh images, 20.5 when chosen: zeta=3",
        "  psnr-misfit  every candidate lost an image",
        "  zeta: 1 .. 10 widened to 1 .. 18",
    ]
    fits = Found([BEST], [], [BEST, BEST])
    assert found_lines(ASKED, fits)[2].endswith("zeta=3 (misfit above its limit by 0.1)")
    assert found_lines(ASKED, Found(refusal="it is linear")) == ["dps, masks: not tuned: it is linear"]
    failed = Found(failure="dps, masks: a budget of 5 is below one candidate")
    assert found_lines(ASKED, failed) == ["dps, masks: not tuned: a budget of 5 is below one candidate"]
    assert progress_line(ASKED, FOUND) == (
        "dps, masks: 2 candidates, 600 of 1000 evaluations; best psnr 20.5, psnr-misfit 20.5"
    )
    assert progress_line(ASKED, Found([LOST])).endswith("; best -")


def test_the_table_has_every_candidate():
    assert candidates_csv([(ASKED, FOUND)]).splitlines() == [
        "method,family,search,candidate,settings,evaluations,objective,score,fresh,chosen",
        f"dps,masks,{SEARCH},1,zeta=3,300,psnr,20.5,19.75,<",
        f"dps,masks,{SEARCH},1,zeta=3,300,psnr-misfit,20.5,19.75,",
        f"dps,masks,{SEARCH},2,zeta=30,300,psnr,-,,",
        f"dps,masks,{SEARCH},2,zeta=30,300,psnr-misfit,-,,",
    ]


def test_nothing_is_left_where_searches_have_ended():
    ended = Outlook("", ("a", "b"), 3, 3, 300, 200, 0, 0.0)
    assert outlook_lines([(ASKED, ended)], 1)[-1] == "nothing is left to do"


def test_the_table_keeps_what_other_commands_searched():
    head = "method,family,search,candidate,settings,evaluations,objective,score,fresh,chosen"
    other, old = f"ddrm,masks,{SEARCH},1,eta=1,300,psnr,20,,", f"dps,masks,{SEARCH},9,zeta=1,300,psnr,1,,"
    kept = [other]
    for ours, theirs in (
        ("steps=100", "steps=50"),
        ("prior=p", "prior=my_prior.py:make"),
        ("tasks=a+b", "tasks=a"),
        ("dtype=float32", "dtype=float64"),
    ):
        kept.append(old.replace(ours, theirs))
    lines = candidates_csv([(ASKED, FOUND)], "\n".join([head, old, *kept])).splitlines()
    assert lines[:6] == [head, *kept] and old not in lines and len(lines) == 10
    assert old in candidates_csv([(ASKED, Found(failure="no"))], "\n".join([head, old])), "nothing is lost"
    assert candidates_csv([(ASKED, FOUND)], "a,b\n1,2\n").splitlines()[0] == head


def test_an_outlook_adds_up():
    rows = [
        (ASKED, Outlook("", ("a", "b"), 1, 3, 300, 200, 800, 90.0, ({"zeta": 2},))),
        (ASKED, Outlook("it is linear")),
    ]
    lines = outlook_lines([*rows, (ASKED, Outlook("", ("a", "b"), 0, 12, 0, 0, 0, None))], 2)
    assert lines == [
        "dps, masks: 3 candidates (1 done) x 16 images x 2 tasks x 1 sample; 300 evaluations each, "
        "900 of 1000; then at most 200 on 32 fresh images; about 1 min 30 s",
        "  zeta=2",
        "dps, masks: not tuned: it is linear",
        "dps, masks: 12 candidates x 16 images x 2 tasks x 1 sample; 0 evaluations each, 0 of 1000; "
        "then at most 0 on 32 fresh images; about ?",
        "at most 800 evaluations to come, if each candidate costs what the first one does; about 1 min 30 s "
        "and what is marked ? of solver time, 3 core-minutes",
    ]
