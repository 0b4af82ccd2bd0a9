"""Where patches come from. ``tissue.load`` opens them all; each file here is one step to it:

image, whole    one file becomes RGB pixels, or is refused by name
masks           which pixels of a patch are inside, from image files
names           of classes and patients, where one is written in two ways
archive         labelled images that can be read by position, and decoded together
own, folders, table, unlabelled, parts      one's own patches, and which are for testing
sets, download, official, npz               the published sets
prepared        arrays on disk of what memory does not hold
phantom, structures/, drawings              drawn tissue, and where it is kept
ebhi            EBHI-Seg, remade from its authors' folder
"""
