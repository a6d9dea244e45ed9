import { freshSalt } from "../../documents/build.js";
import { documentDigest } from "../../documents/hash.js";
import type { AgreedReport } from "../../documents/types.js";
import { metricBit } from "../../sla/metrics.js";
import { isReportSignature } from "../chain.js";
import { measuredNames, onlyMetrics } from "../measure/metricNames.js";
import { DEFINITE, type Refused } from "../peer/protocol.js";
import type { WindowKey, WindowRow } from "../state/rows.js";
import { type Bench, nameOfWindow, postpone, record, wouldDo } from "./bench.js";

interface Proposed {
  readonly window: WindowRow;
  readonly report: AgreedReport;
  readonly signature: string;
}

/**
 * The host's side of an agreed result: asks home which metrics it can compare, signs a report of those, and has home sign it.
 * @returns How many windows got on: signed by home, or refused for good.
 * @throws BusError if home cannot be asked.
 */
export async function propose(bench: Bench, home: number, windows: readonly WindowRow[]): Promise<number> {
  if (bench.isDryRun) return wouldDo(bench, "propose", windows);
  const ready = await learnTheirs(bench, home, windows);
  for (const window of ready) await signReport(bench, window);
  const proposals = ready.flatMap((window) => proposalOf(bench, window));
  if (proposals.length > 0) await askForSignatures(bench, home, proposals);
  const after = windows.flatMap((window) => bench.store.window(window) ?? []);
  return after.filter(({ theirSignature, isRefused }) => theirSignature !== undefined || isRefused).length;
}

async function askForSignatures(bench: Bench, home: number, proposals: readonly Proposed[]): Promise<void> {
  await bench.checkpoint("before proposing");
  const { answers } = await bench.peers.countersign(
    home,
    proposals.map(({ report, signature }) => ({ report, signature })),
  );
  await bench.checkpoint("after proposing");
  for (const [index, proposed] of proposals.entries()) {
    const answer = answers[index];
    if (!answer) continue;
    if ("refusal" in answer) takeRefusal(bench, proposed.window, answer);
    else await takeSignature(bench, home, proposed, answer.signature);
  }
}

/** Home's own metrics, so that nothing is signed that home cannot compare. Resolves to the windows that can be proposed. */
async function learnTheirs(bench: Bench, home: number, windows: readonly WindowRow[]): Promise<WindowRow[]> {
  const asked = windows.filter(({ theirMeasured, report }) => theirMeasured === undefined && report === undefined);
  if (asked.length > 0) {
    const { answers } = await bench.peers.measured(
      home,
      asked.map(({ vm, sequence, number }) => ({ vm, sequence, window: number })),
    );
    for (const [index, window] of asked.entries()) {
      const answer = answers[index];
      if (!answer) continue;
      if ("refusal" in answer) takeRefusal(bench, window, answer);
      else record(bench, window, { theirMeasured: answer.measured });
    }
  }
  return windows
    .map((window) => bench.store.window(window) ?? window)
    .filter(({ theirMeasured, report }) => theirMeasured !== undefined || report !== undefined);
}

/** Writes down what is proposed, then signs it. There is one report of a window, however often this is done. */
async function signReport({ store, desk, federation, checkpoint }: Bench, window: WindowRow): Promise<void> {
  const { vm, sequence, number, metrics, theirMeasured = 0 } = window;
  if (!metrics) return;
  const names = measuredNames(metrics).filter((name) => (theirMeasured & metricBit(name)) !== 0);
  if (!window.report && names.length === 0) {
    const problem = "NOTHING_IN_COMMON: home measured none of the metrics that were measured here";
    store.patchWindow(window, { isRefused: true, problem });
    return;
  }
  const values = onlyMetrics(metrics, names);
  const report = window.report ?? { vm, sequence, window: number, metrics: { values, salt: freshSalt() } };
  if (!window.report) store.patchWindow(window, { report });
  await checkpoint("before a report is signed");
  if (window.ownSignature !== undefined) return;
  const { signature } = await desk.sign(federation, "AgreedReport", report);
  store.patchWindow(window, { ownSignature: signature });
  await checkpoint("after a report was signed");
}

function proposalOf({ store }: Bench, key: WindowKey): Proposed[] {
  const window = store.window(key);
  if (!window?.report || window.ownSignature === undefined || window.isRefused) return [];
  return [{ window, report: window.report, signature: window.ownSignature }];
}

function takeRefusal(bench: Bench, window: WindowRow, { refusal, metrics = [] }: Refused): void {
  bench.telemetry.proposals.inc({ outcome: refusal });
  const problem = `home refuses: ${[refusal, ...metrics].join(" ")}`;
  if (DEFINITE.includes(refusal)) {
    bench.store.patchWindow(window, { isRefused: true, problem });
    bench.log("refused", { ...nameOfWindow(window), refusal, metrics });
    return;
  }
  // Something may have happened on the chain meanwhile.
  if (refusal === "FINAL") bench.store.patchWindow(window, { isStale: true });
  // The key that signed is no longer host's: the same report is signed again, with the one it has now.
  if (refusal === "BAD_SIGNATURE") bench.store.patchWindow(window, { ownSignature: undefined });
  postpone(bench, window, problem);
}

async function takeSignature(bench: Bench, home: number, proposed: Proposed, signature: string): Promise<void> {
  const { federation, telemetry, checkpoint } = bench;
  const { window, report } = proposed;
  const digest = documentDigest(federation.oracleDomain, "AgreedReport", report);
  if (await isReportSignature(federation, home, digest, signature)) {
    telemetry.proposals.inc({ outcome: "SIGNED" });
    record(bench, window, { theirSignature: signature });
    await checkpoint("after a countersignature was written down");
    return;
  }
  telemetry.proposals.inc({ outcome: "BAD_SIGNATURE" });
  postpone(bench, window, "PEER_NONSENSE: what home answered is not its signature");
}
