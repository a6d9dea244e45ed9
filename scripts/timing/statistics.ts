/** What is told of a set of measured times, in milliseconds. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** The value below which a share of the values lies, between two of them by interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** Arithmetic mean. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The figures of a set of times, to a tenth of a millisecond. */
export function summarize(values: readonly number[]): Summary {
  return {
    count: values.length,
    mean: tenth(mean(values)),
    p50: tenth(quantile(values, 0.5)),
    p95: tenth(quantile(values, 0.95)),
    max: tenth(Math.max(...values)),
  };
}

/** Rounded to one decimal. */
export function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
