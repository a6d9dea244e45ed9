import { expect } from "chai";
import { network } from "hardhat";

import { type Gateway, openGateway } from "../../../src/gateway/gateway.js";
import { ProposalState, VoteType, admissionCall, nameOf, proposalIdOf, protectedDraft } from "../../../src/index.js";
import { OPTIONS, type Answered, ask, tokenOf } from "../../fixtures/gateway.js";
import {
  type Governed,
  SLOW_DELAY,
  acceptance,
  accountKey,
  candidate,
  fourClouds,
  libraryOf,
  recoveryKey,
  wait,
} from "../../fixtures/governance.js";

const { networkHelpers } = await network.create();

/** A cloud's own gateway, which holds its account, and that account signed in at it. */
interface Desk {
  readonly gateway: Gateway;
  act(action: string, body: unknown): Promise<Answered>;
}

async function deskOf(world: Governed, cloud: number): Promise<Desk> {
  const key = accountKey(cloud);
  const gateway = await openGateway(await libraryOf(world), key, {
    ...OPTIONS,
    uri: candidate(cloud).endpoint,
    cloud,
  });
  await gateway.context.index.sync();
  const token = await tokenOf(gateway, key);
  let count = 0;
  const act: Desk["act"] = (action, body) =>
    ask(gateway, `/v1/actions/${action}`, { token, body, headers: { "idempotency-key": String(++count) } });
  return { gateway, act };
}

describe("a proposal over REST", function () {
  it("is made, voted on, queued and executed through the members' gateways, and admits a cloud", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const library = await libraryOf(world);
    const desks: Desk[] = [];
    try {
      for (const cloud of [1, 2, 3]) desks.push(await deskOf(world, cloud));
      const [one, two, three] = desks as [Desk, Desk, Desk];
      const account = await acceptance(world, accountKey(5), 5, "Account");
      const recovery = await acceptance(world, recoveryKey(5), 5, "Recovery");
      const call = await admissionCall(library, 5, candidate(5), account, recovery);
      const draft = protectedDraft({ calls: [call], description: "A fifth cloud" }, accountKey(1).address);
      const id = proposalIdOf(draft);
      const status = async () => nameOf(ProposalState, Number(await world.governor.state(id)));

      expect((await one.act("propose", { draft })).status).to.equal(200);
      await wait(world, 1);
      const early = await one.act("queueProposal", { draft });
      expect([early.status, early.json.error]).to.deep.equal([422, "GovernorUnexpectedProposalState"]);
      for (const desk of [one, two, three]) {
        const voted = await desk.act("vote", { proposalId: String(id), support: VoteType.For });
        expect(voted.status, JSON.stringify(voted.json)).to.equal(200);
      }
      expect(await status()).to.equal("Succeeded");
      expect((await two.act("queueProposal", { draft })).status).to.equal(200);
      await wait(world, SLOW_DELAY);
      expect((await three.act("executeProposal", { draft })).status).to.equal(200);
      expect(await status()).to.equal("Executed");
      expect((await world.registry.cloudOf(5)).label).to.equal("cloud-5");
    } finally {
      for (const { gateway } of desks) await gateway.close();
    }
  });
});
