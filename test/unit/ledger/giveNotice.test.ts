import { expect } from "chai";
import { network } from "hardhat";

import { AgentScope } from "../../../src/index.js";
import { expectRefusal, expectState } from "../../fixtures/expectations.js";
import {
  DAY,
  HOME,
  HOST,
  HOUR,
  OTHER,
  UNREGISTERED,
  abroad,
  agreed,
  as,
  bindAgent,
  expel,
  federation,
  nextBlockAt,
  nowMs,
  nowSeconds,
  registerMany,
  start,
  stopped,
  vmOf,
} from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;
const SHORT = { noticeMs: BigInt(HOUR) * MS };

describe("MigrationLedger", function () {
  describe("giveNotice", function () {
    it("is bound to the stay, rounded up to whole seconds (INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, HOST, SHORT);
      const until = (await nowMs(world)) + BigInt(2 * HOUR) * MS + 1n;

      await expect(as(world, HOST).giveNotice([vm], until))
        .to.emit(world.ledger, "NoticeGiven")
        .withArgs(vm, 2, HOST, until);

      const [, stay] = await world.ledger.stays(vm, 1, 2);
      expect(stay!.noticeUntil).to.equal(until / MS + 1n);
      const { nonce, sequence } = await vmOf(world, vm);
      expect([nonce, sequence]).to.deep.equal([3n, 2n]);
      await expectState(world, vm, "Abroad");
    });

    for (const [far, allowed] of [
      [-1n, false],
      [0n, true],
      [1n, true],
    ] as const) {
      it(`${allowed ? "takes" : "refuses"} a deadline ${far} ms from the agreed period`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world, HOST, SHORT);
        const at = (await nowSeconds(world)) + 10;
        const earliest = BigInt(at + HOUR) * MS;
        await nextBlockAt(world, at);
        const sent = as(world, HOST).giveNotice([vm], earliest + far);

        if (allowed) await sent;
        else await expectRefusal(world, sent, "MigrationLedger_NoticeTooShort", vm, earliest + far, earliest);
      });

      it(`${far <= 0n ? "takes" : "refuses"} a deadline ${far} ms from a year ahead`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const vm = await abroad(world, HOST, SHORT);
        const at = (await nowSeconds(world)) + 10;
        const latest = BigInt(at + 365 * DAY) * MS;
        await nextBlockAt(world, at);
        const sent = as(world, HOST).giveNotice([vm], latest + far);

        if (far <= 0n) await sent;
        else await expectRefusal(world, sent, "MigrationLedger_TooFar", latest + far, latest);
      });
    }

    it("takes 1 to 16 VMs, all on the same host", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = [];
      for (let i = 0; i < 17; ++i) vms.push(await abroad(world, HOST, SHORT));
      const elsewhere = await abroad(world, OTHER, SHORT);
      const until = (await nowMs(world)) + BigInt(DAY) * MS;

      await expectRefusal(world, as(world, HOST).giveNotice([], until), "MigrationLedger_LineCount", 0);
      await expectRefusal(world, as(world, HOST).giveNotice(vms, until), "MigrationLedger_LineCount", 17);
      await expectRefusal(
        world,
        as(world, HOST).giveNotice([vms[0]!, elsewhere], until),
        "MigrationLedger_WrongHost",
        elsewhere,
        OTHER,
        HOST,
      );
      await as(world, HOST).giveNotice(vms.slice(0, 16), until);
    });

    it("is given once for a stay, also within one call", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, HOST, SHORT);
      const until = (await nowMs(world)) + BigInt(DAY) * MS;

      await expectRefusal(
        world,
        as(world, HOST).giveNotice([vm, vm], until),
        "MigrationLedger_NoticeGiven",
        vm,
        until / MS,
      );
      await as(world, HOST).giveNotice([vm], until);
      await expectRefusal(
        world,
        as(world, HOST).giveNotice([vm], until + MS),
        "MigrationLedger_NoticeGiven",
        vm,
        until / MS,
      );
    });

    it("works while a move is agreed or started, and leaves the move open", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, HOST, SHORT);
      const second = await abroad(world, HOST, SHORT);
      const until = (await nowMs(world)) + BigInt(DAY) * MS;
      await agreed(world, [vm], { destination: OTHER });
      const move = await agreed(world, [second], { destination: OTHER });
      await start(world, move);

      await as(world, HOST).giveNotice([vm, second], until);

      await expectState(world, vm, "Agreed");
      await expectState(world, second, "Started");
    });

    it("refuses VMs at home, in whatever state, and unknown ones", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [vm, moving] = (await registerMany(world, 2)) as [string, string];
      await agreed(world, [moving]);
      const gone = await stopped(world);
      const until = (await nowMs(world)) + BigInt(30 * DAY) * MS;

      await expectRefusal(world, as(world, HOME).giveNotice([vm], until), "MigrationLedger_WrongState", vm, 1);
      await expectRefusal(world, as(world, HOME).giveNotice([moving], until), "MigrationLedger_NotAbroad", moving);
      await expectRefusal(world, as(world, HOST).giveNotice([gone], until), "MigrationLedger_WrongState", gone, 5);
      await expectRefusal(
        world,
        as(world, HOST).giveNotice([UNREGISTERED], until),
        "MigrationLedger_UnknownVm",
        UNREGISTERED,
      );
    });

    it("takes the host: its account, or an agent with HOST that may deal with the home", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [mover, stray, agent] = world.spare;
      const vm = await abroad(world, HOST, SHORT);
      const until = (await nowMs(world)) + BigInt(DAY) * MS;
      await bindAgent(world, HOST, mover!, { scopes: AgentScope.MOVE_OUT });
      await bindAgent(world, HOST, stray!, { partners: [OTHER] });
      await bindAgent(world, HOST, agent!, { scopes: AgentScope.HOST, partners: [HOME] });

      await expectRefusal(
        world,
        as(world, HOME).giveNotice([vm], until),
        "CloudRegistry_NotAuthorized",
        HOST,
        world.clouds[HOME - 1]!.account,
      );
      await expect(world.ledger.connect(mover).giveNotice([vm], until)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_ScopeMissing",
      );
      await expect(world.ledger.connect(stray).giveNotice([vm], until)).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_PartnerNotAllowed",
      );
      await world.ledger.connect(agent).giveNotice([vm], until);
    });

    it("works for an expelled host on a closed ledger (INV-EXIT)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await abroad(world, HOST, SHORT);
      await world.ledger.connect(world.governance).closeForNew();
      await expel(world, HOST);

      await as(world, HOST).giveNotice([vm], (await nowMs(world)) + BigInt(DAY) * MS);

      const [, stay] = await world.ledger.stays(vm, 1, 2);
      expect(stay!.noticeUntil).to.not.equal(0n);
    });
  });
});
