import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import {
  type BaseWallet,
  Contract,
  ContractFactory,
  Signature,
  ZeroAddress,
  ZeroHash,
  id,
  solidityPackedKeccak256,
} from "ethers";

import type { RpcProvider } from "../src/chain/federation.js";

/** Gas of the peer for one attestation of 192 bytes by one signature, and for ten in a call. */
export interface EasGas {
  readonly attest: bigint;
  readonly multiAttest: bigint;
}

interface Artifact {
  readonly abi: unknown[];
  readonly bytecode: string;
}

function artifact(name: string): Artifact {
  const path = `@ethereum-attestation-service/eas-contracts/artifacts/contracts/${name}.sol/${name}.json`;
  return JSON.parse(readFileSync(createRequire(import.meta.url).resolve(path), "utf8")) as Artifact;
}

const ATTEST = {
  Attest: [
    { name: "attester", type: "address" },
    { name: "schema", type: "bytes32" },
    { name: "recipient", type: "address" },
    { name: "expirationTime", type: "uint64" },
    { name: "revocable", type: "bool" },
    { name: "refUID", type: "bytes32" },
    { name: "data", type: "bytes" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint64" },
  ],
};

/** Words of an attestation that would hold what a record of ours says: who, what, from where, to where, when. */
const WORDS = 6;

/** Measures the Ethereum Attestation Service on the same chain: the second call each, when its slots are warm. */
export async function measureEas(provider: RpcProvider, deployer: BaseWallet, attester: BaseWallet): Promise<EasGas> {
  const sender = deployer.connect(provider);
  let nonce = await provider.getTransactionCount(deployer.address);
  const overrides = () => ({ gasPrice: 0n, gasLimit: 10_000_000n, nonce: nonce++, type: 0 });
  const deploy = async (name: string, args: unknown[]): Promise<Contract> => {
    const { abi, bytecode } = artifact(name);
    const factory = new ContractFactory(abi as never, bytecode, sender);
    const contract = await factory.deploy(...args, overrides());
    await contract.waitForDeployment();
    return new Contract(await contract.getAddress(), abi as never, sender);
  };
  const schemas = await deploy("SchemaRegistry", []);
  const eas = await deploy("EAS", [await schemas.getAddress()]);
  const transact = async (contract: Contract, name: string, args: unknown[]): Promise<bigint> => {
    const data = contract.interface.encodeFunctionData(name, args);
    const sent = await sender.sendTransaction({ to: await contract.getAddress(), data, ...overrides() });
    const receipt = await provider.getTransactionReceipt(sent.hash);
    if (receipt?.status !== 1) throw new Error(`${name} of the peer failed`);
    return receipt.gasUsed;
  };
  const schemaText = "bytes32 vm,uint256 home,uint256 source,uint256 destination,uint256 releasedAt,uint256 runningAt";
  await transact(schemas, "register", [schemaText, ZeroAddress, true]);
  const schema = schemaUid(schemaText);

  const { chainId } = await provider.getNetwork();
  const version = String(await eas.getFunction("version").staticCall());
  const domain = { name: "EAS", version, chainId, verifyingContract: await eas.getAddress() };
  const deadline = 0n;
  let signed = Number(await eas.getFunction("getNonce").staticCall(attester.address));
  const request = async (index: number) => {
    const words = Array.from({ length: WORDS }, (_, word) => id(`${index}/${word}`).slice(2));
    const data = {
      recipient: ZeroAddress,
      expirationTime: 0n,
      revocable: true,
      refUID: ZeroHash,
      data: `0x${words.join("")}`,
      value: 0n,
    };
    const message = { attester: attester.address, schema, ...data, nonce: signed++, deadline };
    const { v, r, s } = Signature.from(await attester.signTypedData(domain, ATTEST, message));
    return { data, signature: { v, r, s } };
  };
  const one = async (index: number) => {
    const { data, signature } = await request(index);
    return transact(eas, "attestByDelegation", [{ schema, data, signature, attester: attester.address, deadline }]);
  };
  const ten = async (index: number) => {
    const requests = [];
    for (let i = 0; i < 10; ++i) requests.push(await request(index + i));
    return transact(eas, "multiAttestByDelegation", [
      [
        {
          schema,
          data: requests.map(({ data }) => data),
          signatures: requests.map(({ signature }) => signature),
          attester: attester.address,
          deadline,
        },
      ],
    ]);
  };
  await one(1);
  const attest = await one(2);
  await ten(100);
  return { attest, multiAttest: await ten(200) };
}

/** EAS' own id of a schema without resolver: keccak256(schema, resolver, revocable), packed. */
function schemaUid(schema: string): string {
  return solidityPackedKeccak256(["string", "address", "bool"], [schema, ZeroAddress, true]);
}
