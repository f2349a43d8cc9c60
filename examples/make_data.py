"""Make a real and a synthetic dataset on the spot, with faults planted where `planted.json` says.

    python examples/make_data.py FOLDER [--rows 2000] [--seed 7]

writes three files:

    real.jsonl        human-written: docstrings of Python's own standard library, with the signature as question
    synthetic.jsonl   templated from the same signatures by three make-believe generators
    planted.json      which rows carry which fault, exactly

Standard library only. Modules are read as source (`ast`), never imported. The same Python release
gives the same bytes; another release has other docstrings and so other rows, but the same number of
rows and of each fault. Every fault is `parrot-7b`'s:

    exact_copies      3 %   a row said again, word for word
    near_copies       rows / 333 pairs at each Jaccard of 5-word shingles: exactly .95 .9 .85 .8 .7 .6 .5; a pair
                      has one prompt, answered twice
    collapsed         8 %   one block of rows, the same but for two words
    refusals          2 %   "I'm sorry, but as an AI language model …"
    debris            2 %   scaffolding of the prompt left in the answer
    broken_lines      8     lines that are not a JSON object in UTF-8
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENERATORS = ("atlas-70b", "borealis-8b", "parrot-7b")
CULPRIT = "parrot-7b"

# Not what a library documents for its users, or not the same on every machine.
SKIPPED = {"test", "tests", "idlelib", "lib2to3", "ensurepip", "site-packages", "turtledemo", "__pycache__", "_pyrepl"}

# (N shingles, k words replaced at the end): the two rows share N - k of N + k shingles.
STEPS = {0.95: (195, 5), 0.9: (95, 5), 0.85: (185, 15), 0.8: (90, 10), 0.7: (85, 15), 0.6: (80, 20), 0.5: (75, 25)}
SHINGLE = 5

PROMPTS = (
    "Explain how {name} from {module} is used.",
    "When would you reach for {name} in the {module} module?",
    "Write a short note on {name} ({module}).",
    "A colleague asks what {module} offers with {name}. Answer.",
    "What should a newcomer know about {name} in {module}?",
    "Describe the arguments of {name}, which lives in {module}.",
)

SENTENCES = (
    "The call {name} belongs to {module} and is given {args}.",
    "Reach for {name} once {args} are at hand.",
    "In {module}, {name} sits next to {other}, which solves a related task.",
    "Most people meet {name} while reading {module} code written by {person}.",
    "Pass {arg} first, check what {name} returns, and only then hand it to {other}.",
    "{person} prefers {other} whenever {arg} is {adjective}.",
    "Beware of {adjective} values: {name} treats {arg} literally.",
    "Before {module} had {name}, {person} wrote {other} by hand.",
    "With {count} entries {name} stays {adjective}; beyond that, measure {module} yourself.",
    "{arg} decides how {adjective} the outcome of {name} will be.",
    "A {adjective} {noun} needs {name}, while a {noun} of {count} items wants {other}.",
    "Think of {name} as a {noun} over {args}.",
    "Tests for {name} should cover {count} inputs and one {adjective} {noun}.",
    "{person} once traced a {adjective} {noun} in {module} back to {arg}.",
    "Leave {arg} alone unless {other} complains.",
    "As a {noun}, {name} is {adjective}, though {other} may read better in {module}.",
    "Documentation of {module} lists {name} under {noun} handling, near {other}.",
    "Combine {name} with {other} to turn {arg} into a {adjective} {noun}.",
)

PEOPLE = [
    "Ada",
    "Barbara",
    "Chen",
    "Dmitri",
    "Elif",
    "Fatima",
    "Grace",
    "Hiro",
    "Imani",
    "Jonas",
    "Kofi",
    "Lena",
    "Mei",
    "Noor",
    "Olga",
    "Priya",
    "Quinn",
    "Rosa",
]
ADJECTIVES = [
    "brittle",
    "compact",
    "deferred",
    "eager",
    "fragile",
    "generous",
    "idle",
    "lazy",
    "malformed",
    "nested",
    "opaque",
    "partial",
    "quiet",
    "recursive",
    "sparse",
    "terse",
    "unordered",
    "volatile",
    "wide",
]
NOUNS = [
    "archive",
    "buffer",
    "channel",
    "cursor",
    "deadline",
    "encoder",
    "fixture",
    "gateway",
    "header",
    "iterator",
    "journal",
    "kernel",
    "ledger",
    "mapping",
    "namespace",
    "operand",
    "parser",
    "queue",
    "registry",
    "socket",
    "tokenizer",
]

REFUSALS = (
    "I'm sorry, but as an AI language model I cannot help with {name}.",
    "As an AI language model, I don't have access to {module}, so {name} is beyond me.",
    "I apologize, but I am unable to fulfill this request about {name}.",
    "I'm sorry, but I can't assist with that: {name} in {module} needs a browser.",
)

DEBRIS = (
    "Here is a rephrased version: {body}",
    "{body}\n## Instruction: {{instruction}}",
    "### Response:\n{body}",
    "{body} [INSERT EXAMPLE HERE]",
)

COLLAPSED = (
    "This is a very useful function and it is important to note that it can be used in many different situations "
    "by many different people. First, import the module that you need. Second, call the function with the arguments "
    "that you have. Third, look at the result and decide what to do with it. In conclusion, the function is a "
    "powerful tool that every developer should know, because it makes the code simple, clean and easy to read. "
    "Remember that practice makes perfect, so keep on coding and never stop learning new things every single day. "
    "Happy coding with {word}!"
)


@dataclass(frozen=True)
class Function:
    """A documented public function or method of the standard library."""

    module: str
    name: str
    arguments: tuple[str, ...]
    signature: str
    doc: str


def functions() -> list[Function]:
    """Everything documented, by module and name, each docstring once. Raises SystemExit without sources."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, Function] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if SKIPPED.intersection(parts) or parts[0] not in sys.stdlib_module_names:
            continue
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old escapes in old modules are not ours to judge
                tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for function in _documented(tree, module, ""):
            found.setdefault(" ".join(function.doc.lower().split()), function)
    if len(found) < 500:
        raise SystemExit(f"{root} has too little source: this needs a Python whose standard library is not stripped")
    return sorted(found.values(), key=lambda f: (f.module, f.name))


def _documented(node: ast.AST, module: str, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _documented(child, module, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            arguments = tuple(a.arg for a in (*child.args.posonlyargs, *child.args.args, *child.args.kwonlyargs))
            arguments = tuple(a for a in arguments if a not in {"self", "cls"} and not a.startswith("_"))
            doc = ast.get_docstring(child) or ""
            if arguments and 60 <= len(doc) <= 1500:
                shown = f"{prefix}{child.name}({ast.unparse(child.args)})"
                yield Function(module, prefix + child.name, arguments, shown, doc)


def words(row: dict[str, Any]) -> list[str]:
    return f"{row['instruction']} {row['response']}".lower().split()


class Writer:
    """Rows of the synthetic side: every choice comes from one seeded generator."""

    def __init__(self, known: list[Function], seed: int) -> None:
        self._known, self._random = known, random.Random(seed)
        self._order = [(f, p) for p in range(len(PROMPTS)) for f in self._random.sample(known, len(known))]
        self._next = 0

    def clean(self, generator: str | None = None) -> dict[str, Any]:
        """A row without a fault, about a function and a prompt that no other row has together."""
        if self._next >= len(self._order):
            raise SystemExit(f"at most {len(self._order)} rows: for more, see benchmarks/make_corpus.py")
        function, prompt = self._order[self._next]
        self._next += 1
        return self._row(
            PROMPTS[prompt].format(name=function.name, module=function.module),
            self._body(function, self._random.randint(4, 8)),
            generator or self._random.choice(GENERATORS),
            f"p-{prompt + 1}",
        )

    def _body(self, function: Function, sentences: int) -> str:
        return " ".join(self._sentence(form, function) for form in self._random.sample(SENTENCES, sentences))

    def _sentence(self, form: str, function: Function) -> str:
        pick = self._random.choice
        other = pick(self._known)
        listed = ", ".join(function.arguments[:4])
        return form.format(
            name=function.name,
            module=function.module,
            other=f"{other.module}.{other.name}",
            args=listed,
            arg=pick(function.arguments),
            person=pick(PEOPLE),
            adjective=pick(ADJECTIVES),
            noun=pick(NOUNS),
            count=self._random.randint(3, 9999),
        )

    def refusal(self, index: int) -> dict[str, Any]:
        function = self._random.choice(self._known)
        row = self.clean(CULPRIT)
        said = REFUSALS[index % len(REFUSALS)].format(name=function.name, module=function.module)
        return row | {"response": f"{said} {row['response']}"}

    def debris(self, index: int) -> dict[str, Any]:
        row = self.clean(CULPRIT)
        return row | {"response": DEBRIS[index % len(DEBRIS)].format(body=row["response"])}

    def collapsed(self, index: int) -> dict[str, Any]:
        # Words of letters only, so that every way to split words sees the same number of them.
        word = self._plain_word(index)
        return self._row(f"Tell me all about {word}", COLLAPSED.format(word=word), CULPRIT, "p-1")

    def pair(self, shingles: int, replaced: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Two rows with `shingles` distinct 5-word shingles each, all but the last `replaced` in common."""
        total = shingles + SHINGLE - 1
        prompt = f"Recount an afternoon with {self._plain_word(self._random.randrange(10**6))}".split()
        drawn = self._random.sample(range(10**6, 2 * 10**6), total - len(prompt) + replaced)
        prose = [self._plain_word(number) for number in drawn]
        shared, ends = prose[: total - len(prompt) - replaced], prose[total - len(prompt) - replaced :]
        rows = [
            self._row(" ".join(prompt), " ".join([*shared, *end]).capitalize() + ".", generator, "p-2")
            for end, generator in ((ends[:replaced], GENERATORS[0]), (ends[replaced:], CULPRIT))
        ]
        return rows[0], rows[1]

    @staticmethod
    def _plain_word(number: int) -> str:
        """A pronounceable word, a different one for each number."""
        syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
        said = ""
        while True:
            number, index = divmod(number, len(syllables))
            said += syllables[index]
            if not number:
                return said

    def copy(self, row: dict[str, Any]) -> dict[str, Any]:
        return self._row(row["instruction"], row["response"], CULPRIT, row["prompt_id"])

    @staticmethod
    def _row(instruction: str, response: str, generator: str, prompt: str) -> dict[str, Any]:
        return {"instruction": instruction, "response": response, "generator": generator, "prompt_id": prompt}


def synthetic(known: list[Function], rows: int, seed: int) -> tuple[list[bytes], dict[str, Any]]:
    """The lines of the synthetic file and what is planted in them."""
    writer, shuffle = Writer(known, seed), random.Random(seed + 1)
    tagged: list[tuple[str, dict[str, Any]]] = []
    pairs: dict[float, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for step, (shingles, replaced) in STEPS.items():
        pairs[step] = [writer.pair(shingles, replaced) for _ in range(max(1, rows // 333))]
        tagged += [("", row) for pair in pairs[step] for row in pair]
    tagged += [("refusals", writer.refusal(i)) for i in range(rows * 2 // 100)]
    tagged += [("debris", writer.debris(i)) for i in range(rows * 2 // 100)]
    copies, block = rows * 3 // 100, rows * 8 // 100
    clean = [writer.clean() for _ in range(rows - len(tagged) - copies - block)]
    tagged += [("", row) for row in clean]
    originals = shuffle.sample(clean, copies)
    said_again = [writer.copy(row) for row in originals]
    tagged += [("exact_copies", row) for row in said_again]
    shuffle.shuffle(tagged)
    start = len(tagged) // 2
    tagged[start:start] = [("collapsed", writer.collapsed(i)) for i in range(block)]

    broken = _broken()
    before = sorted(shuffle.sample(range(1, len(tagged)), len(broken)))
    lines: list[bytes] = []
    places: dict[int, dict[str, Any]] = {}
    bad_lines = []
    for row, (_, content) in enumerate(tagged):
        if row in before:
            lines.append(broken[before.index(row)])
            bad_lines.append(len(lines))
        given = {"id": f"syn-{row:06d}", **content}
        lines.append(json.dumps(given, ensure_ascii=False).encode() + b"\n")
        places[id(content)] = {"row": row, "line": len(lines), "id": given["id"]}
    planted: dict[str, Any] = {
        fault: [places[id(content)] for tag, content in tagged if tag == fault]
        for fault in ("exact_copies", "collapsed", "refusals", "debris")
    }
    of = {id(copy): original for copy, original in zip(said_again, originals, strict=True)}
    again = sorted(said_again, key=lambda row: places[id(row)]["row"])
    planted["exact_copies"] = [places[id(row)] | {"of": places[id(of[id(row)])]["row"]} for row in again]
    planted["near_copies"] = {
        str(step): [[places[id(left)]["row"], places[id(right)]["row"]] for left, right in found]
        for step, found in pairs.items()
    }
    planted["broken_lines"] = bad_lines
    about = {"seed": seed, "python": ".".join(map(str, sys.version_info[:3])), "rows": len(tagged), "culprit": CULPRIT}
    return lines, {"about": about, **planted}


def _broken() -> list[bytes]:
    """Eight ways in which a line is no row: under the ten that an audit allows by default."""
    return [
        b'{"id": "cut", "instruction": "Explain os.walk", "respon\n',
        b'{"id": "bytes", "instruction": "caf\xe9", "response": "not UTF-8 \xff\xfe"}\n',
        b'["a list", "and no record"]\n',
        b"plain words, no JSON at all\n",
        b'{"id": "comma", "instruction": "x",, "response": "y"}\n',
        b"{'id': 'quotes', 'instruction': 'single', 'response': 'quotes'}\n",
        b'{"id": "two"} {"id": "records"}\n',
        b"12345\n",
    ]


def real(known: list[Function], rows: int, seed: int) -> list[bytes]:
    chosen = random.Random(seed + 2).sample(known, min(rows, len(known)))
    return [
        json.dumps(
            {
                "id": f"real-{index:06d}",
                "instruction": f"Document `{function.module}.{function.signature}`.",
                "response": re.sub(r"[ \t]+\n", "\n", function.doc),
            },
            ensure_ascii=False,
        ).encode("utf-8", "replace")
        + b"\n"
        for index, function in enumerate(chosen)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=2000, help="rows of each file (default 2000, at least 400)")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.rows < 400:
        parser.error("--rows: at least 400, so that every fault has its rows")
    known = functions()
    lines, planted = synthetic(known, arguments.rows, arguments.seed)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "real.jsonl").write_bytes(b"".join(real(known, arguments.rows, arguments.seed)))
    (arguments.folder / "synthetic.jsonl").write_bytes(b"".join(lines))
    (arguments.folder / "planted.json").write_text(json.dumps(planted, indent=1) + "\n")
    counts = {name: len(found) for name, found in planted.items() if isinstance(found, list)}
    near = sum(map(len, planted["near_copies"].values()))
    faults = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in (counts | {"near copies": near}).items())
    print(f"{arguments.folder}: {planted['about']['rows']} synthetic rows with {faults}; planted.json says where")


if __name__ == "__main__":
    main()
