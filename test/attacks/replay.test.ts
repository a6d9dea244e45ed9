import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import {
  type Agreement,
  type DocumentName,
  type Documents,
  documentId,
  publicAmendment,
  publicEvacuation,
  publicMove,
  publicRecord,
  signDocument,
} from "../../src/index.js";
import { expectRefusal, expectState } from "../fixtures/expectations.js";
import {
  HOME,
  HOST,
  MINUTE,
  OTHER,
  SIZE,
  type World,
  abortMutually,
  abroad,
  agree,
  agreed,
  agreementOn,
  amend,
  as,
  cloudOf,
  complete,
  consentOf,
  deploySuccessor,
  evacuate,
  expel,
  federate,
  federation,
  handoverOf,
  lost,
  moveOf,
  nowMs,
  pass,
  record,
  recordOf,
  register,
  registerMany,
  sign,
  snapshotOf,
  start,
  started,
  succeed,
  successionOf,
} from "../fixtures/federation.js";

const { networkHelpers } = await network.create();

/** Signatures of clouds for another domain than this ledger's. */
function signElsewhere<N extends DocumentName>(
  world: World,
  domain: Partial<World["domain"]>,
  name: N,
  document: Documents[N],
  clouds: readonly number[],
) {
  return Promise.all(
    clouds.map((cloud) => signDocument(cloudOf(world, cloud).key, { ...world.domain, ...domain }, name, document)),
  );
}

const refused = (world: World, sent: Promise<unknown>) =>
  expect(sent).to.be.revertedWithCustomError(world.registry, "CloudRegistry_BadSignature");

describe("A signature brought where it does not belong (INV-ONCE)", function () {
  describe("another domain", function () {
    for (const [what, domain] of [
      ["chain", { chainId: 1n }],
      ["contract", { verifyingContract: "0x00000000000000000000000000000000000000aa" }],
      ["product", { name: "BlockchainBuz" as "BlockchainBus" }],
      ["version", { version: "2" as "1" }],
    ] as const) {
      it(`of another ${what}: no document is taken`, async function () {
        const world = await networkHelpers.loadFixture(federation);
        const [vm, second, third] = [await register(world), await register(world), await abroad(world)];
        const gone = await lost(world);
        const move = await moveOf(world, [vm]);
        await refused(world, agree(world, move, await signElsewhere(world, domain, "Move", move, [HOME, HOST])));
        const document = await recordOf(world, [vm]);
        await refused(
          world,
          record(world, document, await signElsewhere(world, domain, "Record", document, [HOME, HOST])),
        );
        const amendment = { agreement: await agreementOn(world, [third], { destination: HOST }) };
        await refused(
          world,
          amend(world, amendment, await signElsewhere(world, domain, "Amendment", amendment, [HOME, HOST])),
        );
        const open = await started(world, [second]);
        const handover = await handoverOf(world, open);
        await refused(
          world,
          complete(world, open, handover, await signElsewhere(world, domain, "Handover", handover, [HOST, HOME])),
        );
        const consent = await consentOf(world, open);
        await refused(
          world,
          abortMutually(world, open, consent, await signElsewhere(world, domain, "MutualAbort", consent, [HOME, HOST])),
        );
        await world.ledger.connect(world.governance).setSuccessor(world.guardian.address);
        const succession = await successionOf(world, third, world.guardian.address);
        await refused(
          world,
          succeed(world, succession, await signElsewhere(world, domain, "Succession", succession, [HOME, HOST])),
        );
        await pass(world, 15 * MINUTE);
        const evacuation = { agreement: await agreementOn(world, [gone], { destination: OTHER }) };
        await refused(
          world,
          evacuate(world, evacuation, await signElsewhere(world, domain, "Evacuation", evacuation, [HOME, OTHER])),
        );
      });
    }

    it("of a second federation with the same founders on the same chain", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const second = await federate(world.connection, world.clouds);
      const localId = id("the same machine");
      for (const each of [world, second]) await as(each, HOME).register(HOME, localId, SIZE);
      const vm = await world.ledger.vmIdOf(HOME, localId);
      const vm2 = await second.ledger.vmIdOf(HOME, localId);
      expect(vm).to.not.equal(vm2);

      const move = await moveOf(world, [vm]);
      const signatures = await sign(world, "Move", move, [HOME, HOST]);
      await refused(second, second.ledger.agree(publicMove(move), signatures));
      const renamed = { ...move, agreement: { ...move.agreement, lines: [{ ...move.agreement.lines[0]!, vm: vm2 }] } };
      await refused(second, second.ledger.agree(publicMove(renamed), signatures));
      await agree(world, move, signatures);
      await expectState(second, vm2, "Home");
    });

    it("of the successor, or the predecessor: the same VM, nonce and parties", async function () {
      const old = await networkHelpers.loadFixture(federation);
      const vm = await abroad(old);
      const next = await deploySuccessor(old);
      await old.ledger.connect(old.governance).closeForNew();
      await old.ledger.connect(old.governance).setSuccessor(await next.ledger.getAddress());
      await succeed(old, await successionOf(old, vm, await next.ledger.getAddress()));
      await next.ledger.adopt(vm);

      const move = await moveOf(next, [vm]);
      await refused(next, next.ledger.agree(publicMove(move), await sign(old, "Move", move, [HOME])));
      await agree(next, move);
    });
  });

  describe("another document of the same agreement", function () {
    it("fits one primary type and no other", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const [vm, gone] = [await abroad(world), await lost(world)];
      await pass(world, 15 * MINUTE);
      const now = await nowMs(world);
      const bring: readonly [
        name: "Move" | "Record" | "Amendment" | "Evacuation",
        vm: string,
        destination: number,
        document: (agreement: Agreement) => object,
        send: (document: never, signatures: string[]) => Promise<unknown>,
        signers: number[],
      ][] = [
        [
          "Move",
          vm,
          OTHER,
          (agreement) => ({ agreement, startBy: now + 3_600_000n, completeBy: now + 7_200_000n }),
          (document, signatures) => world.ledger.agree(publicMove(document), signatures),
          [HOME, OTHER],
        ],
        [
          "Record",
          vm,
          OTHER,
          (agreement) => ({
            agreement,
            receipts: [{ vm, stateDigest: id("state"), releasedAt: now, runningAt: now }],
          }),
          (document, signatures) => world.ledger.record(publicRecord(document), signatures),
          [HOME, HOST, OTHER],
        ],
        [
          "Amendment",
          vm,
          HOST,
          (agreement) => ({ agreement }),
          (document, signatures) => world.ledger.amend(publicAmendment(document), signatures),
          [HOME, HOST],
        ],
        [
          "Evacuation",
          gone,
          OTHER,
          (agreement) => ({ agreement }),
          (document, signatures) => world.ledger.evacuate(publicEvacuation(document), signatures),
          [HOME, OTHER],
        ],
      ];
      for (const [name, which, destination, make, send, signers] of bring) {
        const agreement = await agreementOn(world, [which], { destination });
        const document = make(agreement);
        for (const [otherName, , , makeOther] of bring) {
          if (otherName === name) continue;
          const other = makeOther(agreement) as Documents[typeof otherName];
          const signatures = await sign(world, otherName, other as never, signers);
          await refused(world, send(document as never, signatures));
        }
        const before = await networkHelpers.takeSnapshot();
        await send(document as never, await sign(world, name, document as never, signers));
        await before.restore();
      }
    });

    it("does not pass a consent to abort off as a handover, nor a handover as a consent", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await started(world, [await abroad(world)], { destination: OTHER });
      const [handover, consent] = [await handoverOf(world, move), await consentOf(world, move)];

      await refused(world, complete(world, move, handover, await sign(world, "MutualAbort", consent, [OTHER, HOST])));
      await refused(world, abortMutually(world, move, consent, await sign(world, "Handover", handover, [HOST, OTHER])));
    });
  });

  describe("another agreement, order or role", function () {
    it("covers every field of the agreement", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vms = (await registerMany(world, 2)) as [string, string];
      const before = await snapshotOf(world, vms[0]);
      const move = await moveOf(world, vms);
      const signatures = await sign(world, "Move", move, [HOME, HOST]);
      const { agreement } = move;
      const [first, second] = agreement.lines as [Agreement["lines"][0], Agreement["lines"][0]];
      const changed: Partial<Agreement>[] = [
        { site: 1 },
        { windowMs: agreement.windowMs + 1n },
        { noticeMs: agreement.noticeMs - 1n },
        { keepMs: 0n },
        { digestKind: 1 },
        { witnesses: { members: [world.stranger.address], required: 1 } },
        { terms: { ...agreement.terms, price: { ...agreement.terms.price, currency: "USD" } } },
        { terms: { ...agreement.terms, sla: { ...agreement.terms.sla, capBps: 0 } } },
        { charter: id("another law") },
        { agreeBy: agreement.agreeBy + 1n },
        { salt: id("another") },
        { lines: [first] },
        { lines: [second] },
        { lines: [{ ...first, features: 1n }, second] },
        { lines: [first, { ...second, resources: { ...second.resources, gpus: 1 } }] },
        { lines: [first, { ...second, nonce: 2 }] },
        { lines: [second, first] },
      ];
      for (const change of changed) {
        await refused(world, agree(world, { ...move, agreement: { ...agreement, ...change } }, signatures));
      }
      await refused(world, agree(world, { ...move, startBy: move.startBy + 1n }, signatures));
      await refused(world, agree(world, { ...move, completeBy: move.completeBy + 1n }, signatures));
      expect(await snapshotOf(world, vms[0])).to.equal(before);
      await agree(world, move, signatures);
    });

    it("covers every field of a handover and of a record's receipts", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await started(world, [await register(world)]);
      await pass(world, 10);
      const handover = await handoverOf(world, move);
      const signatures = await sign(world, "Handover", handover, [HOST, HOME]);
      const [release] = handover.releases as [(typeof handover.releases)[0]];
      for (const change of [
        { validUntil: handover.validUntil - 1n },
        { releases: [{ ...release, stateDigest: id("another state") }] },
        { releases: [{ ...release, releasedAt: release.releasedAt - 1n }] },
      ]) {
        await refused(world, complete(world, move, { ...handover, ...change }, signatures));
      }
      const document = await recordOf(world, [await register(world)]);
      const [receipt] = document.receipts as [(typeof document.receipts)[0]];
      const papers = await sign(world, "Record", document, [HOME, HOST]);
      for (const change of [
        { stateDigest: id("another state") },
        { releasedAt: receipt.releasedAt - 1n },
        { runningAt: receipt.runningAt + 1n },
      ]) {
        await refused(world, record(world, { ...document, receipts: [{ ...receipt, ...change }] }, papers));
      }
    });

    it("does not let one cloud's signature stand for another part", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const move = await moveOf(world, [await abroad(world)], { destination: OTHER });
      const [home, host, other] = (await sign(world, "Move", move, [HOME, HOST, OTHER])) as [string, string, string];

      for (const pair of [
        [home, home],
        [home, host],
        [other, home],
        [other, other],
        [host, other],
      ]) {
        await refused(world, agree(world, move, pair));
      }
      await agree(world, move, [home, other]);
    });
  });

  describe("another sequence", function () {
    it("dies with any act on the VM (INV-NONCE)", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const acts: readonly ((vm: string) => Promise<unknown>)[] = [
        (vm) =>
          as(world, HOME)
            .declareLost(vm)
            .then(() => as(world, HOME).withdrawLoss(vm)),
        async (vm) => as(world, HOST).giveNotice([vm], (await nowMs(world)) + 8n * 86_400_000n),
        async (vm) => {
          const move = await agreed(world, [vm]);
          await as(world, HOME).abort(publicMove(move), HOME, 1);
        },
        async (vm) => amend(world, { agreement: await agreementOn(world, [vm], { destination: HOST }) }),
      ];
      for (const act of acts) {
        const vm = await abroad(world);
        const held = await moveOf(world, [vm], { destination: OTHER });
        const signatures = await sign(world, "Move", held, [HOME, OTHER]);
        await act(vm);
        await expect(agree(world, held, signatures)).to.be.revertedWithCustomError(
          world.ledger,
          "MigrationLedger_StaleNonce",
        );
      }
    });

    it("does not come back when the VM is at the same host again", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const out = await recordOf(world, [vm]);
      const papers = await sign(world, "Record", out, [HOME, HOST]);
      await record(world, out, papers);
      await record(world, await recordOf(world, [vm]));

      await expectRefusal(world, record(world, out, papers), "MigrationLedger_StaleNonce", vm, 3, 1);
    });

    it("does not carry a handover from a move that was given up to its repetition", async function () {
      const world = await networkHelpers.loadFixture(federation);
      const vm = await register(world);
      const first = await started(world, [vm]);
      const handover = await handoverOf(world, first);
      const papers = await sign(world, "Handover", handover, [HOST, HOME]);
      await as(world, HOME).abort(publicMove(first), HOME, 1);
      const second = await moveOf(world, [vm]);
      await agree(world, second);
      await start(world, second);

      await expectRefusal(
        world,
        complete(world, second, handover, papers),
        "MigrationLedger_OtherMove",
        documentId("Move", second),
        documentId("Move", first),
      );
      const forged = { ...handover, move: documentId("Move", second) };
      await refused(world, complete(world, second, forged, papers));
    });
  });

  it("is judged by the keys of the moment: one by a cloud that was expelled since counts for an exit only", async function () {
    const world = await networkHelpers.loadFixture(federation);
    const vm = await register(world);
    const move = await moveOf(world, [vm]);
    const signatures = await sign(world, "Move", move, [HOME, HOST]);
    await expel(world, HOST);

    await expectRefusal(world, agree(world, move, signatures), "MigrationLedger_StatusForbids", HOST, 4);
  });
});
