import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AbortReason, AgentScope, agreementId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState, expectUnfinished } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  FOURTH,
  HOME,
  HOST,
  OTHER,
  SIZE,
  abroad,
  agreed,
  as,
  bindAgent,
  call,
  federation,
  moveOf,
  nowSeconds,
  register,
  registerMany,
  started,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

describe("MigrationLedger", function () {
  describe("abort", function () {
    it("leaves every VM as it was before, and the destination's room free (INV-CAP, INV-GROUP, INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 3);
      const move = await agreed(world, vms);
      const { move: number } = await vmOf(world, vms[0]!);

      const sent = as(world, HOST).abort(publicMove(move), HOST, AbortReason.Capacity);

      await expect(sent).to.emit(world.ledger, "MoveAborted").withArgs(number, HOST, AbortReason.Capacity, HOST);
      for (const vm of vms) {
        const stored = await vmOf(world, vm);
        expect([stored.nonce, stored.sequence, stored.mark, stored.completeIn]).to.deep.equal([3n, 1n, 0n, 0n]);
        await expectState(world, vm, "Home");
      }
      await expectCommitted(world, HOST, 0);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([0n, 0n]);
      const outcome = await world.ledger.outcomeOf(number);
      expect([outcome.state, outcome.reason, outcome.endedAt]).to.deep.equal([4n, 2n, BigInt(await nowSeconds(world))]);
    });

    it("gives a VM abroad back to its host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await started(world, [vm], { destination: OTHER });

      await as(world, HOST).abort(publicMove(move), HOST, AbortReason.TransferFailed);

      await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, SIZE.vcpuMilli);
      await expectCommitted(world, OTHER, 0);
      expect(await world.ledger.obligationsOf(HOME)).to.deep.equal([1n, 0n]);
    });

    it("ends a return home, whatever the sum of its lines (INV-FREE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [await abroad(world), await abroad(world)].sort();
      const most = { ...SIZE, vcpuMilli: 2 ** 31 - 1 };
      const move = await agreed(world, vms, { line: { resources: most } });

      await as(world, HOME).abort(publicMove(move), HOME, AbortReason.Unspecified);

      for (const vm of vms) await expectState(world, vm, "Abroad");
      await expectCommitted(world, HOST, 2 * SIZE.vcpuMilli);
    });

    it("takes home, source and destination, and nobody else", async function () {
      const world = await networkHelpers.loadFixture(federation);
      for (const by of [HOME, HOST, OTHER]) {
        const vm = await abroad(world);
        const move = await agreed(world, [vm], { destination: OTHER });

        await expectRefusal(
          world,
          as(world, FOURTH).abort(publicMove(move), FOURTH, AbortReason.Security),
          "MigrationLedger_NotAParty",
          FOURTH,
        );
        await expectRefusal(
          world,
          as(world, FOURTH).abort(publicMove(move), by, AbortReason.Security),
          "CloudRegistry_NotAuthorized",
          by,
          world.clouds[FOURTH - 1]!.account,
        );
        await as(world, by).abort(publicMove(move), by, AbortReason.Security);
        await expectState(world, vm, "Abroad");
      }
    });

    it("takes a party whose account is a contract", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await agreed(world, [vm], { destination: CONTRACT });

      await call(world, CONTRACT, "abort", [publicMove(move), CONTRACT, AbortReason.Maintenance]);

      await expectState(world, vm, "Home");
    });

    it("wants of an agent the scope of its cloud's side, and the others as its partners", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      const rows: readonly [cloud: number, scopes: number, source: number, allowed: boolean][] = [
        [HOME, AgentScope.MOVE_OUT, HOST, true],
        [HOME, AgentScope.HOST, HOST, false],
        [HOST, AgentScope.HOST, HOST, true],
        [HOST, AgentScope.MOVE_OUT, HOST, false],
        [OTHER, AgentScope.HOST, HOST, true],
        [OTHER, AgentScope.MOVE_OUT, HOST, false],
        // The home is the source: it may use an agent of either side.
        [HOME, AgentScope.MOVE_OUT, HOME, true],
        [HOME, AgentScope.HOST, HOME, true],
        [HOME, AgentScope.REPORT, HOME, false],
      ];
      for (const [index, [cloud, scopes, source, allowed]] of rows.entries()) {
        const fresh = await networkHelpers.loadFixture(federation);
        const vm = source === HOME ? await register(fresh) : await abroad(fresh);
        const move = await agreed(fresh, [vm], { destination: OTHER });
        await bindAgent(fresh, cloud, agent!, { scopes });
        const sent = fresh.ledger.connect(agent).abort(publicMove(move), cloud, AbortReason.Unspecified);
        if (allowed) await sent;
        else
          await expect(sent, `row ${index}`).to.be.revertedWithCustomError(
            fresh.registry,
            "CloudRegistry_ScopeMissing",
          );
      }
      for (const cloud of [HOME, HOST, OTHER]) {
        const fresh = await networkHelpers.loadFixture(federation);
        const move = await agreed(fresh, [await abroad(fresh)], { destination: OTHER });
        await bindAgent(fresh, cloud, agent!, { partners: [FOURTH] });
        await expect(
          fresh.ledger.connect(agent).abort(publicMove(move), cloud, AbortReason.Unspecified),
        ).to.be.revertedWithCustomError(fresh.registry, "CloudRegistry_PartnerNotAllowed");
      }
    });

    it("reverts without a reason", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await agreed(world, [await register(world)]);

      await expectRefusal(
        world,
        as(world, HOME).abort(publicMove(move), HOME, AbortReason.None),
        "MigrationLedger_NoReason",
      );
    });

    it("reverts without an open move, or with another document", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await moveOf(world, [vm]);
      const send = (document = move) => as(world, HOME).abort(publicMove(document), HOME, AbortReason.Unspecified);

      await expectRefusal(world, send(), "MigrationLedger_WrongState", vm, 1);
      const open = await agreed(world, [vm], { salt: id("open") });
      await expectRefusal(
        world,
        send(),
        "MigrationLedger_NotTheOpenMove",
        agreementId(move.agreement),
        agreementId(open.agreement),
      );
    });

    it("happens once (INV-ONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await agreed(world, [vm]);
      const { move: number } = await vmOf(world, vm);
      await as(world, HOME).abort(publicMove(move), HOME, AbortReason.Unspecified);

      await expectRefusal(
        world,
        as(world, HOST).abort(publicMove(move), HOST, AbortReason.Unspecified),
        "MigrationLedger_WrongState",
        vm,
        1,
      );
      await expectUnfinished(world, number);
    });
  });
});
