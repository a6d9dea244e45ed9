import { isHexString } from "ethers";
import type { Command } from "commander";

import { withdrawSignature } from "../../actions/charging/withdrawSignature.js";
import { revoke } from "../../actions/ledger/revoke.js";
import { EIP712_SCHEMA } from "../../documents/publishedSchema.js";
import type { DocumentName } from "../../documents/types.js";
import { labelOf } from "../../exports/format.js";
import { type Runner, act } from "../command.js";
import type { Answer } from "../output.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { readPaper } from "../signedFile.js";
import { mistake } from "../values.js";

/** Taking one's own signature back, as long as nobody has brought the document. */

interface RevokeOptions {
  readonly books?: boolean;
}

interface Signed {
  readonly id: string;
  /** What it is, to read. */
  readonly name: string;
  /** Whether the books keep it, not the ledger. */
  readonly isOfBooks: boolean;
}

function isOfBooks(name: DocumentName): boolean {
  switch (EIP712_SCHEMA.documents[name].verifyingContract) {
    case "MigrationLedger":
      return false;
    case "ChargingLedger":
      return true;
    default:
      return mistake(`DOCUMENT: signatures of the type ${name} cannot be taken back`);
  }
}

async function signedNamed(session: Session, text: string, { books }: RevokeOptions): Promise<Signed> {
  if (isHexString(text, 32)) return { id: text.toLowerCase(), name: "Document", isOfBooks: books ?? false };
  if (books) mistake("--books goes with an id: a file says itself what it is");
  const { name, id } = await readPaper(text, await session.federation());
  return { id, name, isOfBooks: isOfBooks(name) };
}

async function takeBack(session: Session, [text = ""]: readonly string[], options: RevokeOptions): Promise<Answer> {
  const signed = await signedNamed(session, text, options);
  const [cloud, labels] = await Promise.all([session.cloud(), session.labels()]);
  const lines = [`Take back the signature of ${labelOf(labels, cloud)} under ${signed.name} ${signed.id}.`];
  const sent = await session.send(lines, (sender) =>
    signed.isOfBooks ? withdrawSignature(sender, cloud, signed.id) : revoke(sender, cloud, signed.id),
  );
  return { facts: { cloud, document: signed.id, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/** Adds `revoke`. */
export function addRevocation(program: Command, run: Runner): void {
  act(
    program
      .command("revoke")
      .description("takes the own signature back, under a document that nobody has brought yet")
      .argument("<document>", "its file, or its id")
      .option("--books", "with an id: of a note or a joint settlement"),
    run,
    "revoke move.json",
    takeBack,
  );
}
