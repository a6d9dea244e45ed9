import { join } from "node:path";

import type { Federation } from "../chain/federation.js";
import type { Sent } from "../chain/send.js";
import type { DocumentName, Documents } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { type Labels, labelOf } from "../exports/format.js";
import type { SigningOptions } from "./command.js";
import { makePrivateFolder, writePrivately } from "./files.js";
import type { Answer } from "./output.js";
import { type Session, sentFacts, sentLine } from "./session.js";
import { documentLines } from "./showDocument.js";
import { type CheckedFile, orderedSignatures, readSignedFiles, unsignedFile, writeSignedFile } from "./signedFile.js";
import { mistake } from "./values.js";

/** How a command goes on once everybody has signed. */
export interface Bringing<N extends DocumentName> {
  /** What is about to be sent, in a line. */
  readonly what: string;
  /** What a signer should see beside the documents, also where nothing is sent. */
  readonly about?: readonly string[];
  /** Sends the documents with the signatures of each, in the contract's order. */
  send(federation: Federation, signed: readonly (readonly [CheckedFile<N>, string[]])[]): Promise<Sent>;
  /** Facts that only this command knows, beside those of the transaction. */
  facts?(sent: Sent): object;
  /** Who must have signed before others do. */
  readonly isFirstFirst?: boolean;
  /** Whether somebody may write the documents down who signs none of them. */
  readonly isForOthers?: boolean;
}

/**
 * The one document of a command: that of the files that are named, or one that is drafted now.
 * @throws BusError `BAD_ARGUMENT` where the files hold several.
 */
export async function theDocument<N extends DocumentName>(
  session: Session,
  name: N,
  { withSignature }: SigningOptions,
  draft: () => Promise<Documents[N]>,
): Promise<CheckedFile<N>> {
  const federation = await session.federation();
  if (!withSignature) return unsignedFile(federation, name, await draft());
  const [file, ...others] = await readSignedFiles(federation, name, withSignature);
  if (!file || others.length > 0) return mistake(`--with-signature: the files are not about one ${name}`);
  return file;
}

/**
 * Adds the own signature where it is wanted and missing, after showing the document field by field; then writes the file
 * for the others (`--sign-only`), or sends it.
 * @throws BusError `SIGNATURE_MISSING` before anything is signed, if it could not be sent after that.
 */
export async function signAndBring<N extends DocumentName>(
  session: Session,
  files: readonly CheckedFile<N>[],
  options: SigningOptions,
  bringing: Bringing<N>,
): Promise<Answer> {
  const [cloud, labels] = await Promise.all([session.cloud(), session.labels()]);
  const missesOwn = (file: CheckedFile<N>) =>
    file.signers.some((signer) => signer.cloud === cloud) && !file.signatures.has(cloud);
  if (bringing.isFirstFirst) for (const file of files) requireFirstFirst(file, cloud, labels);
  if (!options.signOnly) {
    if (options.out !== undefined) mistake("--out goes with --sign-only");
    for (const file of files) {
      const signatures = missesOwn(file) ? new Map([...file.signatures, [cloud, "0x"] as const]) : file.signatures;
      orderedSignatures({ ...file, signatures }, labels);
    }
  }

  if (options.signOnly && files.length > 1) requireFolder(options);
  const toSign = files.filter(missesOwn);
  if (options.signOnly && toSign.length === 0) {
    if (bringing.isForOthers) return handOut(files, options, labels);
    mistake(`--sign-only: cloud ${cloud} has nothing to sign here`);
  }
  const shown = toSign.flatMap((file) => documentLines(file.name, file.document, labels));
  const who = `cloud ${labelOf(labels, cloud)}`;
  const lines = [...shown, ...(bringing.about ?? []), ...(options.signOnly ? [] : [bringing.what])];
  const question = toSign.length === 0 ? "Send it?" : `Sign${options.signOnly ? "" : " and send"} it for ${who}?`;
  await session.confirm(lines, question);

  const signed = toSign.length === 0 ? files : await signAll(session, files, cloud, missesOwn);
  if (options.signOnly) return handOut(signed, options, labels);
  const sent = await session.bring((federation) =>
    bringing.send(
      federation,
      signed.map((file) => [file, orderedSignatures(file, labels)] as const),
    ),
  );
  const ids = signed.map(({ id }) => id);
  return {
    facts: { documents: ids, ...bringing.facts?.(sent), ...sentFacts(sent) },
    lines: [...ids.map((id) => `${signed[0]?.name ?? ""} ${id}`), sentLine(sent)],
  };
}

/** A handover binds who signs it last: until it is over the source may not resume the VM. */
function requireFirstFirst(file: CheckedFile, cloud: number, labels: Labels): void {
  const [first] = file.signers;
  if (!first || first.cloud === cloud || file.signatures.has(first.cloud)) return;
  const who = `${labelOf(labels, first.cloud)} (${first.role})`;
  throw new BusError("SIGNATURE_MISSING", `${who} signs a ${file.name} first: ask it for the file of --sign-only`);
}

function signAll<N extends DocumentName>(
  session: Session,
  files: readonly CheckedFile<N>[],
  cloud: number,
  isWanted: (file: CheckedFile<N>) => boolean,
): Promise<CheckedFile<N>[]> {
  return session.atDesk(async (desk) => {
    const federation = await session.federation();
    const signed: CheckedFile<N>[] = [];
    for (const file of files) {
      if (isWanted(file)) {
        const { signature } = await desk.sign(federation, file.name, file.document);
        signed.push({ ...file, signatures: new Map([...file.signatures, [cloud, signature]]) });
      } else {
        signed.push(file);
      }
    }
    return signed;
  });
}

/** `01.json`, `02.json`: a folder is read in the order of its names. */
function nameInFolder(index: number): string {
  return `${String(index + 1).padStart(2, "0")}.json`;
}

function requireFolder({ out }: { readonly out?: string | undefined }): string {
  return out ?? mistake("--sign-only: several documents go into a folder: --out is missing");
}

/**
 * Writes signed documents for the others: one into a file, or printed; several into a folder.
 * @throws BusError `BAD_ARGUMENT` if that cannot be written.
 */
export async function handOut(files: readonly CheckedFile[], { out }: SigningOptions, labels: Labels): Promise<Answer> {
  const [file, ...others] = files;
  if (!file) return mistake("--sign-only: there is no document");
  if (others.length > 0) return handOutFolder(files, requireFolder({ out }), labels);
  const text = writeSignedFile(file);
  const facts = { name: file.name, document: file.id, file: out ?? null, ...signedFacts(file) };
  if (out === undefined) return { facts, lines: [], raw: text };
  await writePrivately(out, text);
  return { facts, lines: [`${file.name} ${file.id}`, `written to ${out}; ${sayMissing([file], labels)}`] };
}

async function handOutFolder(files: readonly CheckedFile[], folder: string, labels: Labels): Promise<Answer> {
  await makePrivateFolder(folder);
  const written = await Promise.all(
    files.map(async (file, index) => {
      const path = join(folder, nameInFolder(index));
      await writePrivately(path, writeSignedFile(file));
      return { name: file.name, document: file.id, file: path, ...signedFacts(file) };
    }),
  );
  const ids = files.map(({ name, id }) => `${name} ${id}`);
  return {
    facts: { folder, documents: written },
    lines: [...ids, `written to ${folder}; ${sayMissing(files, labels)}`],
  };
}

function missingOf(file: CheckedFile) {
  return file.signers.filter(({ cloud }) => !file.signatures.has(cloud));
}

function signedFacts(file: CheckedFile) {
  return { signed: [...file.signatures.keys()], missing: missingOf(file).map(({ cloud }) => cloud) };
}

function sayMissing(files: readonly CheckedFile[], labels: Labels): string {
  const missing = files.flatMap(missingOf).map(({ cloud, role }) => `${labelOf(labels, cloud)} (${role})`);
  return missing.length === 0 ? "everybody has signed" : `still to sign: ${[...new Set(missing)].join(", ")}`;
}
