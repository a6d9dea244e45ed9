/** Time as the submission pipeline sees it. Tests bring their own, whose hours pass in no time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Resolves after so many milliseconds.
   * @param isIdle Whether the process may end before.
   */
  sleep(ms: number, isIdle?: boolean): Promise<void>;
}

/** The machine's time. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  sleep: (ms, isIdle = false) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (isIdle) timer.unref();
    }),
};
