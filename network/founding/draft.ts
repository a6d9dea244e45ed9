import { type BaseWallet, Wallet, hexlify, id, randomBytes } from "ethers";

import type { Founders } from "./founders.js";

/** Private keys of a network on this machine. Nobody else's are ever asked for. */
export interface LocalKeys {
  readonly guardian: string;
  readonly attester: string;
  readonly clouds: Readonly<Record<string, { readonly account: string; readonly recovery: string }>>;
}

/** Labels of the founders, and of those who join later. */
const LABELS = ["aurora", "borealis", "cumulus", "delta-grid", "equinox", "fjord", "gale", "halo"] as const;

/** The label of the n-th cloud, counted from zero. */
export function labelOf(index: number): string {
  return LABELS[index] ?? `cloud-${index + 1}`;
}

/** Fresh keys of a cloud. */
export function freshCloudKeys(): { readonly account: BaseWallet; readonly recovery: BaseWallet } {
  return { account: Wallet.createRandom(), recovery: Wallet.createRandom() };
}

/** Delays of a network on this machine: as short as a test federation's may be, so that a vote takes seconds. */
export const LOCAL_DELAYS = {
  governance: { slowDelay: 1, votingPeriod: 600, executeWithin: 3_600 },
  validators: { additionInterval: 60, returnWait: 60 },
} as const;

/** How long ago a local network was founded, in seconds: its clocks must be past. */
const AGE_S = 60;

/** A founding document for a network on this machine, marked as a test federation, with fresh keys. */
export function draftLocal(
  count: number,
  p2pPort: number,
  now = Date.now(),
): { readonly founders: Founders; readonly keys: LocalKeys } {
  const guardian = Wallet.createRandom();
  const attester = Wallet.createRandom();
  const clouds = Array.from({ length: count }, (_, i) => ({ label: labelOf(i), ...freshCloudKeys() }));
  const founders: Founders = {
    name: "local",
    salt: hexlify(randomBytes(32)),
    foundedAt: `${new Date(Math.floor(now / 1_000) * 1_000 - AGE_S * 1_000).toISOString().slice(0, 19)}Z`,
    isTest: true,
    clouds: clouds.map(({ label, account, recovery }, i) => ({
      label,
      account: account.address,
      recovery: recovery.address,
      endpoint: `https://${label}.example`,
      spkiHash: id(`${label}/endpoint key`),
      node: { host: "127.0.0.1", p2pPort: p2pPort + i },
    })),
    guardian: guardian.address,
    attester: attester.address,
    ...LOCAL_DELAYS,
  };
  const keys = {
    guardian: guardian.privateKey,
    attester: attester.privateKey,
    clouds: Object.fromEntries(
      clouds.map(({ label, account, recovery }) => [
        label,
        { account: account.privateKey, recovery: recovery.privateKey },
      ]),
    ),
  };
  return { founders, keys };
}
