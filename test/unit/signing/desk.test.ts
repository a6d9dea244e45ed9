import { expect } from "chai";
import { ZeroAddress, ZeroHash, id, recoverAddress } from "ethers";
import { network } from "hardhat";

import {
  type AgreedReport,
  type Journal,
  type JournalEntry,
  type Observation,
  type SigningDeskOptions,
  type Documents,
  BusError,
  NoteReason,
  agree,
  asSender,
  buildMetrics,
  createMemoryJournal,
  createSigningDesk,
  documentDigest,
  documentId,
  freshSalt,
  hostAt,
  postNotes,
  revoke,
  signDocument,
  withdrawSignature,
} from "../../../src/index.js";
import {
  type Parties,
  type TestFederation,
  agreementFor,
  chainTime,
  newVm,
  offeringFederation,
  recordAbroad,
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

/** Cloud 1 owes cloud 2 a unit of the books more. */
const noteUntil = (validUntil: bigint): Documents["Note"] => ({
  refersTo: ZeroHash,
  creditor: 2,
  debtor: 1,
  currency: "EUR",
  amount: 1n,
  vm: ZeroHash,
  sequence: 0,
  through: 0n,
  reason: NoteReason.UNSPECIFIED,
  validUntil,
  salt: id("salt"),
});

async function moveOf(found: TestFederation, parties: Parties, vms: readonly string[], overrides = {}) {
  const agreement = await agreementFor(found, parties, vms, overrides);
  return { agreement, startBy: agreement.agreeBy + 1n, completeBy: agreement.agreeBy + 2n };
}

const METRICS = buildMetrics({ availabilityPpm: 999_000 });

function reportOf(vm: string, changes: Partial<AgreedReport> = {}): AgreedReport {
  return { vm, sequence: 2, window: 0, metrics: { values: METRICS, salt: id("salt") }, ...changes };
}

function observationOf(vm: string, changes: Partial<Observation> = {}): Observation {
  return { vm, sequence: 2, window: 0, metrics: METRICS, samplesRoot: id("samples"), ...changes };
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

    it("signs AgreedReport and Observation for the oracle", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { desk, journal } = await deskOf(found);
      const { federation, vm } = found;

      const report = await desk.sign(federation, "AgreedReport", reportOf(vm));
      const observation = await desk.sign(federation, "Observation", observationOf(vm));

      const { oracleDomain, addressBook } = federation;
      expect(report.digest).to.equal(documentDigest(oracleDomain, "AgreedReport", reportOf(vm)));
      expect(observation.digest).to.equal(documentDigest(oracleDomain, "Observation", observationOf(vm)));
      expect(journal.entries.map(({ contract }) => contract)).to.deep.equal(
        Array(2).fill(addressBook.contracts.SlaOracle),
      );
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
      const otherOracle = { ...addressBook.contracts, SlaOracle: addressBook.contracts.AccessManager };
      expect(await trusting({ contracts: otherOracle })).to.equal("UNKNOWN_CONTRACT");
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

    it("signs notes and joint settlements for the books, to which its cloud is a party", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation } = found;
      const { desk, headMs } = await deskOf(found);
      const note = noteUntil(BigInt(headMs));
      const settlement = { vm: found.vm, sequence: 1, to: 1n, validUntil: BigInt(headMs) };

      for (const [name, document] of [
        ["Note", note],
        ["JointSettlement", settlement],
      ] as const) {
        const { signature, digest } = await desk.sign(federation, name, document);
        expect(digest).to.equal(documentDigest(federation.chargingDomain, name, document));
        expect(recoverAddress(digest, signature)).to.equal(await found.parties.home.account.getAddress());
      }
      expect(await codeOf(() => desk.sign(federation, "Note", { ...note, debtor: 3 }))).to.equal("NOT_A_PARTY");
      expect(await codeOf(() => desk.sign(federation, "Note", { ...note, validUntil: 0n }))).to.equal("EXPIRED");
    });

    it("replaces a stay's charge once at a time, and clears a debt once at a time", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, parties, vm } = found;
      const { desk, headMs } = await deskOf(found);
      const note = noteUntil(BigInt(headMs) + 60_000n);
      const replacement = { ...note, vm, sequence: 1, through: 1n };
      const netting = { ...note, reason: NoteReason.NETTING, refersTo: id("round") };
      const sign = (document: Documents["Note"]) => codeOf(() => desk.sign(federation, "Note", document));
      await desk.sign(federation, "Note", replacement);
      const { id: cleared } = await desk.sign(federation, "Note", netting);

      expect(await sign({ ...replacement, through: 2n })).to.equal("CONTRADICTION");
      expect(await sign({ ...replacement, sequence: 2 })).to.equal("none");
      expect(await sign({ ...netting, creditor: 1, debtor: 2, amount: 2n })).to.equal("CONTRADICTION");
      expect(await sign({ ...netting, currency: "USD" })).to.equal("none");
      expect(await sign({ ...note, amount: 2n })).to.equal("none");
      await withdrawSignature(asSender(federation, parties.home.account), parties.home.cloud, cleared);
      expect(await sign({ ...netting, amount: 2n })).to.equal("none");
    });

    it("signs the next note about a charge once the first was posted", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, parties, vm } = found;
      await recordAbroad(found, parties.home, parties.destination, [vm]);
      const { desk, headMs, journal } = await deskOf(found);
      const { startedAt } = await federation.ledger.stayOf(vm, 2);
      const note = { ...noteUntil(BigInt(headMs) + 60_000n), vm, sequence: 2, through: startedAt + 1n };
      const { signature } = await desk.sign(federation, "Note", note);
      const creditor = await signDocument(parties.destination.account, federation.chargingDomain, "Note", note);
      const next = { ...note, salt: id("next") };
      expect(await codeOf(() => desk.sign(federation, "Note", next))).to.equal("CONTRADICTION");

      await postNotes(asSender(federation, parties.home.account), [note], [creditor, signature]);

      const { desk: later } = await deskOf(found, { journal });
      expect(await codeOf(() => later.sign(federation, "Note", next))).to.equal("none");
    });

    it("signs one report and one observation of a window, which nobody can revoke", async function () {
      const found = await networkHelpers.loadFixture(withVm);
      const { federation, vm } = found;
      const { desk } = await deskOf(found);
      const report = (changes = {}) => codeOf(() => desk.sign(federation, "AgreedReport", reportOf(vm, changes)));
      const observation = (changes = {}) =>
        codeOf(() => desk.sign(federation, "Observation", observationOf(vm, changes)));
      const metrics = { values: buildMetrics({ availabilityPpm: 1 }), salt: id("salt") };

      expect(await report()).to.equal("none");
      expect(await report()).to.equal("none");
      expect(await report({ metrics })).to.equal("CONTRADICTION");
      expect(await report({ metrics, window: 1 })).to.equal("none");
      expect(await observation()).to.equal("none");
      expect(await observation({ samplesRoot: id("other") })).to.equal("CONTRADICTION");
      expect(await observation({ samplesRoot: id("other"), sequence: 3 })).to.equal("none");
      await revoke(asSender(federation, found.members[0].account), 1, documentId("AgreedReport", reportOf(vm)));
      expect(await report({ metrics })).to.equal("CONTRADICTION");
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
