import { resolve } from "node:path";

import { type BaseWallet, Wallet } from "ethers";

import { type CloudView, cloudsOf } from "../actions/questions/clouds.js";
import { parseAddressBook } from "../chain/addressBook.js";
import {
  type Federation,
  type Head,
  type RpcProvider,
  asSender,
  openFederation,
  readHead,
  withSubmitter,
} from "../chain/federation.js";
import { openProvider } from "../chain/openProvider.js";
import { providerExchange } from "../submission/exchange.js";
import { canHaveOutbox } from "../submission/outbox.js";
import { Submitter } from "../submission/submitter.js";
import type { Sent } from "../chain/send.js";
import { BusError } from "../errors/busError.js";
import { type Labels, labelOf } from "../exports/format.js";
import { type SigningDesk, createSigningDesk } from "../signing/desk.js";
import { openFileJournal } from "../signing/journal.js";
import { readJson, readSecret } from "./files.js";
import type { Io } from "./io.js";
import { paint, plainLine, withProgress } from "./output.js";
import { type Profile, loadProfile } from "./profile.js";
import { cloudNamed } from "./values.js";
import { vmNamed } from "./vmNames.js";

/** The options that every command takes. */
export interface GlobalOptions {
  readonly profile?: string;
  readonly rpc?: string[];
  readonly addresses?: string;
  readonly keystore?: string;
  readonly as?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** What a command works with. What it does not ask for is neither read nor opened. */
export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  profile(): Promise<Profile>;
  /** The federation, to read; sends with {@link sender}. */
  federation(): Promise<Federation>;
  clouds(): Promise<readonly CloudView[]>;
  labels(): Promise<Labels>;
  head(): Promise<Head>;
  /** The cloud's own key: opened once, the password asked for once. */
  key(): Promise<BaseWallet>;
  /** The cloud for which is signed and sent. */
  cloud(): Promise<number>;
  /** What sees transactions through. Rejects with `OUTBOX` on a Node.js that cannot have one. */
  submitter(): Promise<Submitter>;
  /** The federation as given, its transactions going through the outbox where there can be one. */
  throughOutbox(federation: Federation): Promise<Federation>;
  /** The federation with the cloud's key as sender, {@link throughOutbox}. */
  sender(): Promise<Federation>;
  /** A cloud by number or label. */
  cloudNamed(name: string, text: string): Promise<number>;
  /** A VM's id, by its id or its home's own name. */
  vmNamed(text: string): Promise<string>;
  /** Works at the signing desk, with its journal open. */
  atDesk<T>(work: (desk: SigningDesk) => Promise<T>): Promise<T>;
  /** Says what is about to happen, and asks whether it may. */
  confirm(lines: readonly string[], question: string): Promise<void>;
  /** Shows, asks, sends, and says so on a terminal while it lasts. */
  send(lines: readonly string[], work: (federation: Federation) => Promise<Sent>): Promise<Sent>;
  /** Sends without asking again. */
  bring(work: (federation: Federation) => Promise<Sent>): Promise<Sent>;
  close(): Promise<void>;
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}

/** The variable that holds the keystore's password. */
const PASSWORD = "BLOCKCHAINBUS_PASSWORD";

async function openKeystore(io: Io, path: string): Promise<BaseWallet> {
  const text = await readSecret(path);
  const password = io.env[PASSWORD] ?? (await askPassword(io, path));
  try {
    return await Wallet.fromEncryptedJson(text, password);
  } catch (cause) {
    throw new BusError("BAD_KEY_FILE", `${path} cannot be opened with this password`, { cause });
  }
}

async function askPassword(io: Io, path: string): Promise<string> {
  if (!io.isTty.stdin) throw new BusError("NO_SIGNER", `${PASSWORD} is not set, and nobody can be asked here`);
  return io.prompt(`Password of ${path}: `, { isHidden: true });
}

/** What is told of a transaction. */
export function sentFacts(sent: Sent): { readonly transaction: string; readonly block: number; readonly gas: bigint } {
  return { transaction: sent.hash, block: sent.blockNumber, gas: sent.gasUsed };
}

/** The same as a line. */
export function sentLine(sent: Sent): string {
  return `Done in block ${sent.blockNumber}, transaction ${sent.hash}.`;
}

/** A session of one command. */
export function openSession(io: Io, options: GlobalOptions): Session {
  let own: { destroy(): void } | undefined;
  let opened: Submitter | undefined;

  const profile = once(() => loadProfile(options.profile, io.env));

  const urls = once(async () => {
    const named = options.rpc ?? (await profile()).rpc;
    if (named.length === 0) throw new BusError("BAD_PROFILE", "no node: --rpc URL, or rpc in the profile");
    return named;
  });

  const provider = once(async (): Promise<RpcProvider> => {
    if (io.provider) return io.provider;
    const first = await openProvider(await urls());
    own = first;
    return first;
  });

  const addressBook = once(async () => {
    const path = options.addresses === undefined ? (await profile()).addresses : resolve(options.addresses);
    if (path === undefined) {
      throw new BusError("BAD_PROFILE", "no address book: --addresses FILE, or addresses in the profile");
    }
    const json = await readJson(path, "BAD_ADDRESS_BOOK");
    try {
      return parseAddressBook(json);
    } catch (thrown) {
      if (!(thrown instanceof BusError)) throw thrown;
      throw new BusError(thrown.code, `${path}: ${thrown.message}`, { cause: thrown });
    }
  });

  const federation = once(async () => {
    const book = await addressBook();
    return openFederation(await provider(), book);
  });

  const clouds = once(async () => cloudsOf(await federation()));
  const labels = once(async () => new Map((await clouds()).map(({ cloud, label }) => [cloud, label])));

  const key = once(async () => {
    const path = options.keystore === undefined ? (await profile()).keystore : resolve(options.keystore);
    if (path === undefined) throw new BusError("NO_SIGNER", "no key: --keystore FILE, or keystore in the profile");
    return openKeystore(io, path);
  });

  const cloud = once(async () => {
    if (options.as !== undefined) return cloudNamed("--as", options.as, await clouds());
    const named = (await profile()).cloud;
    if (named !== undefined) return named;
    const { address } = await key();
    const bound = Number((await (await federation()).registry.bindingOf(address)).cloud);
    if (bound === 0) throw new BusError("NO_SIGNER", `${address} is neither a cloud's account nor its agent`);
    return bound;
  });

  const submitter = once(async () => {
    const nodes = io.provider
      ? [{ name: "the node", exchange: providerExchange(io.provider) }]
      : (await urls()).map((http) => ({ http }));
    const [{ addressBook: chain }, { outbox }] = await Promise.all([federation(), profile()]);
    opened = new Submitter({ chain, nodes, outbox });
    return opened;
  });

  const throughOutbox = async (given: Federation): Promise<Federation> =>
    canHaveOutbox() ? withSubmitter(given, await submitter()) : given;

  const sender = once(async () => throughOutbox(asSender(await federation(), await key())));

  const session: Session = {
    io,
    options,
    profile,
    federation,
    clouds,
    labels,
    head: async () => readHead((await federation()).provider),
    key,
    cloud,
    submitter,
    throughOutbox,
    sender,
    cloudNamed: async (name, text) => cloudNamed(name, text, await clouds()),
    vmNamed: async (text) => vmNamed(await federation(), { salt: (await profile()).salt, cloud }, text),

    async atDesk(work) {
      const { journal: path, maxHeadAgeMs } = await profile();
      const [signer, ownCloud, { addressBook: trusted }] = await Promise.all([key(), cloud(), federation()]);
      const journal = await openFileJournal(path);
      try {
        const age = maxHeadAgeMs === undefined ? {} : { maxHeadAgeMs };
        const now = () => io.now();
        return await work(createSigningDesk({ signer, cloud: ownCloud, trusted: [trusted], journal, now, ...age }));
      } finally {
        await journal.close();
      }
    },

    async confirm(lines, question) {
      for (const line of lines.flatMap((text) => text.split("\n"))) io.stderr(`${plainLine(line)}\n`);
      if (options.yes) return;
      if (!io.isTty.stdin) throw new BusError("NOT_CONFIRMED", "nobody can be asked here: give --yes");
      const answer = await io.prompt(`${paint(io, "stderr", "bold", question)} [y/N] `);
      if (!/^y(es)?$/i.test(answer.trim())) throw new BusError("NOT_CONFIRMED", "not confirmed: nothing was done");
    },

    async send(lines, work) {
      await session.confirm(lines, "Send it?");
      return session.bring(work);
    },

    async bring(work) {
      const connected = await sender();
      return withProgress(io, "waiting for the transaction's block", () => work(connected));
    },

    async close() {
      await opened?.close();
      own?.destroy();
    },
  };
  return session;
}

/** A cloud as people call it: its label, and its number where that helps. */
export function cloudText(labels: Labels, cloud: number): string {
  const label = labelOf(labels, cloud);
  return cloud === 0 ? "nowhere" : label;
}
