import type { Command } from "commander";

import { readBooks } from "../../charging/books.js";
import { type Statement, statementOf } from "../../charging/statement.js";
import { apelMessage } from "../../exports/apel.js";
import { focusCsv } from "../../exports/focus.js";
import type { Labels } from "../../exports/format.js";
import { statementCsv, statementJson, statementText } from "../../exports/statementRows.js";
import { type Runner, act, choice } from "../command.js";
import type { Answer } from "../output.js";
import type { Session } from "../session.js";
import { mistake, parseCount, parseTime } from "../values.js";

/** What a cloud owes and is owed, from the events of a federation's books. */

const FORMATS: { readonly [format: string]: (statement: Statement, labels: Labels) => string } = {
  text: statementText,
  json: statementJson,
  csv: statementCsv,
  apel: apelMessage,
  focus: focusCsv,
};

interface StatementOptions {
  readonly cloud?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: string;
  readonly fromBlock: string;
  readonly range: string;
  readonly json?: boolean;
}

async function statement(session: Session, _args: readonly string[], options: StatementOptions): Promise<Answer> {
  const from = parseTime("--from", options.from ?? mistake("--from is missing"));
  const to = parseTime("--to", options.to ?? mistake("--to is missing"));
  const fromBlock = parseCount("--from-block", options.fromBlock);
  const blocksPerRequest = parseCount("--range", options.range, 1);
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const cloud =
    options.cloud === undefined ? await session.cloud() : await session.cloudNamed("--cloud", options.cloud);
  const books = await readBooks(federation, { fromBlock, blocksPerRequest });
  const format = session.options.json ? "json" : options.format;
  const write = FORMATS[format] ?? mistake(`--format: ${format} is none of ${Object.keys(FORMATS).join(", ")}`);
  return { facts: {}, lines: [], raw: write(statementOf(books, { cloud, from, to }), labels) };
}

/** Adds `statement`. */
export function addStatement(program: Command, run: Runner): void {
  act(
    program
      .command("statement")
      .description("what a cloud owes and is owed, as booked in a period")
      .option("--cloud <cloud>", "number or label; the own one by default")
      .option("--from <time>", "booked at or after: ISO 8601, without an offset UTC")
      .option("--to <time>", "booked before")
      .addOption(
        choice("--format <format>", "apel: usage records v0.4; focus: FOCUS 1.2", Object.keys(FORMATS), "text"),
      )
      .option("--from-block <number>", "block of the deployment, where the chain is long", "0")
      .option("--range <number>", "how many blocks the node is asked for at once", "5000"),
    run,
    "statement --cloud aurora --from 2026-01-01 --to 2026-02-01 --format csv",
    statement,
  );
}
