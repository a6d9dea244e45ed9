import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope } from "../../../src/index.js";
import { expectRefusal } from "../../fixtures/expectations.js";
import {
  FOURTH,
  HOME,
  HOST,
  UNKNOWN,
  agree,
  as,
  bindAgent,
  expel,
  federation,
  moveOf,
  register,
} from "../../fixtures/federation.js";
import { documentId } from "../../../src/index.js";

const { networkHelpers } = await network.create();

const PAPER = id("a document");

describe("MigrationLedger", function () {
  describe("revoke", function () {
    it("flags a document for the cloud that withdraws, and for no other", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expect(as(world, HOME).revoke(HOME, PAPER)).to.emit(world.ledger, "Revoked").withArgs(HOME, PAPER);

      expect(await world.ledger.isRevoked(HOME, PAPER)).to.equal(true);
      expect(await world.ledger.isRevoked(HOST, PAPER)).to.equal(false);
    });

    it("says it again when it is repeated, and nothing changes", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await as(world, HOME).revoke(HOME, PAPER);

      await expect(as(world, HOME).revoke(HOME, PAPER)).to.emit(world.ledger, "Revoked").withArgs(HOME, PAPER);

      expect(await world.ledger.isRevoked(HOME, PAPER)).to.equal(true);
    });

    it("takes agents with MOVE_OUT or HOST, whoever their partners are, and no others", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [mover, hoster, relay] = world.spare;
      await bindAgent(world, HOME, mover!, { scopes: AgentScope.MOVE_OUT, partners: [FOURTH] });
      await bindAgent(world, HOME, hoster!, { scopes: AgentScope.HOST });
      await bindAgent(world, HOME, relay!, { scopes: AgentScope.RELAY });

      await world.ledger.connect(mover).revoke(HOME, PAPER);
      await world.ledger.connect(hoster).revoke(HOME, id("another"));
      await expectRefusal(
        world,
        world.ledger.connect(relay).revoke(HOME, PAPER),
        "CloudRegistry_ScopeMissing",
        HOME,
        relay!.address,
        AgentScope.MOVE_OUT | AgentScope.HOST,
        AgentScope.RELAY,
      );
    });

    it("refuses strangers, other clouds, and clouds that do not exist", async function () {
      const world = await networkHelpers.loadFixture(federation);

      for (const sender of [world.stranger, world.clouds[HOST - 1]!.key]) {
        await expectRefusal(
          world,
          world.ledger.connect(sender).revoke(HOME, PAPER),
          "CloudRegistry_NotAuthorized",
          HOME,
          sender.address,
        );
      }
      await expectRefusal(world, world.ledger.revoke(UNKNOWN, PAPER), "CloudRegistry_UnknownCloud", UNKNOWN);
    });

    it("works for an expelled cloud (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await moveOf(world, [await register(world)]);
      await expel(world, HOST);
      await as(world, HOST).revoke(HOST, documentId("Move", move));

      await expectRefusal(world, agree(world, move), "MigrationLedger_Revoked", HOST, documentId("Move", move));
    });
  });
});
