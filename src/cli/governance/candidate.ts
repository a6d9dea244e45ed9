import { getAddress, isAddress, isHexString } from "ethers";

import { KeyRole } from "../../chain/enums.js";
import { type Federation, readHead } from "../../chain/federation.js";
import { signDocument } from "../../documents/hash.js";
import { type Context, type Facts, argument, cloudArgument, keyFrom, mistake } from "./context.js";

/** A key's acceptance. */
export interface Acceptance {
  readonly validUntil: bigint;
  readonly signature: string;
}

/** What a candidate hands to the member that proposes it. */
export interface CandidateFile {
  /** The id for which the acceptances are signed. */
  readonly cloud: number;
  readonly candidate: {
    readonly label: string;
    readonly account: string;
    readonly recovery: string;
    readonly endpoint: string;
    readonly spkiHash: string;
  };
  readonly account: Acceptance;
  readonly recovery: Acceptance;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, path: string): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : mistake(`${path}: ${JSON.stringify(value)} is no object`);
}

function textOf(fields: Fields, name: string, path: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : mistake(`${path}${name}: ${JSON.stringify(value)} is no text`);
}

function addressOf(fields: Fields, name: string, path: string): string {
  const value = textOf(fields, name, path);
  return isAddress(value) ? getAddress(value) : mistake(`${path}${name}: ${String(value)} is no address`);
}

/** An acceptance from a file. */
export function parseAcceptance(json: unknown, path: string): Acceptance {
  const fields = fieldsOf(json, path);
  const validUntil = textOf(fields, "validUntil", path);
  const signature = textOf(fields, "signature", path);
  if (!/^[0-9]{1,20}$/.test(validUntil)) mistake(`${path}validUntil: ${validUntil} is no number of milliseconds`);
  if (!isHexString(signature)) mistake(`${path}signature: ${signature} is no hex`);
  return { validUntil: BigInt(validUntil), signature };
}

/** A candidate from a file. */
export function parseCandidate(json: unknown): CandidateFile {
  const fields = fieldsOf(json, "/");
  const { cloud } = fields;
  const inner = fieldsOf(fields.candidate, "/candidate");
  if (!Number.isSafeInteger(cloud) || Number(cloud) < 1)
    mistake(`/cloud: ${JSON.stringify(cloud)} is no cloud's number`);
  const spkiHash = textOf(inner, "spkiHash", "/candidate/");
  if (!isHexString(spkiHash, 32)) mistake(`/candidate/spkiHash: ${spkiHash} is no 32 bytes in hex`);
  return {
    cloud: Number(cloud),
    candidate: {
      label: textOf(inner, "label", "/candidate/"),
      account: addressOf(inner, "account", "/candidate/"),
      recovery: addressOf(inner, "recovery", "/candidate/"),
      endpoint: textOf(inner, "endpoint", "/candidate/"),
      spkiHash,
    },
    account: parseAcceptance(fields.account, "/account/"),
    recovery: parseAcceptance(fields.recovery, "/recovery/"),
  };
}

const DAY_MS = 86_400_000;
/** Longer than a vote and the slow delay at their longest, together. */
const DEFAULT_DAYS = 60;

async function validUntil({ federation, options }: Context): Promise<bigint> {
  const days = Number(options.days ?? DEFAULT_DAYS);
  if (!(days > 0)) mistake(`--days: ${options.days ?? ""} is no number of days`);
  return (await readHead(federation.provider)).timeMs + BigInt(Math.ceil(days * DAY_MS));
}

async function accept(
  federation: Federation,
  key: ReturnType<typeof keyFrom>,
  cloud: number,
  role: "Account" | "Recovery",
  until: bigint,
): Promise<Facts> {
  const document = { cloud, key: key.address, role: KeyRole[role], validUntil: until };
  const signature = await signDocument(key, federation.registryDomain, "KeyAcceptance", document);
  return { validUntil: until.toString(), signature };
}

/** The file of a candidate, signed by its two keys. Sends nothing. */
export async function candidateFile(context: Context): Promise<Facts> {
  const { federation, outside, options } = context;
  const label = argument(context, 0, "LABEL");
  const endpoint = options.endpoint ?? mistake("--endpoint is missing");
  const spkiHash = options.spki ?? mistake("--spki is missing");
  if (!isHexString(spkiHash, 32)) mistake(`--spki: ${spkiHash} is no 32 bytes in hex`);
  const cloud =
    options.cloud === undefined ? Number(await federation.registry.cloudCount()) + 1 : Number(options.cloud);
  const account = keyFrom(outside, "ACCOUNT_PRIVATE_KEY");
  const recovery = keyFrom(outside, "RECOVERY_PRIVATE_KEY");
  const until = await validUntil(context);
  return {
    cloud,
    candidate: { label, account: account.address, recovery: recovery.address, endpoint, spkiHash },
    account: await accept(federation, account, cloud, "Account", until),
    recovery: await accept(federation, recovery, cloud, "Recovery", until),
  };
}

/** An account's acceptance alone, for a readmission. Sends nothing. */
export async function acceptanceFile(context: Context): Promise<Facts> {
  const { federation, outside } = context;
  const key = keyFrom(outside, "ACCOUNT_PRIVATE_KEY");
  return accept(federation, key, cloudArgument(context, 0), "Account", await validUntil(context));
}
