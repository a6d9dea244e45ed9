import type { DatabaseSync } from "node:sqlite";

import { ZeroHash, toBeHex } from "ethers";

import { DocumentKind, MoveState, VmState } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import { balanceIn } from "./bookings.js";

interface Row {
  readonly [column: string]: unknown;
}

/** What is compared of one thing: by name, as text. */
type Facts = Readonly<{ [name: string]: string }>;

interface At {
  readonly federation: Federation;
  readonly database: DatabaseSync;
  readonly block: number;
}

/** One kind of thing that the index holds: how some are picked, and what the contracts say of one. */
interface Check {
  readonly what: string;
  readonly pick: (at: At) => Row | undefined;
  readonly indexed: (row: Row) => Facts;
  readonly onChain: (at: At, row: Row) => Promise<Facts>;
}

const text = (value: unknown): string => String(value);

/** The row at or after a random key, or the first: any row may be picked. */
function pickBy(select: string, key: string, random: (at: At) => string | number): Check["pick"] {
  return (at) =>
    at.database.prepare(`${select} WHERE ${key} >= ? ORDER BY ${key} LIMIT 1`).get(random(at)) ??
    at.database.prepare(`${select} ORDER BY ${key} LIMIT 1`).get();
}

const randomNumber =
  (table: string, key: string) =>
  ({ database }: At): number => {
    const last = Number(database.prepare(`SELECT max(${key}) AS last FROM ${table}`).get()?.last ?? 0);
    return Math.floor(Math.random() * (last + 1));
  };

const SELECT_VM =
  "SELECT v.*, s.resources AS resources FROM vms v JOIN stays s ON s.vm = v.id AND s.sequence = v.sequence";
const anyVm = pickBy(SELECT_VM, "v.id", randomNumber("vms", "id"));

const anyStay: Check["pick"] = (at) => {
  const vm = anyVm(at);
  return (
    vm &&
    at.database
      .prepare("SELECT s.*, v.vm AS vm FROM stays s JOIN vms v ON v.id = s.vm WHERE s.vm = ? ORDER BY random() LIMIT 1")
      .get(Number(vm.id))
  );
};

const anyBalance: Check["pick"] = ({ database }) => {
  const last = Number(database.prepare("SELECT max(event) AS last FROM bookings").get()?.last ?? -1);
  const at = Math.floor(Math.random() * (last + 1));
  const booked = database.prepare("SELECT * FROM bookings WHERE event >= ? ORDER BY event LIMIT 1").get(at);
  if (!booked) return undefined;
  const [creditor, debtor, currency] = [Number(booked.creditor), Number(booked.debtor), text(booked.currency)];
  return { creditor, debtor, currency, balance: balanceIn(database, creditor, debtor, currency) };
};

/** What is compared with the contracts. A further table is one more element. */
const CHECKS: readonly Check[] = [
  {
    what: "VM",
    pick: anyVm,
    indexed: ({ home, host, site, state, sequence, move, resources }) => ({
      home: text(home),
      host: text(host),
      site: text(site),
      state: text(state),
      sequence: text(sequence),
      move: text(move),
      resources: text(resources),
    }),
    onChain: async ({ federation, block }, { vm }) => {
      const at = { blockTag: block };
      const [[stored], packed] = await Promise.all([
        federation.ledger.vmOf(text(vm), at),
        federation.ledger.resourcesOf(text(vm), at),
      ]);
      return {
        home: text(stored.home),
        host: text(stored.host),
        site: text(stored.site),
        state: text(stored.state),
        sequence: text(stored.sequence),
        move: text(stored.move),
        resources: toBeHex(packed, 32),
      };
    },
  },
  {
    what: "stay",
    pick: anyStay,
    indexed: ({ host, site, agreement, started_at, ended_at }) => ({
      host: text(host),
      site: text(site),
      agreement: text(agreement),
      startedAt: text(started_at),
      endedAt: text(ended_at),
    }),
    onChain: async ({ federation, block }, { vm, sequence }) => {
      const [stay] = await federation.ledger.stays(text(vm), Number(sequence), 1, { blockTag: block });
      return {
        host: text(stay?.host),
        site: text(stay?.site),
        agreement: text(stay?.agreement),
        startedAt: text(stay?.startedAt),
        endedAt: text(stay?.endedAt),
      };
    },
  },
  {
    what: "agreement",
    pick: pickBy("SELECT * FROM agreements", "number", randomNumber("agreements", "number")),
    indexed: ({ agreement, kind, state, reason, unfinished_a, unfinished_b }) => ({
      agreement: text(agreement),
      // The ledger tells an outcome only of moves that did not complete.
      state: text(kind === DocumentKind.Move && Number(state) > MoveState.Completed ? state : MoveState.None),
      reason: text(reason),
      unfinishedA: text(unfinished_a),
      unfinishedB: text(unfinished_b),
    }),
    onChain: async ({ federation, block }, { number }) => {
      const at = { blockTag: block };
      const [agreement, outcome] = await Promise.all([
        federation.ledger.agreementAt(Number(number), at),
        federation.ledger.outcomeOf(Number(number), at),
      ]);
      return {
        agreement,
        state: text(outcome.state),
        reason: text(outcome.reason),
        unfinishedA: text(outcome.unfinishedA),
        unfinishedB: text(outcome.unfinishedB),
      };
    },
  },
  {
    what: "balance of creditor",
    pick: anyBalance,
    indexed: ({ balance }) => ({ balance: text(balance) }),
    onChain: async ({ federation, block }, { creditor, debtor, currency }) => {
      const { charging } = federation;
      const at = { blockTag: block };
      const balance = await charging.balanceOf(Number(creditor), Number(debtor), text(currency), at);
      return { balance: text(balance) };
    },
  },
  {
    // How many own VMs are away is counted by the ledger: a VM of which all events are missing shows here.
    what: "cloud's VMs abroad or in an open move: home",
    pick: (at) =>
      at.database
        .prepare(
          `SELECT home, sum(state IN (${VmState.Abroad}, ${VmState.Agreed}, ${VmState.Started})) AS away
             FROM vms WHERE home = ? GROUP BY home`,
        )
        .get(Number(anyVm(at)?.home ?? 0)),
    indexed: ({ away }) => ({ away: text(away) }),
    onChain: async ({ federation, block }, { home }) => {
      const [away] = await federation.ledger.obligationsOf(Number(home), { blockTag: block });
      return { away: text(away) };
    },
  },
];

/**
 * Compares some of what the index holds with what the contracts say at the index's block.
 * @param count How many of each kind.
 * @throws BusError `INDEX_MISMATCH` with the first difference.
 */
export async function checkSample(
  federation: Federation,
  database: DatabaseSync,
  { block }: { readonly block: number },
  count: number,
): Promise<void> {
  const at: At = { federation, database, block };
  const picked = CHECKS.flatMap((check) =>
    Array.from({ length: count }, () => ({ check, row: check.pick(at) })).flatMap(({ row }) =>
      row ? [{ check, row }] : [],
    ),
  );
  await Promise.all(
    picked.map(async ({ check, row }) => {
      const wanted = await check.onChain(at, row);
      const found = check.indexed(row);
      for (const [name, value] of Object.entries(wanted)) {
        if (found[name] === value) continue;
        const which = text(row.vm ?? row.number ?? row.home ?? row.creditor ?? ZeroHash);
        throw new BusError(
          "INDEX_MISMATCH",
          `block ${block}, ${check.what} ${which}: ${name} is ${value} on chain, ${text(found[name])} in the index`,
        );
      }
    }),
  );
}
