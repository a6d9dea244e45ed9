import { expect } from "chai";

import { type Decision, type Situation, decide } from "../../../src/oracle/daemon/decide.js";
import { DEFAULT_TOLERANCES } from "../../../src/oracle/measure/compare.js";
import { type WindowRow, newWindow } from "../../../src/oracle/state/rows.js";
import { buildMetrics } from "../../../src/sla/metrics.js";

const HOME = 1;
const HOST = 2;
const TO = 1_000_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** When it was claimed or objected to, in seconds. */
const AT = TO / 1_000 + 3_600;

const STAY = { host: HOST, claimWithinMs: 45 * DAY, objectWithinMs: 7 * DAY, observeWithinMs: 7 * DAY };
const GOOD = buildMetrics({ availabilityPpm: 1_000_000 });
const BAD = buildMetrics({ availabilityPpm: 900_000 });
const NOTHING = buildMetrics({});
const SIGNED = { ownSignature: "0x01", theirSignature: "0x02" };
const claimed = (claimant: number, metrics = GOOD) =>
  ({ state: "Claimed", claimant, since: AT, claimed: metrics }) as const;
const OBJECTED = { state: "Objected", claimant: HOST, since: AT } as const;

const OBJECT_UNTIL = AT * 1_000 + 7 * DAY;
const REPORT_UNTIL = TO + 45 * DAY;

const WINDOW: WindowRow = { ...newWindow({ vm: "0x01", sequence: 2, number: 0 }, 0, TO), isStale: false };

const SITUATION: Situation = {
  nowMs: TO,
  part: "party",
  cloud: HOST,
  timing: { claimAfterMs: DAY, bringAfterMs: 2 * HOUR },
  tolerances: DEFAULT_TOLERANCES,
  members: 3,
  isHeard: false,
};

const home = { cloud: HOME } as const;
const witness = { part: "witness", cloud: 0 } as const;
const wait = (untilMs: number): Decision => ({ do: "wait", untilMs });
const close = (outcome: "agreed" | "claimed" | "witnessed" | "disputed" | "lost" | "unasked"): Decision => ({
  do: "close",
  outcome,
});
const act = (what: Exclude<Decision["do"], "wait" | "close">): Decision => ({ do: what });

type Row = readonly [string, Partial<WindowRow>, Partial<Situation>, Decision];

const ROWS: readonly Row[] = [
  ["anything that may be out of date", { isStale: true, state: "Agreed" }, {}, act("refresh")],
  ["agreed", { state: "Agreed" }, {}, close("agreed")],
  ["witnessed", { state: "Witnessed" }, {}, close("witnessed")],
  ["disputed", { state: "Disputed" }, home, close("disputed")],

  ["unreported, host has not measured", {}, {}, act("measure")],
  ["unreported, home has not measured", {}, home, act("measure")],
  ["unreported, host has measured", { metrics: GOOD }, {}, act("propose")],
  ["unreported, home has measured", { metrics: GOOD }, home, wait(TO + DAY)],
  ["refused, before the time to claim", { metrics: GOOD, isRefused: true }, { nowMs: TO + DAY - 1 }, wait(TO + DAY)],
  ["refused, at the time to claim", { metrics: GOOD, isRefused: true }, { nowMs: TO + DAY }, act("claim")],
  ["silence, at the time to claim", { metrics: GOOD }, { nowMs: TO + DAY }, act("claim")],
  ["silence, at home, at the time to claim", { metrics: GOOD }, { ...home, nowMs: TO + DAY }, act("claim")],
  [
    "a time to claim beyond half of what the contract allows",
    { metrics: GOOD },
    { ...home, timing: { claimAfterMs: 40 * DAY, bringAfterMs: 0 } },
    wait(TO + 22.5 * DAY),
  ],
  ["nothing could be measured", { metrics: NOTHING }, {}, wait(REPORT_UNTIL + 1_000)],
  ["signed by both, at host", { metrics: GOOD, ...SIGNED }, {}, act("bring")],
  ["signed by both, at home, host may still bring it", { metrics: GOOD, ...SIGNED }, home, wait(TO + 2 * HOUR)],
  [
    "signed by both, at home, host did not bring it",
    { metrics: GOOD, ...SIGNED },
    { ...home, nowMs: TO + 2 * HOUR },
    act("bring"),
  ],
  ["signed by both, after the time to claim", { metrics: GOOD, ...SIGNED }, { nowMs: TO + 2 * DAY }, act("bring")],
  ["signed by one", { metrics: GOOD, ownSignature: "0x01" }, {}, act("propose")],
  ["the last moment to report", { metrics: GOOD }, { nowMs: REPORT_UNTIL }, act("claim")],
  ["after the last moment to report", { metrics: GOOD }, { nowMs: REPORT_UNTIL + 1 }, close("lost")],

  ["claimed by this side", { metrics: GOOD, ...claimed(HOST) }, {}, wait(OBJECT_UNTIL + 1_000)],
  ["claimed by the other side, not measured", claimed(HOME), {}, act("measure")],
  ["claimed by the other side, the same", { metrics: GOOD, ...claimed(HOME) }, {}, wait(OBJECT_UNTIL + 1_000)],
  ["claimed by the other side, otherwise", { metrics: BAD, ...claimed(HOME) }, {}, act("object")],
  ["claimed by the other side, otherwise, at home", { metrics: BAD, ...claimed(HOST) }, home, act("object")],
  [
    "claimed by the other side, nothing to compare",
    { metrics: NOTHING, ...claimed(HOME) },
    {},
    wait(OBJECT_UNTIL + 1_000),
  ],
  ["claimed against a signed report", { metrics: GOOD, ...SIGNED, ...claimed(HOST) }, home, act("bring")],
  ["the last moment to object", { metrics: BAD, ...claimed(HOME) }, { nowMs: OBJECT_UNTIL }, act("object")],
  [
    "after the last moment to object",
    { metrics: BAD, ...claimed(HOME) },
    { nowMs: OBJECT_UNTIL + 1 },
    close("claimed"),
  ],

  ["objected, at a party", { metrics: GOOD, ...OBJECTED }, {}, wait(OBJECT_UNTIL + 1_000)],
  ["objected, with a signed report", { metrics: GOOD, ...SIGNED, ...OBJECTED }, {}, act("bring")],
  ["objected, all were heard", { metrics: GOOD, ...OBJECTED, observations: 3 }, {}, act("finalise")],
  [
    "objected, two of three were heard",
    { metrics: GOOD, ...OBJECTED, observations: 2 },
    {},
    wait(OBJECT_UNTIL + 1_000),
  ],
  [
    "objected, nobody knows who the witnesses are",
    { metrics: GOOD, ...OBJECTED, observations: 3 },
    { members: undefined },
    wait(OBJECT_UNTIL + 1_000),
  ],
  ["objected, no witnesses", { metrics: GOOD, ...OBJECTED }, { members: 0 }, wait(OBJECT_UNTIL + 1_000)],
  [
    "objected, the last moment to observe",
    { metrics: GOOD, ...OBJECTED },
    { nowMs: OBJECT_UNTIL },
    wait(OBJECT_UNTIL + 1_000),
  ],
  [
    "objected, after the last moment to observe",
    { metrics: GOOD, ...OBJECTED },
    { nowMs: OBJECT_UNTIL + 1 },
    act("finalise"),
  ],

  ["a witness that has not measured", {}, witness, act("measure")],
  ["a witness that has measured", { metrics: GOOD }, witness, wait(REPORT_UNTIL + 1_000)],
  [
    "a witness after the last moment to report",
    { metrics: GOOD },
    { ...witness, nowMs: REPORT_UNTIL + 1 },
    close("unasked"),
  ],
  ["a witness of a claim", { metrics: GOOD, ...claimed(HOST) }, witness, wait(OBJECT_UNTIL + 1_000)],
  ["a witness of a claim that it has not measured", claimed(HOST), witness, act("measure")],
  ["a witness that is asked", { metrics: GOOD, ...OBJECTED }, witness, act("observe")],
  ["a witness that is asked before it has measured", OBJECTED, witness, act("measure")],
  ["a witness that is asked and saw nothing", { metrics: NOTHING, ...OBJECTED }, witness, wait(OBJECT_UNTIL + 1_000)],
  [
    "a witness that was heard",
    { metrics: GOOD, ...OBJECTED },
    { ...witness, isHeard: true },
    wait(OBJECT_UNTIL + 1_000),
  ],
  ["a witness at the last moment", { metrics: GOOD, ...OBJECTED }, { ...witness, nowMs: OBJECT_UNTIL }, act("observe")],
  [
    "a witness that is too late",
    { metrics: GOOD, ...OBJECTED },
    { ...witness, nowMs: OBJECT_UNTIL + 1 },
    act("finalise"),
  ],
];

describe("decide", function () {
  for (const [what, window, situation, expected] of ROWS) {
    it(`${expected.do}: ${what}`, function () {
      expect(decide({ ...WINDOW, ...window }, STAY, { ...SITUATION, ...situation })).to.deep.equal(expected);
    });
  }
});
