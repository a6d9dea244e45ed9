import { Result, ZeroHash } from "ethers";

import { ask } from "../chain/ask.js";
import { AgentScope } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import { readInPieces } from "../chain/logs.js";
import { type BusEvent, parseLog } from "../chain/send.js";
import { moveOfEvent } from "../documents/agreedMove.js";
import type { PublicAgreement } from "../documents/types.js";
import { RevertError, asRevert } from "../errors/revert.js";
import type { MoveAgreedEvent } from "../typechain/contracts/ledger/MigrationLedger.js";
import { agreementWithId } from "./papers.js";

/** A stay as the ledger tells it. */
export interface StayFacts {
  readonly home: number;
  readonly host: number;
  /** In milliseconds. */
  readonly startedAtMs: number;
  /** In milliseconds; 0 while it runs. */
  readonly endedAtMs: number;
  /** Undefined where there is none. */
  readonly agreementId: string | undefined;
}

/** Besu answers about no more than 5,000 blocks at once. */
export const MAX_BLOCKS = 5_000;

/** Events of the ledger and the oracle in blocks, both ends included, in their order. */
export async function eventsIn(federation: Federation, from: number, to: number): Promise<BusEvent[]> {
  const { MigrationLedger, SlaOracle } = federation.addressBook.contracts;
  const address = [MigrationLedger, SlaOracle];
  const logs = await readInPieces(
    (fromBlock, toBlock) => federation.provider.getLogs({ address, fromBlock, toBlock }),
    from,
    to,
  );
  return logs.flatMap((log) => parseLog(federation, log));
}

/** A stay as the ledger tells it. */
export async function stayFactsOf({ ledger }: Federation, vm: string, sequence: number): Promise<StayFacts> {
  const found = await ask(ledger.stayOf(vm, sequence));
  return {
    home: Number(found.home),
    host: Number(found.host),
    startedAtMs: Number(found.startedAt),
    endedAtMs: Number(found.endedAt),
    agreementId: found.agreement === ZeroHash ? undefined : found.agreement,
  };
}

/**
 * The agreement that an event is about: all of it is in `MoveAgreed`; for other documents it is in the transaction that
 * brought them, if that called the ledger directly.
 * @returns Its id with its public form; undefined if the event is about none, or it cannot be read there.
 */
export async function agreementOfEvent(
  federation: Federation,
  { name, args, log }: BusEvent,
): Promise<{ readonly id: string; readonly agreement: PublicAgreement } | undefined> {
  const id = String(args.agreement);
  if (name === "MoveAgreed") {
    const { agreement } = moveOfEvent(args as unknown as MoveAgreedEvent.OutputObject);
    return { id, agreement };
  }
  if (name !== "DocumentAccepted") return undefined;
  const transaction = await federation.provider.getTransaction(log.transactionHash);
  const call = transaction && federation.ledger.interface.parseTransaction(transaction);
  // ethers' results know their names only when they are asked for them.
  const document: unknown = call?.args[0];
  const value: unknown = document instanceof Result ? document.toObject().agreement : undefined;
  const agreement = agreementWithId(value, id);
  return agreement && { id, agreement };
}

/** Whether a cloud's account, or an agent of it that may report, signed a digest, as the registry judges it now. */
export async function isReportSignature(
  { registry }: Federation,
  cloud: number,
  digest: string,
  signature: string,
): Promise<boolean> {
  try {
    await ask(registry.requireSignature(cloud, AgentScope.REPORT, 0, 0, digest, signature));
    return true;
  } catch (thrown) {
    if (thrown instanceof RevertError) return false;
    throw thrown;
  }
}

/** What a contract refuses of a call, before it is sent. */
export async function tryCall(
  { provider }: Federation,
  call: { readonly from: string; readonly to: string; readonly data: string },
): Promise<void> {
  try {
    await provider.send("eth_call", [call, "latest"]);
  } catch (thrown) {
    throw asRevert(thrown);
  }
}
