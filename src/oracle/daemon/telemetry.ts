import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The oracle's own metrics, for its operator. */
export interface Telemetry {
  readonly registry: Registry;
  readonly headBlock: Gauge;
  readonly headTime: Gauge;
  readonly syncedBlock: Gauge;
  readonly stays: Gauge<"state">;
  readonly windows: Gauge<"state">;
  readonly oldestUnreported: Gauge;
  readonly measurements: Counter<"outcome">;
  readonly proposals: Counter<"outcome">;
  readonly answers: Counter<"outcome">;
  readonly transactions: Counter<"action" | "outcome">;
  readonly errors: Counter<"code">;
  readonly passSeconds: Histogram;
  readonly lastPass: Gauge;
}

/** Metrics of one oracle: two of them in one process do not mix. */
export function createTelemetry(): Telemetry {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    headBlock: new Gauge({ name: "sla_oracle_head_block", help: "Number of the node's newest block.", registers }),
    headTime: new Gauge({
      name: "sla_oracle_head_time_seconds",
      help: "Time of the node's newest block, since the epoch.",
      registers,
    }),
    syncedBlock: new Gauge({
      name: "sla_oracle_synced_block",
      help: "Last block whose events are taken in.",
      registers,
    }),
    stays: new Gauge({
      name: "sla_oracle_stays",
      help: "Stays that concern this oracle: running, ended, or with a problem.",
      labelNames: ["state"],
      registers,
    }),
    windows: new Gauge({
      name: "sla_oracle_windows",
      help: "Windows by how they ended, or by the state of their result.",
      labelNames: ["state"],
      registers,
    }),
    oldestUnreported: new Gauge({
      name: "sla_oracle_oldest_unreported_window_seconds",
      help: "How long ago the oldest window ended that nobody has reported; 0 if there is none.",
      registers,
    }),
    measurements: new Counter({
      name: "sla_oracle_measurements_total",
      help: "Windows measured: complete, with gaps, empty, or failed.",
      labelNames: ["outcome"],
      registers,
    }),
    proposals: new Counter({
      name: "sla_oracle_proposals_total",
      help: "Reports proposed to homes, by what they answered.",
      labelNames: ["outcome"],
      registers,
    }),
    answers: new Counter({
      name: "sla_oracle_answers_total",
      help: "Reports proposed by hosts, by what was answered.",
      labelNames: ["outcome"],
      registers,
    }),
    transactions: new Counter({
      name: "sla_oracle_transactions_total",
      help: "Transactions by the contract's function and what became of them.",
      labelNames: ["action", "outcome"],
      registers,
    }),
    errors: new Counter({
      name: "sla_oracle_errors_total",
      help: "Errors by code.",
      labelNames: ["code"],
      registers,
    }),
    passSeconds: new Histogram({
      name: "sla_oracle_pass_seconds",
      help: "How long a pass took.",
      buckets: [0.05, 0.2, 1, 5, 20, 60],
      registers,
    }),
    lastPass: new Gauge({
      name: "sla_oracle_last_pass_time_seconds",
      help: "When the last pass without an error ended, since the epoch.",
      registers,
    }),
  };
}
