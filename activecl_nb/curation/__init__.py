"""For patches of one's own: what is there, which sizes fit, which files to label next."""
