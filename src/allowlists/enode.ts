import { computeAddress, isHexString } from "ethers";

/** A node's URL, taken apart. */
export interface Enode {
  /** Public key: 128 hex digits, lower case. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The address with which the node seals blocks, if it is a validator. */
  readonly validator: string;
}

const ENODE = /^enode:\/\/([0-9a-fA-F]{128})@(\[[0-9a-fA-F:.]+\]|[0-9.]+):([0-9]{1,5})(\?discport=[0-9]+)?$/;

/** Takes a node's URL apart; undefined if it is none, or its key is no point of the curve. */
export function parseEnode(url: string): Enode | undefined {
  const [, id, host, port] = ENODE.exec(url) ?? [];
  if (id === undefined || host === undefined || !isHexString(`0x${id}`, 64)) return undefined;
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  try {
    return { id: id.toLowerCase(), host, port: Number(port), validator: computeAddress(`0x04${id}`) };
  } catch {
    return undefined;
  }
}

/** The same URL for the same node at the same place, however it was written. */
export function canonicalEnode(url: string): string {
  const parsed = parseEnode(url);
  return parsed ? `enode://${parsed.id}@${parsed.host}:${parsed.port}` : url.toLowerCase();
}
