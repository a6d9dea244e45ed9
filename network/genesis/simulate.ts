import {
  type ArtifactResolver,
  type DeploymentParameters,
  DeploymentResultType,
  type IgnitionModule,
  deploy,
} from "@nomicfoundation/ignition-core";
import { Wallet, getAddress, toBeHex, toQuantity } from "ethers";
import hre, { network } from "hardhat";

import { NetworkError } from "../networkError.js";
import { type Alloc, type GenesisAccount, storageRoot } from "./stateRoot.js";
import { type StructLog, type Touched, collectTouched } from "./touched.js";

/** What Ignition left behind on a simulated chain. */
export interface Simulation {
  /** Every account that is not empty, in the order of addresses; the deployer with its nonce, without its balance. */
  readonly alloc: Alloc;
  /** Addresses of the module's contracts by Ignition's ids, `Module#Contract`. */
  readonly contracts: Readonly<Record<string, string>>;
  readonly deployer: string;
}

/** The chain to simulate. */
export interface SimulatedChain {
  readonly chainId: bigint;
  /** Time of every block, in seconds: what is written with a time must not lie in the real chain's future. */
  readonly timestamp: number;
  readonly blockGasLimit: bigint;
  /** Key of the deployer. It ends without power, so it may be known to everybody. */
  readonly deployerKey: string;
}

/** A provider as Ignition wants it. */
interface Eip1193 {
  request(request: { readonly method: string; readonly params?: unknown[] }): Promise<unknown>;
}

const ZERO_WORD = toBeHex(0, 32);

/** The artifacts of this build. */
export const buildArtifacts: ArtifactResolver = {
  loadArtifact: (name) => hre.artifacts.readArtifact(name),
  // Only the journal of a deployment to a lasting chain wants the compiler's input.
  getBuildInfo: () => Promise.resolve(undefined),
};

/**
 * Runs an Ignition module on a simulated chain of its own, and takes the state that it leaves. The same module and
 * arguments give the same state: every block has the same time, and transactions are sent one by one.
 * @throws NetworkError `DEPLOYMENT` if a contract refuses; `INCOMPLETE_STATE` if the traces do not explain the storage.
 */
export async function simulate(
  module: IgnitionModule,
  parameters: DeploymentParameters,
  chain: SimulatedChain,
): Promise<Simulation> {
  const deployer = new Wallet(chain.deployerKey).address;
  const connection = await network.create({
    network: "default",
    override: {
      chainId: Number(chain.chainId),
      blockGasLimit: chain.blockGasLimit,
      initialDate: new Date(chain.timestamp * 1_000),
      allowBlocksWithSameTimestamp: true,
      accounts: [{ privateKey: chain.deployerKey, balance: 10n ** 18n }],
    },
  });
  try {
    const provider = atOneTime(connection.provider, chain.timestamp);
    const result = await deploy({
      artifactResolver: buildArtifacts,
      provider,
      ignitionModule: module,
      deploymentParameters: parameters,
      accounts: [deployer],
      gasPrice: 0n,
      config: { requiredConfirmations: 1 },
    });
    if (result.type !== DeploymentResultType.SUCCESSFUL_DEPLOYMENT) {
      throw new NetworkError("DEPLOYMENT", `the contracts refuse the founding: ${reasonsOf(result)}`);
    }
    const contracts = Object.fromEntries(
      Object.values(result.contracts).map(({ id, address }) => [id, getAddress(address)]),
    );
    return { alloc: await takeState(connection.provider, deployer), contracts, deployer };
  } finally {
    await connection.close();
  }
}

/** Everything that a failed deployment says, in one line. */
function reasonsOf(result: { readonly type: DeploymentResultType }): string {
  const texts: string[] = [];
  JSON.stringify(result, (key, value: unknown) => {
    if ((key === "error" || key === "message") && typeof value === "string") texts.push(value);
    return value;
  });
  return (texts.length === 0 ? JSON.stringify(result) : texts.join("; ")).replaceAll(/\s+/g, " ");
}

/** The same provider, on which every transaction is mined at one time, one after the other. */
function atOneTime(provider: Eip1193, timestamp: number): Eip1193 {
  let lane: Promise<unknown> = Promise.resolve();
  return {
    request(request) {
      if (request.method !== "eth_sendTransaction" && request.method !== "eth_sendRawTransaction") {
        return provider.request(request);
      }
      const sent = lane.then(async () => {
        await provider.request({ method: "evm_setNextBlockTimestamp", params: [timestamp] });
        return provider.request(request);
      });
      lane = sent.catch(() => undefined);
      return sent;
    },
  };
}

interface Mined {
  readonly hash: string;
  readonly to: string | null;
}

/** Code, nonce and storage of every account that the chain's transactions touched. */
async function takeState(provider: Eip1193, deployer: string): Promise<Alloc> {
  const ask = async <T>(method: string, ...params: unknown[]): Promise<T> =>
    (await provider.request({ method, params })) as T;
  const touched: Touched = new Map();
  const head = Number(await ask<string>("eth_blockNumber"));
  for (let number = 1; number <= head; number++) {
    const block = await ask<{ readonly transactions: readonly Mined[] }>(
      "eth_getBlockByNumber",
      toQuantity(number),
      true,
    );
    for (const { hash, to } of block.transactions) {
      const receipt = await ask<{ readonly contractAddress: string | null }>("eth_getTransactionReceipt", hash);
      const target = getAddress(to ?? receipt.contractAddress ?? "");
      if (!touched.has(target)) touched.set(target, new Set());
      const options = { disableMemory: true, disableStorage: true };
      const trace = await ask<{ readonly structLogs: readonly StructLog[] }>("debug_traceTransaction", hash, options);
      collectTouched(target, trace.structLogs, touched);
    }
  }

  const accounts: (readonly [string, GenesisAccount])[] = [];
  for (const address of [...touched.keys(), deployer].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))) {
    accounts.push([address, await takeAccount(ask, address, [...(touched.get(address) ?? [])].sort())]);
  }
  return Object.fromEntries(accounts);
}

async function takeAccount(
  ask: <T>(method: string, ...params: unknown[]) => Promise<T>,
  address: string,
  slots: readonly string[],
): Promise<GenesisAccount> {
  const [nonce, code, values, proof] = await Promise.all([
    ask<string>("eth_getTransactionCount", address, "latest"),
    ask<string>("eth_getCode", address, "latest"),
    Promise.all(slots.map((slot) => ask<string>("eth_getStorageAt", address, slot, "latest"))),
    ask<{ readonly storageHash: string }>("eth_getProof", address, [], "latest"),
  ]);
  const storage = Object.fromEntries(
    slots.map((slot, i) => [slot, values[i] ?? ZERO_WORD] as const).filter(([, value]) => value !== ZERO_WORD),
  );
  const root = await storageRoot(storage);
  if (root !== proof.storageHash) {
    throw new NetworkError(
      "INCOMPLETE_STATE",
      `the slots found at ${address} have the root ${root}, its storage has ${proof.storageHash}`,
    );
  }
  const account = { balance: "0x0", nonce };
  return code === "0x" ? account : { ...account, code, ...(Object.keys(storage).length > 0 && { storage }) };
}
