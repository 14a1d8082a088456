"""What `pillow_pictures.py` lets pass: refused pictures and why, and lossy formats' differences."""

LAB = "TIFF in Lab colours: Pillow converts them with a colour management library"
OLD_JPEG = "TIFF with old-style JPEG (compression 6), which its specification withdrew in 1995"
OTHERS = "formats of games, of telescopes and of programs that are gone: nobody photographs in them"

# By a pattern of names below Tests/images.
REFUSED = {
    "hopper.Lab.tif": LAB,
    "lab*.tif": LAB,
    "old-style-jpeg-compression*.tif": OLD_JPEG,
    "*.dds": OTHERS,
    "*.blp": OTHERS,
    "*.ft[cu]": OTHERS,
    "*.fli": OTHERS,
    "*.fits": OTHERS,
    "*.xbm": OTHERS,
    "*.xpm": OTHERS,
    "*.im": OTHERS,
    "*.imt": OTHERS,
    "*.dcx": OTHERS,
    "*.gbr": OTHERS,
    "*.ara": OTHERS,
    "*.msp": OTHERS,
    "*.pcd": OTHERS,
    "*.pxr": OTHERS,
    "*.spider": OTHERS,
    "*.ras": OTHERS,
    "*.p7": OTHERS,
    "sunraster.im*": OTHERS,
}

# By Pillow's name of the format: the largest and the mean difference of a sample.
ALLOWED = {"JPEG2000": (1, 0.01)}
