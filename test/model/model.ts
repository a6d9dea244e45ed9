import {
  AbortReason,
  type Agreement,
  type Amendment,
  CloudStatus,
  type CloudStatusName,
  DocumentKind,
  Duty,
  type Evacuation,
  type Handover,
  type MigrationRecord,
  type Move,
  MoveState,
  type MutualAbort,
  RESOURCE_NAMES,
  type Resources,
  VmState,
  type VmStateName,
  buildResources,
  documentId,
  publicAgreement,
  publicDocumentId,
} from "../../src/index.js";

/**
 * The rules of the ledger in plain TypeScript, written from the design. Nothing is kept that follows from something else:
 * commitments, VMs away and sites in use are counted anew whenever they are asked for.
 */

export const MAX_LINES = 16;
export const LANE_LIMIT = 2 ** 31;
const HOUR = 3_600;
const DAY = 86_400;

/** Governed limits, in seconds. */
export interface Limits {
  readonly agreeWithin: number;
  readonly startWithin: number;
  readonly completeWithin: number;
  readonly startLead: number;
  readonly tolerance: number;
  readonly lossWait: number;
  readonly retention: number;
}

/** A stay; times in milliseconds, notice in seconds, 0 for none. */
export interface StayModel {
  readonly startedAt: number;
  endedAt: number;
  readonly host: number;
  readonly site: number;
  readonly agreement: number;
  noticeUntil: number;
  readonly noticePeriod: number;
  readonly kind: number;
}

/** A VM. `open` is the number of its open move, `ended` why it does not run. */
export interface VmModel {
  readonly id: string;
  readonly home: number;
  host: number;
  site: number;
  nonce: number;
  move: number;
  open: number;
  ended: "Stopped" | "Terminated" | "Succeeded" | undefined;
  lostAt: number;
  resources: Resources;
  readonly stays: StayModel[];
}

/** A move that is open. Times in seconds. */
export interface MoveModel {
  readonly number: number;
  readonly agreementId: string;
  readonly document: Move;
  readonly hadLead: boolean;
  readonly startBy: number;
  readonly completeBy: number;
  startedAt: number;
}

/** How a move ended that did not complete. */
export interface OutcomeModel {
  readonly state: number;
  readonly reason: number;
  readonly endedAt: number;
  readonly unfinishedA: number;
  readonly unfinishedB: number;
}

/** Room at a site. */
export interface OfferModel {
  readonly capacity: Resources;
  readonly biggest: Resources;
}

/** The whole ledger, with what it asks of registry and exchange. Time in seconds. */
export interface Model {
  now: number;
  readonly limits: Limits;
  readonly status: Map<number, CloudStatusName>;
  readonly offers: Map<string, OfferModel>;
  readonly vms: Map<string, VmModel>;
  readonly agreements: Map<number, string>;
  readonly moves: Map<number, MoveModel>;
  readonly outcomes: Map<number, OutcomeModel>;
  readonly revoked: Set<string>;
  pausedAt: number;
  pausedUntil: number;
  isClosed: boolean;
  readonly vmIdOf: (home: number, localId: string) => string;
}

interface Signed {
  /** Whose keys sign, in this order. */
  readonly signers: readonly number[];
}
interface Sent {
  /** Whose account sends. */
  readonly sender: number;
}
interface OnMove {
  readonly move: Move;
}
interface OnVm extends Sent {
  readonly vm: string;
}

/** What each command brings. */
export interface Payloads {
  readonly register: Sent & { readonly home: number; readonly localId: string; readonly resources: Resources };
  readonly agree: OnMove & Signed;
  readonly start: OnMove & Sent;
  readonly complete: OnMove & Signed & { readonly handover: Handover };
  readonly abort: OnMove & Sent & { readonly by: number; readonly reason: number };
  readonly abortMutually: OnMove & Signed & { readonly consent: MutualAbort };
  readonly expire: OnMove;
  readonly record: Signed & { readonly record: MigrationRecord };
  readonly amend: Signed & { readonly amendment: Amendment };
  readonly evacuate: Signed & { readonly evacuation: Evacuation };
  readonly revoke: Sent & { readonly by: number; readonly document: string };
  readonly giveNotice: Sent & { readonly vms: readonly string[]; readonly until: number };
  readonly release: OnVm;
  readonly releaseFromMove: OnVm & OnMove;
  readonly stop: OnVm;
  readonly stopFromMove: OnVm & OnMove;
  readonly restore: OnVm;
  readonly terminate: OnVm;
  readonly declareLost: OnVm;
  readonly contestLoss: OnVm;
  readonly withdrawLoss: OnVm;
  readonly suspend: { readonly cloud: number };
  readonly lift: { readonly cloud: number };
  readonly offer: { readonly cloud: number; readonly site: number; readonly offered: OfferModel };
  readonly pauseNew: { readonly duration: number };
  readonly resumeNew: object;
  readonly leave: Sent & { readonly cloud: number };
}

export type CommandName = keyof Payloads;
export type CommandOf<N extends CommandName> = Payloads[N] & {
  readonly name: N;
  /** Time of its block, in seconds. */
  readonly at: number;
};
/** Something that is tried at a time. */
export type Command = { [N in CommandName]: CommandOf<N> }[CommandName];

/* QUESTIONS */

/** State of a VM. */
export function stateOf(model: Model, vm: VmModel): VmStateName {
  if (vm.ended) return vm.ended;
  const open = model.moves.get(vm.open);
  if (open) return open.startedAt === 0 ? "Agreed" : "Started";
  return vm.host === vm.home ? "Home" : "Abroad";
}

/** A VM as the ledger's `vmOf` shall answer. */
export function vmViewOf(model: Model, vm: VmModel) {
  const open = model.moves.get(vm.open);
  const isStarted = open !== undefined && open.startedAt !== 0;
  const mark = open ? (isStarted ? open.startedAt : open.startBy) : vm.ended ? 0 : vm.lostAt;
  return {
    home: vm.home,
    host: vm.host,
    site: vm.site,
    nonce: vm.nonce,
    sequence: vm.stays.length,
    move: vm.move,
    state: VmState[stateOf(model, vm)] as number,
    hadLead: open?.hadLead ?? false,
    mark,
    completeIn: open ? open.completeBy - mark : 0,
  };
}

/** INV-CAP's right side: what foreign VMs hosted at a site and agreed for it were promised. */
export function committedOf(model: Model, cloud: number, site: number): Resources {
  const hosted = [...model.vms.values()]
    .filter((vm) => !vm.ended && vm.host === cloud && vm.site === site && vm.home !== cloud)
    .map((vm) => vm.resources);
  const expected = [...model.moves.values()]
    .map((move) => move.document.agreement)
    .filter((terms) => terms.destination === cloud && terms.site === site && terms.home !== cloud)
    .flatMap((terms) => terms.lines.map((line) => line.resources));
  return sumOf([...hosted, ...expected]);
}

/** What keeps a cloud from leaving. */
export function obligationsOf(model: Model, cloud: number, sites: readonly number[]) {
  const away = [...model.vms.values()].filter(
    (vm) => vm.home === cloud && !vm.ended && (vm.host !== cloud || vm.open !== 0),
  ).length;
  const isInUse = (site: number) => RESOURCE_NAMES.some((name) => committedOf(model, cloud, site)[name] !== 0);
  return { away, sitesInUse: sites.filter(isInUse).length };
}

/** Where a VM ran at a time in milliseconds; 0 for nobody. */
export function hostAt(vm: VmModel, time: number): number {
  const stay = vm.stays.find(({ startedAt, endedAt }) => startedAt <= time && (endedAt === 0 || time < endedAt));
  return stay?.host ?? 0;
}

/** Who answered for a VM in an interval. */
export function responsibleDuring(vm: VmModel, from: number, to: number) {
  const isHandover = (kind: number) => kind === DocumentKind.Move || kind === DocumentKind.Record;
  return vm.stays
    .flatMap((stay, i) => [
      { cloud: stay.host, from: vm.stays[i - 1]?.endedAt ?? stay.startedAt, to: stay.startedAt, duty: Duty.Pause },
      { cloud: stay.host, from: stay.startedAt, to: stay.endedAt || to, duty: Duty.Hosting },
    ])
    .filter(({ duty }, i) => duty === Duty.Hosting || isHandover(vm.stays[Math.floor(i / 2)]!.kind))
    .map(({ cloud, duty, ...time }) => ({
      cloud,
      from: Math.max(time.from, from),
      to: Math.min(time.to, to),
      duty: duty,
    }))
    .filter((part) => part.from < part.to);
}

/** Lane by lane. */
export function sumOf(all: readonly Resources[]): Resources {
  return laneWise((name) => all.reduce((sum, resources) => sum + resources[name], 0));
}

function laneWise(amount: (name: keyof Resources) => number): Resources {
  return buildResources(Object.fromEntries(RESOURCE_NAMES.map((name) => [name, amount(name)])));
}

/** Whether every lane fits. */
export function fits(amount: Resources, limit: Resources): boolean {
  return RESOURCE_NAMES.every((name) => amount[name] <= limit[name]);
}

/** Key of a site in `offers`. */
export const siteKey = (cloud: number, site: number): string => `${cloud}/${site}`;

/** Id of an agreement. */
export function agreementIdOf(agreement: Agreement): string {
  return publicDocumentId("Agreement", publicAgreement(agreement));
}

/** Who must sign what `record` takes. */
export function partiesOf({ home, source, destination }: Agreement): number[] {
  return [...new Set([home, source, destination])];
}

/** Who must sign what `agree`, `amend` and `evacuate` take. */
export function homeAndDestinationOf({ home, destination }: Agreement): number[] {
  return [...new Set([home, destination])];
}

/* RULES */

/** Notes the name of a refusal when its rule is broken. */
type Refuse = (isBroken: boolean, error: string) => void;

const ledger = (reason: string): string => `MigrationLedger_${reason}`;
const nowMs = (model: Model): number => model.now * 1_000;
const isActive = (model: Model, cloud: number): boolean => model.status.get(cloud) === "Active";
const isKnown = (model: Model, cloud: number): boolean => model.status.has(cloud);

function hasPart(model: Model, cloud: number): boolean {
  const status = CloudStatus[model.status.get(cloud) ?? "None"];
  return status !== CloudStatus.None && status !== CloudStatus.Left;
}

function checkSender(model: Model, cloud: number, sender: number, refuse: Refuse): void {
  refuse(!isKnown(model, cloud), "CloudRegistry_UnknownCloud");
  refuse(cloud !== sender, "CloudRegistry_NotAuthorized");
}

function checkSignatures(
  model: Model,
  document: string,
  needed: readonly number[],
  given: readonly number[],
  refuse: Refuse,
): void {
  refuse(needed.length !== given.length, ledger("SignatureCount"));
  needed.forEach((cloud, i) => {
    refuse(!isKnown(model, cloud), "CloudRegistry_UnknownCloud");
    refuse(given[i] !== cloud, "CloudRegistry_BadSignature");
    refuse(model.revoked.has(`${cloud} ${document}`), ledger("Revoked"));
  });
}

function checkNewBusiness(model: Model, refuse: Refuse): void {
  refuse(model.isClosed, ledger("Closed"));
  refuse(model.pausedUntil >= model.now, ledger("NewPaused"));
}

function checkForm(model: Model, agreement: Agreement, refuse: Refuse): void {
  const { lines, agreeBy, noticeMs, windowMs, digestKind } = agreement;
  refuse(lines.length === 0 || lines.length > MAX_LINES, ledger("LineCount"));
  refuse(agreeBy < nowMs(model), ledger("TooLate"));
  refuse(agreeBy > nowMs(model) + model.limits.agreeWithin * 1_000, ledger("TooFar"));
  refuse(noticeMs < HOUR * 1_000 || noticeMs > 90 * DAY * 1_000, ledger("NoticePeriod"));
  refuse(windowMs === 0n, ledger("NoWindow"));
  refuse(digestKind > 3, ledger("DigestKind"));
  for (const { resources } of lines) {
    refuse(
      RESOURCE_NAMES.every((name) => resources[name] === 0),
      ledger("EmptyResources"),
    );
    refuse(
      RESOURCE_NAMES.some((name) => resources[name] >= LANE_LIMIT),
      "ResourceVector_LaneTooBig",
    );
  }
}

function checkLines(model: Model, agreement: Agreement, isLost: boolean, refuse: Refuse): void {
  const { lines, home, source } = agreement;
  lines.forEach((line, i) => {
    refuse(i > 0 && BigInt(lines[i - 1]!.vm) >= BigInt(line.vm), ledger("LinesNotAscending"));
    const vm = model.vms.get(line.vm);
    refuse(!vm, ledger("UnknownVm"));
    if (!vm) return;
    const state = stateOf(model, vm);
    refuse(state !== "Home" && state !== "Abroad", ledger("WrongState"));
    refuse(vm.home !== home, ledger("WrongHome"));
    refuse(vm.host !== source, ledger("WrongHost"));
    refuse(vm.nonce !== line.nonce, ledger("StaleNonce"));
    if (isLost) refuse(vm.lostAt === 0, ledger("NotDeclaredLost"));
    else refuse(vm.lostAt !== 0, ledger("DeclaredLost"));
  });
}

/** New business for a foreign destination; a return home is open to all who have a part. */
function checkParties(model: Model, { home, destination }: Agreement, isExit: boolean, refuse: Refuse): void {
  if (home === destination) {
    refuse(!hasPart(model, home), ledger("StatusForbids"));
    return;
  }
  if (!isExit) checkNewBusiness(model, refuse);
  refuse(!isActive(model, home) || !isActive(model, destination), ledger("StatusForbids"));
}

function checkRoom(model: Model, agreement: Agreement, refuse: Refuse): void {
  const { home, destination, site, lines } = agreement;
  if (home === destination) return;
  const offered = model.offers.get(siteKey(destination, site));
  refuse(!offered, "CapacityExchange_NoOffer");
  if (!offered) return;
  const asked = lines.map((line) => line.resources);
  refuse(
    lines.some((line) => line.features !== 0n),
    "CapacityExchange_FeaturesMissing",
  );
  refuse(!asked.every((resources) => fits(resources, offered.biggest)), "CapacityExchange_VmTooBig");
  const after = sumOf([committedOf(model, destination, site), ...asked]);
  refuse(!fits(after, offered.capacity), "CapacityExchange_NoRoom");
}

/** A growing lane must fit, a shrinking one is never refused. */
function checkGrowth(model: Model, agreement: Agreement, refuse: Refuse): void {
  const { source, site, lines, home } = agreement;
  const before = lines.map((line) => model.vms.get(line.vm)?.resources ?? buildResources({}));
  const grown = lines.map((line, i) => risen(line.resources, before[i]!));
  if (grown.every((lanes) => fits(lanes, buildResources({})))) return;
  checkNewBusiness(model, refuse);
  refuse(!isActive(model, home) || !isActive(model, source), ledger("StatusForbids"));
  const offered = model.offers.get(siteKey(source, site));
  refuse(!offered, "CapacityExchange_NoOffer");
  if (!offered) return;
  const isMissing = lines.some((line, i) => line.features !== 0n && !fits(grown[i]!, buildResources({})));
  refuse(isMissing, "CapacityExchange_FeaturesMissing");
  refuse(!grown.every((lanes) => fits(lanes, offered.biggest)), "CapacityExchange_VmTooBig");
  const former = committedOf(model, source, site);
  const [gone, come] = [sumOf(before), sumOf(lines.map((line) => line.resources))];
  const after = laneWise((name) => former[name] - gone[name] + come[name]);
  refuse(!fits(risen(after, former), offered.capacity), "CapacityExchange_NoRoom");
}

/** The lanes that rise, zero in the others. */
function risen(after: Resources, before: Resources): Resources {
  return laneWise((name) => (after[name] > before[name] ? after[name] : 0));
}

/** The open move that a document describes. */
function checkOpenMove(model: Model, { agreement }: Move, refuse: Refuse): MoveModel | undefined {
  const first = agreement.lines[0];
  refuse(!first, ledger("LineCount"));
  if (!first) return undefined;
  const vm = model.vms.get(first.vm);
  refuse(!vm, ledger("UnknownVm"));
  if (!vm) return undefined;
  const open = model.moves.get(vm.open);
  refuse(!open, ledger("WrongState"));
  if (!open) return undefined;
  const isSame = open.agreementId === agreementIdOf(agreement);
  refuse(!isSame, ledger("NotTheOpenMove"));
  return isSame ? open : undefined;
}

/** The VM in one of the states. */
function checkState(model: Model, id: string, states: readonly VmStateName[], refuse: Refuse): VmModel | undefined {
  const vm = model.vms.get(id);
  refuse(!vm, ledger("UnknownVm"));
  if (!vm) return undefined;
  const isIn = states.includes(stateOf(model, vm));
  refuse(!isIn, ledger("WrongState"));
  return isIn ? vm : undefined;
}

function checkReleasable(model: Model, vm: VmModel, sender: number, refuse: Refuse): void {
  checkSender(model, vm.host, sender, refuse);
  const { noticeUntil } = vm.stays.at(-1)!;
  refuse(noticeUntil === 0, ledger("NoNotice"));
  refuse(noticeUntil !== 0 && model.now < noticeUntil, ledger("TooEarly"));
}

/** The VM is abroad in an agreed move, and the document is that move's. */
function checkInAgreedMove(model: Model, id: string, document: Move, refuse: Refuse): VmModel | undefined {
  const vm = checkState(model, id, ["Agreed"], refuse);
  const open = checkOpenMove(model, document, refuse);
  if (!vm) return undefined;
  refuse(open !== undefined && open.number !== vm.open, ledger("NotInMove"));
  refuse(vm.host === vm.home, ledger("NotAbroad"));
  return vm;
}

/* EFFECTS */

function beginStay(vm: VmModel, previousEndedAt: number, stay: Omit<StayModel, "endedAt" | "noticeUntil">): void {
  const last = vm.stays.at(-1);
  if (last) last.endedAt = previousEndedAt;
  vm.stays.push({ ...stay, endedAt: 0, noticeUntil: 0 });
  vm.host = stay.host;
  vm.site = stay.site;
  vm.nonce += 1;
  vm.open = 0;
  vm.lostAt = 0;
  vm.ended = undefined;
}

/** The number under which an agreement stands: its id's lowest 32 bits, or the next that is free; never 0. */
function takeNumber(model: Model, agreementId: string): number {
  let number = Number(BigInt(agreementId) & 0xffffffffn);
  while (number === 0 || model.agreements.has(number)) number = (number + 1) % 2 ** 32;
  model.agreements.set(number, agreementId);
  return number;
}

const vmsOf = (model: Model, agreement: Agreement): VmModel[] => agreement.lines.map((line) => model.vms.get(line.vm)!);

/** A document other than a move begins a stay for each of its lines. */
function beginStays(
  model: Model,
  agreement: Agreement,
  kind: number,
  times: (vm: VmModel, index: number) => { readonly endedAt: number; readonly startedAt: number },
): void {
  const number = takeNumber(model, agreementIdOf(agreement));
  vmsOf(model, agreement).forEach((vm, i) => {
    const { endedAt, startedAt } = times(vm, i);
    vm.resources = agreement.lines[i]!.resources;
    beginStay(vm, endedAt, stayOf(agreement, number, kind, startedAt));
  });
}

function stayOf({ destination, site, noticeMs }: Agreement, agreement: number, kind: number, startedAt: number) {
  const noticePeriod = Math.ceil(Number(noticeMs) / 1_000);
  return { startedAt, host: destination, site, agreement, noticePeriod, kind };
}

function undo(
  model: Model,
  number: number,
  { state, reason = 0, unfinishedA = 0, unfinishedB = 0 }: Partial<OutcomeModel> & { readonly state: number },
): void {
  for (const vm of vmsOf(model, model.moves.get(number)!.document.agreement)) {
    vm.open = 0;
    vm.nonce += 1;
  }
  model.moves.delete(number);
  model.outcomes.set(number, { state, reason, endedAt: model.now, unfinishedA, unfinishedB });
}

function end(vm: VmModel, ended: NonNullable<VmModel["ended"]>, endedAt: number): void {
  vm.stays.at(-1)!.endedAt = endedAt;
  vm.ended = ended;
  vm.lostAt = 0;
  vm.nonce += 1;
}

function openNumberOf(model: Model, { agreement }: Move): number {
  return model.vms.get(agreement.lines[0]!.vm)!.open;
}

interface Rule<N extends CommandName> {
  readonly check: (model: Model, command: CommandOf<N>, refuse: Refuse) => void;
  readonly apply: (model: Model, command: CommandOf<N>) => void;
}

const agreeRule: Rule<"agree"> = {
  check(model, { move, signers }, refuse) {
    const { agreement, startBy, completeBy } = move;
    checkSignatures(model, documentId("Move", move), homeAndDestinationOf(agreement), signers, refuse);
    checkForm(model, agreement, refuse);
    refuse(agreement.source === agreement.destination, ledger("HostIsDestination"));
    refuse(agreement.agreeBy > startBy || startBy > completeBy, ledger("DeadlinesUnordered"));
    refuse(startBy > nowMs(model) + model.limits.startWithin * 1_000, ledger("TooFar"));
    refuse(completeBy > nowMs(model) + model.limits.completeWithin * 1_000, ledger("TooFar"));
    checkParties(model, agreement, false, refuse);
    checkLines(model, agreement, false, refuse);
    checkRoom(model, agreement, refuse);
  },
  apply(model, { move }) {
    const agreementId = agreementIdOf(move.agreement);
    const number = takeNumber(model, agreementId);
    const startBy = Math.floor(Number(move.startBy) / 1_000);
    model.moves.set(number, {
      number,
      agreementId,
      document: move,
      startBy,
      completeBy: Math.floor(Number(move.completeBy) / 1_000),
      hadLead: startBy - model.now >= model.limits.startLead,
      startedAt: 0,
    });
    for (const vm of vmsOf(model, move.agreement)) {
      vm.move = number;
      vm.open = number;
      vm.nonce += 1;
    }
  },
};

const hasOtherDeadline = (signed: bigint, stored: number): boolean => Math.floor(Number(signed) / 1_000) !== stored;

const startRule: Rule<"start"> = {
  check(model, { move, sender }, refuse) {
    const open = checkOpenMove(model, move, refuse);
    if (!open) return;
    refuse(open.startedAt !== 0, ledger("WrongState"));
    const isOther = hasOtherDeadline(move.startBy, open.startBy) || hasOtherDeadline(move.completeBy, open.completeBy);
    refuse(isOther, ledger("OtherDeadlines"));
    refuse(move.startBy < nowMs(model), ledger("TooLate"));
    checkSender(model, move.agreement.source, sender, refuse);
  },
  apply(model, { move }) {
    model.moves.get(openNumberOf(model, move))!.startedAt = model.now;
    for (const vm of vmsOf(model, move.agreement)) vm.nonce += 1;
  },
};

const completeRule: Rule<"complete"> = {
  check(model, { move, handover, signers }, refuse) {
    const open = checkOpenMove(model, move, refuse);
    if (!open) return;
    const { agreement, completeBy } = move;
    const { home, source, destination, lines } = agreement;
    refuse(open.startedAt === 0, ledger("WrongState"));
    refuse(hasOtherDeadline(completeBy, open.completeBy), ledger("OtherDeadlines"));
    refuse(completeBy < nowMs(model), ledger("TooLate"));
    refuse(handover.move !== documentId("Move", move), ledger("OtherMove"));
    refuse(handover.validUntil < nowMs(model), ledger("TooLate"));
    refuse(handover.validUntil > nowMs(model) + 300_000, ledger("TooFar"));
    refuse(handover.releases.length !== lines.length, ledger("ReceiptCount"));
    handover.releases.forEach(({ vm, releasedAt }, i) => {
      refuse(vm !== lines[i]?.vm, ledger("ReceiptOrder"));
      refuse(releasedAt < open.startedAt * 1_000 || releasedAt > nowMs(model), ledger("TimeOutOfRange"));
    });
    checkSignatures(model, documentId("Handover", handover), [destination, source], signers, refuse);
    refuse(destination !== home && !isActive(model, destination), ledger("StatusForbids"));
  },
  apply(model, { move, handover }) {
    const { agreement } = move;
    const number = openNumberOf(model, move);
    vmsOf(model, agreement).forEach((vm, i) => {
      vm.resources = agreement.lines[i]!.resources;
      const stay = stayOf(agreement, number, DocumentKind.Move, nowMs(model));
      beginStay(vm, Number(handover.releases[i]!.releasedAt), stay);
    });
    model.moves.delete(number);
  },
};

const abortRule: Rule<"abort"> = {
  check(model, { move, by, reason, sender }, refuse) {
    const open = checkOpenMove(model, move, refuse);
    if (!open) return;
    refuse(reason === AbortReason.None, ledger("NoReason"));
    const isParty = partiesOf(move.agreement).includes(by);
    refuse(!isParty, ledger("NotAParty"));
    if (isParty) checkSender(model, by, sender, refuse);
  },
  apply(model, { move, by, reason }) {
    const number = openNumberOf(model, move);
    const isBeforeStart = model.moves.get(number)!.startedAt === 0;
    const isExcused =
      (by === move.agreement.home && isBeforeStart) ||
      partiesOf(move.agreement).some((cloud) => cloud !== by && !isActive(model, cloud));
    undo(model, number, { state: MoveState.Aborted, reason, unfinishedA: isExcused ? 0 : by });
  },
};

const abortMutuallyRule: Rule<"abortMutually"> = {
  check(model, { move, consent, signers }, refuse) {
    const open = checkOpenMove(model, move, refuse);
    if (!open) return;
    const { source, destination } = move.agreement;
    refuse(consent.move !== documentId("Move", move), ledger("OtherMove"));
    refuse(consent.validUntil < nowMs(model), ledger("TooLate"));
    refuse(!Object.values(AbortReason).includes(consent.reason as 1) || consent.reason === 0, ledger("UnknownReason"));
    checkSignatures(model, documentId("MutualAbort", consent), [source, destination], signers, refuse);
  },
  apply(model, { move, consent }) {
    undo(model, openNumberOf(model, move), { state: MoveState.Aborted, reason: consent.reason });
  },
};

const expireRule: Rule<"expire"> = {
  check(model, { move }, refuse) {
    const open = checkOpenMove(model, move, refuse);
    if (!open) return;
    refuse(model.now <= (open.startedAt === 0 ? open.startBy : open.completeBy), ledger("TooEarly"));
  },
  apply(model, { move }) {
    const number = openNumberOf(model, move);
    const { startedAt, hadLead } = model.moves.get(number)!;
    const { home, source, destination } = move.agreement;
    let [unfinishedA, unfinishedB] = [0, 0];
    if (startedAt === 0) {
      const counts = hadLead && source !== home && isActive(model, home) && isActive(model, destination);
      unfinishedA = counts ? source : 0;
    } else {
      unfinishedA = isActive(model, destination) ? source : 0;
      unfinishedB = isActive(model, source) ? destination : 0;
    }
    undo(model, number, { state: MoveState.Expired, unfinishedA, unfinishedB });
  },
};

const recordRule: Rule<"record"> = {
  check(model, { record, signers }, refuse) {
    const { agreement, receipts } = record;
    checkSignatures(model, documentId("Record", record), partiesOf(agreement), signers, refuse);
    // Refused anyway; the ledger may count such a cloud twice.
    refuse(agreement.source === agreement.destination, ledger("SignatureCount"));
    checkForm(model, agreement, refuse);
    refuse(agreement.source === agreement.destination, ledger("HostIsDestination"));
    refuse(receipts.length !== agreement.lines.length, ledger("ReceiptCount"));
    checkParties(model, agreement, false, refuse);
    checkLines(model, agreement, false, refuse);
    const oldest = nowMs(model) - model.limits.tolerance * 1_000;
    receipts.forEach(({ vm, releasedAt, runningAt }, i) => {
      refuse(vm !== agreement.lines[i]?.vm, ledger("ReceiptOrder"));
      const earliest = Math.max(model.vms.get(vm)?.stays.at(-1)?.startedAt ?? 0, oldest);
      const isOrdered = earliest <= releasedAt && releasedAt <= runningAt && runningAt <= nowMs(model);
      refuse(!isOrdered, ledger("TimeOutOfRange"));
    });
    checkRoom(model, agreement, refuse);
  },
  apply(model, { record: { agreement, receipts } }) {
    beginStays(model, agreement, DocumentKind.Record, (_, i) => ({
      endedAt: Number(receipts[i]!.releasedAt),
      startedAt: Number(receipts[i]!.runningAt),
    }));
  },
};

const amendRule: Rule<"amend"> = {
  check(model, { amendment, signers }, refuse) {
    const { agreement } = amendment;
    const { home, source, destination, site } = agreement;
    checkForm(model, agreement, refuse);
    refuse(source !== destination, ledger("NotSameHost"));
    checkLines(model, agreement, false, refuse);
    for (const line of agreement.lines) {
      const vm = model.vms.get(line.vm);
      refuse(vm !== undefined && stateOf(model, vm) === "Home", ledger("AtHome"));
      refuse(vm !== undefined && vm.site !== site, ledger("WrongSite"));
    }
    checkGrowth(model, agreement, refuse);
    checkSignatures(model, documentId("Amendment", amendment), [...new Set([home, source])], signers, refuse);
  },
  apply(model, { amendment: { agreement } }) {
    const now = nowMs(model);
    beginStays(model, agreement, DocumentKind.Amendment, () => ({ endedAt: now, startedAt: now }));
  },
};

const evacuateRule: Rule<"evacuate"> = {
  check(model, { evacuation, signers }, refuse) {
    const { agreement } = evacuation;
    checkForm(model, agreement, refuse);
    refuse(agreement.source === agreement.destination, ledger("HostIsDestination"));
    checkParties(model, agreement, true, refuse);
    checkLines(model, agreement, true, refuse);
    const status = model.status.get(agreement.source);
    const wait = status === "Suspended" || status === "Expelled" ? 0 : model.limits.lossWait;
    for (const line of agreement.lines) {
      const lostAt = model.vms.get(line.vm)?.lostAt ?? 0;
      if (lostAt === 0) continue;
      refuse(model.now < lostAt + wait, ledger("TooEarly"));
      refuse(model.now > lostAt + DAY, ledger("TooLate"));
    }
    checkRoom(model, agreement, refuse);
    const needed = homeAndDestinationOf(agreement);
    checkSignatures(model, documentId("Evacuation", evacuation), needed, signers, refuse);
  },
  apply(model, { evacuation: { agreement } }) {
    const startedAt = nowMs(model);
    beginStays(model, agreement, DocumentKind.Evacuation, (vm) => ({ endedAt: vm.lostAt * 1_000, startedAt }));
  },
};

const giveNoticeRule: Rule<"giveNotice"> = {
  check(model, { vms, until, sender }, refuse) {
    refuse(vms.length === 0 || vms.length > MAX_LINES, ledger("LineCount"));
    refuse(until > nowMs(model) + 365 * DAY * 1_000, ledger("TooFar"));
    const host = model.vms.get(vms[0] ?? "")?.host;
    vms.forEach((id, i) => {
      const vm = model.vms.get(id);
      refuse(!vm, ledger("UnknownVm"));
      if (!vm) return;
      refuse(!["Abroad", "Agreed", "Started"].includes(stateOf(model, vm)), ledger("WrongState"));
      refuse(vm.host !== host, ledger("WrongHost"));
      refuse(vm.host === vm.home, ledger("NotAbroad"));
      checkSender(model, vm.host, sender, refuse);
      const { noticeUntil, noticePeriod } = vm.stays.at(-1)!;
      refuse(noticeUntil !== 0 || vms.indexOf(id) !== i, ledger("NoticeGiven"));
      refuse(until < nowMs(model) + noticePeriod * 1_000, ledger("NoticeTooShort"));
    });
  },
  apply(model, { vms, until }) {
    for (const id of vms) {
      const vm = model.vms.get(id)!;
      vm.stays.at(-1)!.noticeUntil = Math.ceil(until / 1_000);
      vm.nonce += 1;
    }
  },
};

const takeBack = (model: Model, id: string): void => {
  const vm = model.vms.get(id)!;
  vm.lostAt = 0;
  vm.nonce += 1;
};

const RULES: { readonly [N in CommandName]: Rule<N> } = {
  register: {
    check(model, { home, localId, resources, sender }, refuse) {
      checkNewBusiness(model, refuse);
      refuse(!isActive(model, home), ledger("StatusForbids"));
      checkSender(model, home, sender, refuse);
      refuse(model.vms.has(model.vmIdOf(home, localId)), ledger("AlreadyRegistered"));
      refuse(fits(resources, buildResources({})), ledger("EmptyResources"));
      refuse(
        RESOURCE_NAMES.some((name) => resources[name] >= LANE_LIMIT),
        "ResourceVector_LaneTooBig",
      );
    },
    apply(model, { home, localId, resources }) {
      const id = model.vmIdOf(home, localId);
      const fields = { host: home, site: 0, nonce: 0, move: 0, open: 0, ended: undefined, lostAt: 0 };
      const vm: VmModel = { id, home, ...fields, resources, stays: [] };
      model.vms.set(id, vm);
      beginStay(vm, 0, ownStay(model, vm));
    },
  },
  agree: agreeRule,
  start: startRule,
  complete: completeRule,
  abort: abortRule,
  abortMutually: abortMutuallyRule,
  expire: expireRule,
  record: recordRule,
  amend: amendRule,
  evacuate: evacuateRule,
  revoke: {
    check: (model, { by, sender }, refuse) => {
      checkSender(model, by, sender, refuse);
    },
    apply: (model, { by, document }) => void model.revoked.add(`${by} ${document}`),
  },
  giveNotice: giveNoticeRule,
  release: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Abroad"], refuse);
      if (vm) checkReleasable(model, vm, sender, refuse);
    },
    apply: (model, { vm }) => {
      end(model.vms.get(vm)!, "Stopped", nowMs(model));
    },
  },
  releaseFromMove: {
    check(model, { vm: id, move, sender }, refuse) {
      const vm = checkInAgreedMove(model, id, move, refuse);
      if (vm) checkReleasable(model, vm, sender, refuse);
    },
    apply(model, { vm, move }) {
      undo(model, openNumberOf(model, move), { state: MoveState.Aborted, reason: AbortReason.NoticeDue });
      end(model.vms.get(vm)!, "Stopped", nowMs(model));
    },
  },
  stop: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Abroad"], refuse);
      if (vm) checkSender(model, vm.home, sender, refuse);
    },
    apply: (model, { vm }) => {
      end(model.vms.get(vm)!, "Stopped", nowMs(model));
    },
  },
  stopFromMove: {
    check(model, { vm: id, move, sender }, refuse) {
      const vm = checkInAgreedMove(model, id, move, refuse);
      if (vm) checkSender(model, vm.home, sender, refuse);
    },
    apply(model, { vm, move }) {
      undo(model, openNumberOf(model, move), { state: MoveState.Aborted, reason: AbortReason.HomeStopped });
      end(model.vms.get(vm)!, "Stopped", nowMs(model));
    },
  },
  restore: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Stopped"], refuse);
      if (!vm) return;
      refuse(!hasPart(model, vm.home), ledger("StatusForbids"));
      checkSender(model, vm.home, sender, refuse);
    },
    apply(model, { vm: id }) {
      const vm = model.vms.get(id)!;
      beginStay(vm, vm.stays.at(-1)!.endedAt, ownStay(model, vm));
    },
  },
  terminate: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Home", "Stopped"], refuse);
      if (!vm) return;
      refuse(!hasPart(model, vm.home), ledger("StatusForbids"));
      checkSender(model, vm.home, sender, refuse);
      const free = vm.ended ? vm.stays.at(-1)!.endedAt + model.limits.retention * 1_000 : 0;
      refuse(nowMs(model) < free, ledger("TooEarly"));
    },
    apply(model, { vm: id }) {
      const vm = model.vms.get(id)!;
      end(vm, "Terminated", vm.ended ? vm.stays.at(-1)!.endedAt : nowMs(model));
    },
  },
  declareLost: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Abroad"], refuse);
      if (!vm) return;
      checkSender(model, vm.home, sender, refuse);
      refuse(vm.lostAt !== 0, ledger("DeclaredLost"));
    },
    apply(model, { vm: id }) {
      const vm = model.vms.get(id)!;
      vm.lostAt = model.now;
      vm.nonce += 1;
    },
  },
  contestLoss: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Abroad"], refuse);
      if (!vm) return;
      refuse(!isActive(model, vm.host), ledger("StatusForbids"));
      checkSender(model, vm.host, sender, refuse);
      refuse(vm.lostAt === 0, ledger("NotDeclaredLost"));
    },
    apply: (model, { vm }) => {
      takeBack(model, vm);
    },
  },
  withdrawLoss: {
    check(model, { vm: id, sender }, refuse) {
      const vm = checkState(model, id, ["Abroad"], refuse);
      if (!vm) return;
      checkSender(model, vm.home, sender, refuse);
      refuse(vm.lostAt === 0, ledger("NotDeclaredLost"));
    },
    apply: (model, { vm }) => {
      takeBack(model, vm);
    },
  },
  suspend: {
    check: (model, { cloud }, refuse) => {
      refuse(!isActive(model, cloud), "CloudRegistry_AlreadyConfirmed");
    },
    apply: (model, { cloud }) => void model.status.set(cloud, "Suspended"),
  },
  lift: {
    check: (model, { cloud }, refuse) => {
      refuse(isActive(model, cloud), "CloudRegistry_WrongStatus");
    },
    apply: (model, { cloud }) => void model.status.set(cloud, "Active"),
  },
  offer: {
    check: (model, { cloud }, refuse) => {
      refuse(!isActive(model, cloud), "CapacityExchange_CloudNotActive");
    },
    apply: (model, { cloud, site, offered }) => void model.offers.set(siteKey(cloud, site), offered),
  },
  pauseNew: {
    check(model, { duration }, refuse) {
      refuse(duration === 0 || duration > 3 * DAY, ledger("ParameterOutOfRange"));
      refuse(model.pausedAt !== 0 && model.now < model.pausedAt + 30 * DAY, ledger("PausedRecently"));
    },
    apply(model, { duration }) {
      model.pausedAt = model.now;
      model.pausedUntil = model.now + duration;
    },
  },
  resumeNew: {
    check: (model, _, refuse) => {
      refuse(model.pausedUntil < model.now, ledger("NotPaused"));
    },
    apply: (model) => void (model.pausedUntil = 0),
  },
  leave: {
    check(model, { cloud, sender }, refuse) {
      checkSender(model, cloud, sender, refuse);
      const { away, sitesInUse } = obligationsOf(model, cloud, [0, 1]);
      refuse(away !== 0 || sitesInUse !== 0, ledger("HasObligations"));
    },
    apply: (model, { cloud }) => void model.status.set(cloud, "Left"),
  },
};

function ownStay(model: Model, { home }: VmModel) {
  return { startedAt: nowMs(model), host: home, site: 0, agreement: 0, noticePeriod: 0, kind: DocumentKind.None };
}

/**
 * Tries a command on the model, at the command's time.
 * @returns The errors of all rules that it breaks; it had its effect if there are none.
 */
export function attempt<N extends CommandName>(model: Model, command: CommandOf<N>): ReadonlySet<string> {
  model.now = command.at;
  const broken = new Set<string>();
  const rule: Rule<N> = RULES[command.name];
  rule.check(model, command, (isBroken, error) => {
    if (isBroken) broken.add(error);
  });
  if (broken.size === 0) rule.apply(model, command);
  return broken;
}
