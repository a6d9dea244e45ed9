import {
  type BaseContract,
  BaseWallet,
  Log,
  type Result,
  type Signer,
  type TransactionReceipt,
  getAddress,
} from "ethers";

import { BusError } from "../errors/busError.js";
import { asRevert, decodeRevert, findRevertData } from "../errors/revert.js";
import type { ContractName } from "./addressBook.js";
import { gasLimitFor } from "../submission/gasLimits.js";
import type { RawLog, Submission } from "../submission/outbox.js";
import { type Submitter, errorOf } from "../submission/submitter.js";
import type { Federation, RpcProvider } from "./federation.js";

/** An event of one of the federation's contracts. */
export interface BusEvent {
  readonly contract: ContractName;
  readonly name: string;
  readonly args: Result;
  readonly log: Log;
}

/** A transaction that was mined and did what it should. */
export interface Sent {
  readonly hash: string;
  readonly blockNumber: number;
  readonly gasUsed: bigint;
  readonly events: readonly BusEvent[];
}

/** How a transaction is sent. */
export interface SendOptions {
  /** Gas limit. The default is enough for sixteen lines. */
  readonly gasLimit?: bigint;
  /** How long to wait for the receipt. */
  readonly timeoutMs?: number;
  /** How often to ask for it. A submitter knows by itself. */
  readonly pollMs?: number;
  /** Names the call in a submitter's outbox: under one id it has one effect at most, however often it is sent. */
  readonly id?: string;
  /** Whether a submitter tries the call on the head before it is signed: yes, if not told. */
  readonly isChecked?: boolean;
}

const DEFAULT_GAS = 5_000_000n;
const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_POLL_MS = 50;

/** One lane per sender: the next nonce, taken in the order of the calls. */
const lanes = new WeakMap<RpcProvider, Map<string, Promise<number>>>();

/**
 * Sends one transaction and waits until it is mined: a call first, so that a refusal costs nothing and comes with its
 * reason; then the signed transaction; then its receipt. No fee is offered: the chain's gas is free. ethers' own
 * sending asks the node seventeen times and polls every four seconds.
 *
 * Where the federation has a submitter, the transaction goes through it and is seen through, come what may.
 * @throws RevertError if the contract refuses; BusError `NO_SIGNER`, `TIMEOUT`; with a submitter also `NOT_ACCEPTED`,
 * `SUBMISSION_CONFLICT`, `OUTBOX`.
 */
export async function send(
  federation: Federation,
  contract: BaseContract,
  name: string,
  args: readonly unknown[],
  options: SendOptions = {},
): Promise<Sent> {
  const { provider, signer, submitter } = federation;
  if (!signer) throw new BusError("NO_SIGNER", `${name} needs a sender`);
  if (submitter) return sendThrough(submitter, federation, signer, contract, name, args, options);
  const from = await signer.getAddress();
  const to = await contract.getAddress();
  const data = contract.interface.encodeFunctionData(name, args);
  const gasLimit = options.gasLimit ?? DEFAULT_GAS;
  try {
    await provider.send("eth_call", [{ from, to, data, gas: `0x${gasLimit.toString(16)}` }, "latest"]);
    const hash = await submit(provider, signer, { from, to, data, gasLimit, chainId: federation.chainId });
    const receipt = await waitForReceipt(provider, hash, options);
    if (receipt.status === 0) throw await reasonOf(provider, receipt, { from, to, data });
    return {
      hash,
      blockNumber: receipt.blockNumber,
      gasUsed: receipt.gasUsed,
      events: receipt.logs.flatMap((log) => parseLog(federation, log)),
    };
  } catch (thrown) {
    throw asRevert(thrown);
  }
}

async function sendThrough(
  submitter: Submitter,
  federation: Federation,
  signer: Signer,
  contract: BaseContract,
  name: string,
  args: readonly unknown[],
  options: SendOptions,
): Promise<Sent> {
  const measured = options.gasLimit ?? gasLimitFor(name, args);
  const call = {
    to: await contract.getAddress(),
    data: contract.interface.encodeFunctionData(name, args),
    gasLimit: measured ?? DEFAULT_GAS,
    ...(options.gasLimit === undefined && { spareGasLimit: DEFAULT_GAS }),
    name,
  };
  const { id } = await submitter.submit(signer, call, options);
  return sentFrom(federation, await submitter.settled(id, options.timeoutMs ?? DEFAULT_TIMEOUT_MS));
}

/**
 * What a settled submission did.
 * @throws RevertError if the contract refused it; BusError `NOT_ACCEPTED` if no node took it, `TIMEOUT` if it is not settled.
 */
export function sentFrom(federation: Federation, submission: Submission): Sent {
  const { id, hash, receipt, failure } = submission;
  if (failure) throw errorOf(failure);
  if (!receipt || hash === undefined) throw new BusError("TIMEOUT", `submission ${id} is not settled yet`);
  return {
    hash,
    blockNumber: Number(receipt.blockNumber),
    gasUsed: BigInt(receipt.gasUsed),
    events: receipt.logs.flatMap((log) => parseLog(federation, asLog(federation.provider, log))),
  };
}

function asLog(provider: RpcProvider, log: RawLog): Log {
  const { address, topics, data, blockHash, transactionHash } = log;
  return new Log(
    {
      address: getAddress(address),
      topics: [...topics],
      data,
      blockHash,
      transactionHash,
      blockNumber: Number(log.blockNumber),
      transactionIndex: Number(log.transactionIndex),
      index: Number(log.logIndex),
      removed: false,
    },
    provider,
  );
}

interface Draft {
  readonly from: string;
  readonly to: string;
  readonly data: string;
  readonly gasLimit: bigint;
  readonly chainId: bigint;
}

async function submit(provider: RpcProvider, signer: Signer, draft: Draft): Promise<string> {
  const { from, to, data, gasLimit, chainId } = draft;
  if (!(signer instanceof BaseWallet)) {
    return (await signer.sendTransaction({ to, data, gasLimit, gasPrice: 0n, type: 0 })).hash;
  }
  const nonce = await takeNonce(provider, from);
  try {
    const raw = await signer.signTransaction({ to, data, gasLimit, gasPrice: 0n, type: 0, nonce, chainId });
    return String(await provider.send("eth_sendRawTransaction", [raw]));
  } catch (thrown) {
    // The nonce may or may not be used: ask the node before the next one.
    lanes.get(provider)?.delete(from);
    throw thrown;
  }
}

async function takeNonce(provider: RpcProvider, from: string): Promise<number> {
  const lane = lanes.get(provider) ?? new Map<string, Promise<number>>();
  lanes.set(provider, lane);
  const next =
    lane.get(from) ??
    provider.send("eth_getTransactionCount", [from, "pending"]).then((answer: unknown) => Number(answer));
  lane.set(
    from,
    next.then((nonce) => nonce + 1),
  );
  return next;
}

async function waitForReceipt(provider: RpcProvider, hash: string, options: SendOptions): Promise<TransactionReceipt> {
  const deadline = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  for (;;) {
    const receipt = await provider.getTransactionReceipt(hash);
    if (receipt) return receipt;
    if (Date.now() > deadline) throw new BusError("TIMEOUT", `no receipt of ${hash} in time`);
    await new Promise((resolve) => setTimeout(resolve, options.pollMs ?? DEFAULT_POLL_MS));
  }
}

/** Why a mined transaction failed: from the receipt where the node tells it, else by calling again at its block. */
async function reasonOf(
  provider: RpcProvider,
  receipt: TransactionReceipt,
  call: { readonly from: string; readonly to: string; readonly data: string },
): Promise<Error> {
  const raw: unknown = await provider.send("eth_getTransactionReceipt", [receipt.hash]);
  const told = findRevertData(raw);
  if (told !== undefined) return decodeRevert(told);
  try {
    await provider.send("eth_call", [call, `0x${receipt.blockNumber.toString(16)}`]);
  } catch (thrown) {
    const reason = asRevert(thrown);
    if (reason instanceof Error) return reason;
  }
  return decodeRevert("0x");
}

/** An event of the federation's contracts in a log; empty for any other log. */
export function parseLog(federation: Federation, log: Log): readonly BusEvent[] {
  const { contracts } = federation.addressBook;
  const known = [
    ["AccessManager", contracts.AccessManager, federation.authority],
    ["CloudRegistry", contracts.CloudRegistry, federation.registry],
    ["CapacityExchange", contracts.CapacityExchange, federation.exchange],
    ["MigrationLedger", contracts.MigrationLedger, federation.ledger],
    ["SlaOracle", contracts.SlaOracle, federation.oracle],
    ["ChargingLedger", contracts.ChargingLedger, federation.charging],
    ["ReputationLedger", contracts.ReputationLedger, federation.reputation],
    ["ValidatorSet", contracts.ValidatorSet, federation.validators],
    ["FederationGovernor", contracts.FederationGovernor, federation.governor],
  ] as const;
  for (const [contract, address, typed] of known) {
    if (log.address.toLowerCase() !== address.toLowerCase()) continue;
    const parsed = (typed as BaseContract).interface.parseLog(log);
    if (parsed) return [{ contract, name: parsed.name, args: parsed.args, log }];
  }
  return [];
}

/**
 * The first event of a name in what was sent.
 * @throws BusError `MISSING_EVENT`.
 */
export function eventOf(sent: Sent, name: string): BusEvent {
  const found = sent.events.find((event) => event.name === name);
  if (!found) throw new BusError("MISSING_EVENT", `transaction ${sent.hash} has no ${name}`);
  return found;
}
