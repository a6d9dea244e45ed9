import type { ServerResponse } from "node:http";

import type { EventIndex } from "../event-index/eventIndex.js";
import { type IndexedEvent, listEvents } from "../event-index/queries.js";
import { ProblemError, problem, problemOf } from "./problem.js";
import { encode } from "./schema.js";

/** What a stream is asked for. */
export interface StreamRequest {
  /** Only events behind this one. */
  readonly after: string | undefined;
  readonly contract: string | undefined;
  readonly name: string | undefined;
  /** Whether it goes on with the events to come. */
  readonly isFollowing: boolean;
  /** Throws if who asked may not listen any more. */
  readonly requireCaller: () => Promise<unknown>;
}

const PAGE = 200;
const HEARTBEAT_MS = 15_000;

/** How soon a client comes back after its stream has ended, in milliseconds. */
const RETRY_MS = 1_000;

function frame({ id, name, ...event }: IndexedEvent): string {
  return `id: ${id}\nevent: ${name}\ndata: ${encode({ id, name, ...event })}\n\n`;
}

/** Server-sent events of the federation's events. */
export class Streams {
  readonly #index: EventIndex;
  readonly #most: number;
  readonly #open = new Set<() => void>();

  /** @param most How many streams may be open at a time. */
  constructor(index: EventIndex, most: number) {
    this.#index = index;
    this.#most = most;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** @throws ProblemError `too-many-requests` if no more streams can be opened. */
  requireRoom(): void {
    if (this.#open.size < this.#most) return;
    throw new ProblemError(problem("too-many-requests", `${this.#most} streams are open`));
  }

  /** Ends all of them: their clients come back and go on where they were. */
  closeAll(): void {
    for (const close of this.#open) close();
  }

  /** Writes events until the client goes, the caller may not listen any more, the chain was reset, or all is closed. */
  async serve(response: ServerResponse, request: StreamRequest): Promise<void> {
    const ending = new AbortController();
    let wake: () => void = () => undefined;
    const end = (): void => {
      ending.abort();
      wake();
    };
    const { repairs } = this.#index.state;
    this.#open.add(end);
    response.on("close", end);
    const stopListening = this.#index.onChange(() => {
      wake();
    });
    const heartbeat = setInterval(() => response.write(": \n\n"), HEARTBEAT_MS);
    try {
      response.write(`retry: ${RETRY_MS}\n\n`);
      let after = request.after;
      while (!ending.signal.aborted) {
        const news = new Promise<void>((resolve) => (wake = resolve));
        await request.requireCaller();
        if (this.#index.state.repairs !== repairs) {
          response.write(`event: reset\ndata: ${encode({ cause: this.#index.state.cause ?? null })}\n\n`);
          break;
        }
        const { items } = listEvents(this.#index, { ...request, after }, { limit: PAGE });
        for (const event of items) {
          // A slow client is waited for, not buffered for.
          if (!response.write(frame(event))) await Promise.race([drained(response), ended(response)]);
          after = event.id;
        }
        if (items.length === PAGE) continue;
        if (!request.isFollowing) break;
        await news;
      }
    } catch (thrown) {
      response.write(`event: problem\ndata: ${encode(problemOf(thrown))}\n\n`);
    } finally {
      clearInterval(heartbeat);
      stopListening();
      this.#open.delete(end);
      response.end();
    }
  }
}

const drained = (response: ServerResponse) => new Promise<void>((resolve) => response.once("drain", resolve));
const ended = (response: ServerResponse) => new Promise<void>((resolve) => response.once("close", resolve));
