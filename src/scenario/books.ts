import { ZeroHash, id as hashOf } from "ethers";

import { acknowledge } from "../actions/charging/acknowledge.js";
import { postNotes } from "../actions/charging/postNotes.js";
import { settle } from "../actions/charging/settle.js";
import { settleCredit } from "../actions/charging/settleCredit.js";
import { settleJointly } from "../actions/charging/settleJointly.js";
import { resultOf } from "../actions/questions/windows.js";
import { NoteReason } from "../chain/enums.js";
import type { BusEvent, Sent } from "../chain/send.js";
import type { Agreement, Note, SaltedMetrics } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { buildMetrics } from "../sla/metrics.js";
import { type Step, durationMs } from "./format.js";
import { parseMoney } from "./money.js";
import { netAll } from "./netting.js";
import { signFor } from "./papers.js";
import { type StayInQuestion, agreementFor, stayOf } from "./promises.js";
import { remember } from "./remembering.js";
import { as, relay } from "./senders.js";
import { type CloudActor, type World, cloudOf, nextSalt, vmNamed, windowKey } from "./world.js";

/** Steps about money, and about what is remembered of kept and broken promises. */
export type BookStep = Extract<
  Step,
  { readonly do: "settle" | "settleAll" | "credit" | "note" | "acknowledge" | "net" | "remember" }
>;

/** What a transaction is handed to once it is mined. */
export type Keep = (sending: Promise<Sent>) => Promise<void>;

/** Does one step about money. */
export async function doBooks(world: World, step: BookStep, keep: Keep): Promise<void> {
  switch (step.do) {
    case "settle": {
      const stay = await stayOf(world, step);
      const through = step.through === undefined ? undefined : BigInt(world.begin + durationMs(step.through));
      const by = cloudOf(world, step.by);
      return keep(settleStay(world, stay, by, through ?? BigInt(await world.chain.now()), step.as));
    }
    case "settleAll":
      return settleAll(world, keep);
    case "credit": {
      const stay = await stayOf(world, step);
      return keep(creditWindow(world, stay, step.window, cloudOf(world, step.by), step.as));
    }
    case "note":
      return keep(bringNote(world, step));
    case "acknowledge": {
      const [creditor, debtor] = [cloudOf(world, step.creditor), cloudOf(world, step.debtor)];
      const payment = {
        creditor: creditor.cloud,
        debtor: debtor.cloud,
        currency: step.currency ?? "EUR",
        amount: parseMoney(step.amount),
        reference: hashOf(step.payment),
      };
      return keep(acknowledge(as(world, creditor), payment));
    }
    case "net":
      return netAll(world, step.currency ?? "EUR", keep);
    case "remember":
      return remember(world, keep);
  }
}

/** Charges a stay up to a time; home and host sign together where the price asks for it. */
async function settleStay(
  world: World,
  stay: StayInQuestion,
  by: CloudActor,
  to: bigint,
  agent?: string,
): Promise<Sent> {
  const agreement = await agreementFor(world, stay);
  const { terms } = agreement;
  if (terms.price.settlement === 0) {
    return settle(as(world, by, agent), { ...stay, agreement, terms }, by.cloud, to);
  }
  const document = { ...stay, to, validUntil: BigInt((await world.chain.now()) + 600_000) };
  const signatures = await signFor(world, "JointSettlement", document, [agreement.home, agreement.destination]);
  return settleJointly(relay(world), document, { agreement, terms }, signatures);
}

function actorOf(world: World, cloud: number): CloudActor {
  for (const actor of world.clouds.values()) if (actor.cloud === cloud) return actor;
  throw new BusError("BAD_SCENARIO", `cloud ${cloud} is none of this scenario`);
}

/** A stay on another cloud than home, with the agreement under which it runs. */
interface ChargedStay extends StayInQuestion {
  readonly agreement: Agreement;
}

/** Stays of this run that cost something: those that began on another cloud, under terms that name a price. */
export async function chargedStays(world: World): Promise<ChargedStay[]> {
  const found: ChargedStay[] = [];
  for (const event of eventsNamed(world, "StayBegan")) {
    const stay = { vm: text(event, "vm"), sequence: Number(text(event, "sequence")) };
    if (text(event, "agreement") === "0") continue;
    const agreement = await agreementFor(world, stay);
    const isPriced = Object.values(agreement.terms.price.rates).some((rate) => rate > 0n);
    if (agreement.destination !== agreement.home && isPriced) found.push({ ...stay, agreement });
  }
  return found;
}

/** Events of a name that the run has seen. */
export function eventsNamed(world: World, name: string): BusEvent[] {
  return world.sent.flatMap((sent) => sent.events).filter((event) => event.name === name);
}

/** An argument of an event as text. */
export function text(event: BusEvent, name: string): string {
  return String(event.args.getValue(name));
}

/** The end of a period: hosts charge every stay up to now, and homes claim the credit of every window with a final result. */
async function settleAll(world: World, keep: Keep): Promise<void> {
  const now = BigInt(await world.chain.now());
  for (const stay of await chargedStays(world)) {
    const account = await world.federation.charging.chargeOf(stay.vm, stay.sequence);
    const { endedAt } = await world.federation.ledger.stayOf(stay.vm, stay.sequence);
    const to = endedAt === 0n || endedAt > now ? now : endedAt;
    if (account.account.settledThrough < to) {
      await keep(settleStay(world, stay, actorOf(world, stay.agreement.destination), to));
    }
    for (const window of await windowsToCredit(world, stay)) {
      await keep(creditWindow(world, stay, window, actorOf(world, stay.agreement.home)));
    }
  }
}

/** Windows of a stay whose result is final and was not credited yet; and window 0 where the pause may have been too long. */
async function windowsToCredit(world: World, stay: ChargedStay): Promise<number[]> {
  const ofStay = (event: BusEvent) =>
    text(event, "vm") === stay.vm && Number(text(event, "sequence")) === stay.sequence;
  const credited = new Set(
    eventsNamed(world, "CreditSettled")
      .filter(ofStay)
      .map((event) => Number(text(event, "window"))),
  );
  const reported = new Set(
    ["WindowAgreed", "WindowClaimed", "WindowWitnessed"]
      .flatMap((name) => eventsNamed(world, name))
      .filter(ofStay)
      .map((event) => Number(text(event, "window"))),
  );
  const windows = [...reported].filter((window) => !credited.has(window)).sort((a, b) => a - b);
  const states = await Promise.all(windows.map((window) => resultOf(world.federation, stay.vm, stay.sequence, window)));
  return windows.filter((_, index) => states[index]?.isFinal === true && states[index].state !== "Disputed");
}

/** Credits a window by its result; who was a party to an agreed one opens it. */
async function creditWindow(
  world: World,
  stay: StayInQuestion,
  window: number,
  by: CloudActor,
  agent?: string,
): Promise<Sent> {
  const agreement = await agreementFor(world, stay);
  const result = await openingOf(world, stay, window);
  const credited = { ...stay, window, agreement, terms: agreement.terms, result };
  return settleCredit(as(world, by, agent), credited, by.cloud);
}

/** What opens the result of a window: what the parties kept of an agreed one, else what the chain shows. */
export async function openingOf(
  world: World,
  { vm, sequence }: StayInQuestion,
  window: number,
): Promise<SaltedMetrics> {
  const kept = world.openings.get(windowKey(vm, sequence, window));
  const { state, metrics } = await resultOf(world.federation, vm, sequence, window);
  if (state === "Agreed" && kept) return kept;
  return { values: metrics ?? buildMetrics({}), salt: ZeroHash };
}

type NoteStep = Extract<Step, { readonly do: "note" }>;

async function bringNote(world: World, step: NoteStep): Promise<Sent> {
  const [creditor, debtor] = [cloudOf(world, step.creditor), cloudOf(world, step.debtor)];
  const stay = step.vm === undefined ? undefined : await stayOf(world, { ...step, vm: step.vm });
  const now = await world.chain.now();
  const through = step.through === undefined ? now : world.begin + durationMs(step.through);
  const note: Note = {
    refersTo: ZeroHash,
    creditor: creditor.cloud,
    debtor: debtor.cloud,
    currency: step.currency ?? "EUR",
    amount: parseMoney(step.amount),
    vm: stay === undefined ? ZeroHash : vmNamed(world, step.vm ?? "").vm,
    sequence: stay?.sequence ?? 0,
    through: stay === undefined ? 0n : BigInt(through),
    reason: step.reason ?? (stay === undefined ? NoteReason.CORRECTION : NoteReason.REPLACEMENT),
    validUntil: BigInt(now + 600_000),
    salt: nextSalt(world),
  };
  const signatures = await signFor(world, "Note", note, [note.creditor, note.debtor], step);
  return postNotes(relay(world), [note], signatures);
}
