import { type CloudView, type SiteView, cloudsOf, sitesOf } from "../actions/questions/clouds.js";
import { type HistoryEntry, historyOf } from "../actions/questions/history.js";
import { hostAt } from "../actions/questions/hostAt.js";
import { type Responsibility, responsibleDuring } from "../actions/questions/responsibleDuring.js";
import { type Stay, stays as staysOf } from "../actions/questions/stays.js";
import { type VmFacts, vmOf } from "../actions/questions/vmOf.js";
import { standingOf } from "../actions/questions/reputation.js";
import { type Breach, type PairAccount, accountsOf, breachesOf } from "./accounts.js";
import { durationMs } from "./format.js";
import { type VmActor, type World, vmNamed } from "./world.js";

/** A VM with its stays. */
export interface VmAnswer {
  readonly actor: VmActor;
  /** Undefined if it was never registered. */
  readonly view: VmFacts | undefined;
  readonly stays: readonly Stay[];
}

/** Score and confidence of a cloud, in units of 1e-18. */
export interface CloudStanding {
  readonly label: string;
  readonly score: bigint;
  readonly confidence: bigint;
}

/** The four questions, answered from the chain as far as it knows. */
export interface Answers {
  /** Where did each VM run at these times? Times in milliseconds; hosts by cloud number, 0 for none. */
  readonly hosts: readonly { readonly vm: string; readonly at: readonly number[]; readonly hosts: readonly number[] }[];
  readonly times: readonly number[];
  /** Who answered for a VM in a window? */
  readonly responsible:
    | { readonly vm: string; readonly from: number; readonly to: number; readonly parts: readonly Responsibility[] }
    | undefined;
  /** Who has room now? */
  readonly sites: readonly SiteView[];
  /** What happened to one VM, and who signed for it? */
  readonly history: { readonly vm: string; readonly entries: readonly HistoryEntry[] } | undefined;
  readonly clouds: readonly CloudView[];
  readonly vms: readonly VmAnswer[];
  /** What is owed, by whom to whom, and what it is made of. */
  readonly accounts: readonly PairAccount[];
  /** What was not kept: credits, and disputes. */
  readonly breaches: readonly Breach[];
  /** How far each cloud can be trusted. */
  readonly standings: readonly CloudStanding[];
}

/** Asks the chain. A window that reaches beyond now is cut there. */
export async function askQuestions(world: World): Promise<Answers> {
  const { federation, scenario, begin } = world;
  const now = await world.chain.now();
  const elapsed = now - begin;
  const asked = scenario.questions?.hostsAt?.map(durationMs) ?? [0, elapsed / 3, (2 * elapsed) / 3, elapsed];
  const times = asked.map((offset) => Math.min(begin + Math.floor(offset), now));
  const vms = await Promise.all([...world.vms.values()].map((actor) => vmAnswer(world, actor)));
  const registered = vms.filter((answer) => answer.view !== undefined);
  const hosts = await Promise.all(
    registered.map(async ({ actor }) => ({
      vm: actor.name,
      at: times,
      hosts: await Promise.all(times.map((time) => hostAt(federation, actor.vm, BigInt(time)))),
    })),
  );

  const window = scenario.questions?.responsible;
  const subject = window?.vm ?? registered[0]?.actor.name;
  const from = begin + (window ? durationMs(window.from) : 0);
  const to = Math.min(begin + (window ? durationMs(window.to) : elapsed), now);
  const responsible =
    subject === undefined || from >= to
      ? undefined
      : {
          vm: subject,
          from,
          to,
          parts: await responsibleDuring(federation, vmNamed(world, subject).vm, BigInt(from), BigInt(to)),
        };

  const told = scenario.questions?.history ?? subject;
  const history =
    told === undefined ? undefined : { vm: told, entries: await historyOf(federation, vmNamed(world, told).vm) };
  const [sites, clouds] = await Promise.all([sitesOf(federation), cloudsOf(federation)]);
  const standings = await Promise.all(
    [...world.clouds.values()].map(async ({ label, cloud }) => ({ label, ...(await standingOf(federation, cloud)) })),
  );
  const [accounts, breaches] = [accountsOf(world), breachesOf(world)];
  return { hosts, times, responsible, sites, history, clouds, vms, accounts, breaches, standings };
}

async function vmAnswer(world: World, actor: VmActor): Promise<VmAnswer> {
  const isRegistered = world.sent.some((sent) =>
    sent.events.some((event) => event.name === "VmRegistered" && event.args.getValue("vm") === actor.vm),
  );
  if (!isRegistered) return { actor, view: undefined, stays: [] };
  const [view, stays] = await Promise.all([
    vmOf(world.federation, actor.vm),
    staysOf(world.federation, actor.vm, 1, 1_000),
  ]);
  return { actor, view, stays };
}
