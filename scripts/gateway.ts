import { parseArgs } from "node:util";

import { BusError } from "../src/errors/busError.js";
import { readGatewayConfig } from "../src/gateway/config.js";
import { startGateway } from "../src/gateway/gateway.js";

const USAGE = `npm run gateway -- --config FILE   runs a cloud's gateway: REST over the library and the index of events
                                   FILE is described in docs/rest.md and schema/gateway.schema.json
                                   SIGTERM or SIGINT ends it: what is under way is finished first`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: "string" }, help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  if (values.config === undefined) throw new BusError("BAD_CONFIG", "--config FILE is missing");
  const config = await readGatewayConfig(values.config);
  const { gateway, url } = await startGateway(config);
  process.stdout.write(`gateway of cloud ${config.cloud} at ${url}, for ${config.uri}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        resolve();
      });
    }
  });
  await gateway.close();
}

try {
  await main();
} catch (thrown) {
  const message = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
