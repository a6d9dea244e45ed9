import { AgentScope, CloudStatus, ResultState, VmState, nameOf } from "../chain/enums.js";
import type { RevertError, RevertValue } from "../errors/revert.js";
import { RESOURCE_NAMES } from "../documents/types.js";
import { type World, featureNames, labelOf, nameOf as vmNameOf } from "./world.js";

type Speaker = World;
interface Args {
  readonly [name: string]: RevertValue;
}

/** How values of one run are said: names for numbers, times since the start. */
function speech(world: Speaker, args: Args) {
  const raw = (name: string): bigint => {
    const value = args[name];
    return typeof value === "bigint" ? value : BigInt(typeof value === "string" ? value : 0);
  };
  return {
    number: (name: string) => String(args[name]),
    cloud: (name: string) => labelOf(world, Number(raw(name))),
    vm: (name: string) => vmNameOf(world, String(args[name])),
    state: (name: string) => nameOf(VmState, raw(name)),
    status: (name: string) => nameOf(CloudStatus, raw(name)),
    /** An amount of the lane that the error names, in its unit. */
    amount: (name: string) => sayAmount(Number(raw("lane")), Number(raw(name))),
    time: (name: string) => sayTime(world, raw(name)),
    seconds: (name: string) => sayTime(world, raw(name) * 1000n),
    features: (name: string) => featureNames(world.scenario, raw(name)).join(", "),
    scopes: (name: string) =>
      Object.entries(AgentScope)
        .filter(([, bit]) => (Number(raw(name)) & bit) !== 0)
        .map(([scope]) => scope)
        .join(", ") || "none",
    short: (name: string) => `${String(args[name]).slice(0, 10)}..`,
    /** A window of a VM's stay. */
    window: () => `${vmNameOf(world, String(args.vm))}, stay ${String(args.sequence)}, window ${String(args.window)}`,
    result: (name: string) => nameOf(ResultState, raw(name)),
    gap: (later: string, earlier: string) => formatLength(Number(raw(later) - raw(earlier))),
  };
}

function sayTime(world: Speaker, time: bigint): string {
  const offset = Number(time - BigInt(world.begin));
  return offset >= 0 ? formatOffset(offset) : `${formatLength(-offset)} before the start`;
}

const DAY_MS = 86_400_000;

/** Time since the beginning of the timeline: days and hh:mm:ss. */
export function formatOffset(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const clock = [(seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60].map((part) =>
    String(Math.floor(part)).padStart(2, "0"),
  );
  return `${Math.floor(seconds / 86_400)}d ${clock.join(":")}`;
}

/** A length of time, to read: `2 d 4 h`, `20 s`, `0.25 s`. */
export function formatLength(ms: number): string {
  const parts = [
    [Math.floor(ms / DAY_MS), "d"],
    [Math.floor((ms % DAY_MS) / 3_600_000), "h"],
    [Math.floor((ms % 3_600_000) / 60_000), "min"],
    [(ms % 60_000) / 1000, "s"],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return said.join(" ") || "0 s";
}

const LANE_WORDS = [
  "vCPU",
  "GiB of memory",
  "GiB of storage",
  "disk operations/s",
  "Mbit/s",
  "GPUs",
  "spare1",
  "spare2",
];

/** An amount of a lane as people say it. */
function sayAmount(lane: number, amount: number): string {
  const scaled = lane === 0 ? amount / 1000 : lane === 1 ? amount / 1024 : amount;
  return `${Number(scaled.toFixed(2))} ${LANE_WORDS[lane] ?? RESOURCE_NAMES[lane] ?? `of lane ${lane}`}`;
}

type Words = (say: ReturnType<typeof speech>) => string;

const WORDS: { readonly [error: string]: Words } = {
  MigrationLedger_UnknownVm: (say) => `${say.vm("vm")} is not registered`,
  MigrationLedger_AlreadyRegistered: (say) => `${say.vm("vm")} is registered already`,
  MigrationLedger_WrongState: (say) => `${say.vm("vm")} is in state ${say.state("found")}`,
  MigrationLedger_NotAbroad: (say) => `${say.vm("vm")} runs at home`,
  MigrationLedger_AtHome: (say) => `${say.vm("vm")} runs at home`,
  MigrationLedger_StatusForbids: (say) => `${say.cloud("cloud")} is ${say.status("status")}`,
  MigrationLedger_NewPaused: (say) => `new business is paused until ${say.seconds("until")}`,
  MigrationLedger_LineCount: (say) => `${say.number("count")} lines; 1 to 16 are allowed`,
  MigrationLedger_LinesNotAscending: (say) => `${say.vm("next")} after ${say.vm("previous")}: each VM once, ascending`,
  MigrationLedger_EmptyResources: (say) => `nothing is promised to ${say.vm("vm")}`,
  MigrationLedger_HostIsDestination: (say) => `${say.cloud("cloud")} is source and destination`,
  MigrationLedger_WrongHome: (say) => `${say.vm("vm")} belongs to ${say.cloud("home")}, not to ${say.cloud("named")}`,
  MigrationLedger_WrongHost: (say) => `${say.vm("vm")} runs on ${say.cloud("host")}, not on ${say.cloud("named")}`,
  MigrationLedger_StaleNonce: (say) =>
    `${say.vm("vm")} has nonce ${say.number("nonce")} by now; the paper was signed for ${say.number("named")}`,
  MigrationLedger_DeclaredLost: (say) => `${say.vm("vm")} was declared lost at ${say.seconds("declaredAt")}`,
  MigrationLedger_NotDeclaredLost: (say) => `${say.vm("vm")} is not declared lost`,
  MigrationLedger_TooLate: (say) => `the deadline was ${say.time("deadline")}, ${say.gap("time", "deadline")} ago`,
  MigrationLedger_TooEarly: (say) => `not before ${say.time("earliest")}, in ${say.gap("earliest", "time")}`,
  MigrationLedger_TooFar: (say) => `deadline ${say.time("deadline")}; the latest allowed is ${say.time("latest")}`,
  MigrationLedger_DeadlinesUnordered: (say) =>
    `agree by ${say.time("agreeBy")}, start by ${say.time("startBy")}, complete by ${say.time("completeBy")}`,
  MigrationLedger_SignatureCount: (say) => `${say.number("needed")} signatures are needed, ${say.number("given")} came`,
  MigrationLedger_Revoked: (say) => `${say.cloud("cloud")} has revoked its signature under it`,
  MigrationLedger_NotAParty: (say) => `${say.cloud("cloud")} has no part in this move`,
  MigrationLedger_NotTheOpenMove: (say) => `open is ${say.short("open")}, not ${say.short("agreement")}`,
  MigrationLedger_NoticeTooShort: (say) =>
    `notice for ${say.vm("vm")} until ${say.time("until")}; earliest is ${say.time("earliest")}`,
  MigrationLedger_NoticeGiven: (say) => `notice for ${say.vm("vm")} was given already, until ${say.seconds("until")}`,
  MigrationLedger_NoNotice: (say) => `no notice was given for ${say.vm("vm")}`,
  MigrationLedger_TimeOutOfRange: (say) =>
    `${say.vm("vm")} at ${say.time("time")}: must be from ${say.time("earliest")} and not after ${say.time("latest")}`,
  MigrationLedger_NoticePeriod: (say) =>
    `notice of ${formatLength(Number(say.number("noticeMs")))}; 1 hour to 90 days are allowed`,
  MigrationLedger_HasObligations: (say) =>
    `${say.cloud("cloud")}: ${say.number("away")} own VMs away, ${say.number("sitesInUse")} sites in use`,
  CapacityExchange_NoOffer: (say) => `${say.cloud("cloud")} offers nothing at site ${say.number("site")}`,
  CapacityExchange_OfferNotValid: (say) =>
    `${say.cloud("cloud")} site ${say.number("site")}: offer from ${say.time("validFrom")} to ${say.time("validUntil")}`,
  CapacityExchange_FeaturesMissing: (say) =>
    `${say.cloud("cloud")} site ${say.number("site")} has no ${say.features("missing")}`,
  CapacityExchange_VmTooBig: (say) =>
    `${say.cloud("cloud")} site ${say.number("site")} takes VMs up to ${say.amount("biggest")}; this one asks for ${say.amount("asked")}`,
  CapacityExchange_NoRoom: (say) =>
    `${say.cloud("cloud")} site ${say.number("site")} would have promised ${say.amount("wouldBe")}; it offers ${say.amount("capacity")}`,
  CapacityExchange_CloudNotActive: (say) => `${say.cloud("cloud")} is ${say.status("status")}`,
  CloudRegistry_BadSignature: (say) =>
    `not a signature of ${say.cloud("cloud")} under this paper; it gives the signer ${say.short("recovered")}`,
  CloudRegistry_NotAuthorized: (say) => `the sender ${say.short("sender")} does not speak for ${say.cloud("cloud")}`,
  CloudRegistry_AgentRevoked: (say) => `the agent ${say.short("agent")} of ${say.cloud("cloud")} was revoked`,
  CloudRegistry_AgentExpired: (say) => `the agent of ${say.cloud("cloud")} expired at ${say.time("validUntil")}`,
  CloudRegistry_ScopeMissing: (say) =>
    `the agent of ${say.cloud("cloud")} needs ${say.scopes("needed")} and has ${say.scopes("scopes")}`,
  CloudRegistry_PartnerNotAllowed: (say) =>
    `the agent of ${say.cloud("cloud")} may not deal with ${say.cloud("partner")}`,
  CloudRegistry_NotReady: (say) => `${say.cloud("cloud")} must wait until ${say.time("readyAt")}`,
  CloudRegistry_WrongStatus: (say) => `${say.cloud("cloud")} is ${say.status("status")}`,
  CloudRegistry_GuardianAtLimit: (say) => `the guardian holds ${say.number("held")} of ${say.number("limit")} clouds`,
  CloudRegistry_GuardianMustWait: (say) => `${say.cloud("cloud")} not again before ${say.time("notBefore")}`,
  SlaOracle_AtHome: (say) => `${say.vm("vm")} ran at home in stay ${say.number("sequence")}: nothing was promised`,
  SlaOracle_NoSuchWindow: (say) => `there is no ${say.window()}: the stay ended at ${say.time("endedAt")}`,
  SlaOracle_WindowNotOver: (say) => `${say.window()} lasts until ${say.time("to")}`,
  SlaOracle_ReportTooLate: (say) => `${say.window()} could be reported until ${say.time("until")}`,
  SlaOracle_AlreadyFinal: (say) => `${say.window()} is ${say.result("state")} and final`,
  SlaOracle_AlreadyReported: (say) => `${say.window()} is ${say.result("state")} already`,
  SlaOracle_WrongState: (say) => `${say.window()} is in state ${say.result("state")}`,
  SlaOracle_NotAParty: (say) => `${say.cloud("cloud")} is neither home nor host of ${say.vm("vm")}`,
  SlaOracle_ObjectionTooLate: (say) => `${say.window()} could be objected to until ${say.seconds("until")}`,
  SlaOracle_ObservationTooLate: (say) => `${say.window()}: witnesses were heard until ${say.seconds("until")}`,
  SlaOracle_StillObserving: (say) => `${say.window()}: witnesses are heard until ${say.seconds("until")}`,
  SlaOracle_NotAWitness: (say) => `${say.short("signer")} is no witness of this stay`,
  SlaOracle_AlreadyObserved: (say) => `${say.short("witness")} has reported on ${say.window()} already`,
  SlaOracle_SignatureCount: (say) => `${say.number("given")} signatures; ${say.number("needed")} are needed`,
  SlaOracle_NotFinal: (say) => `${say.window()} is ${say.result("state")}, not yet final`,
  SlaOracle_Disputed: (say) => `${say.window()} is disputed: it has no result`,
  SlaOracle_WrongOpening: (say) => `what was shown is not the result of ${say.window()}`,
  ChargingLedger_AtHome: (say) => `${say.vm("vm")} ran at home in stay ${say.number("sequence")}: that costs nothing`,
  ChargingLedger_NotAParty: (say) => `${say.cloud("cloud")} is neither home nor host of ${say.vm("vm")}`,
  ChargingLedger_JointOnly: (say) => `the price of ${say.vm("vm")} wants both sides to settle together`,
  ChargingLedger_WindowNotOver: (say) => `${say.window()} lasts until ${say.time("endsAt")}`,
  ChargingLedger_NotYetSettled: (say) => `${say.window()}: its charge must be settled first`,
  ChargingLedger_SignatureCount: (say) => `${say.number("given")} signatures; ${say.number("wanted")} are needed`,
  ChargingLedger_NotTheirStay: (say) =>
    `${say.vm("vm")} ran for ${say.cloud("home")} on ${say.cloud("host")}: the note is between others`,
  ChargingLedger_AlreadyAcknowledged: (say) => `${say.cloud("creditor")} has acknowledged this payment already`,
  AccessManagedUnauthorized: (say) => `the sender ${say.short("caller")} has not the role for this`,
};

/** A refusal in plain words with its numbers. */
export function explain(world: Speaker, error: RevertError): string {
  const words = Object.hasOwn(WORDS, error.errorName) ? WORDS[error.errorName] : undefined;
  if (words) return words(speech(world, error.args));
  return Object.entries(error.args)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}
