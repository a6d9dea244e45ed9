import type { Io } from "./io.js";

/** What a command answers: the same facts for people and for programs. */
export interface Answer {
  /** For people: lines, without colour. */
  readonly lines: readonly string[];
  /** For programs: what `--json` prints. */
  readonly facts: object;
  /** Instead of 0, where the answer is no. */
  readonly exitCode?: number;
  /** What is printed as it stands, with or without `--json`: a file for somebody else. */
  readonly raw?: string;
}

/** Facts as JSON: integers that JSON has no room for are decimal strings. */
export function toJson(facts: unknown): string {
  return JSON.stringify(facts, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value), 2);
}

const GAP = "  ";

/** Rows in columns as wide as they must be; numbers to the right. The header is the first line. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = header.map((_, column) => rows.length > 0 && rows.every((row) => isNumber(row[column] ?? "")));
  return all.map((row) =>
    header
      .map((_, column) => {
        const text = row[column] ?? "";
        const width = widths[column] ?? 0;
        return isNumeric[column] ? text.padStart(width) : text.padEnd(width);
      })
      .join(GAP)
      .trimEnd(),
  );
}

function isNumber(text: string): boolean {
  return /^-?[0-9]+(\.[0-9]+)?$/.test(text);
}

const STYLES = { bold: [1, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** Text in a style, where the stream is a terminal and `NO_COLOR` is not set. */
export function paint(io: Io, stream: "stdout" | "stderr", style: keyof typeof STYLES, text: string): string {
  if (!io.isTty[stream] || io.env.NO_COLOR) return text;
  const [on, off] = STYLES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** Words that say how something stands, and their colours on a terminal. */
const WORDS: { readonly [word: string]: keyof typeof STYLES } = {
  Active: "green",
  Home: "green",
  Abroad: "green",
  Completed: "green",
  Suspended: "yellow",
  Agreed: "yellow",
  Started: "yellow",
  Stopped: "red",
  Expelled: "red",
  Left: "red",
};

/**
 * A line that shows nothing but itself: labels, endpoints and descriptions are other people's words, and could hold what
 * moves the cursor, or turns the direction of writing.
 */
export function plainLine(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "?");
}

/** Prints an answer as it is wanted. */
export function printAnswer(io: Io, answer: Answer, isJson: boolean): void {
  if (answer.raw !== undefined) {
    io.stdout(answer.raw);
  } else if (isJson) {
    io.stdout(`${toJson(answer.facts)}\n`);
  } else {
    for (const line of answer.lines) {
      const coloured = plainLine(line).replace(/\b[A-Z][a-z]+\b/g, (word) => {
        const style = WORDS[word];
        return style ? paint(io, "stdout", style, word) : word;
      });
      io.stdout(`${coloured}\n`);
    }
  }
}

/** Says on a terminal that something takes time, until it is over. Elsewhere nothing is written. */
export async function withProgress<T>(io: Io, what: string, work: () => Promise<T>): Promise<T> {
  if (!io.isTty.stderr) return work();
  io.stderr(`${what} ...`);
  try {
    return await work();
  } finally {
    io.stderr("\r\u001b[2K");
  }
}
