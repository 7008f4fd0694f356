"""Everything the embedded metrics know: targets, rounds, which families somebody asks for. No I/O, time is an argument.

The source scrapes and hands in what came back; queries are answered from here.
"""

from collections.abc import Iterator, Mapping, Sequence

import structlog

from croupier.adapters.metrics.embedded.explain import blind, doubtful, missing, uncountable
from croupier.adapters.metrics.embedded.feed import Feed, Feeds, at_edge_of, feeds_of, is_edge
from croupier.adapters.metrics.embedded.page import Malformed, Page
from croupier.adapters.metrics.embedded.rounds import Round, Rounds, Subject
from croupier.adapters.metrics.embedded.series import Series
from croupier.adapters.metrics.embedded.settings import MetricSettings
from croupier.adapters.metrics.embedded.silence import not_answering, not_there, too_old
from croupier.adapters.metrics.embedded.tally import Uncountable, alike, tally
from croupier.adapters.metrics.embedded.target import Edge, Presence, Target, TargetId
from croupier.control.ports import Query, ScrapeTarget, VersionKey
from croupier.core.gates import Counts, Group, Instance, Reading, Silence, Sli

_log = structlog.get_logger(__name__)


class Ledger:
    """The memory of the metric source, bounded by its settings."""

    def __init__(self, settings: MetricSettings) -> None:
        self._settings = settings
        self._targets: dict[TargetId, Target] = {}
        self._rounds = Rounds()
        self._complete_from: dict[Subject, float] = {}
        """Since when nothing of a subject is missing; -inf where it is younger than our watching."""
        self._kept_from: dict[Feed, float] = {}
        self._asked_at: dict[Feed, float] = {}
        self._forgot_before = float("-inf")
        self._told_cut: set[str] = set()
        if settings.edge_socket is not None:
            self._add(TargetId(Edge.ENVOY))

    def watch(self, wanted: Mapping[VersionKey, Sequence[ScrapeTarget]], now: float) -> bool:
        """These instances exist now; whether that is news."""
        live = {TargetId(key, page) for key, pages in wanted.items() for page in pages}
        changed = False
        for identity in live:
            known = self._targets.get(identity)
            changed |= known is None or known.presence is not Presence.LIVE
            (known or self._add(identity)).presence = Presence.LIVE
        for identity, target in self._targets.items():
            if identity not in live and identity.page is not None and target.presence is Presence.LIVE:
                target.presence, target.left_at = Presence.LEAVING, now
                changed = True
        return changed

    def to_scrape(self) -> list[TargetId]:
        return [name for name, target in self._targets.items() if target.presence is not Presence.GONE]

    def commit(self, at: float, outcomes: Mapping[TargetId, Page | str]) -> None:
        """One round: what each target answered, a page or why there is none. ``at`` is later than all before."""
        previous = self._rounds.last
        answered: set[Subject] = set()
        silent: set[Subject] = set()
        from_birth: dict[Subject, bool] = {}
        for identity, outcome in outcomes.items():
            target, subject = self._targets[identity], identity.subject
            whole = self._take(target, outcome, at, previous.at if previous else None)
            if target.presence is Presence.LEAVING:
                if target.left_at <= at:  # else it left while this round was under way: it is asked once more
                    target.leave()
            elif whole is None:
                silent.add(subject)
            else:
                answered.add(subject)
            if whole is not None:
                from_birth[subject] = from_birth.get(subject, True) and whole
        for subject, whole in from_birth.items():
            self._complete_from.setdefault(subject, float("-inf") if whole else at)
        self._rounds.add(Round(at, frozenset(answered - silent), frozenset(silent)))
        self._forget(at)

    def read(self, query: Query, now: float) -> Reading | Silence:
        """See ``MetricSource.read``."""
        feeds = feeds_of(query.sli)
        if feeds is None or (feeds.at_edge and self._settings.edge_socket is None):
            return Silence(self._no_edge(query.sli))
        if why := self._keep(feeds, now):
            return Silence(why)
        versions = [VersionKey(query.service, query.canary)]
        if query.baseline is not None:
            versions.append(VersionKey(query.service, query.baseline))
        subjects: list[Subject] = [Edge.ENVOY] if feeds.at_edge else [*versions]
        span = self._span(subjects, feeds, query)
        if isinstance(span, Silence):
            return span
        for subject in subjects:
            if why := self._cannot_answer(subject, query.sli, feeds):
                return Silence(why)
        try:
            arms = [self._count(query, version, feeds, span) for version in versions]
            instances = tuple(self._instances(query.sli, versions[0], feeds, span))
            parts = [one.counts for one in self._instances(query.sli, versions[-1], feeds, span)]
        except Uncountable as why:
            return Silence(f"{query.sli.metric!r} of {query.service} {why}")
        full, cut = alike(arms, self._settings.groups)
        if cut and query.sli.metric not in self._told_cut:
            self._told_cut.add(query.sli.metric)
            _log.warning("metric_groups_cut", metric=query.sli.metric, by=query.by, cut=cut)
        if query.baseline is None:
            return Reading(span[0], span[1], full[0], None, instances=instances)
        return Reading(span[0], span[1], full[0], full[1], tuple(parts), instances=instances)

    def probe(self, sli: Sli, by: tuple[str, ...], version: VersionKey, now: float) -> str | None:
        """See ``MetricSource.probe``; what it asks for is kept from now on."""
        feeds = feeds_of(sli)
        if feeds is None or (feeds.at_edge and self._settings.edge_socket is None):
            return self._no_edge(sli)
        if why := self._keep(feeds, now):
            return why
        subject: Subject = Edge.ENVOY if feeds.at_edge else version
        live = self._live(subject)
        if not live:
            return f"no instance of {_name(subject)} is watched"
        pages = [target.page for target in live if target.page is not None]
        if not pages:
            return not_there(_name(subject), live, now)
        why = blind(sli, by, _name(subject), pages)
        if why is None and (doubt := doubtful(sli, _name(subject), pages)):
            _log.warning("metric_value_unknown", metric=sli.metric, why=doubt)
        return why

    def is_unread(self, sli: Sli, version: VersionKey) -> bool:
        """Whether what the SLI would be read from is there, and no scrape of it was ever tried."""
        live = self._live(Edge.ENVOY if is_edge(sli) else version)
        return bool(live) and all(target.scraped_at is None and target.failing is None for target in live)

    def _add(self, identity: TargetId) -> Target:
        target = self._targets[identity] = Target(identity, self._settings.series_per_target)
        target.keep(self._kept_from)
        return target

    def _take(self, target: Target, outcome: Page | str, at: float, previous: float | None) -> bool | None:
        """As ``Target.take``, ``None`` where there was no page."""
        if isinstance(outcome, Page):
            try:
                return target.take(outcome, at, previous)
            except Malformed as error:
                outcome = str(error)
        if target.failing is None and target.presence is Presence.LIVE:
            _log.warning("scrape_failed", target=str(target.identity), of=_name(target.identity.subject), why=outcome)
        target.fail(at, outcome)
        return None

    def _keep(self, feeds: Feeds, now: float) -> str | None:
        """Keep these families from the last scrape on, which is their base; why not, if there is no room."""
        new = [feed for feed in feeds.all if feed not in self._kept_from]
        if len(self._kept_from) + len(new) > self._settings.families:
            return f"{self._settings.families} metric families are kept already, which is the limit; ask for fewer"
        last = self._rounds.last
        self._kept_from |= dict.fromkeys(new, last.at if last else now)
        self._asked_at |= dict.fromkeys(feeds.all, now)
        if new:
            for target in self._targets.values():
                target.keep(self._kept_from)
        return None

    def _span(self, subjects: Sequence[Subject], feeds: Feeds, query: Query) -> tuple[float, float] | Silence:
        """From which round to which one the question can be answered."""
        for subject in subjects:
            if subject not in self._complete_from:
                return Silence(not_there(_name(subject), self._live(subject), query.until))
        known_from = max(
            *(self._kept_from[feed] for feed in feeds.all), *(self._complete_from[subject] for subject in subjects)
        )
        bounds = self._rounds.bounds(subjects, query.since, query.until, known_from)
        late_s = self._settings.stale_after * self._settings.interval_s
        if bounds is None or query.until - bounds[1].at > late_s:
            for subject in subjects:
                live = self._live(subject)
                if any(target.failing for target in live):
                    return Silence(not_answering(_name(subject), live, query.until))
            who = " and ".join(_name(subject) for subject in subjects)
            return Silence(too_old(who, bounds[1].at if bounds else None, query.until))
        for subject in subjects:
            if subject not in bounds[1].answered:
                return Silence(not_there(_name(subject), [], query.until))
        return bounds[0].at, bounds[1].at

    def _cannot_answer(self, subject: Subject, sli: Sli, feeds: Feeds) -> str | None:
        targets = self._of(subject)
        for target in targets:
            if any(feed in target.cut for feed in feeds.all):
                most = self._settings.series_per_target
                return (
                    f"{target.identity} exports more than {most} series of what gates ask for; use fewer label values"
                )
        pages = [target.page for target in self._live(subject) if target.page is not None]
        if not pages:
            return None  # it was there in that span, and nothing of this was counted
        if _first_spelling(targets, feeds.total) and _first_spelling(targets, feeds.good):
            return uncountable(sli, _name(subject), pages)
        return missing(sli, _name(subject), pages)

    def _count(self, query: Query, version: VersionKey, feeds: Feeds, span: tuple[float, float]) -> dict[Group, Counts]:
        subject: Subject = Edge.ENVOY if feeds.at_edge else version
        targets = self._of(subject)
        return tally(
            query.sli,
            _first_spelling(targets, feeds.good),
            _first_spelling(targets, feeds.total),
            by=query.by,
            also=at_edge_of(version.service, version.version) if feeds.at_edge else (),
            span=span,
        )

    def _instances(self, sli: Sli, version: VersionKey, feeds: Feeds, span: tuple[float, float]) -> Iterator[Instance]:
        """What each instance of the version counted; nothing of the edge, which counts them together."""
        for one in () if feeds.at_edge else self._of(version):
            good, total = _first_spelling([one], feeds.good), _first_spelling([one], feeds.total)
            yield Instance(str(one.identity), tally(sli, good, total, by=(), also=(), span=span)[()])

    def _of(self, subject: Subject) -> list[Target]:
        return [target for name, target in self._targets.items() if name.subject == subject]

    def _live(self, subject: Subject) -> list[Target]:
        return [target for target in self._of(subject) if target.presence is Presence.LIVE]

    def _no_edge(self, sli: Sli) -> str:
        if is_edge(sli) and feeds_of(sli) is not None:
            return f"{sli.metric!r} is counted by the edge, which this control plane does not scrape"
        return missing(sli, "the edge", []) or ""

    def _forget(self, now: float) -> None:
        """Drop what is older than the retention window, and families that nobody asked for in it."""
        before = now - self._settings.retention_s
        if before - self._forgot_before < self._settings.retention_s / 30:
            return
        self._forgot_before = before
        self._rounds.forget(before)
        for feed in [feed for feed, asked in self._asked_at.items() if asked < before]:
            del self._asked_at[feed], self._kept_from[feed]
        for name, target in list(self._targets.items()):
            if target.presence is Presence.GONE and target.left_at < before:
                del self._targets[name]
            else:
                target.keep(self._kept_from)
                target.forget(before)
        for subject in self._complete_from.keys() - {name.subject for name in self._targets}:
            del self._complete_from[subject]


def _first_spelling(targets: Sequence[Target], feeds: Sequence[Feed]) -> list[Series]:
    """The series of all targets under the first name that any of them uses."""
    for feed in feeds:
        if found := [series for target in targets for series in target.series(feed)]:
            return found
    return []


def _name(subject: Subject) -> str:
    return "the edge" if isinstance(subject, Edge) else f"{subject.service} {subject.version}"
