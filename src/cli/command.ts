import { type Command, Option } from "commander";

import type { Answer } from "./output.js";
import type { Session } from "./session.js";

/** What a command does. */
export type Body<O> = (session: Session, args: readonly string[], options: O) => Promise<Answer>;

/** Runs a command's body and prints its answer. */
export type Runner = <O extends object>(command: Command, body: Body<O>) => Promise<void>;

/** Values of an option that may be given several times. One that takes many at once would swallow what follows it. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** A command with its example, run by a runner. */
export function act<O extends object>(command: Command, runner: Runner, sample: string, body: Body<O>): Command {
  return command
    .addHelpText("after", `\nExample:\n  $ npx blockchainbus ${sample}`)
    .action(() => runner(command, body));
}

/** The options of a command that signs a document. */
export function withSigning(command: Command): Command {
  return command
    .option("--sign-only", "signs, and writes the file for the other clouds; sends nothing")
    .option("--out <file>", "where to write that file, a folder if there are several; otherwise it is printed")
    .option(
      "--with-signature <file>",
      "goes on with a document that somebody else made or signed, or a folder of them",
      collect,
    );
}

/** Those options, as they are read. */
export interface SigningOptions {
  readonly signOnly?: boolean;
  readonly out?: string;
  readonly withSignature?: string[];
}

/** The options for resources. */
export function withResources(command: Command): Command {
  return command
    .option("--vcpu <number>", "virtual CPUs, with three decimals at most")
    .option("--memory <gib>", "memory in GiB")
    .option("--storage <gib>", "storage in GiB")
    .option("--iops <number>", "disk operations per second")
    .option("--network <mbps>", "network in Mbit/s")
    .option("--gpus <number>", "GPUs");
}

/** An option with a fixed list of values. */
export function choice(flags: string, description: string, values: readonly string[], preset?: string): Option {
  const option = new Option(flags, description).choices(values);
  return preset === undefined ? option : option.default(preset);
}
