import type { MachineHome } from '../state-machine/machine-set.js'
import type { StateStore } from '../store/state-store.js'
import type { GroupHost } from './group-host.js'

/** The state of a group as its machines reach it. The store may open its environment anew at any time. */
export function machineHome(
  { group, store }: GroupHost,
  externalDirectory: MachineHome['externalDirectory'],
): MachineHome {
  const state = () => store.state as StateStore
  return {
    group,
    reads: {
      get: (machine, key) => state().get(group, machine, key),
      range: (machine, from, end, reverse) => state().range(group, machine, from, end, reverse),
    },
    externalDirectory,
  }
}
