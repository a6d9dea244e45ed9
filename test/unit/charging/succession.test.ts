import { expect } from "chai";
import { network } from "hardhat";

import { agreementId, domainOf } from "../../../src/index.js";
import { ChargingLedger__factory } from "../../../src/typechain/factories/contracts/charging/ChargingLedger__factory.js";
import { OracleStub__factory } from "../../../src/typechain/factories/contracts/mocks/OracleStub__factory.js";
import { type ChargedWorld, charged, expectCharge, hosted, settle } from "../../fixtures/charging.js";
import { deploySuccessor, nowMs, pass, succeed, successionOf } from "../../fixtures/federation.js";

const { networkHelpers } = await network.create();

describe("ChargingLedger", function () {
  it("of a successor charges the stays there, the old one those before, and no time twice (INV-SETTLE)", async function () {
    const world = await networkHelpers.loadFixture(charged);
    const stay = await hosted(world);
    const next = await deploySuccessor(world);
    const results = await new OracleStub__factory(world.deployer).deploy(next.ledger);
    const charging = await new ChargingLedger__factory(world.deployer).deploy(results);
    const successor: ChargedWorld = {
      ...next,
      results,
      charging: charging.connect(world.stranger),
      chargingDomain: domainOf(world.chainId, await charging.getAddress()),
    };
    await world.ledger.connect(world.governance).closeForNew();
    await world.ledger.connect(world.governance).setSuccessor(next.ledger);
    await pass(world, 600);
    await succeed(world, await successionOf(world, stay.vm, await next.ledger.getAddress()));
    const { endedAt } = await world.ledger.stayOf(stay.vm, stay.sequence);
    await next.ledger.adopt(stay.vm);
    const adopted = { ...stay, sequence: stay.sequence + 1, startedAt: endedAt };
    const facts = await next.ledger.stayOf(stay.vm, adopted.sequence);
    expect([facts.startedAt, facts.agreement]).to.deep.equal([endedAt, agreementId(stay.agreement)]);
    await pass(world, 600);
    const now = await nowMs(world);

    await settle(world, stay, now);
    await settle(successor, adopted, now);

    await expectCharge(world, stay, (endedAt - stay.startedAt) * 100n);
    await expectCharge(successor, adopted, (now - endedAt) * 100n);
  });
});
