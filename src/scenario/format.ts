import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";

import type { AgentScope } from "../chain/enums.js";
import type { Resources } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import type { MetricName } from "../sla/metrics.js";
import { SCENARIO_SCHEMA } from "./schema.js";

/** A length of time, or a time since the beginning: ISO 8601 in days and smaller, or milliseconds. */
export type Duration = string | number;

/** Amounts by name; what is not named is zero. */
export type Amounts = { readonly [lane in keyof Resources]?: number };

/** An offer of a cloud at a site. */
export interface OfferSpec {
  readonly site?: number;
  readonly capacity: Amounts;
  readonly biggest?: Amounts;
  readonly features?: readonly string[];
  readonly validFor?: Duration;
  readonly currency?: string;
  readonly rates?: Amounts;
}

/** A cloud that founds the federation. */
export interface CloudSpec {
  readonly label: string;
  readonly endpoint?: string;
  readonly offers?: readonly OfferSpec[];
}

/** A VM, registered at the beginning unless `register` is false. */
export interface VmSpec {
  readonly name: string;
  readonly home: string;
  readonly type: string;
  readonly features?: readonly string[];
  readonly register?: boolean;
}

/** Metrics by name, in their units; what is not named was not measured, or is not promised. */
export type MetricValues = { readonly [name in MetricName]?: number };

/** Raw samples of a window or of several: one in `every`, from the first window's begin; null where one is missing. */
export interface SamplesSpec {
  readonly every: Duration;
  readonly values: { readonly [name in MetricName]?: readonly (number | null)[] };
}

/** Price and SLA, to which documents of the timeline refer by name. */
export interface TermsSpec {
  readonly currency?: string;
  /** In 1e-12 currency units per unit and hour. */
  readonly rates?: Amounts;
  readonly settlement?: "either" | "joint";
  readonly promises?: MetricValues;
  readonly tiers?: readonly { readonly belowPpm: number; readonly creditBps: number }[];
  readonly otherMetricsBps?: number;
  readonly capBps?: number;
  readonly pauseBudget?: Duration;
}

/** A value that an error should carry: a number, or the name of a cloud, VM, lane, state, status, feature or features. */
export type Claim = string | number | boolean | readonly string[];

/** What should come of a step. */
export type Expectation = "accepted" | { readonly refused: string; readonly args?: { readonly [name: string]: Claim } };

interface Common {
  readonly at?: Duration;
  readonly note?: string;
  readonly expect?: Expectation;
}

/** Step fields that say how a document departs from the truth. */
export interface Departures {
  readonly from?: string;
  readonly without?: readonly string[];
  readonly signaturesOf?: string;
  readonly signers?: { readonly [cloud: string]: string };
  readonly nonce?: number;
  readonly resources?: Amounts;
  readonly features?: readonly string[];
}

interface Deadlines {
  readonly agreeIn?: Duration;
  readonly startIn?: Duration;
  readonly completeIn?: Duration;
}

interface As {
  readonly as?: string;
}

/** What a document agrees on beside the move itself. */
interface Conditions {
  readonly terms?: string;
  readonly window?: Duration;
  readonly witnesses?: readonly string[];
  readonly required?: number;
}

/** Which stay of a VM a step is about: the one that runs unless its number is given. */
interface OfStay {
  readonly vm: string;
  readonly stay?: number;
}

/** What was measured: given, or raw samples from which it follows. */
interface Measured {
  readonly metrics?: MetricValues;
  readonly samples?: SamplesSpec;
}

/** An amount of money: a decimal number in currency units, as text. */
export type Money = string;

/** Verbs that act on one VM. */
export type VmVerb = "restore" | "terminate" | "declareLost" | "contestLoss" | "withdrawLoss";

/** Verbs that need only a cloud. */
export type CloudVerb = "expel" | "leave" | "rotateAccount" | "completeRotation" | "cancelRotation" | "recoverAccount";

/** One step of the timeline. */
export type Step = Common &
  (
    | ({
        readonly do: "move";
        readonly vms: readonly string[];
        readonly to: string;
        readonly id?: string;
        readonly site?: number;
        readonly copy?: Duration;
        readonly pause?: Duration;
      } & Departures &
        Deadlines &
        Conditions)
    | ({
        readonly do: "agree";
        readonly vms: readonly string[];
        readonly to: string;
        readonly id: string;
        readonly site?: number;
        readonly bring?: boolean;
      } & Departures &
        Deadlines &
        Conditions)
    | { readonly do: "bring"; readonly document: string }
    | ({ readonly do: "start"; readonly move: string; readonly by?: string } & As)
    | {
        readonly do: "complete";
        readonly move: string;
        readonly without?: readonly string[];
        readonly signers?: { readonly [cloud: string]: string };
        readonly validIn?: Duration;
        readonly pause?: Duration;
      }
    | ({ readonly do: "abort"; readonly move: string; readonly by: string; readonly reason?: number } & As)
    | {
        readonly do: "abortMutually";
        readonly move: string;
        readonly reason?: number;
        readonly without?: readonly string[];
      }
    | { readonly do: "expire"; readonly move: string }
    | ({
        readonly do: "record";
        readonly vms: readonly string[];
        readonly to: string;
        readonly id?: string;
        readonly site?: number;
        readonly releasedAgo?: Duration;
        readonly runningAgo?: Duration;
      } & Departures &
        Conditions)
    | ({
        readonly do: "amend";
        readonly vms: readonly string[];
        readonly id?: string;
        readonly type?: string;
      } & Departures &
        Conditions)
    | ({
        readonly do: "evacuate";
        readonly vms: readonly string[];
        readonly to: string;
        readonly id?: string;
        readonly site?: number;
      } & Departures &
        Conditions)
    | ({ readonly do: "notice"; readonly vms: readonly string[]; readonly in: Duration } & As)
    | ({ readonly do: "release" | "stop"; readonly vm: string; readonly move?: string } & As)
    | ({ readonly do: VmVerb; readonly vm: string } & As)
    | ({ readonly do: "revoke"; readonly document: string; readonly by: string } & As)
    | { readonly do: "register"; readonly vm: string }
    | ({ readonly do: "offer"; readonly cloud: string; readonly offer: OfferSpec } & As)
    | ({ readonly do: "withdrawOffer"; readonly cloud: string; readonly site?: number } & As)
    | { readonly do: "suspend"; readonly cloud: string; readonly by?: "guardian" | "self" }
    | { readonly do: "liftSuspension"; readonly cloud: string; readonly by?: "governance" | "self" }
    | { readonly do: CloudVerb; readonly cloud: string }
    | {
        readonly do: "setAgent";
        readonly cloud: string;
        readonly agent: string;
        readonly scopes: readonly ScopeName[];
        readonly partners?: readonly string[];
        readonly validFor?: Duration;
      }
    | { readonly do: "revokeAgent"; readonly cloud: string; readonly agent: string }
    | ({
        readonly do: "report";
        readonly windows: readonly [first: number, last: number];
        readonly without?: readonly string[];
        readonly signers?: { readonly [cloud: string]: string };
      } & OfStay &
        Measured)
    | ({ readonly do: "claim"; readonly window: number; readonly by: string } & OfStay & Measured & As)
    | ({ readonly do: "object"; readonly window: number; readonly by?: string } & OfStay & As)
    | ({ readonly do: "observe"; readonly window: number; readonly witness: string } & OfStay & Measured)
    | ({ readonly do: "finalise"; readonly window: number } & OfStay)
    | ({ readonly do: "settle"; readonly by: string; readonly through?: Duration } & OfStay & As)
    | ({ readonly do: "credit"; readonly window: number; readonly by: string } & OfStay & As)
    | { readonly do: "settleAll" }
    | {
        readonly do: "note";
        readonly id?: string;
        readonly creditor: string;
        readonly debtor: string;
        readonly amount: Money;
        readonly currency?: string;
        readonly vm?: string;
        readonly stay?: number;
        readonly through?: Duration;
        readonly reason?: number;
        readonly without?: readonly string[];
        readonly signers?: { readonly [cloud: string]: string };
      }
    | {
        readonly do: "acknowledge";
        readonly creditor: string;
        readonly debtor: string;
        readonly amount: Money;
        readonly currency?: string;
        readonly payment: string;
      }
    | { readonly do: "net"; readonly currency?: string }
    | { readonly do: "remember" }
    | { readonly do: "pauseNew"; readonly for: Duration }
    | { readonly do: "resumeNew" | "closeForNew" | "wait" }
  );

/** Name of a scope. */
export type ScopeName = keyof typeof AgentScope;

/** Names of governed time limits. */
export type LimitName =
  "agreeWithin" | "startWithin" | "completeWithin" | "startLead" | "tolerance" | "lossWait" | "retention";

/** A scenario file. */
export interface Scenario {
  readonly name: string;
  readonly description?: string;
  readonly seed?: string;
  readonly begin?: string;
  readonly parameters?: { readonly [limit in LimitName]?: Duration };
  readonly features?: { readonly [feature: string]: number };
  readonly instanceTypes?: { readonly [type: string]: Amounts };
  readonly terms?: { readonly [name: string]: TermsSpec };
  readonly witnesses?: readonly string[];
  readonly clouds: readonly CloudSpec[];
  readonly vms: readonly VmSpec[];
  readonly timeline: readonly Step[];
  readonly expectations?: {
    readonly hosts?: readonly { readonly vm: string; readonly at: Duration; readonly host: string | null }[];
    readonly states?: readonly { readonly vm: string; readonly state: string }[];
    readonly responsible?: readonly {
      readonly vm: string;
      readonly from: Duration;
      readonly to: Duration;
      readonly clouds: readonly string[];
    }[];
    readonly rooms?: readonly { readonly cloud: string; readonly site?: number; readonly free: Amounts }[];
    readonly statuses?: readonly { readonly cloud: string; readonly status: string }[];
    readonly outcomes?: readonly {
      readonly move: string;
      readonly state: string;
      readonly unfinished?: readonly string[];
    }[];
    readonly results?: readonly {
      readonly vm: string;
      readonly stay: number;
      readonly window: number;
      readonly state: string;
    }[];
    readonly credits?: readonly {
      readonly vm: string;
      readonly stay: number;
      readonly window: number;
      readonly amount: Money;
    }[];
    readonly balances?: readonly {
      readonly creditor: string;
      readonly debtor: string;
      readonly currency?: string;
      readonly amount: Money;
    }[];
    readonly reputation?: readonly { readonly cloud: string; readonly above?: number; readonly below?: number }[];
  };
  readonly questions?: {
    readonly hostsAt?: readonly Duration[];
    readonly responsible?: { readonly vm: string; readonly from: Duration; readonly to: Duration };
    readonly history?: string;
  };
}

const ajv = new Ajv2020({
  discriminator: true,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  verbose: true,
});
const validate = ajv.compile<Scenario>(SCENARIO_SCHEMA);

function fail(path: string, problem: string): never {
  throw new BusError("BAD_SCENARIO", `${path || "/"}: ${problem}`);
}

function describe(error: ErrorObject): never {
  const { instancePath, keyword, params, data } = error;
  const value = JSON.stringify(data);
  switch (keyword) {
    case "additionalProperties":
      return fail(`${instancePath}/${String(params.additionalProperty)}`, "unknown key");
    case "required":
      return fail(instancePath, `${String(params.missingProperty)} is missing`);
    case "discriminator":
      return fail(`${instancePath}/do`, `${JSON.stringify(params.tagValue)} is no known step`);
    default:
      return fail(
        instancePath,
        `${value.length > 80 ? `${value.slice(0, 77)}...` : value} ${error.message ?? "is wrong"}`,
      );
  }
}

/**
 * Reads a scenario and checks it: form, and that every name it uses is declared.
 * @param text JSON.
 * @throws BusError `BAD_SCENARIO` with path and value.
 */
export function parseScenario(text: string): Scenario {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    // The parser quotes the text, line breaks included; what goes wrong is said in one line.
    const reason = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ");
    throw new BusError("BAD_SCENARIO", `not JSON: ${reason}`, { cause });
  }
  if (!validate(json)) {
    const first = validate.errors?.[0];
    if (first) describe(first);
    throw new BusError("BAD_SCENARIO", "/: not a scenario");
  }
  requireNames(json);
  return json;
}

/** Every cloud, VM, feature, type, document that is named must be declared, and times may not go back. */
function requireNames(scenario: Scenario): void {
  const clouds = unique(scenario.clouds, (cloud) => cloud.label, "/clouds", "label");
  const vms = unique(scenario.vms, (vm) => vm.name, "/vms", "name");
  const features = new Set(Object.keys(scenario.features ?? {}));
  const types = new Set(Object.keys(scenario.instanceTypes ?? {}));
  const terms = new Set(Object.keys(scenario.terms ?? {}));
  const witnesses = new Set(scenario.witnesses);
  const documents = new Set<string>();
  const agents = new Set<string>();
  const known = (set: ReadonlySet<string>, path: string, value: string | undefined, what: string): void => {
    if (value !== undefined && !set.has(value)) fail(path, `${JSON.stringify(value)} is no ${what} of this scenario`);
  };

  scenario.clouds.forEach((cloud, i) =>
    cloud.offers?.forEach((offer, k) =>
      offer.features?.forEach((feature, n) => {
        known(features, `/clouds/${i}/offers/${k}/features/${n}`, feature, "feature");
      }),
    ),
  );
  scenario.vms.forEach((vm, i) => {
    known(clouds, `/vms/${i}/home`, vm.home, "cloud");
    known(types, `/vms/${i}/type`, vm.type, "instance type");
    vm.features?.forEach((feature, n) => {
      known(features, `/vms/${i}/features/${n}`, feature, "feature");
    });
  });

  let latest = 0;
  scenario.timeline.forEach((step, i) => {
    const path = `/timeline/${i}`;
    const all: { readonly [key: string]: unknown } = { ...step };
    const text = (key: string): string | undefined => (typeof all[key] === "string" ? all[key] : undefined);
    const list = (key: string): readonly string[] => (Array.isArray(all[key]) ? all[key].map(String) : []);
    if (step.at !== undefined) {
      const at = durationMs(step.at);
      if (at < latest) fail(`${path}/at`, `${JSON.stringify(step.at)} is before the end of the step before it`);
      latest = at;
    }
    latest = endOf(step, latest);
    list("vms").forEach((vm, n) => {
      known(vms, `${path}/vms/${n}`, vm, "VM");
    });
    known(vms, `${path}/vm`, text("vm"), "VM");
    if (!text("to")?.startsWith("@")) known(clouds, `${path}/to`, text("to"), "cloud");
    for (const key of ["from", "cloud", "creditor", "debtor"]) known(clouds, `${path}/${key}`, text(key), "cloud");
    if (step.do !== "suspend" && step.do !== "liftSuspension") known(clouds, `${path}/by`, text("by"), "cloud");
    list("without").forEach((cloud, n) => {
      known(clouds, `${path}/without/${n}`, cloud, "cloud");
    });
    list("partners").forEach((cloud, n) => {
      known(clouds, `${path}/partners/${n}`, cloud, "cloud");
    });
    list("features").forEach((feature, n) => {
      known(features, `${path}/features/${n}`, feature, "feature");
    });
    known(types, `${path}/type`, text("type"), "instance type");
    known(terms, `${path}/terms`, text("terms"), "terms");
    known(witnesses, `${path}/witness`, text("witness"), "witness");
    list("witnesses").forEach((witness, n) => {
      known(witnesses, `${path}/witnesses/${n}`, witness, "witness");
    });
    if ((step.do === "report" || step.do === "claim" || step.do === "observe") && !step.metrics === !step.samples) {
      fail(path, "either metrics or samples must be given");
    }
    if (step.do === "report" && step.windows[1] < step.windows[0]) {
      fail(`${path}/windows`, `${JSON.stringify(step.windows)} ends before it begins`);
    }
    known(documents, `${path}/document`, text("document"), "document");
    known(documents, `${path}/move`, text("move"), "document");
    known(documents, `${path}/signaturesOf`, text("signaturesOf"), "document");
    if (step.do === "offer") {
      step.offer.features?.forEach((feature, n) => {
        known(features, `${path}/offer/features/${n}`, feature, "feature");
      });
    }
    if ("signers" in step) {
      for (const [cloud, signer] of Object.entries(step.signers ?? {})) {
        known(clouds, `${path}/signers/${cloud}`, cloud, "cloud");
        const [label = "", key] = signer.split("/");
        if (signer !== "stranger") known(clouds, `${path}/signers/${cloud}`, label, "cloud");
        if (key !== undefined && key !== "former") known(agents, `${path}/signers/${cloud}`, key, "agent");
      }
    }
    if (step.do === "setAgent") agents.add(step.agent);
    known(agents, `${path}/as`, text("as"), "agent");
    const id = text("id");
    if (id !== undefined) {
      if (documents.has(id)) fail(`${path}/id`, `${JSON.stringify(id)} is used twice`);
      documents.add(id);
    }
  });

  scenario.expectations?.hosts?.forEach((expected, i) => {
    known(vms, `/expectations/hosts/${i}/vm`, expected.vm, "VM");
    known(clouds, `/expectations/hosts/${i}/host`, expected.host ?? undefined, "cloud");
  });
  scenario.expectations?.states?.forEach((expected, i) => {
    known(vms, `/expectations/states/${i}/vm`, expected.vm, "VM");
  });
  scenario.expectations?.responsible?.forEach((expected, i) => {
    known(vms, `/expectations/responsible/${i}/vm`, expected.vm, "VM");
    expected.clouds.forEach((cloud, n) => {
      known(clouds, `/expectations/responsible/${i}/clouds/${n}`, cloud, "cloud");
    });
  });
  scenario.expectations?.rooms?.forEach((expected, i) => {
    known(clouds, `/expectations/rooms/${i}/cloud`, expected.cloud, "cloud");
  });
  scenario.expectations?.statuses?.forEach((expected, i) => {
    known(clouds, `/expectations/statuses/${i}/cloud`, expected.cloud, "cloud");
  });
  scenario.expectations?.outcomes?.forEach((expected, i) => {
    known(documents, `/expectations/outcomes/${i}/move`, expected.move, "document");
    expected.unfinished?.forEach((cloud, n) => {
      known(clouds, `/expectations/outcomes/${i}/unfinished/${n}`, cloud, "cloud");
    });
  });
  scenario.expectations?.results?.forEach((expected, i) => {
    known(vms, `/expectations/results/${i}/vm`, expected.vm, "VM");
  });
  scenario.expectations?.credits?.forEach((expected, i) => {
    known(vms, `/expectations/credits/${i}/vm`, expected.vm, "VM");
  });
  scenario.expectations?.balances?.forEach((expected, i) => {
    known(clouds, `/expectations/balances/${i}/creditor`, expected.creditor, "cloud");
    known(clouds, `/expectations/balances/${i}/debtor`, expected.debtor, "cloud");
  });
  scenario.expectations?.reputation?.forEach((expected, i) => {
    known(clouds, `/expectations/reputation/${i}/cloud`, expected.cloud, "cloud");
  });
  known(vms, "/questions/responsible/vm", scenario.questions?.responsible?.vm, "VM");
  known(vms, "/questions/history", scenario.questions?.history, "VM");
}

function unique<T>(items: readonly T[], key: (item: T) => string, path: string, what: string): ReadonlySet<string> {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (seen.has(key(item))) fail(`${path}/${i}/${what}`, `${JSON.stringify(key(item))} is used twice`);
    seen.add(key(item));
  });
  return seen;
}

const UNITS = { D: 86_400_000, H: 3_600_000, M: 60_000, S: 1_000 } as const;

/** Milliseconds of a duration that the schema has let through. */
export function durationMs(duration: Duration): number {
  if (typeof duration === "number") return duration;
  return [...duration.matchAll(/([0-9.]+)([DHMS])/g)].reduce(
    (sum, [, count, unit]) => sum + Math.round(Number(count) * UNITS[unit as keyof typeof UNITS]),
    0,
  );
}

/** When a step is over: a move takes the time of its copy. */
export function endOf(step: Step, begin: number): number {
  return step.do === "move" ? begin + durationMs(step.copy ?? 0) : begin;
}

/** When the last step is over, since the beginning. */
export function lengthOf(scenario: Scenario): number {
  return scenario.timeline.reduce((clock, step) => endOf(step, step.at === undefined ? clock : durationMs(step.at)), 0);
}
