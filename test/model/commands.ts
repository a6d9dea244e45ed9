import fc from "fast-check";
import { id } from "ethers";

import {
  type Agreement,
  type Line,
  type Move,
  type Resources,
  buildAgreement,
  buildPrice,
  buildResources,
  buildSla,
  documentId,
} from "../../src/index.js";
import {
  type Command,
  type CommandName,
  type Model,
  type MoveModel,
  type VmModel,
  LANE_LIMIT,
  homeAndDestinationOf,
  partiesOf,
  siteKey,
  stateOf,
} from "./model.js";

/** Clouds that own and host VMs. */
export const CLOUDS = [1, 2, 3, 4] as const;
export const SITES = [0, 1] as const;
/** A member with no part in anything: its keys are the wrong ones. */
export const BYSTANDER = 5;
/** Nobody has this id. */
const UNKNOWN = 99;
/** So many VMs that are not terminated. */
const POPULATION = 12;
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** Room at a site of the model's federation: a few VMs, and some lanes are scarcer than others. */
export const ROOM: Resources = buildResources({ vcpuMilli: 14_000, memoryMiB: 14_336, storageGiB: 120, gpus: 3 });
export const BIGGEST: Resources = buildResources({ vcpuMilli: 4_000, memoryMiB: 4_096, storageGiB: 50, gpus: 1 });

/** What fast-check draws: a kind of command and numbers that settle everything else once the ledger's state is known. */
export interface Choice {
  readonly kind: Kind;
  readonly numbers: readonly number[];
}

/** Papers that were made or brought so far: they may be brought again. */
export interface Papers {
  readonly brought: Command[];
  readonly shelved: Command[];
  serial: number;
}

type Kind = CommandName | "replay" | "bring";

const WEIGHTS: { readonly [kind in Kind]: number } = {
  register: 5,
  agree: 22,
  start: 14,
  complete: 14,
  abort: 4,
  abortMutually: 3,
  expire: 4,
  record: 16,
  amend: 7,
  evacuate: 9,
  revoke: 4,
  giveNotice: 12,
  release: 5,
  releaseFromMove: 9,
  stop: 3,
  stopFromMove: 6,
  restore: 5,
  terminate: 2,
  declareLost: 6,
  contestLoss: 3,
  withdrawLoss: 2,
  suspend: 2,
  lift: 8,
  offer: 3,
  pauseNew: 2,
  resumeNew: 5,
  leave: 1,
  replay: 8,
  bring: 6,
};

/** Choices of commands; every list of them is a history. Without bias: dice that favour small numbers spoil most papers. */
export const choices: fc.Arbitrary<Choice> = fc.noBias(
  fc.record({
    kind: fc.oneof(
      ...Object.entries(WEIGHTS).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind as Kind) })),
    ),
    numbers: fc.array(fc.nat({ max: 2 ** 30 }), { minLength: 32, maxLength: 32 }),
  }),
);

/* DICE */

/** Answers questions from the numbers of a choice, always in the same way. */
class Dice {
  #used = 0;

  constructor(readonly numbers: readonly number[]) {}

  /** 0 to `sides` - 1. */
  roll(sides: number): number {
    const at = this.#used++;
    const number = this.numbers[at % this.numbers.length]! + Math.floor(at / this.numbers.length) * 7_919;
    return number % sides;
  }

  chance(percent: number): boolean {
    return this.roll(1_000) < percent * 10;
  }

  between(least: number, most: number): number {
    return least + this.roll(most - least + 1);
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.roll(list.length)];
  }
}

/** How long after the last command: mostly seconds, sometimes days. */
function step(dice: Dice): number {
  const scale = dice.roll(100);
  if (scale < 55) return dice.between(1, 30);
  if (scale < 78) return dice.between(1, 6 * MINUTE);
  if (scale < 90) return dice.between(6 * MINUTE, 40 * MINUTE);
  if (scale < 97) return dice.between(1, 8) * HOUR;
  return dice.between(1, 35) * DAY;
}

/* PARTS OF DOCUMENTS */

const PRICE = buildPrice({ salt: id("price") });
const SLA = buildSla({ salt: id("sla") });

function resourcesOf(dice: Dice): Resources {
  return buildResources({
    vcpuMilli: 1_000 * dice.between(1, 4),
    memoryMiB: 1_024 * dice.between(1, 4),
    storageGiB: 10 * dice.between(0, 5),
    gpus: dice.chance(30) ? 1 : 0,
  });
}

const anyVm = (model: Model, dice: Dice): VmModel | undefined => dice.pick([...model.vms.values()]);

/** A VM in one of the states; now and then any. */
function vmIn(model: Model, dice: Dice, accept: (vm: VmModel) => boolean): VmModel | undefined {
  const found = [...model.vms.values()].filter(accept);
  return found.length === 0 || dice.chance(12) ? anyVm(model, dice) : dice.pick(found);
}

const isIn =
  (model: Model, ...states: readonly string[]) =>
  (vm: VmModel): boolean =>
    states.includes(stateOf(model, vm));

/** Up to four VMs that can go in one document with the first. */
function groupOf(model: Model, dice: Dice, first: VmModel, isSameSite: boolean): VmModel[] {
  const alike = [...model.vms.values()].filter(
    (vm) =>
      vm !== first &&
      vm.home === first.home &&
      vm.host === first.host &&
      stateOf(model, vm) === stateOf(model, first) &&
      (vm.lostAt === 0) === (first.lostAt === 0) &&
      (!isSameSite || vm.site === first.site),
  );
  return [first, ...alike.slice(0, dice.roll(4))];
}

type Draft = { -readonly [field in keyof Agreement]: Agreement[field] };

/** What can be wrong with an agreement. */
const FLAWS: readonly ((draft: Draft, dice: Dice, model: Model) => void)[] = [
  (draft) => void (draft.lines = []),
  (draft) => void (draft.lines = Array.from({ length: 17 }, () => draft.lines[0]!)),
  (draft) => void draft.lines.reverse(),
  (draft) => void draft.lines.push(draft.lines[0]!),
  (draft) => void (draft.home = (draft.home % 4) + 1),
  (draft) => void (draft.source = (draft.source % 4) + 1),
  (draft) => void (draft.destination = draft.source),
  (draft) => void (draft.destination = UNKNOWN),
  (draft) => void (draft.site = 7),
  (draft) => void (draft.site = 1 - draft.site),
  (draft) => {
    changeLine(draft, { nonce: draft.lines[0]!.nonce + 1 });
  },
  (draft) => {
    changeLine(draft, { nonce: Math.max(0, draft.lines[0]!.nonce - 1) });
  },
  (draft) => {
    changeLine(draft, { vm: id("unregistered") });
  },
  (draft) => {
    changeLine(draft, { features: 1n });
  },
  (draft) => {
    changeLine(draft, { resources: buildResources({}) });
  },
  (draft) => {
    changeLine(draft, { resources: { ...draft.lines[0]!.resources, vcpuMilli: 5_000 } });
  },
  (draft) => {
    changeLine(draft, { resources: { ...draft.lines[0]!.resources, spare2: LANE_LIMIT - 1 } });
  },
  (draft) => {
    changeLine(draft, { resources: { ...draft.lines[0]!.resources, gpus: LANE_LIMIT } });
  },
  (draft, dice, model) => {
    const vm = anyVm(model, dice);
    if (vm) changeLine(draft, { vm: vm.id, nonce: vm.nonce });
  },
  (draft, _, model) => void (draft.agreeBy = BigInt(model.now) * 1_000n - 1n),
  (draft) => void (draft.agreeBy += BigInt(HOUR) * 1_000n),
  (draft) => void (draft.noticeMs = 3_599_999n),
  (draft) => void (draft.noticeMs = BigInt(90 * DAY) * 1_000n + 1n),
  (draft) => void (draft.windowMs = 0n),
  (draft) => void (draft.digestKind = 4),
];

function changeLine(draft: Draft, change: Partial<Line>): void {
  draft.lines = [{ ...draft.lines[0]!, ...change }, ...draft.lines.slice(1)];
}

interface Terms {
  readonly destination: number;
  readonly site: number;
  readonly resources: (vm: VmModel) => Resources;
}

/** An agreement about VMs as they stand, with a flaw now and then. */
function agreementOf(
  model: Model,
  dice: Dice,
  papers: Papers,
  vms: readonly VmModel[],
  { destination, site, resources }: Terms,
): Agreement {
  const first = vms[0]!;
  const draft: Draft = buildAgreement({
    home: first.home,
    source: first.host,
    destination,
    site,
    lines: vms.map((vm) => ({ vm: vm.id, nonce: vm.nonce, features: 0n, resources: resources(vm) })),
    noticeMs: BigInt(dice.pick([HOUR, HOUR, 2 * HOUR, DAY])!) * 1_000n + (dice.chance(20) ? 1n : 0n),
    agreeBy: BigInt(model.now + dice.between(0, 15 * MINUTE)) * 1_000n,
    terms: { price: PRICE, sla: SLA },
    salt: id(`salt ${++papers.serial}`),
  });
  if (dice.chance(16)) dice.pick(FLAWS)!(draft, dice, model);
  if (dice.chance(2) && draft.lines.length > 0) dice.pick(FLAWS)!(draft, dice, model);
  return draft;
}

/** Where to: home, if it is abroad, in a third of all cases. */
function destinationOf(model: Model, dice: Dice, vm: VmModel): Terms {
  const elsewhere = CLOUDS.filter((cloud) => cloud !== vm.host && cloud !== vm.home);
  const goesHome = vm.host !== vm.home && dice.chance(35);
  return {
    destination: goesHome ? vm.home : dice.pick(elsewhere)!,
    site: dice.roll(2),
    resources: (moved) => (dice.chance(20) ? resourcesOf(dice) : moved.resources),
  };
}

/** A cloud that nobody knows has no keys: the bystander's stand in. */
const keyHolderOf = (cloud: number): number => (cloud === UNKNOWN ? BYSTANDER : cloud);

/** Those who must sign, or some others. */
function signersOf(dice: Dice, parties: readonly number[]): readonly number[] {
  const needed = parties.map(keyHolderOf);
  if (!dice.chance(6)) return needed;
  return dice.pick([
    [...needed].reverse(),
    needed.slice(1),
    [...needed, BYSTANDER],
    needed.map((cloud, i) => (i === 0 ? BYSTANDER : cloud)),
    needed.map((cloud, i) => (i === needed.length - 1 ? BYSTANDER : cloud)),
  ])!;
}

/** Who must send, or another. */
function senderOf(dice: Dice, cloud: number): number {
  return dice.chance(7) ? dice.pick([...CLOUDS, BYSTANDER])! : keyHolderOf(cloud);
}

/* COMMANDS */

type Maker = (model: Model, dice: Dice, papers: Papers) => Untimed | undefined;
/** A command before its time is set. */
type Untimed = Command extends infer C ? (C extends Command ? Omit<C, "at"> : never) : never;

/** An open move, with a document of it that is wrong now and then. */
function openMove(model: Model, dice: Dice, accept: (move: MoveModel) => boolean, papers: Papers): Move | undefined {
  const all = [...model.moves.values()];
  const found = all.filter(accept);
  const open = dice.pick(found.length === 0 || dice.chance(10) ? all : found);
  if (!open || dice.chance(4)) {
    const former = papers.brought.filter((command) => command.name === "agree");
    return dice.pick(former)?.move ?? open?.document;
  }
  if (!dice.chance(6)) return open.document;
  const { document } = open;
  return dice.pick<Move>([
    { ...document, startBy: document.startBy + 60_000n },
    { ...document, completeBy: document.completeBy + 60_000n },
    { ...document, agreement: { ...document.agreement, salt: id("another") } },
    { ...document, agreement: { ...document.agreement, lines: [] } },
    { ...document, agreement: { ...document.agreement, lines: document.agreement.lines.slice(1) } },
  ]);
}

const isAgreed = (move: MoveModel): boolean => move.startedAt === 0;
const isStarted = (move: MoveModel): boolean => move.startedAt !== 0;

function makeAgree(model: Model, dice: Dice, papers: Papers): Untimed | undefined {
  const canGo = isIn(model, "Home", "Abroad");
  const onlyNoticed = dice.chance(25);
  const isWanted = (vm: VmModel) =>
    canGo(vm) && vm.lostAt === 0 && (!onlyNoticed || vm.stays.at(-1)!.noticeUntil !== 0);
  const first = vmIn(model, dice, isWanted);
  if (!first) return undefined;
  const vms = groupOf(model, dice, first, false);
  const agreement = agreementOf(model, dice, papers, vms, destinationOf(model, dice, first));
  const startIn = dice.pick([16 * MINUTE, 61 * MINUTE, 4 * HOUR, dice.chance(10) ? 25 * HOUR : 24 * HOUR])!;
  const completeIn = dice.pick([HOUR, 5 * HOUR, dice.chance(10) ? 73 * HOUR : 47 * HOUR])!;
  const move: Move = {
    agreement,
    startBy: BigInt(model.now + (dice.chance(3) ? 0 : startIn)) * 1_000n + (dice.chance(10) ? 500n : 0n),
    completeBy: BigInt(model.now + (dice.chance(3) ? 0 : startIn + completeIn)) * 1_000n,
  };
  return { name: "agree", move, signers: signersOf(dice, homeAndDestinationOf(agreement)) };
}

function makeComplete(model: Model, dice: Dice, papers: Papers): Untimed | undefined {
  const move = openMove(model, dice, isStarted, papers);
  if (!move) return undefined;
  const { lines, source, destination } = move.agreement;
  const open = model.moves.get(model.vms.get(lines[0]?.vm ?? "")?.open ?? 0);
  const startedAt = open && isStarted(open) ? open.startedAt : model.now;
  const isWrong = dice.chance(15);
  const least = startedAt * 1_000 - (isWrong && dice.chance(20) ? 1 : 0);
  const most = model.now * 1_000 + (isWrong && dice.chance(20) ? 1 : 0);
  const releases = lines.map(({ vm }) => ({
    vm,
    stateDigest: id(`state ${++papers.serial}`),
    releasedAt: BigInt(dice.pick([least, most, least + Math.floor((most - least) / 2)])!),
  }));
  if (isWrong && dice.chance(20)) releases.reverse();
  if (isWrong && dice.chance(20)) releases.pop();
  const handover = {
    move: isWrong && dice.chance(20) ? id("another move") : documentId("Move", move),
    releases,
    validUntil: BigInt(model.now + (isWrong && dice.chance(40) ? dice.pick([-1, 301])! : dice.roll(301))) * 1_000n,
  };
  return { name: "complete", move, handover, signers: signersOf(dice, [destination, source]) };
}

function makeRecord(model: Model, dice: Dice, papers: Papers): Untimed | undefined {
  const canGo = isIn(model, "Home", "Abroad");
  const first = vmIn(model, dice, (vm) => canGo(vm) && vm.lostAt === 0);
  if (!first) return undefined;
  const vms = groupOf(model, dice, first, false);
  const agreement = agreementOf(model, dice, papers, vms, destinationOf(model, dice, first));
  const now = model.now * 1_000;
  const isWrong = dice.chance(12);
  const receipts = agreement.lines.map(({ vm }) => {
    const begun = model.vms.get(vm)?.stays.at(-1)?.startedAt ?? now;
    const earliest = Math.max(begun, now - 15 * MINUTE * 1_000);
    const releasedAt = earliest + Math.floor(((now - earliest) * dice.roll(101)) / 100);
    const runningAt = releasedAt + Math.floor(((now - releasedAt) * dice.roll(101)) / 100);
    return {
      vm,
      stateDigest: id(`state ${++papers.serial}`),
      releasedAt: BigInt(isWrong && dice.chance(30) ? earliest - 1 : releasedAt),
      runningAt: BigInt(isWrong && dice.chance(30) ? dice.pick([now + 1, releasedAt - 1])! : runningAt),
    };
  });
  if (isWrong && dice.chance(20)) receipts.reverse();
  if (isWrong && dice.chance(20)) receipts.pop();
  return { name: "record", record: { agreement, receipts }, signers: signersOf(dice, partiesOf(agreement)) };
}

function makeAmend(model: Model, dice: Dice, papers: Papers): Untimed | undefined {
  const isAbroad = isIn(model, "Abroad");
  const first = vmIn(model, dice, (vm) => isAbroad(vm) && vm.lostAt === 0);
  if (!first) return undefined;
  const agreement = agreementOf(model, dice, papers, groupOf(model, dice, first, true), {
    destination: first.host,
    site: first.site,
    resources: () => resourcesOf(dice),
  });
  const needed = [...new Set([agreement.home, agreement.source])];
  return { name: "amend", amendment: { agreement }, signers: signersOf(dice, needed) };
}

function makeEvacuate(model: Model, dice: Dice, papers: Papers): Untimed | undefined {
  const first = vmIn(model, dice, (vm) => vm.lostAt !== 0);
  if (!first) return undefined;
  const vms = groupOf(model, dice, first, false);
  const agreement = agreementOf(model, dice, papers, vms, destinationOf(model, dice, first));
  return { name: "evacuate", evacuation: { agreement }, signers: signersOf(dice, homeAndDestinationOf(agreement)) };
}

/** Id of a document that a cloud's signature can be withdrawn from. */
function idOf(command: Untimed | undefined): { document: string; signers: readonly number[] } | undefined {
  if (command?.name === "agree") return { document: documentId("Move", command.move), signers: command.signers };
  if (command?.name === "record") return { document: documentId("Record", command.record), signers: command.signers };
  if (command?.name === "amend") {
    return { document: documentId("Amendment", command.amendment), signers: command.signers };
  }
  return undefined;
}

/** Withdraws a signature, of a signer or of somebody else, under a paper that is brought later. */
function makeRevoke(model: Model, dice: Dice, papers: Papers): Untimed | undefined {
  const paper = dice.pick([makeAgree, makeRecord, makeAmend])!(model, dice, papers);
  const found = idOf(paper);
  if (!paper || !found) return undefined;
  papers.shelved.push({ ...paper, at: model.now });
  const by = dice.pick([...found.signers, BYSTANDER]) ?? BYSTANDER;
  return { name: "revoke", by, document: found.document, sender: senderOf(dice, by) };
}

function makeNotice(model: Model, dice: Dice): Untimed | undefined {
  const isForeign = (vm: VmModel) => isIn(model, "Abroad", "Agreed", "Started")(vm) && vm.host !== vm.home;
  const isDue = (vm: VmModel) => isForeign(vm) && vm.stays.at(-1)!.noticeUntil === 0;
  const isAgreedToo = dice.chance(50) && [...model.vms.values()].some((vm) => isDue(vm) && isIn(model, "Agreed")(vm));
  const first = vmIn(model, dice, (vm) => isDue(vm) && (!isAgreedToo || isIn(model, "Agreed")(vm)));
  if (!first) return undefined;
  const others = [...model.vms.values()].filter((vm) => vm !== first && vm.host === first.host && isDue(vm));
  const vms = [first, ...others.slice(0, dice.roll(3))];
  if (dice.chance(4)) vms.push(dice.chance(50) ? first : anyVm(model, dice)!);
  const period = Math.max(...vms.map((vm) => vm.stays.at(-1)!.noticePeriod));
  const ahead = dice.chance(6) ? period - 1 : dice.chance(2) ? 366 * DAY : period + dice.roll(HOUR);
  return {
    name: "giveNotice",
    vms: dice.chance(2) ? [] : vms.map((vm) => vm.id),
    until: (model.now + ahead) * 1_000 - (dice.chance(20) ? 1 : 0),
    sender: senderOf(dice, first.host),
  };
}

/** A VM in an agreed move, with that move's document. */
function inAgreedMove(model: Model, dice: Dice, papers: Papers, isWanted: (vm: VmModel) => boolean) {
  const isInAgreed = isIn(model, "Agreed");
  const vm = vmIn(model, dice, (one) => isInAgreed(one) && one.host !== one.home && isWanted(one));
  if (!vm) return undefined;
  const open = model.moves.get(vm.open);
  const move = open && !dice.chance(10) ? open.document : openMove(model, dice, isAgreed, papers);
  return move ? { vm, move } : undefined;
}

const isReleasable = (model: Model) => (vm: VmModel) => {
  const { noticeUntil } = vm.stays.at(-1)!;
  return noticeUntil !== 0 && noticeUntil <= model.now;
};

const onVm =
  <N extends "release" | "stop" | "restore" | "terminate" | "declareLost" | "contestLoss" | "withdrawLoss">(
    name: N,
    accept: (model: Model, vm: VmModel) => boolean,
    who: "home" | "host",
  ): Maker =>
  (model, dice) => {
    const vm = vmIn(model, dice, (one) => accept(model, one));
    return vm && { name, vm: dice.chance(1) ? id("unregistered") : vm.id, sender: senderOf(dice, vm[who]) };
  };

const MAKERS: { readonly [kind in Exclude<Kind, "bring" | "replay">]: Maker } = {
  register(model, dice) {
    const alive = [...model.vms.values()].filter((vm) => vm.ended !== "Terminated").length;
    const home = dice.pick(CLOUDS)!;
    const index = alive < POPULATION ? model.vms.size : dice.roll(model.vms.size);
    const [least, huge] = [buildResources({}), buildResources({ gpus: LANE_LIMIT })];
    const resources = dice.chance(5) ? dice.pick([least, huge])! : resourcesOf(dice);
    return { name: "register", home, localId: id(`vm ${index}`), resources, sender: senderOf(dice, home) };
  },
  agree: makeAgree,
  start(model, dice, papers) {
    const move = openMove(model, dice, (one) => isAgreed(one) && model.now <= one.startBy, papers);
    return move && { name: "start", move, sender: senderOf(dice, move.agreement.source) };
  },
  complete: makeComplete,
  abort(model, dice, papers) {
    const move = openMove(model, dice, () => true, papers);
    if (!move) return undefined;
    const by = dice.chance(10) ? dice.pick([...CLOUDS, UNKNOWN])! : dice.pick(partiesOf(move.agreement))!;
    return { name: "abort", move, by, reason: dice.chance(6) ? 0 : dice.between(1, 8), sender: senderOf(dice, by) };
  },
  abortMutually(model, dice, papers) {
    const move = openMove(model, dice, () => true, papers);
    if (!move) return undefined;
    const consent = {
      move: dice.chance(6) ? id("another move") : documentId("Move", move),
      reason: dice.chance(8) ? dice.pick([0, 9])! : dice.between(1, 8),
      validUntil: BigInt(model.now + (dice.chance(6) ? -1 : dice.roll(HOUR))) * 1_000n,
    };
    const { source, destination } = move.agreement;
    return { name: "abortMutually", move, consent, signers: signersOf(dice, [source, destination]) };
  },
  expire(model, dice, papers) {
    const isDue = (move: MoveModel) => model.now > (isAgreed(move) ? move.startBy : move.completeBy);
    const move = openMove(model, dice, isDue, papers);
    return move && { name: "expire", move };
  },
  record: makeRecord,
  amend: makeAmend,
  evacuate: makeEvacuate,
  revoke: makeRevoke,
  giveNotice: makeNotice,
  release: onVm("release", (model, vm) => stateOf(model, vm) === "Abroad" && isReleasable(model)(vm), "host"),
  releaseFromMove(model, dice, papers) {
    const found = inAgreedMove(model, dice, papers, isReleasable(model));
    if (!found) return undefined;
    return { name: "releaseFromMove", vm: found.vm.id, move: found.move, sender: senderOf(dice, found.vm.host) };
  },
  stop: onVm("stop", (model, vm) => stateOf(model, vm) === "Abroad", "home"),
  stopFromMove(model, dice, papers) {
    const found = inAgreedMove(model, dice, papers, () => true);
    if (!found) return undefined;
    return { name: "stopFromMove", vm: found.vm.id, move: found.move, sender: senderOf(dice, found.vm.home) };
  },
  restore: onVm("restore", (_, vm) => vm.ended === "Stopped", "home"),
  terminate: onVm("terminate", (model, vm) => ["Home", "Stopped"].includes(stateOf(model, vm)), "home"),
  declareLost: onVm("declareLost", (model, vm) => stateOf(model, vm) === "Abroad" && vm.lostAt === 0, "home"),
  contestLoss: onVm("contestLoss", (_, vm) => vm.lostAt !== 0, "host"),
  withdrawLoss: onVm("withdrawLoss", (_, vm) => vm.lostAt !== 0, "home"),
  suspend: (_, dice) => ({ name: "suspend", cloud: dice.pick(CLOUDS)! }),
  lift(model, dice) {
    const suspended = CLOUDS.filter((cloud) => model.status.get(cloud) === "Suspended");
    return { name: "lift", cloud: dice.pick(suspended) ?? dice.pick(CLOUDS)! };
  },
  offer(model, dice) {
    const [cloud, site] = [dice.pick(CLOUDS)!, dice.roll(2)];
    const former = model.offers.get(siteKey(cloud, site))!;
    const capacity = dice.chance(60) ? ROOM : buildResources({ ...BIGGEST, vcpuMilli: 6_000, memoryMiB: 6_144 });
    return { name: "offer", cloud, site, offered: { ...former, capacity } };
  },
  pauseNew: (_, dice) => ({ name: "pauseNew", duration: dice.chance(20) ? 3 * DAY + 1 : dice.roll(12 * HOUR) }),
  resumeNew: () => ({ name: "resumeNew" }),
  leave(model, dice) {
    // Only those who may not: a cloud that leaves is gone for the rest of the history.
    const bound = [...model.vms.values()].filter((vm) => !vm.ended && vm.host !== vm.home);
    const vm = dice.pick(bound);
    if (!vm) return undefined;
    const cloud = dice.chance(50) ? vm.home : vm.host;
    return { name: "leave", cloud, sender: senderOf(dice, cloud) };
  },
};

/** What comes soon after the last command, or never. */
const QUICK: readonly Kind[] = ["bring", "resumeNew", "stopFromMove"];

/** A release waits for a notice that runs out soon. */
function timeOf(model: Model, kind: Kind, dice: Dice): number {
  const usual = model.now + (QUICK.includes(kind) ? dice.between(1, MINUTE) : step(dice));
  if (kind !== "releaseFromMove" || dice.chance(30)) return usual;
  const awaited = [...model.vms.values()]
    .filter(isIn(model, "Agreed"))
    .map((vm) => vm.stays.at(-1)!.noticeUntil)
    .filter((until) => until !== 0 && until < model.now + 2 * DAY);
  return Math.max(model.now + 1, dice.pick(awaited) ?? usual);
}

/** What a choice means where the ledger stands now; registers a VM if it means nothing. */
export function commandOf(model: Model, choice: Choice, papers: Papers): Command {
  const dice = new Dice(choice.numbers);
  const at = timeOf(model, choice.kind, dice);
  const then: Model = { ...model, now: at };
  const command = make(then, choice.kind, dice, papers) ?? MAKERS.register(then, dice, papers)!;
  const timed: Command = { ...command, at };
  if (timed.name !== "leave") papers.brought.push(timed);
  return timed;
}

/** Whether something stands so that a command can succeed, and the command that leads there. */
const PREPARED: { readonly [kind in Kind]?: readonly [by: Kind, isReady: (model: Model) => boolean] } = {
  start: ["agree", hasMove((move, now) => isAgreed(move) && now <= move.startBy)],
  complete: ["start", hasMove((move, now) => isStarted(move) && now <= move.completeBy)],
  abort: ["agree", hasMove(() => true)],
  abortMutually: ["agree", hasMove(() => true)],
  expire: ["agree", hasMove(() => true)],
  amend: ["record", hasVm("Abroad")],
  giveNotice: ["record", hasVm("Abroad")],
  release: ["giveNotice", hasVm("Abroad", isNoticed)],
  releaseFromMove: ["giveNotice", hasVm("Agreed", isNoticed)],
  stop: ["record", hasVm("Abroad")],
  stopFromMove: ["agree", hasVm("Agreed", (vm) => vm.host !== vm.home)],
  restore: ["stop", hasVm("Stopped")],
  declareLost: ["record", hasVm("Abroad")],
  evacuate: ["declareLost", hasVm("Abroad", (vm) => vm.lostAt !== 0)],
  contestLoss: ["declareLost", hasVm("Abroad", (vm) => vm.lostAt !== 0)],
  withdrawLoss: ["declareLost", hasVm("Abroad", (vm) => vm.lostAt !== 0)],
  resumeNew: ["pauseNew", (model) => model.now <= model.pausedUntil],
};

function hasMove(accept: (move: MoveModel, now: number) => boolean): (model: Model) => boolean {
  return (model) => [...model.moves.values()].some((move) => accept(move, model.now));
}

function hasVm(state: string, accept: (vm: VmModel) => boolean = () => true): (model: Model) => boolean {
  return (model) => [...model.vms.values()].some((vm) => stateOf(model, vm) === state && accept(vm));
}

function isNoticed(vm: VmModel): boolean {
  return vm.stays.at(-1)!.noticeUntil !== 0;
}

/** Mostly what was chosen if it can be done, else what leads there. */
function make(model: Model, kind: Kind, dice: Dice, papers: Papers): Untimed | undefined {
  if (kind === "replay") return dice.pick(papers.brought.slice(dice.chance(70) ? -20 : 0));
  if (kind === "bring") return dice.pick(papers.shelved.slice(-3));
  const prepared = PREPARED[kind];
  if (prepared && !prepared[1](model) && !dice.chance(20)) return make(model, prepared[0], dice, papers);
  return MAKERS[kind](model, dice, papers);
}
