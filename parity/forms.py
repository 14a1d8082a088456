"""Compares the service's form parser with Starlette's, live, on generated forms.

    cargo build --example form
    ENV/bin/pip install starlette python-multipart
    ENV/bin/python forms.py ../target/debug/examples/form [HOW_MANY] [SEED]
"""
import asyncio
import json
import logging
import random
import struct
import subprocess
import sys

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

NAMES = [b"image_file", b"tasks_json", b"x", "\u00e9".encode(), b"\xe9", b""]
FILE_NAMES = [b"a.png", b"", "\u7167\u7247 \u00e9.png".encode(), b"\xe9t\xe9.png", b"C:\\Users\\me\\a b.png", b"\\\\host\\a.png", b"/tmp/a.png",
              b'a\\"b; c.png', b"a\\\\", b"a\\", b"a;b", b"a=b", b"=?utf-8?B?w6kucG5n?=", b"..\\..\\a", b"C:\\a\\"]
BOUNDARIES = [b"XbX", b"===1656457491496==", b"b/QeEbFgqK9PCZo4T/eXv7f", b"gc0pJq0M:08jU534c0p", b"y" * 200, b"a b", b"-", b"--", b"(')+_,./:=?", b""]
CHARSETS = [b"", b"", b"", b"; charset=utf-8", b"; charset=UTF8", b"; charset=iso-8859-1", b'; charset="latin1"', b"; charset=nobody"]
ENDS = [b"\r\n"] * 40 + [b"\n", b"\r", b"\r\n\r\n", b" \r\n", b"\t \r\n", b"", b"-\r\n", b"--\r\n"]


def spelled(random, word):
    return bytes(random.choice((byte, byte ^ 32)) if chr(byte).isalpha() else byte for byte in word)


def disposition(random):
    quoted = lambda value: value if random.random() < 0.15 else b'"' + value + b'"'
    space = lambda: random.choice((b"", b" ", b" ", b"\t"))
    parameters = []
    if random.random() < 0.97:
        parameters.append(spelled(random, b"name") + space() + b"=" + space() + quoted(random.choice(NAMES)))
    if random.random() < 0.5:
        parameters.append(spelled(random, b"filename") + b"=" + quoted(random.choice(FILE_NAMES)))
    if random.random() < 0.2:
        parameters.append(b"filename*=utf-8''%C3%A9.png")
    if random.random() < 0.1:
        parameters.append(random.choice((b"", b"flag", b'x="1;2"', b"filename*0=a", b"name=again", b'"')))
    random.shuffle(parameters)
    return b";".join([b"form-data" + space()] + [space() + parameter + space() for parameter in parameters])


def content(random, boundary):
    pieces = [b"\r\n", b"\r", b"\n", b"--", b"-", boundary, b"\r\n--" + boundary[:-1], b"\r\n--" + boundary + b"x", b"\r\n--" + boundary + b"-",
              b"\r\n--" + boundary + b"\r", "\u00e9".encode(), b"\xff\x00", b"[]", b"data", bytes(random.randrange(256) for _ in range(20))]
    return b"".join(random.choice(pieces) for _ in range(random.choice((0, 1, 3, 8, 40))))


def form(random):
    boundary = random.choice(BOUNDARIES)
    body = random.choice([b""] * 8 + [b"\r\n", b"\n", b"\r\nwords\r\n", b"words\r\n", b"\r\nwith-hyphen\r\n"])
    for _ in range(random.choice((0, 1, 2, 2, 2, 3, 6))):
        body += b"--" + boundary + random.choice(ENDS)
        headers = [spelled(random, b"Content-Disposition") + b":" + random.choice((b"", b" ", b"  ", b"\t")) + disposition(random)]
        if random.random() < 0.3:
            headers.append(random.choice((b"Content-Type: image/png", b"X-Empty:", b": x", b"no colon", b" folded: x", b"a b: x", b"X: a\nb")))
        if random.random() < 0.05:
            headers = []
        random.shuffle(headers)
        body += b"".join(header + (b"\r\n" if random.random() < 0.98 else b"\n") for header in headers) + b"\r\n" + content(random, boundary) + random.choice((b"\r\n",) * 20 + (b"\n", b""))
    body += random.choice((b"--" + boundary + b"--\r\n",) * 6 + (b"--" + boundary + b"--", b"--" + boundary + b"\r\n", b"--" + boundary, b"", b"--" + boundary + b"--epilogue\r\n--" + boundary + b"\r\n"))
    if random.random() < 0.1:
        body = body[:random.randrange(len(body) + 1)]
    quoted = random.choice((boundary, b'"' + boundary + b'"'))
    space = random.choice((b"", b" "))
    kind = spelled(random, b"multipart/form-data")
    return kind + space + b";" + space + spelled(random, b"boundary") + b"=" + quoted + random.choice(CHARSETS), body


async def upstream(content_type, body, chunk):
    async def stream():
        # In one piece: upstream's answer to a body that begins with an end of line depends on how it is cut.
        for at in range(0, len(body), chunk or len(body)):
            yield body[at:at + (chunk or len(body))]

    parser = MultiPartParser(Headers(raw=[(b"content-type", content_type)]), stream())
    parts = []
    for name, value in (await parser.parse()).multi_items():
        if isinstance(value, str):
            parts.append([name, None, value])
        else:
            parts.append([name, value.filename, (await value.read()).decode("latin-1")])
    return parts


def main():
    logging.disable()
    binary, number, seed = sys.argv[1], int((sys.argv[2:] or ["2000"])[0]), int((sys.argv[3:] or ["1"])[0])
    rng = random.Random(seed)
    forms = [form(rng) + (rng.choice((1, 2, 3, 7, 16, 64, 1000, 1 << 20)),) for _ in range(number)]
    sent = b"".join(struct.pack("<III", len(kind), len(body), chunk) + kind + body for kind, body, chunk in forms)
    lines = subprocess.run([binary], input=sent, stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")[:-1]
    assert len(lines) == number, (len(lines), number)
    wrong = refused = 0
    for (kind, body, chunk), line in zip(forms, lines):
        ours = json.loads(line)
        try:
            theirs = asyncio.run(upstream(kind, body, 0 if body[:1] in (b"\r", b"\n") else chunk))
        except MultiPartException:
            theirs = None
            refused += 1
        if ours.get("parts") != theirs:
            wrong += 1
            if wrong <= 5:
                print(f"{kind!r}\n{body!r}\nin chunks of {chunk}\n  upstream {theirs}\n  ours     {ours}\n")
    print(f"{number - wrong} of {number} forms as upstream's ({refused} refused by both)")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
