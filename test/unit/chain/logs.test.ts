import { expect } from "chai";

import { readLogs } from "../../../src/index.js";

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

    it("asks for at most a thousand blocks at once, each of them once", async function () {
      expect(await piecesOf(0, 999)).to.deep.equal([[0, 999]]);
      expect(await piecesOf(0, 1_000)).to.deep.equal([
        [0, 999],
        [1_000, 1_000],
      ]);
      expect(await piecesOf(7, 2_100)).to.deep.equal([
        [7, 1_006],
        [1_007, 2_006],
        [2_007, 2_100],
      ]);
    });

    it("asks for nothing where there is no block", async function () {
      expect(await piecesOf(5, 4)).to.deep.equal([]);
    });
  });
});
