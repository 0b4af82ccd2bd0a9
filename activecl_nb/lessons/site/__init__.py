"""The lessons as a site of pages: to read in any browser, from a disk, without a network.

    build("build/site")                     # index.html and all that it leads to
    build("build/run", notebooks="build/run")    # of notebooks that were executed there

Every page lies where its source lies in the repository (``teaching/README.md`` becomes
``teaching/README.html``), so that links between sources stay links between pages.

lessons.py   a notebook as a page; answers folded, formulas drawn
texts.py     Markdown as a page
reference.py the package's docstrings as pages
links.py     where links lead
"""

from activecl_nb.lessons.site.building import build
