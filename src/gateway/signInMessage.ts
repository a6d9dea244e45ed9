/** What an EIP-4361 message for a gateway says. Times are ISO 8601. */
export interface SignIn {
  /** Host, and port where one is given, of the gateway's URI. */
  readonly domain: string;
  readonly address: string;
  readonly reach: Reach;
  /** The gateway's URI. */
  readonly uri: string;
  readonly chainId: bigint;
  /** What the gateway gave out. */
  readonly nonce: string;
  readonly issuedAt: string;
  /** Last moment of the token; the gateway's own limit if it is left out. */
  readonly expirationTime?: string;
}

/**
 * How far a token reaches. `federation`: every gateway accepts it, to read and to bring documents. `gateway`: the gateway that
 * gave it alone, also for what it sends for its own cloud. A gateway to which a token is shown could show it to another one:
 * none that reaches everywhere can therefore move a cloud's VMs.
 */
export type Reach = "federation" | "gateway";

/** What a message says, by how far its token reaches: who signs reads it. */
export const STATEMENTS: { readonly [reach in Reach]: string } = {
  federation: "Sign in to all gateways of this BlockchainBus federation, to read and to bring documents.",
  gateway: "Sign in to this gateway only, to act for my cloud.",
};

/** The domain of a gateway: host and port of its URI. */
export function domainOfUri(uri: string): string {
  return new URL(uri).host;
}

/** The EIP-4361 message that an account or agent signs (EIP-191, `personal_sign`). */
export function signInMessage(signIn: SignIn): string {
  const { domain, address, reach, uri, chainId, nonce, issuedAt, expirationTime } = signIn;
  return [
    `${domain} wants you to sign in with your Ethereum account:`,
    address,
    "",
    STATEMENTS[reach],
    "",
    `URI: ${uri}`,
    "Version: 1",
    `Chain ID: ${chainId}`,
    `Nonce: ${nonce}`,
    `Issued At: ${issuedAt}`,
    ...(expirationTime === undefined ? [] : [`Expiration Time: ${expirationTime}`]),
  ].join("\n");
}
