#!/usr/bin/env python3
"""Deadlines worked out a second time, from the rules of the city plan and not from our program.

Prints random city plans and cases with the deadlines they must have, one JSON value a line: a plan (an object with its
text), then its cases (arrays). tests/it/deadlines.rs reads them and compares. Working days are workalendar's, months
dateutil's, zones the system's; open time is counted over a table of opening hours.

usage: deadlines.py SEED CASES
"""

import datetime as dt
import json
import random
import sys
from bisect import bisect_left, bisect_right
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from workalendar.core import Calendar

ZONES = ["Europe/Kyiv", "Europe/Vilnius", "Asia/Jerusalem", "America/New_York", "Africa/Cairo", "Asia/Beirut",
         "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu", "UTC"]
FIRST, LAST = dt.date(2025, 12, 1), dt.date(2032, 12, 31)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
MICROSECOND = dt.timedelta(microseconds=1)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
CASES_OF_A_PLAN = 500
NORMS_OF_A_PLAN = 8
LANGUAGES = ["uk", "en", "lt", "pl", "ru", "he"]
WARNINGS = [50, 80]


class City(Calendar):
    """A working week with single days off, as workalendar wants it."""

    def __init__(self, weekend, off):
        self.weekend = tuple(weekend)
        self.off = off
        super().__init__()

    def get_weekend_days(self):
        return self.weekend

    def get_calendar_holidays(self, year):
        return [(day, "off") for day in self.off if day.year == year]


class Hours:
    """When work is done: every day with its opening and closing, in microseconds since 1970."""

    def __init__(self, zone, days, hours, short):
        self.zone = ZoneInfo(zone)
        self.always = hours is None
        self.working = set(days)
        self.opening, self.closing, self.until = [], [], []
        self.closing_of = {}
        total = 0
        for day in sorted(days):
            opens, closes = short.get(day, hours) if hours else ((0, 0), None)
            begin = self.wall(day, opens, later=False)
            end = self.wall(day, closes, later=True) if closes else self.midnight_after(day)
            self.closing_of[day] = end
            if not self.always and end > begin:
                total += end - begin
                self.opening.append(begin)
                self.closing.append(end)
                self.until.append(total)

    def wall(self, day, time, later):
        """RFC 5545: a time that is skipped is read with the offset before; of two, openings are the first, closings
        the second."""
        local = dt.datetime(day.year, day.month, day.day, *time)
        early = local.replace(tzinfo=self.zone, fold=0)
        late = local.replace(tzinfo=self.zone, fold=1)
        is_skipped = early.astimezone(dt.timezone.utc).astimezone(self.zone).replace(tzinfo=None) != local
        chosen = late if later and not is_skipped else early
        return (chosen.astimezone(dt.timezone.utc) - EPOCH) // MICROSECOND

    def midnight_after(self, day):
        return self.wall(day + dt.timedelta(days=1), (0, 0), later=False)

    def date_of(self, at):
        return (EPOCH + at * MICROSECOND).astimezone(self.zone).date()

    def end_of(self, day):
        return self.closing_of[day] if day in self.working else self.midnight_after(day)

    def open_since_ever(self, at):
        if self.always:
            return at
        place = bisect_right(self.opening, at) - 1
        if place < 0:
            return 0
        before = self.until[place - 1] if place else 0
        return before + min(at, self.closing[place]) - self.opening[place]

    def between(self, begin, end):
        return max(0, self.open_since_ever(end) - self.open_since_ever(begin)) if end > begin else 0

    def later(self, at, length):
        if self.always:
            return at + length
        if length == 0:
            return max(at, self.opening[bisect_right(self.closing, at)])
        wanted = self.open_since_ever(at) + length
        place = bisect_left(self.until, wanted)
        return self.closing[place] - (self.until[place] - wanted)

    def end_of_term(self, term, at, roll):
        kind, count = term
        if kind == "PT":
            return self.later(at, count * 60_000_000)
        day = self.date_of(at)
        if kind == "wd":
            while count:
                day += dt.timedelta(days=1)
                count -= day in self.working
            return self.end_of(day)
        day += dt.timedelta(days=count) if kind == "d" else relativedelta(months=count)
        while roll and day not in self.working:
            day += dt.timedelta(days=1)
        return self.end_of(day)


def clock_text(time):
    return "24:00" if time is None else "%02d:%02d" % time


def hours_text(hours):
    return f"{clock_text(hours[0])}-{clock_text(hours[1])}"


def random_hours(rng):
    # Night hours meet the clock changes, which are between midnight and four.
    begin = rng.choice([(0, 0), (2, 0), (2, 30), (3, 0), (7, 0), (8, 0), (8, 30), (9, 0)])
    end = rng.choice([(3, 30), (4, 0), (12, 0), (16, 30), (17, 0), (21, 0), None])
    return (begin, end) if end is None or end > begin else (begin, (17, 0))


def random_days(rng, count):
    span = (dt.date(2028, 12, 31) - dt.date(2026, 1, 1)).days
    return [dt.date(2026, 1, 1) + dt.timedelta(days=rng.randrange(span)) for _ in range(count)]


def random_calendar(rng):
    """Opening hours, and the text that describes them."""
    zone = rng.choice(ZONES)
    every = [FIRST + dt.timedelta(days=n) for n in range((LAST - FIRST).days)]
    if rng.random() < 0.1:
        return Hours(zone, every, None, {}), f'[calendar.c]\ntz = "{zone}"\nalways = true\n'
    week = sorted(rng.sample(range(7), rng.randint(1, 7)))
    weekend = [day for day in range(7) if day not in week]
    holidays = set(random_days(rng, rng.randint(0, 40)))
    plain = City(weekend, holidays)
    transferred, off, worked = [], set(holidays), set()
    for give, take in zip(random_days(rng, 12), random_days(rng, 12)):
        if give != take and plain.is_working_day(give) and not plain.is_working_day(take):
            if give not in off and take not in worked and give not in worked and take not in off - holidays:
                transferred.append((give, take))
                off.add(give)
                worked.add(take)
    city = City(weekend, off - worked)
    days = [day for day in every if city.is_working_day(day, extra_working_days=list(worked))]
    hours, working = random_hours(rng), set(days)
    short = {day: random_hours(rng) for day in random_days(rng, 12) if day in working}
    text = [f'[calendar.c]\ntz = "{zone}"', f'week = "{",".join(DAYS[day] for day in week)}"',
            f'hours = "{hours_text(hours)}"', f"holidays = {json.dumps([str(day) for day in sorted(holidays)])}",
            "transferred = [%s]" % ", ".join(f'{{ off = "{off}", work = "{work}" }}' for off, work in transferred),
            "short = { %s }" % ", ".join(f'"{day}" = "{hours_text(short[day])}"' for day in sorted(short))]
    return Hours(zone, days, hours, short), "\n".join(text) + "\n"


def random_term(rng):
    kind = rng.choice(["PT", "PT", "wd", "wd", "d", "mo"])
    count = {"PT": rng.choice([15, 60, 240, 1_440, rng.randint(1, 3_000)]), "wd": rng.randint(1, 30),
             "d": rng.randint(1, 60), "mo": rng.randint(1, 3)}[kind]
    return kind, count


def term_text(term):
    kind, count = term
    return f"PT{count // 60}H{count % 60}M" if kind == "PT" else f"{count}{kind}"


def random_plan(rng):
    """Opening hours, norms as [(last day, term, roll)], and the text of the whole plan."""
    hours, text = random_calendar(rng)
    names = ", ".join(f'{language} = "x"' for language in LANGUAGES)
    parts = ['[city]\nname = "x"\nlanguage = "en"\ntz = "UTC"\n', text, '[[territory]]\nid = "t"\nname = "t"\n',
             '[[organisation]]\nid = "o"\nname = "o"\n', '[[area]]\ncategories = ["*"]\nexecutor = "o"\n']
    norms = []
    for number in range(NORMS_OF_A_PLAN):
        parts.append(f'[[category]]\nid = "k{number}"\ngroup = "g"\nname = {{ {names} }}\n')
        change = random_days(rng, 1)[0] if rng.random() < 0.5 else None
        versions, begin = [], None
        for end in ([change] if change else []) + [None]:
            term, roll = random_term(rng), rng.random() < 0.5
            versions.append((end, term, roll))
            lines = [f'[[norm]]\nid = "n{number}"\ncategory = "k{number}"\ncalendar = "c"',
                     f'resolve = "{term_text(term)}"']
            lines += ['roll = "next_working_day"'] if roll else []
            lines += [f'valid_from = "{begin}"'] if begin else []
            lines += [f'valid_to = "{end}"'] if end else []
            parts.append("\n".join(lines) + "\n")
            begin = end + dt.timedelta(days=1) if end else None
        norms.append(versions)
    return hours, norms, "\n".join(parts)


class Promise:
    """A deadline and its warnings, and what a pause and more time do to them."""

    def __init__(self, hours, registered, due):
        self.hours, self.registered, self.due = hours, registered, due
        self.term = hours.between(registered, due)
        self.not_used = 0
        self.warnings = self.warn(registered, 0)

    def warn(self, now, used):
        shares = [(percent, self.term * percent // 100) for percent in WARNINGS]
        return [[percent, self.hours.later(now, share - used)] for percent, share in shares if share > used]

    def pause(self, begin, end):
        """What was left when the pause began is left when it ends; what has passed has passed."""
        moved = lambda at: self.hours.later(end, self.hours.between(begin, at)) if at > begin else at
        if self.due > begin:
            self.not_used += self.hours.between(begin, end)
        self.due, self.warnings = moved(self.due), [[percent, moved(at)] for percent, at in self.warnings]

    def extend(self, now, due):
        self.term += self.hours.between(self.due, due)
        self.due = due
        used = self.hours.between(self.registered, now) - self.not_used
        self.warnings = self.warn(now, used)

    def state(self):
        return [self.due, self.warnings]


def random_case(rng, hours, norms):
    category = rng.randrange(NORMS_OF_A_PLAN)
    second = rng.randrange(1_767_225_600, 1_830_297_600)
    if rng.random() < 0.3:
        # At an edge: midnight, the opening, the closing, a clock change.
        at = hours.end_of(hours.date_of(second * 1_000_000)) + rng.choice([-1, 0, 1])
    else:
        at = second * 1_000_000 + rng.randrange(1_000_000)
    day = hours.date_of(at)
    _, term, roll = next(version for version in norms[category] if version[0] is None or day <= version[0])
    promise = Promise(hours, at, hours.end_of_term(term, at, roll))
    line, now = [category, at, promise.state()], at
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        now += rng.randrange(10 * 86_400) * 1_000_000
        if rng.random() < 0.6:
            until = now + rng.randrange(1, 20 * 86_400) * 1_000_000
            ended = until if rng.random() < 0.5 else now + rng.randrange(until - now)
            promise.pause(now, ended)
            line.append(["pause", now, until, ended, promise.state()])
            now = ended
        else:
            day = hours.date_of(max(now, promise.due)) + dt.timedelta(days=rng.randint(1, 20))
            promise.extend(now, hours.end_of(day))
            line.append(["extend", now, str(day), promise.state()])
    return line


def main():
    seed, cases = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    for first in range(0, cases, CASES_OF_A_PLAN):
        hours, norms, text = random_plan(rng)
        print(json.dumps({"plan": text}))
        for _ in range(min(CASES_OF_A_PLAN, cases - first)):
            print(json.dumps(random_case(rng, hours, norms), separators=(",", ":")))


if __name__ == "__main__":
    main()
