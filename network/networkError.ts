/** What can go wrong with a network, beside what the library refuses. */
export type NetworkErrorCode =
  | "BAD_FOUNDERS"
  | "BAD_ARGUMENT"
  | "BAD_STATE"
  | "DEPLOYMENT"
  | "INCOMPLETE_STATE"
  | "NOT_THIS_CHAIN"
  | "FOLDER_TAKEN"
  | "NO_NETWORK"
  | "NO_BESU"
  | "NODE_DIED"
  | "NOT_READY"
  | "PORT_TAKEN";

/** An error of the network tools that an operator can do something about. The message is one line. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  constructor(
    readonly code: NetworkErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
