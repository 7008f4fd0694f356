"""What does the embedded scraper cost? Time and memory for a page of 2,000 series, few or all of them kept.

``python benchmarks/metrics/scrape.py --json``. Times are of the scraper alone (CPU of this process), the page is served
by another process; memory is what Python allocated for the ledger.
"""

import argparse
import asyncio
import json
import multiprocessing
import multiprocessing.connection
import statistics
import time
import tracemalloc
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

from prometheus_client.parser import text_string_to_metric_families

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.embedded import EmbeddedMetrics, MetricSettings
from croupier.adapters.metrics.embedded.ledger import Ledger
from croupier.adapters.metrics.embedded.page import Page
from croupier.control.ports import Endpoint, Query, ScrapeTarget, VersionKey
from croupier.core.gates import EventsSli, RatioSli, Reading

KEY = VersionKey("payments", "1.1.0")
FAMILIES = 20
ASKED = RatioSli("casino_family_0_events", good=(("outcome", ("ok",)),))


def page_text(series: int, value: int) -> str:
    """``series`` counters in 20 families, as the client library writes them."""
    lines = []
    for family in range(FAMILIES):
        name = f"casino_family_{family}_events_total"
        lines += [f"# HELP {name} Events of some kind.", f"# TYPE {name} counter"]
        for i in range(series // FAMILIES):
            labels = f'brand="b{i % 3}",market="m{i % 11}",outcome="{"ok" if i % 2 else "error"}",psp="psp-{i}"'
            lines.append(f"{name}{{{labels}}} {value}.0")
    return "\n".join(lines) + "\n"


def serve(pipe: multiprocessing.connection.Connection, text: bytes) -> None:
    """Another process: one page for ever."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    pipe.send(server.server_address[1])
    server.serve_forever()


def spent_ms(work: Callable[[], object], times: int) -> float:
    """Median CPU time of one call, ms."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append((time.process_time() - start) * 1000)
    return round(statistics.median(found), 3)


def ledger_of(port: int = 1) -> Ledger:
    ledger = Ledger(MetricSettings(series_per_target=1_000_000))
    ledger.watch({KEY: [ScrapeTarget(Endpoint("127.0.0.1", port), "/metrics")]}, 0)
    return ledger


def commit_ms(series: int, families: int, times: int) -> float:
    """Taking one scraped page into the ledger while so many families are kept."""
    ledger, at = ledger_of(), 0
    for family in range(families):
        ledger.probe(EventsSli(f"casino_family_{family}_events"), (), KEY, 0)
    pages = [Page(page_text(series, value)) for value in range(4)]

    def one() -> None:
        nonlocal at
        at += 1
        ledger.commit(at, dict.fromkeys(ledger.to_scrape(), pages[at % 4]))

    one()
    return spent_ms(one, times)


def memory_bytes(series: int, scrapes: int) -> tuple[float, float]:
    """Bytes per kept series after the first scrape, and what every further scrape adds to a series that grew."""
    ledger = ledger_of()
    for family in range(FAMILIES):
        ledger.probe(EventsSli(f"casino_family_{family}_events"), (), KEY, 0)
    tracemalloc.start()
    ledger.commit(1, dict.fromkeys(ledger.to_scrape(), Page(page_text(series, 1))))
    first, _ = tracemalloc.get_traced_memory()
    for at in range(2, 2 + scrapes):
        ledger.commit(at, dict.fromkeys(ledger.to_scrape(), Page(page_text(series, at))))
    last, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(first / series), round((last - first) / series / scrapes, 1)


async def scrape_ms(port: int, times: int) -> tuple[float, float]:
    """A whole round over HTTP with one kept family: CPU and elapsed time, medians."""
    metrics = EmbeddedMetrics(SystemClock())
    await metrics.watch({KEY: [ScrapeTarget(Endpoint("127.0.0.1", port), "/metrics")]})
    await metrics.probe(ASKED, (), *(KEY.service, KEY.version))
    cpu, elapsed = [], []
    for _ in range(times):
        started, began = time.process_time(), time.perf_counter()
        await metrics.scrape()
        cpu.append((time.process_time() - started) * 1000)
        elapsed.append((time.perf_counter() - began) * 1000)
    await metrics.stop()
    return round(statistics.median(cpu), 2), round(statistics.median(elapsed), 2)


def read_ms(series: int, times: int) -> float:
    """Answering a query by two labels over 15 minutes of scrapes, one family kept."""
    ledger = ledger_of()
    ledger.probe(ASKED, (), KEY, 0)
    for at in range(180):
        ledger.commit(at * 5, dict.fromkeys(ledger.to_scrape(), Page(page_text(series, at))))
    query = Query(ASKED, ("market", "psp"), KEY.service, KEY.version, None, 300, 895)
    assert isinstance(ledger.read(query, 895), Reading)
    return spent_ms(lambda: ledger.read(query, 895), times)


def measure(series: int, times: int) -> dict[str, float]:
    text = page_text(series, 1)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs, text.encode()), daemon=True)
    server.start()
    try:
        cpu_ms, elapsed_ms = asyncio.run(scrape_ms(ours.recv(), times))
    finally:
        server.terminate()
        server.join()
    per_series, per_growth = memory_bytes(series, 20)
    return {
        "series": series,
        "page_kb": round(len(text) / 1000, 1),
        "check_page_cpu_ms": spent_ms(lambda: Page(text), times),
        "take_page_one_family_cpu_ms": commit_ms(series, 1, times),
        "take_page_all_families_cpu_ms": commit_ms(series, FAMILIES, times),
        "prometheus_client_parse_cpu_ms": spent_ms(lambda: list(text_string_to_metric_families(text)), 5),
        "scrape_over_http_cpu_ms": cpu_ms,
        "scrape_over_http_elapsed_ms": elapsed_ms,
        "read_by_two_labels_cpu_ms": read_ms(series, times),
        "bytes_per_kept_series": per_series,
        "bytes_per_series_and_scrape": per_growth,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=2_000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    found = measure(options.series, options.times)
    print(json.dumps(found) if options.json else "\n".join(f"{name:32} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
