import { open } from "node:fs/promises";

import { Wallet } from "ethers";

import { BusError } from "../errors/busError.js";

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/**
 * Reads a file that only its owner may read.
 * @throws BusError `BAD_CONFIG` if it cannot be read; `KEY_FILE_MODE` if others can read or write it.
 */
export async function readSecretFile(path: string): Promise<string> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw new BusError("BAD_CONFIG", `${path} cannot be read`, { cause });
  });
  try {
    // The opened file is looked at: its name may stand for another one a moment later.
    const stat = await file.stat();
    if (!stat.isFile()) throw new BusError("BAD_CONFIG", `${path} is no file`);
    const mode = stat.mode & 0o777;
    if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
      throw new BusError(
        "KEY_FILE_MODE",
        `${path} has the mode ${mode.toString(8).padStart(3, "0")}: others can use the key; chmod 600 it`,
      );
    }
    return (await file.readFile("utf8")).trim();
  } finally {
    await file.close();
  }
}

/**
 * Reads an agent's key: an encrypted keystore (version 3) or 32 bytes in hex.
 * @param passwordFile Where the keystore's password is.
 * @throws BusError `KEY_FILE_MODE`, `BAD_CONFIG`. No message holds anything of the files.
 */
export async function readKeyFile(path: string, passwordFile: string | undefined): Promise<Wallet> {
  const text = await readSecretFile(path);
  if (!text.startsWith("{")) return plainKey(path, text);
  if (passwordFile === undefined) throw new BusError("BAD_CONFIG", `/key/passwordFile: ${path} is a keystore`);
  const password = await readSecretFile(passwordFile);
  try {
    const wallet = await Wallet.fromEncryptedJson(text, password);
    return new Wallet(wallet.privateKey);
  } catch {
    // The cause is not passed on: it may quote the file.
    throw new BusError("BAD_CONFIG", `${path} does not open with the password in ${passwordFile}`);
  }
}

function plainKey(path: string, text: string): Wallet {
  try {
    return new Wallet(text.startsWith("0x") ? text : `0x${text}`);
  } catch {
    throw new BusError("BAD_CONFIG", `${path} is neither a keystore nor a key of 32 bytes in hex`);
  }
}
