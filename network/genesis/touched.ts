import { getAddress, toBeHex } from "ethers";

/** One step of `debug_traceTransaction`, as far as it is read here. */
export interface StructLog {
  readonly op: string;
  readonly depth: number;
  readonly stack: readonly string[];
}

/** Contract and slots. */
export type Touched = Map<string, Set<string>>;

interface Frame {
  /** Whose storage the frame writes; unknown inside a constructor that a contract runs, until it returns. */
  owner: string | undefined;
  /** Slots written while the owner is unknown. */
  readonly waiting: string[];
}

function word(value: string | undefined): string {
  if (value === undefined) throw new Error("a step of the trace has no stack");
  return toBeHex(BigInt(value.startsWith("0x") ? value : `0x${value}`), 32);
}

function addressIn(value: string | undefined): string {
  return getAddress(`0x${word(value).slice(-40)}`);
}

/** From the top of the stack: 1 is the top. */
function peek(log: StructLog, depth: number): string | undefined {
  return log.stack[log.stack.length - depth];
}

/**
 * The slots that a transaction wrote, of every contract, whether they hold something afterwards or not: the `SSTORE`s of
 * its trace, each counted for the contract whose storage the frame works on. A DELEGATECALL works on its caller's.
 * @param target The contract that was called, or that the transaction created.
 * @param logs Steps of `debug_traceTransaction`, with stacks.
 * @param touched Where they are added.
 */
export function collectTouched(target: string, logs: readonly StructLog[], touched: Touched): void {
  const frames: Frame[] = [{ owner: getAddress(target), waiting: [] }];
  let before: StructLog | undefined;
  const add = (owner: string, slot: string): void => {
    const slots = touched.get(owner) ?? new Set<string>();
    touched.set(owner, slots.add(slot));
  };

  for (const log of logs) {
    while (log.depth < frames.length) {
      const ended = frames.pop();
      // After CREATE the top of the stack is what it created; zero if it failed, and then nothing was written.
      if (ended?.owner === undefined && ended !== undefined && ended.waiting.length > 0) {
        const created = addressIn(peek(log, 1));
        if (BigInt(created) !== 0n)
          ended.waiting.forEach((slot) => {
            add(created, slot);
          });
      }
    }
    if (log.depth > frames.length) frames.push(frameAfter(before, frames));
    const frame = frames[frames.length - 1];
    if (log.op === "SSTORE" && frame) {
      const slot = word(peek(log, 1));
      if (frame.owner === undefined) frame.waiting.push(slot);
      else add(frame.owner, slot);
    }
    before = log;
  }
}

function frameAfter(call: StructLog | undefined, frames: readonly Frame[]): Frame {
  const caller = frames[frames.length - 1];
  switch (call?.op ?? "nothing") {
    case "CALL":
    case "STATICCALL":
      return { owner: addressIn(call && peek(call, 2)), waiting: [] };
    case "DELEGATECALL":
    case "CALLCODE":
      return { owner: caller?.owner, waiting: caller?.waiting ?? [] };
    case "CREATE":
    case "CREATE2":
      return { owner: undefined, waiting: [] };
    default:
      throw new Error(`the trace goes deeper after ${call?.op ?? "nothing"}`);
  }
}
