import { CommanderError } from "commander";

import { BusError, type BusErrorCode } from "../errors/busError.js";
import { DocumentError } from "../errors/documentError.js";

/** What the program's exit code says. Scripts branch on it: a meaning never changes its number. */
export const EXIT_CODES = {
  DONE: 0,
  FAILED: 1,
  BAD_COMMAND: 2,
  BAD_SETTING: 3,
  NO_CHAIN: 4,
  BAD_DOCUMENT: 5,
  REFUSED: 6,
  NOT_SIGNED: 7,
  NOT_CONFIRMED: 8,
  NONE_FOUND: 9,
  NEEDS_CHECKOUT: 10,
} as const;

/** The meanings, for the program's help and the page about it. */
export const EXIT_CODE_MEANINGS: { readonly [name in keyof typeof EXIT_CODES]: string } = {
  DONE: "done",
  FAILED: "something that nobody foresaw",
  BAD_COMMAND: "the command, an option or an argument is wrong",
  BAD_SETTING: "the profile, the address book, the key or the outbox is missing, wrong, or readable by others",
  NO_CHAIN:
    "no node answers or takes the transaction, it serves another chain, it is behind, or no receipt came in time",
  BAD_DOCUMENT: "a document or a file of signatures is wrong, or a signature in it is not what it should be",
  REFUSED: "a contract refused; the message begins with its error's name",
  NOT_SIGNED: "the signing desk refused: it would contradict an earlier signature, or its journal cannot be used",
  NOT_CONFIRMED: "the question was not answered with yes, or nobody could be asked and --yes was not given",
  NONE_FOUND: "the answer is that there is none: no site would take the VMs, no debts cancel each other out",
  NEEDS_CHECKOUT: "the command needs a checkout of the repository",
};

type ExitName = keyof typeof EXIT_CODES;

/** Which of the library's errors mean what. What is not here nobody should see on the command line. */
const BY_ERROR: { readonly [code in BusErrorCode]?: ExitName } = {
  BAD_COMMAND: "BAD_COMMAND",
  BAD_ARGUMENT: "BAD_COMMAND",
  BAD_PERIOD: "BAD_COMMAND",
  BAD_WEIGHTS: "BAD_COMMAND",
  BAD_CURRENCY: "BAD_COMMAND",
  UNKNOWN_PROPOSAL: "BAD_COMMAND",
  BAD_PROFILE: "BAD_SETTING",
  BAD_ADDRESS_BOOK: "BAD_SETTING",
  BAD_KEY_FILE: "BAD_SETTING",
  NO_SIGNER: "BAD_SETTING",
  OUTBOX: "BAD_SETTING",
  UNKNOWN_CHAIN: "NO_CHAIN",
  WRONG_GENESIS: "NO_CHAIN",
  UNKNOWN_CONTRACT: "NO_CHAIN",
  NO_CODE: "NO_CHAIN",
  STALE_HEAD: "NO_CHAIN",
  TIMEOUT: "NO_CHAIN",
  NO_NODE: "NO_CHAIN",
  NOT_ACCEPTED: "NO_CHAIN",
  BAD_SIGNED_FILE: "BAD_DOCUMENT",
  BAD_SIGNATURE: "BAD_DOCUMENT",
  SIGNATURE_MISSING: "BAD_DOCUMENT",
  REVERTED: "REFUSED",
  CONTRADICTION: "NOT_SIGNED",
  JOURNAL: "NOT_SIGNED",
  NOT_CONFIRMED: "NOT_CONFIRMED",
  NEEDS_CHECKOUT: "NEEDS_CHECKOUT",
};

/** The exit code for what was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_CODES.DONE : EXIT_CODES.BAD_COMMAND;
  if (thrown instanceof DocumentError) return EXIT_CODES.BAD_DOCUMENT;
  const name = thrown instanceof BusError ? BY_ERROR[thrown.code] : undefined;
  return EXIT_CODES[name ?? "FAILED"];
}
