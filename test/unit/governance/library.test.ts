import { readFileSync } from "node:fs";

import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { network } from "hardhat";

import {
  DEFAULT_GOVERNOR_PARAMETERS,
  DEFAULT_PARAMETERS,
  DEFAULT_VALIDATOR_PARAMETERS,
} from "../../../ignition/parameters.js";
import { ROLES } from "../../../ignition/roles.js";
import * as library from "../../../src/index.js";
import {
  AccessRole,
  BusError,
  CloudStatus,
  type Federation,
  type ProposalCall,
  type ProposalDraft,
  ProposalState,
  VoteType,
  activateValidator,
  admissionCall,
  asSender,
  cancelProposal,
  cancellationCall,
  describeProposal,
  eventOf,
  executeProposal,
  expulsionCall,
  governanceParametersCall,
  invitationCall,
  inviteValidator,
  leave,
  ledgerParametersCall,
  liftCall,
  nameOf,
  plainDescription,
  proposalIdOf,
  proposalLines,
  proposalsOf,
  propose,
  protectedDraft,
  pruneValidator,
  queueProposal,
  readProposal,
  readmissionCall,
  removalCall,
  removeValidator,
  replaceValidator,
  replacementCall,
  retireValidator,
  roleCall,
  seatInvited,
  setValidatorParameters,
  signActivation,
  suspensionCall,
  validatorParametersCall,
  vote,
  withdrawInvitation,
  withdrawalCall,
} from "../../../src/index.js";
import {
  type Governed,
  SLOW_DELAY,
  acceptance,
  accountKey,
  candidate,
  fiveClouds,
  fourClouds,
  libraryOf,
  recoveryKey,
  sixCloudsFourValidators,
  wait,
} from "../../fixtures/governance.js";
import { emptyFederation } from "../../fixtures/library.js";
import { narrow } from "../../fixtures/narrow.js";
import { nodeKey } from "../../fixtures/validators.js";

const { networkHelpers } = await network.create();

async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof BusError) return thrown.code;
    throw thrown;
  }
  return "none";
}

/** Proposes calls as cloud 1, and lets three vote for them. */
async function decided(
  world: Governed,
  calls: readonly ProposalCall[],
  description = "a matter",
): Promise<ProposalDraft> {
  const draft = protectedDraft({ calls, description }, accountKey(1).address);
  await propose(await libraryOf(world, 1), draft);
  await wait(world, 1);
  for (const cloud of [1, 2, 3]) await vote(await libraryOf(world, cloud), proposalIdOf(draft), VoteType.For);
  return draft;
}

async function admissionOf(world: Governed, federation: Federation, cloud: number): Promise<ProposalCall> {
  return admissionCall(
    federation,
    cloud,
    candidate(cloud),
    await acceptance(world, accountKey(cloud), cloud, "Account"),
    await acceptance(world, recoveryKey(cloud), cloud, "Recovery"),
  );
}

describe("governance in the library", function () {
  describe("proposals", function () {
    it("are proposed, voted on, queued, executed and read back", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, 1);
      const call = await admissionOf(world, federation, 5);
      const draft = protectedDraft({ calls: [call], description: "Admit 5" }, accountKey(1).address);

      const sent = await propose(federation, draft);

      const found = eventOf(sent, "ProposalCreated").args.proposalId as bigint;
      expect(found).to.equal(proposalIdOf(draft));
      expect(eventOf(sent, "CloudProposed").args.cloud).to.equal(1n);
      await wait(world, 1);
      for (const cloud of [1, 2, 3]) await vote(await libraryOf(world, cloud), found, VoteType.For);
      const stranger = await libraryOf(world, world.stranger.address);
      await queueProposal(stranger, draft);
      await wait(world, SLOW_DELAY);
      const executed = await executeProposal(stranger, draft);
      expect(executed.events.map(({ name }) => name)).to.include.members(["CloudAdmitted", "ProposalExecuted"]);

      const [proposal] = await proposalsOf(federation);
      expect(proposal).to.deep.include({
        ...draft,
        id: found,
        proposer: 1,
        state: ProposalState.Executed,
        isPrompt: false,
        votesFor: 3,
        votesNeeded: 3,
        members: 4,
      });
      expect(await readProposal(federation, found)).to.deep.equal(proposal);
      const limited = narrow(federation);
      expect(await proposalsOf(limited.federation)).to.deep.equal([proposal]);
      expect(await readProposal(limited.federation, found)).to.deep.equal(proposal);
      expect(limited.refused()).to.be.above(0);
      expect(plainDescription(draft.description)).to.equal("Admit 5");
    });

    it("are taken back by their cloud", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, 1);
      const draft = { calls: [await suspensionCall(federation, 4)], description: "Suspend 4" };
      await propose(federation, draft);

      await cancelProposal(federation, draft);

      expect((await readProposal(federation, proposalIdOf(draft))).state).to.equal(ProposalState.Canceled);
    });

    it("that nobody made are not found", async function () {
      const federation = await libraryOf(await networkHelpers.loadFixture(fourClouds));
      expect(await codeOf(() => readProposal(federation, 1n))).to.equal("UNKNOWN_PROPOSAL");
    });

    it("are protected once, whoever protects them again", function () {
      const draft = { calls: [], description: "words" };
      const once = protectedDraft(draft, accountKey(1).address);
      expect(protectedDraft(once, accountKey(1).address)).to.equal(once);
    });
  });

  describe("validators", function () {
    it("are activated, replaced and retired by their cloud, and pruned by anyone", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const five = await libraryOf(world, 5);

      await activateValidator(five, 5, await signActivation(five, nodeKey(5), 5));
      await replaceValidator(five, 5, await signActivation(five, nodeKey("new"), 5));
      expect(await world.validators.validatorOf(5)).to.equal(nodeKey("new").address);
      await retireValidator(five, 5);
      expect(await world.validators.validatorOf(5)).to.equal(ZeroAddress);
      await leave(await libraryOf(world, 4), 4);
      await pruneValidator(five, 4);

      expect(await world.validators.validatorCount()).to.equal(3n);
    });

    it("of independent operators take their seat", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, world.stranger.address);
      const draft = await decided(world, [await invitationCall(federation, nodeKey("x").address)]);
      await executeProposal(federation, draft);

      await seatInvited(federation, await signActivation(federation, nodeKey("x"), 0));

      expect(await world.validators.validatorCount()).to.equal(5n);
    });

    it("are governed by an account in a federation for tests", async function () {
      const found = await networkHelpers.loadFixture(emptyFederation);
      const federation = asSender(found.federation, found.governance);
      const node = nodeKey("x").address;

      await inviteValidator(federation, node);
      await withdrawInvitation(federation, node);
      await removeValidator(federation, nodeKey(4).address);
      await setValidatorParameters(federation, { additionInterval: 60, returnWait: 60 });

      expect(await federation.validators.validatorCount()).to.equal(3n);
      expect(await federation.validators.parameters()).to.deep.equal([60n, 60n]);
    });
  });

  describe("describeProposal", function () {
    const describedAs = async (federation: Federation, ...calls: ProposalCall[]) => {
      const { calls: found } = await describeProposal(federation, calls);
      return found.map(({ text }) => text);
    };

    it("says what each call does, by name", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      const federation = await libraryOf(world, 1);
      const { registry, exchange, ledger, authority } = world;
      const consent = await acceptance(world, accountKey(5), 5, "Account");
      const call = async (
        contract: typeof registry | typeof exchange | typeof ledger | typeof authority,
        name: string,
        args: unknown[],
      ) => library.callOf(contract, name, args);
      const node = nodeKey("x").address;

      const rows: readonly (readonly [ProposalCall, RegExp])[] = [
        [await admissionOf(world, federation, 6), /^admits "cloud-6" as cloud 6: account 0x.*cloud-6\.example$/],
        [await readmissionCall(federation, 5, consent), /^makes cloud-5 \(cloud 5\) a member again/],
        [await expulsionCall(federation, 5), /^expels cloud-5 \(cloud 5\)/],
        [await suspensionCall(federation, 5), /^suspends cloud-5 \(cloud 5\) until a vote lifts that/],
        [await liftCall(federation, 5), /^lifts the suspension of cloud-5/],
        [
          await replacementCall(federation, 5, { account: node, recovery: nodeKey("y").address }, consent, consent),
          new RegExp(`^announces other keys for cloud-5 \\(cloud 5\\): account ${node}`),
        ],
        [await call(registry, "withdrawReplacement", [5]), /^takes back the announced keys of cloud-5/],
        [
          await removalCall(federation, nodeKey(5).address),
          /^takes out the validator .* of cloud-5 \(cloud 5\); 4 remain$/,
        ],
        [await removalCall(federation, node), /which is no validator; 4 remain$/],
        [await invitationCall(federation, node), new RegExp(`^lets the node ${node}`)],
        [await withdrawalCall(federation, node), /^takes back the invitation/],
        [await call(exchange, "setFeature", [3, "kvm"]), /^gives feature bit 3 the name "kvm"$/],
        [await call(exchange, "retireFeature", [3]), /^takes feature bit 3 out of use$/],
        [await call(ledger, "closeForNew", []), /^closes the ledger for new business/],
        [await call(ledger, "setSuccessor", [node]), new RegExp(`^names ${node} as the ledger`)],
        [
          await ledgerParametersCall(federation, { ...DEFAULT_PARAMETERS, agreeWithin: 1_200 }),
          /^sets the ledger's limits: agreeWithin from 15 min to 20 min$/,
        ],
        [
          await validatorParametersCall(federation, { ...DEFAULT_VALIDATOR_PARAMETERS, returnWait: 3_600 }),
          /^sets the validator set's parameters: returnWait from 1 d to 1 h$/,
        ],
        [
          await governanceParametersCall(federation, DEFAULT_GOVERNOR_PARAMETERS),
          /^sets governance's parameters: nothing changes$/,
        ],
        [await roleCall(federation, "grant", ROLES.GUARDIAN, node), new RegExp(`^gives the role GUARDIAN to ${node}$`)],
        [
          await roleCall(federation, "revoke", ROLES.LEDGER, await ledger.getAddress()),
          /^takes the role LEDGER from the MigrationLedger$/,
        ],
        [await call(authority, "labelRole", [9, "ORACLE"]), /^labels role 9 "ORACLE"$/],
        [
          await call(authority, "setTargetFunctionRole", [
            await ledger.getAddress(),
            [ledger.interface.getFunction("pauseNew").selector, "0x12345678"],
            ROLES.GUARDIAN,
          ]),
          /^restricts pauseNew, 0x12345678 of the MigrationLedger to the role GUARDIAN$/,
        ],
        [await call(registry, "markLeft", [5]), /^calls CloudRegistry\.markLeft\(cloud: 5\)$/],
        [await call(registry, "setAgent", [5, node, 1, 2, [3, 4], consent]), /partners: \[3, 4\]/],
        [await expulsionCall(federation, 99), /^expels cloud 99, which does not exist/],
      ];
      const texts = await describedAs(federation, ...rows.map(([made]) => made));

      rows.forEach(([, wanted], i) => expect(texts[i]).to.match(wanted));
    });

    it("says when, and warns", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, 1);
      const lines = async (...calls: ProposalCall[]) => proposalLines(await describeProposal(federation, calls));

      expect(await lines(await suspensionCall(federation, 4))).to.have.members([
        "1. suspends cloud-4 (cloud 4) until a vote lifts that: no new business; it keeps its vote, its validator and every exit",
        "Can be executed as soon as it is decided.",
      ]);
      const removal = await lines(await removalCall(federation, nodeKey(4).address));
      expect(removal[1]).to.equal("   ! with 3 validators the chain tolerates no faulty one");
      const power = await lines(await roleCall(federation, "grant", ROLES.ADMIN, nodeKey("x").address));
      expect(power[1]).to.match(/^ {3}! this gives power over the federation/);
      expect(power.at(-1)).to.equal("Can be executed 2 d after it was queued.");
      const ledger = await lines(await roleCall(federation, "revoke", ROLES.LEDGER, nodeKey("x").address));
      expect(ledger[1]).to.match(/nobody can leave/);
      const expulsion = await lines(await expulsionCall(federation, 4));
      expect(expulsion[1]).to.equal("   ! 3 members then need 2 votes, and all votes in progress end");
    });

    it("says what would be refused as things stand, by the contract's own word", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, 1);
      const { calls } = await describeProposal(federation, [
        await liftCall(federation, 4),
        await suspensionCall(federation, 4),
      ]);

      expect(calls.map(({ refusal }) => refusal)).to.deep.equal([
        `CloudRegistry_WrongStatus(cloud: 4, status: ${CloudStatus.Active})`,
        undefined,
      ]);
    });

    it("does not pretend to know what it does not", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, 1);
      const target = await world.registry.getAddress();
      const { calls } = await describeProposal(federation, [
        { target: nodeKey("x").address, data: "0x12345678" },
        { target, data: "0x12345678" },
        { target, data: (await expulsionCall(federation, 4)).data.slice(0, 20) },
      ]);

      expect(calls.map(({ name }) => name)).to.deep.equal([undefined, undefined, undefined]);
      for (const { warnings } of calls) expect(warnings).to.deep.equal(["nobody here can say what this does"]);
    });

    it("says what a cancelled proposal would have done", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const federation = await libraryOf(world, 1);
      const draft = await decided(world, [await expulsionCall(federation, 4)], "Expel 4");
      const [known] = await describedAs(federation, await cancellationCall(federation, draft));
      const unknown = await describeProposal(federation, [
        await cancellationCall(federation, { ...draft, description: "never made" }),
      ]);

      expect(known).to.match(/^cancels proposal [0-9]+, "Expel 4": expels cloud-4/);
      expect(unknown.calls[0]?.warnings).to.deep.equal(["nobody made such a proposal"]);
    });
  });

  describe("enumerations", function () {
    it("are as the contracts have them", function () {
      for (const [name, path] of [
        ["Ballot", "contracts/governance/IFederationGovernor.sol"],
        ["ChangeKind", "contracts/governance/IValidatorSet.sol"],
        ["ProposalState", "node_modules/@openzeppelin/contracts/governance/IGovernor.sol"],
        ["VoteType", "node_modules/@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol"],
      ] as const) {
        const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(readFileSync(path, "utf8"))?.[1] ?? "";
        const values = body.split(",").map((value) => value.trim());
        expect(Object.keys(library[name]), name).to.deep.equal(values);
        expect(Object.values(library[name]), name).to.deep.equal([...values.keys()]);
      }
    });

    it("have the roles that the deployment grants", function () {
      expect(Object.entries(AccessRole).map(([name, role]) => [name, BigInt(role)])).to.deep.equal(
        Object.entries(ROLES),
      );
      expect(nameOf(AccessRole, 1n)).to.equal("GOVERNANCE");
    });
  });

  it("signs an activation over the last block but one", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const federation = await libraryOf(world, 1);
    const head = await federation.provider.getBlockNumber();
    const before = (await federation.provider.getBlock(head - 1))!;

    const { activation } = await signActivation(federation, nodeKey("new"), 1);

    expect(activation).to.deep.equal({
      cloud: 1,
      validator: nodeKey("new").address,
      replaces: nodeKey(1).address,
      blockNumber: BigInt(head - 1),
      blockHash: before.hash,
    });
  });
});
