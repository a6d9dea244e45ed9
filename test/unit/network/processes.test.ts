import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

import { expect } from "chai";

import { requireFreePort } from "../../../network/local/processes.js";

async function listening() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

describe("requireFreePort", function () {
  it("waits for a port that its last owner is about to give back", async function () {
    const { server, port } = await listening();
    let isClosed = false;
    setTimeout(() => {
      isClosed = true;
      server.close();
    }, 300);
    await requireFreePort(port, "JSON-RPC of aurora");
    expect(isClosed).to.equal(true);
  });

  it("names the port that somebody keeps", async function () {
    const { server, port } = await listening();
    const thrown: unknown = await requireFreePort(port, "JSON-RPC of aurora").catch((reason: unknown) => reason);
    server.close();
    expect(thrown).to.include({ code: "PORT_TAKEN", message: `port ${port}, for JSON-RPC of aurora, is taken` });
  });
});
