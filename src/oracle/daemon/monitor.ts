import type { Place } from "../config.js";
import { type Listening, listen, respond } from "../peer/server.js";
import type { Telemetry } from "./telemetry.js";

/** How the oracle is. */
export interface Health {
  readonly isHealthy: boolean;
  /** What is wrong; empty if nothing is. */
  readonly problems: readonly string[];
  /** When the last pass without an error ended, in milliseconds since the epoch; 0 if none has. */
  readonly lastPassAtMs: number;
}

/** Serves `/healthz` (200 or 503) and `/metrics`. */
export function serveMonitor(place: Place, telemetry: Telemetry, health: () => Health): Promise<Listening> {
  return listen(place, (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === "/healthz") {
      const found = health();
      respond(response, found.isHealthy ? 200 : 503, found);
      return;
    }
    if (path !== "/metrics") {
      respond(response, 404, { error: "NOT_FOUND" });
      return;
    }
    telemetry.registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": telemetry.registry.contentType }).end(text),
      () => {
        respond(response, 500, { error: "INTERNAL" });
      },
    );
  });
}
