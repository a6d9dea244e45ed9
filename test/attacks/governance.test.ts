import { expect } from "chai";
import { ZeroAddress, id } from "ethers";
import { network } from "hardhat";

import {
  DEFAULT_GOVERNOR_PARAMETERS,
  DEFAULT_PARAMETERS,
  DEFAULT_VALIDATOR_PARAMETERS,
} from "../../ignition/parameters.js";
import { ROLES } from "../../ignition/roles.js";
import { CloudStatus } from "../../src/index.js";
import {
  ADDITION_INTERVAL,
  AGAINST,
  FOR,
  type Governed,
  RETURN_WAIT,
  SLOW_DELAY,
  acceptance,
  accountKey,
  activate,
  activationOf,
  admission,
  byCloud,
  callOf,
  decide,
  enact,
  expectProposal,
  expectValid,
  expulsion,
  first,
  fiveClouds,
  fourClouds,
  leave,
  nowOf,
  oneCloud,
  propose,
  recoveryKey,
  replace,
  retire,
  ripen,
  senderOf,
  sevenClouds,
  sixCloudsFourValidators,
  sorted,
  suspension,
  vote,
  voteAll,
  wait,
} from "../fixtures/governance.js";
import { keyOf } from "../fixtures/registry.js";
import { nodeKey } from "../fixtures/validators.js";

const { networkHelpers } = await network.create();

const DAY = 86_400;
const node = (name: number | string): string => nodeKey(name).address;
const nodes = (...names: (number | string)[]): string[] => sorted(names.map(node));

async function refused(sent: Promise<unknown>, world: Governed, error: string, ...args: unknown[]): Promise<void> {
  const contract = error.startsWith("CloudRegistry_")
    ? world.registry
    : error.startsWith("ValidatorSet_")
      ? world.validators
      : error.startsWith("MigrationLedger_")
        ? world.ledger
        : world.governor;
  await expect(sent)
    .to.be.revertedWithCustomError(contract, error)
    .withArgs(...args);
}

/** The recovery address gives a cloud another account, at once. */
async function recover(world: Governed, cloud: number, name: string): Promise<void> {
  const key = keyOf(name);
  const recovery = world.registry.connect(await senderOf(world, recoveryKey(cloud).address));
  await recovery.recoverAccount(cloud, key.address, await acceptance(world, key, cloud, "Account"));
}

const removal = (world: Governed, validator: string) => callOf(world.validators, "removeValidator", [validator]);

describe("Attacks on governance", function () {
  describe("capture by admitting friends", function () {
    it("fails for a majority that is no two thirds: not one friend comes in", async function () {
      const world = await networkHelpers.loadFixture(sevenClouds);
      const gang = [1, 2, 3, 4];
      const proposals = [];
      for (let i = 0; i < 3; ++i) {
        const proposal = await propose(world, [await admission(world, 8)]);
        await voteAll(world, proposal, gang);
        proposals.push(proposal);
      }
      await wait(world, 8 * DAY);

      for (const proposal of proposals) await expectProposal(world, proposal, "Defeated");
      expect(await world.registry.memberCount()).to.equal(7n);
    });

    it("takes one friend per decision of the members of that time: the same admission cannot be had twice", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const one = await decide(world, [await admission(world, 5)]);
      const again = await decide(world, [await admission(world, 5)]);
      await ripen(world, one);
      await world.governor.queue(...again.hashed);
      await wait(world, SLOW_DELAY);
      await world.governor.execute(...one.hashed);

      await refused(world.governor.execute(...again.hashed), world, "CloudRegistry_NotNextCloud", 5, 6);
    });

    it("gives a friend no validator: the others see it come, one at a time, after the delay", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await enact(world, [await admission(world, 5), await admission(world, 6)]);
      await activate(world, 5);

      const again = (await nowOf(world)) + ADDITION_INTERVAL;
      await refused(activate(world, 6), world, "ValidatorSet_AddedRecently", again, again - ADDITION_INTERVAL + 1);
    });
  });

  describe("a vote cast twice", function () {
    it("by a rotation in mid-vote counts once (INV-VOTE)", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await propose(world, [await expulsion(world, 4)]);
      for (const name of ["first", "second", "third"]) {
        await vote(world, proposal, 1);
        await recover(world, 1, name);
      }
      await vote(world, proposal, 1);

      expect(await world.governor.proposalVotes(proposal.id)).to.deep.equal([0n, 1n, 0n]);
      await expectProposal(world, proposal, "Active");
    });

    it("by an account that another cloud takes over does not exist: a key is bound to its cloud for ever", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const key = keyOf("first");
      await recover(world, 1, "first");
      await recover(world, 1, "second");
      const recovery = world.registry.connect(await senderOf(world, recoveryKey(2).address));

      await refused(
        recovery.recoverAccount(2, key.address, await acceptance(world, key, 2, "Account")),
        world,
        "CloudRegistry_KeyTaken",
        key.address,
        1,
        1,
      );
    });
  });

  it("a thief has no vote on an old snapshot, though its account was the cloud's when the vote began", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const proposal = await propose(world, [await expulsion(world, 4)], 2);
    const thief = await senderOf(world, accountKey(1).address);
    await recover(world, 1, "recovered");

    await refused(
      world.governor.connect(thief).castVote(proposal.id, FOR),
      world,
      "FederationGovernor_NoVote",
      proposal.id,
      thief.address,
    );
    await refused(
      world.governor.connect(thief).propose([await world.registry.getAddress()], [0], ["0x12345678"], "theft"),
      world,
      "FederationGovernor_NotACloud",
      thief.address,
    );
    await vote(world, proposal, 1, AGAINST);
    expect(await world.governor.proposalVotes(proposal.id)).to.deep.equal([1n, 0n, 0n]);
  });

  it("a stolen account that races its rotation loses: recovery is at once, and stops what the thief began", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const loot = keyOf("loot");
    const thief = await senderOf(world, accountKey(1).address);
    const registry = world.registry.connect(thief);
    await registry.proposeRotation(1, loot.address, await acceptance(world, loot, 1, "Account"));
    const box = keyOf("thief's recovery");
    await registry.proposeRecoveryChange(1, box.address, await acceptance(world, box, 1, "Recovery"));
    const proposal = await propose(world, [await expulsion(world, 2)]);
    await vote(world, proposal, 1);
    await wait(world, 2 * DAY - 60);

    await recover(world, 1, "recovered");
    await wait(world, 60);

    await refused(world.registry.completeRotation(1), world, "CloudRegistry_NothingPending", 1);
    await refused(world.registry.completeRecoveryChange(1), world, "CloudRegistry_NothingPending", 1);
    const { activation, signature } = await activationOf(world, nodeKey("thief"), { cloud: 1, replaces: node(1) });
    await refused(
      world.validators.connect(thief).replaceValidator(1, activation, signature),
      world,
      "CloudRegistry_NotAuthorized",
      1,
      thief.address,
    );
    await (await byCloud(world, 1, world.governor)).cancel(...proposal.hashed);
    await expectProposal(world, proposal, "Canceled");
  });

  describe("a proposal that would empty the validator set", function () {
    it("stops at the last one, with nothing done (INV-VALID)", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await decide(world, await Promise.all(first(4).map((cloud) => removal(world, node(cloud)))));

      await refused(world.governor.execute(...proposal.hashed), world, "ValidatorSet_TooFew", 1, 1);
      expect(await expectValid(world)).to.have.length(4);
    });

    it("stops there by expulsion, too: the last one seals on", async function () {
      const world = await networkHelpers.loadFixture(oneCloud);
      await enact(world, [await expulsion(world, 1)]);

      await refused(world.validators.pruneValidator(1), world, "ValidatorSet_TooFew", 1, 1);
      expect(await expectValid(world)).to.deep.equal(nodes(1));
    });
  });

  describe("parameters that would brick the federation (INV-PARAM)", function () {
    const cases: readonly (readonly [
      name: string,
      error: string,
      (world: Governed) => Promise<{ target: string; data: string }>,
    ])[] = [
      [
        "a delay of 136 years",
        "FederationGovernor_ParameterOutOfRange",
        (w) => callOf(w.governor, "setParameters", [{ ...DEFAULT_GOVERNOR_PARAMETERS, slowDelay: 2 ** 32 - 1 }]),
      ],
      [
        "no delay",
        "FederationGovernor_ParameterOutOfRange",
        (w) => callOf(w.governor, "setParameters", [{ ...DEFAULT_GOVERNOR_PARAMETERS, slowDelay: 0 }]),
      ],
      [
        "votes that are over before anybody sees them",
        "FederationGovernor_ParameterOutOfRange",
        (w) => callOf(w.governor, "setParameters", [{ ...DEFAULT_GOVERNOR_PARAMETERS, votingPeriod: 0 }]),
      ],
      [
        "decisions that expire at once",
        "FederationGovernor_ParameterOutOfRange",
        (w) => callOf(w.governor, "setParameters", [{ ...DEFAULT_GOVERNOR_PARAMETERS, executeWithin: 0 }]),
      ],
      [
        "validators that never come back",
        "ValidatorSet_ParameterOutOfRange",
        (w) => callOf(w.validators, "setParameters", [{ ...DEFAULT_VALIDATOR_PARAMETERS, returnWait: 2 ** 32 - 1 }]),
      ],
      [
        "a ledger that takes no agreement",
        "MigrationLedger_ParameterOutOfRange",
        (w) => callOf(w.ledger, "setParameters", [{ ...DEFAULT_PARAMETERS, agreeWithin: 0 }]),
      ],
    ];
    for (const [name, error, call] of cases) {
      it(`are refused whatever the vote: ${name}`, async function () {
        const world = await networkHelpers.loadFixture(fourClouds);
        const proposal = await decide(world, [await call(world)], first(4).slice(0, 3));
        await ripen(world, proposal);
        const contract = error.startsWith("ValidatorSet")
          ? world.validators
          : error.startsWith("MigrationLedger")
            ? world.ledger
            : world.governor;

        await expect(world.governor.execute(...proposal.hashed)).to.be.revertedWithCustomError(contract, error);
      });
    }

    it("cannot be hidden in what looks like another call: governance keeps its roles after every proposal", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { authority, governor } = world;
      for (const [name, args] of [
        ["revokeRole", [ROLES.ADMIN, await governor.getAddress()]],
        ["renounceRole", [ROLES.ADMIN, await governor.getAddress()]],
        ["multicall", [[authority.interface.encodeFunctionData("setTargetClosed", [ZeroAddress, true])]]],
      ] as const) {
        const call = await callOf(authority, name, args);
        await refused(
          propose(world, [call]),
          world,
          "FederationGovernor_Forbidden",
          0,
          call.target,
          call.data.slice(0, 10),
        );
      }
      expect(await authority.hasRole(ROLES.ADMIN, governor)).to.deep.equal([true, 0n]);
    });
  });

  describe("a guardian gone rogue with one friend", function () {
    it("holds one of four for a week, and cannot keep the others from removing it (INV-EXIT, INV-QUORUM)", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { registry, authority, ledger, guardian } = world;
      const rogue = registry.connect(guardian);
      const before = await expectValid(world);
      await rogue.suspend(1);
      await refused(rogue.suspend(2), world, "CloudRegistry_GuardianAtLimit", 1, 1);
      await ledger.connect(guardian).pauseNew(3 * DAY);
      await leave(world, 2);
      expect(await registry.statusOf(2), "who wants to leave, leaves").to.equal(CloudStatus.Left);

      await enact(world, [await callOf(authority, "revokeRole", [ROLES.GUARDIAN, guardian.address])], [3, 1]);

      await expect(rogue.suspend(3)).to.be.revertedWithCustomError(registry, "AccessManagedUnauthorized");
      expect(await expectValid(world), "no validator went").to.deep.equal(before);
    });

    it("is undone by a vote without delay, in which the suspended cloud votes", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await world.registry.connect(world.guardian).suspend(1);

      // The friend, 4, does not vote.
      await enact(world, [await callOf(world.registry, "liftSuspension", [1])], [2, 3, 1]);

      expect(await world.registry.statusOf(1)).to.equal(CloudStatus.Active);
      await expect(world.registry.connect(world.guardian).suspend(1)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_GuardianMustWait",
      );
    });

    it("cannot vote, propose, cancel, touch validators, or grant itself anything", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { governor, validators, authority, guardian } = world;
      const proposal = await decide(world, [await removal(world, node(4))]);
      const by = guardian.address;

      await refused(
        governor.connect(guardian).cancel(...proposal.hashed),
        world,
        "GovernorUnableToCancel",
        proposal.id,
        by,
      );
      await refused(
        governor.connect(guardian).propose(...proposal.arguments),
        world,
        "FederationGovernor_NotACloud",
        by,
      );
      await expect(validators.connect(guardian).removeValidator(node(1))).to.be.revertedWithCustomError(
        validators,
        "AccessManagedUnauthorized",
      );
      await expect(authority.connect(guardian).grantRole(ROLES.GOVERNANCE, by, 0)).to.be.revertedWithCustomError(
        authority,
        "AccessManagerUnauthorizedAccount",
      );
    });
  });

  describe("an activation's signature", function () {
    it("is worth nothing after a removal: it is older than that", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const shortWait = { additionInterval: 60, returnWait: 60 };
      await enact(world, [await callOf(world.validators, "setParameters", [shortWait])]);
      const old = await activationOf(world, nodeKey(5), { cloud: 5 });
      const sender = await byCloud(world, 5, world.validators);
      await sender.activateValidator(5, old.activation, old.signature);
      await enact(world, [await removal(world, node(5))]);
      const [, , changedIn] = await world.validators.seatOf(node(5));
      await wait(world, 60);

      await refused(
        sender.activateValidator(5, old.activation, old.signature),
        world,
        "ValidatorSet_StaleActivation",
        node(5),
        old.activation.blockNumber,
        changedIn,
      );
      await activate(world, 5);
      expect(await expectValid(world)).to.include(node(5));
    });

    it("is for one chain and one validator set", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const { activation } = await activationOf(world, nodeKey(5), { cloud: 5 });
      const signature = await nodeKey(5).signTypedData(
        {
          name: "BlockchainBus",
          version: "1",
          chainId: world.chainId + 1n,
          verifyingContract: await world.validators.getAddress(),
        },
        {
          ValidatorActivation: [
            { name: "cloud", type: "uint32" },
            { name: "validator", type: "address" },
            { name: "replaces", type: "address" },
            { name: "blockNumber", type: "uint256" },
            { name: "blockHash", type: "bytes32" },
          ],
        },
        activation,
      );
      const sender = await byCloud(world, 5, world.validators);

      await expect(sender.activateValidator(5, activation, signature)).to.be.revertedWithCustomError(
        world.validators,
        "ValidatorSet_BadSignature",
      );
    });

    it("is no use to another cloud that saw it", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const { activation, signature } = await activationOf(world, nodeKey(5), { cloud: 5 });
      const other = await byCloud(world, 6, world.validators);

      await refused(other.activateValidator(6, activation, signature), world, "ValidatorSet_WrongCloud", 6, 5);
    });
  });

  describe("one cloud with many validators", function () {
    it("seats one, however it tries", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);

      await refused(activate(world, 5, nodeKey("second")), world, "ValidatorSet_HasValidator", 5, node(5));
      await replace(world, 5, nodeKey("second"));
      await wait(world, ADDITION_INTERVAL);
      await refused(activate(world, 5), world, "ValidatorSet_HasValidator", 5, node("second"));
      const { activation, signature } = await activationOf(world, nodeKey("third"));
      await refused(
        world.validators.seatInvited(activation, signature),
        world,
        "ValidatorSet_NotInvited",
        node("third"),
        0,
      );

      expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, "second"));
    });

    it("cannot keep others out by going in and out: it waits, they do not", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await activate(world, 5);
      await retire(world, 5);
      await wait(world, ADDITION_INTERVAL);

      const again = Number(await world.validators.returnAgainAt(5));
      await expect(activate(world, 5)).to.be.revertedWithCustomError(world.validators, "ValidatorSet_MustWait");
      await activate(world, 6);

      expect(await world.validators.validatorOf(6)).to.equal(node(6));
      expect((await nowOf(world)) < again).to.equal(true);
    });
  });

  describe("an expelled cloud that comes back", function () {
    it("has its old id, one vote, no old validator, and needs its own consent", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      await enact(world, [await expulsion(world, 5)], [1, 2, 3, 4]);
      await world.validators.pruneValidator(5);
      const proposal = await propose(world, [await expulsion(world, 4)]);
      await refused(vote(world, proposal, 5), world, "FederationGovernor_NoVote", proposal.id, accountKey(5).address);
      await refused(activate(world, 5), world, "ValidatorSet_WrongStatus", 5, CloudStatus.Expelled);

      const consent = await acceptance(world, accountKey(5), 5, "Account");
      await enact(world, [await callOf(world.registry, "readmit", [5, consent])]);

      expect(await world.registry.cloudCount()).to.equal(5n);
      expect(await world.registry.memberCount(), "INV-VOTE").to.equal(5n);
      await expectProposal(world, proposal, "Defeated");
      expect(await world.validators.validatorOf(5)).to.equal(ZeroAddress);
      await wait(world, RETURN_WAIT);
      await activate(world, 5);
      expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, 5));
    });

    it("that comes back after it was expelled cannot be expelled by the same proposal again", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      const proposal = await decide(world, [await expulsion(world, 5)], [1, 2, 3, 4]);
      await ripen(world, proposal);
      await world.governor.execute(...proposal.hashed);

      await expect(world.governor.execute(...proposal.hashed)).to.be.revertedWithCustomError(
        world.governor,
        "GovernorUnexpectedProposalState",
      );
      await expect(
        (await byCloud(world, 1, world.governor)).propose(...proposal.arguments),
      ).to.be.revertedWithCustomError(world.governor, "GovernorUnexpectedProposalState");
    });
  });

  it("a suspension takes no vote, no validator, no exit (INV-EXIT)", async function () {
    const world = await networkHelpers.loadFixture(fiveClouds);
    await enact(world, [await suspension(world, 5)]);
    await world.ledger.connect(world.guardian).pauseNew(3 * DAY);

    const proposal = await propose(world, [await callOf(world.registry, "liftSuspension", [5])]);
    await vote(world, proposal, 5);
    await replace(world, 5, nodeKey("moved"));
    expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, "moved"));
    await retire(world, 5);
    await leave(world, 5);

    expect(await world.registry.statusOf(5)).to.equal(CloudStatus.Left);
  });

  it("a proposal copied under another's name is another proposal", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const text = `expel 4#proposer=${accountKey(1).address}`;
    const { target, data } = await expulsion(world, 4);
    const copy = (await byCloud(world, 2, world.governor)).propose([target], [0], [data], text);

    await refused(copy, world, "GovernorRestrictedProposer", accountKey(2).address);
    await (await byCloud(world, 1, world.governor)).propose([target], [0], [data], text);
    expect(await world.governor.state(await world.governor.hashProposal([target], [0], [data], id(text)))).to.equal(0n);
  });
});
