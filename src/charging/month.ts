import { monthOf as monthNumberOf } from "../reputation/calendarMonth.js";

/** A stretch of time within one calendar month, UTC; times in milliseconds. */
export interface MonthSlice {
  /** Begin of the month. */
  readonly month: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

/** Begin of a month that is counted from January 1970. */
function beginOf(month: number): bigint {
  return BigInt(Date.UTC(1970, month));
}

/** Begin of the calendar month, UTC, in which a time lies. */
export function monthOf(time: bigint): bigint {
  return beginOf(monthNumberOf(time));
}

/** Begin of the month after that in which a time lies. */
export function nextMonth(time: bigint): bigint {
  return beginOf(monthNumberOf(time) + 1);
}

/** A stretch of time cut at the beginnings of months; empty if it does not begin before it ends. */
export function cutByMonth(from: bigint, to: bigint): MonthSlice[] {
  const slices: MonthSlice[] = [];
  for (let begin = from; begin < to;) {
    const next = nextMonth(begin);
    const end = next < to ? next : to;
    slices.push({ month: monthOf(begin), from: begin, to: end });
    begin = end;
  }
  return slices;
}
