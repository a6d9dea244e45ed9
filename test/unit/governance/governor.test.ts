import { expect } from "chai";
import { MaxUint256, ZeroAddress } from "ethers";
import { network } from "hardhat";

import { DEFAULT_GOVERNOR_PARAMETERS, DEFAULT_PARAMETERS } from "../../../ignition/parameters.js";
import { ROLES } from "../../../ignition/roles.js";
import { CloudStatus } from "../../../src/index.js";
import { FederationGovernor__factory } from "../../../src/typechain/factories/contracts/governance/FederationGovernor__factory.js";
import {
  ABSTAIN,
  AGAINST,
  type Call,
  EXECUTE_WITHIN,
  FOR,
  type Governed,
  ProposalState,
  SLOW_DELAY,
  VOTING_PERIOD,
  acceptance,
  accountKey,
  admission,
  admitNext,
  byCloud,
  callOf,
  decide,
  draft,
  enact,
  expectProposal,
  expulsion,
  first,
  fiveClouds,
  fourClouds,
  leave,
  nextAt,
  nowOf,
  oneCloud,
  propose,
  quorumOf,
  recoveryKey,
  ripen,
  senderOf,
  sevenClouds,
  sixteenClouds,
  suspension,
  threeClouds,
  twoClouds,
  vote,
  voteAll,
  wait,
} from "../../fixtures/governance.js";
import { keyOf } from "../../fixtures/registry.js";
import { nodeKey } from "../../fixtures/validators.js";

const connection = await network.create();
const { networkHelpers } = connection;

const DAY = 86_400;

async function refused(sent: Promise<unknown>, world: Governed, error: string, ...args: unknown[]): Promise<void> {
  const contract = error.startsWith("CloudRegistry_") ? world.registry : world.governor;
  await expect(sent)
    .to.be.revertedWithCustomError(contract, error)
    .withArgs(...args);
}

/** Parameters of the ledger: a slow matter that changes no membership. */
const ledgerParameters = (world: Governed, changes: Partial<Record<keyof typeof DEFAULT_PARAMETERS, number>> = {}) =>
  callOf(world.ledger, "setParameters", [{ ...DEFAULT_PARAMETERS, ...changes }]);

/** A prompt matter. */
const invitation = (world: Governed) => callOf(world.validators, "inviteValidator", [nodeKey("x").address]);

const parametersOf = (world: Governed, changes: Partial<typeof DEFAULT_GOVERNOR_PARAMETERS> | object) =>
  callOf(world.governor, "setParameters", [{ ...DEFAULT_GOVERNOR_PARAMETERS, ...changes }]);

/** A cloud's account is replaced at once. */
async function recoverTo(world: Governed, cloud: number, name: string): Promise<void> {
  const key = keyOf(name);
  const recovery = await senderOf(world, recoveryKey(cloud).address);
  await world.registry
    .connect(recovery)
    .recoverAccount(cloud, key.address, await acceptance(world, key, cloud, "Account"));
}

describe("FederationGovernor", function () {
  describe("propose", function () {
    it("takes a proposal of an Active cloud, which members can vote on from the next second on", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await draft(world, [await ledgerParameters(world)]);

      const sent = (await byCloud(world, 2, world.governor)).propose(...proposal.arguments);

      await expect(sent).to.emit(world.governor, "CloudProposed").withArgs(proposal.id, 2, false);
      const at = BigInt(await nowOf(world));
      await expectProposal(world, proposal, "Pending");
      await wait(world, 1);
      await expectProposal(world, proposal, "Active");
      expect(await world.governor.proposalOf(proposal.id)).to.deep.equal([
        2n,
        ProposalState.Active,
        false,
        at,
        at + BigInt(VOTING_PERIOD),
        0n,
        0n,
        0n,
        0n,
        3n,
        4n,
      ]);
    });

    it("reverts for who is no cloud's account: a stranger, the guardian, a recovery address", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await draft(world, [await ledgerParameters(world)]);
      const recovery = await senderOf(world, recoveryKey(1).address);
      for (const sender of [world.stranger, world.guardian, recovery]) {
        await refused(
          world.governor.connect(sender).propose(...proposal.arguments),
          world,
          "FederationGovernor_NotACloud",
          sender.address,
        );
      }
    });

    it("reverts for a suspended cloud and one that left", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const calls = [await ledgerParameters(world)];
      await world.registry.connect(world.guardian).suspend(1);
      await leave(world, 2);

      await refused(propose(world, calls, 1), world, "FederationGovernor_WrongStatus", 1, CloudStatus.Suspended);
      await refused(propose(world, calls, 2), world, "FederationGovernor_WrongStatus", 2, CloudStatus.Left);
    });

    it("takes sixteen calls and reverts for seventeen", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const calls = async (count: number) => Promise.all(first(count).map(() => ledgerParameters(world)));

      await propose(world, await calls(16));
      await refused(propose(world, await calls(17)), world, "FederationGovernor_TooManyCalls", 17, 16);
    });

    it("reverts for no call, and for lists of different lengths", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { target, data } = await ledgerParameters(world);
      const governor = await byCloud(world, 1, world.governor);

      await refused(governor.propose([], [], [], "none"), world, "GovernorInvalidProposalLength", 0, 0, 0);
      await refused(
        governor.propose([target], [0, 0], [data], "two values"),
        world,
        "GovernorInvalidProposalLength",
        1,
        1,
        2,
      );
    });

    it("reverts for a value, a target without code, and data that name no function", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { target, data } = await ledgerParameters(world);
      const governor = await byCloud(world, 1, world.governor);
      const person = world.stranger.address;

      await refused(
        governor.propose([target, target], [0, 7], [data, data], "value"),
        world,
        "FederationGovernor_HasValue",
        1,
        7,
      );
      await refused(governor.propose([person], [0], [data], "person"), world, "FederationGovernor_NotACall", 0, person);
      await refused(
        governor.propose([target], [0], ["0x123456"], "short"),
        world,
        "FederationGovernor_NotACall",
        0,
        target,
      );
    });

    it("reverts for the same proposal twice, and for one that names another proposer", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const calls = [await ledgerParameters(world)];
      const proposal = await propose(world, calls);
      const governor = await byCloud(world, 2, world.governor);
      await refused(
        governor.propose(...proposal.arguments),
        world,
        "GovernorUnexpectedProposalState",
        proposal.id,
        ProposalState.Active,
        `0x${"00".repeat(32)}`,
      );

      const mine = await draft(world, calls, `mine#proposer=${accountKey(1).address}`);
      await refused(governor.propose(...mine.arguments), world, "GovernorRestrictedProposer", accountKey(2).address);
    });

    describe("on the AccessManager", function () {
      const tries: readonly (readonly [name: string, allowed: boolean, (world: Governed) => Promise<Call> | Call])[] = [
        ["names a role", true, ({ authority }) => callOf(authority, "labelRole", [9, "ORACLE"])],
        [
          "gives a role to a contract to come",
          true,
          ({ authority, stranger }) => callOf(authority, "grantRole", [9, stranger.address, 0]),
        ],
        [
          "gives governance to a governor to come",
          true,
          ({ authority, ledger }) => callOf(authority, "grantRole", [ROLES.GOVERNANCE, ledger, 0]),
        ],
        [
          "takes the guardian's role",
          true,
          ({ authority, guardian }) => callOf(authority, "revokeRole", [ROLES.GUARDIAN, guardian.address]),
        ],
        [
          "restricts a function of the ledger",
          true,
          ({ authority, ledger }) => callOf(authority, "setTargetFunctionRole", [ledger, ["0x12345678"], 9]),
        ],
        ["takes its own GOVERNANCE", false, (w) => callOf(w.authority, "revokeRole", [ROLES.GOVERNANCE, w.governor])],
        ["takes its own ADMIN", false, (w) => callOf(w.authority, "revokeRole", [ROLES.ADMIN, w.governor])],
        ["delays its own ADMIN", false, (w) => callOf(w.authority, "grantRole", [ROLES.ADMIN, w.governor, 1_000_000])],
        [
          "delays its own GOVERNANCE",
          false,
          (w) => callOf(w.authority, "grantRole", [ROLES.GOVERNANCE, w.governor, 1_000_000]),
        ],
        ["renounces", false, (w) => callOf(w.authority, "renounceRole", [ROLES.ADMIN, w.governor])],
        [
          "opens the registry to everybody",
          false,
          (w) => callOf(w.authority, "setTargetFunctionRole", [w.registry, ["0x12345678"], 1]),
        ],
        [
          "moves a function of the validator set",
          false,
          (w) => callOf(w.authority, "setTargetFunctionRole", [w.validators, ["0x12345678"], 1]),
        ],
        [
          "moves a function of the AccessManager",
          false,
          (w) => callOf(w.authority, "setTargetFunctionRole", [w.authority, ["0x12345678"], 1]),
        ],
        [
          "opens a function of the ledger to everybody",
          false,
          (w) => callOf(w.authority, "setTargetFunctionRole", [w.ledger, ["0x12345678"], 2n ** 64n - 1n]),
        ],
        ["closes a target", false, (w) => callOf(w.authority, "setTargetClosed", [w.registry, true])],
        ["changes an authority", false, (w) => callOf(w.authority, "updateAuthority", [w.registry, w.ledger])],
        ["changes a role's administrator", false, (w) => callOf(w.authority, "setRoleAdmin", [ROLES.GUARDIAN, 9])],
        ["changes a role's guardian", false, (w) => callOf(w.authority, "setRoleGuardian", [ROLES.GUARDIAN, 9])],
        ["delays grants", false, (w) => callOf(w.authority, "setGrantDelay", [ROLES.GUARDIAN, 1_000_000])],
        ["delays administration", false, (w) => callOf(w.authority, "setTargetAdminDelay", [w.registry, 1_000_000])],
        ["hides calls in a multicall", false, (w) => callOf(w.authority, "multicall", [[]])],
        ["hides a call in execute", false, (w) => callOf(w.authority, "execute", [w.registry, "0x12345678"])],
        ["hides a call in schedule", false, (w) => callOf(w.authority, "schedule", [w.registry, "0x12345678", 0])],
      ];

      for (const [name, allowed, call] of tries) {
        it(`${allowed ? "takes" : "reverts for"} a proposal that ${name}`, async function () {
          const world = await networkHelpers.loadFixture(fourClouds);
          const made = await call(world);

          if (allowed) {
            await propose(world, [made]);
            return;
          }
          await refused(
            propose(world, [await ledgerParameters(world), made]),
            world,
            "FederationGovernor_Forbidden",
            1,
            made.target,
            made.data.slice(0, 10),
          );
        });
      }

      it("reverts for arguments too short to be told apart, by the AccessManager itself", async function () {
        const world = await networkHelpers.loadFixture(fourClouds);
        const { target, data } = await callOf(world.authority, "grantRole", [9, world.stranger.address, 0]);
        const proposal = await decide(world, [{ target, data: data.slice(0, 10) }]);
        await world.governor.queue(...proposal.hashed);
        await wait(world, SLOW_DELAY);

        await expect(world.governor.execute(...proposal.hashed)).to.be.revert(connection.ethers);
      });
    });
  });

  describe("castVote", function () {
    for (const [count, fixture] of [
      [1, oneCloud],
      [2, twoClouds],
      [3, threeClouds],
      [4, fourClouds],
      [5, fiveClouds],
      [7, sevenClouds],
      [16, sixteenClouds],
    ] as const) {
      const needed = quorumOf(count);

      it(`of ${count}: ${needed} in favour decide at once, while others abstain or are against`, async function () {
        const world = await networkHelpers.loadFixture(fixture);
        const proposal = await propose(world, [await invitation(world)]);
        for (const cloud of first(count).slice(needed))
          await vote(world, proposal, cloud, cloud % 2 ? ABSTAIN : AGAINST);
        await voteAll(world, proposal, first(needed - 1));
        await expectProposal(world, proposal, "Active");

        await expect(vote(world, proposal, needed))
          .to.emit(world.governor, "ProposalDecided")
          .withArgs(proposal.id);

        await expectProposal(world, proposal, "Succeeded");
        await world.governor.execute(...proposal.hashed);
        await expectProposal(world, proposal, "Executed");
      });

      it(`of ${count}: ${needed - 1} in favour never decide, though all others abstain`, async function () {
        const world = await networkHelpers.loadFixture(fixture);
        const proposal = await propose(world, [await invitation(world)]);
        await voteAll(world, proposal, first(needed - 1));
        for (const cloud of first(count).slice(needed - 1)) await vote(world, proposal, cloud, ABSTAIN);
        const { deadline } = await world.governor.proposalOf(proposal.id);

        await nextAt(world, Number(deadline));
        await networkHelpers.mine();
        await expectProposal(world, proposal, "Active");
        await wait(world, 1);

        await expectProposal(world, proposal, "Defeated");
        expect(await world.governor.proposalVotes(proposal.id)).to.deep.equal([
          0n,
          BigInt(needed - 1),
          BigInt(count - needed + 1),
        ]);
      });
    }

    it("counts suspended members in number and quorum, and lets them vote", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await enact(world, [await suspension(world, 3)]);
      await enact(world, [await suspension(world, 4)], [1, 2, 3]);

      expect(await world.governor.quorum((await nowOf(world)) - 1)).to.equal(3n);
      await enact(world, [await callOf(world.registry, "liftSuspension", [3])], [1, 2, 3]);

      expect(await world.registry.statusOf(3)).to.equal(CloudStatus.Active);
    });

    it("reverts for who has no vote: a stranger, a recovery address, who became a member later", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await propose(world, [await invitation(world)]);
      for (const address of [world.stranger.address, recoveryKey(1).address, accountKey(5).address]) {
        const sender = await senderOf(world, address);
        await refused(
          world.governor.connect(sender).castVote(proposal.id, FOR),
          world,
          "FederationGovernor_NoVote",
          proposal.id,
          address,
        );
      }
    });

    it("reverts for a vote that is none", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await propose(world, [await invitation(world)]);
      await refused(vote(world, proposal, 1, 3), world, "FederationGovernor_BadSupport", 3);
    });

    it("reverts before the next second, after the decision, and after the deadline", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const decided = await decide(world, [await invitation(world)]);
      const late = await propose(world, [await invitation(world)]);
      const active = `0x${2n.toString(16).padStart(64, "0")}`;

      await refused(
        vote(world, decided, 4),
        world,
        "GovernorUnexpectedProposalState",
        decided.id,
        ProposalState.Succeeded,
        active,
      );
      await wait(world, VOTING_PERIOD + 1);
      await refused(
        vote(world, late, 4),
        world,
        "GovernorUnexpectedProposalState",
        late.id,
        ProposalState.Defeated,
        active,
      );
    });

    it("puts a cloud's later vote in the place of its earlier one (INV-VOTE)", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await propose(world, [await invitation(world)]);
      const course: readonly (readonly [support: number, tally: readonly bigint[]])[] = [
        [AGAINST, [1n, 0n, 0n]],
        [FOR, [0n, 1n, 0n]],
        [FOR, [0n, 1n, 0n]],
        [ABSTAIN, [0n, 0n, 1n]],
        [FOR, [0n, 1n, 0n]],
      ];
      for (const [support, tally] of course) {
        await expect(vote(world, proposal, 1, support))
          .to.emit(world.governor, "CloudVoted")
          .withArgs(proposal.id, 1, support + 1);
        expect(await world.governor.proposalVotes(proposal.id)).to.deep.equal(tally);
        expect(await world.governor.ballotOf(proposal.id, 1)).to.equal(BigInt(support + 1));
      }
      expect(await world.governor.hasVoted(proposal.id, accountKey(1).address)).to.equal(true);
      expect(await world.governor.hasVoted(proposal.id, accountKey(2).address)).to.equal(false);
    });

    it("keeps a vote through a rotation, which neither doubles nor loses it (INV-VOTE)", async function () {
      const world = await networkHelpers.loadFixture(threeClouds);
      const next = keyOf("next of 1");
      await (
        await byCloud(world, 1, world.registry)
      ).proposeRotation(1, next.address, await acceptance(world, next, 1, "Account"));
      await wait(world, 2 * DAY);
      const proposal = await propose(world, [await invitation(world)], 2);
      await vote(world, proposal, 1);
      const before = await senderOf(world, accountKey(1).address);
      await world.registry.completeRotation(1);

      await refused(
        world.governor.connect(before).castVote(proposal.id, FOR),
        world,
        "FederationGovernor_NoVote",
        proposal.id,
        before.address,
      );
      await vote(world, proposal, 1);

      expect((await world.governor.proposalVotes(proposal.id)).forVotes).to.equal(1n);
      expect(await world.governor.hasVoted(proposal.id, next.address)).to.equal(true);
      await expectProposal(world, proposal, "Active");
    });

    it("lets who recovered its account take the thief's vote back, until it is decided", async function () {
      const world = await networkHelpers.loadFixture(threeClouds);
      const proposal = await propose(world, [await invitation(world)]);
      await vote(world, proposal, 3);
      await recoverTo(world, 3, "recovered");

      await vote(world, proposal, 3, AGAINST);

      expect(await world.governor.proposalVotes(proposal.id)).to.deep.equal([1n, 0n, 0n]);
    });

    it("has no signed form", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { governor } = world;
      const account = accountKey(1).address;
      await refused(governor.castVoteBySig(1, FOR, account, "0x"), world, "FederationGovernor_NoSignedForm");
      await refused(
        governor.castVoteWithReasonAndParamsBySig(1, FOR, account, "", "0x", "0x"),
        world,
        "FederationGovernor_NoSignedForm",
      );
    });

    it("takes a reason, and parameters that mean nothing", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await propose(world, [await invitation(world)]);

      await expect((await byCloud(world, 1, world.governor)).castVoteWithReason(proposal.id, FOR, "because"))
        .to.emit(world.governor, "VoteCast")
        .withArgs(accountKey(1).address, proposal.id, FOR, 1, "because");
      await (await byCloud(world, 2, world.governor)).castVoteWithReasonAndParams(proposal.id, FOR, "", "0x1234");

      expect((await world.governor.proposalVotes(proposal.id)).forVotes).to.equal(2n);
    });

    it("gives every member one vote and nobody else any (INV-VOTE)", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      await leave(world, 5);
      await recoverTo(world, 2, "second of 2");
      await enact(world, [await suspension(world, 3)], [1, 2, 3]);
      await admitNext(world);
      await wait(world, 1);
      const at = (await nowOf(world)) - 1;
      const addresses = [
        ...first(6).flatMap((cloud) => [accountKey(cloud).address, recoveryKey(cloud).address]),
        keyOf("second of 2").address,
        world.guardian.address,
        world.deployer.address,
        ZeroAddress,
      ];

      const votes = await Promise.all(addresses.map((address) => world.governor.getVotes(address, at)));

      const total = votes.reduce((sum, some) => sum + some, 0n);
      expect(total, "INV-VOTE").to.equal(await world.registry.memberCount());
      expect(votes.every((some) => some <= 1n)).to.equal(true);
    });
  });

  describe("a change of membership in mid-vote", function () {
    const changes: readonly (readonly [name: string, (world: Governed) => Promise<unknown>])[] = [
      ["a cloud leaves", (world) => leave(world, 5)],
      ["a cloud is expelled", async (world) => enact(world, [await expulsion(world, 5)])],
      ["a cloud is admitted", (world) => admitNext(world)],
      [
        "a cloud comes back",
        async (world) =>
          enact(world, [
            await callOf(world.registry, "readmit", [5, await acceptance(world, accountKey(5), 5, "Account")]),
          ]),
      ],
    ];
    for (const [name, change] of changes) {
      it(`ends every vote in progress: ${name}`, async function () {
        const world = await networkHelpers.loadFixture(fiveClouds);
        if (name === "a cloud comes back") await leave(world, 5);
        await enact(world, [await parametersOf(world, { votingPeriod: 30 * DAY })]);
        const open = await propose(world, [await invitation(world)]);
        await voteAll(world, open, [1, 2]);
        const decided = await decide(world, [await invitation(world)]);

        await change(world);

        await expectProposal(world, open, "Defeated");
        await expectProposal(world, decided, "Succeeded");
        await refused(
          vote(world, open, 3),
          world,
          "GovernorUnexpectedProposalState",
          open.id,
          ProposalState.Defeated,
          `0x${2n.toString(16).padStart(64, "0")}`,
        );
        await world.governor.execute(...decided.hashed);
      });
    }

    it("lets nobody decide where nobody is a member: the last one proposes and leaves in the same second", async function () {
      const world = await networkHelpers.loadFixture(oneCloud);
      const proposal = await draft(world, [await invitation(world)]);
      const proposer = await byCloud(world, 1, world.governor);
      const leaver = await byCloud(world, 1, world.ledger);
      await connection.provider.request({ method: "evm_setAutomine", params: [false] });
      await proposer.propose(...proposal.arguments, { gasLimit: 1_000_000 });
      await leaver.leave(1, { gasLimit: 1_000_000 });
      await networkHelpers.mine();
      await connection.provider.request({ method: "evm_setAutomine", params: [true] });
      await wait(world, 1);

      const view = await world.governor.proposalOf(proposal.id);
      expect([view.state, view.members, view.votesNeeded]).to.deep.equal([ProposalState.Active, 0n, 1n]);
      await refused(vote(world, proposal, 1), world, "FederationGovernor_NoVote", proposal.id, accountKey(1).address);
    });

    it("counts a change of the proposal's own second before it: numbers and votes agree", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      const proposal = await draft(world, [await invitation(world)]);
      const proposer = await byCloud(world, 1, world.governor);
      const leaver = await byCloud(world, 5, world.ledger);
      await connection.provider.request({ method: "evm_setAutomine", params: [false] });
      await proposer.propose(...proposal.arguments, { gasLimit: 1_000_000 });
      await leaver.leave(5, { gasLimit: 1_000_000 });
      await networkHelpers.mine();
      await connection.provider.request({ method: "evm_setAutomine", params: [true] });
      await wait(world, 1);

      const view = await world.governor.proposalOf(proposal.id);
      expect([view.state, view.members, view.votesNeeded]).to.deep.equal([ProposalState.Active, 4n, 3n]);
      await refused(vote(world, proposal, 5), world, "FederationGovernor_NoVote", proposal.id, accountKey(5).address);
      await voteAll(world, proposal, [1, 2, 3]);
      await expectProposal(world, proposal, "Succeeded");
    });
  });

  describe("queue and execute", function () {
    it("lets nothing but suspensions, validators and cancelling go without delay", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { registry, validators, exchange, ledger, governor, authority } = world;
      const prompt = new Set([
        "confirmSuspension",
        "liftSuspension",
        "withdrawReplacement",
        "inviteValidator",
        "withdrawInvitation",
        "removeValidator",
        "cancelByVote",
      ]);
      const found = new Set<string>();
      for (const contract of [registry, validators, exchange, ledger, governor, authority]) {
        const target = await contract.getAddress();
        const fragments: { name: string; selector: string }[] = [];
        contract.interface.forEachFunction((fragment) => fragments.push(fragment));
        for (const { name, selector } of fragments) {
          const isPrompt = await governor.isPrompt([target], [selector]);
          if (isPrompt) found.add(name);
          expect(isPrompt, name).to.equal(prompt.has(name));
        }
      }
      expect(found).to.deep.equal(prompt);
    });

    it("looks at the target, too, and lets one slow call make all of them slow", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const suspend = await suspension(world, 1);
      const invite = await invitation(world);
      const slow = await ledgerParameters(world);
      const isPrompt = (...calls: Call[]) =>
        world.governor.isPrompt(
          calls.map(({ target }) => target),
          calls.map(({ data }) => data),
        );

      expect(await isPrompt(suspend, invite)).to.equal(true);
      expect(await isPrompt(suspend, slow)).to.equal(false);
      expect(await isPrompt({ ...suspend, target: slow.target })).to.equal(false);
      expect(await isPrompt({ ...invite, target: suspend.target })).to.equal(false);
      expect(await isPrompt({ ...suspend, target: invite.target })).to.equal(false);
    });

    it("executes a prompt decision at once, by anyone", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await decide(world, [await suspension(world, 4)]);

      await world.governor.connect(world.stranger).execute(...proposal.hashed);

      expect(await world.registry.statusOf(4)).to.equal(CloudStatus.Suspended);
      const another = await decide(world, [await invitation(world)]);
      await refused(world.governor.queue(...another.hashed), world, "GovernorProposalQueueingNotRequired", another.id);
    });

    it("executes a slow one 48 hours after it was queued, to the second, by anyone", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const proposal = await decide(world, [await admission(world, 5)]);
      const governor = world.governor.connect(world.stranger);
      await refused(
        governor.execute(...proposal.hashed),
        world,
        "GovernorUnexpectedProposalState",
        proposal.id,
        ProposalState.Succeeded,
        `0x${32n.toString(16).padStart(64, "0")}`,
      );
      await governor.queue(...proposal.hashed);
      const ready = (await nowOf(world)) + SLOW_DELAY;
      expect(await governor.proposalEta(proposal.id)).to.equal(BigInt(ready));

      await nextAt(world, ready - 1);
      await refused(
        governor.execute(...proposal.hashed),
        world,
        "FederationGovernor_NotReady",
        proposal.id,
        ready,
        ready - 1,
      );
      await nextAt(world, ready);
      await governor.execute(...proposal.hashed);

      expect(await world.registry.memberCount()).to.equal(5n);
      await refused(
        governor.execute(...proposal.hashed),
        world,
        "GovernorUnexpectedProposalState",
        proposal.id,
        ProposalState.Executed,
        `0x${32n.toString(16).padStart(64, "0")}`,
      );
    });

    it("undoes all calls if one is refused, and can be executed later", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await world.registry.connect(world.guardian).suspend(4);
      const proposal = await decide(world, [
        await suspension(world, 3),
        await callOf(world.registry, "liftSuspension", [2]),
      ]);

      await refused(
        world.governor.execute(...proposal.hashed),
        world,
        "CloudRegistry_WrongStatus",
        2,
        CloudStatus.Active,
      );
      expect(await world.registry.statusOf(3)).to.equal(CloudStatus.Active);
      await (await byCloud(world, 2, world.registry)).suspendSelf(2);
      await world.governor.execute(...proposal.hashed);

      expect(await world.registry.statusOf(3)).to.equal(CloudStatus.Suspended);
      expect(await world.registry.statusOf(2)).to.equal(CloudStatus.Active);
    });

    it("expires: a decision that nobody executed, a slow one that nobody queued or executed", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const prompt = await decide(world, [await invitation(world)]);
      const unqueued = await decide(world, [await ledgerParameters(world)]);
      const queued = await decide(world, [await ledgerParameters(world)]);
      await world.governor.queue(...queued.hashed);
      const until = async (proposal: { id: bigint }) =>
        Number((await world.governor.proposalOf(proposal.id)).expiresAt);
      expect(await until(queued)).to.equal((await nowOf(world)) + SLOW_DELAY + EXECUTE_WITHIN);

      for (const [proposal, state] of [
        [prompt, "Succeeded"],
        [unqueued, "Succeeded"],
        [queued, "Queued"],
      ] as const) {
        await nextAt(world, await until(proposal));
        await networkHelpers.mine();
        await expectProposal(world, proposal, state);
        await wait(world, 1);
        await expectProposal(world, proposal, "Expired");
      }
      await refused(
        world.governor.execute(...queued.hashed),
        world,
        "GovernorUnexpectedProposalState",
        queued.id,
        ProposalState.Expired,
        `0x${32n.toString(16).padStart(64, "0")}`,
      );
    });

    it("keeps the expiry under which it was proposed, whatever is set later", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const old = await decide(world, [await invitation(world)]);
      await wait(world, EXECUTE_WITHIN + 1);
      await enact(world, [await parametersOf(world, { executeWithin: 90 * DAY })]);

      await expectProposal(world, old, "Expired");
    });
  });

  describe("cancel", function () {
    it("is the proposer's until the decision, by its cloud's account of now", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const pending = await draft(world, [await invitation(world)]);
      const active = await propose(world, [await invitation(world)]);
      const decided = await decide(world, [await invitation(world)]);
      await (await byCloud(world, 1, world.governor)).propose(...pending.arguments);
      const thief = await senderOf(world, accountKey(1).address);
      await recoverTo(world, 1, "recovered 1");
      const governor = await byCloud(world, 1, world.governor);

      for (const [sender, proposal] of [
        [thief, active],
        [await senderOf(world, accountKey(2).address), active],
        [await senderOf(world, keyOf("recovered 1").address), decided],
      ] as const) {
        await refused(
          world.governor.connect(sender).cancel(...proposal.hashed),
          world,
          "GovernorUnableToCancel",
          proposal.id,
          sender.address,
        );
      }
      await governor.cancel(...pending.hashed);
      await governor.cancel(...active.hashed);

      await expectProposal(world, pending, "Canceled");
      await expectProposal(world, active, "Canceled");
    });
  });

  describe("cancelByVote", function () {
    it("ends a queued proposal without delay", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const queued = await decide(world, [await expulsion(world, 4)]);
      await world.governor.queue(...queued.hashed);

      await expect(enact(world, [await callOf(world.governor, "cancelByVote", queued.hashed)]))
        .to.emit(world.governor, "ProposalCanceled")
        .withArgs(queued.id);

      await expectProposal(world, queued, "Canceled");
    });

    it("reverts for anybody but governance, and for what is executed", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const executed = await decide(world, [await invitation(world)]);
      await world.governor.execute(...executed.hashed);
      const tooLate = await decide(world, [await callOf(world.governor, "cancelByVote", executed.hashed)]);

      await refused(
        world.governor.execute(...tooLate.hashed),
        world,
        "GovernorUnexpectedProposalState",
        executed.id,
        ProposalState.Executed,
        `0x${0x3bn.toString(16).padStart(64, "0")}`,
      );
      await refused(
        (await byCloud(world, 1, world.governor)).cancelByVote(...executed.hashed),
        world,
        "GovernorOnlyExecutor",
        accountKey(1).address,
      );
    });
  });

  describe("setParameters", function () {
    it("sets them by a vote, after the slow delay", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const next = { slowDelay: 3 * DAY, votingPeriod: 5 * DAY, executeWithin: 20 * DAY };

      await expect(enact(world, [await parametersOf(world, next)]))
        .to.emit(world.governor, "ParametersSet")
        .withArgs(Object.values(next));

      expect(await world.governor.parameters()).to.deep.equal(Object.values(next).map(BigInt));
      expect(await world.governor.votingPeriod()).to.equal(BigInt(next.votingPeriod));
      const proposal = await decide(world, [await ledgerParameters(world)]);
      await world.governor.queue(...proposal.hashed);
      expect(await world.governor.proposalEta(proposal.id)).to.equal(BigInt((await nowOf(world)) + 3 * DAY));
    });

    it("reverts for anybody but governance", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(
        world.governor.setParameters(DEFAULT_GOVERNOR_PARAMETERS),
        world,
        "GovernorOnlyExecutor",
        world.stranger.address,
      );
    });

    const LIMITS = [
      ["slowDelay", DAY, 1, 14 * DAY],
      ["votingPeriod", DAY, 10, 30 * DAY],
      ["executeWithin", 7 * DAY, 60, 90 * DAY],
    ] as const;
    for (const [name, least, leastForTests, most] of LIMITS) {
      for (const isTest of [false, true]) {
        const lowest = isTest ? leastForTests : least;

        it(`keeps ${name} within its hard limits${isTest ? " for tests" : ""}, from the start (INV-PARAM)`, async function () {
          const world = await networkHelpers.loadFixture(fourClouds);
          const deploy = (value: number) =>
            new FederationGovernor__factory(world.deployer).deploy(
              world.authority,
              world.registry,
              world.validators,
              { ...DEFAULT_GOVERNOR_PARAMETERS, [name]: value },
              isTest,
            );

          for (const value of [lowest, most]) {
            expect(await (await deploy(value)).IS_TEST()).to.equal(isTest);
          }
          for (const value of [lowest - 1, most + 1]) {
            await refused(deploy(value), world, "FederationGovernor_ParameterOutOfRange", name, value, lowest, most);
          }
        });
      }

      it(`keeps ${name} within its hard limits, whatever the vote (INV-PARAM)`, async function () {
        const world = await networkHelpers.loadFixture(fourClouds);
        for (const value of [least - 1, most + 1]) {
          const proposal = await decide(world, [await parametersOf(world, { [name]: value })]);
          await ripen(world, proposal);
          await refused(
            world.governor.execute(...proposal.hashed),
            world,
            "FederationGovernor_ParameterOutOfRange",
            name,
            value,
            least,
            most,
          );
        }
      });
    }
  });

  describe("relay", function () {
    it("reverts: it would hide a call from the rules", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { target, data } = await callOf(world.authority, "setTargetClosed", [world.registry, true]);
      const call = await callOf(world.governor, "relay", [target, 0, data]);
      const proposal = await decide(world, [call]);
      await ripen(world, proposal);

      await refused(
        world.governor.execute(...proposal.hashed),
        world,
        "FederationGovernor_Forbidden",
        0,
        target,
        call.data.slice(0, 10),
      );
    });
  });

  describe("views", function () {
    it("say by which clock and how votes are counted", async function () {
      const { governor, registry, validators, authority } = await networkHelpers.loadFixture(fourClouds);

      expect(await governor.CLOCK_MODE()).to.equal("mode=timestamp");
      expect(await governor.COUNTING_MODE()).to.equal("support=bravo&quorum=for");
      expect(await governor.clock()).to.equal(BigInt(await networkHelpers.time.latest()));
      expect(await governor.votingDelay()).to.equal(0n);
      expect(await governor.name()).to.equal("BlockchainBus");
      expect(await governor.REGISTRY()).to.equal(await registry.getAddress());
      expect(await governor.VALIDATORS()).to.equal(await validators.getAddress());
      expect(await governor.AUTHORITY()).to.equal(await authority.getAddress());
      expect(await governor.IS_TEST()).to.equal(false);
    });

    it("say the same number as quorum and super quorum", async function () {
      const world = await networkHelpers.loadFixture(sevenClouds);
      await wait(world, 1);
      const at = (await nowOf(world)) - 1;
      expect([await world.governor.quorum(at), await world.governor.superQuorum(at)]).to.deep.equal([5n, 5n]);
    });

    it("revert for a time that no clock reaches, and one to come", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const far = 2n ** 48n + 1n;
      await refused(world.governor.quorum(far), world, "SafeCastOverflowedUintDowncast", 48, far);
      await refused(
        world.governor.getVotes(accountKey(1).address, far),
        world,
        "SafeCastOverflowedUintDowncast",
        48,
        far,
      );
      const now = await nowOf(world);
      await refused(world.governor.quorum(now + 100), world, "CloudRegistry_FutureLookup", now + 100, now);
    });

    it("revert for an unknown proposal", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(world.governor.proposalOf(MaxUint256), world, "GovernorNonexistentProposal", MaxUint256);
    });

    it("tell the course of a proposal", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const prompt = await decide(world, [await invitation(world)]);
      const decidedAt = BigInt(await nowOf(world));
      const view = await world.governor.proposalOf(prompt.id);

      expect([view.isPrompt, view.decidedAt, view.executableAt, view.expiresAt]).to.deep.equal([
        true,
        decidedAt,
        decidedAt,
        decidedAt + BigInt(EXECUTE_WITHIN),
      ]);
      expect([view.proposer, view.votesFor, view.votesNeeded, view.members]).to.deep.equal([1n, 3n, 3n, 4n]);
    });
  });
});
