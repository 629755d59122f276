"""The methods to tune, as the command line names them. No torch in here."""

from collections.abc import Sequence
from typing import Any

from bench.names import nearest
from bench.suites.cards import card_of, list_cards
from bench.suites.flags import split_flags
from bench.suites.known import absent, parameters
from bench.suites.yamlfile import SuiteError
from bench.system.code.user_code import is_user_code


def methods(flags: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Methods with the parameters that are fixed; all of ours that can be tuned without any flag.

    Args:
        flags: ``NAME`` or ``NAME.param=value``; settings of one name belong together.

    Raises:
        SuiteError: an unknown name or parameter, a parameter with several values, a name with and without
            what is fixed, which `run` takes for two rows, or nothing to search.
    """
    if not flags:
        return [(name, {}) for name, card in list_cards().items() if card.kind == "method" and card.search]
    plain, settings = split_flags(flags)
    found: dict[str, dict[str, Any]] = {}
    for name in [*plain, *(setting.name for setting in settings)]:
        found.setdefault(name, {})
    for setting in settings:
        if setting.name in plain:
            raise SuiteError(
                f"{setting.flag}: --solver {setting.name} beside it is another search; give each a command"
            )
        if len(setting.choices) > 1 or setting.param in found[setting.name]:
            raise SuiteError(
                f"{setting.flag}: a parameter that is fixed has one value; the card has the ranges"
            )
        found[setting.name][setting.param] = setting.choices[0]
    for name, fixed in found.items():
        check_method(name, list(fixed))
    return list(found.items())


def check_method(name: str, fixed: Sequence[str]) -> None:
    """Refuses a method that cannot be tuned.

    Raises:
        SuiteError: it does not exist, has no such parameter, or all that may be searched is fixed.
    """
    for reason in absent(name) if is_user_code(name) else ():
        raise SuiteError(f"--solver {name}: {reason}")
    card = card_of(name)
    known = () if is_user_code(name) else parameters(name)
    for param in fixed:
        if known and param not in known:
            raise SuiteError(f"--solver {name}.{param}: unknown parameter{nearest(param, known)}")
    if not card.search.keys() - set(fixed):
        where = card.path or "a card beside it"
        what = "all of it is fixed here" if card.search else f"write ranges under `search` in {where}"
        raise SuiteError(f"--solver {name}: it has nothing to search: {what}")
