"""What `pillow_pictures.py` lets pass: refused pictures and why, and lossy formats' differences."""

LAB = "TIFF in Lab colours: Pillow converts them with a colour management library"
OLD_JPEG = "TIFF with old-style JPEG (compression 6), which its specification withdrew in 1995"

# By a pattern of names below Tests/images.
REFUSED = {
    "hopper.Lab.tif": LAB,
    "lab*.tif": LAB,
    "old-style-jpeg-compression*.tif": OLD_JPEG,
}

# By Pillow's name of the format: the largest and the mean difference of a sample.
ALLOWED = {}
