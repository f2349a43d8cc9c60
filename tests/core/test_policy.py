"""Policies: what is read from them, and everything that is refused."""

from __future__ import annotations

import operator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core import places
from auditor.core import policy as policies
from auditor.core.check import registered
from auditor.core.means import Means, Real
from auditor.core.policy import Bound, Policy
from auditor.model.errors import ConfigError

METRICS = ("near_duplicates.rate", "near_duplicates.rows", "repetition.rate")
CHECKS = ("near-duplicates", "repetition")
SHIPPED = Path(__file__).parent.parent.parent / "expectations"


def write(folder: Path, content: str, name: str = "mine") -> Path:
    path = folder / "policies" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def load(folder: Path, content: str) -> Policy:
    return policies.load(str(write(folder, content)), [folder], METRICS, CHECKS)


def test_bounds_are_read(tmp_path: Path) -> None:
    policy = load(
        tmp_path,
        'metrics:\n  near_duplicates.rate: {warn: "> 0.02", fail: ">= 1e-1"}\n'
        '  repetition.rate: {warn: ["> 0.8", "<0.2"]}\nrequired: [repetition]\n',
    )
    assert policy.name == "mine"
    assert policy.required == ("repetition",)
    assert policy.metrics["near_duplicates.rate"].fail == (Bound(">=", 0.1),)
    assert [b.wanted for b in policy.metrics["repetition.rate"].warn] == ["<= 0.8", ">= 0.2"]


@given(st.sampled_from([">", ">=", "<", "<="]), st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_a_bound_is_its_sign(sign: str, limit: float, value: float, other: float) -> None:
    compare = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
    bound = Bound(sign, limit)
    assert bound.broken(value) == compare[sign](value, limit)
    wanted, _, _ = bound.wanted.partition(" ")
    assert compare[wanted](value, limit) == (not bound.broken(value))
    if bound.worse(value, other):
        assert bound.broken(value) or not bound.broken(other)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ('metrics:\n  near_duplicate.rate: {warn: "> 1"}', 2, "did you mean 'near_duplicates.rate'"),
        ('metrics:\n  repetition.rate: {wran: "> 1"}', 2, "did you mean 'warn'"),
        ("metric: {}", 1, "did you mean 'metrics'"),
        ("required:\n- repetitions", 2, "did you mean 'repetition'"),
        ("metrics:\n  repetition.rate: {warn: 0.1}", 2, "not a bound"),
        ('metrics:\n  repetition.rate: {warn: "> 1e999"}', 2, "not a bound"),
        ('metrics:\n  repetition.rate: {warn: "about 1"}', 2, "not a bound"),
        ("metrics:\n  repetition.rate: {}", 2, "has no bound"),
        ("metrics:\n  repetition.rate: {warn: []}", 2, "empty list"),
        (
            'metrics:\n  repetition.rate:\n    warn: "> 0.2"\n    fail: "> 0.1"',
            3,
            "fails (> 0.1) before it warns (> 0.2)",
        ),
        ('metrics:\n  repetition.rate:\n    fail: ["< 0.3", "> 0.9"]\n    warn: ["< 0.2"]', 4, "before it warns"),
        ("found_with: {embeder: x}\nmetrics: {}", 1, "did you mean 'embedder'"),
        ("found_with:\n  checks: {repetitions: {}}\nmetrics: {}", 2, "did you mean 'repetition'"),
        ("found_with:\n  checks: {repetition: {n: {m: 1}}}\nmetrics: {}", 2, "a parameter is a word"),
        ("found_with:\n  versions: {repetition: 0}\nmetrics: {}", 2, "no version of repetition"),
        ("found_with:\n  real: {name: a, rows: 5}\nmetrics: {}", 2, "has no 'digest'"),
        ("found_with:\n  real: {name: a, rows: many, digest: b}\nmetrics: {}", 2, "not a number of rows"),
        ("found_with:\n  real: {name: a, rows: 5, digest: sha256:b}\nmetrics: {}", 2, "64 hexadecimal digits"),
        ("name: a", None, "sets no bound"),
        ("metrics: {repetition.rate: null}", None, "sets no bound"),
        ("name: a\nname: b", 2, "given twice"),
        ("name: &a x\nextends: *a", 1, "anchors and aliases"),
        ("name: !!python/object/apply:os.system [ls]", 1, "tags are not allowed"),
        ("name: !!binary aGk=", 1, "tags are not allowed"),
        ("name: [", None, "not plain YAML"),
        ("- name", 1, "must be a mapping"),
        ("", None, "empty"),
        ("[" * 5000, None, "nested too deeply"),
        ("name: a\n---\nname: b", 2, "not plain YAML"),
        ("name: a\x00b", None, "not YAML"),
    ],
)
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, content: str, line: int | None, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, content)
    assert message in str(caught.value)
    assert caught.value.file == str(tmp_path / "policies" / "mine.yaml")
    assert line is None or caught.value.line == line


def test_names_are_looked_up_in_order_and_suggested(tmp_path: Path) -> None:
    bound = '\nmetrics: {repetition.rate: {warn: "> 1"}}'
    write(tmp_path / "theirs", f"name: theirs{bound}")
    write(tmp_path / "ours", f"name: ours{bound}")
    folders = [tmp_path / "theirs", tmp_path / "ours"]
    assert policies.load("mine", folders, METRICS, CHECKS).name == "theirs"
    with pytest.raises(ConfigError, match="did you mean 'mine'"):
        policies.load("mien", folders, METRICS, CHECKS)
    with pytest.raises(ConfigError, match="no such policy file"):
        policies.load("./none.yaml", folders, METRICS, CHECKS)


def test_extending(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write(
        ours,
        'metrics: {repetition.rate: {warn: "> 1", fail: "> 2"}, near_duplicates.rows: {warn: "> 1"}}\n'
        "required: [repetition]",
        "default",
    )
    write(
        theirs,
        'extends: default\nmetrics: {repetition.rate: {fail: "> 3"}, near_duplicates.rows: null}',
        "default",
    )
    policy = policies.load("default", [theirs, ours], METRICS, CHECKS)
    assert policy.required == ("repetition",)
    assert list(policy.metrics) == ["repetition.rate"]
    assert policy.metrics["repetition.rate"].warn == ()
    assert str(policy.metrics["repetition.rate"].fail[0]) == "> 3"
    write(theirs, "extends: default", "third")
    with pytest.raises(ConfigError, match="extends another policy"):
        policies.load("third", [theirs, ours], METRICS, CHECKS)
    with pytest.raises(ConfigError, match="unknown policy"):
        policies.load("default", [theirs], METRICS, CHECKS)  # it cannot extend itself


def test_dropping_every_inherited_bound_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 'metrics: {repetition.rate: {warn: "> 1", fail: "> 1"}}', "default")
    with pytest.raises(ConfigError, match="sets no bound"):
        load(tmp_path, "extends: default\nmetrics: {repetition.rate: null}")


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    first = load(tmp_path, 'name: a\nmetrics:\n  repetition.rate: {warn: "> 0.10"}')
    same = load(tmp_path, '# words\nmetrics: {repetition.rate: {warn: [">0.1"]}}\nname: a')
    other = load(tmp_path, 'name: a\nmetrics:\n  repetition.rate: {warn: "> 0.11"}')
    assert first.digest == same.digest != other.digest


@pytest.mark.parametrize("name", ["default", "strict"])
def test_the_shipped_policies_name_what_is_there(name: str) -> None:
    known = registered()
    metrics = [cls.spec.metric(measure.name) for cls in known.values() for measure in cls.spec.measures]
    policy = policies.load(name, [SHIPPED], metrics, known)
    assert policy.name == name
    assert {metric.partition(".")[0] for metric in policy.metrics} == {cls.spec.prefix for cls in known.values()}


@pytest.mark.parametrize("way", ["{out}/far.yaml", "../../far.yaml", "link.yaml"])
def test_what_a_policy_of_a_workspace_extends_lies_in_it(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "ws"
    (root / "policies").mkdir(parents=True)
    (tmp_path / "far.yaml").write_text("hunter2")
    (root / "policies" / "link.yaml").symlink_to(tmp_path / "far.yaml")
    own = write(root, f"extends: {way.format(out=tmp_path)}", "own")

    def loaded(path: Path) -> policies.Policy:
        return policies.load(str(path), [], METRICS, CHECKS, root)

    with pytest.raises(ConfigError) as refused:
        loaded(own)
    assert refused.value.message == "extends: it leads out of the workspace"
    assert (refused.value.file, refused.value.line) == (str(own), 1)
    assert "hunter2" not in str(refused.value)
    (tmp_path / "far.yaml").write_text('metrics: {repetition.rate: {fail: "> 3"}}')
    # A file that the user names outside is the user's, and so is what it extends.
    assert loaded(write(tmp_path, "extends: ../far.yaml", "elsewhere")).metrics
    monkeypatch.setenv(places.OUTSIDE, str(tmp_path))
    assert loaded(own).metrics


def test_a_size_is_of_the_bounds_of_its_own_file(tmp_path: Path) -> None:
    write(tmp_path, 'metrics:\n  near_duplicates.rate: {fail: "> 0.1"}\n  repetition.rate: {fail: "> 0.2"}\n', "base")
    own = 'metrics: {repetition.rate: {fail: "> 0.3"}}\nextends: base\n'
    sized = load(tmp_path, f"{own}size: 3700\n")
    assert sized.sizes == {"repetition.rate": 3700}
    assert load(tmp_path, own).sizes == {}
    write(tmp_path, 'size: 50\nmetrics:\n  near_duplicates.rate: {fail: "> 0.1"}\n', "base")
    assert load(tmp_path, f"{own}size: 3700\n").sizes == {"near_duplicates.rate": 50, "repetition.rate": 3700}
    assert load(tmp_path, own).sizes == {"near_duplicates.rate": 50}
    dropped = "extends: base\nmetrics: {near_duplicates.rate: null, repetition.rate: {fail: '> 1'}}\n"
    assert load(tmp_path, dropped).sizes == {}


def test_a_size_is_part_of_the_digest(tmp_path: Path) -> None:
    content = 'metrics: {repetition.rate: {fail: "> 0.3"}}\n'
    plain, *others = (load(tmp_path, content + more) for more in ("", "size: 50\n", "size: 60\n"))
    assert len({plain.digest, *(other.digest for other in others)}) == 3


def test_means_are_of_the_bounds_of_their_own_file(tmp_path: Path) -> None:
    write(tmp_path, 'metrics:\n  near_duplicates.rate: {fail: "> 0.1"}\n', "base")
    own = 'metrics: {repetition.rate: {fail: "> 0.3"}}\nextends: base\n'
    said = "found_with: {embedder: m@1, checks: {repetition: {words: [a, b], least: 3}}}\n"
    assert load(tmp_path, own + said).means == {"repetition.rate": Means("m@1", {"words": ["a", "b"], "least": 3})}
    assert load(tmp_path, f"{own}found_with: {{embedder: m@1}}\n").means == {"repetition.rate": Means("m@1")}
    assert load(tmp_path, own).means == {}
    digest = f"sha256:{'ab' * 32}"
    more = f"found_with: {{real: {{name: people@2, rows: 70, digest: {digest}}}, versions: {{repetition: 2}}}}\n"
    known = Means(version=2, real=Real("people@2", 70, digest))
    assert load(tmp_path, own + more).means == {"repetition.rate": known}
    changed = [own + more.replace(*one) for one in (("@2", "@3"), ("70", "71"), ("abab", "cdcd"), (": 2}}", ": 3}}"))]
    contents = (own, own + said, own + said.replace("m@1", "m@2"), own + said.replace("3", "4"), own + more, *changed)
    assert len({load(tmp_path, content).digest for content in contents}) == 9
