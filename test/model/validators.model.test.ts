import { expect } from "chai";
import { type TransactionResponse, ZeroAddress } from "ethers";
import fc from "fast-check";
import { network } from "hardhat";

import { CloudStatus, RevertError } from "../../src/index.js";
import { asRevert } from "../../src/errors/revert.js";
import {
  ADDITION_INTERVAL,
  type Call,
  type Governed,
  RETURN_WAIT,
  acceptance,
  accountKey,
  activationOf,
  admission,
  byCloud,
  callOf,
  expectValid,
  expulsion,
  fourClouds,
  nextAt,
  nowOf,
  senderOf,
  sorted,
  suspension,
} from "../fixtures/governance.js";
import { nodeKey } from "../fixtures/validators.js";

const { networkHelpers } = await network.create();

const RUNS = Number(process.env.MODEL_RUNS ?? 8);
const STEPS = Number(process.env.MODEL_STEPS ?? 60);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_124);
const CLOUDS = 8;
const NODES = 10;
const MIN_REMAINING = 4;

const VERBS = [
  "admit",
  "readmit",
  "expel",
  "leave",
  "guardianSuspends",
  "suspend",
  "suspendSelf",
  "lift",
  "activate",
  "replay",
  "replace",
  "retire",
  "prune",
  "invite",
  "withdraw",
  "seatInvited",
  "remove",
] as const;

type Verb = (typeof VERBS)[number];

/** Verbs that come more often: the validators' own. */
const OFTEN: readonly Verb[] = ["activate", "activate", "replace", "retire", "prune", "admit", "seatInvited"];

interface Step {
  readonly verb: Verb;
  readonly cloud: number;
  readonly node: number;
  /** Seconds since the step before. */
  readonly after: number;
}

const steps = fc.array(
  fc.record<Step>({
    verb: fc.constantFrom(...VERBS, ...OFTEN),
    cloud: fc.integer({ min: 1, max: CLOUDS }),
    node: fc.integer({ min: 1, max: NODES }),
    after: fc.constantFrom(1, 60, ADDITION_INTERVAL - 1, ADDITION_INTERVAL, RETURN_WAIT, 31 * 86_400),
  }),
  { minLength: STEPS, maxLength: STEPS },
);

/** The rules in plain words. */
class Model {
  readonly owners = new Map<string, number>();
  readonly statuses = new Map<number, bigint>();
  readonly invitedUntil = new Map<string, number>();
  readonly wentOutAt = new Map<number, number>();
  lastAdditionAt: number | undefined;

  validatorOf(cloud: number): string | undefined {
    return [...this.owners].find(([, owner]) => owner === cloud)?.[0];
  }

  get list(): string[] {
    return sorted([...this.owners.keys()]);
  }

  /** The refusal that must come, or nothing. */
  private addition(now: number, node: string): string | undefined {
    if (this.lastAdditionAt !== undefined && now < this.lastAdditionAt + ADDITION_INTERVAL) {
      return "ValidatorSet_AddedRecently";
    }
    return this.owners.has(node) ? "ValidatorSet_AlreadySeated" : undefined;
  }

  activate(now: number, cloud: number, node: string): string | undefined {
    if ((this.statuses.get(cloud) ?? 0n) === 0n) return "CloudRegistry_UnknownCloud";
    if (this.statuses.get(cloud) !== BigInt(CloudStatus.Active)) return "ValidatorSet_WrongStatus";
    const wentOut = this.wentOutAt.get(cloud);
    if (wentOut !== undefined && now < wentOut + RETURN_WAIT) return "ValidatorSet_MustWait";
    const refusal = this.addition(now, node);
    if (refusal !== undefined) return refusal;
    if (this.validatorOf(cloud) !== undefined) return "ValidatorSet_HasValidator";
    this.owners.set(node, cloud);
    this.lastAdditionAt = now;
    return undefined;
  }

  replace(cloud: number, node: string): string | undefined {
    if ((this.statuses.get(cloud) ?? 0n) === 0n) return "CloudRegistry_UnknownCloud";
    const previous = this.validatorOf(cloud);
    if (previous === undefined) return "ValidatorSet_NoValidator";
    if (this.owners.has(node)) return "ValidatorSet_AlreadySeated";
    this.owners.delete(previous);
    this.owners.set(node, cloud);
    return undefined;
  }

  private takeOut(now: number, validator: string, least: number): string | undefined {
    if (this.owners.size <= least) return "ValidatorSet_TooFew";
    this.wentOutAt.set(this.owners.get(validator)!, now);
    this.owners.delete(validator);
    return undefined;
  }

  retire(now: number, cloud: number): string | undefined {
    if ((this.statuses.get(cloud) ?? 0n) === 0n) return "CloudRegistry_UnknownCloud";
    const validator = this.validatorOf(cloud);
    return validator === undefined ? "ValidatorSet_NoValidator" : this.takeOut(now, validator, MIN_REMAINING);
  }

  prune(now: number, cloud: number): string | undefined {
    const validator = this.validatorOf(cloud);
    if (validator === undefined) return "ValidatorSet_NoValidator";
    const isMember = [CloudStatus.Active, CloudStatus.Suspended].some((s) => BigInt(s) === this.statuses.get(cloud));
    return isMember ? "ValidatorSet_WrongStatus" : this.takeOut(now, validator, 1);
  }

  invite(now: number, node: string): string | undefined {
    if (this.owners.has(node)) return "ValidatorSet_AlreadySeated";
    this.invitedUntil.set(node, now + 30 * 86_400);
    return undefined;
  }

  withdraw(node: string): string | undefined {
    return this.invitedUntil.delete(node) ? undefined : "ValidatorSet_NotInvited";
  }

  seatInvited(now: number, node: string): string | undefined {
    if (now > (this.invitedUntil.get(node) ?? 0)) return "ValidatorSet_NotInvited";
    const refusal = this.addition(now, node);
    if (refusal !== undefined) return refusal;
    this.invitedUntil.delete(node);
    this.owners.set(node, 0);
    this.lastAdditionAt = now;
    return undefined;
  }

  remove(now: number, node: string): string | undefined {
    return this.owners.has(node) ? this.takeOut(now, node, 1) : "ValidatorSet_NotSeated";
  }
}

/** Name of the refusal, or nothing if the transaction was accepted. */
async function refusalOf(sending: Promise<TransactionResponse>): Promise<string | undefined> {
  try {
    await sending;
    return undefined;
  } catch (thrown) {
    const reason = asRevert(thrown);
    if (reason instanceof RevertError) return reason.errorName;
    throw thrown;
  }
}

class Run {
  readonly model = new Model();
  /** Activations that were brought and accepted. */
  private readonly used: { cloud: number; args: Parameters<Governed["validators"]["activateValidator"]> }[] = [];

  constructor(
    private readonly world: Governed,
    private readonly governance: Awaited<ReturnType<typeof senderOf>>,
  ) {}

  static async begin(world: Governed): Promise<Run> {
    // The contract itself sends: what its votes can do is tested elsewhere.
    const run = new Run(world, await senderOf(world, await world.governor.getAddress()));
    for (let cloud = 1; cloud <= 4; ++cloud) run.model.owners.set(nodeKey(cloud).address, cloud);
    await run.readStatuses();
    return run;
  }

  /** The registry's rules are not this model's. */
  private async readStatuses(): Promise<void> {
    for (let cloud = 1; cloud <= CLOUDS; ++cloud) {
      this.model.statuses.set(cloud, await this.world.registry.statusOf(cloud));
    }
  }

  private govern({ target, data }: Call): Promise<TransactionResponse> {
    return this.governance.sendTransaction({ to: target, data });
  }

  private async as<C extends Parameters<typeof byCloud>[2]>(cloud: number, contract: C): Promise<C> {
    const { registry } = this.world;
    return cloud <= Number(await registry.cloudCount())
      ? byCloud(this.world, cloud, contract)
      : (contract.connect(await senderOf(this.world, accountKey(cloud).address)) as C);
  }

  /** @returns Whether it was accepted. */
  async step({ verb, cloud, node, after }: Step): Promise<boolean> {
    const { world, model } = this;
    const before = model.list;
    const ownersBefore = new Map(model.owners);
    const sending = await this.prepare(verb, cloud, node);
    const now = (await nowOf(world)) + after;
    await networkHelpers.time.increaseTo(now);
    await this.readStatuses();
    // Mined one second after the statuses were read at `now`.
    await nextAt(world, now + 1);
    const expected = this.expect(verb, cloud, node, now + 1);

    const refusal = await refusalOf(sending());

    if (verb === "replay") expect(refusal, "a used activation").not.to.equal(undefined);
    if (expected !== "any") expect(refusal, verb).to.equal(expected);
    await this.readStatuses();
    const list = await expectValid(world);
    expect(list, `${verb}: as the rules say`).to.deep.equal(model.list);
    this.expectQuorumRule(verb, cloud, node, before, list, ownersBefore);
    await this.expectVotes();
    return refusal === undefined;
  }

  /** INV-QUORUM, without the model's help: who acted, and whose validators came and went? */
  private expectQuorumRule(
    verb: Verb,
    cloud: number,
    node: number,
    before: readonly string[],
    list: readonly string[],
    owners: ReadonlyMap<string, number>,
  ): void {
    const cameIn = list.filter((validator) => !before.includes(validator));
    const wentOut = before.filter((validator) => !list.includes(validator));
    const ofGovernance = verb === "remove" || verb === "seatInvited";
    const own = ["activate", "replay", "replace", "retire", "prune"].includes(verb);
    if (own) {
      for (const validator of wentOut) expect(owners.get(validator), `INV-QUORUM: ${verb}`).to.equal(cloud);
      expect(cameIn.length <= 1, `INV-QUORUM: ${verb}`).to.equal(true);
    } else if (ofGovernance) {
      for (const validator of [...cameIn, ...wentOut]) {
        expect(validator, `INV-QUORUM: ${verb}`).to.equal(nodeKey(node).address);
      }
    } else {
      expect([...cameIn, ...wentOut], `INV-QUORUM: ${verb}`).to.deep.equal([]);
    }
  }

  private async expectVotes(): Promise<void> {
    const members = [...this.model.statuses.values()].filter(
      (status) => status === BigInt(CloudStatus.Active) || status === BigInt(CloudStatus.Suspended),
    );
    expect(await this.world.registry.memberCount(), "INV-VOTE").to.equal(BigInt(members.length));
  }

  /** Everything that must be read or signed before the block. */
  private async prepare(verb: Verb, cloud: number, node: number): Promise<() => Promise<TransactionResponse>> {
    const { world } = this;
    const { registry, validators, ledger } = world;
    const key = nodeKey(node);
    const count = Number(await registry.cloudCount());
    const governed = (call: Call) => () => this.govern(call);
    switch (verb) {
      case "admit":
        return governed(await admission(world, Math.min(count + 1, CLOUDS)));
      case "readmit": {
        const accepted = await acceptance(world, accountKey(cloud), cloud, "Account");
        return governed(await callOf(registry, "readmit", [cloud, accepted]));
      }
      case "expel":
        return governed(await expulsion(world, cloud));
      case "suspend":
        return governed(await suspension(world, cloud));
      case "lift":
        return governed(await callOf(registry, "liftSuspension", [cloud]));
      case "invite":
        return governed(await callOf(validators, "inviteValidator", [key.address]));
      case "withdraw":
        return governed(await callOf(validators, "withdrawInvitation", [key.address]));
      case "remove":
        return governed(await callOf(validators, "removeValidator", [key.address]));
      case "guardianSuspends":
        return () => registry.connect(world.guardian).suspend(cloud);
      case "suspendSelf": {
        const own = await this.as(cloud, registry);
        return () => own.suspendSelf(cloud);
      }
      case "leave": {
        const own = await this.as(cloud, ledger);
        return () => own.leave(cloud);
      }
      case "retire": {
        const own = await this.as(cloud, validators);
        return () => own.retireValidator(cloud);
      }
      case "prune":
        return () => validators.pruneValidator(cloud);
      case "activate": {
        const { activation, signature } = await activationOf(world, key, { cloud });
        const own = await this.as(cloud, validators);
        return async () => {
          const sent = await own.activateValidator(cloud, activation, signature);
          this.used.push({ cloud, args: [cloud, activation, signature] });
          return sent;
        };
      }
      case "replay": {
        const used = this.used[(cloud * NODES + node) % Math.max(1, this.used.length)];
        if (!used) return () => validators.retireValidator(cloud);
        const own = await this.as(used.cloud, validators);
        return () => own.activateValidator(...used.args);
      }
      case "replace": {
        const replaces = cloud <= count ? await validators.validatorOf(cloud) : ZeroAddress;
        const { activation, signature } = await activationOf(world, key, { cloud, replaces });
        const own = await this.as(cloud, validators);
        return () => own.replaceValidator(cloud, activation, signature);
      }
      case "seatInvited": {
        const { activation, signature } = await activationOf(world, key);
        return () => validators.seatInvited(activation, signature);
      }
    }
  }

  /** What the rules say, and what they make of it: the refusal, nothing, or "any" where the registry decides. */
  private expect(verb: Verb, cloud: number, node: number, now: number): string | undefined {
    const { model } = this;
    const { address } = nodeKey(node);
    switch (verb) {
      case "activate":
        return model.activate(now, cloud, address);
      case "replace":
        return model.replace(cloud, address);
      case "retire":
        return model.retire(now, cloud);
      case "prune":
        return model.prune(now, cloud);
      case "invite":
        return model.invite(now, address);
      case "withdraw":
        return model.withdraw(address);
      case "seatInvited":
        return model.seatInvited(now, address);
      case "remove":
        return model.remove(now, address);
      case "admit":
      case "readmit":
      case "expel":
      case "leave":
      case "guardianSuspends":
      case "suspend":
      case "suspendSelf":
      case "lift":
      case "replay":
        return "any";
    }
  }
}

describe("the validators against a model of their rules", function () {
  it("stay valid, and only who may changes them (INV-VALID, INV-QUORUM, INV-VOTE)", async function () {
    this.timeout(120_000 + RUNS * STEPS * 500);
    const accepted = new Map<Verb, number>();

    await fc.assert(
      fc.asyncProperty(steps, async (course) => {
        const world = await networkHelpers.loadFixture(fourClouds);
        const run = await Run.begin(world);
        for (const step of course) {
          const isAccepted = await run.step(step);
          accepted.set(step.verb, (accepted.get(step.verb) ?? 0) + (isAccepted ? 1 : 0));
        }
        const head = await world.connection.ethers.provider.getBlockNumber();
        expect([...(await world.validators.validatorsAfter(head))], "the history ends where the set is").to.deep.equal(
          run.model.list,
        );
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );

    for (const verb of VERBS) {
      if (verb === "replay") expect(accepted.get(verb)).to.equal(0);
      else expect(accepted.get(verb), `${verb} was accepted`).to.be.at.least(1);
    }
  });
});
