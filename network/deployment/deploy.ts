import { join } from "node:path";

import { Wallet } from "ethers";
import hre, { network } from "hardhat";

import { addressesOf } from "../../ignition/addresses.js";
import FederationModule from "../../ignition/modules/Federation.js";
import type { AddressBook } from "../../src/chain/addressBook.js";
import { type RpcProvider, readChainId, readGenesisHash } from "../../src/chain/federation.js";
import type { CompleteFounders } from "../founding/founders.js";
import { moduleParameters } from "../genesis/parameters.js";
import { openProvider } from "../local/chain.js";
import { NetworkError } from "../networkError.js";
import { lostTransaction, recoverLost } from "./lost.js";

/** Where and how contracts are deployed. */
export interface DeployOptions {
  readonly url: string;
  /** Private key that deploys. Gas is free; it ends without power. A deployment is resumed by the key that began it. */
  readonly deployerKey: string;
  /** Name of Ignition's journal, under `ignition/deployments`; made from the chain's id and block 0 unless given. */
  readonly deploymentId?: string;
}

/** What was deployed, or was there already from an earlier run. */
export interface Deployment {
  readonly addressBook: AddressBook;
  readonly deploymentId: string;
  readonly deployer: string;
}

/**
 * Puts a federation's contracts on an existing chain by the same Ignition modules that make a genesis file. Ignition keeps
 * a journal: what was interrupted goes on where it stopped, and what is complete is left alone. A chain that was begun
 * anew has another block 0, and so another journal.
 * @throws NetworkError `DEPLOYMENT` with Ignition's reason.
 */
export async function deployFederation(founders: CompleteFounders, options: DeployOptions): Promise<Deployment> {
  const { url, deployerKey } = options;
  const deployer = new Wallet(deployerKey).address;
  const connection = await network.create({ network: "besu", override: { url, accounts: [deployerKey] } });
  try {
    const chainId = BigInt(String(await connection.provider.request({ method: "eth_chainId" })));
    const provider = openProvider(url, chainId);
    const genesisHash = await readGenesisHash(provider);
    const deploymentId = options.deploymentId ?? `federation-${chainId}-${genesisHash.slice(2, 10)}`;
    const deployed = await resuming(provider, deploymentId, () =>
      connection.ignition.deploy(FederationModule, {
        parameters: moduleParameters(founders),
        deploymentId,
        // Blocks of QBFT are final: one confirmation is as good as five.
        config: { requiredConfirmations: 1 },
      }),
    );
    const addressBook = {
      chainId: (await readChainId(provider)).toString(),
      genesisHash,
      contracts: await addressesOf(deployed),
    };
    return { addressBook, deploymentId, deployer };
  } finally {
    await connection.close();
  }
}

/** Runs a deployment; puts its journal right, and runs it again, as often as it finds a transaction that was lost. */
async function resuming<T>(provider: RpcProvider, deploymentId: string, run: () => Promise<T>): Promise<T> {
  const deploymentDir = join(hre.config.paths.ignition, "deployments", deploymentId);
  const recovered = new Set<string>();
  for (;;) {
    try {
      return await run();
    } catch (cause) {
      const lost = lostTransaction(cause);
      if (lost && !recovered.has(lost.futureId)) {
        recovered.add(lost.futureId);
        await recoverLost(provider, deploymentDir, lost);
        continue;
      }
      const reason = cause instanceof Error ? cause.message.replaceAll(/\s+/g, " ").trim() : String(cause);
      throw new NetworkError("DEPLOYMENT", `deployment ${deploymentId}: ${reason}`, { cause });
    }
  }
}
