import type { Provider, Signer } from "ethers";

import { type Domain, domainOf } from "../documents/hash.js";
import { BusError } from "../errors/busError.js";
import { AccessManager__factory } from "../typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { ChargingLedger__factory } from "../typechain/factories/contracts/charging/ChargingLedger__factory.js";
import { CapacityExchange__factory } from "../typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { FederationGovernor__factory } from "../typechain/factories/contracts/governance/FederationGovernor__factory.js";
import { ValidatorSet__factory } from "../typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { MigrationLedger__factory } from "../typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { SlaOracle__factory } from "../typechain/factories/contracts/oracle/SlaOracle__factory.js";
import { CloudRegistry__factory } from "../typechain/factories/contracts/registry/CloudRegistry__factory.js";
import { ReputationLedger__factory } from "../typechain/factories/contracts/reputation/ReputationLedger__factory.js";
import type { AccessManager } from "../typechain/@openzeppelin/contracts/access/manager/AccessManager.js";
import type { ChargingLedger } from "../typechain/contracts/charging/ChargingLedger.js";
import type { CapacityExchange } from "../typechain/contracts/exchange/CapacityExchange.js";
import type { FederationGovernor } from "../typechain/contracts/governance/FederationGovernor.js";
import type { ValidatorSet } from "../typechain/contracts/governance/ValidatorSet.js";
import type { MigrationLedger } from "../typechain/contracts/ledger/MigrationLedger.js";
import type { SlaOracle } from "../typechain/contracts/oracle/SlaOracle.js";
import type { CloudRegistry } from "../typechain/contracts/registry/CloudRegistry.js";
import type { ReputationLedger } from "../typechain/contracts/reputation/ReputationLedger.js";
import type { Submitter } from "../submission/submitter.js";
import { type AddressBook, CONTRACT_NAMES } from "./addressBook.js";

/** A provider that speaks JSON-RPC: ethers' own, or Hardhat's. */
export interface RpcProvider extends Provider {
  /** Sends one JSON-RPC request. */
  send(method: string, params: unknown[]): Promise<unknown>;
}

/** A federation's contracts, typed and connected. */
export interface Federation {
  readonly provider: RpcProvider;
  readonly addressBook: AddressBook;
  readonly chainId: bigint;
  /** Who sends; undefined for who only reads. */
  readonly signer: Signer | undefined;
  /** Sees what is sent through; without one, a transaction is sent once and waited for. */
  readonly submitter?: Submitter | undefined;
  readonly authority: AccessManager;
  readonly registry: CloudRegistry;
  readonly exchange: CapacityExchange;
  readonly ledger: MigrationLedger;
  readonly oracle: SlaOracle;
  readonly charging: ChargingLedger;
  readonly reputation: ReputationLedger;
  readonly validators: ValidatorSet;
  readonly governor: FederationGovernor;
  /** Domain of the documents about migrations. */
  readonly ledgerDomain: Domain;
  /** Domain of `AgreedReport` and `Observation`. */
  readonly oracleDomain: Domain;
  /** Domain of `Note` and `JointSettlement`. */
  readonly chargingDomain: Domain;
  /** Domain of `KeyAcceptance`. */
  readonly registryDomain: Domain;
  /** Domain of `ValidatorActivation`. */
  readonly validatorDomain: Domain;
}

/** Connects without asking the node anything. Use {@link openFederation} unless it was opened before. */
export function connectFederation(
  provider: RpcProvider,
  addressBook: AddressBook,
  signer?: Signer,
  submitter?: Submitter,
): Federation {
  const { AccessManager, CloudRegistry, CapacityExchange, MigrationLedger } = addressBook.contracts;
  const { SlaOracle, ChargingLedger, ReputationLedger } = addressBook.contracts;
  const { ValidatorSet, FederationGovernor } = addressBook.contracts;
  // A key alone can sign, not ask.
  const runner = signer?.provider === null ? signer.connect(provider) : (signer ?? provider);
  const chainId = BigInt(addressBook.chainId);
  return {
    provider,
    addressBook,
    chainId,
    signer,
    submitter,
    authority: AccessManager__factory.connect(AccessManager, runner),
    registry: CloudRegistry__factory.connect(CloudRegistry, runner),
    exchange: CapacityExchange__factory.connect(CapacityExchange, runner),
    ledger: MigrationLedger__factory.connect(MigrationLedger, runner),
    oracle: SlaOracle__factory.connect(SlaOracle, runner),
    charging: ChargingLedger__factory.connect(ChargingLedger, runner),
    reputation: ReputationLedger__factory.connect(ReputationLedger, runner),
    validators: ValidatorSet__factory.connect(ValidatorSet, runner),
    governor: FederationGovernor__factory.connect(FederationGovernor, runner),
    ledgerDomain: domainOf(chainId, MigrationLedger),
    oracleDomain: domainOf(chainId, SlaOracle),
    chargingDomain: domainOf(chainId, ChargingLedger),
    registryDomain: domainOf(chainId, CloudRegistry),
    validatorDomain: domainOf(chainId, ValidatorSet),
  };
}

/** The same federation with another sender. */
export function asSender(federation: Federation, signer: Signer): Federation {
  return connectFederation(federation.provider, federation.addressBook, signer, federation.submitter);
}

/** The same federation, with all that is sent going through a submitter. */
export function withSubmitter(federation: Federation, submitter: Submitter): Federation {
  return connectFederation(federation.provider, federation.addressBook, federation.signer, submitter);
}

/**
 * Connects after asking the node whether it is the chain of the address book, with contracts at its addresses.
 * @throws BusError `UNKNOWN_CHAIN`, `WRONG_GENESIS`, `NO_CODE`.
 */
export async function openFederation(
  provider: RpcProvider,
  addressBook: AddressBook,
  signer?: Signer,
): Promise<Federation> {
  await requireChain(provider, addressBook);
  await Promise.all(
    CONTRACT_NAMES.map(async (name) => {
      const address = addressBook.contracts[name];
      const code = await provider.getCode(address);
      if (code === "0x") throw new BusError("NO_CODE", `no contract at ${address}, where ${name} should be`);
    }),
  );
  return connectFederation(provider, addressBook, signer);
}

/**
 * Checks that a node serves the chain of an address book.
 * @throws BusError `UNKNOWN_CHAIN`, `WRONG_GENESIS`.
 */
export async function requireChain(
  provider: RpcProvider,
  trusted: Pick<AddressBook, "chainId" | "genesisHash">,
): Promise<void> {
  const [chainId, genesisHash] = await Promise.all([readChainId(provider), readGenesisHash(provider)]);
  if (chainId !== BigInt(trusted.chainId)) {
    throw new BusError("UNKNOWN_CHAIN", `the node's chain id is ${chainId}, not ${trusted.chainId}`);
  }
  if (genesisHash !== trusted.genesisHash) {
    throw new BusError("WRONG_GENESIS", `the node's genesis hash is ${genesisHash}, not ${trusted.genesisHash}`);
  }
}

/** The node's chain id, asked of the node itself. */
export async function readChainId(provider: RpcProvider): Promise<bigint> {
  const answer: unknown = await provider.send("eth_chainId", []);
  return BigInt(String(answer));
}

/** Hash of block 0. */
export async function readGenesisHash(provider: RpcProvider): Promise<string> {
  const block: unknown = await provider.send("eth_getBlockByNumber", ["0x0", false]);
  if (typeof block !== "object" || block === null || !("hash" in block)) {
    throw new BusError("UNKNOWN_CHAIN", "the node has no block 0");
  }
  return String(block.hash).toLowerCase();
}

/** The newest block: its number, and its time in milliseconds. */
export interface Head {
  readonly number: number;
  readonly timeMs: bigint;
}

/**
 * The node's newest block.
 * @throws BusError `STALE_HEAD` if it has none.
 */
export async function readHead(provider: RpcProvider): Promise<Head> {
  const head: unknown = await provider.send("eth_getBlockByNumber", ["latest", false]);
  if (typeof head !== "object" || head === null || !("timestamp" in head) || !("number" in head)) {
    throw new BusError("STALE_HEAD", "the node has no head");
  }
  return { number: Number(head.number), timeMs: BigInt(String(head.timestamp)) * 1_000n };
}
