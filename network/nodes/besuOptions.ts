/** Where a node listens, and where its files are. */
export interface NodePlace {
  /** The folder that holds `genesis.json`, `key`, `static-nodes.json` and, if they are in force, the allow-lists. */
  readonly folder: string;
  /** IPv4 address that the others use. */
  readonly host: string;
  readonly p2pPort: number;
  /** JSON-RPC and WebSocket, on loopback only. */
  readonly rpcPort: number;
  readonly wsPort: number;
}

/** How a node is run. */
export interface NodeSettings {
  /** The gas limit of block 0: every node aims at it, or the limit drifts away until no block holds the validators' call. */
  readonly blockGasLimit: number;
  readonly blockPeriodSeconds: number;
  /** Whether the node refuses nodes and senders that are not on its lists. */
  readonly hasAllowLists: boolean;
}

/** One option of Besu. */
export type BesuOption = readonly [name: string, value: string | number | boolean | readonly string[]];

/** Names of the files in a node's folder. */
export const NODE_FILES = {
  genesis: "genesis.json",
  key: "key",
  staticNodes: "static-nodes.json",
  allowLists: "allow-lists.toml",
  config: "config.toml",
  start: "start.sh",
  data: "data",
  log: "besu.log",
  addressBook: "address-book.json",
  nodes: "nodes.json",
} as const;

const APIS = ["ETH", "NET", "WEB3", "QBFT", "DEBUG", "TXPOOL", "ADMIN"] as const;
const WS_APIS = ["ETH", "NET", "WEB3", "QBFT"] as const;

/** The profile, which Besu takes from the command line only: FULL sync, FOREST, SEQUENCED pool, gas price zero. */
export const PROFILE: BesuOption = ["profile", "ENTERPRISE"];

/** A loopback network needs no other interface; a node that others reach listens on all of them. */
function interfaceFor(host: string): string {
  return host.startsWith("127.") ? "127.0.0.1" : "0.0.0.0";
}

/** Options of a node, `docs/network.md` says why each is there. */
export function besuOptions(place: NodePlace, settings: NodeSettings): readonly BesuOption[] {
  const file = (name: string): string => `${place.folder}/${name}`;
  const lists: readonly BesuOption[] = settings.hasAllowLists
    ? [
        ["permissions-nodes-config-file-enabled", true],
        ["permissions-nodes-config-file", file(NODE_FILES.allowLists)],
        ["permissions-accounts-config-file-enabled", true],
        ["permissions-accounts-config-file", file(NODE_FILES.allowLists)],
      ]
    : [];
  return [
    ["data-path", file(NODE_FILES.data)],
    ["genesis-file", file(NODE_FILES.genesis)],
    ["node-private-key-file", file(NODE_FILES.key)],
    ["p2p-host", place.host],
    ["p2p-interface", interfaceFor(place.host)],
    ["p2p-port", place.p2pPort],
    ["nat-method", "NONE"],
    ["discovery-enabled", false],
    ["static-nodes-file", file(NODE_FILES.staticNodes)],
    ["Xp2p-initiate-connections-frequency", 1],
    ["Xp2p-check-maintained-connections-frequency", 1],
    ["rpc-http-enabled", true],
    ["rpc-http-host", "127.0.0.1"],
    ["rpc-http-port", place.rpcPort],
    ["rpc-http-api", settings.hasAllowLists ? [...APIS, "PERM"] : APIS],
    ["rpc-ws-enabled", true],
    ["rpc-ws-host", "127.0.0.1"],
    ["rpc-ws-port", place.wsPort],
    ["rpc-ws-api", WS_APIS],
    ["host-allowlist", ["*"]],
    ["revert-reason-enabled", true],
    ["target-gas-limit", settings.blockGasLimit],
    ["tx-pool-limit-by-account-percentage", 1],
    ["rpc-tx-feecap", 0],
    ["Xpos-slot-duration", settings.blockPeriodSeconds],
    ["Xplugins-external-enabled", false],
    ["logging", "WARN"],
    ...lists,
  ];
}

/** Switches that Besu was run with as such, without a value. */
const SWITCHES = new Set([
  "rpc-http-enabled",
  "rpc-ws-enabled",
  "permissions-nodes-config-file-enabled",
  "permissions-accounts-config-file-enabled",
]);

/** Arguments for the program `besu`. */
export function commandLine(options: readonly BesuOption[]): string[] {
  return [PROFILE, ...options].map(([name, value]) => {
    if (value === true && SWITCHES.has(name)) return `--${name}`;
    return `--${name}=${Array.isArray(value) ? value.join(",") : String(value)}`;
  });
}

/** The same options as a configuration file; the profile has to stay on the command line. */
export function configToml(options: readonly BesuOption[]): string {
  const lines = options.map(([name, value]) => {
    const text = Array.isArray(value)
      ? `[${value.map((item: string) => JSON.stringify(item)).join(", ")}]`
      : JSON.stringify(value);
    return `${name}=${text}`;
  });
  return ["# besu --profile=ENTERPRISE --config-file=config.toml", ...lines, ""].join("\n");
}

/** Memory and start-up of the Java machine on a small machine with several nodes. A node of its own wants more. */
export const LOCAL_JAVA_OPTIONS =
  "-Xms256m -Xmx1g -XX:+UseSerialGC -XX:MaxDirectMemorySize=256m -XX:TieredStopAtLevel=1";

/** A list of permitted nodes and accounts as Besu's local permissioning reads it. */
export function allowListsToml(nodes: readonly string[], accounts: readonly string[]): string {
  const list = (items: readonly string[]): string => `[${items.map((item) => JSON.stringify(item)).join(", ")}]`;
  return `nodes-allowlist=${list(nodes)}\naccounts-allowlist=${list(accounts)}\n`;
}
