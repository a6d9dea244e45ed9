import { FOUNDERS_SCHEMA } from "../../network/founding/schema.js";
import { PROFILE_SCHEMA } from "../../src/cli/profile.js";
import { signedFileSchema } from "../../src/cli/signedFile.js";
import { ADDRESS_BOOK_SCHEMA } from "../../src/chain/addressBook.js";
import { EIP712_SCHEMA } from "../../src/documents/publishedSchema.js";
import { ORACLE_CONFIG_SCHEMA } from "../../src/oracle/configSchema.js";
import { SAMPLE_FILE_SCHEMA } from "../../src/oracle/sources/sampleFileSchema.js";
import { GATEWAY_CONFIG_SCHEMA } from "../../src/gateway/config.js";
import { OPEN_API } from "../../src/gateway/openApi.js";
import { SCENARIO_SCHEMA } from "../../src/scenario/schema.js";
import { type GeneratedFile, asJson } from "./file.js";

/** Schemas that the package publishes, for programs in other languages. */
export function publishedSchemas(): GeneratedFile[] {
  return [
    { path: "schema/eip712.json", content: asJson(EIP712_SCHEMA) },
    { path: "schema/address-book.schema.json", content: asJson(ADDRESS_BOOK_SCHEMA) },
    { path: "schema/oracle-config.schema.json", content: asJson(ORACLE_CONFIG_SCHEMA) },
    { path: "schema/oracle-samples.schema.json", content: asJson(SAMPLE_FILE_SCHEMA) },
    { path: "schema/scenario.schema.json", content: asJson(SCENARIO_SCHEMA) },
    { path: "schema/founders.schema.json", content: asJson(FOUNDERS_SCHEMA) },
    { path: "schema/gateway.schema.json", content: asJson(GATEWAY_CONFIG_SCHEMA) },
    { path: "schema/openapi.json", content: asJson(OPEN_API) },
    { path: "schema/profile.schema.json", content: asJson(PROFILE_SCHEMA) },
    { path: "schema/signed-document.schema.json", content: asJson(signedFileSchema()) },
  ];
}
