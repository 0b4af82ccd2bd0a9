"""The page of a study: every claim that it can answer, and what each grid of runs shows.

    report = make("results/study")     # the stored tables, results/study.toml, results/claims.toml
    write(report, "results")           # report.html, report.md, their appendix, and figures
    put_findings(report, "README.md")  # the rows that README carries

All words on results are made of the tables and of the text files in ``templates``, so other tables
make another page. Needs no torch, but to open a folder of runs.
"""

from activecl_nb.evidence.report.content import (
    Report,
    declared,
    listed,
    make,
    open_ledger,
    parts,
    table,
)
from activecl_nb.evidence.report.first import cells
from activecl_nb.evidence.report.grids import Section
from activecl_nb.evidence.report.page import (
    BEGIN,
    END,
    FIGURES,
    HEADS,
    ROW_HEADS,
    findings,
    put_findings,
    rows_table,
    to_markdown,
    write,
)
