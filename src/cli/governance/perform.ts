import { ACTS } from "./acting.js";
import { acceptanceFile, candidateFile } from "./candidate.js";
import { type Context, type Facts, mistake } from "./context.js";
import { MATTERS, proposeMatter } from "./proposing.js";
import { show } from "./reading.js";

/** Commands whose answer is a file for somebody else. */
const FILES: Readonly<Record<string, (context: Context) => Promise<Facts>>> = {
  candidate: candidateFile,
  accept: acceptanceFile,
};

/** Names of all commands, in the order in which they are needed. */
export const GOVERNANCE_COMMANDS: readonly string[] = [
  "show",
  ...Object.keys(FILES),
  ...Object.keys(MATTERS),
  ...Object.keys(ACTS),
];

/** Whether there is a command of that name. */
export function isGovernanceCommand(command: string): boolean {
  return GOVERNANCE_COMMANDS.includes(command);
}

/** Whether what a command answers is a file for somebody else: it is printed as it is. */
export function isFileCommand(command: string): boolean {
  return Object.hasOwn(FILES, command);
}

/**
 * Performs one command.
 * @throws BusError `BAD_COMMAND` if there is none of that name; in one line for every other mistake.
 */
export async function performGovernance(command: string, context: Context): Promise<Facts> {
  const matter = MATTERS[command];
  if (matter) return proposeMatter(context, matter);
  if (command === "show") return show(context);
  const act = FILES[command] ?? ACTS[command] ?? mistake(`${command} is no command; --help lists them`);
  return act(context);
}
