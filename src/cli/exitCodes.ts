import { CommanderError } from "commander";

import { BusError } from "../errors/busError.js";
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
  BAD_SETTING: "the profile, the address book or the key is missing, wrong, or readable by others",
  NO_CHAIN: "no node answers, it serves another chain, it is behind, or no receipt came in time",
  BAD_DOCUMENT: "a document or a file of signatures is wrong, or a signature in it is not what it should be",
  REFUSED: "a contract refused; the message begins with its error's name",
  NOT_SIGNED: "the signing desk refused: it would contradict an earlier signature, or its journal cannot be used",
  NOT_CONFIRMED: "the question was not answered with yes, or nobody could be asked and --yes was not given",
  NONE_FOUND: "the answer is that there is none: no site would take the VMs",
  NEEDS_CHECKOUT: "the command needs a checkout of the repository",
};

/** The exit code for what was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_CODES.DONE : EXIT_CODES.BAD_COMMAND;
  if (thrown instanceof DocumentError) return EXIT_CODES.BAD_DOCUMENT;
  if (!(thrown instanceof BusError)) return EXIT_CODES.FAILED;
  switch (thrown.code) {
    case "BAD_COMMAND":
    case "BAD_ARGUMENT":
    case "BAD_PERIOD":
    case "BAD_WEIGHTS":
    case "BAD_CURRENCY":
    case "UNKNOWN_PROPOSAL":
      return EXIT_CODES.BAD_COMMAND;
    case "BAD_PROFILE":
    case "BAD_ADDRESS_BOOK":
    case "BAD_KEY_FILE":
    case "NO_SIGNER":
      return EXIT_CODES.BAD_SETTING;
    case "UNKNOWN_CHAIN":
    case "WRONG_GENESIS":
    case "UNKNOWN_CONTRACT":
    case "NO_CODE":
    case "STALE_HEAD":
    case "TIMEOUT":
      return EXIT_CODES.NO_CHAIN;
    case "BAD_SIGNED_FILE":
    case "BAD_SIGNATURE":
    case "SIGNATURE_MISSING":
      return EXIT_CODES.BAD_DOCUMENT;
    case "REVERTED":
      return EXIT_CODES.REFUSED;
    case "CONTRADICTION":
    case "JOURNAL":
      return EXIT_CODES.NOT_SIGNED;
    case "NOT_CONFIRMED":
      return EXIT_CODES.NOT_CONFIRMED;
    case "NEEDS_CHECKOUT":
      return EXIT_CODES.NEEDS_CHECKOUT;
    default:
      return EXIT_CODES.FAILED;
  }
}
