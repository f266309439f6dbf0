"""Takes out of a TensorFlow wheel the two libraries, what they load beside them, and the C headers.

Usage: unpack-wheel.py WHEEL FOLDER
Writes FOLDER/lib, FOLDER/include and, where the wheel brings shared libraries of its own, FOLDER/*.libs.
"""

import pathlib
import shutil
import sys
import zipfile

HEADERS = ("tensorflow/c/", "tensorflow/core/platform/", "tsl/c/", "tsl/platform/")


def destination(name):
    """The path below FOLDER for a member of the wheel; None for what nobody needs."""
    if name.endswith("/"):
        return None
    top, _, rest = name.partition("/")
    if top.endswith(".libs"):
        return name
    if top != "tensorflow":
        return None
    if rest.startswith("libtensorflow_") and "/" not in rest:
        return "lib/" + rest
    header = rest.removeprefix("include/")
    return rest if header != rest and header.startswith(HEADERS) else None


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = destination(member.filename)
            if name is None:
                continue
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)


unpack(sys.argv[1], sys.argv[2])
