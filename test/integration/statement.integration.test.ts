import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { network } from "hardhat";

import { EXIT_CODES } from "../../src/cli/exitCodes.js";
import { APEL_HEADER, FOCUS_COLUMNS, balanceOf, formatAmount } from "../../src/index.js";
import { type Booked, booked } from "../fixtures/booked.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const connection = await network.create();

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

/** Runs what `npm run statement` runs. */
function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = ["--import", "tsx", "scripts/statement.ts", ...args];
    const child = execFile(process.execPath, command, { cwd: ROOT }, (_error, out, errors) => {
      resolve({ code: child.exitCode ?? 1, out, errors });
    });
  });
}

/** The simulated chain behind a port, as a node is. */
async function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const call = JSON.parse(Buffer.concat(parts).toString()) as { id: number; method: string; params?: unknown[] };
      const answer = (body: object) => response.end(JSON.stringify({ jsonrpc: "2.0", id: call.id, ...body }));
      connection.provider.request({ method: call.method, params: call.params ?? [] }).then(
        (result: unknown) => answer({ result }),
        (error: unknown) => answer({ error: { code: -32_000, message: String(error) } }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

describe("npm run statement", function () {
  this.timeout(120_000);
  let folder: string;
  let server: Server;
  let found: Booked;
  let source: readonly string[];

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "statement-"));
    found = await booked(connection);
    server = await serve();
    const addresses = join(folder, "addresses.json");
    await writeFile(addresses, JSON.stringify(found.addressBook));
    source = ["--rpc", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, "--addresses", addresses];
  });

  after(async function () {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ever = ["--from", "2030-01-01", "--to", "2031-01-01"] as const;

  it("shows the closing balances that the contract has", async function () {
    const { code, out, errors } = await run(...source, "--cloud", "cloud-1", ...ever, "--range", "11");

    expect(errors).to.equal("");
    expect(code).to.equal(0);
    for (const other of [2, 3, 4]) {
      expect(out).to.include(`cloud-${other}, EUR`);
      expect(out).to.include(formatAmount(await balanceOf(found.federation, 1, other, "EUR")));
    }
  });

  it("writes every format", async function () {
    const starts = {
      json: "{",
      csv: "bookedAt,",
      apel: APEL_HEADER,
      focus: FOCUS_COLUMNS.join(","),
    };
    await Promise.all(
      Object.entries(starts).map(async ([format, start]) => {
        const { out, errors } = await run(...source, "--cloud", "2", ...ever, "--format", format);
        expect(errors).to.equal("");
        expect(out.startsWith(start), format).to.equal(true);
        expect(out.split("\n").length).to.be.above(3);
      }),
    );
  });

  it("says in one line what is wrong with its arguments", async function () {
    const { BAD_COMMAND, BAD_SETTING, NO_CHAIN } = EXIT_CODES;
    const garbled = join(folder, "garbled.json");
    await writeFile(garbled, "not JSON");
    const cases: readonly (readonly [readonly string[], string, number])[] = [
      [[], "--from is missing", BAD_COMMAND],
      [[...source, "--cloud", "nobody", ...ever], "there is no cloud nobody", BAD_COMMAND],
      [
        [...source, "--cloud", "1", "--from", "2031-01-01", "--to", "2030-01-01"],
        "does not begin before it ends",
        BAD_COMMAND,
      ],
      [[...source, "--cloud", "1", ...ever, "--format", "xml"], "argument 'xml' is invalid", BAD_COMMAND],
      [["--rpc", "http://127.0.0.1:1", ...source.slice(2), "--cloud", "1", ...ever], "no node answers", NO_CHAIN],
      [[...source.slice(0, 3), garbled, "--cloud", "1", ...ever], "is not JSON", BAD_SETTING],
    ];
    await Promise.all(
      cases.map(async ([args, problem, exitCode]) => {
        const { code, errors } = await run(...args);
        expect(code, problem).to.equal(exitCode);
        expect(errors.trim().split("\n"), errors).to.have.length(1);
        expect(errors).to.include(problem);
      }),
    );
  });
});
