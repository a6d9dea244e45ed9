import { createInterface } from "node:readline/promises";

import {
  type LocalNetwork,
  nodeOf,
  requireNetwork,
  runningNodes,
  startNodes,
  stopNodes,
  waitUntilReady,
} from "./network.js";
import { quorumOf } from "./turns.js";
import { type Tell, restartAll } from "./up.js";

/** Asks the operator; the answer of who cannot be asked is no. */
export type Confirm = (question: string) => Promise<boolean>;

/** Asks on the terminal, if there is one. */
export async function askOnTerminal(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/**
 * Restarts one node. If more than a third of the nodes were away, the rounds of those that waited have backed off, and
 * the chain would stand for minutes: then it offers to restart all of them together.
 */
export async function restartNode(
  dir: string,
  label: string,
  timeoutMs: number,
  tell: Tell,
  confirm: Confirm,
): Promise<LocalNetwork> {
  const network = await requireNetwork(dir);
  nodeOf(network, label);
  const labels = network.nodes.map((node) => node.label);
  const running = runningNodes(dir, network);
  const isStalled = running.size < quorumOf(labels.length);
  const stopped = await stopNodes(dir, network, [label]);
  const started = await startNodes(dir, stopped, [label]);
  await waitUntilReady(dir, started, [label], { peers: 0, height: 0, timeoutMs });
  tell(`${label} runs again`);
  if (!isStalled) return started;
  const away = labels.length - running.size;
  const advice = `${away} of ${labels.length} nodes were away, more than a third: the rounds of the others have backed off`;
  if (await confirm(`${advice}. Restart all nodes together?`)) return restartAll(dir, started, timeoutMs);
  tell(`${advice}. When all are there, npm run network:restart -- --all saves minutes`);
  return started;
}
