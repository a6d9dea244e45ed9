import { readFileSync } from "node:fs";

import { expect } from "chai";
import { ZeroHash, encodeRlp, getAddress, toBeArray } from "ethers";

import { CONTRACT_MODE_EXTRA_DATA, readExtraData } from "../../../network/genesis/extraData.js";
import { networkStatus, statusLines } from "../../../network/local/status.js";
import { missedTurns, proposerOf, quorumOf } from "../../../network/local/turns.js";
import { BusError } from "../../../src/index.js";
import type { NodeRpc } from "../../../src/allowlists/nodeRpc.js";

interface Recorded {
  readonly number: number;
  readonly round: number;
  readonly block: { readonly miner: string; readonly extraData: string };
  readonly validatorsThatMaySeal: readonly string[];
}

/** Headers recorded from a network of Besu 26.8.0, as the file says. */
const { headers } = JSON.parse(readFileSync(new URL("../../fixtures/besu-headers.json", import.meta.url), "utf8")) as {
  readonly headers: readonly Recorded[];
};
const recorded = (number: number): Recorded => headers.find((header) => header.number === number)!;

const VALIDATORS = [1, 2, 3, 4].map((i) => getAddress(`0x${`0${i}`.repeat(20)}`));
const NODES = VALIDATORS.map((validator, i) => ({ label: `cloud-${i + 1}`, rpcPort: 8545 + i, validator }));
const [A, B, C, D] = VALIDATORS as [string, string, string, string];

const extraData = (round: number): string => encodeRlp([ZeroHash, [], [], round === 0 ? "0x" : toBeArray(round), []]);

/** A chain of blocks by proposer and round; `behind` says how far a node is behind, or that it does not answer. */
function chainOf(
  blocks: readonly (readonly [miner: string, round: number])[],
  behind: readonly (number | undefined)[] = [0, 0, 0, 0],
) {
  const height = blocks.length - 1;
  return ({ rpcPort }: { readonly rpcPort: number }): NodeRpc => ({
    url: "",
    send<T>(method: string, ...params: readonly unknown[]): Promise<T> {
      const lag = behind[rpcPort - 8545];
      if (lag === undefined) return Promise.reject(new BusError("UNREACHABLE", "no"));
      const number = Number(params[0]);
      const [miner, round] = blocks[number] ?? [A, 0];
      const answers: Readonly<Record<string, unknown>> = {
        eth_blockNumber: `0x${(height - lag).toString(16)}`,
        net_peerCount: "0x3",
        qbft_getValidatorsByBlockNumber: VALIDATORS.map((address) => address.toLowerCase()),
        eth_getBlockByNumber: {
          number: `0x${number.toString(16)}`,
          miner: miner.toLowerCase(),
          extraData: extraData(round),
          timestamp: `0x${(1_000 + number).toString(16)}`,
        },
      };
      return Promise.resolve(answers[method] as T);
    },
  });
}

describe("status of a network", function () {
  describe("readExtraData", function () {
    it("reads the round and the seals of recorded headers", function () {
      for (const { number, round, block, validatorsThatMaySeal } of headers) {
        const read = readExtraData(block.extraData);
        expect(read.round, `block ${number}`).to.equal(round);
        expect(read.validators).to.deep.equal([]);
        expect(read.seals.length).to.be.at.least(quorumOf(new Set(validatorsThatMaySeal).size));
      }
    });

    it("reads that of block 0, and refuses anything else", function () {
      expect(readExtraData(CONTRACT_MODE_EXTRA_DATA)).to.deep.equal({ validators: [], round: 0, seals: [] });
      expect(CONTRACT_MODE_EXTRA_DATA).to.equal(`0xe5a0${"00".repeat(32)}c0c080c0`);
      expect(() => readExtraData(encodeRlp(["0x", []]))).to.throw("not QBFT");
    });
  });

  describe("proposerOf", function () {
    it("names the proposers of recorded blocks from the blocks before them", function () {
      for (const number of [381, 382]) {
        const { block, round, validatorsThatMaySeal } = recorded(number);
        const proposer = proposerOf(validatorsThatMaySeal, recorded(number - 1).block.miner, round);
        expect(proposer, `block ${number}`).to.equal(getAddress(block.miner));
      }
    });

    it("takes turns by address, round after round, and begins again", function () {
      expect([0, 1, 2, 3].map((round) => proposerOf([C, A, D, B], B, round))).to.deep.equal([C, D, A, B]);
    });

    it("goes on after a proposer that is no validator any more", function () {
      expect(proposerOf([A, C, D], B, 0)).to.equal(C);
      expect(proposerOf([A, B, C], D, 0)).to.equal(A);
    });

    it("blames every proposer before the round of agreement", function () {
      expect(missedTurns(VALIDATORS, A, 0)).to.deep.equal([]);
      expect(missedTurns(VALIDATORS, A, 2)).to.deep.equal([B, C]);
    });
  });

  describe("quorumOf", function () {
    it("is two thirds, rounded up", function () {
      expect([1, 2, 3, 4, 5, 7, 16].map(quorumOf)).to.deep.equal([1, 2, 2, 3, 4, 5, 11]);
    });
  });

  describe("networkStatus", function () {
    const NOW = 1_010_000;

    it("counts proposals and missed turns, and says who is behind", async function () {
      const blocks = [
        [A, 0],
        [B, 0],
        [C, 0],
        [A, 1],
        [B, 0],
        [C, 0],
      ] as const;
      const status = await networkStatus(NODES, 30, chainOf(blocks, [0, 0, 2, undefined]), NOW);

      expect(status.height).to.equal(5);
      expect(status.headAge).to.equal(5);
      expect(status.rounds).to.deep.equal({ 3: 1 });
      expect(status.nodes.map(({ proposed }) => proposed)).to.deep.equal([1, 2, 2, 0]);
      expect(status.nodes.map(({ missed }) => missed)).to.deep.equal([0, 0, 0, 1]);
      expect(status.nodes.map(({ behind }) => behind)).to.deep.equal([0, 0, 2, undefined]);
      expect(status.warnings).to.deep.equal([]);
      expect(statusLines(status).join("\n")).to.include("block 3 in round 1").and.to.include("no answer");
    });

    it("warns when so many are away that no block can come", async function () {
      const status = await networkStatus(
        NODES,
        30,
        chainOf(
          [
            [A, 0],
            [B, 0],
          ],
          [0, 0, undefined, undefined],
        ),
        NOW,
      );
      expect(status.warnings.join()).to.include("2 of 4 validators do not answer: no block until 3 are there");
    });

    it("advises to restart all when enough are there and the chain stands", async function () {
      const status = await networkStatus(
        NODES,
        30,
        chainOf([
          [A, 0],
          [B, 0],
        ]),
        NOW + 60_000,
      );
      expect(status.warnings.join()).to.include("npm run network:restart -- --all");
    });

    it("says so when nobody answers", async function () {
      const status = await networkStatus(NODES, 30, chainOf([[A, 0]], []), NOW);
      expect(status.height).to.equal(undefined);
      expect(status.warnings).to.deep.equal(["no node answers"]);
    });
  });
});
