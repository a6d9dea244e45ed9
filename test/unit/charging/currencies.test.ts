import { expect } from "chai";

import { BusError, CURRENCIES, currencyOfBytes, currencyToBytes, isCurrency } from "../../../src/index.js";

describe("currencies", function () {
  it("are codes of three capital letters, in order, each once", function () {
    const codes = [...CURRENCIES];

    expect(codes.every((code) => /^[A-Z]{3}$/.test(code))).to.equal(true);
    expect(codes).to.deep.equal([...codes].sort());
    // ISO 4217, list one of 2026-01-01: 178 codes, of which two are no money.
    expect(codes).to.have.length(176);
  });

  it("have what came and not what went", function () {
    for (const code of ["EUR", "USD", "XCG", "ZWG", "SLE", "XDR", "VED"]) expect(isCurrency(code), code).to.equal(true);
    for (const code of ["BGN", "HRK", "ANG", "CUC", "DEM", "XXX", "XTS", "eur", "EU", ""]) {
      expect(isCurrency(code), code).to.equal(false);
    }
  });

  it("are known to the runtime's own tables, funds codes and metals left aside", function () {
    const known = new Set(Intl.supportedValuesOf("currency"));
    const funds = /^(BOV|CH[EW]|CLF|COU|MXV|USN|UY[IW]|VED|X..|ZWG|SLE)$/;

    expect([...CURRENCIES].filter((code) => !known.has(code) && !funds.test(code))).to.deep.equal([]);
  });

  it("become bytes and text again", function () {
    for (const code of CURRENCIES) expect(currencyOfBytes(currencyToBytes(code))).to.equal(code);
    expect(() => currencyToBytes("XXX"))
      .to.throw(BusError)
      .with.property("code", "BAD_CURRENCY");
  });
});
