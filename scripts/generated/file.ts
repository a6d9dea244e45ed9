/** A committed file that a program makes. */
export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** JSON as it is committed: two blanks, a newline at the end. */
export function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
