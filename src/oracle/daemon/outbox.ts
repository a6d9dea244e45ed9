import { type BaseContract, type BaseWallet, keccak256 } from "ethers";

import type { Federation } from "../../chain/federation.js";
import { asRevert } from "../../errors/revert.js";
import { tryCall } from "../chain.js";
import type { TransactionRow, WindowKey } from "../state/rows.js";
import type { Store } from "../state/store.js";
import type { Checkpoint } from "./checkpoint.js";

/** A call of a contract. */
export interface Call {
  readonly contract: BaseContract;
  readonly name: string;
  readonly args: readonly unknown[];
  /** The windows it is about. */
  readonly windows: readonly WindowKey[];
}

/** What is known of a transaction that was sent: it may not be in a block yet. */
export type Sending = "mined" | "reverted" | "pending";

/** Sends transactions, one at a time, each exactly once. */
export interface Outbox {
  /**
   * Sees what became of the transaction that is on its way; sends the very same one again if the node has lost it.
   * @returns False if it is still on its way: nothing else can be sent then.
   */
  settle(): Promise<boolean>;
  /**
   * Tries a call, signs it, writes the signed transaction down, then sends it.
   * @throws RevertError if the contract refuses: nothing was sent.
   */
  send(call: Call): Promise<Sending>;
}

/** What an outbox needs. */
export interface OutboxOptions {
  readonly federation: Federation;
  readonly store: Store;
  /** A key that nobody else sends with. */
  readonly sender: BaseWallet;
  /** How long to wait for a receipt. */
  readonly receiptMs: number;
  readonly checkpoint: Checkpoint;
  /** Told what came of each transaction. */
  readonly onOutcome: (action: string, outcome: "mined" | "reverted" | "superseded" | "refused") => void;
}

/** Enough for 64 reports. */
const GAS_LIMIT = 12_000_000n;
const POLL_MS = 50;

/**
 * Transactions that survive being killed: the signed bytes, with their nonce, are in the database before the node gets
 * them. After a crash the same bytes are sent again, and a nonce can be used only once.
 */
export function createOutbox(options: OutboxOptions): Outbox {
  const { federation, store, sender, checkpoint } = options;
  const { provider } = federation;

  const settleOne = async (row: TransactionRow): Promise<Sending | "superseded"> => {
    const receipt = await provider.getTransactionReceipt(row.hash);
    if (receipt) {
      await checkpoint("mined");
      return finish(row, receipt.status === 1 ? "mined" : "reverted");
    }
    const used = Number(await provider.send("eth_getTransactionCount", [sender.address, "latest"]));
    // Somebody else sent with this key: what the transaction was for is looked at afresh.
    if (used > row.nonce) return finish(row, "superseded");
    return "pending";
  };

  const finish = <T extends "mined" | "reverted" | "superseded">(row: TransactionRow, outcome: T): T => {
    store.atomically(() => {
      for (const key of row.windows) store.patchWindow(key, { isStale: true });
      store.settleTransaction(row.id, outcome);
    });
    options.onOutcome(row.action, outcome);
    return outcome;
  };

  const submit = async ({ raw }: TransactionRow): Promise<void> => {
    await provider.send("eth_sendRawTransaction", [raw]).catch((thrown: unknown) => {
      // The node has it already, or has done it already: its receipt tells.
      if (!isKnown(thrown)) throw asRevert(thrown);
    });
  };

  const waitFor = async (row: TransactionRow): Promise<Sending> => {
    const deadline = Date.now() + options.receiptMs;
    for (;;) {
      const found = await settleOne(row);
      if (found !== "pending") return found === "superseded" ? "reverted" : found;
      if (Date.now() > deadline) return "pending";
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };

  return {
    async settle() {
      const row = store.openTransaction();
      if (!row) return true;
      if ((await settleOne(row)) !== "pending") return true;
      await submit(row);
      return (await waitFor(row)) !== "pending";
    },

    async send({ contract, name, args, windows }) {
      const to = await contract.getAddress();
      const data = contract.interface.encodeFunctionData(name, args);
      try {
        await tryCall(federation, { from: sender.address, to, data });
      } catch (thrown) {
        options.onOutcome(name, "refused");
        throw thrown;
      }
      const nonce = Number(await provider.send("eth_getTransactionCount", [sender.address, "latest"]));
      const { chainId } = federation;
      const raw = await sender.signTransaction({
        to,
        data,
        gasLimit: GAS_LIMIT,
        gasPrice: 0n,
        type: 0,
        nonce,
        chainId,
      });
      await checkpoint("before the transaction is written down");
      const row = store.addTransaction({ action: name, windows, nonce, raw, hash: keccak256(raw) });
      await checkpoint("before the transaction is sent");
      await submit(row);
      await checkpoint("after the transaction was sent");
      return waitFor(row);
    },
  };
}

/** What nodes say of a transaction that they have, or of one whose nonce is used. */
function isKnown(thrown: unknown): boolean {
  const text = thrown instanceof Error ? `${thrown.message} ${JSON.stringify(thrown)}` : JSON.stringify(thrown);
  return /already known|known transaction|nonce too low|nonce_too_low|already imported|already exists/i.test(text);
}
