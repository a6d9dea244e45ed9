import { expect } from "chai";
import fc from "fast-check";
import { Wallet, verifyTypedData } from "ethers";
import { network } from "hardhat";

import {
  agreementId,
  digestOfId,
  documentDigest,
  documentId,
  domainOf,
  type Documents,
  EIP712_TYPES,
  type Domain,
  moveOfEvent,
  packResources,
  publicAgreement,
  publicAmendment,
  publicDocumentId,
  publicEvacuation,
  publicMove,
  publicRecord,
  signDocument,
  typesOf,
  unpackResources,
} from "../../../src/index.js";
import { DocumentProbe__factory } from "../../../src/typechain/factories/contracts/mocks/DocumentProbe__factory.js";
import type { DocumentProbe } from "../../../src/typechain/contracts/mocks/DocumentProbe.js";
import { agreement, documents, resources } from "../../fixtures/arbitraries.js";

const { ethers, networkHelpers } = await network.create();

async function probed(): Promise<{ probe: DocumentProbe; domain: Domain }> {
  const [deployer] = await ethers.getSigners();
  if (!deployer) throw new Error("no signer");
  const probe = await new DocumentProbe__factory(deployer).deploy();
  const { chainId } = await ethers.provider.getNetwork();
  return { probe, domain: domainOf(chainId, await probe.getAddress()) };
}

type Answer = Promise<[string, string] & { id: string; digest: string }>;

/** The contract's hashes of each document, of what the library sends of it. */
const asked: { readonly [N in keyof Documents]: (probe: DocumentProbe, document: Documents[N]) => Answer } = {
  Move: (probe, document) => probe.hashMove(publicMove(document)),
  Handover: (probe, document) => probe.hashHandover(document),
  MutualAbort: (probe, document) => probe.hashMutualAbort(document),
  Record: (probe, document) => probe.hashRecord(publicRecord(document)),
  Amendment: (probe, document) => probe.hashAmendment(publicAmendment(document)),
  Evacuation: (probe, document) => probe.hashEvacuation(publicEvacuation(document)),
  Succession: (probe, document) => probe.hashSuccession(document),
  KeyAcceptance: (probe, document) => probe.hashKeyAcceptance(document),
  ValidatorActivation: (probe, document) => probe.hashValidatorActivation(document),
};

describe("documents", function () {
  describe("digests", function () {
    function agrees<N extends keyof Documents>(name: N, ask: (typeof asked)[N]) {
      it(`of ${name} are the contract's`, async function () {
        const { probe, domain } = await networkHelpers.loadFixture(probed);

        await fc.assert(
          fc.asyncProperty(documents[name], async (document) => {
            const { id, digest } = await ask(probe, document);
            expect(documentId(name, document)).to.equal(id);
            expect(documentDigest(domain, name, document)).to.equal(digest);
            expect(digestOfId(domain, id)).to.equal(digest);
          }),
          { numRuns: 60 },
        );
      });
    }
    agrees("Move", asked.Move);
    agrees("Handover", asked.Handover);
    agrees("MutualAbort", asked.MutualAbort);
    agrees("Record", asked.Record);
    agrees("Amendment", asked.Amendment);
    agrees("Evacuation", asked.Evacuation);
    agrees("Succession", asked.Succession);
    agrees("KeyAcceptance", asked.KeyAcceptance);
    agrees("ValidatorActivation", asked.ValidatorActivation);

    it("of an agreement are the contract's, from its full and its public form", async function () {
      const { probe } = await networkHelpers.loadFixture(probed);

      await fc.assert(
        fc.asyncProperty(agreement, async (full) => {
          const { id } = await probe.hashAgreement(publicAgreement(full));
          expect(agreementId(full)).to.equal(id);
          expect(publicDocumentId("Agreement", publicAgreement(full))).to.equal(id);
        }),
        { numRuns: 60 },
      );
    });

    it("are the same from the public form of every document about an agreement", function () {
      fc.assert(
        fc.property(documents.Move, documents.Record, agreement, (move, record, about) => {
          expect(publicDocumentId("Move", publicMove(move))).to.equal(documentId("Move", move));
          expect(publicDocumentId("Record", publicRecord(record))).to.equal(documentId("Record", record));
          const amendment = { agreement: about };
          expect(publicDocumentId("Amendment", publicAmendment(amendment))).to.equal(
            documentId("Amendment", amendment),
          );
          expect(publicDocumentId("Evacuation", publicEvacuation(amendment))).to.equal(
            documentId("Evacuation", amendment),
          );
        }),
        { numRuns: 30 },
      );
    });

    it("differ when any one field of an agreement differs", function () {
      fc.assert(
        fc.property(agreement, agreement, (one, other) => {
          for (const key of Object.keys(one) as (keyof typeof one)[]) {
            const mixed = { ...one, [key]: other[key] };
            const isSame = JSON.stringify(one[key], plain) === JSON.stringify(other[key], plain);
            expect(agreementId(mixed) === agreementId(one)).to.equal(isSame);
          }
        }),
        { numRuns: 30 },
      );
    });

    it("are what a wallet signs", async function () {
      const wallet = Wallet.createRandom();
      const domain = domainOf(1337n, wallet.address);
      await fc.assert(
        fc.asyncProperty(documents.Move, async (move) => {
          const signature = await signDocument(wallet, domain, "Move", move);
          expect(verifyTypedData(domain, typesOf("Move"), move, signature)).to.equal(wallet.address);
        }),
        { numRuns: 5 },
      );
    });
  });

  describe("schema", function () {
    it("has every struct with the fields of the Solidity type, in their order", function () {
      expect(Object.keys(EIP712_TYPES)).to.have.length(26);
      expect(Object.keys(typesOf("Move")).sort()).to.deep.equal([
        "Agreement",
        "Line",
        "Metrics",
        "Move",
        "Price",
        "Rates",
        "Resources",
        "Sla",
        "Terms",
        "Tier",
        "Witnesses",
      ]);
    });
  });

  describe("resources", function () {
    it("are the same after packing and unpacking", function () {
      fc.assert(
        fc.property(resources, (value) => {
          expect(unpackResources(packResources(value))).to.deep.equal(value);
        }),
      );
    });
  });

  describe("moveOfEvent", function () {
    it("makes the public form again from the packed words", function () {
      fc.assert(
        fc.property(documents.Move, (full) => {
          const move = publicMove(full);
          const { home, source, destination, site, digestKind } = move.agreement;
          const pack = (parts: readonly (readonly [bigint, bigint])[]) =>
            parts.reduce((sum, [value, shift]) => sum | (value << shift), 0n);
          const document = {
            parties: pack([
              [BigInt(home), 0n],
              [BigInt(source), 32n],
              [BigInt(destination), 64n],
              [BigInt(site), 96n],
              [BigInt(digestKind), 112n],
            ]),
            periods: pack([
              [move.agreement.windowMs, 0n],
              [move.agreement.noticeMs, 64n],
              [move.agreement.keepMs, 128n],
            ]),
            deadlines: pack([
              [move.agreement.agreeBy, 0n],
              [move.startBy, 64n],
              [move.completeBy, 128n],
            ]),
            witnesses: move.agreement.witnesses,
            terms: move.agreement.terms,
            charter: move.agreement.charter,
            salt: move.agreement.salt,
            lines: move.agreement.lines.map((line) => ({
              ...line,
              nonce: BigInt(line.nonce),
              resources: packResources(line.resources),
            })),
          };
          const again = moveOfEvent({ number: 1n, agreement: "", move: "", document } as unknown as Parameters<
            typeof moveOfEvent
          >[0]);
          expect(again).to.deep.equal(move);
          expect(publicDocumentId("Move", again)).to.equal(documentId("Move", full));
        }),
        { numRuns: 50 },
      );
    });
  });
});

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
