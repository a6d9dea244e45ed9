import { readHead } from "../../chain/federation.js";
import { publicReport } from "../../documents/hash.js";
import type { AgreedReport, Observation } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { RevertError } from "../../errors/revert.js";
import type { WindowRow } from "../state/rows.js";
import {
  type Bench,
  type Gate,
  type Plan,
  keyOf,
  lineOf,
  postpone,
  requireAgreement,
  requireWitnesses,
  wouldDo,
} from "./bench.js";
import type { Call, Sending } from "./outbox.js";

/** What is done on the chain, the most urgent first. */
export const CHAIN_ACTIONS = ["object", "observe", "bring", "claim", "finalise"] as const;

/** What is done on the chain. */
export type ChainAction = (typeof CHAIN_ACTIONS)[number];

/**
 * Does something about windows on the chain: several at once only where they are agreed.
 * @returns How many windows got on.
 */
export async function transact(bench: Bench, action: ChainAction, plans: readonly Plan[], gate: Gate): Promise<number> {
  if (bench.isDryRun) {
    const windows = plans.map(({ window }) => window);
    return wouldDo(bench, action, windows);
  }
  try {
    await openStays(bench, plans, gate);
    const [first] = plans;
    if (!gate.canSend || !first) return 0;
    const call = action === "bring" ? bringing(bench, plans) : await callFor(bench, action, first);
    return (await send(bench, call, gate)) === "mined" ? plans.length : 0;
  } catch (thrown) {
    if (!(thrown instanceof BusError)) throw thrown;
    return afterRefusal(bench, action, plans, gate, thrown);
  }
}

async function send(bench: Bench, call: Call, gate: Gate): Promise<Sending> {
  const outcome = await bench.outbox.send(call);
  if (outcome === "pending") gate.canSend = false;
  else bench.head = await readHead(bench.federation.provider);
  return outcome;
}

/** The contract said no, or something is missing here. */
async function afterRefusal(
  bench: Bench,
  action: ChainAction,
  plans: readonly Plan[],
  gate: Gate,
  thrown: BusError,
): Promise<number> {
  bench.telemetry.errors.inc({ code: thrown.code });
  if (plans.length > 1) {
    // One of them spoils the others: each for itself.
    let done = 0;
    for (const plan of plans) {
      if (gate.canSend) done += await transact(bench, action, [plan], gate);
    }
    return done;
  }
  const errorName = thrown instanceof RevertError ? thrown.errorName : "";
  // A key that signed is no longer its cloud's: both sign the same report again, with the keys they have now.
  const isKeyChanged = action === "bring" && errorName.startsWith("CloudRegistry_");
  for (const { window, stay } of plans) {
    if (errorName === "SlaOracle_NotOpen") bench.store.patchStay(stay, { isOpen: false });
    const signatures = isKeyChanged ? { ownSignature: undefined, theirSignature: undefined } : {};
    bench.store.patchWindow(window, { isStale: true, ...signatures });
    postpone(bench, window, lineOf(thrown));
  }
  return 0;
}

/** Opens the grids that what follows needs. */
async function openStays(bench: Bench, plans: readonly Plan[], gate: Gate): Promise<void> {
  const { store, federation } = bench;
  for (const { vm, sequence } of new Set(plans.map(({ stay }) => stay))) {
    const stay = store.stay(vm, sequence);
    if (!stay || stay.isOpen || !gate.canSend) continue;
    const args = [vm, sequence, requireAgreement(bench, stay)];
    try {
      const outcome = await send(bench, { contract: federation.oracle, name: "openWindows", args, windows: [] }, gate);
      if (outcome === "mined") store.patchStay(stay, { isOpen: true });
    } catch (thrown) {
      // The other side was faster.
      if (!(thrown instanceof RevertError) || thrown.errorName !== "SlaOracle_AlreadyOpen") throw thrown;
      store.patchStay(stay, { isOpen: true });
    }
  }
}

function bringing({ config, federation }: Bench, plans: readonly Plan[]): Call {
  const reports: AgreedReport<string>[] = [];
  const signatures: string[] = [];
  for (const { window, stay } of plans) {
    const { report, ownSignature = "0x", theirSignature = "0x" } = window;
    if (!report) continue;
    reports.push(publicReport(report));
    const isHost = stay.host === config.cloud;
    signatures.push(...(isHost ? [theirSignature, ownSignature] : [ownSignature, theirSignature]));
  }
  const windows = plans.map(({ window }) => keyOf(window));
  return { contract: federation.oracle, name: "reportAgreed", args: [reports, signatures], windows };
}

async function callFor(bench: Bench, action: Exclude<ChainAction, "bring">, { window, stay }: Plan): Promise<Call> {
  const { federation, config, store } = bench;
  const { vm, sequence, number } = window;
  const call = (args: readonly unknown[]): Call => ({
    contract: federation.oracle,
    name: action,
    args,
    windows: [keyOf(window)],
  });
  switch (action) {
    case "claim":
      return call([vm, sequence, number, config.cloud, window.metrics]);
    case "object":
      return call([vm, sequence, number, requireAgreement(bench, stay)]);
    case "observe": {
      const witnesses = requireWitnesses(bench, stay);
      const { observation, signature } = await signObservation(bench, window);
      return call([observation, witnesses, signature]);
    }
    case "finalise": {
      const heard = store.observations(window).sort((a, b) => (BigInt(a.witness) < BigInt(b.witness) ? -1 : 1));
      const witnesses = heard.length === 0 ? { members: [], required: 0 } : requireWitnesses(bench, stay);
      const observers = heard.map(({ witness }) => witness);
      return call([vm, sequence, number, witnesses, observers, heard.map(({ observation }) => observation)]);
    }
  }
}

/** Writes down what was observed, then signs it. */
async function signObservation(
  { store, desk, federation, checkpoint }: Bench,
  window: WindowRow,
): Promise<{ readonly observation: Observation; readonly signature: string }> {
  const { vm, sequence, number, metrics, samplesRoot } = window;
  if (!metrics || samplesRoot === undefined) throw new BusError("NO_SAMPLES", "nothing was measured");
  const observation = window.observation ?? { vm, sequence, window: number, metrics, samplesRoot };
  if (!window.observation) store.patchWindow(window, { observation });
  await checkpoint("before an observation is signed");
  if (window.observationSignature !== undefined) return { observation, signature: window.observationSignature };
  const { signature } = await desk.sign(federation, "Observation", observation);
  store.patchWindow(window, { observationSignature: signature });
  await checkpoint("after an observation was signed");
  return { observation, signature };
}
