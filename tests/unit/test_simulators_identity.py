"""Who a simulated meter is: the same by its seed, and never one title twice under the same keys."""

from simulators.single_meter import Port, SingleOptions, identity


def test_meters_of_one_seed_started_together_share_keys_and_no_title() -> None:
    options = SingleOptions({Port.WRAPPER: 0}, seed=9)
    meters = [identity(options) for _ in range(50)]
    assert len({who.system_title for who in meters}) == len(meters)
    assert {(len(who.system_title), who.system_title[:3]) for who in meters} == {(8, b"DKE")}
    assert (
        len({(who.serial, who.password, who.encryption_key, who.authentication_key) for who in meters}) == 1
    )
