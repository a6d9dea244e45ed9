import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { BaseWallet } from "ethers";
import type { FastifyInstance } from "fastify";

import { type Federation, asSender, openFederation } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import { BlockTimes } from "../event-index/blockTimes.js";
import { EventIndex } from "../event-index/eventIndex.js";
import { providerExchange } from "../submission/exchange.js";
import type { NodeAddress } from "../submission/nodeAddress.js";
import { PooledProvider } from "../submission/pooledProvider.js";
import type { RpcNode } from "../submission/rpcPool.js";
import { Submitter } from "../submission/submitter.js";
import type { GatewayConfig } from "./config.js";
import type { GatewayContext } from "./context.js";
import { readKeyFile, readSecretFile } from "./keyFile.js";
import { type Metrics, createMetrics } from "./metrics.js";
import { describeSent } from "./operations.js";
import { buildServer } from "./server.js";
import { Sessions } from "./session.js";
import { Standings } from "./standing.js";
import { GatewayStore } from "./store.js";
import { Streams } from "./streams.js";
import { Submissions } from "./submission.js";

/** A gateway that runs. Must be closed. */
export interface Gateway {
  readonly server: FastifyInstance;
  readonly context: GatewayContext;
  /** Listens; resolves with the address. */
  listen(host: string, port: number): Promise<string>;
  /** Takes no new requests, ends streams, finishes what is under way, and closes everything it opened. */
  close(): Promise<void>;
}

/** What a gateway is made from, apart from its files. */
export interface GatewayOptions
  extends
    Pick<GatewayConfig, "uri" | "cloud" | "startBlock" | "pollMs" | "receiptMs" | "tokenMinutes">,
    Pick<GatewayConfig, "requestsPerMinute" | "streams" | "keepDays" | "trustProxy" | "logLevel"> {
  /** Folder of the databases; in memory if it is left out. */
  readonly data?: string;
  /** Nodes that transactions are sent to; the federation's own provider if they are left out. */
  readonly nodes?: readonly (NodeAddress | RpcNode)[];
  readonly https?: { readonly cert: string; readonly key: string };
  /** How long a question waits for a block that the gateway has not seen, in milliseconds. */
  readonly catchUpMs?: number;
}

/** A head that was not confirmed for so many polls, or milliseconds, is not relied on. */
const STALE_POLLS = 20;
const STALE_MS = 5_000;

const DEFAULT_CATCH_UP_MS = 2_000;
const PURGE_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** @throws BusError `BAD_CONFIG` if key, cloud and URI do not belong together on chain. */
async function requireOwnKey({ registry }: Federation, address: string, { cloud, uri }: GatewayOptions): Promise<void> {
  const binding = await registry.bindingOf(address);
  if (Number(binding.cloud) !== cloud) {
    throw new BusError("BAD_CONFIG", `/key: ${address} is bound to cloud ${binding.cloud}, not ${cloud}`);
  }
  const { endpoint } = await registry.cloudOf(cloud);
  if (!URL.canParse(endpoint) || new URL(endpoint).origin !== new URL(uri).origin) {
    // The other gateways would refuse its tokens.
    throw new BusError("BAD_CONFIG", `/uri: ${uri} is not where the registry says that cloud ${cloud} is: ${endpoint}`);
  }
}

/**
 * Opens a gateway over a federation. It follows the chain from now on, and answers as soon as it listens.
 * @param key Account or agent with RELAY of the gateway's cloud.
 * @throws BusError `BAD_CONFIG`, `DATABASE`; `UNKNOWN_CHAIN`, `WRONG_GENESIS`.
 */
export async function openGateway(federation: Federation, key: BaseWallet, options: GatewayOptions): Promise<Gateway> {
  await requireOwnKey(federation, key.address, options);
  const file = (name: string): string => (options.data === undefined ? ":memory:" : join(options.data, name));
  if (options.data !== undefined) await mkdir(options.data, { recursive: true, mode: 0o700 });
  const index = await EventIndex.open(federation, { file: file("events.sqlite"), startBlock: options.startBlock });
  let store: GatewayStore | undefined;
  let submitter: Submitter | undefined;
  let warn: (trouble: unknown) => void = () => undefined;
  try {
    store = await GatewayStore.open(file("gateway.sqlite"));
    submitter = new Submitter({
      chain: federation.addressBook,
      nodes: options.nodes ?? [{ name: "the node", exchange: providerExchange(federation.provider) }],
      outbox: file("outbox.sqlite"),
      signers: [key],
      keepMs: options.keepDays * DAY_MS,
      onTrouble: (trouble) => {
        warn(trouble);
      },
    });
    const gateway = await assemble(federation, key, options, { index, store, submitter });
    warn = (trouble) => {
      gateway.server.log.warn({ err: trouble }, "a submission will be tried again");
    };
    return gateway;
  } catch (thrown) {
    await submitter?.close();
    store?.close();
    await index.close();
    throw thrown;
  }
}

async function assemble(
  federation: Federation,
  key: BaseWallet,
  options: GatewayOptions,
  { index, store, submitter }: { index: EventIndex; store: GatewayStore; submitter: Submitter },
): Promise<Gateway> {
  const { uri, cloud, pollMs, receiptMs, tokenMinutes } = options;
  const standings = new Standings(federation, index, Math.max(STALE_MS, pollMs * STALE_POLLS));
  const sessions = new Sessions(federation, standings, store, key, { uri, tokenMs: tokenMinutes * 60_000 });
  const streams = new Streams(index, options.streams);
  const sender = asSender(federation, key.connect(federation.provider));
  const submissions = new Submissions(sender, submitter, store, {
    timeoutMs: receiptMs,
    describe: (sent) => describeSent(sent, index.plans),
  });
  const metrics: Metrics = createMetrics({ index, streams: () => streams, submissions: () => submissions });
  let isOpen = true;
  const context: GatewayContext = {
    federation,
    cloud,
    uri,
    address: key.address,
    index,
    blockTimes: new BlockTimes(federation.provider, index),
    standings,
    sessions,
    submissions,
    streams,
    metrics,
    catchUpMs: options.catchUpMs ?? DEFAULT_CATCH_UP_MS,
    isOpen: () => isOpen,
  };
  const server = await buildServer(context, options);
  let told: unknown;
  index.onChange(({ phase, cause, block }) => {
    if (cause !== told) server.log.warn({ phase, cause, block }, "the index was repaired, or cannot follow");
    told = cause;
  });
  const purge = (): void => {
    store.purge(Date.now() - options.keepDays * DAY_MS, Date.now());
  };
  purge();
  const purging = setInterval(purge, PURGE_MS);
  index.follow(pollMs);
  return {
    server,
    context,
    listen: (host, port) => server.listen({ host, port }),
    async close() {
      isOpen = false;
      clearInterval(purging);
      streams.closeAll();
      await server.close();
      await submitter.close();
      await index.close();
      store.close();
    },
  };
}

/**
 * Opens a gateway from its configuration, and listens.
 * @throws BusError `BAD_CONFIG`, `KEY_FILE_MODE`, `NO_CODE` and whatever {@link openGateway} throws.
 */
export async function startGateway(
  config: GatewayConfig,
): Promise<{ readonly gateway: Gateway; readonly url: string }> {
  const { key: keyFile, tls, nodes, addressBook, listen } = config;
  const key = await readKeyFile(keyFile.file, keyFile.passwordFile);
  const https = tls && { cert: await readFile(tls.certFile, "utf8"), key: await readSecretFile(tls.keyFile) };
  const provider = new PooledProvider(nodes, addressBook);
  try {
    const federation = await openFederation(provider, addressBook);
    const gateway = await openGateway(federation, key, { ...config, ...(https && { https }) });
    try {
      const url = await gateway.listen(listen.host, listen.port);
      return {
        gateway: {
          ...gateway,
          close: () =>
            gateway.close().finally(() => {
              provider.destroy();
            }),
        },
        url,
      };
    } catch (thrown) {
      await gateway.close();
      throw new BusError("BAD_CONFIG", `/listen: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  } catch (thrown) {
    provider.destroy();
    throw thrown;
  }
}

export { readGatewayConfig } from "./config.js";
