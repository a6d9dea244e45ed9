import { BusError, type DocumentErrorCode } from "./busError.js";

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
}

/** A document that must not be signed: which field, and what it holds. */
export class DocumentError extends BusError {
  override readonly name = "DocumentError";

  constructor(
    code: DocumentErrorCode,
    /** Where in the document, as a JSON pointer: `/agreement/lines/0/resources`. */
    readonly path: string,
    /** What stands there. */
    readonly value: unknown,
    /** What should stand there. */
    wanted: string,
  ) {
    super(code, `${path || "/"}: ${show(value)} is not ${wanted}`);
  }
}
