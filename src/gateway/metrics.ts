import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

import type { EventIndex } from "../event-index/eventIndex.js";
import type { Streams } from "./streams.js";
import type { Submissions } from "./submission.js";

/** What Prometheus is told. */
export interface Metrics {
  readonly contentType: string;
  /** All of it, as text. */
  read(): Promise<string>;
  /** An answer to a request. */
  answered(operation: string, status: number, seconds: number): void;
  /** An action was asked for: `accepted`, `refused` or `failed`. */
  submitted(action: string, outcome: string): void;
  /** A token was given out. */
  signedIn(cloud: number): void;
}

/** What is measured when it is asked for. */
export interface Measured {
  readonly index: EventIndex;
  readonly streams: () => Streams;
  readonly submissions: () => Submissions;
}

const PREFIX = "blockchainbus_";

/** From a read out of the index to a transaction that waits for several blocks. */
const BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30];

/** Metrics of one gateway, apart from any others in this process. */
export function createMetrics({ index, streams, submissions }: Measured): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const answers = new Histogram({
    name: `${PREFIX}http_request_seconds`,
    help: "Time to answer a request",
    labelNames: ["operation", "status"],
    buckets: BUCKETS,
    registers,
  });
  const actions = new Counter({
    name: `${PREFIX}actions_total`,
    help: "Actions that were asked for, by outcome",
    labelNames: ["action", "outcome"],
    registers,
  });
  const tokens = new Counter({
    name: `${PREFIX}tokens_total`,
    help: "Tokens that were given out, by cloud",
    labelNames: ["cloud"],
    registers,
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge("index_block", "Last block in the index", () => index.state.block);
  gauge("index_block_time_seconds", "Time of that block", () => index.state.timeMs / 1000);
  gauge("index_confirmed_seconds", "When the node last confirmed it", () => index.state.confirmedAtMs / 1000);
  gauge("index_following", "1 if the index holds all up to the head", () => Number(index.state.phase === "following"));
  gauge("index_repairs", "Rebuilds and repairs since the start", () => index.state.repairs);
  gauge("streams", "Open event streams", () => streams().count);
  gauge("submissions_pending", "Actions under way", () => submissions().pending);
  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    answered: (operation, status, seconds) => {
      answers.observe({ operation, status }, seconds);
    },
    submitted: (action, outcome) => {
      actions.inc({ action, outcome });
    },
    signedIn: (cloud) => {
      tokens.inc({ cloud });
    },
  };
}
