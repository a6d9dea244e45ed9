import type { Command } from "commander";

import { type UnpostedMove, unpostedMoves } from "../../actions/questions/unpostedMoves.js";
import { standingOf } from "../../actions/questions/reputation.js";
import { postMove } from "../../actions/reputation/postMove.js";
import { postResults } from "../../actions/reputation/postResults.js";
import { postUnfinished } from "../../actions/reputation/postUnfinished.js";
import type { Federation } from "../../chain/federation.js";
import type { Sent } from "../../chain/send.js";
import { labelOf } from "../../exports/format.js";
import { STANDING_ONE } from "../../reputation/standing.js";
import { openSla } from "../../signing/disclosure.js";
import { type Runner, act, collect } from "../command.js";
import { type Answer, table } from "../output.js";
import {
  type PaperOptions,
  type StayOptions,
  fullAgreementOf,
  openedResult,
  sayStay,
  stayNamed,
  withStay,
  withTermsPaper,
} from "../papers.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { mistake, parseCount } from "../values.js";

/** What clouds kept and broke: their standing, and the facts that anybody may post. */

const HUNDREDTHS = 10_000n;

/** A share in percent, with two decimals. */
function percent(share: bigint): number {
  return Number((share * HUNDREDTHS) / STANDING_ONE) / 100;
}

async function listStandings(session: Session): Promise<Answer> {
  const [federation, clouds] = await Promise.all([session.federation(), session.clouds()]);
  const standings = await Promise.all(
    clouds.map(async ({ cloud, label }) => {
      const { score, confidence } = await standingOf(federation, cloud);
      return { cloud, label, scorePercent: percent(score), confidencePercent: percent(confidence) };
    }),
  );
  const rows = standings.map((one) => [one.label, String(one.scorePercent), String(one.confidencePercent)]);
  return { facts: { standings }, lines: table(["cloud", "kept, in %", "confidence, in %"], rows) };
}

/* MOVES */

interface EventOptions {
  readonly fromBlock: string;
}

function post(sender: Federation, move: UnpostedMove): Promise<Sent> {
  return move.kind === "completed"
    ? postMove(sender, move.vm, move.sequence)
    : postUnfinished(sender, move.number, move.agreement);
}

async function postMoves(session: Session, _args: readonly string[], options: EventOptions): Promise<Answer> {
  const fromBlock = parseCount("--from-block", options.fromBlock);
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const moves = await unpostedMoves(federation, fromBlock);
  if (moves.length === 0) return { facts: { posted: [] }, lines: ["Every move that ended is posted."] };
  const say = (move: UnpostedMove): string => {
    if (move.kind === "completed") return `  move ${move.number} completed: ${sayStay(move)}`;
    const { source, destination } = move.agreement;
    return `  move ${move.number} unfinished: from ${labelOf(labels, source)} to ${labelOf(labels, destination)}`;
  };
  await session.confirm(["Post, a transaction each:", ...moves.map(say)], "Send them?");
  const posted: { readonly move: UnpostedMove; readonly sent: Sent }[] = [];
  // In the order in which they ended: one key sends them all.
  for (const move of moves) posted.push({ move, sent: await session.bring((sender) => post(sender, move)) });
  return {
    facts: { posted: posted.map(({ move: { number, kind }, sent }) => ({ number, kind, ...sentFacts(sent) })) },
    lines: posted.map(({ sent }) => sentLine(sent)),
  };
}

/* RESULTS */

interface ResultsOptions extends StayOptions, PaperOptions {
  readonly window?: string[];
  readonly result?: string[];
}

async function postWindows(session: Session, args: readonly string[], options: ResultsOptions): Promise<Answer> {
  const windows = (options.window ?? mistake("--window is missing")).map((text) => parseCount("--window", text));
  const federation = await session.federation();
  const stay = await stayNamed(session, args, options);
  const agreement = await fullAgreementOf(federation, stay, options);
  const results = await Promise.all(
    windows.map(async (window) => ({
      window,
      opening: await openedResult(federation, stay, window, options.result ?? []),
    })),
  );
  const lines = [
    `Post window ${windows.join(", ")} of ${sayStay(stay)} as kept or broken.`,
    "  SLA and results are on the chain from then on, for the whole federation to read; the price is not.",
  ];
  const sent = await session.send(lines, (sender) =>
    postResults(sender, stay, agreement, openSla(agreement.terms), results),
  );
  return { facts: { ...stay, windows, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/** Adds `reputation`. */
export function addReputation(program: Command, run: Runner): void {
  const reputation = program
    .command("reputation")
    .helpCommand(false)
    .description("what clouds kept of their promises, and what is posted of it");
  act(
    reputation.command("list").description("score and confidence of every cloud"),
    run,
    "reputation list",
    listStandings,
  );
  act(
    reputation
      .command("post")
      .description("posts every move that ended and counts; anybody may")
      .option("--from-block <number>", "block of the deployment, where the chain is long", "0"),
    run,
    "reputation post",
    postMoves,
  );
  act(
    withTermsPaper(
      withStay(
        reputation
          .command("results")
          .description("posts final results of windows of a stay: kept, or broken; anybody may who has its paper")
          .argument("<vm>", "id, or own name")
          .option("--window <number>", "number of a window, from 0; up to 64", collect),
      ),
    ).option("--result <file>", "file of a report that both signed, for an agreed result", collect),
    run,
    "reputation results web-3 --window 0 --window 1 --paper move.json --result window-0.json --result window-1.json",
    postWindows,
  );
}
