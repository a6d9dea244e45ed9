// Made from bench/results/gas.json by `npm run generate`: not to be edited.

/** Gas of an action in the steady state: with one line, and for each further one where groups were measured. */
export const MEASURED_GAS: { readonly [action: string]: { readonly first: number; readonly further?: number } } = {
  abort: { first: 93_056 },
  agree: { first: 123_564, further: 11_652 },
  amend: { first: 154_600 },
  complete: { first: 113_549, further: 38_614 },
  contestLoss: { first: 42_278 },
  declareLost: { first: 40_247 },
  evacuate: { first: 156_762 },
  expire: { first: 77_570 },
  giveNotice: { first: 46_960 },
  record: { first: 163_887, further: 44_421 },
  register: { first: 113_681 },
  release: { first: 55_643 },
  restore: { first: 68_363 },
  revoke: { first: 79_830 },
  start: { first: 47_430, further: 7_671 },
  stop: { first: 53_090 },
  terminate: { first: 40_140 },
  withdrawLoss: { first: 40_658 },
};
