import type { Federation } from "../chain/federation.js";
import type { BlockTimes } from "../event-index/blockTimes.js";
import type { EventIndex } from "../event-index/eventIndex.js";
import type { Metrics } from "./metrics.js";
import type { Sessions } from "./session.js";
import type { Caller, Standings } from "./standing.js";
import type { Streams } from "./streams.js";
import type { Submissions } from "./submission.js";

/** What an operation works with. */
export interface GatewayContext {
  readonly federation: Federation;
  /** Number of the gateway's own cloud. */
  readonly cloud: number;
  /** The gateway's URI. */
  readonly uri: string;
  /** Address of the gateway's key. */
  readonly address: string;
  readonly index: EventIndex;
  readonly blockTimes: BlockTimes;
  readonly standings: Standings;
  readonly sessions: Sessions;
  readonly submissions: Submissions;
  readonly streams: Streams;
  readonly metrics: Metrics;
  /** How long a question waits for a block that the gateway has not seen, in milliseconds. */
  readonly catchUpMs: number;
  /** Whether the gateway takes requests: false from the beginning of its end on. */
  readonly isOpen: () => boolean;
}

/** A request that has been validated and decoded. */
export interface Call {
  readonly path: Readonly<{ [name: string]: unknown }>;
  readonly query: Readonly<{ [name: string]: unknown }>;
  readonly headers: Readonly<{ [name: string]: unknown }>;
  readonly body: unknown;
  /** The body as it came. */
  readonly rawBody: unknown;
  /** Who asks; an operation that is public does not look. */
  readonly caller: Caller | undefined;
}

/** What an operation answers. */
export interface Reply {
  readonly status: number;
  /** An object, or a text that is JSON or whatever the content type says already. */
  readonly body: unknown;
  readonly headers?: Readonly<{ [name: string]: string }>;
}
