import { alarm } from './events.js'
import type { GroupHost } from './group-host.js'
import type { GroupStart } from './group-start.js'

/** At the start of a group: external machines that stand elsewhere than the log and the state say. */
export function tellOfExternals({ core, execution, place, group }: GroupHost, { behind }: GroupStart): void {
  for (const machine of behind) {
    const message = `external machine ${machine} is behind what was committed with its group: it is loaded from a checkpoint`
    place.outbox.event(group, alarm('MACHINE_BEHIND', { machine, message }))
  }
  for (const machine of execution?.machines.externalIds ?? []) {
    const { instance } = execution!.machines.positionOf(machine)
    if (core === undefined || instance <= core.chosenUpTo) continue
    const message = `external machine ${machine} is at instance ${instance}, ahead of the log: it waits until that has come`
    place.outbox.event(group, alarm('MACHINE_AHEAD', { machine, instance, message }))
  }
}
