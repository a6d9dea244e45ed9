import { Command, CommanderError } from "commander";

import { BusError } from "../errors/busError.js";
import { RevertError } from "../errors/revert.js";
import { addCharges } from "./commands/charges.js";
import { addCheckout, handOver, handedOver } from "./commands/checkout.js";
import { addCompletion } from "./commands/completion.js";
import { addGovernance } from "./commands/governance.js";
import { addMoves } from "./commands/moves.js";
import { addOffers } from "./commands/offers.js";
import { addOutbox } from "./commands/outbox.js";
import { addQuestions } from "./commands/questions.js";
import { addReports } from "./commands/reports.js";
import { addReputation } from "./commands/reputation.js";
import { addRevocation } from "./commands/revocation.js";
import { addStatement } from "./commands/statement.js";
import { addVms } from "./commands/vms.js";
import { EXIT_CODES, EXIT_CODE_MEANINGS, exitCodeOf } from "./exitCodes.js";
import type { Io } from "./io.js";
import { paint, plainLine, printAnswer, toJson } from "./output.js";
import { type Runner, collect } from "./command.js";
import { type GlobalOptions, openSession } from "./session.js";

const HELP_WIDTH = 110;

const EXIT_CODES_HELP = [
  "\nExit codes:",
  ...Object.entries(EXIT_CODES).map(
    ([name, code]) => `  ${String(code).padStart(2)}  ${EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES]}`,
  ),
].join("\n");

/** In the order of the program's help. */
const ADDERS = [
  addQuestions,
  addVms,
  addOffers,
  addMoves,
  addRevocation,
  addReports,
  addReputation,
  addCharges,
  addStatement,
  addGovernance,
  addOutbox,
  addCheckout,
  addCompletion,
];

/** The tree of commands. */
export function buildProgram(io: Io, run: Runner): Command {
  const program = new Command("blockchainbus");
  program
    .description("the record and the procedure of virtual machine migration in a cloud federation")
    .option("--profile <file>", "profile; otherwise BLOCKCHAINBUS_PROFILE, ./blockchainbus.json or the user's")
    .option("--rpc <url>", "node, instead of the profile's; several are tried in their order", collect)
    .option("--addresses <file>", "address book, instead of the profile's")
    .option("--keystore <file>", "encrypted key, instead of the profile's; password in BLOCKCHAINBUS_PASSWORD")
    .option("--as <cloud>", "cloud for which is signed and sent, instead of the profile's")
    .option("--json", "prints facts for programs")
    .option("--yes", "does not ask before it signs or sends")
    .addHelpText("after", EXIT_CODES_HELP)
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, helpWidth: HELP_WIDTH })
    .configureOutput({
      writeOut: (text) => {
        io.stdout(text);
      },
      writeErr: (text) => {
        io.stderr(text);
      },
      // Said once, with every other mistake.
      outputError: () => undefined,
    })
    .exitOverride();
  for (const add of ADDERS) add(program, run);
  return program;
}

/** What went wrong, in one line. */
function sayMistake(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const [first = ""] = message.replace(/^error: /, "").split(thrown instanceof CommanderError ? "\n(" : "\n");
  const hint = thrown instanceof CommanderError ? / *Did you mean .*\?/.exec(message)?.[0] : undefined;
  return plainLine([first.trim(), ...(hint ? [hint.trim()] : [])].join(". "));
}

function factsOf(thrown: unknown, exitCode: number): object {
  const code = thrown instanceof BusError ? thrown.code : thrown instanceof CommanderError ? "BAD_COMMAND" : "FAILED";
  const refusal = thrown instanceof RevertError ? { errorName: thrown.errorName, args: thrown.args } : {};
  return { error: { code, message: sayMistake(thrown), exitCode, ...refusal } };
}

/**
 * Runs one command line.
 * @param argv What was typed after the program's name.
 * @returns The exit code. Nothing is thrown: a mistake is one line on the standard error.
 */
export async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT_CODES.DONE;
  const run: Runner = async (command, body) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const session = openSession(io, options);
    try {
      const answer = await body(session, command.args, command.opts());
      printAnswer(io, answer, options.json === true);
      exitCode = answer.exitCode ?? EXIT_CODES.DONE;
    } finally {
      await session.close();
    }
  };
  try {
    const elsewhere = handedOver(argv);
    if (elsewhere) return await handOver(io, elsewhere.script, elsewhere.args);
    await buildProgram(io, run).parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (thrown) {
    const code = exitCodeOf(thrown);
    // Help and version were printed, and end the program in commander's way. So does help that was not asked for.
    if (thrown instanceof CommanderError && /^commander\.(help|version)/.test(thrown.code)) return code;
    if (argv.includes("--json")) io.stderr(`${toJson(factsOf(thrown, code)).replaceAll(/\n */g, " ")}\n`);
    else io.stderr(`${paint(io, "stderr", "red", "blockchainbus:")} ${sayMistake(thrown)}\n`);
    return code;
  }
}
