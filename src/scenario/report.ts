import { RESOURCE_NAMES } from "../documents/types.js";
import type { RevertError, RevertValue } from "../errors/revert.js";
import { CloudStatus, DocumentKind, Duty, VmState, nameOf as enumName } from "../chain/enums.js";
import type { Answers } from "./answers.js";
import type { Step } from "./format.js";
import type { ExpectationFact, RunFacts, StepFact } from "./run.js";
import { type World, labelOf, nameOf } from "./world.js";

const WIDTH = 118;
const CLOUD_ARGS = /^(cloud|home|host|source|destination|holder|partner|named|by)$/;
const TIME_ARGS = /(deadline|time|earliest|latest|agreeBy|startBy|completeBy|validFrom|validUntil|until)$/i;
const ID_ARGS = /^(document|agreement|open|move|digest)$/;

function pad(text: string, width: number): string {
  return text.length >= width ? text : text + " ".repeat(width - text.length);
}

function cut(text: string, width = WIDTH): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Time since the beginning of the timeline: days and hh:mm:ss. */
export function elapsed(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const clock = [seconds / 3600, seconds / 60, seconds].map((part, index) => {
    const value = Math.floor(part) % (index === 0 ? 24 : 60);
    return String(value).padStart(2, "0");
  });
  return `${Math.floor(seconds / 86_400)}d ${clock.join(":")}`;
}

/** A moment of the chain as a date in UTC. */
export function date(ms: number | bigint): string {
  return new Date(Number(ms)).toISOString().replace("T", " ").replace(".000Z", "").replace("Z", "");
}

/** What a step does, in words. */
export function describeStep(step: Step): string {
  if (step.note !== undefined) return step.note;
  switch (step.do) {
    case "move":
    case "agree":
    case "record":
    case "evacuate":
      return `${step.vms.join(", ")} to ${step.to}`;
    case "amend":
      return `${step.vms.join(", ")}${step.type === undefined ? "" : ` becomes ${step.type}`}`;
    case "notice":
      return `${step.vms.join(", ")} must go within ${step.in}`;
    case "bring":
      return `${step.document} once more`;
    case "start":
    case "complete":
    case "abortMutually":
    case "expire":
      return step.move;
    case "abort":
      return `${step.move} by ${step.by}`;
    case "release":
    case "stop":
    case "restore":
    case "terminate":
    case "declareLost":
    case "contestLoss":
    case "withdrawLoss":
    case "register":
      return step.vm;
    case "revoke":
      return `${step.document} by ${step.by}`;
    case "offer":
    case "withdrawOffer":
    case "expel":
    case "leave":
    case "rotateAccount":
    case "completeRotation":
    case "cancelRotation":
    case "recoverAccount":
      return step.cloud;
    case "suspend":
      return `${step.cloud} by ${step.by === "self" ? "itself" : "the guardian"}`;
    case "liftSuspension":
      return `${step.cloud} by ${step.by === "self" ? "itself" : "governance"}`;
    case "setAgent":
      return `${step.agent} of ${step.cloud}: ${step.scopes.join(", ")}`;
    case "revokeAgent":
      return `${step.agent} of ${step.cloud}`;
    case "pauseNew":
      return `for ${step.for}`;
    case "resumeNew":
    case "closeForNew":
    case "wait":
      return "";
  }
}

function value(world: World, name: string, raw: RevertValue): string {
  const text = String(raw);
  if (typeof raw === "bigint" && CLOUD_ARGS.test(name)) return labelOf(world, Number(raw));
  if (typeof raw === "bigint" && TIME_ARGS.test(name) && raw > 1_000_000_000_000n) return date(raw);
  if (name === "found" && typeof raw === "bigint") return enumName(VmState, raw);
  if (name === "status" && typeof raw === "bigint") return enumName(CloudStatus, raw);
  if (name === "missing" && typeof raw === "bigint") return featureNames(world, raw);
  if (name === "lane" && typeof raw === "bigint") return RESOURCE_NAMES[Number(raw)] ?? text;
  if (/^(vm|previous|next)$/.test(name) && text.length === 66) return nameOf(world, text);
  if (ID_ARGS.test(name)) return documentName(world, text);
  return text.length > 42 ? `${text.slice(0, 10)}…` : text;
}

function featureNames(world: World, bits: bigint): string {
  const names = Object.entries(world.scenario.features ?? {}).filter(([, bit]) => (bits >> BigInt(bit)) & 1n);
  return names.map(([feature]) => feature).join(" + ") || String(bits);
}

function documentName(world: World, id: string): string {
  for (const [name, signed] of world.documents) if (signed.id === id) return name;
  return `${id.slice(0, 10)}…`;
}

/** A refusal with the values that disagree, names instead of numbers where the scenario has them. */
export function describeRefusal(world: World, refusal: RevertError): string {
  const args = Object.entries(refusal.args).map(([name, raw]) => `${name} ${value(world, name, raw)}`);
  return `${refusal.errorName.replace(/^[A-Za-z]+_/, "")}${args.length === 0 ? "" : `: ${args.join(", ")}`}`;
}

/** The lines that tell a step. */
export function stepLines(world: World, fact: StepFact): string[] {
  const mark = fact.isExpected ? " " : "!";
  const what = `${pad(fact.step.do, 17)}${describeStep(fact.step)}`;
  const head = `${mark} ${pad(elapsed(fact.time - world.begin), 14)}${pad(fact.outcome, 10)}${what}`;
  const lines = [cut(head)];
  if (fact.refusal) lines.push(cut(`${" ".repeat(26)}${describeRefusal(world, fact.refusal)}`));
  if (!fact.isExpected) {
    const { expect = "accepted" } = fact.step;
    lines.push(`${" ".repeat(26)}expected: ${expect === "accepted" ? expect : `refused with ${expect.refused}`}`);
  }
  return lines;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    cut(
      `  ${row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd()}`,
    ),
  );
}

/** The four questions and their answers. */
export function answerLines(world: World, answers: Answers): string[] {
  const lines: string[] = ["", "1. Where did each VM run?", ""];
  const since = (ms: number) => elapsed(ms - world.begin);
  lines.push(
    ...table([
      ["VM", "home", ...answers.times.map((time) => `at ${since(time)}`)],
      ...answers.hosts.map(({ vm, hosts }) => [
        vm,
        world.vms.get(vm)?.home ?? "",
        ...hosts.map((host) => labelOf(world, host)),
      ]),
    ]),
  );

  if (answers.responsible) {
    const { vm, from, to, parts } = answers.responsible;
    lines.push("", `2. Who answered for ${vm} from ${since(from)} to ${since(to)}?`, "");
    lines.push(
      ...table([
        ["from", "to", "cloud", "as"],
        ...parts.map((part) => [
          date(part.from),
          date(part.to),
          labelOf(world, part.cloud),
          part.duty === Duty.Pause ? "next host, for the pause" : "host",
        ]),
      ]),
    );
  }

  lines.push("", "3. Who has room now?", "");
  lines.push(
    ...table([
      ["cloud", "site", "status", "vCPU free", "memory free", "GPUs free", "promised"],
      ...answers.sites.map((site) => {
        const free = (lane: "vcpuMilli" | "memoryMiB" | "gpus") =>
          Math.max(0, site.capacity[lane] - site.committed[lane]);
        const share = site.capacity.vcpuMilli === 0 ? 0 : (100 * site.committed.vcpuMilli) / site.capacity.vcpuMilli;
        return [
          labelOf(world, site.cloud),
          String(site.site),
          enumName(CloudStatus, site.status),
          String(free("vcpuMilli") / 1000),
          `${Math.floor(free("memoryMiB") / 1024)} GiB`,
          String(free("gpus")),
          `${share.toFixed(0)} %`,
        ];
      }),
    ]),
  );

  if (answers.history) {
    lines.push("", `4. What happened to ${answers.history.vm}, and who signed?`, "");
    lines.push(
      ...table([
        ["stay", "on", "from", "to", "began by", "signed by"],
        ...shortened(answers.history.entries).map((entry) => [
          String(entry.sequence),
          labelOf(world, entry.host),
          date(entry.startedAt),
          entry.endedAt === 0n ? "now" : date(entry.endedAt),
          entry.kind === DocumentKind.None
            ? "home"
            : `${enumName(DocumentKind, entry.kind)} ${entry.agreementId?.slice(0, 10) ?? ""}…`,
          entry.signers.map(({ cloud, key }) => `${labelOf(world, cloud)} ${key.slice(0, 8)}…`).join(", "),
        ]),
      ]),
    );
  }
  if (answers.history && answers.history.entries.length > 2 * ENDS) {
    lines.push(
      "",
      `  ... of ${answers.history.entries.length} stays, the first and the last ${ENDS}; --json has them all`,
    );
  }
  return lines;
}

/** How many stays of a long history are shown from either end. */
const ENDS = 8;

function shortened<T>(entries: readonly T[]): readonly T[] {
  return entries.length <= 2 * ENDS ? entries : [...entries.slice(0, ENDS), ...entries.slice(-ENDS)];
}

function missedLines(expectations: readonly ExpectationFact[]): string[] {
  return expectations
    .filter((fact) => !fact.isMet)
    .map((fact) => cut(`! ${fact.what}: expected ${fact.expected}, found ${fact.found}`));
}

/** Numbers of the last line. */
export interface Tally {
  readonly accepted: number;
  readonly refused: number;
  readonly met: number;
  readonly missed: number;
}

/** Counts steps by outcome, and expectations (of steps and of the end) by whether they were met. */
export function tally(facts: Pick<RunFacts, "steps" | "expectations">): Tally {
  const accepted = facts.steps.filter((fact) => fact.outcome === "accepted").length;
  const missed =
    facts.steps.filter((fact) => !fact.isExpected).length + facts.expectations.filter((fact) => !fact.isMet).length;
  const all = facts.steps.length + facts.expectations.length;
  return { accepted, refused: facts.steps.length - accepted, met: all - missed, missed };
}

/** The end: expectations that were missed, and the one line that sums up. */
export function closingLines(facts: RunFacts): string[] {
  const { accepted, refused, met, missed } = tally(facts);
  const verdict =
    missed === 0
      ? `the chain says what the scenario expects (${met} of ${met})`
      : `THE CHAIN DOES NOT SAY what the scenario expects: ${missed} of ${met + missed} missed`;
  return [...missedLines(facts.expectations), "", `${accepted} accepted, ${refused} refused; ${verdict}`];
}
