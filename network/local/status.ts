import { getAddress, toQuantity } from "ethers";

import { type NodeRpc, nodeRpc } from "../../src/allowlists/nodeRpc.js";
import { readExtraData } from "../genesis/extraData.js";
import { missedTurns, quorumOf } from "./turns.js";

/** A node to ask. */
export interface AskedNode {
  readonly label: string;
  readonly rpcPort: number;
  /** The address it seals with. */
  readonly validator: string;
}

/** What a node says of itself. */
export interface NodeStatus {
  readonly label: string;
  readonly validator: string;
  /** Undefined: it does not answer. */
  readonly height: number | undefined;
  readonly peers: number | undefined;
  /** Whether it is among the validators now. */
  readonly isValidator: boolean;
  /** Blocks behind the highest node. */
  readonly behind: number | undefined;
  /** Blocks that it proposed, and turns that it missed, in the blocks that were looked at. */
  readonly proposed: number;
  readonly missed: number;
}

/** How a network does. */
export interface NetworkStatus {
  readonly height: number | undefined;
  /** Age of the newest block in seconds. */
  readonly headAge: number | undefined;
  readonly validators: readonly string[];
  readonly quorum: number;
  /** Rounds beyond the first of the blocks that were looked at, by block. */
  readonly rounds: Readonly<Record<number, number>>;
  readonly nodes: readonly NodeStatus[];
  /** Validators that are none of the nodes here, with their missed turns. */
  readonly others: Readonly<Record<string, { readonly proposed: number; readonly missed: number }>>;
  readonly warnings: readonly string[];
}

interface Header {
  readonly number: string;
  readonly miner: string;
  readonly extraData: string;
  readonly timestamp: string;
}

/** A node that answers nothing in time counts as not there. */
const PATIENCE_MS = 3_000;

/** A head older than this many seconds is a chain that stands. */
const STANDSTILL_S = 15;

async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch {
    return undefined;
  }
}

/**
 * Asks every node of a network, and reads from the newest blocks who proposed them and in which round.
 * @param span How many blocks are looked at.
 */
export async function networkStatus(
  nodes: readonly AskedNode[],
  span = 30,
  connect: (node: AskedNode) => NodeRpc = ({ rpcPort }) => nodeRpc(`http://127.0.0.1:${rpcPort}`, PATIENCE_MS),
  now = Date.now(),
): Promise<NetworkStatus> {
  const asked = await Promise.all(
    nodes.map(async (node) => {
      const rpc = connect(node);
      const [height, peers] = await Promise.all([
        orNothing(rpc.send<string>("eth_blockNumber").then(Number)),
        orNothing(rpc.send<string>("net_peerCount").then(Number)),
      ]);
      return { node, rpc, height, peers };
    }),
  );
  const best = asked.reduce<(typeof asked)[number] | undefined>(
    (found, candidate) =>
      candidate.height !== undefined && candidate.height > (found?.height ?? -1) ? candidate : found,
    undefined,
  );
  const chain = best?.height === undefined ? undefined : await orNothing(readChain(best.rpc, best.height, span));
  const validators = chain?.validators ?? [];
  const tally = chain?.tally ?? new Map<string, { proposed: number; missed: number }>();
  const statuses = asked.map(({ node, height, peers }): NodeStatus => {
    const validator = getAddress(node.validator);
    const { proposed, missed } = tally.get(validator) ?? { proposed: 0, missed: 0 };
    return {
      label: node.label,
      validator,
      height,
      peers,
      isValidator: validators.includes(validator),
      behind: height === undefined || best?.height === undefined ? undefined : best.height - height,
      proposed,
      missed,
    };
  });
  const here = new Set(statuses.map(({ validator }) => validator));
  const headAge = chain === undefined ? undefined : Math.round(now / 1_000 - chain.headTime);
  const status = {
    height: best?.height,
    headAge,
    validators,
    quorum: quorumOf(validators.length),
    rounds: chain?.rounds ?? {},
    nodes: statuses,
    others: Object.fromEntries([...tally].filter(([address]) => !here.has(address))),
  };
  return { ...status, warnings: warningsOf(status) };
}

async function readChain(rpc: NodeRpc, height: number, span: number) {
  const validatorsAfter = async (number: number): Promise<readonly string[]> =>
    (await rpc.send<readonly string[]>("qbft_getValidatorsByBlockNumber", toQuantity(number))).map((address) =>
      getAddress(address),
    );
  const first = Math.max(1, height - span + 1);
  const numbers = Array.from({ length: height - first + 1 }, (_, i) => first + i);
  const headerOf = (number: number): Promise<Header> => rpc.send("eth_getBlockByNumber", toQuantity(number), false);
  const [before, ...headers] = await Promise.all([first - 1, ...numbers].map(headerOf));
  const validators = await validatorsAfter(height);
  const tally = new Map(validators.map((address) => [address, { proposed: 0, missed: 0 }]));
  const count = (address: string, what: "proposed" | "missed"): void => {
    const line = tally.get(address) ?? { proposed: 0, missed: 0 };
    line[what] += 1;
    tally.set(address, line);
  };
  const rounds: Record<number, number> = {};
  let previous = before;
  for (const header of headers) {
    const number = Number(header.number);
    const { round } = readExtraData(header.extraData);
    count(getAddress(header.miner), "proposed");
    if (round > 0 && previous !== undefined) {
      rounds[number] = round;
      const sealing = await validatorsAfter(number - 1);
      for (const address of missedTurns(sealing, previous.miner, round)) count(address, "missed");
    }
    previous = header;
  }
  return { validators, tally, rounds, headTime: Number(previous?.timestamp ?? 0) };
}

function warningsOf(status: Omit<NetworkStatus, "warnings">): string[] {
  const { validators, nodes, height, headAge } = status;
  const warnings: string[] = [];
  if (height === undefined) return ["no node answers"];
  if (validators.length === 0) return ["the nodes do not say who the validators are: is the API QBFT there?"];
  if (validators.length < 4) {
    warnings.push(`${validators.length} validators: with fewer than four the chain stops, or lies, when one fails`);
  }
  const silent = nodes.filter((node) => node.isValidator && node.height === undefined).length;
  if (validators.length - silent < status.quorum) {
    warnings.push(
      `${silent} of ${validators.length} validators do not answer: no block until ${status.quorum} are there`,
    );
  } else if (headAge !== undefined && headAge > STANDSTILL_S) {
    warnings.push(
      `no block for ${headAge} s although ${validators.length - silent} validators answer: their rounds back off. ` +
        "Restart all of them together: npm run network:restart -- --all",
    );
  }
  return warnings;
}

/** A network's status in lines for an operator. */
export function statusLines(status: NetworkStatus): string[] {
  const { height, headAge, validators, quorum, rounds, nodes, others, warnings } = status;
  const late = Object.entries(rounds);
  const show = (value: number | undefined): string => (value === undefined ? "-" : String(value));
  const width = Math.max(5, ...nodes.map(({ label }) => label.length));
  const consensus =
    validators.length === 0
      ? [`height ${show(height)}`]
      : [
          `height ${show(height)}, newest block ${show(headAge)} s old; ${validators.length} validators, quorum ${quorum}`,
          late.length === 0
            ? "every block that was looked at was agreed on in round 0"
            : `later rounds: ${late.map(([block, round]) => `block ${block} in round ${round}`).join(", ")}`,
        ];
  return [
    ...consensus,
    "",
    `${"node".padEnd(width)}  validator                                   height  behind  peers  proposed  missed`,
    ...nodes.map((node) =>
      [
        node.label.padEnd(width),
        node.isValidator || validators.length === 0 ? node.validator : "(not a validator)".padEnd(42),
        node.height === undefined ? "no answer".padStart(6) : String(node.height).padStart(6),
        show(node.behind).padStart(6),
        show(node.peers).padStart(5),
        String(node.proposed).padStart(8),
        String(node.missed).padStart(6),
      ].join("  "),
    ),
    ...Object.entries(others).map(
      ([address, { proposed, missed }]) => `elsewhere ${address} proposed ${proposed}, missed ${missed}`,
    ),
    ...warnings.map((warning) => `! ${warning}`),
  ];
}
