/**
 * Writes what the package publishes beside its code: schemas (`schema/`, kept in the repository) and ABIs (`abi/`); and
 * empties `dist/`, so that nothing old is published.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ADDRESS_BOOK_SCHEMA } from "../src/chain/addressBook.js";
import { EIP712_SCHEMA } from "../src/documents/publishedSchema.js";
import { AccessManager__factory } from "../src/typechain/factories/@openzeppelin/contracts/access/manager/AccessManager__factory.js";
import { CapacityExchange__factory } from "../src/typechain/factories/contracts/exchange/CapacityExchange__factory.js";
import { MigrationLedger__factory } from "../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { CloudRegistry__factory } from "../src/typechain/factories/contracts/registry/CloudRegistry__factory.js";

const PUBLISHED: { readonly [path: string]: unknown } = {
  "schema/eip712.json": EIP712_SCHEMA,
  "schema/address-book.schema.json": ADDRESS_BOOK_SCHEMA,
  "abi/AccessManager.json": AccessManager__factory.abi,
  "abi/CloudRegistry.json": CloudRegistry__factory.abi,
  "abi/CapacityExchange.json": CapacityExchange__factory.abi,
  "abi/MigrationLedger.json": MigrationLedger__factory.abi,
};

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(join(root, "dist"), { recursive: true, force: true });
for (const folder of ["schema", "abi"]) mkdirSync(join(root, folder), { recursive: true });
for (const [path, content] of Object.entries(PUBLISHED)) {
  writeFileSync(join(root, path), `${JSON.stringify(content, undefined, 2)}\n`);
}
