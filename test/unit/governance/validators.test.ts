import { expect } from "chai";
import { ZeroAddress, ZeroHash, id } from "ethers";
import { network } from "hardhat";

import { DEFAULT_VALIDATOR_PARAMETERS } from "../../../ignition/parameters.js";
import { CloudStatus } from "../../../src/index.js";
import { ValidatorSet__factory } from "../../../src/typechain/factories/contracts/governance/ValidatorSet__factory.js";
import {
  ADDITION_INTERVAL,
  type Governed,
  RETURN_WAIT,
  accountKey,
  activate,
  activationOf,
  admitNext,
  byCloud,
  callOf,
  decide,
  enact,
  expectValid,
  expulsion,
  first,
  fiveClouds,
  fourClouds,
  leave,
  nextAt,
  nowOf,
  oneCloud,
  replace,
  retire,
  seatInvited,
  sixCloudsFourValidators,
  sorted,
  suspension,
  validatorsForBesu,
  wait,
} from "../../fixtures/governance.js";
import { nodeKey } from "../../fixtures/validators.js";

const connection = await network.create();
const { networkHelpers } = connection;

const Kind = {
  Founded: 1,
  Activated: 2,
  Invited: 3,
  Successor: 4,
  Replaced: 5,
  Retired: 6,
  Pruned: 7,
  Removed: 8,
} as const;

const node = (name: number | string): string => nodeKey(name).address;
const nodes = (...names: (number | string)[]): string[] => sorted(names.map(node));

async function refused(sent: Promise<unknown>, world: Governed, error: string, ...args: unknown[]): Promise<void> {
  const contract = error.startsWith("CloudRegistry_") ? world.registry : world.validators;
  await expect(sent)
    .to.be.revertedWithCustomError(contract, error)
    .withArgs(...args);
}

/** Governance removes a validator. */
const removal = (world: Governed, validator: string) => callOf(world.validators, "removeValidator", [validator]);
const invitation = (world: Governed, validator: string) => callOf(world.validators, "inviteValidator", [validator]);

/** Five members with a validator each, and node "x" of an independent operator, invited. */
async function invited(from: typeof connection): Promise<Governed> {
  const world = await fiveClouds(from);
  await enact(world, [await invitation(world, node("x"))]);
  return world;
}

describe("ValidatorSet", function () {
  describe("constructor", function () {
    const deploy = async (world: Governed, initial: { cloud: number; validator: string }[], limits = {}) =>
      new ValidatorSet__factory(world.deployer).deploy(world.authority, world.registry, initial, {
        ...DEFAULT_VALIDATOR_PARAMETERS,
        ...limits,
      });

    it("seats the founders' validators, sorted, from the first block on (INV-VALID)", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);

      expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, 5));
      const lines = await world.validators.changes(0, 10);
      expect(
        lines.map(({ validator, cloud, kind, blockNumber }) => [validator, cloud, kind, blockNumber]),
      ).to.deep.equal(first(5).map((cloud) => [node(cloud), BigInt(cloud), BigInt(Kind.Founded), 0n]));
      expect(await world.validators.additionAgainAt()).to.equal(0n);
    });

    it("takes independent operators, too", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);

      const set = await deploy(world, [
        { cloud: 0, validator: node("a") },
        { cloud: 0, validator: node("b") },
        { cloud: 2, validator: node("c") },
      ]);

      expect([...(await set.getValidators())]).to.deep.equal(nodes("a", "b", "c"));
      expect(await set.validatorOf(0)).to.equal(ZeroAddress);
    });

    it("reverts without a validator", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(deploy(world, []), world, "ValidatorSet_Empty");
    });

    it("reverts for a cloud that is no member", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(
        deploy(world, [{ cloud: 9, validator: node(9) }]),
        world,
        "ValidatorSet_WrongStatus",
        9,
        CloudStatus.None,
      );
    });

    it("reverts for the zero address", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(deploy(world, [{ cloud: 1, validator: ZeroAddress }]), world, "ValidatorSet_ZeroValidator", 1);
    });

    it("reverts for a second validator of a cloud, or a second cloud of a validator", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(
        deploy(world, [
          { cloud: 1, validator: node(1) },
          { cloud: 1, validator: node(2) },
        ]),
        world,
        "ValidatorSet_HasValidator",
        1,
        node(1),
      );
      await refused(
        deploy(world, [
          { cloud: 1, validator: node(1) },
          { cloud: 2, validator: node(1) },
        ]),
        world,
        "ValidatorSet_AlreadySeated",
        node(1),
        1,
      );
    });

    it("takes 64 validators and reverts for 65", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const list = (count: number) => first(count).map((i) => ({ cloud: 0, validator: node(`many ${i}`) }));

      const set = await deploy(world, list(64));

      expect(await set.validatorCount()).to.equal(64n);
      expect((await set.getValidators.estimateGas()) < 500_000n, "what Besu's call at every block may cost").to.equal(
        true,
      );
      expect([...(await set.getValidators())]).to.deep.equal(sorted(list(64).map(({ validator }) => validator)));
      await refused(deploy(world, list(65)), world, "ValidatorSet_Full", 64);
    });

    for (const [name, least, most] of [
      ["additionInterval", 60, 7 * 86_400],
      ["returnWait", 60, 30 * 86_400],
    ] as const) {
      it(`keeps ${name} within its hard limits (INV-PARAM)`, async function () {
        const world = await networkHelpers.loadFixture(fourClouds);
        const initial = [{ cloud: 1, validator: node(1) }];

        for (const value of [least, most]) await deploy(world, initial, { [name]: value });
        for (const value of [least - 1, most + 1]) {
          await refused(
            deploy(world, initial, { [name]: value }),
            world,
            "ValidatorSet_ParameterOutOfRange",
            name,
            value,
            least,
            most,
          );
        }
      });
    }
  });

  describe("getValidators", function () {
    it("answers a call from address zero with the list, after each block", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);

      await activate(world, 5);
      expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, 5));
      await retire(world, 2);
      expect(await expectValid(world)).to.deep.equal(nodes(1, 3, 4, 5));
      await replace(world, 3, nodeKey("new"));
      expect(await expectValid(world)).to.deep.equal(nodes(1, "new", 4, 5));
    });

    it("has the selector that Besu calls", async function () {
      const { validators } = await networkHelpers.loadFixture(fourClouds);
      expect(validators.interface.getFunction("getValidators").selector).to.equal("0xb7ab4db5");
    });

    it("reads neither the block nor the sender: the same answer at any time, from anybody, with little gas", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const before = await validatorsForBesu(world);

      await wait(world, 10 * 365 * 86_400);

      expect(await validatorsForBesu(world)).to.deep.equal(before);
      const gas = await world.validators.connect(world.guardian).getValidators.estimateGas();
      expect(gas < 60_000n).to.equal(true);
    });
  });

  describe("activateValidator", function () {
    it("seats a member's node, which seals from the next block on", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);

      const sent = activate(world, 5);

      await expect(sent).to.emit(world.validators, "ValidatorChanged").withArgs(node(5), 5, Kind.Activated, 5);
      const block = BigInt((await (await sent).wait())!.blockNumber);
      const at = await nowOf(world);
      expect(await world.validators.validatorOf(5)).to.equal(node(5));
      expect(await world.validators.seatOf(node(5))).to.deep.equal([true, 5n, block]);
      expect(await world.validators.additionAgainAt()).to.equal(at + ADDITION_INTERVAL);
      expect(await expectValid(world)).to.include(node(5));
    });

    it("reverts for anybody but the account: neither recovery nor another cloud", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const { activation, signature } = await activationOf(world, nodeKey(5), { cloud: 5 });
      const other = await byCloud(world, 6, world.validators);

      await refused(
        other.activateValidator(5, activation, signature),
        world,
        "CloudRegistry_NotAuthorized",
        5,
        accountKey(6).address,
      );
    });

    it("reverts while the cloud is suspended, and for who left", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await enact(world, [await suspension(world, 5)]);
      await leave(world, 6);

      await refused(activate(world, 5), world, "ValidatorSet_WrongStatus", 5, CloudStatus.Suspended);
      await refused(activate(world, 6), world, "ValidatorSet_WrongStatus", 6, CloudStatus.Left);
    });

    it("reverts for a second validator of the cloud", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await refused(activate(world, 1, nodeKey("second")), world, "ValidatorSet_HasValidator", 1, node(1));
    });

    it("reverts for a node that is another's validator", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await refused(activate(world, 5, nodeKey(1)), world, "ValidatorSet_AlreadySeated", node(1), 1);
    });

    it("reverts when another validator was added within the interval, and not after it", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await activate(world, 5);
      const again = (await nowOf(world)) + ADDITION_INTERVAL;

      await nextAt(world, again - 1);
      const early = activate(world, 6);
      await refused(early, world, "ValidatorSet_AddedRecently", again, again - 1);
      await nextAt(world, again);
      await activate(world, 6);

      expect(await world.validators.validatorCount()).to.equal(6n);
    });

    it("reverts when the activation names another cloud, or a validator to replace", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await refused(activate(world, 5, nodeKey(5), { cloud: 6 }), world, "ValidatorSet_WrongCloud", 5, 6);
      await refused(
        activate(world, 5, nodeKey(5), { replaces: node(1) }),
        world,
        "ValidatorSet_WrongReplacement",
        ZeroAddress,
        node(1),
      );
    });

    it("takes a block that is 256 blocks old, and no older one", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const old = await activationOf(world, nodeKey(5), { cloud: 5 });
      const sender = await byCloud(world, 5, world.validators);
      await networkHelpers.mine(255);
      const snapshot = await networkHelpers.takeSnapshot();

      await sender.activateValidator(5, old.activation, old.signature);
      await snapshot.restore();
      await networkHelpers.mine(1);

      await refused(
        sender.activateValidator(5, old.activation, old.signature),
        world,
        "ValidatorSet_UnknownBlock",
        old.activation.blockNumber,
        old.activation.blockHash,
      );
    });

    it("reverts for a block of another chain, one to come, and none", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const head = BigInt(await connection.ethers.provider.getBlockNumber());
      for (const [blockNumber, blockHash] of [
        [head, id("another chain")],
        [head + 10n, id("to come")],
        [head + 10n, ZeroHash],
      ] as const) {
        await refused(
          activate(world, 5, nodeKey(5), { blockNumber, blockHash }),
          world,
          "ValidatorSet_UnknownBlock",
          blockNumber,
          blockHash,
        );
      }
    });

    it("reverts when another key than the node's signed, or nobody", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const thief = nodeKey("thief");
      const { activation, signature } = await activationOf(world, thief, { cloud: 5, validator: node(5) });
      const sender = await byCloud(world, 5, world.validators);

      await refused(
        sender.activateValidator(5, activation, signature),
        world,
        "ValidatorSet_BadSignature",
        node(5),
        thief.address,
      );
      await refused(
        sender.activateValidator(5, activation, "0x12"),
        world,
        "ValidatorSet_BadSignature",
        node(5),
        ZeroAddress,
      );
    });

    it("reverts for the zero address, whatever signature comes with it", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const { activation } = await activationOf(world, nodeKey(5), { cloud: 5, validator: ZeroAddress });
      const sender = await byCloud(world, 5, world.validators);

      await refused(
        sender.activateValidator(5, activation, "0x"),
        world,
        "ValidatorSet_BadSignature",
        ZeroAddress,
        ZeroAddress,
      );
    });

    it("reverts when the cloud's validator went out within the wait, and not after it", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      await retire(world, 5);
      const again = (await nowOf(world)) + RETURN_WAIT;

      await nextAt(world, again - 1);
      await refused(activate(world, 5), world, "ValidatorSet_MustWait", 5, again, again - 1);
      expect(await world.validators.returnAgainAt(5)).to.equal(again);
      await nextAt(world, again);
      await activate(world, 5);

      expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, 5));
    });
  });

  describe("replaceValidator", function () {
    it("changes the node in one step, with two lines of history", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);

      const sent = replace(world, 1, nodeKey("new"));

      await expect(sent).to.emit(world.validators, "ValidatorChanged").withArgs(node(1), 1, Kind.Replaced, 3);
      await expect(sent).to.emit(world.validators, "ValidatorChanged").withArgs(node("new"), 1, Kind.Successor, 4);
      expect(await expectValid(world)).to.deep.equal(nodes("new", 2, 3, 4));
      expect(await world.validators.validatorOf(1)).to.equal(node("new"));
    });

    it("is allowed whatever the standing, and needs no interval", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await activate(world, 5);
      await replace(world, 5, nodeKey("a"));
      await enact(world, [await suspension(world, 5)]);
      await replace(world, 5, nodeKey("b"));
      await enact(world, [await expulsion(world, 5)]);
      await replace(world, 5, nodeKey("c"));

      expect(await expectValid(world)).to.deep.equal(nodes(1, 2, 3, 4, "c"));
    });

    it("reverts for anybody but the account", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { activation, signature } = await activationOf(world, nodeKey("new"), { cloud: 1, replaces: node(1) });

      await refused(
        world.validators.replaceValidator(1, activation, signature),
        world,
        "CloudRegistry_NotAuthorized",
        1,
        world.stranger.address,
      );
    });

    it("reverts when the cloud has none, or another one", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await refused(replace(world, 5, nodeKey("new")), world, "ValidatorSet_NoValidator", 5);
      await refused(
        replace(world, 1, nodeKey("new"), { replaces: node(2) }),
        world,
        "ValidatorSet_WrongReplacement",
        node(1),
        node(2),
      );
    });

    it("reverts for a node that is a validator, its own included", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(replace(world, 1, nodeKey(1)), world, "ValidatorSet_AlreadySeated", node(1), 1);
      await refused(replace(world, 1, nodeKey(2)), world, "ValidatorSet_AlreadySeated", node(2), 2);
    });

    it("reverts for a signature made before the node last went out", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const old = await activationOf(world, nodeKey(1), { cloud: 1, replaces: node("new") });
      await replace(world, 1, nodeKey("new"));
      const [, , changedIn] = await world.validators.seatOf(node(1));
      const sender = await byCloud(world, 1, world.validators);

      await refused(
        sender.replaceValidator(1, old.activation, old.signature),
        world,
        "ValidatorSet_StaleActivation",
        node(1),
        old.activation.blockNumber,
        changedIn,
      );
      await replace(world, 1, nodeKey(1));
    });
  });

  describe("retireValidator", function () {
    it("takes a member's own out while four remain", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);

      await expect(retire(world, 2))
        .to.emit(world.validators, "ValidatorChanged")
        .withArgs(node(2), 2, Kind.Retired, 4);

      expect(await expectValid(world)).to.deep.equal(nodes(1, 3, 4, 5));
      await refused(retire(world, 1), world, "ValidatorSet_TooFew", 4, 4);
    });

    it("reverts for anybody but the account, and without a validator", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await refused(
        world.validators.retireValidator(1),
        world,
        "CloudRegistry_NotAuthorized",
        1,
        world.stranger.address,
      );
      await refused(retire(world, 5), world, "ValidatorSet_NoValidator", 5);
    });
  });

  describe("pruneValidator", function () {
    it("takes out whose cloud left or was expelled, down to one", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await leave(world, 1);
      await expect(world.validators.pruneValidator(1))
        .to.emit(world.validators, "ValidatorChanged")
        .withArgs(node(1), 1, Kind.Pruned, 3);
      await enact(world, [await expulsion(world, 2)], [3, 4]);
      await world.validators.pruneValidator(2);
      await leave(world, 3);
      await world.validators.pruneValidator(3);
      await leave(world, 4);

      await refused(world.validators.pruneValidator(4), world, "ValidatorSet_TooFew", 1, 1);
      expect(await expectValid(world)).to.deep.equal(nodes(4));
    });

    it("reverts while the cloud is a member, suspended or not", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      await refused(world.validators.pruneValidator(1), world, "ValidatorSet_WrongStatus", 1, CloudStatus.Active);
      await enact(world, [await suspension(world, 1)]);
      await refused(world.validators.pruneValidator(1), world, "ValidatorSet_WrongStatus", 1, CloudStatus.Suspended);
    });

    it("reverts without a validator", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      await leave(world, 5);
      await refused(world.validators.pruneValidator(5), world, "ValidatorSet_NoValidator", 5);
      await refused(world.validators.pruneValidator(0), world, "ValidatorSet_NoValidator", 0);
    });
  });

  describe("inviteValidator", function () {
    it("lets a node in for thirty days; its key takes the seat, whoever brings it", async function () {
      const world = await networkHelpers.loadFixture(invited);

      await expect(seatInvited(world, nodeKey("x")))
        .to.emit(world.validators, "ValidatorChanged")
        .withArgs(node("x"), 0, Kind.Invited, 6);

      expect(await expectValid(world)).to.include(node("x"));
      expect(await world.validators.invitedUntil(node("x"))).to.equal(0n);
      expect(await world.registry.memberCount(), "INV-VOTE: no vote").to.equal(5n);
    });

    it("takes the seat up to the last moment, and not after it", async function () {
      const world = await networkHelpers.loadFixture(invited);
      const until = Number(await world.validators.invitedUntil(node("x")));
      const { activation, signature } = await activationOf(world, nodeKey("x"));

      await nextAt(world, until + 1);
      await refused(
        world.validators.seatInvited(activation, signature),
        world,
        "ValidatorSet_NotInvited",
        node("x"),
        until,
      );
    });

    it("takes the seat at the last moment", async function () {
      const world = await networkHelpers.loadFixture(invited);
      const until = Number(await world.validators.invitedUntil(node("x")));
      const { activation, signature } = await activationOf(world, nodeKey("x"));
      await nextAt(world, until);
      await world.validators.seatInvited(activation, signature);
      expect(await world.validators.validatorCount()).to.equal(6n);
    });

    it("lets nobody else in, and each only once", async function () {
      const world = await networkHelpers.loadFixture(invited);
      await refused(seatInvited(world, nodeKey("y")), world, "ValidatorSet_NotInvited", node("y"), 0);
      await seatInvited(world, nodeKey("x"));
      await wait(world, ADDITION_INTERVAL);
      await refused(seatInvited(world, nodeKey("x")), world, "ValidatorSet_NotInvited", node("x"), 0);
    });

    it("reverts when the activation is for a cloud", async function () {
      const world = await networkHelpers.loadFixture(invited);
      await refused(seatInvited(world, nodeKey("x"), { cloud: 1 }), world, "ValidatorSet_WrongCloud", 0, 1);
    });

    it("counts as an addition like any other", async function () {
      const world = await networkHelpers.loadFixture(invited);
      await seatInvited(world, nodeKey("x"));
      const again = (await nowOf(world)) + ADDITION_INTERVAL;
      const cloud = await admitNext(world);
      await activate(world, cloud);

      expect((await nowOf(world)) > again).to.equal(true);
      expect(await world.validators.validatorCount()).to.equal(7n);
    });

    it("reverts for zero, for a validator, and for anybody but governance", async function () {
      const world = await networkHelpers.loadFixture(fiveClouds);
      const { governor, validators } = world;
      const zero = await decide(world, [await invitation(world, ZeroAddress)]);
      const seated = await decide(world, [await invitation(world, node(1))]);

      await refused(governor.execute(...zero.hashed), world, "ValidatorSet_ZeroValidator", 0);
      await refused(governor.execute(...seated.hashed), world, "ValidatorSet_AlreadySeated", node(1), 1);
      await refused(validators.inviteValidator(node("x")), world, "AccessManagedUnauthorized", world.stranger.address);
    });
  });

  describe("withdrawInvitation", function () {
    it("takes it back", async function () {
      const world = await networkHelpers.loadFixture(invited);

      await expect(enact(world, [await callOf(world.validators, "withdrawInvitation", [node("x")])]))
        .to.emit(world.validators, "ValidatorInvited")
        .withArgs(node("x"), 0);

      await refused(seatInvited(world, nodeKey("x")), world, "ValidatorSet_NotInvited", node("x"), 0);
    });

    it("reverts when there is none, and for anybody but governance", async function () {
      const world = await networkHelpers.loadFixture(invited);
      const none = await decide(world, [await callOf(world.validators, "withdrawInvitation", [node("y")])]);

      await refused(world.governor.execute(...none.hashed), world, "ValidatorSet_NotInvited", node("y"), 0);
      await refused(
        world.validators.withdrawInvitation(node("x")),
        world,
        "AccessManagedUnauthorized",
        world.stranger.address,
      );
    });
  });

  describe("removeValidator", function () {
    it("takes out a member's and an independent operator's, at once after the vote", async function () {
      const world = await networkHelpers.loadFixture(invited);
      await seatInvited(world, nodeKey("x"));

      await expect(enact(world, [await removal(world, node("x")), await removal(world, node(1))]))
        .to.emit(world.validators, "ValidatorChanged")
        .withArgs(node(1), 1, Kind.Removed, 4);

      expect(await expectValid(world)).to.deep.equal(nodes(2, 3, 4, 5));
      expect(await world.validators.validatorOf(1)).to.equal(ZeroAddress);
    });

    it("reverts for who is none, for the last one, and for anybody but governance", async function () {
      const world = await networkHelpers.loadFixture(oneCloud);
      const nobody = await decide(world, [await removal(world, node("nobody"))]);
      const last = await decide(world, [await removal(world, node(1))]);

      await refused(world.governor.execute(...nobody.hashed), world, "ValidatorSet_NotSeated", node("nobody"));
      await refused(world.governor.execute(...last.hashed), world, "ValidatorSet_TooFew", 1, 1);
      await refused(
        world.validators.removeValidator(node(1)),
        world,
        "AccessManagedUnauthorized",
        world.stranger.address,
      );
    });
  });

  describe("setParameters", function () {
    it("takes what is within the limits, after the slow delay", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const next = { additionInterval: 7_200, returnWait: 90_000 };

      await expect(enact(world, [await callOf(world.validators, "setParameters", [next])]))
        .to.emit(world.validators, "ParametersSet")
        .withArgs([7_200n, 90_000n]);

      expect(await world.validators.parameters()).to.deep.equal([7_200n, 90_000n]);
    });

    it("reverts outside of them, whatever the vote (INV-PARAM)", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const next = { additionInterval: 59, returnWait: 90_000 };
      const proposal = await decide(world, [await callOf(world.validators, "setParameters", [next])]);
      await world.governor.queue(...proposal.hashed);
      await wait(world, 48 * 3_600);

      await refused(
        world.governor.execute(...proposal.hashed),
        world,
        "ValidatorSet_ParameterOutOfRange",
        "additionInterval",
        59,
        60,
        7 * 86_400,
      );
      await refused(world.validators.setParameters(next), world, "AccessManagedUnauthorized", world.stranger.address);
    });
  });

  describe("history", function () {
    it("tells the set after every block, from storage alone", async function () {
      const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
      const seen = new Map<number, string[]>();
      const look = async () => seen.set(await connection.ethers.provider.getBlockNumber(), await expectValid(world));
      await look();
      await activate(world, 5);
      await look();
      await replace(world, 1, nodeKey("new"));
      await look();
      await retire(world, 2);
      await look();
      await leave(world, 3);
      await world.validators.pruneValidator(3);
      await look();
      await enact(world, [await removal(world, node(4))], [1, 2, 4, 5]);
      await look();

      for (const [block, list] of seen) {
        expect([...(await world.validators.validatorsAfter(block))], `block ${block}`).to.deep.equal(list);
      }
      expect([...(await world.validators.validatorsAfter(0))]).to.deep.equal(nodes(1, 2, 3, 4));
    });

    it("reverts for a block to come", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const next = (await connection.ethers.provider.getBlockNumber()) + 1;
      await refused(world.validators.validatorsAfter(next), world, "ValidatorSet_UnknownBlock", next, ZeroHash);
    });

    it("is read in pieces", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const { validators } = world;

      expect(await validators.changeCount()).to.equal(4n);
      expect((await validators.changes(1, 2)).map(({ validator }) => validator)).to.deep.equal([node(2), node(3)]);
      expect(await validators.changes(3, 9)).to.have.length(1);
      expect(await validators.changes(4, 9)).to.have.length(0);
      expect(await validators.changes(9, 9)).to.have.length(0);
    });
  });
});
