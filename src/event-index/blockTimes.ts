import type { RpcProvider } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import type { EventIndex } from "./eventIndex.js";
import { readHeader } from "./source.js";

/** Blocks whose times are kept in memory. */
const MOST_KNOWN = 200_000;

/**
 * Times of blocks, from the node: events do not tell them, and an index that asked for every block's header would be made
 * far more slowly. What was asked for once is kept until the index notices that the chain is another one.
 */
export class BlockTimes {
  readonly #provider: RpcProvider;
  readonly #index: EventIndex;
  readonly #known = new Map<number, number>();
  #repairs: number;

  constructor(provider: RpcProvider, index: EventIndex) {
    this.#provider = provider;
    this.#index = index;
    this.#repairs = index.state.repairs;
  }

  /**
   * Time of a block in milliseconds.
   * @throws BusError `INDEX_GAP` if the node has no such block.
   */
  async of(block: number): Promise<number> {
    const { repairs } = this.#index.state;
    if (repairs !== this.#repairs || this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#repairs = repairs;
    const known = this.#known.get(block);
    if (known !== undefined) return known;
    const header = await readHeader(this.#provider, block);
    if (!header) throw new BusError("INDEX_GAP", `the node has no block ${block}`);
    if (this.#index.state.repairs === repairs) this.#known.set(block, header.timeMs);
    return header.timeMs;
  }

  /** The first block, up to the last one that is indexed, that was not before a time; the one behind it if there is none. */
  async firstAt(time: bigint): Promise<number> {
    const { block: last, timeMs } = this.#index.state;
    if (time <= 0n) return 0;
    if (BigInt(timeMs) < time) return last + 1;
    // Times ascend with the blocks; `high` is always one that was not before.
    let [low, high] = [0, last];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (BigInt(await this.of(middle)) < time) low = middle + 1;
      else high = middle;
    }
    return high;
  }
}
