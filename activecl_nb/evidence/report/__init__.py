"""The page of a study: every claim that it can answer, and what each grid of runs shows.

    report = make("results/study")     # the stored tables, results/study.toml, results/claims.toml
    write(report, "results")           # report.html, report.md, their appendix, and figures
    put_findings(report, "README.md")  # the rows that README carries

All words on results are made of the tables and of the text files in ``templates``, so other tables
make another page. Needs no torch, but to open a folder of runs.
"""

from activecl_nb.evidence.report.content import (
    Report,
    by_part,
    declared,
    listed,
    make,
    open_ledger,
    parts,
    table,
)
from activecl_nb.evidence.report.grids import Section
from activecl_nb.evidence.report.page import (
    APPENDIX,
    BEGIN,
    END,
    FIGURES,
    HEADS,
    ROW_HEADS,
    findings,
    put_findings,
    rows_table,
    small,
    to_html,
    to_markdown,
    write,
)

__all__ = [
    "APPENDIX",
    "BEGIN",
    "END",
    "FIGURES",
    "HEADS",
    "ROW_HEADS",
    "Report",
    "Section",
    "by_part",
    "declared",
    "findings",
    "listed",
    "make",
    "open_ledger",
    "parts",
    "put_findings",
    "rows_table",
    "small",
    "table",
    "to_html",
    "to_markdown",
    "write",
]
