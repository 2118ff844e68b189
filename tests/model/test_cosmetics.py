"""What a page hides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blockctl.model.decide import cosmetics_for
from blockctl.model.filterlist import FilterList
from blockctl.model.policy import Policy
from blockctl.model.request import ALL_KINDS
from blockctl.model.rule import Cosmetic, CosmeticForm, Effect, Rule
from tests.model.say import ORIGIN, policy, rule, site


def hide(text: str, *sites: str, effect: Effect = Effect.BLOCK, **fields: object) -> Cosmetic:
    return replace(Cosmetic(effect, ORIGIN, text, text, sites=sites), **fields)  # type: ignore[arg-type]


def hidden_on(page: str, said: Policy, *cosmetics: Cosmetic, rules: tuple[Rule, ...] = ()) -> list[str]:
    return cosmetics_for(said, [FilterList("l", "adblock", rules=list(rules), cosmetics=list(cosmetics))], page)


HIDES = (
    hide(".ad"),
    hide(".own", "a.com"),
    hide(".other", "b.com"),
    hide(".not-here", not_sites=("www.a.com",)),
    hide(".back", "a.*"),
    hide(".back", "a.com", effect=Effect.ALLOW),
    hide(":has-text(x)", form=CosmeticForm.PROCEDURAL),
)
NO_GENERIC = rule(Effect.ALLOW, "@@||a.com^$ghide", host="a.com", kinds=ALL_KINDS, action="generichide")


@pytest.mark.parametrize(
    ("said", "rules", "expected"),
    [
        pytest.param(policy(), (), [".ad", ".own"], id="lists"),
        pytest.param(policy(site("a.com", hide=(".mine",))), (), [".mine", ".ad", ".own"], id="policy"),
        pytest.param(policy(site("a.com", hide=(".mine",), blocking=False)), (), [".mine"], id="blocking off"),
        pytest.param(
            policy(site("a.com", hide=(".far",)), site("www.a.com", hide=(".near",))),
            (),
            [".near", ".ad", ".own"],
            id="nearest site",
        ),
        pytest.param(policy(site("a.com", hide=(".mine",)), paused=True), (), [], id="pause"),
        pytest.param(policy(), (NO_GENERIC,), [".own"], id="generichide"),
        pytest.param(policy(), (replace(NO_GENERIC, action="specifichide"),), [".ad"], id="specifichide"),
        pytest.param(policy(), (replace(NO_GENERIC, action="elemhide"),), [], id="elemhide"),
        pytest.param(policy(), (replace(NO_GENERIC, host="b.com"),), [".ad", ".own"], id="generichide elsewhere"),
    ],
)
def test_cosmetics_for(said: Policy, rules: tuple[Rule, ...], expected: list[str]) -> None:
    assert hidden_on("www.a.com", said, *HIDES, rules=rules) == expected
