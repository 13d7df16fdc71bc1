import { WORKER_STAGES, type WorkerStage } from '../codec/worker-stages.js'
import type { PositionHistory } from '../ring/position-history.js'
import type { Clock } from './clock.js'
import type { GroupHost } from './group-host.js'

/** Notes for the host how far the groups of this thread have come, and when: the stages of codec/worker-stages.ts. */
export class StageNotes {
  readonly #histories: ReadonlyMap<GroupHost, readonly PositionHistory[]>
  readonly #watch: Clock

  /** `histories` in the order of `hosts`. */
  constructor(histories: readonly (readonly PositionHistory[])[], hosts: readonly GroupHost[], watch: Clock) {
    this.#histories = new Map(hosts.map((host, i) => [host, histories[i] as readonly PositionHistory[]]))
    this.#watch = watch
  }

  /** These groups may have come further in these stages. */
  look(hosts: readonly GroupHost[], ...stages: readonly WorkerStage[]): void {
    const now = this.#watch.now()
    for (const host of hosts) {
      const histories = this.#histories.get(host)
      for (const stage of stages) histories?.[WORKER_STAGES.indexOf(stage)]?.note(positionOf(host, stage), now)
    }
  }
}

function positionOf({ core, callers, place }: GroupHost, stage: WorkerStage): number {
  if (stage === 'read') return callers.runs.readUpTo(place.outbox)
  if (core === undefined) return 0
  if (stage === 'chosen') return core.chosenUpTo
  if (stage === 'executed') return core.executedUpTo
  return core.lastAccepted
}
