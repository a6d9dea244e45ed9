import { CloudStatus, DocumentKind, VmState, nameOf as enumName } from "../chain/enums.js";
import type { Answers } from "./answers.js";
import type { RunFacts } from "./run.js";
import { tally } from "./report.js";
import { labelOf } from "./world.js";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Whatever a contract answered, as JSON: integers beyond 2^53 as decimal strings, structs as objects. */
export function toJson(value: unknown): Json {
  if (typeof value === "bigint") {
    return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value.toString();
  }
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (isResult(value)) {
    const object = namedFields(value);
    return object ? toJson(object) : value.toArray().map(toJson);
  }
  if (Array.isArray(value)) return value.map(toJson);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]));
}

/** The fields of a struct; undefined for a list, whose items have no names. */
function namedFields(value: ResultLike): { readonly [key: string]: unknown } | undefined {
  try {
    const object = value.toObject(false);
    return Object.keys(object).some((key) => key.startsWith("_")) ? undefined : object;
  } catch {
    return undefined;
  }
}

interface ResultLike {
  toObject(deep: boolean): { readonly [key: string]: unknown };
  toArray(): unknown[];
}

function isResult(value: unknown): value is ResultLike {
  return typeof value === "object" && value !== null && "toObject" in value && "toArray" in value;
}

/** Every fact that a run showed, as one JSON object. */
export function factsJson(facts: RunFacts, answers: Answers): Json {
  const { world, steps, expectations, events } = facts;
  const { accepted, refused, met, missed } = tally(facts);
  return {
    scenario: world.scenario.name,
    chainId: world.federation.addressBook.chainId,
    contracts: toJson(world.federation.addressBook.contracts),
    begin: world.begin,
    accepted,
    refused,
    expectations: { met, missed, final: toJson(expectations) },
    steps: steps.map((fact) => ({
      index: fact.index,
      do: fact.step.do,
      step: toJson(fact.step),
      time: fact.time,
      outcome: fact.outcome,
      error: fact.refusal?.errorName ?? null,
      args: toJson(fact.refusal?.args),
      isExpected: fact.isExpected,
      transactions: fact.sent.map((sent) => ({ hash: sent.hash, gasUsed: toJson(sent.gasUsed) })),
    })),
    clouds: answers.clouds.map((cloud) => ({
      ...cloud,
      status: enumName(CloudStatus, cloud.status),
      sites: toJson(answers.sites.filter((site) => site.cloud === cloud.cloud)),
    })),
    vms: answers.vms.map(({ actor, view, stays }) => ({
      name: actor.name,
      vm: actor.vm,
      home: actor.home,
      host: view ? labelOf(world, view.host) : null,
      state: enumName(VmState, view?.state ?? 0),
      nonce: view?.nonce ?? 0,
      resources: toJson(view?.resources),
      stays: stays.map((stay) => ({
        ...(toJson(stay) as object),
        host: labelOf(world, stay.host),
        kind: enumName(DocumentKind, stay.kind),
      })),
    })),
    statements: answers.accounts.map((account) => ({
      ...(toJson(account) as object),
      creditor: labelOf(world, account.creditor),
      debtor: labelOf(world, account.debtor),
    })),
    nettings: world.nettings.map(({ before, savings }) => ({
      before: before.map((debt) => ({
        ...(toJson(debt) as object),
        creditor: labelOf(world, debt.creditor),
        debtor: labelOf(world, debt.debtor),
      })),
      savings: toJson(savings),
    })),
    credits: answers.breaches.map((breach) => ({
      ...(toJson(breach) as object),
      host: breach.host === undefined ? null : labelOf(world, breach.host),
      home: breach.home === undefined ? null : labelOf(world, breach.home),
      state: breach.host === undefined ? "Disputed" : "Credited",
    })),
    reputation: answers.standings.map(({ label, score, confidence }) => ({
      cloud: label,
      score: score.toString(),
      confidence: confidence.toString(),
    })),
    questions: {
      hosts: toJson(answers.hosts),
      responsible: toJson(answers.responsible),
      history: toJson(answers.history),
    },
    events: events.map((event) => ({
      contract: event.contract,
      name: event.name,
      args: toJson(event.args),
      blockNumber: event.log.blockNumber,
      transaction: event.log.transactionHash,
    })),
  };
}
