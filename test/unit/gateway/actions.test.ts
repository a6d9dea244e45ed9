import { expect } from "chai";
import { network } from "hardhat";

import { vmOf } from "../../../src/index.js";
import { ask, gatewayFederation, gatewayOf, tokenOf } from "../../fixtures/gateway.js";

const { networkHelpers } = await network.create();

describe("gateway", function () {
  it("stops a VM, and shows it", async function () {
    const found = await networkHelpers.loadFixture(gatewayFederation);
    const gateway = await gatewayOf(found, 1, { catchUpMs: 1_000 });
    try {
      const token = await tokenOf(gateway, found.agents[0]);
      const { status, json } = await ask(gateway, "/v1/actions/stop", {
        token,
        body: { vm: found.vms.noticed },
        headers: { "idempotency-key": "1" },
      });
      expect(status, JSON.stringify(json)).to.equal(200);
      expect(await vmOf(found.federation, found.vms.noticed)).to.have.property("state", 5);
      const list = await ask(gateway, `/v1/vms?state=Stopped&minBlock=${String(json.blockNumber)}`, { token });
      expect(list.json.items).to.have.length(2);
    } finally {
      await gateway.close();
    }
  });
});
