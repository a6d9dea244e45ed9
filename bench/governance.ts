import { Wallet, id as hashOf } from "ethers";
import { network } from "hardhat";

import Federation from "../ignition/modules/Federation.js";
import {
  type Federation as Client,
  KeyRole,
  type ProposalDraft,
  type RpcProvider,
  type Sent,
  VoteType,
  activateValidator,
  admissionCall,
  asSender,
  connectFederation,
  executeProposal,
  proposalIdOf,
  propose,
  queueProposal,
  readChainId,
  readGenesisHash,
  readHead,
  replaceValidator,
  signActivation,
  signDocument,
  vote,
} from "../src/index.js";

/** Gas of what a change of the federation costs all who take part, together. */
export interface GovernanceGas {
  /** From the proposal to the execution: propose, votes of two thirds, queue, execute. */
  readonly admission: bigint;
  readonly activateValidator: bigint;
  readonly replaceValidator: bigint;
}

const FOUNDERS = 4;
const DAY_S = 86_400;

const keyOf = (name: string): Wallet => new Wallet(hashOf(`bench ${name}`));

function candidate(cloud: number) {
  return {
    label: `cloud-${cloud}`,
    account: keyOf(`account ${cloud}`).address,
    recovery: keyOf(`recovery ${cloud}`).address,
    endpoint: `https://cloud-${cloud}.example`,
    spkiHash: hashOf(`spki ${cloud}`),
  };
}

/** A chain of its own on which four clouds govern. */
class Governed {
  private constructor(
    private readonly client: Client,
    private readonly mine: (seconds: number) => Promise<unknown>,
  ) {}

  static async found(): Promise<Governed> {
    const connection = await network.create({
      network: "default",
      override: { initialDate: new Date(1_767_225_600_000) },
    });
    const provider: RpcProvider = connection.ethers.provider;
    const numbers = Array.from({ length: FOUNDERS }, (_, i) => i + 1);
    const deployed = await connection.ignition.deploy(Federation, {
      parameters: {
        Federation: { guardian: keyOf("guardian").address, attester: keyOf("attester").address },
        CloudRegistry: { founders: numbers.map(candidate) },
        ValidatorSet: { initial: numbers.map((cloud) => ({ cloud, validator: keyOf(`node ${cloud}`).address })) },
      },
    });
    const client = connectFederation(provider, {
      chainId: (await readChainId(provider)).toString(),
      genesisHash: await readGenesisHash(provider),
      contracts: {
        AccessManager: await deployed.authority.getAddress(),
        CloudRegistry: await deployed.registry.getAddress(),
        CapacityExchange: await deployed.exchange.getAddress(),
        MigrationLedger: await deployed.ledger.getAddress(),
        ValidatorSet: await deployed.validators.getAddress(),
        FederationGovernor: await deployed.governor.getAddress(),
      },
    });
    return new Governed(client, (seconds) => connection.networkHelpers.time.increase(seconds));
  }

  as(cloud: number): Client {
    return asSender(this.client, keyOf(`account ${cloud}`));
  }

  pass(seconds: number): Promise<unknown> {
    return this.mine(seconds);
  }

  private async acceptance(cloud: number, role: "Account" | "Recovery") {
    const key = keyOf(`${role.toLowerCase()} ${cloud}`);
    const validUntil = (await readHead(this.client.provider)).timeMs + BigInt(30 * DAY_S) * 1_000n;
    const document = { cloud, key: key.address, role: KeyRole[role], validUntil };
    return { validUntil, signature: await signDocument(key, this.client.registryDomain, "KeyAcceptance", document) };
  }

  /** Admits a cloud by the votes of the first two thirds. */
  async admit(cloud: number): Promise<bigint> {
    const [account, recovery] = [await this.acceptance(cloud, "Account"), await this.acceptance(cloud, "Recovery")];
    const draft: ProposalDraft = {
      calls: [await admissionCall(this.client, cloud, candidate(cloud), account, recovery)],
      description: `Admit cloud ${cloud}`,
    };
    const sent: Sent[] = [await propose(this.as(1), draft)];
    await this.pass(1);
    const needed = Math.ceil((2 * (cloud - 1)) / 3);
    for (let voter = 1; voter <= needed; ++voter) {
      sent.push(await vote(this.as(voter), proposalIdOf(draft), VoteType.For));
    }
    sent.push(await queueProposal(this.as(1), draft));
    await this.pass(2 * DAY_S);
    sent.push(await executeProposal(this.as(1), draft));
    return sent.reduce((sum, { gasUsed }) => sum + gasUsed, 0n);
  }

  async activate(cloud: number): Promise<bigint> {
    const own = this.as(cloud);
    return (await activateValidator(own, cloud, await signActivation(own, keyOf(`node ${cloud}`), cloud))).gasUsed;
  }

  async replace(cloud: number, node: string): Promise<bigint> {
    const own = this.as(cloud);
    return (await replaceValidator(own, cloud, await signActivation(own, keyOf(node), cloud))).gasUsed;
  }
}

/** Measures the second of each kind: the first one's slots are new. */
export async function measureGovernance(): Promise<GovernanceGas> {
  const world = await Governed.found();
  await world.admit(5);
  await world.activate(5);
  const admission = await world.admit(6);
  return {
    admission,
    activateValidator: await world.activate(6),
    replaceValidator: await world.replace(6, "other node"),
  };
}
