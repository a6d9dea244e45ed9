import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { getAddress, isHexString, recoverAddress } from "ethers";

import { ask } from "../chain/ask.js";
import type { Federation } from "../chain/federation.js";
import { documentFromJson, documentToJson, structSchemas } from "../documents/documentJson.js";
import { type Domain, documentId } from "../documents/hash.js";
import { digestOfId } from "../documents/publicHash.js";
import { EIP712_SCHEMA } from "../documents/publishedSchema.js";
import type { DocumentName, Documents } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { RevertError } from "../errors/revert.js";
import { type Labels, labelOf } from "../exports/format.js";
import { checkDocument } from "../signing/checkDocument.js";
import { domainFor } from "../signing/desk.js";
import { readJson } from "./files.js";
import { toJson } from "./output.js";
import { type RequiredSigner, requiredSigners } from "./signers.js";

/** The first line of such a file: a change of the format changes the number. */
const FORMAT = "blockchainbus/signed-document/1";

/** A document with the signatures that it has so far: what clouds send to each other. */
export interface SignedFile<N extends DocumentName = DocumentName> {
  readonly name: N;
  readonly domain: Domain;
  readonly document: Documents[N];
  /** By cloud. */
  readonly signatures: ReadonlyMap<number, string>;
}

/** A file whose signatures were checked. */
export interface CheckedFile<N extends DocumentName = DocumentName> extends SignedFile<N> {
  readonly id: string;
  /** Who must sign, in the contract's order. */
  readonly signers: readonly RequiredSigner[];
}

/** JSON Schema (2020-12) of the file. */
export function signedFileSchema(): object {
  const names = Object.keys(EIP712_SCHEMA.documents);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A document of BlockchainBus with signatures under it",
    description:
      "What clouds send to each other until all have signed. Integers wider than 32 bits are decimal strings; signatures are by the number of the cloud.",
    type: "object",
    additionalProperties: false,
    required: ["format", "name", "domain", "document", "signatures"],
    properties: {
      format: { const: FORMAT },
      name: { enum: names },
      domain: {
        type: "object",
        additionalProperties: false,
        required: ["name", "version", "chainId", "verifyingContract"],
        properties: {
          name: { const: EIP712_SCHEMA.domain.name },
          version: { const: EIP712_SCHEMA.domain.version },
          chainId: { type: "string", pattern: "^[1-9][0-9]*$" },
          verifyingContract: { type: "string", pattern: "^0x[0-9a-fA-F]{40}$" },
        },
      },
      document: { type: "object" },
      signatures: {
        type: "object",
        additionalProperties: false,
        patternProperties: { "^[1-9][0-9]{0,9}$": { type: "string", pattern: "^0x([0-9a-fA-F]{2}){1,4096}$" } },
      },
    },
    oneOf: names.map((name) => ({ properties: { name: { const: name }, document: { $ref: `#/$defs/${name}` } } })),
    $defs: structSchemas(),
  };
}

/** The text of a file. */
export function writeSignedFile({ name, domain, document, signatures }: SignedFile): string {
  const { name: product, version, chainId, verifyingContract } = domain;
  return `${toJson({
    format: FORMAT,
    name,
    domain: { name: product, version, chainId: chainId.toString(), verifyingContract },
    document: documentToJson(document),
    signatures: Object.fromEntries([...signatures].sort(([a], [b]) => a - b)),
  })}\n`;
}

/* READING */

function refuse(path: string, where: string, value: unknown, wanted: string): never {
  throw new BusError("BAD_SIGNED_FILE", `${path}: ${where}: ${JSON.stringify(value)} is not ${wanted}`);
}

function fieldsOf(path: string, where: string, value: unknown): { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as { readonly [name: string]: unknown })
    : refuse(path, where, value, "an object");
}

function isDocumentName(name: unknown): name is DocumentName {
  return typeof name === "string" && Object.hasOwn(EIP712_SCHEMA.documents, name);
}

function requireDomain(path: string, given: unknown, wanted: Domain): void {
  const domain = fieldsOf(path, "/domain", given);
  const expected = { ...wanted, chainId: wanted.chainId.toString() };
  for (const field of Object.keys(domain)) {
    if (!(field in expected)) refuse(path, `/domain/${field}`, domain[field], "a known field");
  }
  for (const [field, value] of Object.entries(expected)) {
    const found = domain[field];
    const isSame = typeof found === "string" && found.toLowerCase() === String(value).toLowerCase();
    if (!isSame) refuse(path, `/domain/${field}`, found, `${String(value)}, as in this federation`);
  }
}

function parseSignatures(path: string, given: unknown): Map<number, string> {
  const signatures = new Map<number, string>();
  for (const [cloud, signature] of Object.entries(fieldsOf(path, "/signatures", given))) {
    const where = `/signatures/${cloud}`;
    if (!/^[1-9][0-9]{0,9}$/.test(cloud)) refuse(path, where, cloud, "a cloud's number");
    if (!isHexString(signature) || signature === "0x") refuse(path, where, signature, "a signature in hex");
    signatures.set(Number(cloud), signature);
  }
  return signatures;
}

/** A document in a file, of which the form was checked and nothing else. */
export interface Paper {
  readonly name: DocumentName;
  readonly document: Documents[DocumentName];
  readonly id: string;
}

interface Parsed extends Paper {
  readonly signatures: unknown;
}

/** @param federation Whose the document must be; left out where its id alone tells whether it is the right one. */
function parseForm(json: unknown, path: string, federation?: Federation): Parsed {
  const file = fieldsOf(path, "/", json);
  for (const field of Object.keys(file)) {
    const isKnown = ["format", "name", "domain", "document", "signatures"].includes(field);
    if (!isKnown) refuse(path, `/${field}`, file[field], "a known field");
  }
  const { format, name } = file;
  if (format !== FORMAT) refuse(path, "/format", format, FORMAT);
  if (!isDocumentName(name)) return refuse(path, "/name", name, "a document's name");
  if (federation) requireDomain(path, file.domain, domainFor(federation, name));
  const document = documentFromJson(name, file.document) as Documents[DocumentName];
  checkDocument(name, document);
  return { name, document, id: documentId(name, document), signatures: file.signatures };
}

/**
 * A document that came from another cloud, with each signature checked against the registry.
 * @param path For messages.
 * @throws BusError `BAD_SIGNED_FILE`, `BAD_SIGNATURE`; DocumentError for what is wrong with the document.
 */
export async function parseSignedFile(federation: Federation, json: unknown, path: string): Promise<CheckedFile> {
  const { name, document, signatures } = parseForm(json, path, federation);
  return checkSignatures(federation, {
    name,
    domain: domainFor(federation, name),
    document,
    signatures: parseSignatures(path, signatures),
  });
}

/**
 * The document in a file, whoever signed it. Keys change, and a paper outlives those that signed it: what the chain has
 * accepted proves itself by its id.
 * @param federation Whose the document must be: this one's, not a predecessor's. Left out: any.
 * @throws BusError `BAD_SIGNED_FILE`; DocumentError for what is wrong with the document.
 */
export async function readPaper(path: string, federation?: Federation): Promise<Paper> {
  const { name, document, id } = parseForm(await readJson(path, "BAD_SIGNED_FILE"), path, federation);
  return { name, document, id };
}

/**
 * Checks each signature: the cloud's account or an agent with the scope signed this document for this contract.
 * @throws BusError `BAD_SIGNATURE` with the registry's reason.
 */
export async function checkSignatures<N extends DocumentName>(
  federation: Federation,
  file: SignedFile<N>,
): Promise<CheckedFile<N>> {
  const { name, domain, document, signatures } = file;
  const id = documentId(name, document);
  const digest = digestOfId(domain, id);
  const signers = await requiredSigners(federation, name, document);
  for (const [cloud, signature] of signatures) {
    const signer = signers.find((candidate) => candidate.cloud === cloud);
    if (!signer) throw new BusError("BAD_SIGNATURE", `cloud ${cloud} has no part in this ${name}`);
    const [partnerA = 0, partnerB = 0] = signer.partners;
    if (signer.key !== undefined) {
      await requireKey(federation, signer.key, digest, signature);
      continue;
    }
    try {
      await ask(federation.registry.requireSignature(cloud, signer.scope, partnerA, partnerB, digest, signature));
    } catch (thrown) {
      if (!(thrown instanceof RevertError)) throw thrown;
      throw new BusError("BAD_SIGNATURE", `signature of cloud ${cloud}: ${thrown.message}`, { cause: thrown });
    }
  }
  return { ...file, id, signers };
}

/** @throws BusError `BAD_SIGNATURE` unless the key signed; a contract's signature only its contract can judge. */
async function requireKey({ provider }: Federation, key: string, digest: string, signature: string): Promise<void> {
  if (isSignedBy(key, digest, signature) || (await provider.getCode(key)) !== "0x") return;
  throw new BusError("BAD_SIGNATURE", `the signature is not that of the key ${key}`);
}

function isSignedBy(key: string, digest: string, signature: string): boolean {
  try {
    return getAddress(recoverAddress(digest, signature)) === getAddress(key);
  } catch {
    // Not 65 bytes, or no point of the curve: nobody's.
    return false;
  }
}

/** A document that nobody has signed yet. */
export function unsignedFile<N extends DocumentName>(
  federation: Federation,
  name: N,
  document: Documents[N],
): Promise<CheckedFile<N>> {
  checkDocument(name, document);
  const domain = domainFor(federation, name);
  return checkSignatures(federation, { name, domain, document, signatures: new Map() });
}

/**
 * The files that are meant: a folder stands for the JSON files in it, in the order of their names.
 * @throws BusError `BAD_SIGNED_FILE` for a folder without any.
 */
async function filesIn(path: string): Promise<string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(".json")).sort();
  if (names.length === 0) throw new BusError("BAD_SIGNED_FILE", `${path}: the folder holds no JSON file`);
  return names.map((name) => join(path, name));
}

/**
 * The documents in files and folders, in their order, each with all signatures that the files have for it.
 * @throws BusError `BAD_SIGNED_FILE` if a file holds another kind of document than the one that is wanted.
 */
export async function readSignedFiles<N extends DocumentName>(
  federation: Federation,
  name: N,
  paths: readonly string[],
): Promise<CheckedFile<N>[]> {
  const files = new Map<string, CheckedFile<N>>();
  for (const path of (await Promise.all(paths.map(filesIn))).flat()) {
    const file = await parseSignedFile(federation, await readJson(path, "BAD_SIGNED_FILE"), path);
    if (!isOf(file, name)) return refuse(path, "/name", file.name, `${name}, which this command takes`);
    const known = files.get(file.id);
    files.set(file.id, known ? { ...file, signatures: new Map([...known.signatures, ...file.signatures]) } : file);
  }
  return [...files.values()];
}

function isOf<N extends DocumentName>(file: CheckedFile, name: N): file is CheckedFile<N> & CheckedFile {
  return file.name === name;
}

/** The signatures in the contract's order. */
export function orderedSignatures({ signers, signatures }: CheckedFile, labels: Labels): string[] {
  return signers.map(({ cloud, role }) => {
    const signature = signatures.get(cloud);
    if (signature !== undefined) return signature;
    const who = `${labelOf(labels, cloud)} (${role})`;
    throw new BusError("SIGNATURE_MISSING", `${who} has not signed: send it the file of --sign-only`);
  });
}
