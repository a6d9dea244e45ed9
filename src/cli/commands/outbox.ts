import { type Command, Option } from "commander";

import { formatTime } from "../../exports/format.js";
import type { Submission, SubmissionState } from "../../submission/outbox.js";
import { errorOf } from "../../submission/submitter.js";
import { type Runner, act } from "../command.js";
import { EXIT_CODES } from "../exitCodes.js";
import { type Answer, table, withProgress } from "../output.js";
import type { Session } from "../session.js";
import { parseCount } from "../values.js";

/** What was sent from here, and what became of it. */

const OPEN: readonly SubmissionState[] = ["queued", "sent"];
const SETTLED: readonly SubmissionState[] = ["final", "failed"];

interface OutboxOptions {
  readonly wait?: boolean;
  readonly last: string;
}

function reasonOf({ failure }: Submission): string | undefined {
  return failure && errorOf(failure).message;
}

function factsOf(submission: Submission) {
  const { id, state, name, sender, nonce, hash, receipt, queuedAt } = submission;
  return {
    id,
    state,
    action: name,
    sender,
    nonce: nonce ?? null,
    transaction: hash ?? null,
    block: receipt ? Number(receipt.blockNumber) : null,
    handedOverMs: queuedAt,
    reason: reasonOf(submission) ?? null,
  };
}

function rowOf(submission: Submission): string[] {
  const { state, name, nonce, hash, queuedAt } = submission;
  const what = reasonOf(submission) ?? hash ?? "";
  return [formatTime(BigInt(queuedAt)), name, state, nonce === undefined ? "" : String(nonce), what];
}

async function showOutbox(session: Session, _args: readonly string[], options: OutboxOptions): Promise<Answer> {
  const last = parseCount("--last", options.last);
  const submitter = await session.submitter();
  const list = (states: readonly SubmissionState[], limit?: number) =>
    states.flatMap((state) => submitter.list(state, limit)).sort((a, b) => b.queuedAt - a.queuedAt);
  const before = list(OPEN);
  if (options.wait && before.length > 0) {
    await submitter.resume(await session.key());
    await withProgress(session.io, `waiting for ${before.length} transactions`, () =>
      Promise.all(before.map(({ id }) => submitter.settled(id))),
    );
  }
  const open = list(OPEN);
  const settled = list(SETTLED, last).slice(0, last);
  const failed = before.filter(({ id }) => submitter.find(id)?.state === "failed");
  const rows = [...open, ...settled].map(rowOf);
  return {
    facts: { open: open.map(factsOf), settled: settled.map(factsOf) },
    lines: rows.length === 0 ? ["nothing was sent yet"] : table(["handed over", "action", "state", "nonce", ""], rows),
    ...(failed.length > 0 && { exitCode: EXIT_CODES.REFUSED }),
  };
}

/** Adds `outbox`. */
export function addOutbox(program: Command, run: Runner): void {
  act(
    program
      .command("outbox")
      .description("what was sent from here, and what became of it")
      .option("--wait", "sees through what is open, with the own key")
      .addOption(new Option("--last <number>", "how many of those that are over are shown").default("10")),
    run,
    "outbox --wait",
    showOutbox,
  );
}
