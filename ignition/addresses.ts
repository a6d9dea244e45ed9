import { getAddress } from "ethers";

import type { AddressBook } from "../src/chain/addressBook.js";

/** What the Federation module gives for each contract of an address book. */
const DEPLOYED_AS = {
  AccessManager: "authority",
  CloudRegistry: "registry",
  CapacityExchange: "exchange",
  MigrationLedger: "ledger",
  SlaOracle: "oracle",
  ChargingLedger: "charging",
  ReputationLedger: "reputation",
  ValidatorSet: "validators",
  FederationGovernor: "governor",
} as const satisfies { readonly [contract in keyof AddressBook["contracts"]]: string };

/** The contracts of a federation as Ignition deployed them. */
export type DeployedFederation = {
  readonly [name in (typeof DEPLOYED_AS)[keyof typeof DEPLOYED_AS]]: { getAddress(): Promise<string> };
};

/** Their addresses, as an address book has them. */
export async function addressesOf(deployed: DeployedFederation): Promise<AddressBook["contracts"]> {
  const entries = await Promise.all(
    Object.entries(DEPLOYED_AS).map(
      async ([contract, name]) => [contract, getAddress(await deployed[name].getAddress())] as const,
    ),
  );
  return Object.fromEntries(entries) as unknown as AddressBook["contracts"];
}
