import type { RpcProvider } from "../src/index.js";

/** The same provider, but for how it sends: for simulators whose time is set, and for tests that stand in between. */
export function sendingBy(provider: RpcProvider, send: RpcProvider["send"]): RpcProvider {
  return new Proxy(provider, {
    get(target, name) {
      if (name === "send") return send;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
