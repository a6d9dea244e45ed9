import { LOCAL_JAVA_OPTIONS, type NodePlace, type NodeSettings, besuOptions, commandLine } from "./besuOptions.js";

/** Image and version that the facts of `docs/network.md` were measured with. */
export const BESU_IMAGE = "hyperledger/besu:26.8.0";

/** Where a node's folder is inside its container. */
const INSIDE = "/var/lib/besu";

/**
 * A Compose file with one service per cloud. The containers share the machine's network, so that ports and enode URLs are
 * those of nodes that run without containers. JSON strings are YAML strings.
 */
export function composeYaml(labels: readonly string[], places: readonly NodePlace[], settings: NodeSettings): string {
  const services = labels.flatMap((label, i) => {
    const place = places[i];
    if (!place) return [];
    const args = commandLine(besuOptions({ ...place, folder: INSIDE }, settings));
    return [
      `  ${label}:`,
      `    image: "\${BESU_IMAGE:-${BESU_IMAGE}}"`,
      "    network_mode: host",
      `    user: "\${BESU_USER:-1000:1000}"`,
      "    stop_grace_period: 60s",
      "    environment:",
      `      BESU_OPTS: ${JSON.stringify(LOCAL_JAVA_OPTIONS)}`,
      '      MALLOC_ARENA_MAX: "2"',
      "    volumes:",
      `      - "./nodes/${label}:${INSIDE}"`,
      "    command:",
      ...args.map((arg) => `      - ${JSON.stringify(arg)}`),
    ];
  });
  return ["services:", ...services, ""].join("\n");
}
