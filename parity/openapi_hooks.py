"""What schemathesis cannot know of our API from its document, as no schema can say it.

Strings of a valid request get formats of their own: pictures that are pictures, a URL at which
there is one, a form field that is a list of tasks, names that are operations' now and then.
Invalid requests are left as schemathesis makes them.
"""

import json
import os
import pathlib

import schemathesis
from hypothesis import strategies as st

PICTURES = [pathlib.Path(path) for path in os.environ["OPENAPI_PICTURES"].split(os.pathsep)]
URL = os.environ["OPENAPI_PICTURES_URL"]
OPERATIONS = [
    "detect_bounding_box",
    "embed_clip_vit_b_32",
    "embed_dino_v2",
    "classify",
    "describe_image",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
# Anything may stand in a parameter: what makes no sense is the task's trouble, never the request's.
params = st.fixed_dictionaries(
    {},
    optional={
        "target": st.sampled_from(["whole_image", "prominent_person", "prominent_face"]) | values,
        "face_context": st.sampled_from(["whole_image", "prominent_person"]) | values,
        "max_detections": st.integers(1, 5) | values,
        "collection_id": values,
        "max_length": values,
        "normalize": values,
        "encoding": values,
        "x": values,
    },
)
operations = st.sampled_from(OPERATIONS) | st.text()
task = st.fixed_dictionaries(
    {"operation_id": st.text(), "type": operations},
    optional={"params": st.none() | params, "note": values},
)
tasks = st.lists(task, max_size=4, unique_by=lambda task: task["operation_id"])

schemathesis.openapi.format(
    "binary", st.sampled_from([picture.read_bytes() for picture in PICTURES])
)
schemathesis.openapi.format(
    "picture-url", st.sampled_from([f"{URL}/{picture.name}" for picture in PICTURES])
)
schemathesis.openapi.format("tasks", tasks.map(json.dumps))
schemathesis.openapi.format("operation", operations)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema["components"]["schemas"]
    for schema, key, name in [
        ("AnalyzeRequest", "image_url", "picture-url"),
        ("UploadForm", "tasks_json", "tasks"),
        ("TaskRequest", "type", "operation"),
    ]:
        schemas[schema]["properties"][key]["format"] = name
    # Else it would be any JSON.
    schemas["UploadForm"]["properties"]["tasks_json"].pop("contentMediaType", None)


@schemathesis.hook
def filter_body(context, body):
    """What the server takes beyond its document, as the Python service did, is not asked."""
    tasks = body.get("tasks") if isinstance(body, dict) else None
    if tasks in ({}, ""):
        return False
    # A form has texts alone: a list or an object becomes its JSON there, which may be valid.
    if isinstance(body, dict) and isinstance(body.get("tasks_json"), list | dict):
        return False
    of_dicts = [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []
    return not any(
        isinstance(task.get(key), bool | int | float) or (key in task and task[key] is None)
        for task in of_dicts
        for key in ("operation_id", "type")
    ) and not any(task.get("params") in ([], "", False) for task in of_dicts)


@schemathesis.hook
def before_call(context, case, kwargs):
    """No two tasks of a request share an `operation_id`, and pictures are where they are served."""
    if (
        not case.meta
        or not case.meta.generation.mode.is_positive
        or not isinstance(case.body, dict)
    ):
        return
    if isinstance(case.body.get("image_url"), str):
        # Examples come as the document has them.
        if not case.body["image_url"].startswith(URL):
            case.body["image_url"] = f"{URL}/{PICTURES[0].name}"
        seen = set()
        for number, task in enumerate(case.body["tasks"]):
            if task["operation_id"] in seen:
                task["operation_id"] += f" {number}"
            seen.add(task["operation_id"])
