/** Calendar months in UTC, counted from January 1970, which is 0: the months of the reputation ledger. */

/**
 * The month of a time.
 * @param time In milliseconds since the epoch.
 */
export function monthOf(time: bigint): number {
  const date = new Date(Number(time));
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** A month as people write it: `2026-11`. */
export function monthName(month: number): string {
  return `${1970 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}`;
}
