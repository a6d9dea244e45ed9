import type { BookedStay, ChargeLine } from "../charging/books.js";
import { stayKey } from "../charging/books.js";
import { cutByMonth, monthOf, nextMonth } from "../charging/month.js";
import type { Statement } from "../charging/statement.js";
import { BusError } from "../errors/busError.js";
import { type Labels, labelOf } from "./format.js";

/** First line of a message of cloud usage records. */
export const APEL_HEADER = "APEL-cloud-message: v0.4";

/**
 * The fields of an APEL cloud usage record v0.4, in their order. Source: the APEL client and server,
 * https://github.com/apel/apel, `apel/db/records/cloud.py` (fields, which are mandatory), `apel/db/__init__.py` (header) and
 * `schemas/cloud.sql` (one record for each VMUUID and month of measurement; what was used in a month is the difference to
 * the record before, so that durations count from the VM's start).
 */
export const APEL_FIELDS = [
  "RecordCreateTime",
  "VMUUID",
  "SiteName",
  "CloudComputeService",
  "MachineName",
  "LocalUserId",
  "LocalGroupId",
  "GlobalUserName",
  "FQAN",
  "Status",
  "StartTime",
  "EndTime",
  "SuspendDuration",
  "WallDuration",
  "CpuDuration",
  "CpuCount",
  "NetworkType",
  "NetworkInbound",
  "NetworkOutbound",
  "PublicIPCount",
  "Memory",
  "Disk",
  "BenchmarkType",
  "Benchmark",
  "StorageRecordId",
  "ImageId",
  "CloudType",
] as const;

/** Fields without which APEL refuses a record. */
export const APEL_MANDATORY = ["VMUUID", "SiteName"] as const;

/** Name of a field. */
export type ApelField = (typeof APEL_FIELDS)[number];

/** One record; a field that is not known is left out and reads NULL in the message. */
export type ApelRecord = { readonly [field in ApelField]?: string };

const MS = 1_000n;

/**
 * Usage as APEL cloud usage records v0.4: one for each stay and calendar month that the statement's lines charge. The VMUUID
 * names the stay, not the VM: the central database keeps one record for each VMUUID and month, and would overwrite the first
 * host's when a VM moves in mid-month. Durations are whole seconds from the stay's start to the month's end, as the
 * database's summary wants them: it takes the difference to the month before.
 * @throws BusError `BAD_EXPORT` if a mandatory field is empty.
 */
export function apelRecords(statement: Statement, labels: Labels): ApelRecord[] {
  const records = [...lastChargesOf(statement).values()].flatMap(({ stay, touched, through }) =>
    [...touched].sort((a, b) => (a < b ? -1 : 1)).map((month) => recordOf(stay, month, through, labels)),
  );
  records.forEach(requireApel);
  return records;
}

/** The records as one message. */
export function apelMessage(statement: Statement, labels: Labels): string {
  const records = apelRecords(statement, labels).map((record) =>
    APEL_FIELDS.map((field) => `${field}: ${record[field] ?? "NULL"}\n`).join(""),
  );
  return `${APEL_HEADER}\n${records.map((record) => `${record}%%\n`).join("")}`;
}

/**
 * Checks that a record has what APEL wants.
 * @throws BusError `BAD_EXPORT`.
 */
export function requireApel(record: ApelRecord, index: number): void {
  for (const field of APEL_MANDATORY) {
    if (!record[field]) throw new BusError("BAD_EXPORT", `APEL record ${index}: ${field} is empty`);
  }
}

interface LastCharge {
  readonly stay: BookedStay;
  /** Months that the lines changed. */
  readonly touched: Set<bigint>;
  /** Up to when the stay is charged after the last line. */
  readonly through: bigint;
}

/** What was used does not depend on who pays how: a time that a note replaced was used as well. */
function usedUntil({ settledThrough, replacedThrough }: ChargeLine["after"]): bigint {
  return settledThrough > replacedThrough ? settledThrough : replacedThrough;
}

function lastChargesOf({ lines, stays }: Statement): Map<string, LastCharge> {
  const found = new Map<string, LastCharge>();
  for (const line of lines) {
    if (line.kind !== "charge") continue;
    const key = stayKey(line.vm, line.sequence);
    const stay = stays.get(key);
    if (!stay) continue;
    const [before, after] = [usedUntil(line.before), usedUntil(line.after)];
    const from = before === 0n ? line.startedAt : before < after ? before : after;
    const to = before > after ? before : after;
    const touched = found.get(key)?.touched ?? new Set<bigint>();
    for (const { month } of cutByMonth(from, to)) touched.add(month);
    found.set(key, { stay, touched, through: after });
  }
  return found;
}

function recordOf(stay: BookedStay, month: bigint, through: bigint, labels: Labels): ApelRecord {
  const { resources, startedAt, endedAt } = stay;
  const monthEnd = nextMonth(month);
  const until = through < monthEnd ? through : monthEnd;
  const isCompleted = endedAt !== undefined && until === endedAt;
  // The record belongs to the month of this second: the last one of the month, not the first of the next.
  const lastSecond = monthEnd / MS - 1n;
  const measured = until / MS < lastSecond ? until / MS : lastSecond;
  const customer = labelOf(labels, stay.home);
  return {
    RecordCreateTime: String(monthOf(measured * MS) === month ? measured : month / MS),
    VMUUID: `${stay.vm}/${stay.sequence}`,
    SiteName: labelOf(labels, stay.host),
    CloudComputeService: `${labelOf(labels, stay.host)}/${stay.site}`,
    MachineName: stay.vm,
    LocalUserId: customer,
    LocalGroupId: customer,
    FQAN: `/${customer}/Role=NULL/Capability=NULL`,
    Status: isCompleted ? "completed" : "started",
    StartTime: String(startedAt / MS),
    ...(isCompleted ? { EndTime: String(measured) } : {}),
    SuspendDuration: "0",
    WallDuration: String((until - startedAt) / MS),
    CpuCount: `${Math.trunc(resources.vcpuMilli / 1_000)}.${String(resources.vcpuMilli % 1_000).padStart(3, "0")}`,
    Memory: String(resources.memoryMiB),
    Disk: String(resources.storageGiB),
    CloudType: "BlockchainBus",
  };
}
