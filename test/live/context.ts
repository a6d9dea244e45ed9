import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Wallet, hexlify, randomBytes } from "ethers";
import { network } from "hardhat";

import { deployFederation } from "../../network/deployment/deploy.js";
import { LOCAL_DELAYS, draftLocal } from "../../network/founding/draft.js";
import { requireComplete } from "../../network/founding/founders.js";
import { type ChainClock, openOn, realClock } from "../../network/local/chain.js";
import { decide } from "../../network/local/decide.js";
import { requireNetwork } from "../../network/local/network.js";
import { publicKeyOf } from "../../network/nodes/folders.js";
import { type ProposalCall, type RpcProvider, type Sent, readHead } from "../../src/index.js";
import type { Member, TestFederation } from "../fixtures/library.js";

/**
 * The tests of this folder run on a simulated chain, or on the chain of FEDERATION_RPC_URL: the context finds out which,
 * and puts a fresh federation with fresh keys on it. On a live chain time cannot be moved.
 */
const LIVE_URL = process.env.FEDERATION_RPC_URL;

/** Whether the chain is a live one. */
export const isLive = Boolean(LIVE_URL);

/** A test that moves time: on a live chain it is skipped, by its name. */
export function itTravels(title: string, test: (this: Mocha.Context) => Promise<void>): void {
  if (isLive) it.skip(`${title} (needs time travel)`);
  else it(title, test);
}

/** Folder of the network that `npm run test:besu` started: its nodes may be killed, and its founders' keys are there. */
export const OWN_NETWORK = process.env.FEDERATION_DIR ?? "";

/** Whether the nodes of the network of our own keep allow-lists: then fresh keys are refused by them. */
export const hasAllowLists = OWN_NETWORK !== "" && (await requireNetwork(OWN_NETWORK)).settings.hasAllowLists;

/** Tests that need fresh keys to be taken, as they are by every chain without allow-lists. */
export function describeOpen(title: string, suite: (this: Mocha.Suite) => void): void {
  if (hasAllowLists) describe.skip(`${title} (the nodes of this network keep allow-lists)`, suite);
  else describe(title, suite);
}

/** Tests that need a network of their own, with or without allow-lists. */
export function describeOwn(title: string, withAllowLists: boolean, suite: (this: Mocha.Suite) => void): void {
  if (OWN_NETWORK !== "" && hasAllowLists === withAllowLists) describe(title, suite);
  else describe.skip(`${title} (npm run test:besu)`, suite);
}

/** A federation that its four clouds govern, on whichever chain. */
export interface LiveContext extends TestFederation {
  readonly clock: ChainClock;
  /** Node keys of the founders, which nobody runs. */
  readonly nodeKeys: readonly Wallet[];
  /** Carries a proposal by the members' votes. */
  decide(calls: readonly ProposalCall[], description: string): Promise<Sent>;
  readonly close: () => Promise<void>;
}

interface FoundChain {
  readonly url: string;
  clockOf(provider: RpcProvider): ChainClock;
  close(): Promise<void>;
}

/** The chain that is there, or one of our own. */
async function discover(): Promise<FoundChain> {
  if (LIVE_URL) return { url: LIVE_URL, clockOf: realClock, close: () => Promise.resolve() };
  const server = await network.createServer({ network: "node" }, "127.0.0.1");
  const { address, port } = await server.listen();
  return { url: `http://${address}:${port}`, clockOf: movedClock, close: () => server.close() };
}

/** The clock of a simulated chain: it is set forward. */
function movedClock(provider: RpcProvider): ChainClock {
  return {
    provider,
    async waitUntil(seconds) {
      if ((await readHead(provider)).timeMs >= seconds * 1_000n) return;
      await provider.send("evm_setNextBlockTimestamp", [Number(seconds)]);
      await provider.send("evm_mine", []);
    },
  };
}

const DEPLOYMENTS = fileURLToPath(new URL("../../ignition/deployments", import.meta.url));

/** Deploys a fresh federation on the chain, with fresh keys for everybody. */
export async function provision(): Promise<LiveContext> {
  const chain = await discover();
  const { founders, keys } = draftLocal(4, 30303);
  const nodeKeys = founders.clouds.map(() => new Wallet(hexlify(randomBytes(32))));
  const complete = requireComplete({
    ...founders,
    ...LOCAL_DELAYS,
    clouds: founders.clouds.map((cloud, i) => ({
      ...cloud,
      node: { ...cloud.node, publicKey: publicKeyOf(nodeKeys[i]!.privateKey) },
    })),
  });
  const deployer = Wallet.createRandom();
  const deploymentId = `live-${hexlify(randomBytes(6)).slice(2)}`;
  const options = { url: chain.url, deployerKey: deployer.privateKey, deploymentId };
  const { addressBook } = await deployFederation(complete, options).finally(() =>
    rm(`${DEPLOYMENTS}/${deploymentId}`, { recursive: true, force: true }),
  );
  const federation = await openOn(chain.url, addressBook);
  const { provider } = federation;
  const member = (cloud: number): Member => {
    const own = keys.clouds[founders.clouds[cloud - 1]!.label]!;
    return {
      cloud,
      account: new Wallet(own.account, provider),
      recovery: new Wallet(own.recovery, provider),
    };
  };
  const members = [member(1), member(2), member(3), member(4)] as const;
  const clock = chain.clockOf(provider);
  const accounts = members.map(({ account }) => account);
  return {
    federation,
    addressBook,
    members,
    deployer: new Wallet(deployer.privateKey, provider),
    // Nobody governs alone here: this is the account of the first founder, which proposes.
    governance: accounts[0]!,
    guardian: new Wallet(keys.guardian, provider),
    attester: new Wallet(keys.attester, provider),
    spare: Array.from({ length: 8 }, () => new Wallet(hexlify(randomBytes(32)), provider)),
    clock,
    nodeKeys,
    decide: (calls, description) => decide(federation, clock, [accounts[0]!, ...accounts.slice(1)], calls, description),
    close: async () => {
      if ("destroy" in provider && typeof provider.destroy === "function") provider.destroy();
      await chain.close();
    },
  };
}
