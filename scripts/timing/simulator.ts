/**
 * A node of Hardhat's simulator in a process of its own, with HTTP and WebSocket on a free port of this machine, that
 * makes a block in every interval. Prints its port, and ends with its standard input.
 *
 *     tsx scripts/timing/simulator.ts INTERVAL_MS
 */
import { network } from "hardhat";

const intervalMs = Number(process.argv[2] ?? 1_000);

async function call(url: string, method: string, params: readonly unknown[]): Promise<void> {
  await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  }).then((response) => response.text());
}

async function main(): Promise<void> {
  const server = await network.createServer(
    { network: "node", override: { allowBlocksWithSameTimestamp: true } },
    "127.0.0.1",
    0,
  );
  const { port } = await server.listen();
  const url = `http://127.0.0.1:${port}`;
  let due = performance.now();
  const mine = async (): Promise<void> => {
    // The simulator's base fee rises after full blocks. On the chain that it stands for there is none.
    await call(url, "hardhat_setNextBlockBaseFeePerGas", ["0x0"]);
    await call(url, "evm_mine", []);
    due += intervalMs;
    // A block that took longer than the interval is not made up for.
    due = Math.max(due, performance.now());
    setTimeout(() => void mine(), Math.max(0, due - performance.now()));
  };
  await mine();
  process.stdout.write(`${port}\n`);
  process.stdin.resume();
  process.stdin.on("end", () => process.exit());
}

await main();
