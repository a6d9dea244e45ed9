import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";

import { BusError, type BusErrorCode } from "../errors/busError.js";

/** Readable or writable by the group or by others. */
const OTHERS = 0o077;

/** @throws BusError with the code if the file cannot be read. */
export async function readText(path: string, code: BusErrorCode): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BusError(code, `${path} cannot be read`, { cause });
  }
}

/** @throws BusError with the code if the file cannot be read, or is not JSON. */
export async function readJson(path: string, code: BusErrorCode): Promise<unknown> {
  const text = await readText(path, code);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new BusError(code, `${path} is not JSON`, { cause });
  }
}

/**
 * The text of a file that only its owner may read.
 * @throws BusError `BAD_KEY_FILE` if others may, or if it cannot be read.
 */
export async function readSecret(path: string): Promise<string> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new BusError("BAD_KEY_FILE", `${path} cannot be read`, { cause });
  });
  const mode = found.mode & 0o777;
  // Windows has no such modes, and tells 666 of every file.
  if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
    throw new BusError("BAD_KEY_FILE", `${path}: others may read it (mode ${mode.toString(8)}): chmod 600`);
  }
  return readText(path, "BAD_KEY_FILE");
}

/** Writes a file that only its owner may read: papers hold prices. */
export async function writePrivately(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600 });
    await chmod(path, 0o600);
  } catch (cause) {
    throw new BusError("BAD_ARGUMENT", `${path} cannot be written`, { cause });
  }
}

/** A folder that only its owner may look into, made where there is none. */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BusError("BAD_ARGUMENT", `${path} cannot be made`, { cause });
  }
}
