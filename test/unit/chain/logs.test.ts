import { expect } from "chai";

import { BusError, readInPieces, readLogs } from "../../../src/index.js";
import { RpcError } from "../../../src/allowlists/nodeRpc.js";

const refusal = () => new RpcError(-32_005, "Requested range exceeds maximum range limit");

describe("chain", function () {
  describe("readLogs", function () {
    const filter = { address: `0x${"11".repeat(20)}`, topics: [null] };

    /** The pieces that are asked for. */
    const piecesOf = async (from: number, to: number): Promise<(readonly [number, number])[]> => {
      const pieces: (readonly [number, number])[] = [];
      const found = await readLogs(
        (method, params) => {
          const { fromBlock, toBlock } = params[0] as { readonly fromBlock: string; readonly toBlock: string };
          expect(method).to.equal("eth_getLogs");
          expect(params[0]).to.include(filter);
          pieces.push([Number(fromBlock), Number(toBlock)]);
          return Promise.resolve([{ topics: [], data: fromBlock }]);
        },
        filter,
        from,
        to,
      );
      expect(found.map(({ data }) => Number(data))).to.deep.equal(pieces.map(([first]) => first));
      return pieces;
    };

    it("asks for at most five thousand blocks at once, each of them once", async function () {
      expect(await piecesOf(0, 4_999)).to.deep.equal([[0, 4_999]]);
      expect(await piecesOf(0, 5_000)).to.deep.equal([
        [0, 4_999],
        [5_000, 5_000],
      ]);
      expect(await piecesOf(7, 10_100)).to.deep.equal([
        [7, 5_006],
        [5_007, 10_006],
        [10_007, 10_100],
      ]);
    });

    it("asks for nothing where there is no block", async function () {
      expect(await piecesOf(5, 4)).to.deep.equal([]);
    });
  });

  describe("readInPieces", function () {
    it("halves what the node refuses until it does not, gives every block once, in order, and stays small", async function () {
      for (const most of [1, 2, 3, 7, 100]) {
        let refused = 0;
        const read = (from: number, to: number) => {
          if (to - from < most) return Promise.resolve(Array.from({ length: to - from + 1 }, (_, i) => from + i));
          refused += 1;
          return Promise.reject(refusal());
        };
        expect(await readInPieces(read, 3, 90, 64)).to.deep.equal(Array.from({ length: 88 }, (_, i) => i + 3));
        expect(refused).to.be.at.most(6);
      }
    });

    /** How often is asked until it is given up. */
    const asksUntil = async (thrown: Error): Promise<number> => {
      let asked = 0;
      const read = () => {
        asked += 1;
        return Promise.reject(thrown);
      };
      expect(await readInPieces(read, 0, 63).catch((reason: unknown) => reason)).to.equal(thrown);
      return asked;
    };

    it("throws what the node says of a single block", async function () {
      expect(await asksUntil(refusal())).to.equal(7);
    });

    it("does not ask again where no node answers", async function () {
      const timeout = new DOMException("timed out", "TimeoutError");
      for (const thrown of [timeout, new Error("closed"), new BusError("UNREACHABLE", "none", { cause: refusal() })]) {
        expect(await asksUntil(thrown)).to.equal(1);
      }
    });
  });
});
