import { TypedDataEncoder, keccak256, recoverAddress } from "ethers";

import { DocumentKind, KeyRole } from "../../chain/enums.js";
import type { Federation } from "../../chain/federation.js";
import { readAround } from "../../chain/logs.js";
import { type Stay, stays as staysOf } from "./stays.js";

/** Who signed a document, as the chain shows it. */
export interface Signatory {
  readonly cloud: number;
  readonly key: string;
  /** Whether the key is an agent's; else the account's. */
  readonly isAgent: boolean;
}

/** A stay with what it rests on. */
export interface HistoryEntry extends Stay {
  /** Id of the agreement; undefined where there is none. */
  readonly agreementId: string | undefined;
  /** Who signed the document that began the stay, in the order of the signatures. */
  readonly signers: readonly Signatory[];
  /** Who signed the handover of a move: destination, then source. */
  readonly handoverSigners: readonly Signatory[];
  /** Transaction that brought it. */
  readonly transaction: string | undefined;
}

/**
 * A VM's stays with the agreements under which they began and the keys that signed them, recovered from the
 * transactions that brought them. A contract's signature (ERC-1271) cannot be recovered: it is left out.
 */
export async function historyOf(federation: Federation, vm: string): Promise<HistoryEntry[]> {
  const stays = await staysOf(federation, vm, 1, 1_000);
  return Promise.all(
    stays.map(async (stay) => {
      if (stay.agreement === 0)
        return { ...stay, agreementId: undefined, signers: [], handoverSigners: [], transaction: undefined };
      const id = await federation.ledger.agreementAt(stay.agreement);
      const found = await findDocument(federation, stay);
      const signers = found ? await signersOf(federation, found.document, found.transaction) : [];
      const handover = await findHandover(federation, stay);
      const handoverSigners = handover ? await signersOf(federation, handover.document, handover.transaction) : [];
      return { ...stay, agreementId: id, signers, handoverSigners, transaction: found?.transaction };
    }),
  );
}

interface Brought {
  readonly document: string;
  readonly transaction: string;
}

async function findHandover({ ledger, provider }: Federation, stay: Stay): Promise<Brought | undefined> {
  if (stay.kind !== DocumentKind.Move) return undefined;
  const filter = ledger.filters.MoveCompleted(stay.agreement);
  const read = (from: number, to: number) => ledger.queryFilter(filter, from, to);
  const [completed] = await readAround(provider, read, stay.startedAt);
  return completed && { document: completed.args.handover, transaction: completed.transactionHash };
}

async function findDocument({ ledger, provider }: Federation, stay: Stay): Promise<Brought | undefined> {
  const read = async (from: number, to: number): Promise<Brought[]> => {
    const [moves, others] = await Promise.all([
      ledger.queryFilter(ledger.filters.MoveAgreed(stay.agreement), from, to),
      ledger.queryFilter(ledger.filters.DocumentAccepted(stay.agreement), from, to),
    ]);
    return [
      ...moves.map(({ args, transactionHash }) => ({ document: args.move, transaction: transactionHash })),
      ...others.map(({ args, transactionHash }) => ({ document: args.document, transaction: transactionHash })),
    ];
  };
  const [found] = await readAround(provider, read, stay.startedAt);
  return found;
}

async function signersOf(federation: Federation, document: string, hash: string): Promise<Signatory[]> {
  const transaction = await federation.provider.getTransaction(hash);
  const call = transaction && federation.ledger.interface.parseTransaction(transaction);
  const signatures: unknown = call?.args.at(-1);
  if (!Array.isArray(signatures)) return [];
  const digest = digestOf(federation, document);
  const keys = signatures.flatMap((signature) => recover(digest, String(signature)));
  return Promise.all(
    keys.map(async (key) => {
      const { cloud, role } = await federation.registry.bindingOf(key);
      return { cloud: Number(cloud), key, isAgent: Number(role) === KeyRole.Agent };
    }),
  );
}

/** EIP-712 digest of a document of which only the struct hash is known. */
function digestOf(federation: Federation, document: string): string {
  const domain = TypedDataEncoder.hashDomain(federation.ledgerDomain);
  return keccak256(`0x1901${domain.slice(2)}${document.slice(2)}`);
}

function recover(digest: string, signature: string): string[] {
  try {
    return [recoverAddress(digest, signature)];
  } catch {
    return [];
  }
}
