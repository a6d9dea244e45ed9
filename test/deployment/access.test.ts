import { readFileSync } from "node:fs";

import { expect } from "chai";
import {
  type FunctionFragment,
  type Interface,
  type ParamType,
  type Result,
  ZeroAddress,
  isCallException,
} from "ethers";
import { network } from "hardhat";
import type { NetworkConnection } from "hardhat/types/network";

import Federation from "../../ignition/modules/Federation.js";
import TestFederation from "../../ignition/modules/TestFederation.js";
import { RESTRICTED, ROLES, type RoleName } from "../../ignition/roles.js";
import { AccessManager__factory } from "../../src/typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { CapacityExchange__factory } from "../../src/typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { FederationGovernor__factory } from "../../src/typechain/factories/contracts/governance/FederationGovernor__factory.js";
import { ValidatorSet__factory } from "../../src/typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { MigrationLedger__factory } from "../../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { CloudRegistry__factory } from "../../src/typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { candidateOf } from "../fixtures/registry.js";
import { nodeKey } from "../fixtures/validators.js";

const { networkHelpers } = await network.create();

/** The contracts of the page, with their ABIs. */
const ABIS = {
  AccessManager: AccessManager__factory.createInterface() as Interface,
  CloudRegistry: CloudRegistry__factory.createInterface() as Interface,
  CapacityExchange: CapacityExchange__factory.createInterface() as Interface,
  MigrationLedger: MigrationLedger__factory.createInterface() as Interface,
  ValidatorSet: ValidatorSet__factory.createInterface() as Interface,
  FederationGovernor: FederationGovernor__factory.createInterface() as Interface,
};

type ContractName = keyof typeof ABIS;

const NAMES = Object.keys(ABIS) as ContractName[];

/** Contracts whose functions the AccessManager restricts. */
const MANAGED = ["CloudRegistry", "CapacityExchange", "MigrationLedger", "ValidatorSet"] as const;

/** A line of docs/access.md. */
interface Row {
  readonly name: string;
  readonly role: RoleName | undefined;
  readonly isExit: boolean;
}

const PAGE = readPage(readFileSync(new URL("../../docs/access.md", import.meta.url), "utf8"));

function readPage(text: string): Record<ContractName, Row[]> {
  const tableOf = (contract: ContractName): Row[] => {
    const section = text.split(/^## /m).find((part) => part.startsWith(`${contract}\n`)) ?? "";
    const lines = section.split("\n").filter((line) => line.startsWith("| ") && !/^\| (function|---) /.test(line));
    return lines.map((line) => {
      const [name = "", role = "", , exit = ""] = line
        .slice(1)
        .split("|")
        .map((cell) => cell.trim());
      if (role !== "" && !(role in ROLES)) throw new Error(`docs/access.md: ${contract}.${name} has no role ${role}`);
      return { name, role: role === "" ? undefined : (role as RoleName), isExit: exit === "yes" };
    });
  };
  return {
    AccessManager: tableOf("AccessManager"),
    CloudRegistry: tableOf("CloudRegistry"),
    CapacityExchange: tableOf("CapacityExchange"),
    MigrationLedger: tableOf("MigrationLedger"),
    ValidatorSet: tableOf("ValidatorSet"),
    FederationGovernor: tableOf("FederationGovernor"),
  };
}

/** The functions of a contract that change its state. */
function writing(contract: ContractName): FunctionFragment[] {
  const found: FunctionFragment[] = [];
  ABIS[contract].forEachFunction((fragment) => {
    if (!fragment.constant) found.push(fragment);
  });
  return found;
}

/** The emptiest value of a type: arguments that decode. */
function emptyOf(type: ParamType): unknown {
  if (type.isArray()) return [];
  if (type.isTuple()) return type.components.map(emptyOf);
  if (type.type === "address") return ZeroAddress;
  if (type.type === "bool") return false;
  if (type.type === "string") return "";
  if (type.type === "bytes") return "0x";
  const bytes = /^bytes(\d+)$/.exec(type.type);
  if (bytes) return `0x${"00".repeat(Number(bytes[1]))}`;
  return 0;
}

/** A federation of one founder, as the Ignition modules deploy it: governed by votes, or by one account for tests. */
async function deployed(connection: NetworkConnection) {
  return deploy(connection, Federation);
}

async function deployedForTests(connection: NetworkConnection) {
  return deploy(connection, TestFederation);
}

async function deploy(connection: NetworkConnection, module: typeof Federation | typeof TestFederation) {
  const [deployer, governance, guardian, attester, stranger] = await connection.ethers.getSigners();
  const { authority, registry, exchange, ledger, exits, changes, validators, governor } =
    await connection.ignition.deploy(module, {
      parameters: {
        Federation: { guardian: guardian!.address, attester: attester!.address },
        TestFederation: {
          governance: governance!.address,
          guardian: guardian!.address,
          attester: attester!.address,
        },
        CloudRegistry: { founders: [{ ...candidateOf("founder") }] as never },
        ValidatorSet: { initial: [{ cloud: 1, validator: nodeKey(1).address }] },
      },
    });
  const addresses = {
    AccessManager: await authority.getAddress(),
    CloudRegistry: await registry.getAddress(),
    CapacityExchange: await exchange.getAddress(),
    MigrationLedger: await ledger.getAddress(),
    ValidatorSet: await validators.getAddress(),
    FederationGovernor: await governor.getAddress(),
  };
  return {
    connection,
    deployer: deployer!,
    governance: governance!,
    guardian: guardian!,
    attester: attester!,
    stranger: stranger!,
    addresses,
    parts: [await exits.getAddress(), await changes.getAddress()],
    authority: AccessManager__factory.connect(addresses.AccessManager, stranger),
    registry: CloudRegistry__factory.connect(addresses.CloudRegistry, stranger),
    exchange: CapacityExchange__factory.connect(addresses.CapacityExchange, stranger),
    ledger: MigrationLedger__factory.connect(addresses.MigrationLedger, stranger),
    validators: ValidatorSet__factory.connect(addresses.ValidatorSet, stranger),
    governor: FederationGovernor__factory.connect(addresses.FederationGovernor, stranger),
  };
}

type Deployed = Awaited<ReturnType<typeof deployed>>;

/** Events of the AccessManager from block 0 on, by name. */
async function logsOf({ connection, authority, addresses }: Deployed, name: string): Promise<Result[]> {
  const logs = await connection.ethers.provider.getLogs({
    address: addresses.AccessManager,
    topics: [authority.interface.getEvent(name as "RoleGranted").topicHash],
    fromBlock: 0,
    toBlock: "latest",
  });
  return logs.map((log) => authority.interface.parseLog(log)!.args);
}

/** Every address that ever sent, was called or was made on the chain, or held a role, and the simulator's accounts. */
async function everybodyOf(world: Deployed): Promise<string[]> {
  const { connection, addresses, parts } = world;
  const { provider } = connection.ethers;
  const found = new Set([ZeroAddress, ...Object.values(addresses), ...parts]);
  for (const signer of await connection.ethers.getSigners()) found.add(signer.address);
  for (let number = 0; number <= (await provider.getBlockNumber()); ++number) {
    for (const { from, to } of (await provider.getBlock(number, true))!.prefetchedTransactions) {
      found.add(from);
      if (to !== null) found.add(to);
    }
  }
  for (const { account } of await logsOf(world, "RoleGranted")) found.add(String(account));
  return [...found];
}

/** Who holds each role that was ever granted, by the events and, for everybody, by the answer of the AccessManager. */
async function holdersOf(world: Deployed): Promise<Record<RoleName, string[]>> {
  const { authority } = world;
  const members = new Map<bigint, Set<string>>();
  for (const { roleId, account } of await logsOf(world, "RoleGranted")) {
    members.set(roleId as bigint, (members.get(roleId as bigint) ?? new Set()).add(String(account)));
  }
  for (const { roleId, account } of await logsOf(world, "RoleRevoked"))
    members.get(roleId as bigint)?.delete(String(account));
  const everybody = await everybodyOf(world);
  for (const [role, holders] of members) {
    for (const account of everybody) {
      const [isMember, delay] = await authority.hasRole(role, account);
      expect([isMember, delay], `role ${role} of ${account}`).to.deep.equal([holders.has(account), 0n]);
    }
  }
  const names = new Map(Object.entries(ROLES).map(([name, role]) => [role as bigint, name]));
  return Object.fromEntries(
    [...members].map(([role, holders]) => [names.get(role) ?? String(role), [...holders]]),
  ) as Record<RoleName, string[]>;
}

/** Name and arguments of the custom error with which a call by a stranger is refused; nothing if it is not, or otherwise. */
async function refusalOf(world: Deployed, contract: ContractName, fragment: FunctionFragment) {
  const data = ABIS[contract].encodeFunctionData(fragment, fragment.inputs.map(emptyOf));
  try {
    await world.stranger.call({ to: world.addresses[contract], data });
    return undefined;
  } catch (error) {
    const answer = revertDataOf(error);
    const parsed = answer === undefined ? null : ABIS[contract].parseError(answer);
    return parsed === null ? undefined : { name: parsed.name, args: [...parsed.args] as unknown[] };
  }
}

function revertDataOf(error: unknown): string | undefined {
  if (isCallException(error) && error.data) return error.data;
  const data = (error as { data?: unknown }).data;
  if (typeof data === "string") return data;
  const nested = (data as { data?: unknown } | undefined)?.data;
  return typeof nested === "string" ? nested : undefined;
}

describe("access", function () {
  describe("docs/access.md", function () {
    for (const contract of NAMES) {
      it(`lists every state-changing function of ${contract}, and no other`, function () {
        const listed = PAGE[contract].map(({ name }) => name).sort();

        expect(listed).to.deep.equal(
          writing(contract)
            .map(({ name }) => name)
            .sort(),
        );
        expect(new Set(listed).size, "no overloads").to.equal(listed.length);
      });
    }

    for (const contract of MANAGED) {
      it(`says the roles of ${contract} that the deployment sets`, function () {
        const grants: { readonly [role in RoleName]?: readonly string[] } = RESTRICTED[contract];
        const set = Object.entries(grants).flatMap(([role, names]) => names.map((name) => `${name}: ${role}`));
        const listed = PAGE[contract].flatMap(({ name, role }) => (role ? [`${name}: ${role}`] : []));

        expect(listed.sort()).to.deep.equal(set.sort());
      });
    }

    it("gives no exit a role (INV-EXIT)", function () {
      for (const contract of NAMES) {
        const exits = PAGE[contract].filter(({ isExit }) => isExit);
        expect(exits.filter(({ role }) => role !== undefined)).to.deep.equal([]);
      }
      const newBusiness = PAGE.MigrationLedger.filter(({ role, isExit }) => role === undefined && !isExit);
      expect(newBusiness.map(({ name }) => name)).to.have.members([
        "setAuthority",
        "register",
        "agree",
        "record",
        "amend",
      ]);
    });
  });

  describe("a deployed federation", function () {
    for (const contract of MANAGED) {
      for (const { name, role } of PAGE[contract]) {
        if (role !== undefined) {
          it(`refuses a stranger ${contract}.${name}, which is restricted to ${role}`, async function () {
            const world = await networkHelpers.loadFixture(deployed);
            const { authority, addresses, stranger } = world;
            const fragment = ABIS[contract].getFunction(name)!;

            expect(await refusalOf(world, contract, fragment)).to.deep.equal({
              name: "AccessManagedUnauthorized",
              args: [stranger.address],
            });
            expect(await authority.getTargetFunctionRole(addresses[contract], fragment.selector)).to.equal(ROLES[role]);
            expect(await authority.canCall(stranger.address, addresses[contract], fragment.selector)).to.deep.equal([
              false,
              0n,
            ]);
          });
        }
      }

      it(`asks the AccessManager about no other function of ${contract} (INV-EXIT)`, async function () {
        const world = await networkHelpers.loadFixture(deployed);
        const open = PAGE[contract].filter(({ name, role }) => role === undefined && name !== "setAuthority");

        for (const { name } of open) {
          const refusal = await refusalOf(world, contract, ABIS[contract].getFunction(name)!);
          expect(refusal?.name, name).not.to.equal("AccessManagedUnauthorized");
        }
      });

      it(`lets nobody but the AccessManager change the authority of ${contract}`, async function () {
        const world = await networkHelpers.loadFixture(deployed);
        const fragment = ABIS[contract].getFunction("setAuthority")!;

        expect(await refusalOf(world, contract, fragment)).to.deep.equal({
          name: "AccessManagedUnauthorized",
          args: [world.stranger.address],
        });
      });
    }

    it("leaves power to nobody whom the page does not name: every role, from the chain alone", async function () {
      const world = await networkHelpers.loadFixture(deployed);
      const { addresses, guardian, attester } = world;

      const holders = await holdersOf(world);

      expect(holders).to.deep.equal({
        ADMIN: [addresses.FederationGovernor],
        GOVERNANCE: [addresses.FederationGovernor],
        GUARDIAN: [guardian.address],
        LEDGER: [addresses.MigrationLedger],
        ATTESTER: [attester.address],
      });
    });

    it("leaves power to nobody whom the page does not name: every function, from the chain alone", async function () {
      const world = await networkHelpers.loadFixture(deployed);
      const { authority, addresses } = world;
      const holders = await holdersOf(world);
      const everybody = await everybodyOf(world);

      for (const contract of NAMES) {
        for (const { name, selector } of writing(contract)) {
          const role = PAGE[contract].find((row) => row.name === name)?.role ?? "ADMIN";
          for (const account of everybody) {
            const may = await authority.canCall(account, addresses[contract], selector);
            const isHolder = holders[role].includes(account);
            expect(may, `${account}: ${contract}.${name}`).to.deep.equal([isHolder, 0n]);
          }
        }
      }
    });

    it("has no other restriction, closure, delay or administrator of a role than the page says", async function () {
      const world = await networkHelpers.loadFixture(deployed);
      const { authority, addresses } = world;
      const found = (await logsOf(world, "TargetFunctionRoleUpdated")).map(
        ({ target, selector, roleId }) => `${String(target)} ${String(selector)} ${String(roleId)}`,
      );
      const expected = MANAGED.flatMap((contract) =>
        PAGE[contract].flatMap(({ name, role }) =>
          role ? [`${addresses[contract]} ${ABIS[contract].getFunction(name)!.selector} ${ROLES[role]}`] : [],
        ),
      );

      expect(found.sort()).to.deep.equal(expected.sort());
      for (const event of ["RoleAdminChanged", "RoleGuardianChanged", "TargetClosed", "OperationScheduled"]) {
        expect(await logsOf(world, event), event).to.deep.equal([]);
      }
      for (const role of Object.values(ROLES)) {
        expect(await authority.getRoleAdmin(role)).to.equal(ROLES.ADMIN);
        expect(await authority.getRoleGrantDelay(role)).to.equal(0n);
      }
      for (const address of Object.values(addresses)) {
        expect(await authority.isTargetClosed(address)).to.equal(false);
        expect(await authority.getTargetAdminDelay(address)).to.equal(0n);
      }
    });

    it("is a real one; one for tests has an account that governs, and a governor without a role", async function () {
      const real = await networkHelpers.loadFixture(deployed);
      expect(await real.governor.IS_TEST()).to.equal(false);

      const world = await networkHelpers.loadFixture(deployedForTests);
      const { addresses, governance, guardian, attester } = world;

      expect(await holdersOf(world)).to.deep.equal({
        ADMIN: [governance.address],
        GOVERNANCE: [governance.address],
        GUARDIAN: [guardian.address],
        LEDGER: [addresses.MigrationLedger],
        ATTESTER: [attester.address],
      });
    });

    it("ties the contracts to each other", async function () {
      const world = await networkHelpers.loadFixture(deployed);
      const { addresses, registry, exchange, ledger, validators, governor } = world;

      for (const contract of [registry, exchange, ledger, validators]) {
        expect(await contract.authority()).to.equal(addresses.AccessManager);
      }
      expect(await governor.AUTHORITY()).to.equal(addresses.AccessManager);
      expect(await governor.REGISTRY()).to.equal(addresses.CloudRegistry);
      expect(await governor.VALIDATORS()).to.equal(addresses.ValidatorSet);
      expect(await validators.REGISTRY()).to.equal(addresses.CloudRegistry);
      expect(await exchange.REGISTRY()).to.equal(addresses.CloudRegistry);
      expect(await ledger.registry()).to.equal(addresses.CloudRegistry);
      expect(await ledger.exchange()).to.equal(addresses.CapacityExchange);
      expect(await ledger.predecessor()).to.equal(ZeroAddress);
      expect(await registry.cloudOfLabel("founder")).to.equal(1);
    });

    it("lets the ledger, and nobody else, say that a cloud left", async function () {
      const { authority, addresses, guardian } = await networkHelpers.loadFixture(deployed);
      const { selector } = ABIS.CloudRegistry.getFunction("markLeft")!;

      for (const [account, may] of [
        [addresses.MigrationLedger, true],
        [addresses.FederationGovernor, false],
        [guardian.address, false],
      ] as const) {
        const [immediate] = await authority.canCall(account, addresses.CloudRegistry, selector);
        expect(immediate, account).to.equal(may);
      }
    });
  });
});
