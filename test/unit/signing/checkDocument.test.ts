import { expect } from "chai";
import { Wallet, ZeroAddress, ZeroHash, id } from "ethers";

import {
  type Agreement,
  type DocumentErrorCode,
  type DocumentName,
  type Documents,
  type MigrationRecord,
  type Move,
  type ValidatorActivation,
  DocumentError,
  buildAgreement,
  buildPrice,
  buildResources,
  buildSla,
  checkDocument,
} from "../../../src/index.js";

const SIZE = buildResources({ vcpuMilli: 2_000, memoryMiB: 4_096 });
const [LOW, HIGH] = [`0x${"11".repeat(32)}`, `0x${"22".repeat(32)}`];
const line = (vm: string) => ({ vm, nonce: 1, features: 0n, resources: SIZE });
const witnesses = [1, 2, 3].map((n) => `0x${String(n).repeat(40)}`);
const ANOTHER = Wallet.createRandom().address;

const agreement = (changes: Partial<Agreement> = {}): Agreement => ({
  ...buildAgreement({ home: 1, source: 1, destination: 2, lines: [line(LOW), line(HIGH)], agreeBy: 1_000n }),
  ...changes,
});
const activation = (changes: Partial<ValidatorActivation> = {}): ValidatorActivation => ({
  cloud: 1,
  validator: ANOTHER,
  replaces: ZeroAddress,
  blockNumber: 1n,
  blockHash: id("block"),
  ...changes,
});
const move = (changes: Partial<Agreement> = {}, more: Partial<Move> = {}): Move => ({
  agreement: agreement(changes),
  startBy: 2_000n,
  completeBy: 3_000n,
  ...more,
});
const receipt = (vm: string) => ({ vm, stateDigest: ZeroHash, releasedAt: 500n, runningAt: 600n });
const record = (changes: Partial<MigrationRecord> = {}): MigrationRecord => ({
  agreement: agreement(),
  receipts: [receipt(LOW), receipt(HIGH)],
  ...changes,
});
const withPrice = (price: Partial<ReturnType<typeof buildPrice>>) =>
  move({ terms: { price: buildPrice(price), sla: buildSla() } });
const withSla = (sla: Partial<ReturnType<typeof buildSla>>) =>
  move({ terms: { price: buildPrice(), sla: buildSla(sla) } });
const thresholds = buildSla().thresholds;
const release = (vm: string) => ({ vm, stateDigest: ZeroHash, releasedAt: 500n });
const handover = (changes: Partial<Documents["Handover"]> = {}): Documents["Handover"] => ({
  move: id("move"),
  releases: [release(LOW), release(HIGH)],
  validUntil: 1_000n,
  ...changes,
});
const SALT = id("salt");

/** What a field holds that its type does not allow: from JSON, say. */
const raw = (document: Move, changes: object): Move => ({ ...document, ...changes });

type Row = readonly [
  why: string,
  code: DocumentErrorCode,
  path: string,
  name: DocumentName,
  document: Documents[DocumentName],
];

const rows: readonly Row[] = [
  // Fields
  ["is missing", "FIELD_MISSING", "/startBy", "Move", raw(move(), { startBy: undefined })],
  ["would not be covered", "FIELD_UNKNOWN", "/price", "Move", raw(move(), { price: 7 })],
  ["is beyond uint64", "FIELD_TYPE", "/startBy", "Move", move({}, { startBy: 2n ** 64n })],
  ["is negative", "FIELD_TYPE", "/startBy", "Move", move({}, { startBy: -1n })],
  ["is a fraction", "FIELD_TYPE", "/agreement/site", "Move", move({ site: 1.5 })],
  ["is beyond uint16", "FIELD_TYPE", "/agreement/site", "Move", move({ site: 65_536 })],
  ["is no list", "FIELD_TYPE", "/agreement/lines", "Move", raw(move(), { agreement: { ...agreement(), lines: {} } })],
  ["is no struct", "FIELD_TYPE", "/agreement", "Move", raw(move(), { agreement: [] })],
  ["is short", "FIELD_TYPE", "/agreement/salt", "Move", move({ salt: "0x12" })],
  ["is text", "FIELD_TYPE", "/startBy", "Move", raw(move(), { startBy: "2000" })],
  [
    "is no text",
    "FIELD_TYPE",
    "/agreement/terms/price/currency",
    "Move",
    withPrice({ currency: 5 as unknown as string }),
  ],
  [
    "is no address",
    "FIELD_TYPE",
    "/agreement/witnesses/members/0",
    "Move",
    move({ witnesses: { members: ["0x12"], required: 1 } }),
  ],

  // Parties
  ["home is nobody", "NO_CLOUD", "/agreement/home", "Move", move({ home: 0 })],
  ["source is nobody", "NO_CLOUD", "/agreement/source", "Move", move({ source: 0 })],
  ["destination is nobody", "NO_CLOUD", "/agreement/destination", "Move", move({ destination: 0 })],
  ["a move stays", "BAD_PARTIES", "/agreement/destination", "Move", move({ destination: 1 })],
  [
    "a record stays",
    "BAD_PARTIES",
    "/agreement/destination",
    "Record",
    record({ agreement: agreement({ destination: 1 }) }),
  ],
  [
    "an evacuation stays",
    "BAD_PARTIES",
    "/agreement/destination",
    "Evacuation",
    { agreement: agreement({ destination: 1 }) },
  ],
  ["an amendment moves", "BAD_PARTIES", "/agreement/destination", "Amendment", { agreement: agreement({ source: 3 }) }],
  [
    "an amendment is at home",
    "BAD_PARTIES",
    "/agreement/source",
    "Amendment",
    { agreement: agreement({ destination: 1 }) },
  ],

  // Lines
  ["there is no line", "LINE_COUNT", "/agreement/lines", "Move", move({ lines: [] })],
  [
    "there are 17 lines",
    "LINE_COUNT",
    "/agreement/lines",
    "Move",
    move({ lines: Array.from({ length: 17 }, (_, n) => line(`0x${String(n + 10).padStart(64, "0")}`)) }),
  ],
  ["lines fall", "LINES_UNSORTED", "/agreement/lines/1/vm", "Move", move({ lines: [line(HIGH), line(LOW)] })],
  ["a VM is there twice", "LINES_UNSORTED", "/agreement/lines/1/vm", "Move", move({ lines: [line(LOW), line(LOW)] })],
  ["a VM is zero", "ZERO_ID", "/agreement/lines/0/vm", "Move", move({ lines: [line(ZeroHash)] })],
  [
    "a line promises nothing",
    "EMPTY_RESOURCES",
    "/agreement/lines/0/resources",
    "Move",
    move({ lines: [{ ...line(LOW), resources: buildResources({}) }] }),
  ],
  [
    "a lane has 32 bits",
    "LANE_TOO_BIG",
    "/agreement/lines/0/resources/gpus",
    "Move",
    move({ lines: [{ ...line(LOW), resources: buildResources({ gpus: 2 ** 31 }) }] }),
  ],

  // Agreement
  ["a window is empty", "NO_WINDOW", "/agreement/windowMs", "Move", move({ windowMs: 0n })],
  ["notice is short", "NOTICE_PERIOD", "/agreement/noticeMs", "Move", move({ noticeMs: 3_599_999n })],
  ["notice is long", "NOTICE_PERIOD", "/agreement/noticeMs", "Move", move({ noticeMs: 90n * 86_400_000n + 1n })],
  ["the digest is unknown", "DIGEST_KIND", "/agreement/digestKind", "Move", move({ digestKind: 4 })],
  ["the salt is zero", "ZERO_SALT", "/agreement/salt", "Move", move({ salt: ZeroHash })],
  ["startBy is too early", "DEADLINES_UNORDERED", "/startBy", "Move", move({}, { startBy: 999n })],
  ["completeBy is too early", "DEADLINES_UNORDERED", "/completeBy", "Move", move({}, { completeBy: 1_999n })],

  // Witnesses
  [
    "there are eight witnesses",
    "TOO_MANY_WITNESSES",
    "/agreement/witnesses/members",
    "Move",
    move({ witnesses: { members: Array.from({ length: 8 }, () => ANOTHER), required: 1 } }),
  ],
  [
    "witnesses fall",
    "WITNESSES_UNSORTED",
    "/agreement/witnesses/members/1",
    "Move",
    move({ witnesses: { members: [...witnesses].reverse(), required: 1 } }),
  ],
  [
    "a witness is there twice",
    "WITNESSES_UNSORTED",
    "/agreement/witnesses/members/1",
    "Move",
    move({ witnesses: { members: [ANOTHER, ANOTHER], required: 1 } }),
  ],
  [
    "a witness is zero",
    "ZERO_ADDRESS",
    "/agreement/witnesses/members/0",
    "Move",
    move({ witnesses: { members: [ZeroAddress], required: 1 } }),
  ],
  [
    "none is required",
    "WITNESSES_REQUIRED",
    "/agreement/witnesses/required",
    "Move",
    move({ witnesses: { members: witnesses, required: 0 } }),
  ],
  [
    "four of three are required",
    "WITNESSES_REQUIRED",
    "/agreement/witnesses/required",
    "Move",
    move({ witnesses: { members: witnesses, required: 4 } }),
  ],
  [
    "one of none is required",
    "WITNESSES_REQUIRED",
    "/agreement/witnesses/required",
    "Move",
    move({ witnesses: { members: [], required: 1 } }),
  ],

  // Price
  ["the currency is small", "BAD_CURRENCY", "/agreement/terms/price/currency", "Move", withPrice({ currency: "eur" })],
  ["the currency is long", "BAD_CURRENCY", "/agreement/terms/price/currency", "Move", withPrice({ currency: "EURO" })],
  [
    "the currency is two lines",
    "BAD_CURRENCY",
    "/agreement/terms/price/currency",
    "Move",
    withPrice({ currency: "EUR\n" }),
  ],
  [
    "the settlement is unknown",
    "BAD_SETTLEMENT",
    "/agreement/terms/price/settlement",
    "Move",
    withPrice({ settlement: 2 }),
  ],
  ["the price's salt is zero", "ZERO_SALT", "/agreement/terms/price/salt", "Move", withPrice({ salt: ZeroHash })],
  [
    "price and SLA share a salt",
    "SALT_REUSED",
    "/agreement/terms/sla/salt",
    "Move",
    move({ terms: { price: buildPrice({ salt: SALT }), sla: buildSla({ salt: SALT }) } }),
  ],
  [
    "the price has the public salt",
    "SALT_REUSED",
    "/agreement/terms/price/salt",
    "Move",
    move({ salt: SALT, terms: { price: buildPrice({ salt: SALT }), sla: buildSla() } }),
  ],
  [
    "the SLA has the public salt",
    "SALT_REUSED",
    "/agreement/terms/sla/salt",
    "Move",
    move({ salt: SALT, terms: { price: buildPrice(), sla: buildSla({ salt: SALT }) } }),
  ],

  // SLA
  [
    "there are four tiers",
    "TOO_MANY_TIERS",
    "/agreement/terms/sla/availabilityTiers",
    "Move",
    withSla({ availabilityTiers: [4, 3, 2, 1].map((belowPpm) => ({ belowPpm, creditBps: 1 })) }),
  ],
  [
    "tiers rise",
    "TIERS_NOT_FALLING",
    "/agreement/terms/sla/availabilityTiers/1/belowPpm",
    "Move",
    withSla({ availabilityTiers: [1, 2].map((belowPpm) => ({ belowPpm, creditBps: 1 })) }),
  ],
  [
    "tiers are equal",
    "TIERS_NOT_FALLING",
    "/agreement/terms/sla/availabilityTiers/1/belowPpm",
    "Move",
    withSla({ availabilityTiers: [2, 2].map((belowPpm) => ({ belowPpm, creditBps: 1 })) }),
  ],
  [
    "a worse tier gives less back",
    "CREDITS_NOT_RISING",
    "/agreement/terms/sla/availabilityTiers/1/creditBps",
    "Move",
    withSla({ availabilityTiers: [2, 1].map((n) => ({ belowPpm: n, creditBps: n })) }),
  ],
  [
    "a tier is above one",
    "PPM_OUT_OF_RANGE",
    "/agreement/terms/sla/availabilityTiers/0/belowPpm",
    "Move",
    withSla({ availabilityTiers: [{ belowPpm: 1_000_001, creditBps: 1 }] }),
  ],
  [
    "a tier's credit is above all",
    "BPS_OUT_OF_RANGE",
    "/agreement/terms/sla/availabilityTiers/0/creditBps",
    "Move",
    withSla({ availabilityTiers: [{ belowPpm: 1, creditBps: 10_001 }] }),
  ],
  [
    "other credits are above all",
    "BPS_OUT_OF_RANGE",
    "/agreement/terms/sla/otherMetricsBps",
    "Move",
    withSla({ otherMetricsBps: 10_001 }),
  ],
  ["the cap is above all", "BPS_OUT_OF_RANGE", "/agreement/terms/sla/capBps", "Move", withSla({ capBps: 10_001 })],
  ["the SLA's salt is zero", "ZERO_SALT", "/agreement/terms/sla/salt", "Move", withSla({ salt: ZeroHash })],
  ...(["availabilityPpm", "cpuReadyPpm", "lossPpm"] as const).map((name): Row => [
    `${name} is above one`,
    "PPM_OUT_OF_RANGE",
    `/agreement/terms/sla/thresholds/${name}`,
    "Move",
    withSla({ thresholds: { ...thresholds, [name]: 1_000_001 } }),
  ]),
  [
    "an eighth metric counts",
    "BAD_MEASURED",
    "/agreement/terms/sla/thresholds/measured",
    "Move",
    withSla({ thresholds: { ...thresholds, measured: 128 } }),
  ],

  // Record, handover
  ["a receipt is missing", "RECEIPTS_MISMATCH", "/receipts", "Record", record({ receipts: [receipt(LOW)] })],
  [
    "receipts are in another order",
    "RECEIPTS_MISMATCH",
    "/receipts/0/vm",
    "Record",
    record({ receipts: [receipt(HIGH), receipt(LOW)] }),
  ],
  [
    "a receipt has no time",
    "RECEIPT_TIMES",
    "/receipts/0/releasedAt",
    "Record",
    record({ receipts: [{ ...receipt(LOW), releasedAt: 0n }, receipt(HIGH)] }),
  ],
  [
    "it ran before it was released",
    "RECEIPT_TIMES",
    "/receipts/1/runningAt",
    "Record",
    record({ receipts: [receipt(LOW), { ...receipt(HIGH), runningAt: 499n }] }),
  ],
  ["a handover names no move", "ZERO_ID", "/move", "Handover", handover({ move: ZeroHash })],
  ["nothing is handed over", "LINE_COUNT", "/releases", "Handover", handover({ releases: [] })],
  [
    "releases fall",
    "LINES_UNSORTED",
    "/releases/1/vm",
    "Handover",
    handover({ releases: [release(HIGH), release(LOW)] }),
  ],
  [
    "a release has no time",
    "RECEIPT_TIMES",
    "/releases/0/releasedAt",
    "Handover",
    handover({ releases: [{ ...release(LOW), releasedAt: 0n }] }),
  ],

  // The rest
  ["an abort names no move", "ZERO_ID", "/move", "MutualAbort", { move: ZeroHash, reason: 1, validUntil: 1n }],
  ["an abort has no reason", "BAD_REASON", "/reason", "MutualAbort", { move: SALT, reason: 0, validUntil: 1n }],
  ["an abort's reason is unknown", "BAD_REASON", "/reason", "MutualAbort", { move: SALT, reason: 9, validUntil: 1n }],
  [
    "a succession has no VM",
    "ZERO_ID",
    "/vm",
    "Succession",
    { vm: ZeroHash, nonce: 1, successor: ANOTHER, validUntil: 1n },
  ],
  [
    "a successor is zero",
    "ZERO_ADDRESS",
    "/successor",
    "Succession",
    { vm: LOW, nonce: 1, successor: ZeroAddress, validUntil: 1n },
  ],
  ["a key serves nobody", "NO_CLOUD", "/cloud", "KeyAcceptance", { cloud: 0, key: ANOTHER, role: 1, validUntil: 1n }],
  ["a key is zero", "ZERO_ADDRESS", "/key", "KeyAcceptance", { cloud: 1, key: ZeroAddress, role: 1, validUntil: 1n }],
  ["a key has no role", "BAD_ROLE", "/role", "KeyAcceptance", { cloud: 1, key: ANOTHER, role: 0, validUntil: 1n }],
  ["a role is unknown", "BAD_ROLE", "/role", "KeyAcceptance", { cloud: 1, key: ANOTHER, role: 4, validUntil: 1n }],
  ["a node is zero", "ZERO_ADDRESS", "/validator", "ValidatorActivation", activation({ validator: ZeroAddress })],
  ["a node names no block", "ZERO_ID", "/blockHash", "ValidatorActivation", activation({ blockHash: ZeroHash })],
];

function valueAt(document: object, path: string): unknown {
  return path
    .split("/")
    .slice(1)
    .reduce<unknown>((value, key) => (value as { readonly [key: string]: unknown })[key], document);
}

describe("checkDocument", function () {
  it("accepts what is well formed", function () {
    checkDocument("Move", move());
    checkDocument(
      "Move",
      move({ witnesses: { members: witnesses, required: 3 }, digestKind: 3, noticeMs: 3_600_000n }),
    );
    checkDocument("Move", move({}, { startBy: 1_000n, completeBy: 1_000n }));
    checkDocument("Move", move({ source: 2, destination: 1 }));
    checkDocument("Record", record());
    checkDocument("Amendment", { agreement: agreement({ source: 2 }) });
    checkDocument("Evacuation", { agreement: agreement({ source: 3 }) });
    checkDocument("Handover", handover());
    checkDocument("MutualAbort", { move: SALT, reason: 8, validUntil: 1n });
    checkDocument("Succession", { vm: LOW, nonce: 0, successor: ANOTHER, validUntil: 1n });
    checkDocument("KeyAcceptance", { cloud: 1, key: ANOTHER, role: 3, validUntil: 1n });
    checkDocument("ValidatorActivation", activation({ cloud: 0 }));
  });

  for (const [why, code, path, name, document] of rows) {
    it(`refuses ${name} with ${code} at ${path}: ${why}`, function () {
      let thrown: unknown;
      try {
        checkDocument(name, document);
      } catch (error) {
        thrown = error;
      }

      expect(thrown).to.be.instanceOf(DocumentError);
      if (!(thrown instanceof DocumentError)) return;
      expect(thrown.code).to.equal(code);
      expect(thrown.path).to.equal(path);
      const found = valueAt(document, path);
      expect(thrown.value).to.deep.equal(
        typeof thrown.value === "number" && Array.isArray(found) ? found.length : found,
      );
    });
  }
});
