import { expect } from "chai";

import { canonicalEnode, parseEnode } from "../../../src/allowlists/enode.js";
import { parseNodes } from "../../../src/allowlists/nodesFile.js";
import { BusError } from "../../../src/index.js";
import { enode } from "../../fixtures/allowlists.js";
import { founderKey } from "../../fixtures/network.js";

describe("file of nodes", function () {
  describe("parseNodes", function () {
    it("takes nodes and who may hold a role, in one form", function () {
      const text = JSON.stringify({
        nodes: [{ cloud: 1, enode: `${enode(1)}?discport=0` }],
        roleHolders: [founderKey("guardian").address.toLowerCase()],
      });
      expect(parseNodes(text)).to.deep.equal({
        nodes: [{ cloud: 1, enode: enode(1) }],
        roleHolders: [founderKey("guardian").address],
      });
      expect(parseNodes('{"nodes":[]}')).to.deep.equal({ nodes: [], roleHolders: [] });
    });

    it("names the path and the value of a mistake", function () {
      const mistakes: readonly (readonly [string, unknown])[] = [
        ["/: 7", 7],
        ["/nodes: nothing", {}],
        ["/peers: []", { nodes: [], peers: [] }],
        ["/nodes/0: 1", { nodes: [1] }],
        ["/nodes/0/cloud: -1", { nodes: [{ cloud: -1, enode: enode(1) }] }],
        [
          '/nodes/1/enode: "enode://12"',
          {
            nodes: [
              { cloud: 1, enode: enode(1) },
              { cloud: 2, enode: "enode://12" },
            ],
          },
        ],
        ["/roleHolders: {}", { nodes: [], roleHolders: {} }],
        ['/roleHolders/0: "0x12"', { nodes: [], roleHolders: ["0x12"] }],
      ];
      for (const [message, json] of mistakes) {
        expect(() => parseNodes(JSON.stringify(json)), message)
          .to.throw(BusError, message)
          .with.property("code", "BAD_NODES");
      }
      expect(() => parseNodes("{")).to.throw(BusError, "not JSON");
    });
  });

  describe("parseEnode", function () {
    it("tells the address with which the node seals", function () {
      expect(parseEnode(enode(3))).to.deep.equal({
        id: enode(3).slice(8, 136),
        host: "192.0.2.3",
        port: 30303,
        validator: founderKey("cloud-3/node").address,
      });
    });

    it("takes nothing that is no node's URL", function () {
      const key = enode(1).slice(8, 136);
      for (const url of [
        `http://${key}@192.0.2.1:30303`,
        `enode://${key.slice(2)}@192.0.2.1:30303`,
        `enode://${key}@aurora.example:30303`,
        `enode://${key}@192.0.2.1:0`,
        `enode://${key}@192.0.2.1:99999`,
        `enode://${"0".repeat(128)}@192.0.2.1:30303`,
      ]) {
        expect(parseEnode(url), url).to.equal(undefined);
      }
      expect(canonicalEnode("ENODE://what")).to.equal("enode://what");
    });
  });
});
