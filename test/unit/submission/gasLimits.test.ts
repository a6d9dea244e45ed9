import { readFileSync } from "node:fs";

import { expect } from "chai";

import { gasLimitFor } from "../../../src/index.js";
import { MEASURED_GAS } from "../../../src/submission/measuredGas.js";

interface GasRow {
  readonly operation: string;
  readonly lines: number;
  readonly gas: number;
}

const { rows } = JSON.parse(readFileSync("bench/results/gas.json", "utf8")) as { readonly rows: readonly GasRow[] };

/** Arguments with so many lines. */
function withLines(count: number) {
  return [{ agreement: { lines: Array.from({ length: count }, () => ({ vm: "0x" })) } }, ["0x01", "0x02", "0x03"]];
}

/** `record2` measures `record`; `settleCredit` is an action of its own, and no way to `settle`. */
function actionOf(operation: string): string | undefined {
  const fitting = Object.keys(MEASURED_GAS).filter(
    (action) => operation.startsWith(action) && /^([A-Z0-9].*)?$/.test(operation.slice(action.length)),
  );
  return fitting.sort((a, b) => b.length - a.length)[0];
}

describe("gasLimitFor", function () {
  it("is well above everything that was measured", function () {
    for (const [action, measured] of Object.entries(MEASURED_GAS)) {
      for (const { operation, lines, gas } of rows.filter((row) => actionOf(row.operation) === action)) {
        const limit = gasLimitFor(action, withLines(lines));
        if (lines > 1 && measured.further === undefined) expect(limit, operation).to.equal(undefined);
        else expect(Number(limit), `${operation}, ${lines} lines`).to.be.at.least(gas * 1.5 + 500_000);
      }
    }
  });

  it("counts lines and ids, not signatures", function () {
    expect(gasLimitFor("record", withLines(1))).to.equal(gasLimitFor("record", []));
    expect(gasLimitFor("giveNotice", [[`0x${"11".repeat(32)}`], 5n])).to.equal(gasLimitFor("giveNotice", []));
    expect(gasLimitFor("giveNotice", [[`0x${"11".repeat(32)}`, `0x${"12".repeat(32)}`], 5n])).to.equal(undefined);
    expect(Number(gasLimitFor("record", withLines(16)))).to.be.greaterThan(
      Number(gasLimitFor("record", withLines(15))),
    );
  });

  it("knows nothing of what was not measured", function () {
    expect(gasLimitFor("toString", [])).to.equal(undefined);
    expect(gasLimitFor("setAgent", [])).to.equal(undefined);
  });
});
