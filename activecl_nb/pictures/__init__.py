"""Figures, pictures that follow sliders, the UMAP map and the explorer."""
