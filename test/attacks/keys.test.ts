import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { AgentScope, KeyRole, documentId, domainOf, publicMove, signDocument } from "../../src/index.js";
import { expectRefusal, expectState } from "../fixtures/expectations.js";
import {
  CONTRACT,
  FOURTH,
  HOME,
  HOST,
  HOUR,
  OTHER,
  SIZE,
  abroad,
  agree,
  agreed,
  as,
  bindAgent,
  complete,
  completed,
  contractAccount,
  federation,
  handoverOf,
  moveOf,
  nextBlockAt,
  nowMs,
  nowSeconds,
  record,
  recordOf,
  register,
  sign,
  started,
  vmOf,
} from "../fixtures/federation.js";

const { networkHelpers } = await network.create();

const MS = 1_000n;
const Mood = { Honest: 0, Refusing: 1, Reverting: 2, BurningGas: 3, Shouting: 4, CallingBack: 5 } as const;

describe("Keys that should not speak for a cloud", function () {
  describe("an agent", function () {
    it("says nothing after its revocation, by the account, the recovery address or itself", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      const revokers = [world.clouds[HOME - 1]!.key, world.clouds[HOME - 1]!.recovery, agent!];
      for (const revoker of revokers) {
        await bindAgent(world, HOME, agent!);
        const vm = await register(world);
        const move = await moveOf(world, [vm]);
        const signatures = await sign(world, "Move", move, [HOME, HOST], { [HOME]: agent! });
        await world.registry.connect(revoker).revokeAgent(HOME, agent!.address);

        // What it signed before is judged by the keys of the moment that brings it.
        await expectRefusal(world, agree(world, move, signatures), "CloudRegistry_AgentRevoked", HOME, agent!.address);
        await expectRefusal(
          world,
          world.ledger.connect(agent).register(HOME, id("more"), SIZE),
          "CloudRegistry_AgentRevoked",
          HOME,
          agent!.address,
        );
        await expectRefusal(
          world,
          world.ledger.connect(agent).revoke(HOME, id("paper")),
          "CloudRegistry_AgentRevoked",
          HOME,
          agent!.address,
        );
      }
    });

    it("says nothing once all agents were voided, or the recovery address took the account over", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent, next] = world.spare;
      const { recovery, key } = world.clouds[HOME - 1]!;
      await bindAgent(world, HOME, agent!);
      const vm = await register(world);
      const move = await moveOf(world, [vm]);
      const byAgent = await sign(world, "Move", move, [HOME, HOST], { [HOME]: agent! });
      const byOldAccount = await sign(world, "Move", move, [HOME, HOST]);
      const acceptance = {
        cloud: HOME,
        key: next!.address,
        role: KeyRole.Account,
        validUntil: (await nowMs(world)) + BigInt(HOUR) * MS,
      };
      const domain = domainOf(world.chainId, await world.registry.getAddress());
      await world.registry.connect(recovery).recoverAccount(HOME, next!.address, {
        validUntil: acceptance.validUntil,
        signature: await signDocument(next!, domain, "KeyAcceptance", acceptance),
      });

      await expectRefusal(world, agree(world, move, byAgent), "CloudRegistry_AgentRevoked", HOME, agent!.address);
      await expectRefusal(world, agree(world, move, byOldAccount), "CloudRegistry_BadSignature", HOME, key.address);
      await expectRefusal(world, as(world, HOME).terminate(vm), "CloudRegistry_NotAuthorized", HOME, key.address);
      await agree(world, move, await sign(world, "Move", move, [HOME, HOST], { [HOME]: next! }));
      await world.ledger.connect(next).abort(publicMove(move), HOME, 1);
      await world.ledger.connect(next).terminate(vm);
    });

    for (const [when, offset, allowed] of [
      ["a second before", -1, true],
      ["at", 0, true],
      ["a second after", 1, false],
    ] as const) {
      it(`${allowed ? "speaks" : "is silent"} ${when} its expiry, signing and sending`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const [agent] = world.spare;
        const until = (await nowSeconds(world)) + 500;
        await bindAgent(world, HOME, agent!, { validUntil: BigInt(until) * MS });
        const move = await moveOf(world, [await register(world)]);
        const signatures = await sign(world, "Move", move, [HOME, HOST], { [HOME]: agent! });
        const before = await networkHelpers.takeSnapshot();
        for (const act of [
          () => agree(world, move, signatures),
          () => world.ledger.connect(agent).register(HOME, id("more"), SIZE),
        ]) {
          await nextBlockAt(world, until + offset);
          if (allowed) await act();
          else {
            await expectRefusal(
              world,
              act(),
              "CloudRegistry_AgentExpired",
              HOME,
              agent!.address,
              BigInt(until) * MS,
              BigInt(until + offset) * MS,
            );
          }
          await before.restore();
        }
      });
    }

    it("signs within its scopes: MOVE_OUT is not HOST, and neither is anything else", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      const vm = await abroad(world);
      for (const [cloud, scopes, needed] of [
        [HOME, AgentScope.HOST, AgentScope.MOVE_OUT],
        [HOST, AgentScope.MOVE_OUT, AgentScope.HOST],
        [OTHER, AgentScope.MOVE_OUT | AgentScope.RELAY | AgentScope.OFFER, AgentScope.HOST],
        [OTHER, AgentScope.REPORT | AgentScope.VALIDATOR, AgentScope.HOST],
      ] as const) {
        const before = await networkHelpers.takeSnapshot();
        await bindAgent(world, cloud, agent!, { scopes });
        const document = await recordOf(world, [vm], { destination: OTHER });
        await expectRefusal(
          world,
          record(world, document, await sign(world, "Record", document, [HOME, HOST, OTHER], { [cloud]: agent! })),
          "CloudRegistry_ScopeMissing",
          cloud,
          agent!.address,
          needed,
          scopes,
        );
        await before.restore();
      }
    });

    it("deals with its partners only, wherever the third cloud stands in the document", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      const vm = await abroad(world);
      for (const [cloud, partners, missing] of [
        [HOME, [HOST], OTHER],
        [HOME, [OTHER], HOST],
        [HOST, [HOME], OTHER],
        [HOST, [OTHER], HOME],
        [OTHER, [HOME], HOST],
        [OTHER, [HOST, FOURTH], HOME],
      ] as const) {
        const before = await networkHelpers.takeSnapshot();
        await bindAgent(world, cloud, agent!, { partners: [...partners] });
        const document = await recordOf(world, [vm], { destination: OTHER });
        await expectRefusal(
          world,
          record(world, document, await sign(world, "Record", document, [HOME, HOST, OTHER], { [cloud]: agent! })),
          "CloudRegistry_PartnerNotAllowed",
          cloud,
          agent!.address,
          missing,
        );
        await before.restore();
      }
    });

    it("of one cloud does not speak for another", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [agent] = world.spare;
      await bindAgent(world, FOURTH, agent!, { scopes: 63 });
      const move = await moveOf(world, [await register(world)]);

      await expectRefusal(
        world,
        agree(world, move, await sign(world, "Move", move, [HOME, HOST], { [HOME]: agent! })),
        "CloudRegistry_BadSignature",
        HOME,
        agent!.address,
      );
      await expectRefusal(
        world,
        world.ledger.connect(agent).revoke(HOST, documentId("Move", move)),
        "CloudRegistry_NotAuthorized",
        HOST,
        agent!.address,
      );
    });
  });

  describe("a contract that signs", function () {
    it("cannot act again while it is asked: it is called without leave to change anything", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const account = contractAccount(world);
      const [vm, own] = [await register(world), await register(world, CONTRACT)];
      const address = await world.ledger.getAddress();
      const { ledger } = world;
      const move = await moveOf(world, [vm], { destination: CONTRACT });
      const open = await agreed(world, [await register(world)], { destination: CONTRACT });
      for (const callback of [
        ledger.interface.encodeFunctionData("revoke", [CONTRACT, documentId("Move", move)]),
        ledger.interface.encodeFunctionData("terminate", [own]),
        ledger.interface.encodeFunctionData("abort", [publicMove(open), CONTRACT, 1]),
        ledger.interface.encodeFunctionData("register", [CONTRACT, id("within"), SIZE]),
      ]) {
        const before = await networkHelpers.takeSnapshot();
        await account.setMood(Mood.CallingBack, address, callback);
        const { nonce } = await vmOf(world, own);

        // The account answers yes exactly when its call back failed.
        await agree(world, move);

        await expectState(world, vm, "Agreed");
        expect((await vmOf(world, own)).nonce).to.equal(nonce);
        expect(await ledger.isRevoked(CONTRACT, documentId("Move", move))).to.equal(false);
        await before.restore();
      }
    });

    it("is a no when it refuses, reverts, burns its gas or answers at length", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const account = contractAccount(world);
      const vm = await register(world);
      for (const mood of [Mood.Refusing, Mood.Reverting, Mood.BurningGas, Mood.Shouting]) {
        await account.setMood(mood, world.stranger.address, "0x");
        const move = await moveOf(world, [vm], { destination: CONTRACT });
        await expectRefusal(
          world,
          agree(world, move),
          "CloudRegistry_BadSignature",
          CONTRACT,
          world.clouds[CONTRACT - 1]!.key.address,
        );
      }
      await account.setMood(Mood.Honest, world.stranger.address, "0x");
      await agree(world, await moveOf(world, [vm], { destination: CONTRACT }));
    });

    it("costs whoever brings its signature a bounded amount of gas", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const account = contractAccount(world);
      const vm = await register(world);
      const move = await moveOf(world, [vm], { destination: CONTRACT });
      const signatures = await sign(world, "Move", move, [HOME, CONTRACT]);
      const { gasUsed: honest } = (await (await agree(world, move, signatures)).wait())!;
      const second = await moveOf(world, [await register(world)], { destination: CONTRACT });
      const papers = await sign(world, "Move", second, [HOME, CONTRACT]);
      await account.setMood(Mood.BurningGas, world.stranger.address, "0x");
      const sent = await world.ledger
        .agree(publicMove(second), papers, { gasLimit: 5_000_000n })
        .catch(() => undefined);
      const receipt = await sent?.wait().catch(() => undefined);
      const block = await world.connection.ethers.provider.getBlock("latest");

      expect(receipt?.status).to.not.equal(1);
      expect(block!.gasUsed < honest + 200_000n).to.equal(true);
    });

    it("is not asked for a cloud whose account is a plain key, even if code appears there", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const code = await world.connection.ethers.provider.getCode(world.clouds[CONTRACT - 1]!.account);
      await networkHelpers.setCode(world.clouds[HOST - 1]!.account, code);
      const move = await moveOf(world, [vm]);

      await expectRefusal(
        world,
        agree(world, move, await sign(world, "Move", move, [HOME, HOST], { [HOST]: world.clouds[CONTRACT - 1]!.key })),
        "CloudRegistry_BadSignature",
        HOST,
        world.clouds[CONTRACT - 1]!.key.address,
      );
    });
  });

  describe("a stranger", function () {
    it("withdraws nothing for others by a flag of its own", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await moveOf(world, [await register(world)]);
      const paper = documentId("Move", move);
      for (const cloud of [OTHER, FOURTH, 5]) await as(world, cloud).revoke(cloud, paper);
      for (const signer of [HOME, HOST]) {
        await expectRefusal(
          world,
          as(world, FOURTH).revoke(signer, paper),
          "CloudRegistry_NotAuthorized",
          signer,
          world.clouds[FOURTH - 1]!.account,
        );
      }

      await agree(world, move);
    });

    it("brings what others signed, and nothing else comes of it", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);

      const move = await completed(world, [vm]);

      const { host } = await vmOf(world, vm);
      expect(host).to.equal(move.agreement.destination);
    });
  });

  it("a signature with the other s, or in short form, is no second one (INV-ONCE)", async function () {
    const world = await networkHelpers.loadFixture(federation);
    const move = await started(world, [await register(world)]);
    const handover = await handoverOf(world, move);
    const [first, second] = (await sign(world, "Handover", handover, [HOST, HOME])) as [string, string];
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = BigInt(`0x${second.slice(66, 130)}`);
    const v = second.slice(130) === "1b" ? "1c" : "1b";
    const flipped = `${second.slice(0, 66)}${(order - s).toString(16).padStart(64, "0")}${v}`;
    const compact = second.slice(0, 130);

    for (const malleable of [flipped, compact, `${second}00`]) {
      await expect(complete(world, move, handover, [first, malleable])).to.be.revertedWithCustomError(
        world.registry,
        "CloudRegistry_BadSignature",
      );
    }
    await complete(world, move, handover, [first, second]);
  });
});
