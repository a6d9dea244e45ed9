import type { Federation } from "../../chain/federation.js";
import { documentDigest, documentId } from "../../documents/hash.js";
import { BusError } from "../../errors/busError.js";
import { DocumentError } from "../../errors/documentError.js";
import { checkDocument } from "../../signing/checkDocument.js";
import type { SigningDesk } from "../../signing/desk.js";
import { type MetricName, metricBit } from "../../sla/metrics.js";
import { isReportSignature } from "../chain.js";
import type { Checkpoint } from "../daemon/checkpoint.js";
import { type Tolerances, compare } from "../measure/compare.js";
import type { StayRow, WindowKey, WindowRow } from "../state/rows.js";
import type { Store } from "../state/store.js";
import type {
  AgreedReportsAnswer,
  AgreedReportsRequest,
  MeasuredAnswer,
  MeasuredRequest,
  Proposal,
  Refused,
} from "./protocol.js";

/** What home needs to answer. */
export interface AnswerOptions {
  readonly federation: Federation;
  readonly store: Store;
  readonly desk: SigningDesk;
  readonly cloud: number;
  readonly tolerances: Tolerances;
  /** Metrics that are agreed to without a measurement of one's own. */
  readonly trusted: readonly MetricName[];
  readonly checkpoint: Checkpoint;
  readonly onAnswer: (outcome: string) => void;
}

function requireFederation(
  { federation }: AnswerOptions,
  { chainId, oracle }: MeasuredRequest | AgreedReportsRequest,
): void {
  const { addressBook } = federation;
  if (chainId === addressBook.chainId && oracle.toLowerCase() === addressBook.contracts.SlaOracle.toLowerCase()) return;
  const own = `${addressBook.contracts.SlaOracle} on chain ${addressBook.chainId}`;
  throw new BusError("UNKNOWN_CONTRACT", `this is about ${own}, not ${oracle} on chain ${chainId}`);
}

interface Subject {
  readonly stay: StayRow;
  readonly window: WindowRow;
}

/** A window that home has measured and of which nothing is final. */
function subjectOf({ store, cloud }: AnswerOptions, key: WindowKey): Subject | Refused {
  const stay = store.stay(key.vm, key.sequence);
  if (!stay) return { refusal: "UNKNOWN_STAY" };
  if (stay.home !== cloud) return { refusal: "NOT_HOME" };
  const window = store.window(key);
  if (window?.outcome !== undefined || window?.isFinal) return { refusal: "FINAL" };
  if (!window?.metrics) return { refusal: "NOT_YET" };
  return { stay, window };
}

function keyOf({ vm, sequence, window }: MeasuredRequest["windows"][number]): WindowKey {
  return { vm: vm.toLowerCase(), sequence, number: window };
}

/**
 * Which metrics home measured, or takes on trust, in windows. No values: who only asks learns nothing to argue with.
 * @throws BusError `UNKNOWN_CONTRACT` if it is about another federation.
 */
export function answerMeasured(options: AnswerOptions, request: MeasuredRequest): MeasuredAnswer {
  requireFederation(options, request);
  const onTrust = options.trusted.reduce((bits, name) => bits | metricBit(name), 0);
  return {
    answers: request.windows.map((window) => {
      const found = subjectOf(options, keyOf(window));
      return "refusal" in found ? found : { measured: (found.window.metrics?.measured ?? 0) | onTrust };
    }),
  };
}

/**
 * Home signs what its own measurements do not contradict, one report of a window and no other. What it is going to sign is
 * written down before it is signed.
 * @throws BusError `UNKNOWN_CONTRACT` if it is about another federation; what a signing desk throws.
 */
export async function answerReports(
  options: AnswerOptions,
  request: AgreedReportsRequest,
): Promise<AgreedReportsAnswer> {
  requireFederation(options, request);
  const answers = [];
  for (const proposal of request.reports) {
    const answer = await countersign(options, proposal);
    options.onAnswer("refusal" in answer ? answer.refusal : "SIGNED");
    answers.push(answer);
  }
  return { answers };
}

async function countersign(
  options: AnswerOptions,
  { report, signature }: Proposal,
): Promise<{ readonly signature: string } | Refused> {
  const { federation, store, desk, cloud, checkpoint } = options;
  const key = keyOf(report);
  const found = subjectOf(options, key);
  if ("refusal" in found) return found;
  if (!isWellFormed(report)) return { refusal: "MALFORMED" };
  const digest = documentDigest(federation.oracleDomain, "AgreedReport", report);
  if (!(await isReportSignature(federation, found.stay.host, digest, signature))) return { refusal: "BAD_SIGNATURE" };

  const { differing, unmeasured } = compare(found.window.metrics, report.metrics.values, options.tolerances);
  if (differing.length > 0) return { refusal: "DIFFERS", metrics: differing };
  const unknown = unmeasured.filter((name) => !options.trusted.includes(name));
  if (unknown.length > 0) return { refusal: "UNMEASURED", metrics: unknown };

  await checkpoint("before home writes a report down");
  const isOurs = store.atomically(() => {
    const signed = store.window(key)?.report;
    if (signed && documentId("AgreedReport", signed) !== documentId("AgreedReport", report)) return false;
    store.patchWindow(key, { report, theirSignature: signature, wakeAtMs: 0 });
    return true;
  });
  if (!isOurs) return { refusal: "OTHER_REPORT" };
  const given = store.window(key)?.ownSignature;
  // Asked again: the same answer, unless the key has changed since.
  if (given !== undefined && (await isReportSignature(federation, cloud, digest, given))) return { signature: given };
  await checkpoint("before home signs a report");
  const own = await desk.sign(federation, "AgreedReport", report);
  store.patchWindow(key, { ownSignature: own.signature, wakeAtMs: 0 });
  await checkpoint("before home answers");
  return { signature: own.signature };
}

function isWellFormed(report: Proposal["report"]): boolean {
  try {
    checkDocument("AgreedReport", report);
    return true;
  } catch (thrown) {
    if (thrown instanceof DocumentError) return false;
    throw thrown;
  }
}
