import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { HDNodeWallet, JsonRpcProvider, Mnemonic } from "ethers";
import { network } from "hardhat";

import { signInMessage } from "../../src/gateway/signInMessage.js";
import { bindAgent, seededKey, ALL_SCOPES } from "../fixtures/gateway.js";
import { type TestFederation, deployFederation } from "../fixtures/library.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MNEMONIC = Mnemonic.fromPhrase("test test test test test test test test test test test junk");
const keyOf = (index: number) => HDNodeWallet.fromMnemonic(MNEMONIC, `m/44'/60'/0'/0/${index}`);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `npm run gateway`'s program; `line` resolves with the first line it prints. */
function start(config: string): { child: ChildProcess; line: Promise<string>; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ["--import", "tsx", "scripts/gateway.ts", "--config", config], { cwd: ROOT });
  let [stdout, stderr] = ["", ""];
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (part: Buffer) => {
      stdout += part.toString();
      if (stdout.includes("\n")) resolve(stdout);
    });
    child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
    void ended.then(() => {
      reject(new Error(stderr));
    });
  });
  line.catch(() => undefined);
  return { child, line, ended };
}

describe("the gateway's program", function () {
  const agent = seededKey("agent at the gateway");
  let folder: string;
  let server: Awaited<ReturnType<typeof network.createServer>>;
  let provider: JsonRpcProvider;
  let found: TestFederation;
  let config: { readonly [name: string]: unknown };

  const write = async (name: string, content: unknown, mode = 0o600): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    await chmod(path, mode);
    return path;
  };

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "gateway-"));
    server = await network.createServer({ network: "node", override: { allowBlocksWithSameTimestamp: true } });
    const { address, port } = await server.listen();
    const rpcUrl = `http://${address}:${port}`;
    provider = new JsonRpcProvider(rpcUrl, undefined, { cacheTimeout: -1 });
    const keys = Array.from({ length: 12 }, (_, index) => keyOf(index).connect(provider));
    found = await deployFederation(provider, keys);
    await bindAgent(found, found.members[0], agent, ALL_SCOPES);
    await write("federation.json", found.addressBook);
    await write("key", agent.privateKey);
    config = {
      nodes: [{ http: rpcUrl }],
      addressBook: "federation.json",
      uri: "https://cloud-1.example",
      cloud: 1,
      key: { file: "key" },
      data: "data",
      listen: { port: 0 },
      logLevel: "silent",
    };
  });

  after(async function () {
    provider.destroy();
    await server.close();
    await rm(folder, { recursive: true });
  });

  it("serves a signed-in caller, and ends on SIGTERM", async function () {
    const { child, line, ended } = start(await write("gateway.json", config));
    const base = /at (http:\S+),/.exec(await line)?.[1] ?? "";
    const post = async (path: string, body: unknown, headers = {}) => {
      const init = {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      };
      return (await fetch(base + path, init)).json() as Promise<{ readonly [name: string]: string }>;
    };
    while (!(await fetch(`${base}/readiness`)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
    const { nonce, domain, uri } = (await (await fetch(`${base}/v1/auth/nonce`, { method: "POST" })).json()) as {
      readonly [name: string]: string;
    };
    const message = signInMessage({
      domain: String(domain),
      address: agent.address,
      reach: "federation",
      uri: String(uri),
      chainId: 1337n,
      nonce: String(nonce),
      issuedAt: new Date().toISOString(),
    });
    const { token } = await post("/v1/auth/token", { message, signature: await agent.signMessage(message) });
    const home = await post("/v1/questions/cloudsOf", {}, { authorization: `Bearer ${String(token)}` });
    expect(home).to.have.length(4);
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect([code, stderr]).to.deep.equal([0, ""]);
  });

  const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
  it(`speaks TLS with its own certificate${hasOpenssl ? "" : ": skipped, there is no openssl"}`, async function () {
    if (!hasOpenssl) this.skip();
    const [keyFile, certFile] = [join(folder, "tls.key"), join(folder, "tls.pem")];
    const made = spawnSync("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gateway".split(" "),
      ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyFile, "-out", certFile],
    ]);
    expect(made.status, made.stderr.toString()).to.equal(0);
    await chmod(keyFile, 0o600);
    const own = { ...config, data: "data of TLS", tls: { certFile: "tls.pem", keyFile: "tls.key" } };
    const { child, line, ended } = start(await write("tls.json", own));
    const base = /at (https:\S+),/.exec(await line)?.[1] ?? "";
    const health = async (ca: string | undefined) =>
      new Promise<unknown>((resolve, reject) => {
        get(new URL("/health", base), { ca, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).once("error", reject);
      });
    expect(await health(await readFile(certFile, "utf8"))).to.equal(200);
    const unknown = await health(undefined).catch((thrown: unknown) => thrown);
    expect(unknown).to.have.property("code", "DEPTH_ZERO_SELF_SIGNED_CERT");
    child.kill("SIGTERM");
    expect((await ended).code).to.equal(0);

    await chmod(keyFile, 0o644);
    const open = await start(await write("tls.json", own)).ended;
    expect(open.code).to.equal(1);
    expect(open.stderr).to.match(/tls\.key.*mode 644/);
  });

  it("refuses with one line what it cannot work with", async function () {
    await write("open key", agent.privateKey, 0o644);
    await write("other key", seededKey("stranger").privateKey);
    for (const [change, line] of [
      [{ key: { file: "open key" } }, /mode 644/],
      [{ key: { file: "other key" } }, /bound to cloud 0, not 1/],
      [{ uri: "https://elsewhere.example" }, /not where the registry says that cloud 1 is/],
      [{ nodes: [{ http: "http://127.0.0.1:1" }] }, /none of 1 RPC nodes answers/],
      [{ cloud: -1 }, /\/cloud: -1/],
    ] as const) {
      const { code, stdout, stderr } = await start(await write("bad.json", { ...config, ...change })).ended;
      expect([code, stdout]).to.deep.equal([1, ""]);
      expect(stderr).to.match(line);
      expect(stderr.trim().split("\n")).to.have.length(1);
    }
  });
});
