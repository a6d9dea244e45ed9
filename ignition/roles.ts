import { Interface, type InterfaceAbi } from "ethers";

import { CapacityExchange__factory } from "../src/typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { MigrationLedger__factory } from "../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { ValidatorSet__factory } from "../src/typechain/factories/contracts/governance/ValidatorSet__factory.js";
import { CloudRegistry__factory } from "../src/typechain/factories/contracts/registry/CloudRegistry__factory.js";

/** Roles of the AccessManager. ADMIN is OpenZeppelin's; the others are ours. */
export const ROLES = { ADMIN: 0n, GOVERNANCE: 1n, GUARDIAN: 2n, LEDGER: 3n, ATTESTER: 4n } as const;

/** Name of a role. */
export type RoleName = keyof typeof ROLES;

type Grants = { readonly [role in RoleName]?: readonly string[] };

/** Which functions of which contract are restricted to which role. What is not here, anyone may call who passes its own checks. */
export const RESTRICTED = {
  CloudRegistry: {
    GOVERNANCE: [
      "admit",
      "readmit",
      "expel",
      "announceReplacement",
      "withdrawReplacement",
      "confirmSuspension",
      "liftSuspension",
    ],
    GUARDIAN: ["suspend"],
    LEDGER: ["markLeft"],
  },
  CapacityExchange: { GOVERNANCE: ["setFeature", "retireFeature"], ATTESTER: ["attestFeatures"] },
  MigrationLedger: {
    GOVERNANCE: ["closeForNew", "setSuccessor", "setParameters"],
    GUARDIAN: ["pauseNew", "resumeNew"],
  },
  ValidatorSet: { GOVERNANCE: ["inviteValidator", "withdrawInvitation", "removeValidator", "setParameters"] },
} as const satisfies { readonly [contract: string]: Grants };

/** Name of a contract with restricted functions. */
export type RestrictedContract = keyof typeof RESTRICTED;

const ABIS: { readonly [contract in RestrictedContract]: InterfaceAbi } = {
  CloudRegistry: CloudRegistry__factory.abi,
  CapacityExchange: CapacityExchange__factory.abi,
  MigrationLedger: MigrationLedger__factory.abi,
  ValidatorSet: ValidatorSet__factory.abi,
};

/** Selectors of a contract that a role may call. */
export function selectorsOf(contract: RestrictedContract, role: RoleName): string[] {
  const grants: Grants = RESTRICTED[contract];
  const abi = new Interface(ABIS[contract]);
  return (grants[role] ?? []).map((name) => {
    const found = abi.getFunction(name);
    if (!found) throw new Error(`${contract} has no function ${name}`);
    return found.selector;
  });
}
