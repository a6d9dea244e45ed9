import { CloudStatus, DocumentKind, Duty, nameOf as enumName } from "../chain/enums.js";
import type { Answers } from "./answers.js";
import { explain, formatLength, formatOffset } from "./explain.js";
import type { HistoryEntry, Signatory } from "../actions/questions/history.js";
import type { Step } from "./format.js";
import { formatMoney } from "./money.js";
import type { ExpectationFact, RunFacts, StepFact } from "./run.js";
import { type World, labelOf } from "./world.js";

const WIDTH = 118;

function pad(text: string, width: number): string {
  return text.length >= width ? text : text + " ".repeat(width - text.length);
}

/** Cuts words into lines, those after the first indented; a word that is too long stands alone. */
export function wrap(text: string, indent = 0, width = WIDTH): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.trimEnd().split(/(?<=\S) (?=\S)/)) {
    const room = width - (lines.length === 0 ? 0 : indent);
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((part, index) => (index === 0 ? part : " ".repeat(indent) + part));
}

/** Column at which a step is described. */
const TEXT = 26;

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
    case "report":
      return `${step.vm}, windows ${step.windows[0]} to ${step.windows[1]}: home and host agree`;
    case "claim":
      return `${step.vm}, window ${step.window} by ${step.by}`;
    case "object":
    case "finalise":
      return `${step.vm}, window ${step.window}`;
    case "observe":
      return `${step.vm}, window ${step.window} by ${step.witness}`;
    case "settle":
      return `${step.vm} by ${step.by}`;
    case "settleAll":
      return "the end of a period: charges, and credits for what was not kept";
    case "credit":
      return `${step.vm}, window ${step.window} by ${step.by}`;
    case "note":
      return `${step.debtor} owes ${step.creditor} ${step.amount} ${step.currency ?? "EUR"} more`;
    case "acknowledge":
      return `${step.debtor} has paid ${step.creditor} ${step.amount} ${step.currency ?? "EUR"}`;
    case "net":
      return `debts in ${step.currency ?? "EUR"} that go round are cancelled`;
    case "remember":
      return "facts for reputation: moves and final results";
    case "pauseNew":
      return `for ${step.for}`;
    case "resumeNew":
    case "closeForNew":
    case "wait":
      return "";
  }
}

/** The lines that tell a step. */
export function stepLines(world: World, fact: StepFact): string[] {
  const mark = fact.isExpected ? " " : "!";
  const outcome = fact.outcome === "done" ? "" : fact.outcome;
  const what = `${pad(fact.step.do, 17)}${describeStep(fact.step)}`;
  const lines = wrap(`${mark} ${pad(formatOffset(fact.time - world.begin), 14)}${pad(outcome, 10)}${what}`, TEXT + 17);
  const tell = (text: string) => {
    lines.push(...wrap(`${" ".repeat(TEXT)}${text}`, TEXT + 2));
  };
  if (fact.refusal) tell(`${fact.refusal.errorName}: ${explain(world, fact.refusal)}`);
  if (fact.missed !== undefined) tell(`MISSED: ${fact.missed}`);
  return lines;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const indent = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 2);
  return rows.flatMap((row) =>
    wrap(
      `  ${row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd()}`,
      indent,
    ),
  );
}

/** The four questions and their answers. */
export function answerLines(world: World, answers: Answers): string[] {
  const lines: string[] = ["", "1. Where did each VM run?", ""];
  const since = (ms: number) => formatOffset(ms - world.begin);
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
    lines.push("", `Who answered for ${vm} from ${since(from)} to ${since(to)}?`, "");
    lines.push(
      ...table([
        ["from", "to", "for", "cloud", "as"],
        ...shortened(parts).map((part) => [
          since(Number(part.from)),
          since(Number(part.to)),
          formatLength(Number(part.to - part.from)),
          labelOf(world, part.cloud),
          part.duty === Duty.Pause ? "next host, for the pause" : "host",
        ]),
      ]),
    );
  }

  if (answers.responsible && answers.responsible.parts.length > 2 * ENDS) {
    lines.push(
      "",
      `  .. of ${answers.responsible.parts.length} stretches, the first and the last ${ENDS}; --json has them all`,
    );
  }

  if (answers.history) {
    lines.push("", `What happened to ${answers.history.vm}, and who signed?`, "");
    lines.push(
      ...table([
        ["stay", "on", "from", "to", "began by", "signed by"],
        ...shortened(answers.history.entries).map((entry) => [
          String(entry.sequence),
          labelOf(world, entry.host),
          entry.startedAt < BigInt(world.begin) ? "before" : since(Number(entry.startedAt)),
          entry.endedAt === 0n ? "now" : since(Number(entry.endedAt)),
          entry.kind === DocumentKind.None
            ? "home"
            : `${enumName(DocumentKind, entry.kind)} ${entry.agreementId?.slice(0, 10) ?? ""}..`,
          saySigners(world, entry),
        ]),
      ]),
    );
  }
  if (answers.history && answers.history.entries.length > 2 * ENDS) {
    lines.push(
      "",
      `  .. of ${answers.history.entries.length} stays, the first and the last ${ENDS}; --json has them all`,
    );
  }
  lines.push("", "2. What is owed, and by whom?", "", ...accountLines(world, answers));
  lines.push("", "3. Did the hosts keep their promises?", "", ...breachLines(world, answers));
  lines.push("", "4. Who can be trusted with the next VM, and who has room for it?", "", ...trustLines(world, answers));
  return lines;
}

/** Each pair's account, before and after debts that go round were cancelled. */
function accountLines(world: World, { accounts }: Answers): string[] {
  if (accounts.length === 0) return ["  nothing was charged"];
  const hasNetting = world.nettings.length > 0;
  const rows = accounts.map((account) => {
    const { creditor, debtor, currency, charges, credits, notes, payments, beforeNetting, balance } = account;
    const after = balance < 0n ? `${formatMoney(-balance)} the other way` : formatMoney(balance);
    return [
      labelOf(world, debtor),
      labelOf(world, creditor),
      ...[charges, credits, notes, payments, beforeNetting].map(formatMoney),
      ...(hasNetting ? [after] : []),
      currency,
    ];
  });
  const head = ["debtor", "creditor", "charges", "credits", "notes", "payments"];
  const sums = hasNetting ? ["before netting", "after"] : ["balance"];
  return [...table([[...head, ...sums, ""], ...rows]), ...savingLines(world)];
}

function savingLines({ nettings }: World): string[] {
  return nettings.flatMap(({ savings }) =>
    savings.flatMap(({ currency, before, after, debtsBefore, debtsAfter }) => [
      "",
      ...wrap(
        `  netting: ${formatMoney(before)} ${currency} in ${debtsBefore} debts became ${formatMoney(after)} in ${debtsAfter}`,
        4,
      ),
    ]),
  );
}

function breachLines(world: World, { breaches }: Answers): string[] {
  if (breaches.length === 0) return ["  no window was credited or disputed"];
  const rows = breaches
    .slice(0, 2 * ENDS)
    .map(({ vm, sequence, window, host, missed, creditBps, credit, currency }) => [
      vm,
      String(sequence),
      String(window),
      host === undefined ? "disputed: too few witnesses" : missed.join(", ") || "the pause before it",
      host === undefined ? "-" : labelOf(world, host),
      `${creditBps / 100} %`,
      `${formatMoney(credit)} ${currency}`.trimEnd(),
    ]);
  const rest = breaches.length > 2 * ENDS ? ["", `  .. of ${breaches.length} windows; --json has them all`] : [];
  return [...table([["VM", "stay", "window", "what was missed", "whose fault", "credit", ""], ...rows]), ...rest];
}

/** Reputation beside room: both are asked before the next VM is moved. */
function trustLines(world: World, answers: Answers): string[] {
  const percent = (units: bigint) => `${(Number(units / 10n ** 14n) / 100).toFixed(1)} %`;
  const standing = new Map(answers.standings.map((found) => [found.label, found]));
  return table([
    ["cloud", "score", "confidence", "site", "status", "vCPU free", "memory free", "GPUs free", "promised"],
    ...answers.sites.map((site) => {
      const free = (lane: "vcpuMilli" | "memoryMiB" | "gpus") =>
        Math.max(0, site.capacity[lane] - site.committed[lane]);
      const share = site.capacity.vcpuMilli === 0 ? 0 : (100 * site.committed.vcpuMilli) / site.capacity.vcpuMilli;
      const label = labelOf(world, site.cloud);
      const known = standing.get(label);
      return [
        label,
        known ? percent(known.score) : "",
        known ? percent(known.confidence) : "",
        String(site.site),
        enumName(CloudStatus, site.status),
        String(free("vcpuMilli") / 1000),
        `${Math.floor(free("memoryMiB") / 1024)} GiB`,
        String(free("gpus")),
        `${share.toFixed(0)} %`,
      ];
    }),
  ]);
}

function saySigners(world: World, entry: HistoryEntry): string {
  const say = (signers: readonly Signatory[]) =>
    signers.map(({ cloud, isAgent }) => `${labelOf(world, cloud)}${isAgent ? "'s agent" : ""}`).join(", ");
  const handover = entry.handoverSigners.length === 0 ? "" : `; handover: ${say(entry.handoverSigners)}`;
  return `${say(entry.signers)}${handover}`;
}

/** How many stays of a long history are shown from either end. */
const ENDS = 8;

function shortened<T>(entries: readonly T[]): readonly T[] {
  return entries.length <= 2 * ENDS ? entries : [...entries.slice(0, ENDS), ...entries.slice(-ENDS)];
}

function missedLines(expectations: readonly ExpectationFact[]): string[] {
  return expectations
    .filter((fact) => !fact.isMet)
    .flatMap((fact) => wrap(`! MISSED: ${fact.what}: expected ${fact.expected}, found ${fact.found}`, 2));
}

/** Numbers of the last line. */
export interface Tally {
  readonly accepted: number;
  readonly refused: number;
  readonly met: number;
  readonly missed: number;
}

/** Counts records, which are transactions of the timeline, by outcome; and expectations (of steps and of the end) by whether they were met. */
export function tally(facts: Pick<RunFacts, "steps" | "expectations">): Tally {
  const accepted = facts.steps.reduce((sum, fact) => sum + fact.sent.length, 0);
  const refused = facts.steps.filter((fact) => fact.outcome === "refused").length;
  const missed =
    facts.steps.filter((fact) => !fact.isExpected).length + facts.expectations.filter((fact) => !fact.isMet).length;
  const all = facts.steps.filter((fact) => fact.outcome !== "done").length + facts.expectations.length;
  return { accepted, refused, met: all - missed, missed };
}

/** The end: expectations that were missed, and the one line that sums up. */
export function closingLines(facts: RunFacts): string[] {
  const { accepted, refused, met, missed } = tally(facts);
  const verdict =
    missed === 0
      ? `the chain says what the scenario expects (${met} of ${met})`
      : `THE CHAIN DOES NOT SAY what the scenario expects: ${missed} of ${met + missed} missed`;
  return [...missedLines(facts.expectations), "", `${accepted} records accepted, ${refused} refused; ${verdict}`];
}
