import { JsonRpcProvider, Wallet } from "ethers";
import { network } from "hardhat";

import { type DeployedFederation, addressesOf } from "../ignition/addresses.js";
import FederationModule from "../ignition/modules/TestFederation.js";
import { DEFAULT_PARAMETERS } from "../ignition/parameters.js";
import { admit } from "../src/actions/registry/admit.js";
import { type AddressBook, parseAddressBook } from "../src/chain/addressBook.js";
import {
  type RpcProvider,
  asSender,
  connectFederation,
  openFederation,
  readChainId,
  readGenesisHash,
} from "../src/chain/federation.js";
import { signDocument } from "../src/documents/hash.js";
import { BusError } from "../src/errors/busError.js";
import { type Scenario, durationMs } from "../src/scenario/format.js";
import type { Setting } from "../src/scenario/run.js";
import {
  type Chain,
  type CloudActor,
  type FederationRoles,
  type KeyRing,
  freshKeys,
  seededKeys,
} from "../src/scenario/world.js";
import { dataSlice, getAddress, id as hashOf } from "ethers";
import { sendingBy } from "./sendingBy.js";

const DEFAULT_BEGIN = "2026-01-01T00:00:00Z";

/** Candidates as the registry's constructor wants them. */
function candidates(scenario: Scenario, clouds: ReadonlyMap<string, CloudActor>) {
  return scenario.clouds.map(({ label, endpoint }) => ({
    label,
    account: clouds.get(label)?.account.address ?? "",
    recovery: clouds.get(label)?.recovery.address ?? "",
    endpoint: endpoint ?? `https://${label}.example`,
    spkiHash: hashOf(`${label}/endpoint key`),
  }));
}

function hashedAddress(text: string): string {
  return getAddress(dataSlice(hashOf(text), 12));
}

function actors(scenario: Scenario, keys: KeyRing, first: number): Map<string, CloudActor> {
  return new Map(
    scenario.clouds.map(({ label }, index) => [
      label,
      {
        label,
        cloud: first + index,
        account: keys.key(`${label}/account`),
        recovery: keys.key(`${label}/recovery`),
        agents: new Map(),
        former: undefined,
        next: undefined,
      },
    ]),
  );
}

function rolesOf(keys: KeyRing): FederationRoles {
  return { governance: keys.key("governance"), guardian: keys.key("guardian"), attester: keys.key("attester") };
}

function limits(scenario: Scenario) {
  const given = Object.entries(scenario.parameters ?? {}).map(([name, text]) => [name, durationMs(text) / 1000]);
  return { ...DEFAULT_PARAMETERS, ...(Object.fromEntries(given) as Partial<typeof DEFAULT_PARAMETERS>) };
}

function parametersOf(scenario: Scenario, clouds: ReadonlyMap<string, CloudActor>, roles: FederationRoles) {
  return {
    CloudRegistry: { founders: candidates(scenario, clouds) },
    MigrationLedger: { limits: limits(scenario) },
    ValidatorSet: {
      // Simulated, or a chain that chooses its validators otherwise: nobody runs these nodes.
      initial: [...clouds.values()].map(({ label, cloud }) => ({
        cloud,
        validator: hashedAddress(`${label}/node`),
      })),
    },
    FederationGovernor: { isTest: true },
    TestFederation: {
      governance: roles.governance.address,
      guardian: roles.guardian.address,
      attester: roles.attester.address,
    },
  };
}

async function addressBookOf(provider: RpcProvider, deployed: DeployedFederation): Promise<AddressBook> {
  const [chainId, genesisHash, contracts] = await Promise.all([
    readChainId(provider),
    readGenesisHash(provider),
    addressesOf(deployed),
  ]);
  return { chainId: chainId.toString(), genesisHash, contracts };
}

async function timeOf(provider: RpcProvider): Promise<number> {
  const block = await provider.getBlock("latest");
  return (block?.timestamp ?? 0) * 1000;
}

/**
 * The provider of a simulator, with the time of every block told. Otherwise the simulator's clock goes on with the real
 * one, and no run would be like another.
 * @param now The chain's time, in seconds.
 */
function withTime(provider: RpcProvider, now: () => number): RpcProvider {
  return sendingBy(provider, async (method, params) => {
    if (method === "eth_sendRawTransaction") await provider.send("evm_setNextBlockTimestamp", [now()]);
    return provider.send(method, params);
  });
}

const HOUR_S = 3_600;
const CHAIN_ID_REQUEST = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });

/**
 * A chain inside this process whose time is set forward at will. The clouds found the federation, an hour before the
 * timeline begins.
 */
export async function openEmbedded(scenario: Scenario): Promise<Setting> {
  const begin = Date.parse(scenario.begin ?? DEFAULT_BEGIN) / 1000;
  const connection = await network.create({
    network: "default",
    override: { initialDate: new Date((begin - HOUR_S) * 1000), allowBlocksWithSameTimestamp: true },
  });
  const simulator: RpcProvider = connection.ethers.provider;
  let seconds = begin;
  const provider = withTime(simulator, () => seconds);
  const keys = seededKeys(scenario.seed ?? scenario.name);
  const clouds = actors(scenario, keys, 1);
  const roles = rolesOf(keys);
  const deployed = await connection.ignition.deploy(FederationModule, {
    parameters: parametersOf(scenario, clouds, roles),
  });
  const federation = connectFederation(provider, await addressBookOf(provider, deployed));
  const chain: Chain = {
    provider,
    now: () => timeOf(provider),
    async waitUntil(timeMs) {
      seconds = Math.max(seconds, Math.ceil(timeMs / 1000));
      if (seconds * 1000 <= (await timeOf(provider))) return;
      await provider.send("evm_setNextBlockTimestamp", [seconds]);
      await provider.send("evm_mine", []);
    },
  };
  await chain.waitUntil(begin * 1000);
  return { chain, federation, clouds, keys, roles };
}

/**
 * An existing chain, in real time. Without an address book the contracts are deployed first, by the key in
 * `DEPLOYER_PRIVATE_KEY` or a fresh one, with fresh keys for everybody. With one, the clouds are admitted by the keys in
 * `GOVERNANCE_PRIVATE_KEY` and `GUARDIAN_PRIVATE_KEY`.
 */
export async function openRemote(scenario: Scenario, url: string, addresses: string | undefined): Promise<Setting> {
  // Asked first without ethers, whose provider complains on the screen for as long as nobody answers.
  await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: CHAIN_ID_REQUEST }).catch(
    (cause: unknown) => {
      throw new BusError("UNKNOWN_CHAIN", `no node answers at ${url}`, { cause });
    },
  );
  const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, batchMaxCount: 1, staticNetwork: true });
  await readChainId(provider).catch((cause: unknown) => {
    throw new BusError("UNKNOWN_CHAIN", `no node answers at ${url}`, { cause });
  });
  const keys = freshKeys();
  const chain: Chain = {
    provider,
    now: () => timeOf(provider),
    async waitUntil(timeMs) {
      const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      await sleep(Math.max(0, timeMs - (await timeOf(provider))));
      while ((await timeOf(provider)) < timeMs) {
        // A simulator makes a block only when asked to; a real node does not know the method and goes on by itself.
        await provider.send("evm_mine", []).catch(() => undefined);
        await sleep(250);
      }
    },
  };
  if (addresses !== undefined) return joinDeployed(scenario, provider, chain, keys, addresses);

  const deployer = process.env.DEPLOYER_PRIVATE_KEY ?? keys.key("deployer").privateKey;
  const connection = await network.create({ network: "besu", override: { url, accounts: [deployer] } });
  const clouds = actors(scenario, keys, 1);
  const roles = rolesOf(keys);
  const deployed = await connection.ignition.deploy(FederationModule, {
    parameters: parametersOf(scenario, clouds, roles),
    // A new federation every time: an earlier deployment must not be continued.
    deploymentId: `federation-${Date.now()}`,
  });
  const federation = connectFederation(provider, await addressBookOf(provider, deployed));
  return { chain, federation, clouds, keys, roles };
}

async function joinDeployed(
  scenario: Scenario,
  provider: RpcProvider,
  chain: Chain,
  keys: KeyRing,
  addresses: string,
): Promise<Setting> {
  const federation = await openFederation(provider, parseAddressBook(JSON.parse(addresses)));
  const governance = keyFrom("GOVERNANCE_PRIVATE_KEY");
  const roles = { governance, guardian: keyFrom("GUARDIAN_PRIVATE_KEY"), attester: governance };
  const first = Number(await federation.registry.cloudCount()) + 1;
  const clouds = actors(scenario, keys, first);
  const validUntil = BigInt((await chain.now()) + 600_000);
  for (const candidate of candidates(scenario, clouds)) {
    const actor = clouds.get(candidate.label);
    if (!actor) continue;
    const acceptance = async (key: Wallet | CloudActor["account"], role: number) => ({
      validUntil,
      signature: await signDocument(key, federation.registryDomain, "KeyAcceptance", {
        cloud: actor.cloud,
        key: key.address,
        role,
        validUntil,
      }),
    });
    const [account, recovery] = await Promise.all([acceptance(actor.account, 1), acceptance(actor.recovery, 2)]);
    await admit(asSender(federation, governance), actor.cloud, candidate, account, recovery);
  }
  return { chain, federation, clouds, keys, roles };
}

function keyFrom(variable: string): Wallet {
  const key = process.env[variable];
  if (key === undefined) throw new BusError("NO_SIGNER", `${variable} is not set`);
  return new Wallet(key);
}
