import { expect } from "chai";
import { AbiCoder, id, keccak256 } from "ethers";
import { network } from "hardhat";

import { AgentScope, buildResources } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  FOURTH,
  HOME,
  SIZE,
  UNKNOWN,
  abroad,
  as,
  bindAgent,
  expel,
  federation,
  nowMs,
  register,
  suspend,
  timeOf,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const LOCAL = id("a machine");

describe("MigrationLedger", function () {
  describe("register", function () {
    it("begins the first stay at home (INV-SEQ, INV-NONCE, INV-HOST)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await world.ledger.vmIdOf(HOME, LOCAL);

      const sent = as(world, HOME).register(HOME, LOCAL, SIZE);

      await expect(sent).to.emit(world.ledger, "VmRegistered").withArgs(vm, HOME, LOCAL);
      const at = await timeOf(world, sent);
      const packed = await world.ledger.resourcesOf(vm);
      await expect(sent)
        .to.emit(world.ledger, "StayBegan")
        .withArgs(vm, 1, HOME, 0, 0, at, 0, packed, `0x${"0".repeat(64)}`);
      const { home, host, site, nonce, sequence, mark } = await vmOf(world, vm);
      expect([home, host, site, nonce, sequence, mark]).to.deep.equal([1n, 1n, 0n, 1n, 1n, 0n]);
      await expectState(world, vm, "Home");
      await expectCommitted(world, HOME, 0);
    });

    it("makes the id from chain, registry, home and local id", async function () {
      const world = await networkHelpers.loadFixture(federation);

      const vm = await world.ledger.vmIdOf(HOME, LOCAL);

      expect(vm).to.equal(
        keccak256(
          AbiCoder.defaultAbiCoder().encode(
            ["uint256", "address", "uint32", "bytes32"],
            [world.chainId, await world.registry.getAddress(), HOME, LOCAL],
          ),
        ),
      );
    });

    it("takes an agent of the home with MOVE_OUT and no other", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [mover, hoster] = world.spare;
      await bindAgent(world, HOME, mover!, { scopes: AgentScope.MOVE_OUT });
      await bindAgent(world, HOME, hoster!, { scopes: AgentScope.HOST });

      await world.ledger.connect(mover).register(HOME, LOCAL, SIZE);

      await expectRefusal(
        world,
        world.ledger.connect(hoster).register(HOME, id("another"), SIZE),
        "CloudRegistry_ScopeMissing",
        HOME,
        hoster!.address,
        AgentScope.MOVE_OUT,
        AgentScope.HOST,
      );
    });

    it("reverts when a stranger or another cloud sends", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await expectRefusal(
        world,
        world.ledger.register(HOME, LOCAL, SIZE),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.stranger.address,
      );
      await expectRefusal(
        world,
        as(world, FOURTH).register(HOME, LOCAL, SIZE),
        "CloudRegistry_NotAuthorized",
        HOME,
        world.clouds[FOURTH - 1]!.account,
      );
    });

    it("reverts when the VM is registered already, wherever it is by now", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await world.ledger.vmIdOf(HOME, LOCAL);
      await as(world, HOME).register(HOME, LOCAL, SIZE);

      await expectRefusal(world, as(world, HOME).register(HOME, LOCAL, SIZE), "MigrationLedger_AlreadyRegistered", vm);
      await as(world, HOME).terminate(vm);
      await expectRefusal(world, as(world, HOME).register(HOME, LOCAL, SIZE), "MigrationLedger_AlreadyRegistered", vm);
    });

    it("reverts when the VM has nothing", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await world.ledger.vmIdOf(HOME, LOCAL);

      await expectRefusal(
        world,
        as(world, HOME).register(HOME, LOCAL, buildResources({})),
        "MigrationLedger_EmptyResources",
        vm,
      );
    });

    it("reverts when a lane reaches 2^31 (INV-LANE)", async function () {
      const world = await networkHelpers.loadFixture(federation);

      await as(world, HOME).register(HOME, LOCAL, { ...SIZE, diskIops: 2 ** 31 - 1 });
      await expectRefusal(
        world,
        as(world, HOME).register(HOME, id("bigger"), { ...SIZE, diskIops: 2 ** 31 }),
        "ResourceVector_LaneTooBig",
        3,
        2 ** 31,
      );
    });

    it("reverts when the home is not an Active member", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await suspend(world, HOME);
      await expel(world, FOURTH);

      await expectRefusal(world, as(world, HOME).register(HOME, LOCAL, SIZE), "MigrationLedger_StatusForbids", HOME, 2);
      await expectRefusal(
        world,
        as(world, FOURTH).register(FOURTH, LOCAL, SIZE),
        "MigrationLedger_StatusForbids",
        FOURTH,
        4,
      );
      await expectRefusal(
        world,
        world.ledger.register(UNKNOWN, LOCAL, SIZE),
        "MigrationLedger_StatusForbids",
        UNKNOWN,
        0,
      );
    });

    it("reverts while new business is paused, and for good once closed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      await world.ledger.connect(world.guardian).pauseNew(60);
      const until = (await nowMs(world)) / 1_000n + 60n;

      await expectRefusal(world, as(world, HOME).register(HOME, LOCAL, SIZE), "MigrationLedger_NewPaused", until);
      await world.ledger.connect(world.governance).closeForNew();
      await expectRefusal(
        world,
        as(world, HOME).register(HOME, LOCAL, SIZE),
        "MigrationLedger_Closed",
        await world.ledger.successor(),
      );
    });

    it("is counted per VM: two VMs of one home do not meet", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const first = await abroad(world);
      const second = await register(world);

      await expectState(world, first, "Abroad");
      await expectState(world, second, "Home");
    });
  });
});
