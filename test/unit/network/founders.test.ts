import { readFileSync } from "node:fs";

import { expect } from "chai";
import { keccak256, toUtf8Bytes } from "ethers";

import {
  type Founders,
  chainIdOf,
  enodeOf,
  foundingHash,
  parseFounders,
  requireComplete,
  validatorOf,
} from "../../../network/founding/founders.js";
import { FOUNDERS_SCHEMA } from "../../../network/founding/schema.js";
import { NetworkError } from "../../../network/networkError.js";
import { founderKey, foundersOf } from "../../fixtures/network.js";

/** The document with one thing changed, as text. */
function changed(change: (document: Founders & { [key: string]: unknown }) => void): string {
  const document = JSON.parse(JSON.stringify(foundersOf(2))) as Founders & { [key: string]: unknown };
  change(document);
  return JSON.stringify(document);
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] extends object ? Mutable<T[key]> : T[key] };

describe("founding document", function () {
  describe("parseFounders", function () {
    it("takes what the schema describes", function () {
      expect(parseFounders(JSON.stringify(foundersOf(4)))).to.deep.equal(foundersOf(4));
    });

    it("takes nodes that have no key yet, and says whose is missing when a genesis file is wanted", function () {
      const text = changed((document) => {
        const node: Mutable<{ publicKey?: string }> = document.clouds[1]!.node;
        delete node.publicKey;
      });
      expect(() => requireComplete(parseFounders(text)))
        .to.throw(NetworkError, "/clouds/1/node: publicKey is missing")
        .with.property("code", "BAD_FOUNDERS");
    });

    it("names the path and the value of a mistake", function () {
      const cloud = (i: number, key: string, value: unknown) => (document: { clouds: readonly unknown[] }) => {
        (document.clouds[i] as Record<string, unknown>)[key] = value;
      };
      const first = foundersOf(2).clouds[0]!;
      const lastDigitWrong = `0x${first.account.slice(2, -1)}${first.account.endsWith("a") ? "A" : "a"}`;
      const wrongCase = first.account.replace(/[a-fA-F]/, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
      );
      const mistakes: readonly (readonly [string, string])[] = [
        ["not JSON", "{"],
        ["/: [] must be object", "[]"],
        ["/: salt is missing", changed((document) => delete (document as { salt?: string }).salt)],
        ['/salt: "0x12"', changed((document) => Object.assign(document, { salt: "0x12" }))],
        ['/name: "EU"', changed((document) => Object.assign(document, { name: "EU" }))],
        ["/motto: unknown key", changed((document) => Object.assign(document, { motto: "e pluribus" }))],
        ['/foundedAt: "yesterday"', changed((document) => Object.assign(document, { foundedAt: "yesterday" }))],
        [
          "/foundedAt: 2026-13-01T00:00:00Z is no date",
          changed((document) => Object.assign(document, { foundedAt: "2026-13-01T00:00:00Z" })),
        ],
        ["/clouds: []", changed((document) => Object.assign(document, { clouds: [] }))],
        ["/clouds/1/label: cloud-1 stands at /clouds/0/label already", changed(cloud(1, "label", "cloud-1"))],
        [`/clouds/1/account: ${first.account} stands at`, changed(cloud(1, "account", first.account))],
        ["/clouds/0/recovery: ", changed(cloud(0, "recovery", first.account))],
        ['/clouds/0/account: "0x12"', changed(cloud(0, "account", "0x12"))],
        [`/clouds/0/account: ${wrongCase} has a wrong checksum`, changed(cloud(0, "account", wrongCase))],
        ["/clouds/0/account", changed(cloud(0, "account", lastDigitWrong))],
        [`/clouds/0/account: 0x${"00".repeat(20)} is nobody`, changed(cloud(0, "account", `0x${"00".repeat(20)}`))],
        ['/clouds/0/node/host: "aurora.example"', changed(cloud(0, "node", { host: "aurora.example", p2pPort: 1 }))],
        ['/clouds/0/node/host: "::1"', changed(cloud(0, "node", { host: "::1", p2pPort: 1 }))],
        ["/clouds/0/node/p2pPort: 70000", changed(cloud(0, "node", { host: "10.0.0.1", p2pPort: 70_000 }))],
        [
          "/clouds/0/node/publicKey: 0x0000000000000000... is no point of secp256k1",
          changed(cloud(0, "node", { host: "10.0.0.1", p2pPort: 1, publicKey: `0x${"00".repeat(64)}` })),
        ],
        [
          "/clouds/1/node: 192.0.2.1:30303 stands at /clouds/0/node already",
          changed(cloud(1, "node", { host: "192.0.2.1", p2pPort: 30303 })),
        ],
        ["/clouds/1/node/publicKey: ", changed(cloud(1, "node", { ...first.node, host: "10.0.0.9" }))],
        ["/governance/slowDelay: 0", changed((document) => Object.assign(document, { governance: { slowDelay: 0 } }))],
        ["/limits/patience: unknown key", changed((document) => Object.assign(document, { limits: { patience: 1 } }))],
        [
          "/consensus/blockGasLimit: 21000",
          changed((document) => Object.assign(document, { consensus: { blockGasLimit: 21_000 } })),
        ],
      ];
      for (const [message, text] of mistakes) {
        expect(() => parseFounders(text), message)
          .to.throw(NetworkError, message)
          .with.property("code", "BAD_FOUNDERS");
      }
    });
  });

  describe("foundingHash", function () {
    it("is that of the document's canonical form, whatever order and blanks it is written in", function () {
      const document: Founders = { ...foundersOf(1), clouds: [] };
      const { name, salt, foundedAt, guardian, attester } = document;
      const canonical =
        `{"attester":"${attester}","clouds":[],"foundedAt":"${foundedAt}","guardian":"${guardian}",` +
        `"name":"${name}","salt":"${salt}"}`;

      expect(foundingHash(document)).to.equal(keccak256(toUtf8Bytes(canonical)));
      expect(foundingHash({ salt, name, clouds: [], attester, foundedAt, guardian })).to.equal(foundingHash(document));
      expect(foundingHash({ $schema: "./founders.schema.json", ...document })).to.equal(foundingHash(document));
    });

    it("changes with everything that a genesis file depends on", function () {
      const before = foundingHash(foundersOf(2));
      const others = [
        changed((document) => Object.assign(document, { foundedAt: "2026-01-01T00:00:01Z" })),
        changed((document) => Object.assign(document, { isTest: false })),
        changed((document) => Object.assign(document.clouds[1]!, { endpoint: "https://elsewhere.example" })),
      ].map((text) => foundingHash(parseFounders(text)));
      expect(new Set([before, ...others])).to.have.length(4);
    });

    it("gives a chain id of 48 bits", function () {
      const chainId = chainIdOf(foundersOf(3));
      expect(chainId).to.equal(BigInt(foundingHash(foundersOf(3))) >> 208n);
      expect(Number.isSafeInteger(Number(chainId))).to.equal(true);
    });
  });

  describe("a node", function () {
    it("seals with the address of its key, and is found by its URL", function () {
      const { node } = foundersOf(1).clouds[0]!;
      expect(validatorOf(node.publicKey)).to.equal(founderKey("cloud-1/node").address);
      expect(enodeOf(node)).to.equal(`enode://${node.publicKey.slice(2)}@192.0.2.1:30303`);
    });
  });

  describe("schema/founders.schema.json", function () {
    it("is the schema that is checked here", function () {
      const published = new URL("../../../schema/founders.schema.json", import.meta.url);
      expect(JSON.parse(readFileSync(published, "utf8"))).to.deep.equal(JSON.parse(JSON.stringify(FOUNDERS_SCHEMA)));
    });
  });
});
