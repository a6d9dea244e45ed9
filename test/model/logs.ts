import type { LogDescription } from "ethers";

import {
  DocumentKind,
  MoveState,
  type Move,
  type PublicAgreement,
  type Resources,
  VmState,
  moveOfEvent,
  unpackResources,
} from "../../src/index.js";
import type { MoveAgreedEvent, ParametersSetEvent } from "../../src/typechain/contracts/ledger/MigrationLedger.js";

/** An event of the ledger with the time of its block in seconds. */
export interface TimedEvent {
  readonly event: LogDescription;
  readonly time: number;
}

/** A VM as rebuilt. Names and units as in `Vm` of `IMigrationLedger`. */
export interface RebuiltVm {
  readonly home: number;
  readonly host: number;
  readonly site: number;
  readonly nonce: number;
  readonly sequence: number;
  readonly move: number;
  readonly state: number;
  readonly hadLead: boolean;
  readonly mark: number;
  readonly completeIn: number;
}

/** A stay as rebuilt. Names and units as in `Stay` of `IMigrationLedger`. */
export interface RebuiltStay {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly host: number;
  readonly site: number;
  readonly agreement: number;
  readonly noticeUntil: number;
  readonly noticePeriod: number;
  readonly kind: number;
}

/** What the events tell. Keys of maps: VM ids, agreement numbers, `cloud/site`. */
export interface Rebuilt {
  readonly vms: Map<string, RebuiltVm>;
  readonly resources: Map<string, Resources>;
  readonly stays: Map<string, RebuiltStay[]>;
  readonly committed: Map<string, bigint>;
  readonly agreements: Map<number, { readonly id: string; readonly kind: number; readonly noticePeriod: number }>;
  readonly openMoves: Map<number, Move<PublicAgreement>>;
  readonly outcomes: Map<
    number,
    {
      readonly state: number;
      readonly reason: number;
      readonly endedAt: number;
      readonly unfinishedA: number;
      readonly unfinishedB: number;
    }
  >;
  readonly revoked: Set<string>;
  parameters: { readonly [name: string]: number };
  pausedUntil: number;
  isClosed: boolean;
  successor: string;
}

/** A ledger of which nothing is known yet. */
export function nothing(): Rebuilt {
  return {
    vms: new Map(),
    resources: new Map(),
    stays: new Map(),
    committed: new Map(),
    agreements: new Map(),
    openMoves: new Map(),
    outcomes: new Map(),
    revoked: new Set(),
    parameters: {},
    pausedUntil: 0,
    isClosed: false,
    successor: "0x0000000000000000000000000000000000000000",
  };
}

/** The ledger's state from its events, in their order. */
export function rebuild(events: readonly TimedEvent[]): Rebuilt {
  const state = nothing();
  for (const { event, time } of events) {
    const handle = HANDLERS[event.name];
    if (!handle) throw new Error(`no rule for the event ${event.name}`);
    handle(state, event.args, time);
  }
  return state;
}

type Args = LogDescription["args"];
type Handler = (state: Rebuilt, args: Args, time: number) => void;

const text = (args: Args, name: string): string => String(args.getValue(name));
const count = (args: Args, name: string): number => Number(args.getValue(name));

const AT_REST = { hadLead: false, mark: 0, completeIn: 0 };

function change(state: Rebuilt, vm: string, fields: Partial<RebuiltVm>): void {
  const former = state.vms.get(vm)!;
  state.vms.set(vm, { ...former, nonce: former.nonce + 1, ...fields });
}

const isForeign = (vm: RebuiltVm): boolean => vm.host !== vm.home;
const restingState = (home: number, host: number): number => (home === host ? VmState.Home : VmState.Abroad);

/** Adds to what is committed at a site. Lanes never carry: words can be added as numbers. */
function commit(state: Rebuilt, cloud: number, site: number, amount: bigint): void {
  const key = `${cloud}/${site}`;
  state.committed.set(key, (state.committed.get(key) ?? 0n) + amount);
}

function word(resources: Resources): bigint {
  return Object.values<number>({ ...resources }).reduceRight((sum, lane) => (sum << 32n) | BigInt(lane), 0n);
}

function free(state: Rebuilt, id: string): void {
  const vm = state.vms.get(id)!;
  if (isForeign(vm)) commit(state, vm.host, vm.site, -word(state.resources.get(id)!));
}

function endStay(state: Rebuilt, vm: string, endedAt: number): void {
  const stays = state.stays.get(vm)!;
  const last = stays.pop();
  if (last) stays.push({ ...last, endedAt });
}

function undo(state: Rebuilt, args: Args, time: number, outcome: { state: number; reason: number }): void {
  const number = count(args, "number");
  const { agreement } = state.openMoves.get(number)!;
  for (const line of agreement.lines) {
    const { home, host } = state.vms.get(line.vm)!;
    change(state, line.vm, { state: restingState(home, host), ...AT_REST });
    if (agreement.destination !== agreement.home) {
      commit(state, agreement.destination, agreement.site, -word(line.resources));
    }
  }
  state.openMoves.delete(number);
  const unfinishedA = count(args, "unfinishedA");
  const unfinishedB = outcome.state === MoveState.Expired ? count(args, "unfinishedB") : 0;
  state.outcomes.set(number, { ...outcome, endedAt: time, unfinishedA, unfinishedB });
}

const HANDLERS: { readonly [event: string]: Handler } = {
  // Who governs is the access manager's affair.
  AuthorityUpdated: () => undefined,

  VmRegistered(state, args) {
    const [vm, home] = [text(args, "vm"), count(args, "home")];
    const fields = { home, host: home, site: 0, nonce: 0, sequence: 0, move: 0, state: VmState.None, ...AT_REST };
    state.vms.set(vm, fields);
    state.resources.set(vm, unpackResources(0n));
    state.stays.set(vm, []);
  },

  StayBegan(state, args) {
    const vm = text(args, "vm");
    const [host, site, number] = [count(args, "host"), count(args, "site"), count(args, "agreement")];
    const { home, state: former } = state.vms.get(vm)!;
    if (former === VmState.Abroad || former === VmState.Started) free(state, vm);
    const resources = args.getValue("resources") as bigint;
    const isAwaited = former === VmState.Started;
    if (host !== home && !isAwaited) commit(state, host, site, resources);
    endStay(state, vm, count(args, "previousEndedAt"));
    const agreement = state.agreements.get(number);
    state.stays.get(vm)!.push({
      startedAt: count(args, "startedAt"),
      endedAt: 0,
      host,
      site,
      agreement: number,
      noticeUntil: 0,
      noticePeriod: agreement?.noticePeriod ?? 0,
      kind: agreement?.kind ?? DocumentKind.None,
    });
    state.resources.set(vm, unpackResources(resources));
    const sequence = count(args, "sequence");
    change(state, vm, { host, site, sequence, state: restingState(home, host), ...AT_REST });
  },

  MoveAgreed(state, args, time) {
    const number = count(args, "number");
    const move = moveOfEvent(args as unknown as MoveAgreedEvent.OutputObject);
    const { agreement } = move;
    const noticePeriod = Math.ceil(Number(agreement.noticeMs) / 1_000);
    state.agreements.set(number, { id: text(args, "agreement"), kind: DocumentKind.Move, noticePeriod });
    state.openMoves.set(number, move);
    const mark = Math.floor(Number(move.startBy) / 1_000);
    const completeIn = Math.floor(Number(move.completeBy) / 1_000) - mark;
    const hadLead = mark - time >= state.parameters.startLead!;
    for (const line of agreement.lines) {
      change(state, line.vm, { state: VmState.Agreed, move: number, hadLead, mark, completeIn });
      if (agreement.destination !== agreement.home) {
        commit(state, agreement.destination, agreement.site, word(line.resources));
      }
    }
  },

  MoveStarted(state, args, time) {
    const move = state.openMoves.get(count(args, "number"))!;
    const completeIn = Math.floor(Number(move.completeBy) / 1_000) - time;
    for (const { vm } of move.agreement.lines) change(state, vm, { state: VmState.Started, mark: time, completeIn });
  },

  MoveCompleted: (state, args) => void state.openMoves.delete(count(args, "number")),

  MoveAborted(state, args, time) {
    undo(state, args, time, { state: MoveState.Aborted, reason: count(args, "reason") });
  },

  MoveExpired: (state, args, time) => {
    undo(state, args, time, { state: MoveState.Expired, reason: 0 });
  },

  DocumentAccepted(state, args) {
    const accepted = { id: text(args, "agreement"), kind: count(args, "kind") };
    state.agreements.set(count(args, "number"), { ...accepted, noticePeriod: count(args, "noticePeriod") });
  },

  Revoked: (state, args) => void state.revoked.add(`${text(args, "cloud")} ${text(args, "document")}`),

  NoticeGiven(state, args) {
    const vm = text(args, "vm");
    const stays = state.stays.get(vm)!;
    stays.push({ ...stays.pop()!, noticeUntil: Math.ceil(count(args, "until") / 1_000) });
    change(state, vm, {});
  },

  VmStopped(state, args) {
    const vm = text(args, "vm");
    free(state, vm);
    endStay(state, vm, count(args, "endedAt"));
    change(state, vm, { state: VmState.Stopped, ...AT_REST });
  },

  VmTerminated(state, args) {
    const vm = text(args, "vm");
    endStay(state, vm, count(args, "endedAt"));
    change(state, vm, { state: VmState.Terminated, ...AT_REST });
  },

  VmSucceeded(state, args) {
    const vm = text(args, "vm");
    free(state, vm);
    endStay(state, vm, count(args, "endedAt"));
    change(state, vm, { state: VmState.Succeeded, ...AT_REST });
  },

  LossDeclared: (state, args) => {
    change(state, text(args, "vm"), { mark: count(args, "declaredAt") });
  },
  LossContested: (state, args) => {
    change(state, text(args, "vm"), { mark: 0 });
  },
  LossWithdrawn: (state, args) => {
    change(state, text(args, "vm"), { mark: 0 });
  },

  NewPaused: (state, args) => void (state.pausedUntil = count(args, "until")),
  NewResumed: (state) => void (state.pausedUntil = 0),
  ClosedForNew: (state) => void (state.isClosed = true),
  SuccessorSet: (state, args) => void (state.successor = text(args, "successor")),

  ParametersSet(state, args) {
    const { parameters } = args as unknown as ParametersSetEvent.OutputObject;
    const names = ["agreeWithin", "startWithin", "completeWithin", "startLead", "tolerance", "lossWait", "retention"];
    const values = parameters as unknown as { readonly [name: string]: bigint };
    state.parameters = Object.fromEntries(names.map((name) => [name, Number(values[name])]));
  },
};
