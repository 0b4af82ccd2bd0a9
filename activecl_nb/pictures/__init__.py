"""What there is to see:

figures/        a file a subject: tissue, training, picks, curves, evidence
live, release   pictures that follow sliders, and are let go of
maps            the UMAP map
templates       pages, of Jinja's
explorer/       its model, the widget, the standalone page, and their JavaScript in js/
"""
