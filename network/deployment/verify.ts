import {
  type BaseContract,
  type Interface,
  type Result,
  ZeroAddress,
  dataLength,
  getAddress,
  getBytes,
  hexlify,
  zeroPadValue,
} from "ethers";
import hre from "hardhat";

import type { DEFAULT_REPUTATION_RULES } from "../../ignition/parameters.js";
import { RESTRICTED, ROLES, type RestrictedContract, type RoleName, selectorsOf } from "../../ignition/roles.js";
import type { ContractName } from "../../src/chain/addressBook.js";
import { type Federation } from "../../src/chain/federation.js";
import { readLogs } from "../../src/chain/logs.js";
import type { CompleteFounders } from "../founding/founders.js";
import { moduleParameters } from "../genesis/parameters.js";
import type { Difference } from "../genesis/verify.js";

/** The contracts as a federation has them, with those parts of the ledger that no address book names. */
async function contractsOf(federation: Federation): Promise<readonly (readonly [name: string, address: string])[]> {
  const { addressBook, ledger } = federation;
  return [
    ...Object.entries<string>(addressBook.contracts),
    ["MigrationLedgerExits", await ledger.EXITS()],
    ["MigrationLedgerChanges", await ledger.CHANGES()],
  ];
}

/**
 * Compares a federation on a chain with the founding document it should have been deployed from: code, who may call what,
 * who holds which role, how the contracts are tied to each other, parameters, founders and validators. What a vote has
 * changed since shows as a difference, too.
 * @returns What differs; empty if nothing does. Where the code is another one, nothing else is asked.
 */
export async function verifyDeployment(
  federation: Federation,
  founders: CompleteFounders,
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  const compare = (what: string, inFile: unknown, onChain: unknown): void => {
    const [wanted, found] = [show(inFile), show(onChain)];
    if (wanted !== found) differences.push({ what, inFile: wanted, onChain: found });
  };
  if (await compareCode(federation, compare)) return differences;
  await compareTies(federation, compare);
  await compareRoles(federation, founders, compare);
  await compareParameters(federation, founders, compare);
  await compareFounders(federation, founders, compare);
  return differences;
}

type Compare = (what: string, inFile: unknown, onChain: unknown) => void;

function show(value: unknown): string {
  if (typeof value === "string") return /^0x[0-9a-fA-F]{40}$/.test(value) ? getAddress(value) : value;
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? Number(part) : part));
}

/**
 * Code of this build, with zeros where a constructor writes immutables. What those are is compared by their views.
 * @returns Whether a contract has other code: then it need not have the views.
 */
async function compareCode(federation: Federation, compare: Compare): Promise<boolean> {
  let hasOtherCode = false;
  for (const [name, address] of await contractsOf(federation)) {
    const artifact = await hre.artifacts.readArtifact(name);
    const onChain = await federation.provider.getCode(address);
    const places = Object.values(artifact.immutableReferences ?? {}).flat();
    const isSame =
      dataLength(onChain) === dataLength(artifact.deployedBytecode) &&
      blank(onChain, places) === blank(artifact.deployedBytecode, places);
    if (!isSame) hasOtherCode = true;
    compare(
      `code of ${name} at ${address}`,
      "as built here",
      isSame ? "as built here" : `${dataLength(onChain)} other bytes`,
    );
  }
  return hasOtherCode;
}

function blank(code: string, places: readonly { readonly start: number; readonly length: number }[]): string {
  const bytes = getBytes(code);
  for (const { start, length } of places) bytes.fill(0, start, start + length);
  return hexlify(bytes);
}

/** The values that a constructor wrote into a contract's code. */
async function immutablesOf({ provider }: Federation, name: string, address: string): Promise<ReadonlySet<string>> {
  const artifact = await hre.artifacts.readArtifact(name);
  const code = await provider.getCode(address);
  const places = Object.values(artifact.immutableReferences ?? {}).flat();
  return new Set(places.map(({ start, length }) => `0x${code.slice(2 + 2 * start, 2 + 2 * (start + length))}`));
}

async function compareTies(federation: Federation, compare: Compare): Promise<void> {
  const { registry, exchange, ledger, oracle, charging, reputation, validators, governor, addressBook } = federation;
  const { AccessManager, CloudRegistry, CapacityExchange, MigrationLedger, SlaOracle, ValidatorSet } =
    addressBook.contracts;
  compare("authority of CloudRegistry", AccessManager, await registry.authority());
  compare("authority of CapacityExchange", AccessManager, await exchange.authority());
  compare("authority of MigrationLedger", AccessManager, await ledger.authority());
  compare("authority of SlaOracle", AccessManager, await oracle.authority());
  compare("authority of ReputationLedger", AccessManager, await reputation.authority());
  compare("authority of ValidatorSet", AccessManager, await validators.authority());
  compare("authority of FederationGovernor", AccessManager, await governor.AUTHORITY());
  compare("registry of CapacityExchange", CloudRegistry, await exchange.REGISTRY());
  compare("registry of MigrationLedger", CloudRegistry, await ledger.registry());
  compare("registry of ValidatorSet", CloudRegistry, await validators.REGISTRY());
  compare("registry of FederationGovernor", CloudRegistry, await governor.REGISTRY());
  compare("exchange of MigrationLedger", CapacityExchange, await ledger.exchange());
  compare("ledger of SlaOracle", MigrationLedger, await oracle.ledger());
  compare("oracle of ChargingLedger", SlaOracle, await charging.oracle());
  compare("oracle of ReputationLedger", SlaOracle, await reputation.oracle());
  compare("predecessor of ReputationLedger", ZeroAddress, await reputation.predecessor());
  compare("validators of FederationGovernor", ValidatorSet, await governor.VALIDATORS());
  compare("predecessor of MigrationLedger", ZeroAddress, await ledger.predecessor());
  // The ledger's parts have no views: what they are tied to stands in their code.
  for (const [name, part] of [
    ["MigrationLedgerExits", await ledger.EXITS()],
    ["MigrationLedgerChanges", await ledger.CHANGES()],
  ] as const) {
    const words = await immutablesOf(federation, name, part);
    for (const tied of [CloudRegistry, CapacityExchange]) {
      compare(`${name} is tied to ${tied}`, true, words.has(zeroPadValue(tied, 32).toLowerCase()));
    }
  }
}

async function compareRoles(federation: Federation, founders: CompleteFounders, compare: Compare): Promise<void> {
  const { authority, addressBook, provider } = federation;
  const { FederationGovernor, MigrationLedger } = addressBook.contracts;
  const holders: { readonly [role in RoleName]: string } = {
    ADMIN: FederationGovernor,
    GOVERNANCE: FederationGovernor,
    GUARDIAN: founders.guardian,
    LEDGER: MigrationLedger,
    ATTESTER: founders.attester,
  };
  const granted = await readLogs(
    (method, params) => provider.send(method, params),
    { address: addressBook.contracts.AccessManager, topics: [authority.interface.getEvent("RoleGranted").topicHash] },
    0,
    await provider.getBlockNumber(),
  );
  const accounts = granted.map((log) => String(authority.interface.parseLog(log)?.args.account));
  const everGranted = new Set([...accounts, ...Object.values(holders)].map(getAddress));
  for (const role of Object.keys(holders) as RoleName[]) {
    const found: string[] = [];
    for (const account of everGranted) {
      const [isMember, delay] = await authority.hasRole(ROLES[role], account);
      if (isMember) found.push(delay === 0n ? account : `${account} after ${delay} s`);
    }
    compare(`holders of ${role}`, [getAddress(holders[role])], found);
    const [admin, guardian] = [await authority.getRoleAdmin(ROLES[role]), await authority.getRoleGuardian(ROLES[role])];
    compare(`administrator and guardian of ${role}`, [ROLES.ADMIN, ROLES.ADMIN], [admin, guardian]);
  }
  const targets: { readonly [contract in RestrictedContract]: BaseContract } = {
    CloudRegistry: federation.registry,
    CapacityExchange: federation.exchange,
    MigrationLedger: federation.ledger,
    SlaOracle: federation.oracle,
    ReputationLedger: federation.reputation,
    ValidatorSet: federation.validators,
  };
  for (const contract of Object.keys(RESTRICTED) as RestrictedContract[]) {
    const target = addressBook.contracts[contract];
    compare(`${contract} is closed`, false, await authority.isTargetClosed(target));
    const wanted = new Map<string, bigint>();
    for (const role of Object.keys(RESTRICTED[contract]) as RoleName[]) {
      for (const selector of selectorsOf(contract, role)) wanted.set(selector, ROLES[role]);
    }
    for (const [name, selector] of functionsOf(targets[contract].interface)) {
      const found = await authority.getTargetFunctionRole(target, selector);
      compare(`role for ${contract}.${name}`, wanted.get(selector) ?? ROLES.ADMIN, found);
    }
  }
}

function functionsOf(abi: Interface): (readonly [name: string, selector: string])[] {
  const found: (readonly [string, string])[] = [];
  abi.forEachFunction(({ name, selector }) => found.push([name, selector]));
  return found;
}

async function compareParameters(federation: Federation, founders: CompleteFounders, compare: Compare): Promise<void> {
  const wanted = moduleParameters(founders);
  const { ledger, oracle, reputation, governor, validators } = federation;
  const { weights, ...rules } = wanted.ReputationLedger?.rules as unknown as typeof DEFAULT_REPUTATION_RULES;
  const inForce = await reputation.rulesOf(await reputation.currentMonth());
  const groups: readonly (readonly [ContractName, unknown, Result])[] = [
    ["MigrationLedger", wanted.MigrationLedger?.limits, (await ledger.parameters()) as unknown as Result],
    ["SlaOracle", wanted.SlaOracle?.periods, (await oracle.periods()) as unknown as Result],
    ["ReputationLedger", rules, inForce as unknown as Result],
    ["ReputationLedger", weights, inForce.weights as unknown as Result],
    ["FederationGovernor", wanted.FederationGovernor?.parameters, (await governor.parameters()) as unknown as Result],
    ["ValidatorSet", wanted.ValidatorSet?.parameters, (await validators.parameters()) as unknown as Result],
  ];
  for (const [contract, parameters, found] of groups) {
    for (const [name, value] of Object.entries(parameters as Readonly<Record<string, number>>)) {
      compare(`${contract}: ${name}`, value, found.toObject()[name]);
    }
  }
  compare("FederationGovernor: a federation for tests", founders.isTest ?? false, await governor.IS_TEST());
}

async function compareFounders(federation: Federation, founders: CompleteFounders, compare: Compare): Promise<void> {
  const { registry, validators } = federation;
  const count = Number(await registry.cloudCount());
  compare("number of clouds", founders.clouds.length, count);
  for (const [i, founder] of founders.clouds.slice(0, count).entries()) {
    const cloud = i + 1;
    const { label, account, recovery, endpoint, spkiHash, status } = await registry.cloudOf(cloud);
    compare(`cloud ${cloud}: label`, founder.label, label);
    compare(`cloud ${cloud}: account`, founder.account, account);
    compare(`cloud ${cloud}: recovery address`, founder.recovery, recovery);
    compare(`cloud ${cloud}: endpoint`, founder.endpoint, endpoint);
    compare(`cloud ${cloud}: hash of the endpoint's key`, founder.spkiHash, spkiHash);
    compare(`cloud ${cloud}: status`, 1, status);
  }
  const seated = [...(await validators.getValidators())].map(getAddress);
  const wanted = moduleParameters(founders).ValidatorSet?.initial as unknown as readonly {
    readonly validator: string;
  }[];
  const inFile = wanted.map(({ validator }) => getAddress(validator)).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  compare("validators", inFile, seated);
}
