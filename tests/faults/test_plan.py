"""A seed's plan is the same each time, and holds everything that a run is to go through."""

from tests.faults.plan import ESSENTIAL, EVERY, Deed, Plan


def test_a_seed_gives_one_plan():
    assert Plan.of(7, 60) == Plan.of(7, 60)
    assert Plan.of(7, 60).actions != Plan.of(8, 60).actions


def test_a_short_run_has_each_kind_of_fault_and_a_long_one_strikes_everything():
    assert {(fault.trouble, fault.target) for fault in Plan.of(1, 30).faults} == set(ESSENTIAL)
    struck = {(fault.trouble, fault.target) for seed in range(1, 11) for fault in Plan.of(seed, 150).faults}
    assert struck == {*ESSENTIAL, *EVERY}


def test_traders_do_everything_in_every_language_and_by_the_api():
    plan = Plan.of(1, 150)
    for language in ("en", "es", "pt"):
        deeds = {action.deed for action in plan.actions if action.trader.number and action.trader.language == language}
        assert deeds == set(Deed)
    by_api = {action.deed for action in plan.actions if action.trader.number is None}
    assert by_api == {Deed.PLACE, Deed.AMEND, Deed.CANCEL, Deed.CANCEL_ALL}
    assert len({action.key for action in plan.actions}) == len(plan.actions)


def test_a_plan_can_be_printed_and_read():
    lines = str(Plan.of(1, 30)).splitlines()
    assert any("***" in line for line in lines)
    assert any("place" in line for line in lines)
