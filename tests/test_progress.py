"""How a long job tells how far it is."""

from perfclone.progress import counted, titled


def test_things_are_passed_on_and_told_after_each():
    told = []
    things = counted("abc", lambda *what: told.append(what), "letters", 3)
    assert next(things) == "a" and not told
    assert list(things) == ["b", "c"] and told == [("letters", 1, 3), ("letters", 2, 3), ("letters", 3, 3)]
    assert list(counted("abc", None, "letters", 3)) == ["a", "b", "c"]


def test_a_job_within_a_job_is_told_under_the_outer_name():
    told = []
    titled(lambda *what: told.append(what), "poses of a.mp4")("poses", 2, 5)
    assert told == [("poses of a.mp4", 2, 5)] and titled(None, "poses of a.mp4") is None
