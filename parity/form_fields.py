"""Compares what arrives of a form with what arrives in a FastAPI handler like the Python service's, live, on generated forms.

Which forms are taken, the file's name, and the tasks: their ids come back as keys of the results. The status of a refusal is not
compared, as FastAPI's 422 is a 400 here. One kind of form is taken here only: tasks that are sent as a file, as `curl -F tasks_json=@FILE` does. (So is
JSON with a byte-order mark or in UTF-16, which the generated forms do not have.)
`forms.py` compares the parsers alone, on stranger forms.

    ENV/bin/pip install fastapi python-multipart requests
    ENV/bin/python form_fields.py [--binary PATH] [HOW_MANY] [SEED]
"""
import argparse
import asyncio
import http.client
import json
import logging
import pathlib
import random
import struct
import sys
import tempfile
import urllib.parse
import zlib

from fastapi import FastAPI, File, Form, HTTPException, UploadFile

import server

app = FastAPI()


@app.post("/analyze_image_upload/")
async def upload(image_file: UploadFile = File(...), tasks_json: str = Form(...)):
    try:
        tasks = json.loads(tasks_json)
        ids = [task["operation_id"] for task in tasks]
    except (ValueError, TypeError, KeyError) as error:
        raise HTTPException(400, str(error)) from error
    # Two rules of the API, which are none of forms.
    if not isinstance(tasks, list) or len(set(ids)) < len(ids):
        raise HTTPException(400, "no tasks")
    if await image_file.read() != PICTURE:
        raise HTTPException(400, "not the picture")
    return {"image_url": f"uploaded:{image_file.filename}", "ids": ids}


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PICTURE = (
    b"\x89PNG\r\n\x1a\n"
    + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + png_chunk(b"IDAT", zlib.compress(b"\0\7"))
    + png_chunk(b"IEND", b"")
)

FILE_NAMES = [b"a.png", b"", b" ", "\u7167\u7247 \u00e9.png".encode(), b"\xe9t\xe9.png", b"C:\\\\a\\\\b.png", b"a%22b%0D%0A.png", b'a\\"b.png', b"a;b=c.png",
              b"/tmp/a.png", b"../a.png", b"=?utf-8?B?w6kucG5n?=", b"x" * 300, b"a\tb.png", b"undefined", b"None"]
IDS = [b"a", "\u00e9".encode(), b"\xe9", b"", b" ", b"\\u00e9", b"\\ud83d\\ude00", "\U0001f600".encode(), b"a+b", b"%41", b"\\n", b"\\\\"]
PART_TYPES = [b"image/png", b"application/octet-stream", b"text/plain", b"application/json", b"text/plain; charset=iso-8859-1", b"text/plain;charset=UTF-8", b"", b"nonsense"]
CHARSETS = [b""] * 6 + [b"; charset=utf-8", b"; charset=iso-8859-1", b"; charset=nobody", b'; charset="UTF-8"']


def tasks(rng):
    pick = rng.random()
    if pick < 0.05:
        return rng.choice((b"", b" ", b"null", b"[]", b"{}", b"[", b"[1]", b"[NaN]", b"nope"))
    ids = rng.sample(IDS, rng.choice((0, 1, 1, 2, 3)))
    listed = b", ".join(b'{"operation_id": "%s", "type": "none"}' % name for name in ids)
    space = rng.choice((b"", b"", b" ", b"\r\n", b"\n\t"))
    return space + b"[" + listed + b"]" + rng.choice((b"", b"", space))


def part(rng, name, content, file_name=None):
    quoted = (lambda value: value) if rng.random() < 0.05 else (lambda value: b'"' + value + b'"')
    disposition = [b"form-data", b"name=" + quoted(name)]
    if file_name is not None:
        disposition.append(b"filename=" + quoted(file_name))
        if rng.random() < 0.1:
            disposition.append(b"filename*=UTF-8''%E2%82%AC.png")
    headers = [b"Content-Disposition: " + b"; ".join(disposition)]
    if rng.random() < 0.6:
        headers.append(b"Content-Type: " + rng.choice(PART_TYPES))
    if rng.random() < 0.1:
        headers.append(rng.choice((b"Content-Length: %d" % len(content), b"Content-Transfer-Encoding: binary", b"Content-Transfer-Encoding: base64", b"X-Other: 1")))
    if rng.random() < 0.3:
        headers.reverse()
    return b"".join(header + b"\r\n" for header in headers) + b"\r\n" + content + b"\r\n"


def form(rng):
    """A form's content type and body: mostly one that a client would send, with one or two oddities."""
    picture = lambda: rng.choice((PICTURE,) * 12 + (b"", b"x"))
    image = lambda: part(rng, b"image_file", picture(), rng.choice(FILE_NAMES) if rng.random() < 0.97 else None)
    text = lambda: part(rng, b"tasks_json", tasks(rng), rng.choice(FILE_NAMES) if rng.random() < 0.04 else None)
    parts = [image(), text()]
    if rng.random() < 0.15:
        parts.append(rng.choice((image, text))())
    if rng.random() < 0.15:
        parts.append(part(rng, rng.choice((b"", b"x", b"Image_File", b"tasks_json[]", b"image_file ", b"\xe9")), rng.choice((b"", b"y", PICTURE)), rng.choice((None, b"f"))))
    if rng.random() < 0.04:
        parts.pop(rng.randrange(len(parts)))
    rng.shuffle(parts)
    if rng.random() < 0.02:
        pairs = [("tasks_json", tasks(rng)), ("image_file", picture())]
        return b"application/x-www-form-urlencoded", urllib.parse.urlencode(pairs).encode()
    boundary = rng.choice((b"XbX", b"----WebKitFormBoundary7MA4YWxkTrZu0gW", b"===1656457491496=="))
    body = b"".join(b"--" + boundary + b"\r\n" + each for each in parts)
    body += rng.choice((b"--" + boundary + b"--\r\n",) * 9 + (b"--" + boundary + b"--", b"--" + boundary + b"--\r\nepilogue", b"--" + boundary, b""))
    body = rng.choice((b"",) * 9 + (b"\r\n",)) + body
    kind = rng.choice((b"multipart/form-data",) * 12 + (b"Multipart/Form-Data", b"multipart/mixed", b"text/plain"))
    return kind + b"; boundary=" + boundary + rng.choice(CHARSETS), body


def lacks_text_only(answer):
    """Whether nothing is wrong but that the tasks are a file."""
    detail = answer["detail"]
    return isinstance(detail, list) and [(each["type"], each["loc"]) for each in detail] == [("string_type", ["body", "tasks_json"])]


async def theirs(content_type, body):
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "root_path": "", "query_string": b"",
             "path": "/analyze_image_upload/", "raw_path": b"/analyze_image_upload/", "headers": [(b"host", b"test"), (b"content-type", content_type)],
             "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def ours(connection, content_type, body):
    connection.request("POST", "/analyze_image_upload/", body, {"content-type": content_type})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status == 200:
        answer = {"image_url": answer["image_url"], "ids": list(answer["results"])}
    return response.status, answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=server.BINARY)
    parser.add_argument("number", nargs="?", type=int, default=2000)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable()
    rng = random.Random(arguments.seed)
    wrong = refused = more = 0
    with tempfile.TemporaryDirectory() as weights, server.serve(arguments.binary, pathlib.Path(weights)) as ours_at:
        address = urllib.parse.urlsplit(ours_at.url)
        for _ in range(arguments.number):
            content_type, body = form(rng)
            (their_status, their_answer) = asyncio.run(theirs(content_type, body))
            connection = http.client.HTTPConnection(address.hostname, address.port, timeout=server.REQUEST_LIMIT_S)
            (our_status, our_answer) = ours(connection, content_type, body)
            connection.close()
            both_refuse = our_status == 400 and their_status in (400, 422)
            ours_only = our_status == 200 and their_status == 422 and lacks_text_only(their_answer)
            refused += both_refuse
            more += ours_only
            if not both_refuse and not ours_only and (our_status != their_status or our_answer != their_answer):
                wrong += 1
                if wrong <= 5:
                    print(f"{content_type!r}\n{body!r}\n  upstream {their_status} {their_answer}\n  ours     {our_status} {our_answer}\n")
    print(f"{arguments.number - wrong} of {arguments.number} forms as FastAPI's ({refused} refused by both, {more} with tasks as a file)")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
