import { expect } from "chai";
import { ZeroAddress, ZeroHash, id, recoverAddress } from "ethers";
import { network } from "hardhat";

import {
  type Journal,
  type JournalEntry,
  type SigningDeskOptions,
  BusError,
  agree,
  asSender,
  createMemoryJournal,
  createSigningDesk,
  documentDigest,
  documentId,
  freshSalt,
  hostAt,
  revoke,
} from "../../../src/index.js";
import {
  type Parties,
  type TestFederation,
  agreementFor,
  chainTime,
  newVm,
  offeringFederation,
} from "../../fixtures/library.js";

const connection = await network.create();
const { networkHelpers } = connection;

async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof BusError) return thrown.code;
    throw thrown;
  }
  return "none";
}

/** A federation with a VM of cloud 1, and the parties of a move to cloud 2. */
async function withVm(): Promise<TestFederation & { readonly vm: string; readonly parties: Parties }> {
  const found = await offeringFederation(connection);
  const [home, destination] = found.members;
  return { ...found, vm: await newVm(found, home), parties: { home, source: home, destination } };
}

async function deskOf(found: TestFederation, changes: Partial<SigningDeskOptions> = {}) {
  const journal = createMemoryJournal();
  const headMs = Number(await chainTime(found.federation));
  const [home] = found.members;
  const desk = createSigningDesk({
    signer: home.account,
    cloud: home.cloud,
    trusted: [found.addressBook],
    journal,
    now: () => headMs,
    ...changes,
  });
  return { desk, journal, headMs };
}

async function moveOf(found: TestFederation, parties: Parties, vms: readonly string[], overrides = {}) {
  const agreement = await agreementFor(found, parties, vms, overrides);
  return { agreement, startBy: agreement.agreeBy + 1n, completeBy: agreement.agreeBy + 2n };
}

describe("createSigningDesk", function () {
  describe("sign", function () {
    it("gives a signature under the contract's digest, after it was written down", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk, journal } = await deskOf(found);
      const move = await moveOf(found, found.parties, [found.vm]);

      const signed = await desk.sign(found.federation, "Move", move);

      const signer = await found.members[0].account.getAddress();
      expect(signed.id).to.equal(documentId("Move", move));
      expect(signed.digest).to.equal(documentDigest(found.federation.ledgerDomain, "Move", move));
      expect(recoverAddress(signed.digest, signed.signature)).to.equal(signer);
      const [entry] = journal.entries;
      expect(entry).to.include({ name: "Move", signer, cloud: 1, ...signed });
      expect(entry?.usableUntil).to.equal(move.agreement.agreeBy.toString());
      expect(entry?.document).to.have.property("startBy", move.startBy.toString());
    });

    it("gives signatures that the ledger accepts", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, parties, vm } = found;
      const { destination } = parties;
      const [home, other] = [
        await deskOf(found),
        await deskOf(found, { signer: destination.account, cloud: destination.cloud }),
      ];
      const move = await moveOf(found, parties, [vm]);
      const signed = [await home.desk.sign(federation, "Move", move), await other.desk.sign(federation, "Move", move)];

      const [sender] = found.spare;
      if (!sender) throw new Error("no key");
      await agree(
        asSender(federation, sender),
        move,
        signed.map(({ signature }) => signature),
      );
      expect(await hostAt(federation, vm, await chainTime(federation))).to.equal(1);
    });

    it("hands nothing out that could not be written down", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const journal: Journal = {
        append: () => Promise.reject(new BusError("JOURNAL", "disk full")),
        entriesAbout: () => [],
      };
      const { desk } = await deskOf(found, { journal });
      const move = await moveOf(found, found.parties, [found.vm]);

      expect(await codeOf(() => desk.sign(found.federation, "Move", move))).to.equal("JOURNAL");
    });

    it("waits for the journal", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const order: string[] = [];
      const journal: Journal = {
        append: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          order.push("journal");
        },
        entriesAbout: () => [],
      };
      const { desk } = await deskOf(found, { journal });
      await desk.sign(found.federation, "Move", await moveOf(found, found.parties, [found.vm]));
      order.push("signature");
      expect(order).to.deep.equal(["journal", "signature"]);
    });

    it("signs KeyAcceptance for the registry", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const [key] = found.spare;
      if (!key) throw new Error("no key");
      const { desk, headMs } = await deskOf(found, { signer: key });
      const document = { cloud: 1, key: await key.getAddress(), role: 3, validUntil: BigInt(headMs) };

      const { digest } = await desk.sign(found.federation, "KeyAcceptance", document);
      expect(digest).to.equal(documentDigest(found.federation.registryDomain, "KeyAcceptance", document));
    });

    it("signs ValidatorActivation for the validator set", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const [key] = found.spare;
      if (!key) throw new Error("no key");
      const { desk } = await deskOf(found, { signer: key });
      const document = {
        cloud: 1,
        validator: await key.getAddress(),
        replaces: ZeroAddress,
        blockNumber: 1n,
        blockHash: `0x${"11".repeat(32)}`,
      };

      const { digest } = await desk.sign(found.federation, "ValidatorActivation", document);
      expect(digest).to.equal(documentDigest(found.federation.validatorDomain, "ValidatorActivation", document));
    });
  });

  describe("refuses", function () {
    it("another node's activation", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk } = await deskOf(found);
      const document = {
        cloud: 1,
        validator: await found.members[1].account.getAddress(),
        replaces: ZeroAddress,
        blockNumber: 1n,
        blockHash: `0x${"11".repeat(32)}`,
      };
      expect(await codeOf(() => desk.sign(found.federation, "ValidatorActivation", document))).to.equal("NOT_THE_KEY");
    });

    it("a malformed document, and writes nothing down", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk, journal } = await deskOf(found);
      const move = await moveOf(found, found.parties, [found.vm], { salt: ZeroHash });

      expect(await codeOf(() => desk.sign(found.federation, "Move", move))).to.equal("ZERO_SALT");
      expect(journal.entries).to.deep.equal([]);
    });

    it("a document in which its cloud has no part", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk } = await deskOf(found, { cloud: 4 });
      const move = await moveOf(found, found.parties, [found.vm]);
      expect(await codeOf(() => desk.sign(found.federation, "Move", move))).to.equal("NOT_A_PARTY");
    });

    it("another key's acceptance", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk, headMs } = await deskOf(found);
      const key = await found.members[1].account.getAddress();
      const document = { cloud: 1, key, role: 3, validUntil: BigInt(headMs) };
      expect(await codeOf(() => desk.sign(found.federation, "KeyAcceptance", document))).to.equal("NOT_THE_KEY");
    });

    it("a document whose time is past, by the chain's time", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk, headMs } = await deskOf(found);
      const late = await moveOf(found, found.parties, [found.vm], { agreeBy: BigInt(headMs) - 1n });
      expect(await codeOf(() => desk.sign(found.federation, "Move", late))).to.equal("EXPIRED");
      const onTime = await moveOf(found, found.parties, [found.vm], { agreeBy: BigInt(headMs) });
      expect(await codeOf(() => desk.sign(found.federation, "Move", onTime))).to.equal("none");
    });

    it("a chain, a genesis or a contract that it does not know", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, addressBook, parties, vm } = found;
      const move = await moveOf(found, parties, [vm]);
      const trusting = async (changes: object) => {
        const { desk } = await deskOf(found, { trusted: [{ ...addressBook, ...changes }] });
        return codeOf(() => desk.sign(federation, "Move", move));
      };
      const contracts = { ...addressBook.contracts, MigrationLedger: addressBook.contracts.AccessManager };

      expect(await trusting({})).to.equal("none");
      expect(await trusting({ chainId: "1" })).to.equal("UNKNOWN_CHAIN");
      expect(await trusting({ genesisHash: id("other") })).to.equal("WRONG_GENESIS");
      expect(await trusting({ contracts })).to.equal("UNKNOWN_CONTRACT");
    });

    it("a node that serves another chain than it says", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, addressBook, parties, vm } = found;
      const move = await moveOf(found, parties, [vm]);
      const pretending = async (changes: object) => {
        const book = { ...addressBook, ...changes };
        const { desk } = await deskOf(found, { trusted: [book] });
        return codeOf(() => desk.sign({ ...federation, addressBook: book }, "Move", move));
      };

      expect(await pretending({ chainId: "1" })).to.equal("UNKNOWN_CHAIN");
      expect(await pretending({ genesisHash: id("other") })).to.equal("WRONG_GENESIS");
    });

    it("without a fresh head: at the limit it signs, beyond it does not, nor with a head of the future", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const move = await moveOf(found, found.parties, [found.vm]);
      const aged = async (ageMs: number, maxHeadAgeMs?: number) => {
        const { headMs } = await deskOf(found);
        const limit = maxHeadAgeMs === undefined ? {} : { maxHeadAgeMs };
        const { desk } = await deskOf(found, { now: () => headMs + ageMs, ...limit });
        return codeOf(() => desk.sign(found.federation, "Move", move));
      };

      expect(await aged(3_000)).to.equal("none");
      expect(await aged(3_001)).to.equal("STALE_HEAD");
      expect(await aged(-3_001)).to.equal("STALE_HEAD");
      expect(await aged(1_001, 1_000)).to.equal("STALE_HEAD");
    });
  });

  describe("contradictions", function () {
    it("refuses a second document about the same VM and nonce, of whatever type", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, parties, vm, members } = found;
      const { desk, headMs } = await deskOf(found);
      const move = await moveOf(found, parties, [vm]);
      await desk.sign(federation, "Move", move);

      const elsewhere = { ...parties, destination: members[2] };
      const { agreement } = await moveOf(found, elsewhere, [vm]);
      const receipts = [{ vm, stateDigest: ZeroHash, releasedAt: 1n, runningAt: 2n }];
      const succession = {
        vm,
        nonce: agreement.lines[0]?.nonce ?? 0,
        successor: federation.addressBook.contracts.MigrationLedger,
        validUntil: BigInt(headMs),
      };
      const signing = [
        () => desk.sign(federation, "Move", { ...move, agreement: { ...move.agreement, salt: freshSalt() } }),
        () => desk.sign(federation, "Record", { agreement, receipts }),
        () => desk.sign(federation, "Evacuation", { agreement }),
        () => desk.sign(federation, "Amendment", { agreement: { ...agreement, source: 3 } }),
        () => desk.sign(federation, "Succession", succession),
      ];
      for (const sign of signing) expect(await codeOf(sign)).to.equal("CONTRADICTION");
    });

    it("signs the same document again", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk } = await deskOf(found);
      const move = await moveOf(found, found.parties, [found.vm]);
      const first = await desk.sign(found.federation, "Move", move);
      expect((await desk.sign(found.federation, "Move", move)).id).to.equal(first.id);
    });

    it("finds one of two that come at the same time", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk } = await deskOf(found);
      const moves = await Promise.all([1, 2].map(() => moveOf(found, found.parties, [found.vm])));
      const codes = await Promise.all(moves.map((move) => codeOf(() => desk.sign(found.federation, "Move", move))));
      expect(codes).to.deep.equal(["none", "CONTRADICTION"]);
    });

    it("signs again after the first was revoked on the chain", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, parties, vm } = found;
      const { desk } = await deskOf(found);
      const first = await desk.sign(federation, "Move", await moveOf(found, parties, [vm]));
      const second = await moveOf(found, parties, [vm]);
      expect(await codeOf(() => desk.sign(federation, "Move", second))).to.equal("CONTRADICTION");

      await revoke(asSender(federation, parties.home.account), parties.home.cloud, first.id);
      expect(await codeOf(() => desk.sign(federation, "Move", second))).to.equal("none");
    });

    it("signs again after the first has expired, not at its last moment", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, parties, vm } = found;
      let clock = 0;
      const { desk, headMs } = await deskOf(found, { now: () => clock });
      clock = headMs;
      const agreeBy = BigInt(headMs) + 60_000n;
      await desk.sign(federation, "Move", await moveOf(found, parties, [vm], { agreeBy }));

      for (const [time, code] of [
        [agreeBy, "CONTRADICTION"],
        [agreeBy + 1_000n, "none"],
      ] as const) {
        await networkHelpers.time.increaseTo(time / 1_000n);
        clock = Number(await chainTime(federation));
        const second = await moveOf(found, parties, [vm]);
        expect(await codeOf(() => desk.sign(federation, "Move", second))).to.equal(code);
      }
    });

    it("finds what an earlier process signed", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk, journal } = await deskOf(found);
      await desk.sign(found.federation, "Move", await moveOf(found, found.parties, [found.vm]));

      const kept: readonly JournalEntry[] = JSON.parse(JSON.stringify(journal.entries)) as JournalEntry[];
      const again: Journal = {
        append: () => Promise.resolve(),
        entriesAbout: (subject) => kept.filter((entry) => entry.subjects.includes(subject)),
      };
      const { desk: later } = await deskOf(found, { journal: again });
      const second = await moveOf(found, found.parties, [found.vm]);
      expect(await codeOf(() => later.sign(found.federation, "Move", second))).to.equal("CONTRADICTION");
    });

    it("takes two handovers of one move for a contradiction, not a handover and an abort", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, vm } = found;
      const { desk, headMs } = await deskOf(found);
      const [move, validUntil] = [id("move"), BigInt(headMs)];
      const handover = (stateDigest: string) => ({
        move,
        releases: [{ vm, stateDigest, releasedAt: 1n }],
        validUntil,
      });
      await desk.sign(federation, "Handover", handover(id("one")));

      expect(await codeOf(() => desk.sign(federation, "Handover", handover(id("two"))))).to.equal("CONTRADICTION");
      expect(await codeOf(() => desk.sign(federation, "MutualAbort", { move, reason: 1, validUntil }))).to.equal(
        "none",
      );
    });

    it("lets a key accept one cloud and role, again and again, and no other", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const [signer] = found.spare;
      if (!signer) throw new Error("no key");
      const { desk, headMs } = await deskOf(found, { signer });
      const key = await signer.getAddress();
      const accept = (cloud: number, role: number, later = 0) =>
        codeOf(() =>
          desk.sign(found.federation, "KeyAcceptance", { cloud, key, role, validUntil: BigInt(headMs + later) }),
        );

      expect(await accept(1, 3)).to.equal("none");
      expect(await accept(1, 3, 1)).to.equal("none");
      expect(await accept(1, 2)).to.equal("CONTRADICTION");
      expect(await accept(2, 3)).to.equal("CONTRADICTION");
    });
  });
});
