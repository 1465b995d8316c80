#!/usr/bin/env python3
"""Pictures of roms/frames.S: golden files, and comparison with another emulator's.

frames.py golden DIRECTORY GOLDEN     writes GOLDEN/SHA256 and GOLDEN/*.png from DIRECTORY/*.ppm
frames.py compare OURS THEIRS         compares OURS/*.ppm with THEIRS/*.ppm, whose pixels may be doubled
frames.py squares DIRECTORY            compares DIRECTORY/*.ppm with what roms/vbe-modes.S draws in modes of these names
frames.py png FILE.ppm FILE.png
"""
import hashlib
import os
import struct
import sys
import zlib


def read_ppm(path):
    data = open(path, "rb").read()
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while data[end:end + 1].strip():
            end += 1
        fields.append(data[at:end])
        at = end + 1
    return int(fields[1]), int(fields[2]), data[at:]


def write_png(path, width, height, pixels):
    """With a palette where 256 colours are enough, which makes small files."""
    colours = {}
    for i in range(0, len(pixels), 3):
        colours.setdefault(pixels[i:i + 3], len(colours))
        if len(colours) > 256:
            break
    if len(colours) <= 256:
        rows = [bytes(colours[pixels[i:i + 3]] for i in range(y * width * 3, (y + 1) * width * 3, 3))
                for y in range(height)]
        kind, palette = 3, b"".join(colours)
    else:
        rows = [pixels[y * width * 3:(y + 1) * width * 3] for y in range(height)]
        kind, palette = 2, b""

    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)))
        if palette:
            out.write(chunk(b"PLTE", palette))
        out.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 9)) + chunk(b"IEND", b""))


def pictures(directory):
    return {name[:-4]: os.path.join(directory, name) for name in sorted(os.listdir(directory)) if name.endswith(".ppm")}


def golden(directory, to):
    """Of a blinking picture's dumps there are two kinds; the one with more bright pixels is the one that is on."""
    os.makedirs(to, exist_ok=True)
    chosen, blinking = {}, {}
    for name, path in pictures(directory).items():
        if name[-1].isdigit() and name[-2] == ".":
            blinking.setdefault(name[:-2], {})[open(path, "rb").read()] = path
        else:
            chosen[name] = path
    for name, kinds in blinking.items():
        if len(kinds) != 2:
            sys.exit("%s: %d pictures, not 2" % (name, len(kinds)))
        ordered = sorted(kinds, key=sum)
        chosen[name + "-off"], chosen[name + "-on"] = kinds[ordered[0]], kinds[ordered[1]]
    with open(os.path.join(to, "SHA256"), "w") as out:
        for name in sorted(chosen):
            out.write("%s  %s\n" % (hashlib.sha256(open(chosen[name], "rb").read()).hexdigest(), name))
            write_png(os.path.join(to, name + ".png"), *read_ppm(chosen[name]))


def square_row(width, bits, y):
    """The pixels of a line in the y-th row of squares, as roms/vbe-modes.S says."""
    def whole(value, of):  # of 5 or 6 bits: all of 8
        return value << (8 - of) | value >> (2 * of - 8)

    def entry(i):
        return bytes((whole(i >> 2, 6), whole(~(i >> 2) & 63, 6), whole(i << 2 & 63, 6)))
    pixels = []
    for x in range((width + 7) // 8):
        r, g, b = x & 31, y & 31, (x ^ y) & 31
        if bits == 4:
            color = entry(((x ^ y) & 15) * 16)
        elif bits == 8:
            color = entry((x ^ y) & 255)
        elif bits == 15:
            color = bytes((whole(r, 5), whole(g, 5), whole(b, 5)))
        elif bits == 16:
            color = bytes((whole(r, 5), whole(g << 1, 6), whole(b, 5)))
        else:
            color = bytes((r << 3, g << 3, b << 3))
        pixels.append(color * 8)
    return b"".join(pixels)[:width * 3]


def squares(directory):
    wrong = 0
    for name, path in pictures(directory).items():
        width, height, bits = (int(n) for n in name.split("-")[1].split("x"))
        first = 5 if name.endswith("-linear") else 0
        theirs = read_ppm(path)
        if theirs[:2] != (width, height):
            print("%s: is %dx%d" % (name, theirs[0], theirs[1]))
            wrong += 1
            continue
        bad = []
        for y in range(height):
            if y % 8 == 0:
                row = square_row(width, bits, y // 8 + first)
            if theirs[2][y * width * 3:(y + 1) * width * 3] != row:
                bad.append(y)
        if bad:
            print("%s: %d lines differ, the first is %d" % (name, len(bad), bad[0]))
            wrong += 1
    sys.exit(wrong > 0)


def scaled(picture, width, height):
    """The picture with whole pixels repeated, or None."""
    w, h, pixels = picture
    if width % w or height % h:
        return None
    rows = []
    for y in range(h):
        row = pixels[y * w * 3:(y + 1) * w * 3]
        wide = b"".join(row[i:i + 3] * (width // w) for i in range(0, len(row), 3)) if width != w else row
        rows.extend([wide] * (height // h))
    return b"".join(rows)


def differs(mine, theirs):
    """Components of 5 and 6 bits become 8 in more than one way: steps of 7 are not a difference."""
    return any(abs(a - b) > 7 for a, b in zip(mine, theirs))


def difference(ours, theirs):
    width, height, pixels = theirs
    mine = scaled(ours, width, height)
    if mine is None:
        return "ours is %dx%d, theirs %dx%d" % (ours[0], ours[1], width, height)
    wrong = [i // 3 for i in range(0, len(pixels), 3) if mine[i:i + 3] != pixels[i:i + 3] and differs(mine[i:i + 3], pixels[i:i + 3])]
    if not wrong:
        return ""
    x, y = [i % width for i in wrong], [i // width for i in wrong]
    at = wrong[0] * 3
    return "%d of %d pixels differ, in (%d,%d)-(%d,%d); first: ours %s, theirs %s" % (
        len(wrong), width * height, min(x), min(y), max(x), max(y), mine[at:at + 3].hex(), pixels[at:at + 3].hex())


def compare(ours, theirs):
    same, other = 0, pictures(theirs)
    for name, path in pictures(ours).items():
        if ".blink" in name or name[-2] == "." or name not in other:
            continue
        text = difference(read_ppm(path), read_ppm(other[name]))
        same += not text
        if text:
            print("%-24s %s" % (name, text))
    print("%d the same" % same)


def main():
    command, names = sys.argv[1], sys.argv[2:]
    if command == "golden":
        golden(*names)
    elif command == "compare":
        compare(*names)
    elif command == "squares":
        squares(*names)
    else:
        write_png(names[1], *read_ppm(names[0]))


main()
