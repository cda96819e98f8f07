"""Runs the generated verifications of this folder against cases.tsv; prints what differs and ends with 1 if anything does.

A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.
"""

import base64
import importlib
import pathlib
import sys

sys.path.insert(0, ".")


def items(field):
    return [item[1:] for item in field.split(",")] if field else []


def text(field):
    return base64.b64decode(field).decode()


def pairs(field):
    """Values are latin1 texts, as WSGI and ASGI make them of the bytes on the wire."""
    split = (item.split(":") for item in items(field))
    return [(text(name), base64.b64decode(value).decode("latin-1")) for name, value in split]


modules, count, differences = {}, 0, []
for line in pathlib.Path("cases.tsv").read_text().splitlines():
    subject, case, valid, now, body, secrets, extras, headers = line.split("\t")
    if subject not in modules:
        modules[subject] = importlib.import_module(subject)
    module = modules[subject]
    verify = getattr(module, "verify", None) or module.verify_challenge
    count += 1
    arguments = [text(item) for item in items(extras)]
    try:
        verdict = verify(
            pairs(headers), base64.b64decode(body), [text(item) for item in items(secrets)], int(now) / 1000, *arguments
        )
    except Exception as error:  # a sample never raises
        verdict = repr(error)
    if verdict is not (valid == "1"):
        differences.append(f"{subject} {case}: {verdict}, not {valid == '1'}")
for server in pathlib.Path(".").glob("*-server.py"):
    compile(server.read_text(), server, "exec")
print(f"python: {len(modules)} verifications, {count} cases, {len(differences)} differ")
print("\n".join(differences[:60]))
sys.exit(1 if differences else 0)
