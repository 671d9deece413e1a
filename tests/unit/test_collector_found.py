"""What of a question is still without an answer when a meter breaks off."""

from collector.single.found import Asked, Found, ProfileAsked


def test_what_is_missing_stands_in_the_order_of_asking_as_often_as_it_was_asked() -> None:
    asked = Asked(("1.8.0", "1.8.1", "1.8.0"), clock=True, objects=True, profile=ProfileAsked("P.01"))
    found = Found()
    assert not found.spoken
    assert found.missing(asked) == ["objects", "clock", "1.8.0", "1.8.1", "1.8.0", "P.01"]
    found.clock, found.objects = "2026-11-20T10:00:00+07:00", []
    found.register("1.8.0", 1)
    assert found.spoken
    assert found.missing(asked) == ["1.8.1", "1.8.0", "P.01"]
    found.refuse("1.8.1", "no")
    found.refuse("32.7.0", "nobody asked")
    found.profile = {"columns": [], "rows": []}
    assert found.missing(asked) == ["1.8.0"]


def test_a_list_of_no_objects_and_a_no_are_answers_too() -> None:
    assert Found(objects=[]).spoken
    assert Found(refused=[{"item": "1.8.0", "reason": "no"}]).spoken
    assert Found().missing(Asked()) == []
