"""Editing a flag: previewed, then saved at the version that was read."""

import html
import json
import re
from typing import Any

import pytest

from croupier.server.auth import Role


class Editor:
    """Somebody with the form open."""

    def __init__(self, visit: Any, path: str, text: str) -> None:
        self.visit, self.path = visit, path
        self.fields = dict(re.findall(r'<input type="hidden" name="(csrf|seen|previewed)" value="([^"]*)"', text))
        found = re.search(r"<textarea id=\"text\"[^>]*>\n(.*?)</textarea>", text, re.DOTALL)
        assert found is not None
        self.data = json.loads(html.unescape(found[1]))

    async def send(self, step: str = "preview", **fields: Any) -> Any:
        """Send the form; the next one holds what the answer's form holds."""
        form = {**self.fields, "text": json.dumps(self.data), "step": step, **fields}
        answer = await self.visit.post(self.path, form)
        for name, value in re.findall(r'name="(seen|previewed)" value="([^"]*)"', answer.text):
            self.fields[name] = value
        return answer


@pytest.fixture
async def operator(flagged: Any, visit: Any) -> Any:
    return await visit.sign_in(Role.OPERATOR)


async def editor(visit: Any, key: str = "payments_v2") -> Editor:
    page = await visit.get(f"/flags/{key}/edit")
    assert page.status_code == 200
    return Editor(visit, f"/flags/{key}/edit", page.text)


def state(world: Any, key: str = "payments_v2") -> Any:
    return world.context.flags.book.state(key)


async def test_what_it_would_change_is_shown_and_then_saved(flagged: Any, operator: Any) -> None:
    form = await editor(operator)
    form.data["rules"][0]["rollout"] = 0.5
    shown = await form.send()
    assert shown.status_code == 200
    assert "rollout 25 % → 50 %" in shown.text
    assert re.search(r"[1-9]\d* gain", shown.text)
    assert re.search(r"\b0 lose", shown.text)
    assert state(flagged).version == 1
    saved = await form.send("save", reason="all is well")
    assert (saved.status_code, saved.headers["location"]) == (303, "/flags/payments_v2")
    assert state(flagged).flag.rules[0].rollout == 5_000
    assert state(flagged).changed_by == "operator"


async def test_nothing_is_saved_that_was_not_shown(flagged: Any, operator: Any) -> None:
    form = await editor(operator)
    form.data["owner"] = "psp"
    assert (await form.send("save")).status_code == 200
    form.data["owner"] = "another"
    assert "owner: payments → another" in (await form.send("save")).text
    assert state(flagged).version == 1


async def test_losers_are_counted(operator: Any) -> None:
    form = await editor(operator)
    del form.data["rules"][0]
    shown = (await form.send()).text
    assert re.search(r"[1-9]\d* lose", shown)
    assert "on → off" in shown


async def test_variants_change_hands(flagged: Any, declared: Any, operator: Any) -> None:
    variants = {"off": "grey", "blue": "#00f", "green": "#0f0"}
    await declared({"feature": "colour", "variants": variants, "rules": [{"variant": "blue"}]})
    form = await editor(operator, "colour")
    form.data["rules"] = [{"variant": "green"}]
    assert "get something else" in (await form.send()).text


async def test_an_edit_that_changes_nothing_says_so(operator: Any) -> None:
    form = await editor(operator)
    shown = (await form.send()).text
    assert "Nothing: it is declared like this already" in shown
    assert ">Save<" not in shown
    form.data["description"] = "Deposits"
    assert "No environment answers anybody otherwise" in (await form.send()).text


async def test_who_was_faster_is_said(flagged: Any, declared: Any, payments: Any, operator: Any) -> None:
    form = await editor(operator)
    form.data["rules"][0]["rollout"] = 0.5
    await form.send()
    await declared({**payments, "owner": "psp"}, actor="bert", reason="they took it over")
    late = await form.send("save")
    assert late.status_code == 409
    assert "<b>bert</b> changed payments_v2" in late.text
    assert "owner: payments → psp" in late.text
    assert "“they took it over”" in late.text
    assert state(flagged).flag.rules[0].rollout == 2_500
    rebase = re.search(r'name="rebase" value="(\d+)"', late.text)
    assert rebase is not None
    mine = await form.send(rebase=rebase[1])
    assert "owner: psp → payments" in mine.text
    assert (await form.send("save")).status_code == 303
    assert state(flagged).flag.owner == "payments"


async def test_a_kill_meanwhile_is_no_reason_to_lose_it(flagged: Any, operator: Any) -> None:
    await flagged.context.flags.changes.kill("payments_v2", actor="carol", reason="x")
    form = await editor(operator)
    form.data["rules"][0]["rollout"] = 0.5
    shown = (await form.send()).text
    assert re.search(r"[1-9]\d* gain", shown)
    assert "none of this happens before it is restored" in shown


MISTAKES = [
    ("", "Line 1, column 1"),
    ('{"rules": [}', "Line 1, column 12"),
    ("[]", "no JSON object"),
    ('{"feature": "lobby", "off": "off", "off": "on"}', "'off' is written twice"),
    ("[" * 20_000, "no JSON that can be read"),
    ('{"rules": [{"rollout": 25}]}', "Did you mean 0.25"),
    ('{"rules": [{"if": "market in"}]}', "rules[0].if: column"),
    ('{"feature": "other"}', "another flag"),
    ('{"prerequisites": [{"flag": "nope"}]}', "prerequisites[0]"),
    ('{"expires": "soon"}', "is no day"),
]


async def test_mistakes_keep_the_text(operator: Any) -> None:
    form = await editor(operator)
    for text, said in MISTAKES:
        answer = await form.send(text=text, reason="why not")
        assert answer.status_code in (400, 422), text
        assert said in html.unescape(answer.text)
        assert text[:1_000] in html.unescape(answer.text)
        assert 'value="why not"' in answer.text


async def test_doubts_are_shown(operator: Any) -> None:
    form = await editor(operator)
    form.data["rules"].append({"if": "market > 3"})
    assert "rules[2].if: column" in (await form.send()).text


async def test_an_expiry_stays_as_it_was(flagged: Any, operator: Any) -> None:
    before = state(flagged).expires_at
    form = await editor(operator)
    form.data["description"] = "Deposits"
    await form.send()
    await form.send("save")
    assert state(flagged).expires_at == before


async def test_a_new_flag(flagged: Any, operator: Any) -> None:
    form = await editor(operator, "-")
    form.data |= {"feature": "fresh", "owner": "me", "rules": [{}]}
    assert "declared: a release flag with 1 rule" in (await form.send()).text
    saved = await form.send("save")
    assert saved.headers["location"] == "/flags/fresh"
    assert state(flagged, "fresh").version == 2
    again = await editor(operator, "-")
    again.data |= {"feature": "fresh", "owner": "me"}
    assert (await again.send()).status_code == 409


async def test_viewers_and_strangers_do_not_edit(flagged: Any, operator: Any, visit: Any) -> None:
    form = await editor(operator)
    form.fields["csrf"] = "x"
    assert (await form.send()).status_code == 403
    await visit.sign_in(Role.VIEWER)
    assert (await visit.get("/flags/payments_v2/edit")).status_code == 403
    assert "/edit" not in (await visit.get("/flags/payments_v2")).text
