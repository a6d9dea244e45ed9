import { BusError } from "../errors/busError.js";

/** One line of a trace. */
export interface TraceRow {
  /** In milliseconds since the epoch. */
  readonly time: number;
  /** Values of the columns that were asked for, in that order. */
  readonly cells: readonly number[];
  /** The same as they are written. */
  readonly texts: readonly string[];
}

const TIME = "Timestamp [ms]";

/** Above it a time is in milliseconds, not in seconds: in seconds it would be the year 5138. */
const MAX_SECONDS = 1e11;

/**
 * Reads columns of a trace in the format of the GWA-T-12 Bitbrains one: columns named in the first line, separated by `;`.
 * The header says milliseconds; the published values are seconds, which is recognised by their size.
 * @throws BusError `BAD_TRACE` with line and column.
 */
export function readTable(text: string, columns: readonly string[]): TraceRow[] {
  const [header = "", ...lines] = text.split(/\r?\n/);
  const names = header.split(";").map((name) => name.trim());
  const wanted = [TIME, ...columns];
  const indexes = wanted.map((name) => {
    const index = names.indexOf(name);
    if (index < 0) throw new BusError("BAD_TRACE", `line 1: there is no column ${JSON.stringify(name)}`);
    return index;
  });
  const rows: TraceRow[] = [];
  lines.forEach((line, number) => {
    if (line.trim() === "") return;
    const all = line.split(";");
    const [timeText = "", ...texts] = indexes.map((index) => (all[index] ?? "").trim());
    const [time = 0, ...cells] = [timeText, ...texts].map((cell, column) => {
      const value = Number(cell);
      if (cell === "" || !Number.isFinite(value) || value < 0) {
        throw new BusError(
          "BAD_TRACE",
          `line ${number + 2}: ${JSON.stringify(cell)} is no ${wanted[column] ?? "value"}`,
        );
      }
      return value;
    });
    const last = rows.at(-1);
    const timeMs = time < MAX_SECONDS ? time * 1000 : time;
    if (last && timeMs <= last.time) throw new BusError("BAD_TRACE", `line ${number + 2}: time does not go on`);
    rows.push({ time: timeMs, cells, texts });
  });
  if (rows.length < 2) throw new BusError("BAD_TRACE", "fewer than two samples");
  return rows;
}
