import { id as hashOf } from "ethers";

import { buildAgreement, buildPrice, buildRates, buildSla } from "../documents/build.js";
import { agreementId, signDocument } from "../documents/hash.js";
import type {
  Agreement,
  DocumentName,
  Documents,
  Handover,
  Line,
  MutualAbort,
  Rates,
  Terms,
  Witnesses,
} from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { buildMetrics } from "../sla/metrics.js";
import { matchHosts } from "../matchmaking/matchHosts.js";
import { domainFor } from "../signing/desk.js";
import { type VmFacts, vmOf } from "../actions/questions/vmOf.js";
import { type Departures, type Duration, durationMs } from "./format.js";
import {
  type SignedDocument,
  type World,
  cloudOf,
  documentOf,
  featureBits,
  labelOf,
  nextSalt,
  resourcesFrom,
  signerNamed,
  vmNamed,
} from "./world.js";

/** Step fields that say what is agreed beside the move. */
export interface Conditions {
  readonly terms?: string;
  readonly window?: Duration;
  readonly witnesses?: readonly string[];
  readonly required?: number;
}

/** Price and SLA by the name the scenario gives them; without a name free of charge. */
function termsOf(world: World, name: string | undefined): Terms {
  const priceSalt = nextSalt(world);
  const slaSalt = nextSalt(world);
  if (name === undefined) return { price: buildPrice({ salt: priceSalt }), sla: buildSla({ salt: slaSalt }) };
  const spec = world.scenario.terms?.[name];
  if (!spec) throw new BusError("BAD_SCENARIO", `there are no terms ${JSON.stringify(name)}`);
  const lanes = Object.entries(spec.rates ?? {}).map(([lane, rate]) => [lane, BigInt(rate)]);
  return {
    price: buildPrice({
      salt: priceSalt,
      currency: spec.currency ?? "EUR",
      rates: buildRates(Object.fromEntries(lanes) as Partial<Rates>),
      settlement: spec.settlement === "joint" ? 1 : 0,
    }),
    sla: buildSla({
      salt: slaSalt,
      thresholds: buildMetrics(spec.promises ?? {}),
      availabilityTiers: [...(spec.tiers ?? [])],
      otherMetricsBps: spec.otherMetricsBps ?? 0,
      capBps: spec.capBps ?? 10_000,
      pauseBudgetMs: durationMs(spec.pauseBudget ?? "PT1M"),
    }),
  };
}

/** Witnesses by their names, of whom a majority must have measured unless the step says otherwise. */
function witnessesOf(world: World, { witnesses = [], required }: Conditions): Witnesses {
  const members = witnesses
    .map((name) => world.keys.key(`witness/${name}`).address)
    .sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  return { members, required: required ?? Math.ceil((members.length + 1) / 2) * Math.sign(members.length) };
}

/** Makes the agreement of a step: the VMs as they stand now on the chain, unless the step says otherwise. */
export async function draftAgreement(
  world: World,
  names: readonly string[],
  to: string | undefined,
  site: number | undefined,
  departures: Departures & Conditions & { readonly agreeIn?: Duration },
): Promise<Agreement> {
  const { federation, scenario, chain } = world;
  const actors = names.map((name) => vmNamed(world, name));
  const found = await Promise.all(actors.map((actor) => vmOf(federation, actor.vm)));
  const lines: Line[] = actors.map((actor, index) => ({
    vm: actor.vm,
    nonce: departures.nonce ?? found[index]?.nonce ?? 0,
    features: departures.features ? featureBits(scenario, departures.features) : actor.features,
    resources: departures.resources ? resourcesFrom(departures.resources) : actor.resources,
  }));
  const host = found[0]?.host ?? 0;
  const source = departures.from === undefined ? host : cloudOf(world, departures.from).cloud;
  const agreeIn = departures.agreeIn === undefined ? 600_000 : durationMs(departures.agreeIn);
  const agreement = buildAgreement({
    home: found[0]?.home ?? 0,
    source,
    ...(await placeOf(world, to, found[0], lines, site)),
    lines,
    agreeBy: BigInt((await chain.now()) + agreeIn),
    ...(departures.window === undefined ? {} : { windowMs: BigInt(durationMs(departures.window)) }),
    witnesses: witnessesOf(world, departures),
    terms: termsOf(world, departures.terms),
    charter: hashOf(scenario.name),
    salt: nextSalt(world),
    digestKind: 1,
  });
  world.agreements.set(agreementId(agreement), agreement);
  return agreement;
}

/** Where a step wants VMs: a cloud by its label, `@home`, `@best` by the ranking, or where they are. */
async function placeOf(
  world: World,
  to: string | undefined,
  vm: VmFacts | undefined,
  lines: readonly Line[],
  site: number | undefined,
): Promise<{ readonly destination: number; readonly site: number }> {
  if (to === undefined) return { destination: vm?.host ?? 0, site: site ?? vm?.site ?? 0 };
  if (to === "@home") return { destination: vm?.home ?? 0, site: 0 };
  if (to !== "@best") return { destination: cloudOf(world, to).cloud, site: site ?? 0 };
  const { candidates } = await matchHosts(world.federation, lines, { except: vm ? [vm.home, vm.host] : [] });
  const best = candidates[0];
  if (!best) throw new BusError("BAD_SCENARIO", "no cloud would take the VMs");
  return { destination: best.cloud, site: best.site };
}

/**
 * Signs a document for clouds, in this order, each once. A step may leave some out, have others sign for them, or take
 * the signatures of another document.
 */
export async function signFor<N extends DocumentName>(
  world: World,
  name: N,
  document: Documents[N],
  signers: readonly number[],
  departures: Pick<Departures, "without" | "signers" | "signaturesOf"> = {},
): Promise<string[]> {
  if (departures.signaturesOf !== undefined) return [...documentOf(world, departures.signaturesOf).signatures];
  const labels = [...new Set(signers)].map((cloud) => labelOf(world, cloud));
  return Promise.all(
    labels
      .filter((label) => !departures.without?.includes(label))
      .map((label) => {
        const signer = signerNamed(world, departures.signers?.[label] ?? label);
        return signDocument(signer, domainFor(world.federation, name), name, document);
      }),
  );
}

/** Remembers a signed document under a step's id, so that later steps can bring it again, revoke it, or act on it. */
export function remember<D extends SignedDocument>(world: World, id: string | undefined, signed: D): D {
  if (id !== undefined) world.documents.set(id, signed);
  return signed;
}

/** The handover of a move, as source and destination would sign it now. */
export async function draftHandover(
  world: World,
  move: SignedDocument,
  { validIn = 240_000, pause = 0 }: { readonly validIn?: Duration; readonly pause?: Duration },
): Promise<Handover> {
  const now = await world.chain.now();
  return {
    move: move.id,
    releases: move.document.agreement.lines.map((line) => ({
      vm: line.vm,
      stateDigest: hashOf(`${line.vm}/${line.nonce}`),
      releasedAt: BigInt(now - durationMs(pause)),
    })),
    validUntil: BigInt(now + durationMs(validIn)),
  };
}

/** The mutual abort of a move. */
export async function draftMutualAbort(world: World, move: SignedDocument, reason: number): Promise<MutualAbort> {
  return { move: move.id, reason, validUntil: BigInt((await world.chain.now()) + 240_000) };
}
