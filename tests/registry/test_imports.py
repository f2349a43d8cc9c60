"""What other tools write, read as lineage: files of our own making in their formats."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.model.card import Generator, Model, Source
from auditor.model.errors import AuditorError, ConfigError, UnreadableFile
from auditor.registry import imports
from auditor.registry.imports import Declared

README = """---
license: cc-by-nc-4.0
language:
- en
language_creators:
- machine-generated
tags:
- synthetic
- self-instruct
source_datasets:
- original
- extended|squad
- ada/birds
colour: blue
---
# Birds

![a swift](swift.png)

Questions about birds, asked by people
and answered by a model.

## More
"""

PIPELINE = {
    "distilabel": {"version": "1.5.3"},
    "pipeline": {
        "name": "answers",
        "description": "Answers about birds.",
        "steps": [
            {
                "name": "load",
                "step": {
                    "name": "load",
                    "repo_id": "ada/questions",
                    "split": "train",
                    "type_info": {"module": "distilabel.steps.generators.huggingface", "name": "LoadDataFromHub"},
                },
            },
            {
                "name": "write",
                "step": {
                    "name": "write",
                    "llm": {
                        "generation_kwargs": {
                            "temperature": 0.7,
                            "max_new_tokens": 512,
                            "stop": None,
                            "extra": {"a": 1},
                        },
                        "model": "ada/nest-7b",
                        "revision": "0123abc",
                        "base_url": "https://ada:hunter2@example.org/v1",
                        "type_info": {"module": "distilabel.models.llms.vllm", "name": "vLLM"},
                    },
                    "system_prompt": "Be brief.\n",
                    "template": "Q: {{ instruction }}",
                    "type_info": {"module": "distilabel.steps.tasks.text_generation", "name": "TextGeneration"},
                },
            },
            {
                "name": "mix",
                "step": {
                    "name": "mix",
                    "llm": {
                        "aggregator_llm": {
                            "model_id": "ada/owl",
                            "revision": "main",
                            "type_info": {"name": "OpenAILLM"},
                        },
                        "proposers_llms": [{"model_path": "owl.gguf", "type_info": {"name": "LlamaCppLLM"}}],
                    },
                    "template": "{{ instruction }}",
                    "type_info": {"name": "TextGeneration"},
                },
            },
            {
                "name": "rate",
                "step": {
                    "name": "rate",
                    "llm": {"model": "judge-1", "type_info": {"name": "OpenAILLM"}},
                    "type_info": {"name": "UltraFeedback"},
                },
            },
        ],
        "connections": [],
    },
}

KNOWLEDGE = """version: 3
domain: birds
created_by: ada
seed_examples:
  - context: |
      Swifts sleep in the air.
    questions_and_answers:
      - question: Where do swifts sleep?
        answer: In the air.
      - question: Do swifts land?
        answer: To breed.
document_outline: birds
document:
  repo: https://github.com/ada/birds.git
  commit: 1234567
  patterns: ['*.md']
"""

SKILL = """version: 2
task_description: rhymes
created_by: bob
seed_examples:
  - question: Rhyme with cat.
    answer: Hat.
"""


def read(tmp_path: Path, name: str, content: str) -> Declared:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return imports.read(path)


def sha(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_card_of_the_hub(tmp_path: Path) -> None:
    found = read(tmp_path, "README.md", README)
    assert (found.kind, found.licence) == ("synthetic", "cc-by-nc-4.0")
    assert found.description == "Questions about birds, asked by people and answered by a model."
    assert found.lineage.technique == "self-instruct"
    assert [source.file for source in found.lineage.parents] == [
        "https://huggingface.co/datasets/squad",
        "https://huggingface.co/datasets/ada/birds",
    ]
    assert "not understood: colour" in found.notes
    assert not [note for note in found.notes if "language" in note and "not understood" in note]


@pytest.mark.parametrize(
    ("creators", "kind", "technique"),
    [
        (["crowdsourced"], "real", "human"),
        (["found"], "real", "collected"),
        (["machine-generated", "expert-generated"], "mixed", None),
        ([], None, None),
    ],
)
def test_who_wrote_it_decides_the_kind(tmp_path: Path, creators: list[str], kind: str, technique: str | None) -> None:
    found = read(
        tmp_path,
        "README.md",
        f"---\nlanguage_creators: {json.dumps(creators)}\nlicense: other\nlicense_name: own\n---\n",
    )
    assert (found.kind, found.lineage.technique, found.licence) == (kind, technique, "own")


@pytest.mark.parametrize("form", ["pipeline.yaml", "pipeline.json"])
def test_a_distilabel_pipeline(tmp_path: Path, form: str) -> None:
    text = json.dumps(PIPELINE) if form.endswith("json") else yaml.dump(PIPELINE, sort_keys=False)
    found = read(tmp_path, form, text)
    lineage = found.lineage
    assert found.kind == "synthetic"
    assert lineage.technique == "distillation"
    assert lineage.generators == (
        Generator(
            Model("ada/nest-7b", "0123abc"), "vLLM", {"temperature": 0.7, "max_new_tokens": 512}, sha("Be brief.\n")
        ),
        Generator(Model("owl.gguf"), "LlamaCpp"),
        Generator(Model("ada/owl"), "OpenAI"),
    )
    assert {prompt.name: prompt.digest for prompt in lineage.prompts} == {
        "write.template": sha("Q: {{ instruction }}"),
        "write.system_prompt": sha("Be brief.\n"),
    }
    assert lineage.judges == (Model("judge-1"),)
    assert lineage.seeds == (Source(None, file="https://huggingface.co/datasets/ada/questions"),)
    assert lineage.facts == {"program": "distilabel 1.5.3"}
    assert "hunter2" not in repr(found)


def test_a_taxonomy_of_instructlab(tmp_path: Path) -> None:
    leaf = read(tmp_path, "tree/knowledge/birds/qna.yaml", KNOWLEDGE)
    assert leaf.lineage.seeds[0].rows == 2
    assert leaf.lineage.seeds[1] == Source(None, file="https://github.com/ada/birds.git#1234567")
    (tmp_path / "tree/knowledge/birds/attribution.txt").write_text(
        "Title of work: Swifts\nLicense of the work: CC-BY-SA-4.0\nCreator names: Ada\n"
    )
    read(tmp_path, "tree/skills/rhymes/qna.yaml", SKILL)
    found = imports.read(tmp_path / "tree")
    assert found.lineage.technique == "taxonomy"
    assert found.lineage.people == ("ada", "bob")
    seeds = found.lineage.seeds[0]
    assert (seeds.file, seeds.rows) == ((tmp_path / "tree").as_posix(), 3)
    read(tmp_path, "tree/skills/rhymes/qna.yaml", SKILL.replace("Hat", "Bat"))
    assert imports.read(tmp_path / "tree").lineage.seeds[0].digest != seeds.digest
    assert found.licence == "CC-BY-SA-4.0"
    assert "beside 1 of 2 leaves" in found.notes[0]


def test_croissant_with_other_prefixes(tmp_path: Path) -> None:
    document = {
        "@context": {"@vocab": "https://schema.org/"},
        "@type": ["https://schema.org/Dataset"],
        "name": "birds",
        "license": {"@type": "CreativeWork", "url": "https://creativecommons.org/licenses/by-sa/4.0/"},
        "creator": [{"@type": "Person", "name": "Ada"}],
        "description": "Birds.",
        "http://www.w3.org/ns/prov#wasDerivedFrom": ["https://example.org/nests", {"@id": "urn:dataset:eggs"}],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": "Web Crawl",
            "prov:wasAssociatedWith": [
                {"@type": "prov:SoftwareAgent", "prov:label": "gpt-4o@2024-08-06"},
                {"@type": "prov:Agent", "prov:label": "Crawlers"},
            ],
        },
        "rai:machineAnnotationTools": ["judge@1"],
    }
    found = read(tmp_path, "croissant.json", json.dumps(document))
    assert (found.licence, found.owner, found.kind, found.description) == ("CC-BY-SA-4.0", "Ada", "synthetic", "Birds.")
    assert [source.file for source in found.lineage.parents] == ["https://example.org/nests", "urn:dataset:eggs"]
    assert found.lineage.generators == (Generator(Model("gpt-4o", "2024-08-06")),)
    assert found.lineage.judges == (Model("judge", "1"),)
    assert any("Web Crawl" in note for note in found.notes)
    assert any("Crawlers" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("README.md", "---\nlicense: mit\ntags: a: b\n---\ntext\n", 3, "not plain YAML"),
        ("README.md", "---\nlicense: mit\nlicense: bsd\n---\n", 3, "given twice"),
        ("README.md", "---\n- a\n---\n", 2, "must be a mapping"),
        ("pipeline.yaml", "pipeline:\n  steps: &a [1]\n", 2, "anchors"),
        ("pipeline.yaml", "pipeline:\n  steps:\n  - step: !!python/object:os.system x\n", 3, "tags are not allowed"),
        ("pipeline.yaml", "pipeline:\n  steps:\n  - name: x\n", 3, "no 'step'"),
        ("pipeline.yaml", "pipeline:\n  steps: 5\n", 2, "must be a list"),
        ("qna.yaml", "seed_examples:\n- question: x\n", 2, "no 'answer'"),
        ("qna.yaml", "created_by: a\nseed_examples: none\n", 2, "must be a list"),
        ("qna.yaml", "seed_examples: []\ncreated_by: [a]\n", 2, "must be a text"),
        ("croissant.json", '{"@context": 1,\n "name": }', 2, "not JSON"),
    ],
)
def test_what_is_broken_is_told_with_its_line(tmp_path: Path, name: str, content: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, name, content)
    assert caught.value.line == line
    assert caught.value.file == str(tmp_path / name)


@pytest.mark.parametrize("content", ["", "just words", "a: 1\n", "{}", '{"a": 1}', "[1, 2]", "\0", "---\n---\n"])
def test_what_is_none_of_them_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError):
        read(tmp_path, "any.yaml", content)


def test_missing_files_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no such file"):
        imports.read(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="nothing in this folder"):
        imports.read(tmp_path)
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        imports.read(tmp_path / "binary.md")


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_depth_is_told(tmp_path: Path, opened: str) -> None:
    deep = '{"@context": 1, "@type": "sc:Dataset", "x": ' + opened * 100_000
    with pytest.raises(ConfigError):
        read(tmp_path, "deep.json", deep)
    closed = "[" * 700 + "]" * 700
    with pytest.raises(ConfigError):
        read(tmp_path, "deep.yaml", f"pipeline:\n  steps:\n  - step: {{x: {closed}}}\n" + "z: " + "[" * 5_000)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["prov:Plan", "seed"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["step", "llm", "type_info", "name", "model", "template", "data", "prov:label", "@type", "repo"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["steps", "description"]), values), values, values)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_shape_is_a_traceback(tmp_path: Path, pipeline: dict[str, object], one: object, other: object) -> None:
    keys = ("license", "creator", "prov:wasGeneratedBy", "prov:wasDerivedFrom", "description", "keywords")
    for document in (
        {"pipeline": pipeline, "distilabel": one},
        {"pipeline": {"steps": [{"step": one}, {"step": other}]}},
        {"seed_examples": one, "document": other},
        {"@context": {}, "@type": "sc:Dataset", **dict.fromkeys(keys, one), "prov:used": other},
    ):
        path = tmp_path / "any.json"
        path.write_text(json.dumps(document))
        front = tmp_path / "README.md"
        front.write_text(f"---\n{json.dumps({'tags': one, 'source_datasets': other, 'license': one})}\n---\n")
        for file in (path, front):
            told = str(file)
            try:
                assert isinstance(imports.read(file), Declared)
            except AuditorError as error:
                told = str(error)
            assert str(file) in told
