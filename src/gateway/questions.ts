import { agreementOf } from "../actions/questions/agreementOf.js";
import { canAgree } from "../actions/questions/canAgree.js";
import { type Demand, canHost } from "../actions/questions/canHost.js";
import { cloudsOf, sitesOf } from "../actions/questions/clouds.js";
import { historyOf } from "../actions/questions/history.js";
import { hostAt } from "../actions/questions/hostAt.js";
import { responsibleDuring } from "../actions/questions/responsibleDuring.js";
import { stays } from "../actions/questions/stays.js";
import { vmIdOf } from "../actions/questions/vmIdOf.js";
import { vmOf } from "../actions/questions/vmOf.js";
import type { Federation } from "../chain/federation.js";
import type { Move, PublicAgreement } from "../documents/types.js";
import type { RevertError } from "../errors/revert.js";
import { matchHosts } from "../matchmaking/matchHosts.js";
import { revertArgs } from "./problem.js";
import { ADDRESS, FLAG, HASH, type Schema, list, named, object, uint } from "./schema.js";

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
};

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
];
