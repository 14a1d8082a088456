"""Pictures of the live person check: every shape that the transform treats in a way of its own."""

from PIL import Image

from cases.mtcnn_images import DATA, Picture, encode, lfw_grid, photo

# Upstream takes the scales of its pyramid from the first picture that it sees: this one is usual.
FIRST = "astronaut.png"


def pictures() -> list[Picture]:
    face, coffee, cat = photo("astronaut"), photo("coffee"), photo("chelsea")
    made = {
        FIRST: face,
        "landscape_600x400.png": coffee,
        "portrait_400x600.png": coffee.rotate(90, expand=True),
        "scaled_1024x1024.png": face.resize((1024, 1024), Image.Resampling.BICUBIC),
        "already_800x1066.png": photo("motorcycle_left").resize((800, 1066)),
        "wide_1500x60.png": coffee.resize((1500, 60)),
        "tall_60x1500.png": coffee.resize((60, 1500)),
        "line_1000x1.png": face.resize((1000, 1)),
        "column_2x900.png": cat.resize((2, 900)),
        "tiny_1x1.png": face.resize((1, 1)),
        "tiny_17x23.png": face.resize((17, 23)),
        "odd_333x517.png": face.resize((333, 517)),
        "people_600x600.png": lfw_grid(10, 10).resize((600, 600), Image.Resampling.BICUBIC),
    }
    huge = coffee.resize((3000, 2200), Image.Resampling.BICUBIC)
    coded = [encode(image, name) for name, image in made.items()]
    return [
        *coded,
        encode(huge, "huge_3000x2200.jpg", quality=85),
        encode(cat, "quality_80.webp", quality=80),
        Picture("rocket.jpg", (DATA / "rocket.jpg").read_bytes()),
    ]


def refused() -> list[Picture]:
    """So elongated that upstream raises: nothing of the short side is left."""
    face = photo("astronaut")
    sizes = [(1, 5000), (5000, 1), (1, 1400)]
    return [encode(face.resize(size), f"strip_{size[0]}x{size[1]}.png") for size in sizes]
