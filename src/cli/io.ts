import type { RpcProvider } from "../chain/federation.js";

/** What the program uses of the outside. Tests bring their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Which of the three streams are a terminal. */
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** Writes text as it is to the standard output: what was asked for. */
  stdout(text: string): void;
  /** Writes text as it is to the standard error: mistakes, progress, what is about to be signed. */
  stderr(text: string): void;
  /** Asks on the terminal. Called only where `isTty.stdin`. */
  prompt(question: string, options?: { readonly isHidden?: boolean }): Promise<string>;
  /** The clock, in milliseconds. */
  now(): number;
  /** Runs a program with these streams, and resolves with its exit code. */
  run(command: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<number>;
  /** A provider that is there already; otherwise the node of the profile is asked. */
  readonly provider?: RpcProvider;
}
