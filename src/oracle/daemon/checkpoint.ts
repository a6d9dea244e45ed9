/**
 * Is told before and after every effect, and may never answer: that is how a test stops the oracle at any point as if it
 * had been killed.
 */
export type Checkpoint = (name: string) => Promise<void>;

/** Nothing happens. */
export const NO_CHECKPOINT: Checkpoint = () => Promise.resolve();
