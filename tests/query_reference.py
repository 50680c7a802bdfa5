"""The original query tools again, in plain Python with one float32 operation at a time.

Written from the description of their behaviour; each returns what its tool prints.  Inputs are
words (bytes), rows (float32[n_words, dim]) and the bytes of standard input.
"""

import numpy as np

F = np.float32


def scaled(row):
    length = F(0)
    for x in row:
        length = F(length + F(x * x))
    length = np.sqrt(length)
    return [F(x / length) for x in row]


def dot(a, b):
    total = F(0)
    for x, y in zip(a, b, strict=True):
        total = F(total + F(x * y))
    return total


def split_line(line):
    tokens, place = [b""], 0
    while True:
        tokens[-1] += line[place : place + 1]
        place += 1
        if place >= len(line):
            return tokens
        if line[place : place + 1] == b" ":
            tokens.append(b"")
            place += 1


def shown(words, units, query, excluded, floor):
    best = [(floor, b"")] * 40
    for c, unit in enumerate(units):
        if c in excluded:
            continue
        score = dot(query, unit)
        for a in range(40):
            if score > best[a][0]:
                best.insert(a, (score, words[c]))
                best.pop()
                break
    return b"".join(b" " * (50 - len(word)) + word + b"\t\t%f\n" % score for score, word in best)


def nearest_tool(words, rows, text, is_analogy):
    """distance, or word-analogy: the same loop with other rules."""
    units = [scaled(row) for row in rows]
    out = b""
    for line in [*text.split(b"\n"), b"EXIT"]:
        out += b"Enter three words" if is_analogy else b"Enter word or sentence"
        out += b" (EXIT to break): "
        if line == b"EXIT":
            return out
        tokens = split_line(line)
        if is_analogy and len(tokens) < 3:
            out += b"Only %d words were entered.. three words are needed " % len(tokens)
            out += b"at the input to perform the calculation\n"
            continue
        places = []
        absent = 0 if is_analogy else -1
        for token in tokens:
            places.append(words.index(token) if token in words else absent)
            out += b"\nWord: %b  Position in vocabulary: %d\n" % (token, places[-1])
            if places[-1] == absent:
                out += b"Out of dictionary word!\n"
                break
        if places[-1] == absent:
            continue
        out += b"\n" + b" " * 46 + b"Word"
        out += b" " * 14 + b"Distance\n" if is_analogy else b" " * 7 + b"Cosine distance\n"
        out += b"-" * 72 + b"\n"
        if is_analogy:
            a, b, c = (units[place] for place in places[:3])
            query = [F(F(y - x) + z) for x, y, z in zip(a, b, c, strict=True)]
        else:
            query = [F(0)] * len(rows[0])
            for place in places:
                query = [F(x + y) for x, y in zip(query, units[place], strict=True)]
        out += shown(words, units, scaled(query), places, F(0) if is_analogy else F(-1))


def percent(part, whole):
    return b"-nan" if whole == 0 else b"%.2f" % F(F(F(part) / F(whole)) * F(100))


def compute_accuracy(words, rows, text):
    """`text` ends in a newline and holds whole questions."""
    words = [word.upper() for word in words]
    units = [scaled(row) for row in rows]
    tokens = text.split()
    out, n_section, asked, seen = b"", 0, 0, 0
    right = {"section": 0, "all": 0, "semantic": 0, "syntactic": 0}
    count = dict.fromkeys(right, 0)
    while True:
        token = tokens.pop(0).upper() if tokens else b":"
        if token in (b":", b"EXIT"):
            if n_section:
                n = count["section"] or 1
                out += b"ACCURACY TOP1: %b %%  (%d / %d)\n" % (
                    percent(right["section"], n), right["section"], n)  # fmt: skip
                out += b"Total accuracy: %b %%   Semantic accuracy: %b %%   " % (
                    percent(right["all"], count["all"]),
                    percent(right["semantic"], count["semantic"]))  # fmt: skip
                out += b"Syntactic accuracy: %b %% \n" % percent(
                    right["syntactic"], count["syntactic"])  # fmt: skip
            n_section += 1
            if not tokens:
                break
            out += tokens.pop(0) + b":\n"
            right["section"] = count["section"] = 0
            continue
        question = [token, *(word.upper() for word in tokens[:3])]
        tokens = tokens[3:]
        asked += 1
        if any(word not in words for word in question):
            continue
        seen += 1
        places = [words.index(word) for word in question[:3]]
        a, b, c = (units[place] for place in places)
        query = [F(F(y - x) + z) for x, y, z in zip(a, b, c, strict=True)]
        best, answer = F(0), b""
        for place, unit in enumerate(units):
            if place not in places and dot(query, unit) > best:
                best, answer = dot(query, unit), words[place]
        for kind in ("section", "all", "semantic" if n_section <= 5 else "syntactic"):
            count[kind] += 1
            right[kind] += answer == question[3]
    return out + b"Questions seen / total: %d %d   %b %% \n" % (seen, asked, percent(seen, asked))
