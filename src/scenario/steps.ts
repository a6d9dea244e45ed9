import { id as hashOf } from "ethers";

import { offer } from "../actions/exchange/offer.js";
import { withdrawOffer } from "../actions/exchange/withdrawOffer.js";
import { abort } from "../actions/ledger/abort.js";
import { abortMutually } from "../actions/ledger/abortMutually.js";
import { agree } from "../actions/ledger/agree.js";
import { amend } from "../actions/ledger/amend.js";
import { closeForNew } from "../actions/ledger/closeForNew.js";
import { complete } from "../actions/ledger/complete.js";
import { contestLoss } from "../actions/ledger/contestLoss.js";
import { declareLost } from "../actions/ledger/declareLost.js";
import { evacuate } from "../actions/ledger/evacuate.js";
import { expire } from "../actions/ledger/expire.js";
import { giveNotice } from "../actions/ledger/giveNotice.js";
import { leave } from "../actions/ledger/leave.js";
import { pauseNew } from "../actions/ledger/pauseNew.js";
import { record } from "../actions/ledger/record.js";
import { register } from "../actions/ledger/register.js";
import { release } from "../actions/ledger/release.js";
import { releaseFromMove } from "../actions/ledger/releaseFromMove.js";
import { restore } from "../actions/ledger/restore.js";
import { resumeNew } from "../actions/ledger/resumeNew.js";
import { revoke } from "../actions/ledger/revoke.js";
import { start } from "../actions/ledger/start.js";
import { stop } from "../actions/ledger/stop.js";
import { stopFromMove } from "../actions/ledger/stopFromMove.js";
import { terminate } from "../actions/ledger/terminate.js";
import { withdrawLoss } from "../actions/ledger/withdrawLoss.js";
import { vmOf } from "../actions/questions/vmOf.js";
import { cancelRotation } from "../actions/registry/cancelRotation.js";
import { completeRotation } from "../actions/registry/completeRotation.js";
import { expel } from "../actions/registry/expel.js";
import { liftOwnSuspension } from "../actions/registry/liftOwnSuspension.js";
import { liftSuspension } from "../actions/registry/liftSuspension.js";
import { proposeRotation } from "../actions/registry/proposeRotation.js";
import { recoverAccount } from "../actions/registry/recoverAccount.js";
import { revokeAgent } from "../actions/registry/revokeAgent.js";
import { setAgent } from "../actions/registry/setAgent.js";
import { suspend } from "../actions/registry/suspend.js";
import { suspendSelf } from "../actions/registry/suspendSelf.js";
import { AgentScope } from "../chain/enums.js";
import type { Sent } from "../chain/send.js";
import { buildRates } from "../documents/build.js";
import { documentId, signDocument } from "../documents/hash.js";
import type { Agreement, Rates, Resources } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { type Departures, type Duration, type OfferSpec, type Step, durationMs } from "./format.js";
import { draftAgreement, draftHandover, draftMutualAbort, remember, signFor } from "./papers.js";
import { doBooks } from "./books.js";
import { doPromise } from "./promises.js";
import { as, byKey, relay } from "./senders.js";
import {
  type CloudActor,
  type SignedDocument,
  type World,
  cloudOf,
  documentOf,
  featureBits,
  resourcesFrom,
  vmNamed,
} from "./world.js";
import type { BaseWallet } from "ethers";

/** Does one step of a timeline. Each transaction that was accepted is handed to `onSent`, even if a later one is refused. */
export async function doStep(world: World, step: Step, onSent: (sent: Sent) => void): Promise<void> {
  const keep = async (sending: Promise<Sent>): Promise<void> => {
    onSent(await sending);
  };
  switch (step.do) {
    case "move": {
      const signed = await signMove(world, step);
      await keep(bring(world, signed));
      await keep(begin(world, signed, undefined, undefined));
      await world.chain.waitUntil((await world.chain.now()) + durationMs(step.copy ?? 0));
      await keep(finish(world, signed, step.pause === undefined ? {} : { pause: step.pause }));
      return;
    }
    case "agree": {
      const signed = await signMove(world, step);
      return step.bring === false ? undefined : keep(bring(world, signed));
    }
    case "bring":
      return keep(bring(world, documentOf(world, step.document)));
    case "start":
      return keep(begin(world, documentOf(world, step.move), step.by, step.as));
    case "complete":
      return keep(finish(world, documentOf(world, step.move), step));
    case "abort": {
      const by = cloudOf(world, step.by);
      return keep(abort(as(world, by, step.as), moveOf(world, step.move), by.cloud, step.reason ?? 1));
    }
    case "abortMutually": {
      const signed = documentOf(world, step.move);
      const { source, destination } = signed.document.agreement;
      const consent = await draftMutualAbort(world, signed, step.reason ?? 1);
      const signatures = await signFor(world, "MutualAbort", consent, [source, destination], step);
      return keep(abortMutually(relay(world), moveOf(world, step.move), consent, signatures));
    }
    case "expire":
      return keep(expire(relay(world), moveOf(world, step.move)));
    case "record":
      return keep(bring(world, await signRecord(world, step)));
    case "amend": {
      const resources = step.type === undefined ? step.resources : world.scenario.instanceTypes?.[step.type];
      const departures = { ...step, ...(resources && { resources }) };
      const agreement = await draftAgreement(world, step.vms, undefined, undefined, departures);
      const signers = [agreement.home, agreement.source];
      const signatures = await signFor(world, "Amendment", { agreement }, signers, step);
      const id = documentId("Amendment", { agreement });
      return keep(
        bring(world, remember(world, step.id, { kind: "Amendment", id, document: { agreement }, signatures })),
      );
    }
    case "evacuate": {
      const agreement = await draftAgreement(world, step.vms, step.to, step.site, step);
      const signers = [agreement.home, agreement.destination];
      const signatures = await signFor(world, "Evacuation", { agreement }, signers, step);
      const id = documentId("Evacuation", { agreement });
      return keep(
        bring(world, remember(world, step.id, { kind: "Evacuation", id, document: { agreement }, signatures })),
      );
    }
    case "notice": {
      const ids = step.vms.map((name) => vmNamed(world, name).vm);
      const host = await actorNow(world, step.vms[0] ?? "", "host");
      const until = BigInt((await world.chain.now()) + durationMs(step.in));
      return keep(giveNotice(as(world, host, step.as), ids, until));
    }
    case "release": {
      const sender = as(world, await actorNow(world, step.vm, "host"), step.as);
      const { vm } = vmNamed(world, step.vm);
      return keep(
        step.move === undefined ? release(sender, vm) : releaseFromMove(sender, vm, moveOf(world, step.move)),
      );
    }
    case "stop": {
      const sender = as(world, await actorNow(world, step.vm, "home"), step.as);
      const { vm } = vmNamed(world, step.vm);
      return keep(step.move === undefined ? stop(sender, vm) : stopFromMove(sender, vm, moveOf(world, step.move)));
    }
    case "restore":
    case "terminate":
    case "declareLost":
    case "withdrawLoss": {
      const sender = as(world, await actorNow(world, step.vm, "home"), step.as);
      const acts = { restore, terminate, declareLost, withdrawLoss };
      return keep(acts[step.do](sender, vmNamed(world, step.vm).vm));
    }
    case "contestLoss": {
      const sender = as(world, await actorNow(world, step.vm, "host"), step.as);
      return keep(contestLoss(sender, vmNamed(world, step.vm).vm));
    }
    case "revoke": {
      const by = cloudOf(world, step.by);
      return keep(revoke(as(world, by, step.as), by.cloud, documentOf(world, step.document).id));
    }
    case "register": {
      const actor = vmNamed(world, step.vm);
      const home = cloudOf(world, actor.home);
      return keep(register(as(world, home), home.cloud, actor.localId, actor.resources));
    }
    case "offer":
      return keep(makeOffer(world, cloudOf(world, step.cloud), step.offer, step.as));
    case "withdrawOffer": {
      const actor = cloudOf(world, step.cloud);
      return keep(withdrawOffer(as(world, actor, step.as), actor.cloud, step.site ?? 0));
    }
    case "suspend": {
      const actor = cloudOf(world, step.cloud);
      return keep(
        step.by === "self"
          ? suspendSelf(as(world, actor), actor.cloud)
          : suspend(byKey(world, world.roles.guardian), actor.cloud),
      );
    }
    case "liftSuspension": {
      const actor = cloudOf(world, step.cloud);
      return keep(
        step.by === "self"
          ? liftOwnSuspension(byKey(world, actor.recovery), actor.cloud)
          : liftSuspension(byKey(world, world.roles.governance), actor.cloud),
      );
    }
    case "expel":
      return keep(expel(byKey(world, world.roles.governance), cloudOf(world, step.cloud).cloud));
    case "leave": {
      const actor = cloudOf(world, step.cloud);
      return keep(leave(as(world, actor), actor.cloud));
    }
    case "rotateAccount": {
      const actor = cloudOf(world, step.cloud);
      const next = world.keys.key(`${actor.label}/account/${actor.account.address}`);
      const sending = proposeRotation(as(world, actor), actor.cloud, next.address, await accept(world, actor, next, 1));
      await keep(sending);
      actor.next = next;
      return;
    }
    case "completeRotation": {
      const actor = cloudOf(world, step.cloud);
      await keep(completeRotation(relay(world), actor.cloud));
      actor.former = actor.account;
      actor.account = actor.next ?? actor.account;
      actor.next = undefined;
      return;
    }
    case "cancelRotation": {
      const actor = cloudOf(world, step.cloud);
      await keep(cancelRotation(byKey(world, actor.recovery), actor.cloud));
      actor.next = undefined;
      return;
    }
    case "recoverAccount": {
      const actor = cloudOf(world, step.cloud);
      const next = world.keys.key(`${actor.label}/account/${actor.account.address}/recovered`);
      const acceptance = await accept(world, actor, next, 1);
      await keep(recoverAccount(byKey(world, actor.recovery), actor.cloud, next.address, acceptance));
      actor.former = actor.account;
      actor.account = next;
      actor.next = undefined;
      return;
    }
    case "setAgent": {
      const actor = cloudOf(world, step.cloud);
      const agent = actor.agents.get(step.agent) ?? world.keys.key(`${actor.label}/agent/${step.agent}`);
      const scopes = step.scopes.reduce((bits, scope) => bits | AgentScope[scope], 0);
      const validUntil = BigInt((await world.chain.now()) + durationMs(step.validFor ?? "P90D"));
      const partners = (step.partners ?? []).map((label) => cloudOf(world, label).cloud).sort((a, b) => a - b);
      const acceptance = await accept(world, actor, agent, 3);
      await keep(setAgent(as(world, actor), actor.cloud, agent.address, scopes, validUntil, partners, acceptance));
      actor.agents.set(step.agent, agent);
      return;
    }
    case "revokeAgent": {
      const actor = cloudOf(world, step.cloud);
      const agent = actor.agents.get(step.agent);
      if (!agent) throw new BusError("BAD_SCENARIO", `${step.cloud} has no agent ${JSON.stringify(step.agent)}`);
      return keep(revokeAgent(as(world, actor), actor.cloud, agent.address));
    }
    case "pauseNew":
      return keep(pauseNew(byKey(world, world.roles.guardian), BigInt(durationMs(step.for) / 1000)));
    case "resumeNew":
      return keep(resumeNew(byKey(world, world.roles.guardian)));
    case "closeForNew":
      return keep(closeForNew(byKey(world, world.roles.governance)));
    case "wait":
      return;
    case "report":
    case "claim":
    case "object":
    case "observe":
    case "finalise":
      return doPromise(world, step, keep);
    case "settle":
    case "settleAll":
    case "credit":
    case "note":
    case "acknowledge":
    case "net":
    case "remember":
      return doBooks(world, step, keep);
  }
}

/* WHO ACTS */

async function actorNow(world: World, name: string, part: "home" | "host"): Promise<CloudActor> {
  const found = await vmOf(world.federation, vmNamed(world, name).vm);
  for (const actor of world.clouds.values()) if (actor.cloud === found[part]) return actor;
  throw new BusError("BAD_SCENARIO", `${name} has no ${part} in this scenario`);
}

/* WHAT IS SIGNED AND BROUGHT */

type MoveStep = Extract<Step, { readonly do: "move" | "agree" }>;

async function signMove(world: World, step: MoveStep): Promise<SignedDocument> {
  const agreement = await draftAgreement(world, step.vms, step.to, step.site, step);
  const now = await world.chain.now();
  const startBy = BigInt(now + durationMs(step.startIn ?? "PT2H"));
  const completeBy = BigInt(now + durationMs(step.completeIn ?? "PT8H"));
  const document = { agreement, startBy, completeBy };
  const signatures = await signFor(world, "Move", document, [agreement.home, agreement.destination], step);
  return remember(world, step.id, { kind: "Move", id: documentId("Move", document), document, signatures });
}

type RecordStep = Extract<Step, { readonly do: "record" }> & Departures;

async function signRecord(world: World, step: RecordStep): Promise<SignedDocument> {
  const agreement: Agreement = await draftAgreement(world, step.vms, step.to, step.site, step);
  const now = await world.chain.now();
  const releasedAt = BigInt(now - durationMs(step.releasedAgo ?? "PT2M"));
  const runningAt = BigInt(now - durationMs(step.runningAgo ?? "PT1M"));
  const receipts = agreement.lines.map(({ vm, nonce }) => ({
    vm,
    stateDigest: hashOf(`${vm}/${nonce}`),
    releasedAt,
    runningAt,
  }));
  const document = { agreement, receipts };
  const signers = [agreement.home, agreement.source, agreement.destination];
  const signatures = await signFor(world, "Record", document, signers, step);
  return remember(world, step.id, { kind: "Record", id: documentId("Record", document), document, signatures });
}

/** Brings a signed document to the ledger, as anyone may. */
function bring(world: World, signed: SignedDocument): Promise<Sent> {
  const sender = relay(world);
  switch (signed.kind) {
    case "Move":
      return agree(sender, signed.document, signed.signatures);
    case "Record":
      return record(sender, signed.document, signed.signatures);
    case "Amendment":
      return amend(sender, signed.document, signed.signatures);
    case "Evacuation":
      return evacuate(sender, signed.document, signed.signatures);
  }
}

function moveOf(world: World, name: string) {
  const signed = documentOf(world, name);
  if (signed.kind !== "Move")
    throw new BusError("BAD_SCENARIO", `${JSON.stringify(name)} is a ${signed.kind}, no move`);
  return signed.document;
}

function begin(world: World, signed: SignedDocument, by: string | undefined, agent: string | undefined): Promise<Sent> {
  if (signed.kind !== "Move") throw new BusError("BAD_SCENARIO", `a ${signed.kind} cannot be started`);
  const source = [...world.clouds.values()].find((actor) => actor.cloud === signed.document.agreement.source);
  const actor = by === undefined ? source : cloudOf(world, by);
  if (!actor) throw new BusError("BAD_SCENARIO", "the source is no cloud of this scenario");
  return start(as(world, actor, agent), signed.document);
}

async function finish(
  world: World,
  signed: SignedDocument,
  step: Pick<Departures, "without" | "signers"> & { readonly validIn?: Duration; readonly pause?: Duration },
): Promise<Sent> {
  if (signed.kind !== "Move") throw new BusError("BAD_SCENARIO", `a ${signed.kind} cannot be completed`);
  const { source, destination } = signed.document.agreement;
  const handover = await draftHandover(world, signed, step);
  const signatures = await signFor(world, "Handover", handover, [destination, source], step);
  return complete(relay(world), signed.document, handover, signatures);
}

/** Makes or replaces an offer; `biggest` is the capacity if nothing is said. */
export async function makeOffer(world: World, actor: CloudActor, spec: OfferSpec, agent?: string): Promise<Sent> {
  const now = await world.chain.now();
  const capacity: Resources = resourcesFrom(spec.capacity);
  const lanes = Object.entries(spec.rates ?? {}).map(([lane, rate]) => [lane, BigInt(rate)]);
  return offer(as(world, actor, agent), actor.cloud, spec.site ?? 0, {
    capacity,
    biggest: spec.biggest ? resourcesFrom(spec.biggest) : capacity,
    features: featureBits(world.scenario, spec.features),
    validFrom: BigInt(now),
    validUntil: BigInt(now + durationMs(spec.validFor ?? "P365D")),
    currency: spec.currency ?? "",
    rates: buildRates(Object.fromEntries(lanes) as Partial<Rates>),
  });
}

/** A key's own acceptance of its role, good for ten minutes. */
export async function accept(
  world: World,
  actor: CloudActor,
  key: BaseWallet,
  role: number,
): Promise<{ readonly validUntil: bigint; readonly signature: string }> {
  const validUntil = BigInt((await world.chain.now()) + 600_000);
  const document = { cloud: actor.cloud, key: key.address, role, validUntil };
  const signature = await signDocument(key, world.federation.registryDomain, "KeyAcceptance", document);
  return { validUntil, signature };
}
