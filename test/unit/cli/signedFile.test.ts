import { expect } from "chai";
import { ZeroHash, id } from "ethers";
import { network } from "hardhat";

import { type SignedFile, parseSignedFile, unsignedFile, writeSignedFile } from "../../../src/cli/signedFile.js";
import { requiredSigners } from "../../../src/cli/signers.js";
import {
  BusError,
  type DocumentName,
  type Documents,
  KeyRole,
  NoteReason,
  buildMetrics,
  domainFor,
  freshSalt,
  signDocument,
} from "../../../src/index.js";
import {
  type Member,
  type TestFederation,
  agreedMove,
  agreementFor,
  chainTime,
  newVm,
  offeringFederation,
  recordAbroad,
} from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

/** A VM of cloud 1 that cloud 2 hosts. */
async function hosted() {
  const found = await networkHelpers.loadFixture(offeringFederation);
  const [home, host, third] = found.members;
  const vm = await newVm(found, home);
  await recordAbroad(found, home, host, [vm]);
  return { found, home, host, third, vm, until: (await chainTime(found.federation)) + 600_000n };
}

async function signedBy<N extends DocumentName>(
  { federation }: TestFederation,
  name: N,
  document: Documents[N],
  ...members: readonly Member[]
): Promise<SignedFile> {
  const domain = domainFor(federation, name);
  const signatures = await Promise.all(
    members.map(async ({ account, cloud }) => [cloud, await signDocument(account, domain, name, document)] as const),
  );
  return { ...(await unsignedFile(federation, name, document)), signatures: new Map(signatures) };
}

async function refusalOf(parsing: Promise<unknown>): Promise<BusError> {
  const thrown: unknown = await parsing.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).to.be.instanceOf(BusError);
  return thrown as BusError;
}

describe("parseSignedFile", function () {
  /** Writes a file, reads it again, and tells who must sign. */
  async function read<N extends DocumentName>(
    found: TestFederation,
    name: N,
    document: Documents[N],
    ...members: readonly Member[]
  ) {
    const file = await signedBy(found, name, document, ...members);
    const text = writeSignedFile(file);
    const checked = await parseSignedFile(found.federation, JSON.parse(text), "x.json");
    expect(checked.document).to.deep.equal(document);
    expect(writeSignedFile(checked)).to.equal(text);
    return checked.signers.map(({ cloud, role }) => `${role} ${cloud}`);
  }

  it("gives back every document that clouds sign, and knows who signs it in which order", async function () {
    const { found, home, host, third, vm, until } = await hosted();
    const parties = { home, source: host, destination: third };
    const agreement = await agreementFor(found, parties, [vm]);
    const amended = { ...agreement, destination: host.cloud };
    const receipts = [{ vm, stateDigest: ZeroHash, releasedAt: until, runningAt: until }];
    const note = {
      refersTo: ZeroHash,
      creditor: 2,
      debtor: 1,
      currency: "EUR",
      amount: 5n,
      vm: ZeroHash,
      sequence: 0,
      through: 0n,
      reason: NoteReason.CORRECTION,
      validUntil: until,
      salt: freshSalt(),
    };
    const metrics = { values: buildMetrics({ lossPpm: 3 }), salt: freshSalt() };
    const successor = await found.federation.ledger.getAddress();

    expect(await read(found, "Evacuation", { agreement }, home, third)).to.deep.equal(["home 1", "destination 3"]);
    expect(await read(found, "Amendment", { agreement: amended }, home, host)).to.deep.equal(["home 1", "host 2"]);
    expect(await read(found, "Record", { agreement, receipts }, home, host, third)).to.deep.equal([
      "home 1",
      "source 2",
      "destination 3",
    ]);
    expect(await read(found, "Note", note, home, host)).to.deep.equal(["creditor 2", "debtor 1"]);
    expect(
      await read(found, "JointSettlement", { vm, sequence: 2, to: until, validUntil: until }, home, host),
    ).to.deep.equal(["home 1", "host 2"]);
    expect(await read(found, "AgreedReport", { vm, sequence: 2, window: 0, metrics }, home, host)).to.deep.equal([
      "home 1",
      "host 2",
    ]);
    expect(await read(found, "Succession", { vm, nonce: 1, successor, validUntil: until }, home, host)).to.deep.equal([
      "home 1",
      "host 2",
    ]);

    const move = await agreedMove(found, parties, [vm]);
    const { id: moveId } = await unsignedFile(found.federation, "Move", move);
    const handover = { move: moveId, releases: [{ vm, stateDigest: ZeroHash, releasedAt: until }], validUntil: until };
    const consent = { move: moveId, reason: 1, validUntil: until };
    expect(await read(found, "Handover", handover, host, third)).to.deep.equal(["destination 3", "source 2"]);
    expect(await read(found, "MutualAbort", consent, third)).to.deep.equal(["source 2", "destination 3"]);
  });

  it("needs one signature where home is both sides", async function () {
    const { found, home, host, vm } = await hosted();
    const agreement = await agreementFor(found, { home, source: host, destination: home }, [vm]);

    const signers = await requiredSigners(found.federation, "Evacuation", { agreement });

    expect(signers.map(({ cloud }) => cloud)).to.deep.equal([1]);
  });

  it("refuses what a key signs alone, and what is about nothing that is there", async function () {
    const { found, vm } = await hosted();
    const metrics = buildMetrics({ availabilityPpm: 999_000 });
    const observation = { vm, sequence: 2, window: 0, metrics, samplesRoot: id("samples") };
    const handover = { move: id("no move"), releases: [{ vm, stateDigest: ZeroHash, releasedAt: 1n }], validUntil: 1n };
    const settlement = { vm, sequence: 9, to: 1n, validUntil: 1n };

    const codeOf = async (parsing: Promise<unknown>) => (await refusalOf(parsing)).code;
    const { federation } = found;
    expect(await codeOf(unsignedFile(federation, "Observation", observation))).to.equal("BAD_SIGNED_FILE");
    expect(await codeOf(unsignedFile(federation, "Handover", handover))).to.equal("BAD_SIGNED_FILE");
    // The ledger says so itself: it knows no such stay.
    expect(await codeOf(unsignedFile(federation, "JointSettlement", settlement))).to.equal("REVERTED");
  });

  it("takes a key's acceptance from that key alone", async function () {
    const { found, home, host, until } = await hosted();
    const key = await home.account.getAddress();
    const acceptance = { cloud: 1, key, role: KeyRole.Agent, validUntil: until };

    expect(await read(found, "KeyAcceptance", acceptance, home)).to.deep.equal(["key 1"]);
    const file = await signedBy(found, "KeyAcceptance", acceptance);
    for (const signature of [await host.account.signMessage("x"), "0x12"]) {
      const forged = writeSignedFile({ ...file, signatures: new Map([[1, signature]]) });
      const refusal = await refusalOf(parseSignedFile(found.federation, JSON.parse(forged), "x.json"));
      expect([refusal.code, refusal.message]).to.deep.equal([
        "BAD_SIGNATURE",
        `the signature is not that of the key ${key}`,
      ]);
    }
  });

  it("refuses one cloud's signature as that of another", async function () {
    const { found, home, host, until } = await hosted();
    const note = {
      ...{ refersTo: ZeroHash, creditor: 2, debtor: 1, currency: "EUR", amount: 5n, vm: ZeroHash, sequence: 0 },
      ...{ through: 0n, reason: NoteReason.CORRECTION, validUntil: until, salt: freshSalt() },
    };
    const file = await signedBy(found, "Note", note, home);
    const forged = { ...file, signatures: new Map([[host.cloud, file.signatures.get(1) ?? ""]]) };

    const refusal = await refusalOf(parseSignedFile(found.federation, JSON.parse(writeSignedFile(forged)), "x.json"));

    expect(refusal.code).to.equal("BAD_SIGNATURE");
  });
});
