import { BusError, type DocumentErrorCode } from "./busError.js";

function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
  // `undefined` has no JSON, though its type says so.
  return (text as string | undefined) ?? String(value);
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
