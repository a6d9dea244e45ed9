import { concat, keccak256, toUtf8Bytes } from "ethers";

import FederationModule from "../../ignition/modules/Federation.js";
import { type AddressBook, CONTRACT_NAMES } from "../../src/chain/addressBook.js";
import { type CompleteFounders, chainIdOf, foundedAtSeconds, foundingHash } from "../founding/founders.js";
import { NetworkError } from "../networkError.js";
import { CONSENSUS_DEFAULTS, type GenesisFile, blockZero, fileHash, genesisFile } from "./genesis.js";
import { moduleParameters } from "./parameters.js";
import { type Simulation, simulate } from "./simulate.js";

/** What founders compare with each other before anybody starts a node, and sign. */
export interface Fingerprint {
  readonly chainId: string;
  /** Keccak-256 of the founding document in canonical form; the chain id is its first six bytes. */
  readonly foundingHash: string;
  /** SHA-256 of genesis.json. */
  readonly genesisFile: string;
  readonly stateRoot: string;
  /** Hash of block 0. */
  readonly genesisHash: string;
}

/** A genesis file in which a federation exists already, and what belongs to it. */
export interface GenesisBundle {
  readonly genesis: GenesisFile;
  readonly genesisText: string;
  readonly addressBook: AddressBook;
  readonly fingerprint: Fingerprint;
  readonly simulation: Simulation;
  readonly settings: { readonly blockGasLimit: number; readonly blockPeriodSeconds: number };
}

/**
 * The key that deploys in the simulation. Everybody can work it out; it holds no power afterwards, and its nonce in block
 * 0 lets it create nothing at an address of the federation.
 */
export function deployerKeyOf(founders: CompleteFounders): string {
  return keccak256(concat([toUtf8Bytes("BlockchainBus deployer"), foundingHash(founders)]));
}

/**
 * Makes the genesis file of a founding document: the Ignition modules run in a simulated chain with the chain's id and
 * time, and what they leave is the state of block 0.
 * @param now Milliseconds since the epoch, against which the founding time is checked.
 * @throws NetworkError `BAD_FOUNDERS` if the founding lies ahead; `DEPLOYMENT` if the contracts refuse it.
 */
export async function makeGenesis(founders: CompleteFounders, now = Date.now()): Promise<GenesisBundle> {
  const timestamp = foundedAtSeconds(founders);
  if (timestamp * 1_000 > now) {
    throw new NetworkError(
      "BAD_FOUNDERS",
      `/foundedAt: ${founders.foundedAt} lies ahead: votes and delays would begin only then`,
    );
  }
  const consensus = { ...CONSENSUS_DEFAULTS, ...founders.consensus };
  const chainId = chainIdOf(founders);
  const simulation = await simulate(FederationModule, moduleParameters(founders), {
    chainId,
    timestamp,
    blockGasLimit: BigInt(consensus.blockGasLimit),
    deployerKey: deployerKeyOf(founders),
  });
  const genesis = genesisFile({
    ...consensus,
    chainId,
    timestamp,
    validatorContract: addressOf(simulation, "ValidatorSet"),
    alloc: simulation.alloc,
  });
  const genesisText = `${JSON.stringify(genesis, null, 2)}\n`;
  const zero = await blockZero(genesis);
  return {
    genesis,
    genesisText,
    addressBook: {
      chainId: chainId.toString(),
      genesisHash: zero.hash,
      contracts: Object.fromEntries(
        CONTRACT_NAMES.map((name) => [name, addressOf(simulation, name)]),
      ) as unknown as AddressBook["contracts"],
    },
    fingerprint: {
      chainId: chainId.toString(),
      foundingHash: foundingHash(founders),
      genesisFile: fileHash(genesisText),
      stateRoot: zero.stateRoot,
      genesisHash: zero.hash,
    },
    simulation,
    settings: consensus,
  };
}

function addressOf({ contracts }: Simulation, name: string): string {
  const address = contracts[`${name}#${name}`];
  if (address === undefined) throw new NetworkError("DEPLOYMENT", `the modules deploy no ${name}`);
  return address;
}
