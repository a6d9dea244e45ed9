/** The other side of a transfer: takes one connection, digests what comes, and tells its parent. */
import { createHash } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";

import type { Received } from "./transfer.js";

const server = createServer((socket) => {
  const hash = createHash("sha256");
  let bytes = 0;
  socket.on("data", (part: Buffer) => {
    hash.update(part);
    bytes += part.length;
  });
  socket.on("end", () => {
    const received: Received = { bytes, digest: hash.digest("hex") };
    process.send?.(received, () => process.exit());
  });
});
server.listen(0, "127.0.0.1", () => {
  process.send?.((server.address() as AddressInfo).port);
});
