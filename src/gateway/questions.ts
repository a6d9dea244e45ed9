import { agreementOf } from "../actions/questions/agreementOf.js";
import { balanceOf } from "../actions/questions/balanceOf.js";
import { canAgree } from "../actions/questions/canAgree.js";
import { type Demand, canHost } from "../actions/questions/canHost.js";
import { chargeOf } from "../actions/questions/chargeOf.js";
import { cloudsOf, sitesOf } from "../actions/questions/clouds.js";
import { creditOf } from "../actions/questions/creditOf.js";
import { historyOf } from "../actions/questions/history.js";
import { hostAt } from "../actions/questions/hostAt.js";
import { proposalsOf, readProposal } from "../actions/questions/proposals.js";
import { confidenceOf, countedOf, evidenceFromEvents, scoreOf, standingOf } from "../actions/questions/reputation.js";
import { responsibleDuring } from "../actions/questions/responsibleDuring.js";
import { stays } from "../actions/questions/stays.js";
import { unpostedMoves } from "../actions/questions/unpostedMoves.js";
import { vmIdOf } from "../actions/questions/vmIdOf.js";
import { vmOf } from "../actions/questions/vmOf.js";
import { gridOf, observationsOf, resultOf, windowOf } from "../actions/questions/windows.js";
import { ResultState } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import type { Move, PublicAgreement } from "../documents/types.js";
import type { RevertError } from "../errors/revert.js";
import { matchHosts } from "../matchmaking/matchHosts.js";
import { revertArgs } from "./problem.js";
import { ADDRESS, FLAG, HASH, type Schema, int, list, named, object, oneOf, uint } from "./schema.js";

/** Something that a gateway asks the contracts, at the head of the chain, when it is asked to. */
export interface Question {
  /** Name of the library's function. */
  readonly name: string;
  readonly summary: string;
  readonly params: Schema;
  readonly answer: Schema;
  /** `params` are decoded ones. What is undefined in the answer is left out. */
  readonly run: (federation: Federation, params: never) => Promise<unknown>;
}

interface MatchRequest {
  readonly demands: readonly Demand[];
  readonly priceWeight?: number;
  readonly except?: readonly number[];
}

const CLOUD = uint(32, "Number of a cloud");
const SITE = uint(16, "Number of a site");
const TIME = uint(64, "Milliseconds since the epoch");
const SECONDS = uint(48, "Seconds since the epoch; 0 for not known yet");
const CURRENCY: Schema = { type: "string", pattern: "^[A-Z]{3}$", description: "ISO 4217 code" };
const SCORE: Schema = { type: "number", minimum: 0, maximum: 1 };
const TEXT: Schema = { type: "string" };

/** Named schemas of the questions. */
export const QUESTION_SCHEMAS: { readonly [name: string]: Schema } = {
  Refusal: object(
    { error: TEXT, args: { type: "object" } },
    [],
    "The error with which a transaction would end, and its arguments by name, integers as decimal strings",
  ),
  Demand: object({ resources: named("Resources"), features: uint(256, "Feature bits that the site must have") }),
  Signatory: object({ cloud: CLOUD, key: ADDRESS, isAgent: FLAG }),
  Stay: object({
    sequence: uint(32),
    startedAt: TIME,
    endedAt: uint(64, "0 while it runs"),
    host: CLOUD,
    site: SITE,
    agreement: uint(32, "Agreement number; 0 for none"),
    noticeUntil: uint(40, "Seconds since the epoch; 0 for none"),
    noticePeriod: uint(32, "Seconds"),
    kind: uint(8, "A value of DocumentKind"),
  }),
  Proposal: object({
    id: uint(256),
    calls: list(object({ target: ADDRESS, data: { type: "string", pattern: "^0x([0-9a-fA-F]{2})*$" } })),
    description: TEXT,
    proposer: CLOUD,
    state: uint(8, "A value of ProposalState"),
    isPrompt: FLAG,
    snapshot: SECONDS,
    deadline: SECONDS,
    decidedAt: SECONDS,
    executableAt: SECONDS,
    expiresAt: SECONDS,
    votesFor: uint(32),
    votesNeeded: uint(32),
    members: uint(32),
  }),
};

const EVIDENCE = { kept: uint(256), broken: uint(256), unfinished: uint(256) };
const SHARE = uint(256, "In units of 1e-18");
const STAY = { vm: HASH, sequence: uint(32) };
const WINDOW = { ...STAY, window: uint(32, "Number of the window, from 0") };

interface OfStay {
  readonly vm: string;
  readonly sequence: number;
}

interface OfWindow extends OfStay {
  readonly window: number;
}

const REFUSAL_ANSWER = object({ refusal: { anyOf: [named("Refusal"), { type: "null" }] } });

function refusalAnswer(refusal: RevertError | undefined): unknown {
  return { refusal: refusal === undefined ? null : { error: refusal.errorName, args: revertArgs(refusal.args) } };
}

const { properties: stayFields } = QUESTION_SCHEMAS.Stay as {
  readonly properties: { readonly [name: string]: Schema };
};

/** Every question of the library. A further one is one more element. */
export const QUESTIONS: readonly Question[] = [
  {
    name: "agreementOf",
    summary: "Under which agreement a stay runs or ran",
    params: object({ vm: HASH, sequence: uint(32) }),
    answer: object({ number: uint(32), agreement: HASH }),
    run: (federation, { vm, sequence }: { vm: string; sequence: number }) => agreementOf(federation, vm, sequence),
  },
  {
    name: "canAgree",
    summary: "The first refusal that `agree` would give for a move, its signatures left aside",
    params: object({ document: named("Move") }),
    answer: REFUSAL_ANSWER,
    run: async (federation, { document }: { document: Move | Move<PublicAgreement> }) =>
      refusalAnswer(await canAgree(federation, document)),
  },
  {
    name: "canHost",
    summary: "The first refusal for VMs at a site as committed now",
    params: object({ cloud: CLOUD, site: SITE, demands: list(named("Demand"), 16) }),
    answer: REFUSAL_ANSWER,
    run: async (federation, { cloud, site, demands }: { cloud: number; site: number; demands: readonly Demand[] }) =>
      refusalAnswer(await canHost(federation, cloud, site, demands)),
  },
  {
    name: "cloudsOf",
    summary: "Every cloud that was ever admitted, by its number",
    params: object({}),
    answer: list(
      object({
        cloud: CLOUD,
        label: TEXT,
        status: uint(8, "A value of CloudStatus"),
        account: ADDRESS,
        endpoint: TEXT,
      }),
    ),
    run: (federation) => cloudsOf(federation),
  },
  {
    name: "sitesOf",
    summary: "Every site that was ever offered, with its offer, its commitments and its cloud's status",
    params: object({}),
    answer: list(
      object({
        cloud: CLOUD,
        site: SITE,
        status: uint(8, "A value of CloudStatus"),
        hasOffer: FLAG,
        capacity: named("Resources"),
        biggest: named("Resources"),
        committed: named("Resources"),
        features: uint(256),
        validFrom: TIME,
        validUntil: TIME,
        currency: TEXT,
        rates: named("Rates"),
      }),
    ),
    run: (federation) => sitesOf(federation),
  },
  {
    name: "historyOf",
    summary: "A VM's stays with the agreements under which they began and the keys that signed them",
    params: object({ vm: HASH }),
    answer: list(
      object(
        {
          ...stayFields,
          agreementId: HASH,
          signers: list(named("Signatory")),
          handoverSigners: list(named("Signatory")),
          transaction: HASH,
        },
        ["agreementId", "transaction"],
      ),
    ),
    run: (federation, { vm }: { vm: string }) => historyOf(federation, vm),
  },
  {
    name: "hostAt",
    summary: "Where a VM ran at a time",
    params: object({ vm: HASH, time: TIME }),
    answer: object({ host: uint(32, "Number of the cloud; 0 if it ran nowhere") }),
    run: async (federation, { vm, time }: { vm: string; time: bigint }) => ({
      host: await hostAt(federation, vm, time),
    }),
  },
  {
    name: "responsibleDuring",
    summary: "Who answered for a VM in an interval, in order",
    params: object({ vm: HASH, from: TIME, to: TIME }),
    answer: list(object({ cloud: CLOUD, from: TIME, to: TIME, duty: uint(8, "A value of Duty") })),
    run: (federation, { vm, from, to }: { vm: string; from: bigint; to: bigint }) =>
      responsibleDuring(federation, vm, from, to),
  },
  {
    name: "stays",
    summary: "Stays of a VM by their number, from the contracts",
    params: object({ vm: HASH, from: uint(32), count: { type: "integer", minimum: 1, maximum: 1_000 } }, [
      "from",
      "count",
    ]),
    answer: list(named("Stay")),
    run: (federation, { vm, from, count }: { vm: string; from?: number; count?: number }) =>
      stays(federation, vm, from, count),
  },
  {
    name: "vmIdOf",
    summary: "The id a home's VM has or would have",
    params: object({ home: CLOUD, localId: HASH }),
    answer: object({ vm: HASH }),
    run: async (federation, { home, localId }: { home: number; localId: string }) => ({
      vm: await vmIdOf(federation, home, localId),
    }),
  },
  {
    name: "vmOf",
    summary: "A VM as it stands now, from the contracts",
    params: object({ vm: HASH }),
    answer: object({
      home: CLOUD,
      host: CLOUD,
      site: SITE,
      nonce: uint(32, "What a line of a document names"),
      sequence: uint(32),
      move: uint(32, "Number of the last agreed move"),
      state: uint(8, "A value of VmState"),
      hadLead: FLAG,
      mark: uint(40, "Seconds since the epoch"),
      completeIn: uint(24, "Seconds"),
      resources: named("Resources"),
    }),
    run: (federation, { vm }: { vm: string }) => vmOf(federation, vm),
  },
  {
    name: "matchHosts",
    summary: "Sites that would take VMs, ranked, and those that would not, with the reason",
    params: object({ demands: list(named("Demand"), 16), priceWeight: SCORE, except: list(CLOUD, 64) }, [
      "priceWeight",
      "except",
    ]),
    answer: object({
      candidates: list(
        object(
          {
            cloud: CLOUD,
            site: SITE,
            score: { type: "number" },
            roomLeft: { type: "number" },
            pricePerHour: { type: "string", pattern: "^[0-9]+$", description: "1e-12 of the currency" },
            currency: TEXT,
          },
          ["pricePerHour"],
        ),
      ),
      refused: list(object({ cloud: CLOUD, site: SITE, error: TEXT, args: { type: "object" } })),
    }),
    run: async (federation: Federation, { demands, ...options }: MatchRequest): Promise<unknown> => {
      const { candidates, refused } = await matchHosts(federation, demands, options);
      return {
        candidates,
        refused: refused.map(({ cloud, site, errorName, args }) => ({
          cloud,
          site,
          error: errorName,
          args: revertArgs(args),
        })),
      };
    },
  },
  {
    name: "gridOf",
    summary: "The grid of a stay's windows; null if they are not open",
    params: object(STAY),
    answer: object({
      grid: {
        anyOf: [
          object({
            home: CLOUD,
            host: CLOUD,
            startedAt: uint(64, "Begin of window 0, in milliseconds"),
            windowMs: uint(64, "Length of a window"),
            claimWithin: uint(32, "Seconds"),
            objectWithin: uint(32, "Seconds"),
            observeWithin: uint(32, "Seconds"),
          }),
          { type: "null" },
        ],
      },
    }),
    run: async (federation, { vm, sequence }: OfStay) => ({ grid: (await gridOf(federation, vm, sequence)) ?? null }),
  },
  {
    name: "windowOf",
    summary: "Begin and end of a window",
    params: object(WINDOW),
    answer: object({ from: TIME, to: TIME }),
    run: (federation, { vm, sequence, window }: OfWindow) => windowOf(federation, vm, sequence, window),
  },
  {
    name: "resultOf",
    summary: "The result of a window as it stands now",
    params: object(WINDOW),
    answer: object(
      {
        state: oneOf(Object.keys(ResultState)),
        isFinal: FLAG,
        claimant: uint(32, "Number of a cloud; 0 where nobody claimed"),
        since: uint(48, "Seconds since the epoch; 0 unless it is claimed or objected to"),
        observations: uint(8),
        metrics: named("Metrics"),
        commitment: { ...HASH, description: "Of an agreed result the lowest 248 bits of its hash; otherwise zero" },
      },
      ["metrics"],
    ),
    run: async (federation: Federation, { vm, sequence, window }: OfWindow): Promise<unknown> => {
      const { since, ...result } = await resultOf(federation, vm, sequence, window);
      return { ...result, since: BigInt(since) };
    },
  },
  {
    name: "observationsOf",
    summary: "The observations that were accepted of a window: what `finalise` takes",
    params: object(WINDOW),
    answer: list(named("Observed")),
    run: (federation, { vm, sequence, window }: OfWindow) => observationsOf(federation, vm, sequence, window),
  },
  {
    name: "balanceOf",
    summary: "What one cloud owes another; negative where it is the other way round",
    params: object({ creditor: CLOUD, debtor: CLOUD, currency: CURRENCY }),
    answer: object({ balance: int("In 1e-9 currency units") }),
    run: async (
      federation,
      { creditor, debtor, currency }: { creditor: number; debtor: number; currency: string },
    ) => ({ balance: await balanceOf(federation, creditor, debtor, currency) }),
  },
  {
    name: "chargeOf",
    summary: "What is booked of a stay's charge",
    params: object(STAY),
    answer: object(
      {
        rate: uint(256, "1e-12 currency units per hour; 0 until it was settled"),
        currency: CURRENCY,
        settledThrough: uint(64, "Milliseconds; 0 if it never was settled"),
        replacedThrough: uint(64, "Milliseconds; 0 if no note stands for the charge"),
        posted: uint(96, "1e-9 currency units"),
      },
      ["currency"],
    ),
    run: (federation, { vm, sequence }: OfStay) => chargeOf(federation, vm, sequence),
  },
  {
    name: "creditOf",
    summary: "What is booked as credit for a window of a stay",
    params: object(WINDOW),
    answer: object({ credit: uint(96, "In 1e-9 units of the stay's currency") }),
    run: async (federation, { vm, sequence, window }: OfWindow) => ({
      credit: await creditOf(federation, vm, sequence, window),
    }),
  },
  {
    name: "scoreOf",
    summary: "The expected share of promises that a cloud will keep",
    params: object({ cloud: CLOUD }),
    answer: object({ score: SHARE }),
    run: async (federation, { cloud }: { cloud: number }) => ({ score: await scoreOf(federation, cloud) }),
  },
  {
    name: "confidenceOf",
    summary: "How much a cloud's score is worth",
    params: object({ cloud: CLOUD }),
    answer: object({ confidence: SHARE }),
    run: async (federation, { cloud }: { cloud: number }) => ({ confidence: await confidenceOf(federation, cloud) }),
  },
  {
    name: "standingOf",
    summary: "Score and confidence of a cloud at one block",
    params: object({ cloud: CLOUD }),
    answer: object({ score: SHARE, confidence: SHARE }),
    run: (federation, { cloud }: { cloud: number }) => standingOf(federation, cloud),
  },
  {
    name: "countedOf",
    summary: "What counts of a cloud's month after the cap and the half rule, before decay",
    params: object({ cloud: CLOUD, month: uint(32, "Months since January 1970") }),
    answer: object(EVIDENCE),
    run: (federation, { cloud, month }: { cloud: number; month: number }) => countedOf(federation, cloud, month),
  },
  {
    name: "evidenceFromEvents",
    summary: "All evidence of a cloud by month and counterparty, before any cap, from events alone",
    params: object({ cloud: CLOUD }),
    answer: list(object({ month: uint(32, "Months since January 1970"), counterparty: CLOUD, ...EVIDENCE })),
    run: async (federation, { cloud }: { cloud: number }) =>
      [...(await evidenceFromEvents(federation, cloud))].flatMap(([month, parts]) =>
        [...parts].map(([counterparty, evidence]) => ({ month, counterparty, ...evidence })),
      ),
  },
  {
    name: "unpostedMoves",
    summary: "Moves that anybody may post to the reputation ledger, in the order in which they ended",
    params: object({ fromBlock: uint(32, "A move must have been agreed and have ended from there on") }, ["fromBlock"]),
    answer: list({
      anyOf: [
        object({ kind: oneOf(["completed"]), number: uint(32), vm: HASH, sequence: uint(32) }),
        object({ kind: oneOf(["unfinished"]), number: uint(32), agreement: named("Agreement") }),
      ],
    }),
    run: (federation, { fromBlock }: { fromBlock?: number }) => unpostedMoves(federation, fromBlock),
  },
  {
    name: "proposalsOf",
    summary: "Every proposal that was ever made, oldest first",
    params: object({}),
    answer: list(named("Proposal")),
    run: (federation: Federation): Promise<unknown> => proposalsOf(federation),
  },
  {
    name: "readProposal",
    summary: "A proposal by its id",
    params: object({ id: uint(256) }),
    answer: named("Proposal"),
    run: (federation, { id }: { id: bigint }) => readProposal(federation, id),
  },
];
