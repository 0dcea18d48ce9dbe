"""An asv plugin that makes a published dashboard work without a network: asv's page loads its scripts from elsewhere.

``"plugins": [".odebench.dashboard.offline"]`` in ``asv.conf.json``, and ``asv publish`` calls it at its end.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from asv.console import log  # type: ignore[import-untyped]
from asv.publishing import OutputPublisher  # type: ignore[import-untyped]

VENDOR = Path(__file__).parent / "vendor"
_CDNJS = "https://cdnjs.cloudflare.com/ajax/libs"
_JSDELIVR = "https://cdn.jsdelivr.net/npm"
LOCAL = {
    "https://code.jquery.com/jquery-3.3.1.min.js": "jquery-3.3.1.min.js",
    f"{_CDNJS}/flot/0.8.3/jquery.flot.min.js": "flot-0.8.3.js",
    f"{_CDNJS}/flot/0.8.3/jquery.flot.time.min.js": "flot-0.8.3.time.js",
    f"{_CDNJS}/flot/0.8.3/jquery.flot.selection.min.js": "flot-0.8.3.selection.js",
    f"{_CDNJS}/flot/0.8.3/jquery.flot.categories.min.js": "flot-0.8.3.categories.js",
    f"{_JSDELIVR}/flot-orderbars@1.0.0/js/jquery.flot.orderBars.js": "flot-orderbars-1.0.0.js",
    f"{_CDNJS}/stupidtable/1.0.1/stupidtable.min.js": "stupid-table-plugin-1.1.3.min.js",
    f"{_CDNJS}/blueimp-md5/2.19.0/js/md5.min.js": "blueimp-md5-2.19.0.min.js",
    f"{_JSDELIVR}/bootstrap@3.1.1/dist/js/bootstrap.min.js": "bootstrap-3.1.1.min.js",
    f"{_JSDELIVR}/bootstrap@3.1.1/dist/css/bootstrap.min.css": "bootstrap-3.1.1.min.css",
}
"""What asv's page loads, and the file that stands for it."""

_TAG = re.compile(r'<script[^>]*\ssrc="(https://[^"]+)"[^>]*>|<link[^>]*\shref="(https://[^"]+)"[^>]*>')


class Offline(OutputPublisher):  # type: ignore[misc]
    """Runs once asv has laid out its page; adds no page of its own."""

    name = "offline"

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        for url in make_local(Path(conf.html_dir)):
            log.warning(f"{url} is loaded over the network: odebench has no copy of it")


def make_local(html: Path) -> list[str]:
    """Lay the scripts and styles beside a published page, and name them there. :returns: those that are not here."""
    shutil.copytree(VENDOR, html / "vendor", dirs_exist_ok=True)
    missing = []

    def local(tag: re.Match[str]) -> str:
        url = tag[1] or tag[2]
        if url not in LOCAL:
            missing.append(url)
            return tag[0]
        path = f"vendor/{LOCAL[url]}"
        return f'<script src="{path}">' if tag[1] else f'<link rel="stylesheet" href="{path}">'

    page = html / "index.html"
    page.write_text(_TAG.sub(local, page.read_text(encoding="utf-8")), encoding="utf-8")
    return missing
