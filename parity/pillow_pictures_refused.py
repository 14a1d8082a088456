"""What `pillow_pictures.py` lets pass: pictures that are refused, and why; differences of lossy formats."""

# By a pattern of names below Tests/images.
REFUSED = {}

# By Pillow's name of the format: the largest and the mean difference of a sample.
ALLOWED = {}
