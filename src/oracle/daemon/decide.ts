import type { Timing } from "../config.js";
import { type Tolerances, compare } from "../measure/compare.js";
import type { Outcome, StayRow, WindowRow } from "../state/rows.js";

/** What is done next about a window. */
export type Decision =
  | { readonly do: "refresh" | "measure" | "propose" | "bring" | "claim" | "object" | "observe" | "finalise" }
  | { readonly do: "wait"; readonly untilMs: number }
  | { readonly do: "close"; readonly outcome: Outcome };

/** What a decision rests on, besides the window. */
export interface Situation {
  /** The chain's time, in milliseconds. */
  readonly nowMs: number;
  readonly part: "party" | "witness";
  /** Number of the cloud; 0 for a witness. */
  readonly cloud: number;
  readonly timing: Pick<Timing, "claimAfterMs" | "bringAfterMs">;
  readonly tolerances: Tolerances;
  /** How many witnesses the agreement names; undefined if their list is not known here. */
  readonly members: number | undefined;
  /** Whether this witness was heard already. */
  readonly isHeard: boolean;
}

type Stay = Pick<StayRow, "host" | "claimWithinMs" | "objectWithinMs" | "observeWithinMs">;

const wait = (untilMs: number): Decision => ({ do: "wait", untilMs });
const close = (outcome: Outcome): Decision => ({ do: "close", outcome });

/** Blocks count in whole seconds: the first moment after one that is still in time. */
const after = (inclusiveMs: number) => inclusiveMs + 1_000;

/**
 * What is to be done about a window. A pure function of what is written down: a process that was killed and started again
 * comes to the same decision.
 */
export function decide(window: WindowRow, stay: Stay, situation: Situation): Decision {
  const { nowMs } = situation;
  if (window.isStale) return { do: "refresh" };
  const objectUntilMs = window.since * 1_000 + stay.objectWithinMs;
  switch (window.state) {
    case "Agreed":
      return close("agreed");
    case "Witnessed":
      return close("witnessed");
    case "Disputed":
      return close("disputed");
    case "Claimed":
      if (nowMs > objectUntilMs) return close("claimed");
      return situation.part === "witness"
        ? witnessWaits(window, objectUntilMs)
        : aboutClaim(window, objectUntilMs, situation);
    case "Objected":
      return aboutObjection(window, stay, situation);
    case "None": {
      const reportUntilMs = window.toMs + stay.claimWithinMs;
      if (nowMs > reportUntilMs) return close(situation.part === "witness" ? "unasked" : "lost");
      return situation.part === "witness"
        ? witnessWaits(window, reportUntilMs)
        : aboutUnreported(window, stay, reportUntilMs, situation);
    }
  }
}

/** A witness measures every window while the samples are still there, and then waits to be asked. */
function witnessWaits({ metrics }: WindowRow, untilMs: number): Decision {
  return metrics ? wait(after(untilMs)) : { do: "measure" };
}

function isAgreed({ ownSignature, theirSignature }: WindowRow): boolean {
  return ownSignature !== undefined && theirSignature !== undefined;
}

function aboutUnreported(window: WindowRow, stay: Stay, reportUntilMs: number, situation: Situation): Decision {
  const { nowMs, timing, cloud } = situation;
  const isHost = stay.host === cloud;
  if (isAgreed(window)) {
    const bringAtMs = isHost ? 0 : window.toMs + timing.bringAfterMs;
    return nowMs >= bringAtMs ? { do: "bring" } : wait(bringAtMs);
  }
  if (!window.metrics) return { do: "measure" };
  if (window.metrics.measured === 0) return wait(after(reportUntilMs));
  // Half of the time is left for a claim that meets difficulties.
  const claimAtMs = window.toMs + Math.min(timing.claimAfterMs, stay.claimWithinMs / 2);
  if (nowMs >= claimAtMs) return { do: "claim" };
  return isHost && !window.isRefused ? { do: "propose" } : wait(claimAtMs);
}

function aboutClaim(window: WindowRow, objectUntilMs: number, situation: Situation): Decision {
  const { cloud, tolerances } = situation;
  // Who signed a report and claims something else is held to the report.
  if (isAgreed(window)) return { do: "bring" };
  if (window.claimant === cloud) return wait(after(objectUntilMs));
  if (!window.metrics) return { do: "measure" };
  const isContradicted = window.claimed && compare(window.metrics, window.claimed, tolerances).differing.length > 0;
  return isContradicted ? { do: "object" } : wait(after(objectUntilMs));
}

function aboutObjection(window: WindowRow, stay: Stay, situation: Situation): Decision {
  const { nowMs, part, members, isHeard } = situation;
  const observeUntilMs = window.since * 1_000 + stay.observeWithinMs;
  if (part === "party" && isAgreed(window)) return { do: "bring" };
  const isComplete = members !== undefined && members > 0 && window.observations >= members;
  if (nowMs > observeUntilMs || isComplete) return { do: "finalise" };
  if (part === "witness" && !isHeard) {
    if (!window.metrics) return { do: "measure" };
    if (window.metrics.measured !== 0) return { do: "observe" };
  }
  return wait(after(observeUntilMs));
}
