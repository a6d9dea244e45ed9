import { expect } from "chai";

import { type Verdict, verdictOf } from "../../../src/submission/nodeAnswers.js";

describe("verdictOf", function () {
  const words: readonly (readonly [verdict: Verdict, code: number, message: string])[] = [
    ["known", -32_000, "Known transaction"],
    ["known", -32_000, "already known"],
    ["stale", -32_001, "Nonce too low"],
    ["stale", -32_000, "nonce too low: next nonce 5, tx nonce 3"],
    ["refused", -32_007, "Sender account not authorized to send transactions"],
    ["refused", -32_003, "Intrinsic gas exceeds gas limit"],
    ["refused", -32_005, "Transaction gas limit exceeds block gas limit"],
    ["refused", -32_004, "Upfront cost exceeds account balance"],
    ["refused", -32_000, "Wrong chainId"],
    ["refused", -32_002, "Invalid signature"],
    ["unclear", -32_000, "Replacement transaction underpriced"],
    ["unclear", -32_000, "Transaction nonce is too distant from current sender nonce"],
    ["unclear", -32_000, "txpool is full"],
    ["unclear", -32_603, "Internal error"],
    ["unclear", -32_005, "Number of requests exceeds max batch size"],
  ];
  for (const [verdict, code, message] of words) {
    it(`takes "${message}" for ${verdict}`, function () {
      expect(verdictOf({ code, message })).to.equal(verdict);
    });
  }
});
