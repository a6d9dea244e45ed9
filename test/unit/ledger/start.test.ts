import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope, agreementId, publicMove } from "../../../src/index.js";
import { expectCommitted, expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  CONTRACT,
  HOME,
  HOST,
  HOUR,
  OTHER,
  SIZE,
  UNREGISTERED,
  abroad,
  agree,
  agreed,
  as,
  bindAgent,
  federation,
  moveOf,
  nextBlockAt,
  nowSeconds,
  register,
  registerMany,
  snapshotOf,
  start,
  started,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;

describe("MigrationLedger", function () {
  describe("start", function () {
    it("starts all lines; the last moment to complete stays what was signed (INV-GROUP, INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 3);
      const move = await agreed(world, vms);
      const { move: number } = await vmOf(world, vms[0]!);

      await expect(start(world, move)).to.emit(world.ledger, "MoveStarted").withArgs(number);

      const at = await nowSeconds(world);
      for (const vm of vms) {
        const stored = await vmOf(world, vm);
        expect([stored.nonce, stored.sequence, stored.mark, stored.host]).to.deep.equal([3n, 1n, BigInt(at), 1n]);
        expect((stored.mark + stored.completeIn) * MS).to.equal(move.completeBy);
        expect([stored.move, stored.hadLead]).to.deep.equal([number, true]);
        await expectState(world, vm, "Started");
      }
      await expectCommitted(world, HOST, 3 * SIZE.vcpuMilli);
    });

    for (const [when, offset, allowed] of [
      ["a second before startBy", -1, true],
      ["at startBy", 0, true],
      ["a second after startBy", 1, false],
    ] as const) {
      it(`${allowed ? "starts" : "reverts"} ${when} (INV-ONE-OF)`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await register(world);
        const by = (await nowSeconds(world)) + HOUR;
        // Whole seconds count: what is signed within the second makes no difference.
        const move = await agreed(world, [vm], { startBy: BigInt(by) * MS + 999n });
        await nextBlockAt(world, by + offset);

        if (allowed) {
          await start(world, move);
          await expectState(world, vm, "Started");
        } else {
          await expectRefusal(world, start(world, move), "MigrationLedger_TooLate", move.startBy, BigInt(by + 1) * MS);
        }
      });
    }

    it("reverts when other deadlines are given than were agreed", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const move = await agreed(world, [vm]);

      for (const other of [
        { ...move, startBy: move.startBy + MS },
        { ...move, completeBy: move.completeBy - MS },
      ]) {
        await expectRefusal(
          world,
          start(world, other),
          "MigrationLedger_OtherDeadlines",
          other.startBy,
          other.completeBy,
        );
      }
    });

    it("reverts for a VM that is in no open move, started already, or unknown", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const before = await snapshotOf(world, vm);
      const move = await moveOf(world, [vm]);

      await expectRefusal(world, start(world, move), "MigrationLedger_WrongState", vm, 1);
      const { agreement } = move;
      const unknown = { ...move, agreement: { ...agreement, lines: [{ ...agreement.lines[0]!, vm: UNREGISTERED }] } };
      await expectRefusal(world, start(world, unknown), "MigrationLedger_UnknownVm", UNREGISTERED);
      const empty = { ...move, agreement: { ...agreement, lines: [] } };
      await expectRefusal(world, start(world, empty), "MigrationLedger_LineCount", 0);
      expect(await snapshotOf(world, vm)).to.equal(before);
      await agree(world, move);
      await start(world, move);
      await expectRefusal(world, start(world, move), "MigrationLedger_WrongState", vm, 4);
    });

    it("reverts with another agreement than the open one", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = await registerMany(world, 2);
      const move = await agreed(world, vms);
      const { agreement } = move;

      for (const changed of [
        { ...agreement, salt: id("another") },
        { ...agreement, lines: agreement.lines.slice(0, 1) },
        { ...agreement, lines: [...agreement.lines].reverse() },
        { ...agreement, destination: OTHER },
        { ...agreement, source: OTHER },
      ]) {
        await expectRefusal(
          world,
          as(world, HOME).start(publicMove({ ...move, agreement: changed })),
          "MigrationLedger_NotTheOpenMove",
          agreementId(changed),
          agreementId(agreement),
        );
      }
    });

    it("takes nobody but the source: not the home, the destination, a stranger", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world);
      const move = await agreed(world, [vm], { destination: OTHER });

      for (const sender of [as(world, HOME), as(world, OTHER), world.ledger]) {
        const address = await (sender.runner as unknown as { getAddress(): Promise<string> }).getAddress();
        await expectRefusal(world, sender.start(publicMove(move)), "CloudRegistry_NotAuthorized", HOST, address);
      }
    });

    it("takes an agent of the source with HOST whose partners are home and destination", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [mover, narrow, agent] = world.spare;
      const vm = await abroad(world);
      const move = await agreed(world, [vm], { destination: OTHER });
      await bindAgent(world, HOST, mover!, { scopes: AgentScope.MOVE_OUT });
      await bindAgent(world, HOST, narrow!, { partners: [HOME] });
      await bindAgent(world, HOST, agent!, { scopes: AgentScope.HOST, partners: [HOME, OTHER] });

      await expectRefusal(
        world,
        world.ledger.connect(mover).start(publicMove(move)),
        "CloudRegistry_ScopeMissing",
        HOST,
        mover!.address,
        AgentScope.HOST,
        AgentScope.MOVE_OUT,
      );
      await expectRefusal(
        world,
        world.ledger.connect(narrow).start(publicMove(move)),
        "CloudRegistry_PartnerNotAllowed",
        HOST,
        narrow!.address,
        OTHER,
      );
      await world.ledger.connect(agent).start(publicMove(move));
      await expectState(world, vm, "Started");
    });

    it("takes a source whose account is a contract", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world, CONTRACT);

      await started(world, [vm], { destination: HOST });

      await expectState(world, vm, "Started");
    });
  });
});
