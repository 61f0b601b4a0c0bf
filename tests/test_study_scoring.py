"""What the answers of a blind study say, and which are not counted."""

import json

import pytest
from studied import answer_file, toward

from eval.study import Preference, score
from perfclone.errors import UserError


@pytest.mark.parametrize(
    ("a", "b", "share", "low", "high", "p"),
    [
        (9, 1, 0.9, 0.5550, 0.9975, 22 / 1024),  # p: 2 (C(10,9) + C(10,10)) / 2^10
        (5, 5, 0.5, 0.1871, 0.8129, 1.0),
        (0, 4, 0.0, 0.0, 1 - 0.025 ** (1 / 4), 2 / 16),  # closed forms where nobody chose it
        (4, 0, 1.0, 0.025 ** (1 / 4), 1.0, 2 / 16),
    ],
)
def test_preference_by_hand(a, b, share, low, high, p):
    found = Preference.of(a, b, 3)
    assert (found.share, found.low, found.high, found.p) == pytest.approx((share, low, high, p), abs=5e-5)
    assert found.none == 3


def test_nobody_preferring_anything_is_said_so():
    assert Preference.of(0, 0, 2) == Preference(0, 0, 2) and Preference.of(0, 0, 2).text().startswith("no preference")


def test_the_answers_of_several_participants(study, tmp_path):
    key = study.key

    def picky(pair):
        return "none" if pair["clip"] == "danceclip" else toward("b")(pair)

    files = [
        answer_file(tmp_path / "1.json", key, toward("a"), "ann"),
        answer_file(tmp_path / "2.json", key, lambda pair: "left", "bob"),
        answer_file(tmp_path / "3.json", key, picky, "cyd"),
    ]
    result = score(files, key)
    assert result.methods == ("zorkmethod", "quuxmethod")
    # ann: 4 for a. bob: the sides are balanced, so 2 and 2. cyd: 2 of walkclip for b, 2 of danceclip for none.
    assert (result.overall.a, result.overall.b, result.overall.none) == (6, 4, 2)
    assert result.overall == Preference.of(6, 4, 2)
    assert result.clips["danceclip"].none == 2 and result.clips["walkclip"].none == 0
    assert (result.by_participant.a, result.by_participant.b, result.by_participant.none) == (1, 1, 1)
    assert result.same == {"none": 2, "left": 1, "right": 0}
    assert [result.participants[who]["consistent"] for who in ("ann", "bob", "cyd")] == [True, False, True]
    assert result.consistent == 2
    text = result.text()
    assert "3 participants; how often zorkmethod was preferred to quuxmethod" in text and "not independent" in text
    assert "6 of 10 (60.0 %; 95 % interval 26.2-87.8 %; p = 0.7539); no difference: 2" in text


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda saved: saved.update(study="feed"), r"a\.json answers another study \(feed\)"),
        (lambda saved: saved.update(answers=[]), r"a\.json holds no answers"),
        (lambda saved: saved["answers"].pop(), r"leaves 1 of 6 pairs open"),
        (lambda saved: saved["answers"][0].update(pair="feed"), r"a\.json is damaged"),
        (lambda saved: saved["answers"][0].update(choice="up"), r"a\.json is damaged"),
        (lambda saved: saved["answers"].append(saved["answers"][0]), r"a\.json is damaged"),
        (lambda saved: saved.pop("participant"), "is not the answers of a study"),
        (lambda saved: saved.update(format=9), "is not the answers of a study"),
    ],
)
def test_answers_that_cannot_be_counted_are_refused(study, tmp_path, spoil, sentence):
    path = answer_file(tmp_path / "a.json", study.key, toward("a"))
    saved = json.loads(path.read_text())
    spoil(saved)
    path.write_text(json.dumps(saved))
    with pytest.raises(UserError, match=sentence):
        score([path], study.key)


def test_files_that_are_no_answers_are_refused(study, tmp_path):
    path = answer_file(tmp_path / "a.json", study.key, toward("a"))
    with pytest.raises(UserError, match="second file of participant 'p1'"):
        score([path, path], study.key)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        score([tmp_path / "none.json"], study.key)
    with pytest.raises(UserError, match="is not a key"):
        score([path], path)
    secret = json.loads(study.key.read_text())
    secret["pairs"] = dict(list(secret["pairs"].items())[:3])
    (tmp_path / "key.json").write_text(json.dumps(secret))
    with pytest.raises(UserError, match=r"key\.json is damaged"):
        score([path], tmp_path / "key.json")
    path.write_text(path.read_text()[:50])
    with pytest.raises(UserError, match="damaged and cannot be read as JSON"):
        score([path], study.key)
