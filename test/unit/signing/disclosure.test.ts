import { expect } from "chai";
import fc from "fast-check";

import {
  agreementId,
  freshSalt,
  openPrice,
  openSla,
  publicAgreement,
  verifyPrice,
  verifySla,
} from "../../../src/index.js";
import { agreement } from "../../fixtures/arbitraries.js";

describe("disclosure", function () {
  it("opens the price without the SLA, and the SLA without the price", function () {
    fc.assert(
      fc.property(agreement, (full) => {
        const [shown, known] = [publicAgreement(full), agreementId(full)];
        const price = openPrice(full.terms);
        const sla = openSla(full.terms);

        expect(verifyPrice(price, shown, known)).to.equal(true);
        expect(verifySla(sla, shown, known)).to.equal(true);
        expect(Object.keys(price)).to.deep.equal(["price", "slaHash"]);
        expect(Object.keys(sla)).to.deep.equal(["sla", "priceHash"]);
      }),
      { numRuns: 50 },
    );
  });

  it("accepts no other price, SLA, half or agreement", function () {
    fc.assert(
      fc.property(agreement, agreement, (full, other) => {
        const [shown, known] = [publicAgreement(full), agreementId(full)];
        const price = openPrice(full.terms);
        const sla = openSla(full.terms);

        expect(verifyPrice({ ...price, price: { ...price.price, salt: freshSalt() } }, shown, known)).to.equal(false);
        expect(verifyPrice({ ...price, slaHash: freshSalt() }, shown, known)).to.equal(false);
        expect(verifyPrice(price, publicAgreement(other), known)).to.equal(false);
        expect(verifyPrice(price, shown, agreementId(other))).to.equal(false);
        expect(verifySla({ ...sla, sla: { ...sla.sla, salt: freshSalt() } }, shown, known)).to.equal(false);
        expect(verifySla({ ...sla, priceHash: freshSalt() }, shown, known)).to.equal(false);
        expect(verifySla(sla, publicAgreement(other), known)).to.equal(false);
      }),
      { numRuns: 20 },
    );
  });

  it("accepts nothing that cannot be hashed", function () {
    fc.assert(
      fc.property(agreement, (full) => {
        const [shown, known] = [publicAgreement(full), agreementId(full)];
        const opened = openPrice(full.terms);
        expect(verifyPrice({ ...opened, slaHash: "not hex" }, shown, known)).to.equal(false);
        const broken = { ...opened, price: { ...opened.price, settlement: 999 } };
        expect(verifyPrice(broken, shown, known)).to.equal(false);
      }),
      { numRuns: 5 },
    );
  });
});
