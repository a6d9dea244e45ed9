import { readFileSync } from "node:fs";

import { type BaseWallet, Wallet } from "ethers";

import { type Federation, type RpcProvider, asSender } from "../../chain/federation.js";
import type { Sent } from "../../chain/send.js";
import { BusError } from "../../errors/busError.js";

/** What a command may use of the outside. */
export interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints a line for people; silent with `--json`. */
  print(line: string): void;
  /** Asks whether to go on. */
  confirm(question: string): Promise<boolean>;
  /** A provider that is there already; otherwise the one of `--rpc` is opened. */
  readonly provider?: RpcProvider;
  /** Opens the account's key, where it is not to be found in `--keystore` or `ACCOUNT_PRIVATE_KEY`. */
  readonly accountKey?: () => Promise<BaseWallet>;
}

/** What a command is given. */
export interface Context {
  readonly outside: Outside;
  readonly federation: Federation;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, string | undefined>>;
}

/** What a command prints for programs. */
export type Facts = Readonly<Record<string, unknown>>;

/** A mistake in what was typed. */
export function mistake(message: string): never {
  throw new BusError("BAD_COMMAND", message);
}

/** An argument by its place. */
export function argument({ args }: Context, index: number, name: string): string {
  return args[index] ?? mistake(`${name} is missing`);
}

/** A cloud's number among the arguments. */
export function cloudArgument(context: Context, index: number): number {
  const text = argument(context, index, "CLOUD");
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : mistake(`CLOUD: ${text} is no cloud's number`);
}

/** JSON in a file that a command names. */
export function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new BusError("BAD_COMMAND", `${path} cannot be read`, { cause });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new BusError("BAD_COMMAND", `${path} is no JSON`, { cause });
  }
}

/** Keys: in an environment variable, or the account's in the keystore file of `--keystore`. */
export async function accountKey({ outside, options }: Pick<Context, "outside" | "options">): Promise<BaseWallet> {
  const { keystore } = options;
  if (outside.accountKey && keystore === undefined && outside.env.ACCOUNT_PRIVATE_KEY === undefined) {
    return outside.accountKey();
  }
  if (keystore === undefined) return keyFrom(outside, "ACCOUNT_PRIVATE_KEY");
  const password = outside.env.KEYSTORE_PASSWORD;
  if (password === undefined) throw new BusError("NO_SIGNER", "KEYSTORE_PASSWORD is not set");
  try {
    return await Wallet.fromEncryptedJson(readFileSync(keystore, "utf8"), password);
  } catch (cause) {
    throw new BusError("NO_SIGNER", `${keystore} cannot be opened`, { cause });
  }
}

/** A key in an environment variable. */
export function keyFrom({ env }: Outside, variable: string): Wallet {
  const text = env[variable];
  if (text === undefined) throw new BusError("NO_SIGNER", `${variable} is not set`);
  try {
    return new Wallet(text);
  } catch (cause) {
    throw new BusError("NO_SIGNER", `${variable} holds no private key`, { cause });
  }
}

/** A node key: in the key file of the node (`--node-key`), or in `NODE_PRIVATE_KEY`. */
export function nodeKeyFrom({ outside, options }: Context): Wallet {
  const path = options["node-key"];
  if (path === undefined) return keyFrom(outside, "NODE_PRIVATE_KEY");
  try {
    const text = readFileSync(path, "utf8").trim();
    return new Wallet(text.startsWith("0x") ? text : `0x${text}`);
  } catch (cause) {
    throw new BusError("NO_SIGNER", `${path} holds no node key`, { cause });
  }
}

/** The federation as the account's key sees it, and the cloud whose account it is. */
export async function asAccount(
  context: Context,
): Promise<{ readonly federation: Federation; readonly cloud: number }> {
  const key = await accountKey(context);
  const cloud = Number(await context.federation.registry.cloudOfAccount(key.address));
  if (cloud === 0) throw new BusError("NO_SIGNER", `${key.address} is no cloud's account`);
  return { federation: asSender(context.federation, key), cloud };
}

/** Shows what is about to happen and asks, then sends. */
export async function sendAfterShowing(
  { outside }: Context,
  lines: readonly string[],
  send: () => Promise<Sent>,
): Promise<Sent> {
  for (const line of lines) outside.print(line);
  if (!(await outside.confirm("Send it?"))) mistake("not sent");
  const sent = await send();
  outside.print(`Done in block ${sent.blockNumber}, transaction ${sent.hash}.`);
  return sent;
}

/** What is told of a transaction. */
export function sentFacts(sent: Sent): Facts {
  return { transaction: sent.hash, block: sent.blockNumber, gas: sent.gasUsed.toString() };
}
