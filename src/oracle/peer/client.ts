import type { Federation } from "../../chain/federation.js";
import { ask } from "../../chain/ask.js";
import { BusError, type OracleErrorCode } from "../../errors/busError.js";
import type { Peer } from "../config.js";
import { type HttpFailureKind, HttpFailure, exchange } from "../http.js";
import {
  type AgreedReportsAnswer,
  type MeasuredAnswer,
  type MeasuredRequest,
  PATHS,
  type Proposal,
  parseMeasuredAnswer,
  parseReportsAnswer,
} from "./protocol.js";

/** The other cloud's oracle. */
export interface PeerClient {
  /** Which metrics it measured in windows. */
  measured(cloud: number, windows: MeasuredRequest["windows"]): Promise<MeasuredAnswer>;
  /** Whether it signs reports. */
  countersign(cloud: number, reports: readonly Proposal[]): Promise<AgreedReportsAnswer>;
}

const FAILURES: { readonly [kind in HttpFailureKind]: OracleErrorCode } = {
  unreachable: "PEER_UNREACHABLE",
  timeout: "PEER_TIMEOUT",
  died: "PEER_DIED",
  "too long": "PEER_NONSENSE",
  "wrong key": "WRONG_SPKI",
};

const MAX_BYTES = 1024 * 1024;

/**
 * Speaks with other clouds' oracles, at the address in the configuration or at `oracle` below their endpoint in the
 * registry, whose key is then the one in the registry.
 * @throws BusError `UNKNOWN_PEER`, `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `PEER_DIED`, `PEER_REFUSED`, `PEER_NONSENSE`,
 * `WRONG_SPKI`.
 */
export function createPeerClient(
  federation: Federation,
  { peers, timeoutMs }: { readonly peers: readonly Peer[]; readonly timeoutMs: number },
): PeerClient {
  const { chainId, contracts } = federation.addressBook;
  const about = { chainId, oracle: contracts.SlaOracle };

  const placeOf = async (cloud: number): Promise<Omit<Peer, "cloud">> => {
    const configured = peers.find((peer) => peer.cloud === cloud);
    if (configured) return configured;
    const { endpoint, spkiHash } = await ask(federation.registry.cloudOf(cloud));
    if (!/^https?:\/\//.test(endpoint)) {
      throw new BusError("UNKNOWN_PEER", `cloud ${cloud}: its endpoint ${JSON.stringify(endpoint)} is no HTTP address`);
    }
    return { url: `${endpoint.replace(/\/+$/, "")}/oracle`, spkiHash };
  };

  const post = async (cloud: number, path: string, body: object): Promise<string> => {
    const { url, spkiHash } = await placeOf(cloud);
    const answer = await exchange({
      method: "POST",
      url: new URL(`${url.replace(/\/+$/, "")}${path}`),
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...about, ...body }),
      timeoutMs,
      maxBytes: MAX_BYTES,
      spkiHash,
    }).catch((thrown: unknown) => {
      if (!(thrown instanceof HttpFailure)) throw thrown;
      throw new BusError(FAILURES[thrown.kind], `cloud ${cloud}: ${thrown.message}`, { cause: thrown });
    });
    if (answer.status === 200) return answer.text;
    const reason = answer.text.slice(0, 200).replaceAll(/\s+/g, " ");
    throw new BusError("PEER_REFUSED", `cloud ${cloud}: status ${answer.status}, ${reason}`);
  };

  return {
    async measured(cloud, windows) {
      return parseMeasuredAnswer(await post(cloud, PATHS.measured, { windows }), windows.length);
    },
    async countersign(cloud, reports) {
      return parseReportsAnswer(await post(cloud, PATHS.agreedReports, { reports }), reports.length);
    },
  };
}
