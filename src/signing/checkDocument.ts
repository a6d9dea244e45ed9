import { ZeroAddress, ZeroHash, isAddress, isHexString } from "ethers";

import { AbortReason, KeyRole } from "../chain/enums.js";
import { EIP712_TYPES, type StructName } from "../documents/schema.js";
import {
  type Agreement,
  type DocumentName,
  type Documents,
  type Handover,
  type Line,
  type Metrics,
  type MigrationRecord,
  type Move,
  RESOURCE_NAMES,
  type Resources,
  type Sla,
  type Terms,
  type Witnesses,
} from "../documents/types.js";
import type { DocumentErrorCode } from "../errors/busError.js";
import { DocumentError } from "../errors/documentError.js";

const MAX_LINES = 16;
const MAX_TIERS = 3;
const MAX_WITNESSES = 7;
const MAX_LANE = 2 ** 31 - 1;
const MAX_BPS = 10_000;
const MAX_PPM = 1_000_000;
const MEASURED_LANES = 7;
const MAX_DIGEST_KIND = 3;
const HOUR_MS = 3_600_000n;
const MIN_NOTICE_MS = HOUR_MS;
const MAX_NOTICE_MS = 90n * 24n * HOUR_MS;

function require(
  rule: boolean,
  code: DocumentErrorCode,
  path: string,
  value: unknown,
  wanted: string,
): asserts rule is true {
  if (!rule) throw new DocumentError(code, path, value, wanted);
}

/**
 * Checks a document for what nobody should sign: first every field against its EIP-712 type, then what the fields mean.
 * What depends on the chain, as nonces and room, is `canAgree`'s.
 * @throws DocumentError with a code for each rule, the path of the field and its value.
 */
export function checkDocument<N extends DocumentName>(name: N, document: Documents[N]): void {
  checkStruct(name, document, "");
  CHECKS[name](document);
}

/* FIELDS */

function isStructName(type: string): type is StructName {
  return type in EIP712_TYPES;
}

/** No field missing, none that the signature would not cover, each within its type. */
function checkStruct(name: StructName, value: unknown, path: string): void {
  require(typeof value === "object" && value !== null && !Array.isArray(value), "FIELD_TYPE", path, value, `a ${name}`);
  const fields = EIP712_TYPES[name];
  const given = value as { readonly [field: string]: unknown };
  for (const key of Object.keys(given)) {
    const isKnown = fields.some((field) => field.name === key);
    require(isKnown, "FIELD_UNKNOWN", `${path}/${key}`, given[
      key
    ], `a field of ${name}: a signature would not cover it`);
  }
  for (const field of fields) {
    const at = `${path}/${field.name}`;
    require(given[field.name] !== undefined, "FIELD_MISSING", at, undefined, `a ${field.type}`);
    checkValue(field.type, given[field.name], at);
  }
}

function checkValue(type: string, value: unknown, path: string): void {
  if (type.endsWith("[]")) {
    require(Array.isArray(value), "FIELD_TYPE", path, value, "a list");
    (value as unknown[]).forEach((item, index) => {
      checkValue(type.slice(0, -2), item, `${path}/${index}`);
    });
  } else if (isStructName(type)) {
    checkStruct(type, value, path);
  } else {
    require(isOfType(type, value), "FIELD_TYPE", path, value, `a ${type}`);
  }
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "string") return typeof value === "string";
  if (type === "address") return isAddress(value);
  if (type === "bytes32") return isHexString(value, 32);
  const limit = 1n << BigInt(type.slice("uint".length));
  if (typeof value === "bigint") return value >= 0n && value < limit;
  return Number.isSafeInteger(value) && Number(value) >= 0 && BigInt(Number(value)) < limit;
}

/* MEANING */

const CHECKS: { readonly [N in DocumentName]: (document: Documents[N]) => void } = {
  Move: checkMove,
  Record: checkRecord,
  Amendment: ({ agreement }) => {
    checkAgreement(agreement);
    const { home, source, destination } = agreement;
    require(source === destination, "BAD_PARTIES", "/agreement/destination", destination, "the host, as source is");
    require(home !== source, "BAD_PARTIES", "/agreement/source", source, "another cloud than home");
  },
  Evacuation: ({ agreement }) => {
    checkAgreement(agreement);
    requireTwoHosts(agreement);
  },
  Handover: checkHandover,
  MutualAbort: ({ move, reason }) => {
    requireId(move, "/move");
    require(reason !== AbortReason.None && reason <= maxOf(AbortReason), "BAD_REASON", "/reason", reason, "a reason");
  },
  Succession: ({ vm, successor }) => {
    requireId(vm, "/vm");
    require(successor !== ZeroAddress, "ZERO_ADDRESS", "/successor", successor, "a ledger");
  },
  KeyAcceptance: ({ cloud, key, role }) => {
    requireCloud(cloud, "/cloud");
    require(key !== ZeroAddress, "ZERO_ADDRESS", "/key", key, "a key");
    require(role !== KeyRole.None && role <= maxOf(KeyRole), "BAD_ROLE", "/role", role, "a role of a key");
  },
  ValidatorActivation: ({ validator, blockHash }) => {
    require(validator !== ZeroAddress, "ZERO_ADDRESS", "/validator", validator, "a node's address");
    requireId(blockHash, "/blockHash");
  },
};

function maxOf(values: { readonly [name: string]: number }): number {
  return Math.max(...Object.values(values));
}

function requireId(id: string, path: string): void {
  require(id !== ZeroHash, "ZERO_ID", path, id, "an id");
}

function requireCloud(cloud: number, path: string): void {
  require(cloud !== 0, "NO_CLOUD", path, cloud, "a cloud");
}

function requireSalt(salt: string, path: string): void {
  require(salt !== ZeroHash, "ZERO_SALT", path, salt, "random");
}

function requireTwoHosts({ source, destination }: Agreement): void {
  const path = "/agreement/destination";
  require(source !== destination, "BAD_PARTIES", path, destination, "another cloud than source");
}

function checkMove({ agreement, startBy, completeBy }: Move): void {
  checkAgreement(agreement);
  requireTwoHosts(agreement);
  const wanted = "in order: agreeBy <= startBy <= completeBy";
  require(agreement.agreeBy <= startBy, "DEADLINES_UNORDERED", "/startBy", startBy, wanted);
  require(startBy <= completeBy, "DEADLINES_UNORDERED", "/completeBy", completeBy, wanted);
}

function checkRecord({ agreement, receipts }: MigrationRecord): void {
  checkAgreement(agreement);
  requireTwoHosts(agreement);
  const { lines } = agreement;
  const isComplete = receipts.length === lines.length;
  require(isComplete, "RECEIPTS_MISMATCH", "/receipts", receipts.length, `${lines.length}, one for each line`);
  receipts.forEach(({ vm, releasedAt, runningAt }, index) => {
    const path = `/receipts/${index}`;
    const line = lines[index];
    const isInOrder = line?.vm.toLowerCase() === vm.toLowerCase();
    require(isInOrder, "RECEIPTS_MISMATCH", `${path}/vm`, vm, "the line's VM");
    require(releasedAt > 0n, "RECEIPT_TIMES", `${path}/releasedAt`, releasedAt, "a time");
    require(releasedAt <= runningAt, "RECEIPT_TIMES", `${path}/runningAt`, runningAt, "at releasedAt or after");
  });
}

function checkHandover({ move, releases }: Handover): void {
  requireId(move, "/move");
  requireLineCount(releases, "/releases");
  requireAscending(releases, "/releases");
  releases.forEach(({ releasedAt }, index) => {
    require(releasedAt > 0n, "RECEIPT_TIMES", `/releases/${index}/releasedAt`, releasedAt, "a time");
  });
}

function checkAgreement(agreement: Agreement): void {
  const path = "/agreement";
  requireCloud(agreement.home, `${path}/home`);
  requireCloud(agreement.source, `${path}/source`);
  requireCloud(agreement.destination, `${path}/destination`);
  checkLines(agreement.lines, `${path}/lines`);
  const { windowMs, noticeMs, digestKind } = agreement;
  require(windowMs > 0n, "NO_WINDOW", `${path}/windowMs`, windowMs, "longer than zero");
  const isNotice = noticeMs >= MIN_NOTICE_MS && noticeMs <= MAX_NOTICE_MS;
  require(isNotice, "NOTICE_PERIOD", `${path}/noticeMs`, noticeMs, "1 hour to 90 days in milliseconds");
  const isKind = digestKind <= MAX_DIGEST_KIND;
  require(isKind, "DIGEST_KIND", `${path}/digestKind`, digestKind, `at most ${MAX_DIGEST_KIND}`);
  checkWitnesses(agreement.witnesses, `${path}/witnesses`);
  checkTerms(agreement.terms, `${path}/terms`);
  requireSalt(agreement.salt, `${path}/salt`);
  checkSaltsApart(agreement, path);
}

/** A salt that is known from elsewhere hides nothing: the agreement's is public, and each half is opened by itself. */
function checkSaltsApart({ salt, terms }: Agreement, path: string): void {
  const [own, price, sla] = [salt, terms.price.salt, terms.sla.salt].map((value) => value.toLowerCase());
  require(price !== own, "SALT_REUSED", `${path}/terms/price/salt`, terms.price.salt, "used only here");
  require(sla !== own && sla !== price, "SALT_REUSED", `${path}/terms/sla/salt`, terms.sla.salt, "used only here");
}

function requireLineCount(items: readonly unknown[], path: string): void {
  const isCount = items.length > 0 && items.length <= MAX_LINES;
  require(isCount, "LINE_COUNT", path, items.length, `1 to ${MAX_LINES}`);
}

function requireAscending(items: readonly { readonly vm: string }[], path: string): void {
  items.forEach(({ vm }, index) => {
    requireId(vm, `${path}/${index}/vm`);
    const previous = items[index - 1];
    const isAbove = previous === undefined || BigInt(previous.vm) < BigInt(vm);
    require(isAbove, "LINES_UNSORTED", `${path}/${index}/vm`, vm, "above the one before");
  });
}

function checkLines(lines: readonly Line[], path: string): void {
  requireLineCount(lines, path);
  requireAscending(lines, path);
  lines.forEach((line, index) => {
    checkResources(line.resources, `${path}/${index}/resources`);
  });
}

function checkResources(resources: Resources, path: string): void {
  for (const name of RESOURCE_NAMES) {
    require(resources[name] <= MAX_LANE, "LANE_TOO_BIG", `${path}/${name}`, resources[name], "below 2^31");
  }
  const isSome = RESOURCE_NAMES.some((name) => resources[name] !== 0);
  require(isSome, "EMPTY_RESOURCES", path, resources, "anything but zero");
}

function checkWitnesses({ members, required }: Witnesses, path: string): void {
  const { length } = members;
  require(length <= MAX_WITNESSES, "TOO_MANY_WITNESSES", `${path}/members`, length, `at most ${MAX_WITNESSES}`);
  members.forEach((member, index) => {
    const at = `${path}/members/${index}`;
    require(member !== ZeroAddress, "ZERO_ADDRESS", at, member, "a witness");
    const previous = members[index - 1];
    const isAbove = previous === undefined || BigInt(previous) < BigInt(member);
    require(isAbove, "WITNESSES_UNSORTED", at, member, "above the one before");
  });
  const isEnough = length === 0 ? required === 0 : required >= 1 && required <= length;
  const wanted = length === 0 ? "0, as there are no witnesses" : `1 to ${length}`;
  require(isEnough, "WITNESSES_REQUIRED", `${path}/required`, required, wanted);
}

function checkTerms({ price, sla }: Terms, path: string): void {
  const { currency, settlement } = price;
  require(/^[A-Z]{3}$/.test(currency), "BAD_CURRENCY", `${path}/price/currency`, currency, "an ISO 4217 code");
  require(settlement <= 1, "BAD_SETTLEMENT", `${path}/price/settlement`, settlement, "0 (either party) or 1 (joint)");
  requireSalt(price.salt, `${path}/price/salt`);
  checkSla(sla, `${path}/sla`);
}

function checkSla(sla: Sla, path: string): void {
  checkThresholds(sla.thresholds, `${path}/thresholds`);
  const tiers = sla.availabilityTiers;
  const at = `${path}/availabilityTiers`;
  require(tiers.length <= MAX_TIERS, "TOO_MANY_TIERS", at, tiers.length, `at most ${MAX_TIERS}`);
  tiers.forEach(({ belowPpm, creditBps }, index) => {
    requirePpm(belowPpm, `${at}/${index}/belowPpm`);
    requireBps(creditBps, `${at}/${index}/creditBps`);
    const previous = tiers[index - 1];
    if (!previous) return;
    const isFalling = belowPpm < previous.belowPpm;
    require(isFalling, "TIERS_NOT_FALLING", `${at}/${index}/belowPpm`, belowPpm, "below that of the tier before");
    const isRising = creditBps >= previous.creditBps;
    require(isRising, "CREDITS_NOT_RISING", `${at}/${index}/creditBps`, creditBps, "at least that of the tier before");
  });
  requireBps(sla.otherMetricsBps, `${path}/otherMetricsBps`);
  requireBps(sla.capBps, `${path}/capBps`);
  requireSalt(sla.salt, `${path}/salt`);
}

function checkThresholds(thresholds: Metrics, path: string): void {
  for (const name of ["availabilityPpm", "cpuReadyPpm", "lossPpm"] as const) {
    requirePpm(thresholds[name], `${path}/${name}`);
  }
  const { measured } = thresholds;
  const isKnown = measured < 2 ** MEASURED_LANES;
  require(isKnown, "BAD_MEASURED", `${path}/measured`, measured, `bits of the ${MEASURED_LANES} metrics`);
}

function requirePpm(value: number, path: string): void {
  require(value <= MAX_PPM, "PPM_OUT_OF_RANGE", path, value, `at most ${MAX_PPM}`);
}

function requireBps(value: number, path: string): void {
  require(value <= MAX_BPS, "BPS_OUT_OF_RANGE", path, value, `at most ${MAX_BPS}`);
}
