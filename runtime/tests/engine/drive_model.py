"""Runs cases through the reference model of the reorder stage, for the differential test in ../engine_model.rs.

usage: drive_model.py FOLDER_OF_THE_MODEL, with one case a line on standard input.
A case: {"ring", "tolerance", "hold", "ops"}; an op is [frame, event, time], "tick" (the clock ends all holds) or "end".
The answer: {"steps": [[[outcome, frame, number of the op that brought it], ...] for each op], "gaps"}.

The model knows no time. Rules 5 and 7 are put around it here, in the plainest way. It also counts without end, where the
engine's counter of gaps stays at the most that 64 bits hold.
"""
import json
import sys

sys.path.insert(0, sys.argv[1])
import reorder  # noqa: E402

IDLE = 60_000
MOST = 2**64 - 1


class Timed:
    def __init__(self, case):
        self.case, self.gaps, self.since = case, 0, {}
        self.fresh()

    def fresh(self):
        self.stage = reorder.Reorder(ring=self.case["ring"], tolerance=self.case["tolerance"])
        self.active = None

    def held(self):
        """Numbers of the ops whose records wait or are quarantined, the oldest first."""
        events = list(self.stage.waiting.values())
        if self.stage.quarantine is not None:
            events.append(self.stage.quarantine[1])
        return sorted(event.op for event in events)

    def expire(self, over):
        out = []
        while self.held() and over(self.since[self.held()[0]]):
            oldest, quarantine = self.held()[0], self.stage.quarantine
            if quarantine is not None and quarantine[1].op == oldest:
                self.stage.quarantine = None
                out.append(("Jump", *quarantine))
                continue
            self.stage.quarantine = None  # it has a hold of its own
            out += self.stage.hold_expired()
            self.stage.quarantine = quarantine
        return out

    def receive(self, op, frame, event, time):
        out = self.expire(lambda since: time - since >= self.case["hold"])
        if self.active is not None and time - self.active >= IDLE and not self.held():
            self.gaps += self.stage.gaps
            self.fresh()
        self.active = time
        self.since[op] = time
        return out + self.stage.receive(frame, Event(event, op))

    def run(self):
        for op, what in enumerate(self.case["ops"]):
            if what == "tick":
                out = self.expire(lambda since: True)
            elif what == "end":
                out = self.stage.end_of_stream()
            else:
                out = self.receive(op, *what)
            yield [[outcome, frame, event.op] for outcome, frame, event in out]


class Event:
    def __init__(self, text, op):
        self.text, self.op = text, op

    def __eq__(self, other):
        return self.text == other.text


for line in sys.stdin:
    timed = Timed(json.loads(line))
    steps = list(timed.run())
    print(json.dumps({"steps": steps, "gaps": min(timed.gaps + timed.stage.gaps, MOST)}), flush=True)
