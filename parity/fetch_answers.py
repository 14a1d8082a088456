"""What Python's `requests` makes of odd answers, for tests/fetch/answers.rs.

    python parity/fetch_answers.py        rewrites tests/fetch/answers.json

A server on the loopback address says to the letter what a case has it say; `requests` asks it.
What comes back, the body or that there is an error, is written down beside the case, bytes as
Latin-1. Where ours is to differ, the case says so with `ours`, and why.
"""

import gzip
import importlib.metadata
import json
import pathlib
import socket
import threading
import zlib

import brotli
import requests
from backports import zstd

FILE = pathlib.Path(__file__).resolve().parent.parent / "tests/fetch/answers.json"
BODY = b"the picture's bytes, the picture's bytes"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CASES = []
LARGEST = 10_000  # bytes of answers that are committed; the limits have tests of their own


def case(name, answer, ours=None, why=None):
    """`answer`: bytes, or for each path a list of (what the request must have in it, bytes)."""
    answers = {"/": [("", answer)]} if isinstance(answer, bytes) else answer
    CASES.append({"name": name, "answers": answers, "ours": ours, "why": why})


def ok(headers: bytes, body: bytes = BODY) -> bytes:
    return OK + headers + b"\r\n" + body


def encoded(name: str, body: bytes) -> bytes:
    return ok(b"Content-Encoding: %s\r\nContent-Length: %d\r\n" % (name.encode(), len(body)), body)


def redirect(location: bytes, status: bytes = b"302 Found", headers: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 "
        + status
        + b"\r\nLocation: "
        + location
        + b"\r\nContent-Length: 0\r\n"
        + headers
        + b"\r\n"
    )


def chunked(body: bytes, headers: bytes = b"", start: bytes = OK) -> bytes:
    return start + b"Transfer-Encoding: chunked\r\n" + headers + b"\r\n" + body


def raw_deflate(body: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(body) + coder.flush()


def heads() -> None:
    longest = b"X-Long: " + b"a" * 65000 + b"\r\n"
    case("plain", ok(LENGTH))
    case("status without a reason", b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY)
    case("status with spaces", b"HTTP/1.1   200   OK  \r\n" + LENGTH + b"\r\n" + BODY)
    case("reason in Latin-1", b"HTTP/1.1 200 d\xe9j\xe0 vu\r\n" + LENGTH + b"\r\n" + BODY)
    case("version 1.0", b"HTTP/1.0 200 OK\r\n\r\n" + BODY)
    case("version 0.9 in a status line", b"HTTP/0.9 200 OK\r\n\r\n" + BODY)
    case("version 1.2", b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\n" + BODY)
    case("version 2", b"HTTP/2 200 OK\r\n" + LENGTH + b"\r\n" + BODY)
    case("version in lower case", b"http/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY)
    case("no head at all", BODY)
    case("ICY", b"ICY 200 OK\r\n\r\n" + BODY)
    case("blank line first", b"\r\n" + ok(LENGTH))
    case("status of two digits", b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\n" + BODY)
    case("status 299", b"HTTP/1.1 299 Odd\r\n" + LENGTH + b"\r\n" + BODY)
    case("status 600", b"HTTP/1.1 600 Odd\r\n" + LENGTH + b"\r\n" + BODY)
    case("status 404 with a picture", b"HTTP/1.1 404 Not Found\r\n" + LENGTH + b"\r\n" + BODY)
    case("status 503", b"HTTP/1.1 503 Busy\r\n" + LENGTH + b"\r\n" + BODY)
    case("status 206", b"HTTP/1.1 206 Partial Content\r\n" + LENGTH + b"\r\n" + BODY)
    case(
        "status 300 with a picture",
        b"HTTP/1.1 300 Choices\r\nLocation: /x\r\n" + LENGTH + b"\r\n" + BODY,
    )
    case("lines of LF", (OK + LENGTH + b"\r\n").replace(b"\r", b"") + BODY)
    case(
        "space before the colon",
        ok(b"Content-Type : image/png\r\nContent-Length : %d\r\n" % len(BODY)),
    )
    case("line without a colon", ok(b"nonsense\r\n" + LENGTH))
    case("name with a space", ok(b"Odd Name: x\r\n" + LENGTH))
    case("name in Latin-1", ok(b"X-\xe9: x\r\n" + LENGTH))
    case("value in Latin-1", ok(b"X-Name: \xe9\r\n" + LENGTH))
    case("value with a NUL", ok(b"X-Name: a\0b\r\n" + LENGTH))
    case("no space after the colon", ok(LENGTH.replace(b" ", b"")))
    case("folded line", ok(b"X-Name: a\r\n\tb\r\n" + LENGTH))
    case("folded line first", ok(b" folded\r\n" + LENGTH))
    case("hundred lines", ok(b"X-A: b\r\n" * 98 + LENGTH))
    case("hundred and two lines", ok(b"X-A: b\r\n" * 101 + LENGTH))
    case("long line", ok(longest + LENGTH))
    case("longer line", ok(b"X-Long: " + b"a" * 70000 + b"\r\n" + LENGTH))
    case("long lines", ok(longest * 3 + LENGTH))
    case("head that ends with the connection", b"HTTP/1.1 302 Found\r\nLocation: /x")
    case("continue first", b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n" * 2 + ok(LENGTH))
    case(
        "early hints first",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(LENGTH),
        "taken",
        "requests takes the hints for the answer",
    )
    case("nothing", b"")


def bodies() -> None:
    case("until the end", ok(b""))
    case("keep-alive without a length", ok(b"Connection: keep-alive\r\n"))
    case("length twice", ok(LENGTH * 2))
    case("length twice in one line", ok(b"Content-Length: %d, %d\r\n" % (len(BODY), len(BODY))))
    case("lengths that differ", ok(b"Content-Length: 3\r\n" + LENGTH))
    case("length that is none", ok(b"Content-Length: large\r\n"))
    case("length with a unit", ok(b"Content-Length: 3 bytes\r\n"))
    case("length empty", ok(b"Content-Length:\r\n"))
    case("length negative", ok(b"Content-Length: -1\r\n"))
    case("length with a plus", ok(b"Content-Length: +%d\r\n" % len(BODY)))
    case("body longer than its length", ok(b"Content-Length: 11\r\n"))
    case("body shorter than its length", ok(b"Content-Length: 100\r\n"))
    case("transfer-encoding identity", ok(b"Transfer-Encoding: identity\r\n" + LENGTH))
    case("transfer-encoding unknown", ok(b"Transfer-Encoding: odd\r\n" + LENGTH))
    case("status 204 with a body", b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n" + BODY)
    case("status 304 with a body", b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n" + BODY)
    one = b"%x\r\n%s\r\n" % (len(BODY), BODY)
    case("chunk", chunked(one + b"0\r\n\r\n"))
    case(
        "chunks in capitals with extensions",
        chunked(b'A;n=v;m="w"\r\n0123456789\r\n' + one + b"0;last\r\n\r\n"),
    )
    case("chunks with trailers", chunked(one + b"0\r\nX-A: b\r\nX-C: d\r\n\r\n"))
    case("chunk with zeros and spaces", chunked(b"000a  \r\n0123456789\r\n000\r\n\r\n"))
    case("chunks without the last line", chunked(one + b"0\r\n"))
    case("chunks without the last chunk", chunked(one))
    case("chunk cut short", chunked(b"ff\r\n" + BODY))
    case("chunk without a size", chunked(b"\r\n" + BODY))
    case("chunk of a size that is none", chunked(b"xyz\r\n" + BODY))
    case("chunked that is not", chunked(BODY))
    case(
        "chunks of LF",
        chunked(b"5\n01234\n5\n56789\n0\n\n"),
        "taken",
        "requests takes two bytes for each line's end",
    )
    case("chunked and a length", chunked(one + b"0\r\n\r\n", b"Content-Length: 3\r\n"))
    case("chunked in version 1.0", chunked(one + b"0\r\n\r\n", b"", b"HTTP/1.0 200 OK\r\n"))
    case("Chunked with a capital", OK + b"Transfer-Encoding: Chunked\r\n\r\n" + one + b"0\r\n\r\n")
    case("chunked twice", OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + one + b"0\r\n\r\n")


def codings() -> None:
    zipped, deflated, br, z = (
        gzip.compress(BODY, mtime=0),
        zlib.compress(BODY),
        brotli.compress(BODY),
        zstd.compress(BODY),
    )
    checked = zstd.compress(BODY, options={zstd.CompressionParameter.checksum_flag: 1})
    for name in (
        "identity",
        "",
        "aws-chunked",
        "utf-8",
        "UTF-8",
        "binary",
        "none",
        "compress",
        "gzip;q=1",
    ):
        case(f"coding '{name}'", encoded(name, BODY))
    for name in ("gzip", "x-gzip", "GZip"):
        case(f"coding '{name}' that it is", encoded(name, zipped))
    case("gzip of nothing", encoded("gzip", b""))
    case(
        "gzip chunked",
        chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(zipped), zipped), b"Content-Encoding: gzip\r\n"),
    )
    case("gzip until the end", ok(b"Content-Encoding: gzip\r\n", zipped))
    case("gzip that is not", encoded("gzip", BODY))
    case("gzip twice", encoded("gzip, gzip", gzip.compress(zipped, mtime=0)))
    case("gzip cut short", encoded("gzip", zipped[:-10]))
    case("gzip without its trailer", encoded("gzip", zipped[:-8]))
    case("gzip with a wrong checksum", encoded("gzip", zipped[:-8] + b"\0" + zipped[-7:]))
    case("gzip with a wrong length", encoded("gzip", zipped[:-1] + b"\1"))
    case("gzip of two members", encoded("gzip", zipped * 2))
    case("gzip and zeros", encoded("gzip", zipped + bytes(100)))
    case("gzip and garbage", encoded("gzip", zipped + b"garbage"))
    case(
        "gzip and a length that is shorter",
        ok(b"Content-Encoding: gzip\r\nContent-Length: 9999\r\n", zipped),
    )
    case("deflate with zlib's header", encoded("deflate", deflated))
    case("deflate without", encoded("deflate", raw_deflate(BODY)))
    case("deflate cut short", encoded("deflate", deflated[:-6]))
    case("deflate with a wrong checksum", encoded("deflate", deflated[:-1] + b"\0"))
    case("deflate and garbage", encoded("deflate", deflated + b"garbage"))
    case("deflate that is not", encoded("deflate", BODY))
    case("br", encoded("br", br))
    case("br cut short", encoded("br", br[:-1]))
    case("br that is not", encoded("br", b"\xff" + BODY))
    case("zstd", encoded("zstd", z))
    case("zstd of two frames", encoded("zstd", z + z))
    case("zstd cut short", encoded("zstd", z[:-1]))
    case("zstd with a wrong checksum", encoded("zstd", checked[:-1] + bytes([checked[-1] ^ 1])))
    case("zstd that is not", encoded("zstd", BODY))
    case("two codings", encoded("gzip, br", brotli.compress(zipped)))
    two = b"Content-Encoding: deflate\r\nContent-Encoding: gzip\r\n"
    case("two codings in two lines", ok(two, gzip.compress(deflated, mtime=0)))
    case(
        "gzip and identity",
        encoded("gzip, identity", zipped),
        "taken",
        "requests takes identity for deflate",
    )
    case(
        "aws-chunked and gzip",
        encoded("aws-chunked,gzip", zipped),
        "taken",
        "requests takes aws-chunked for deflate",
    )
    six = BODY
    for _ in range(6):
        six = gzip.compress(six, mtime=0)
    case("six codings", encoded(",".join(["gzip"] * 6), six))


def redirects() -> None:
    there = [("", ok(LENGTH))]
    for status in (
        b"301 Moved",
        b"302 Found",
        b"303 See Other",
        b"307 Temporary",
        b"308 Permanent",
    ):
        case(f"redirect {status.decode()}", {"/": [("", redirect(b"/x", status))], "/x": there})
    for name, location, path in [
        ("relative", b"x?q=1", "/x?q=1"),
        ("with a fragment", b"/x#part", "/x"),
        ("with spaces", b"/a b", "/a%20b"),
        ("in UTF-8", "/\u00e9".encode(), "/%C3%A9"),
        ("with white space around", b"  /x  ", "/x"),
        ("with dots", b"/a/../x", "/x"),
        ("without a scheme", b"//HOST/x", "/x"),
        ("of capitals", b"HTTP://HOST/x", "/x"),
        ("with a pipe", b"/x?a=|b", "/x?a=%7Cb"),
        ("with brackets", b"/x?a[]=b", "/x?a%5B%5D=b"),
        ("encoded", b"/%7Ex%2F?a=b%20c", "/~x%2F?a=b%20c"),
        ("of a query", b"?a=b", "/?a=b"),
        ("with a stray percent", b"/100%.png", "/100%25.png"),
    ]:
        paths = [path, "/%7Ex%2F?a=b%20c"] if name == "encoded" else [path]
        differs = (
            ("taken", "requests encodes the white space")
            if name == "with white space around"
            else (None, None)
        )
        case(
            f"redirect {name}",
            {"/": [("", redirect(location))]} | {path: there for path in paths},
            *differs,
        )
    case(
        "redirect in Latin-1",
        {"/": [("", redirect(b"/\xe9"))], "/%E9": there},
        "taken",
        "requests decodes UTF-8 only",
    )
    case("redirect without a place", b"HTTP/1.1 302 Found\r\n" + LENGTH + b"\r\n" + BODY)
    case(
        "redirect to an empty place",
        b"HTTP/1.1 302 Found\r\nLocation:\r\n" + LENGTH + b"\r\n" + BODY,
    )
    case("redirect to another scheme", redirect(b"ftp://HOST/x"))
    case("redirect to a file", redirect(b"file:///etc/hostname"))
    case("redirect to no host", redirect(b"http://"))
    case(
        "redirect with a body that lies",
        {
            "/": [
                (
                    "",
                    redirect(b"/x", headers=b"Content-Encoding: gzip\r\n").replace(
                        b" 0\r", b" 99\r"
                    ),
                )
            ],
            "/x": there,
        },
    )
    for hops in (30, 31):
        chain = {f"/{hop}": [("", redirect(b"/%d" % (hop + 1)))] for hop in range(1, hops)}
        case(f"{hops} redirects", {"/": [("", redirect(b"/1"))], f"/{hops}": there} | chain)
    case("redirect to itself", redirect(b"/"))
    case(
        "cookie that lets in",
        {
            "/": [
                ("cookie: pass=1", ok(LENGTH)),
                ("", redirect(b"/", headers=b"Set-Cookie: pass=1; Path=/\r\n")),
            ]
        },
    )
    case(
        "cookie for another path",
        {
            "/": [("", redirect(b"/x", headers=b"Set-Cookie: pass=1; Path=/y\r\n"))],
            "/x": [("cookie:", b"HTTP/1.1 403 No\r\n\r\n"), ("", ok(LENGTH))],
        },
    )
    case(
        "cookie for another domain",
        {
            "/": [("", redirect(b"/x", headers=b"Set-Cookie: pass=1; Domain=other.test\r\n"))],
            "/x": [("cookie:", b"HTTP/1.1 403 No\r\n\r\n"), ("", ok(LENGTH))],
        },
    )
    case(
        "two cookies, one taken back",
        {
            "/": [
                (
                    "",
                    redirect(
                        b"/x",
                        headers=b"Set-Cookie: a=1\r\nSet-Cookie: b=2; HttpOnly; SameSite=Lax\r\n",
                    ),
                )
            ],
            "/x": [("", redirect(b"/y", headers=b"Set-Cookie: a=; Max-Age=0\r\n"))],
            "/y": [("cookie: b=2\r\n", ok(LENGTH))],
        },
    )
    case(
        "cookie that expired long ago",
        {
            "/": [
                (
                    "",
                    redirect(
                        b"/x", headers=b"Set-Cookie: a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                    ),
                )
            ],
            "/x": [("cookie:", b"HTTP/1.1 403 No\r\n\r\n"), ("", ok(LENGTH))],
        },
    )


class Fresh(requests.adapters.HTTPAdapter):
    """A connection for each request: a kept one learns too late that the server hung up."""

    def send(self, *arguments, **options):
        self.poolmanager.clear()
        return super().send(*arguments, **options)


class Server:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.answers = {}
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (got := connection.recv(4096)):
                head += got
            path, head = head.split(b" ")[1].decode(), head.decode().lower()
            found = (answer for needed, answer in self.answers.get(path, []) if needed in head)
            answer = next(found, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            try:
                connection.sendall(answer.replace(b"HOST", self.host.encode()))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except OSError:
                pass


def main() -> None:
    for group in (heads, bodies, codings, redirects):
        group()
    server, written = Server(), []
    for made in CASES:
        server.answers = made["answers"]
        session = requests.Session()
        session.mount("http://", Fresh())
        try:
            answer = session.get(f"http://{server.host}/", timeout=10)
            answer.raise_for_status()
            outcome = {"body": answer.content.decode("latin-1")}
        except Exception as error:  # of several libraries, not all of them meant
            outcome = {"error": type(error).__name__}
        taken = "taken" if outcome.get("body") else "refused"
        print(f"{made['name']:45} {taken:8} {outcome.get('error', '')} {made['ours'] or ''}")
        assert made["ours"] != taken, made["name"]
        if (
            sum(len(answer) for choices in made["answers"].values() for _, answer in choices)
            > LARGEST
        ):
            continue
        answers = {
            path: [
                {"needs": needs, "answer": answer.decode("latin-1")} for needs, answer in choices
            ]
            for path, choices in made["answers"].items()
        }
        differs = {"ours": made["ours"], "why": made["why"]} if made["ours"] else {}
        written.append({"name": made["name"], "requests": outcome, **differs, "answers": answers})
    versions = {
        name: importlib.metadata.version(name)
        for name in ("requests", "urllib3", "brotli", "backports.zstd")
    }
    lines = ",\n".join(json.dumps(row) for row in written)
    FILE.write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
