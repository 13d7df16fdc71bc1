import type { Millis } from '../base/numbers.js'
import { WORKER_STAGES, type WorkerStage } from '../codec/worker-stages.js'
import { machineNow, toMachine } from '../ring/machine-clock.js'
import { ownHistory, type PositionHistory } from '../ring/position-history.js'
import { openStages } from '../ring/stage-memory.js'
import type { HostedGroup } from './hosted-group.js'
import type { Answer, Pending, SettledAnswer } from './pending.js'
import type { WorkerSlot } from './worker-slot.js'

/**
 * The way of one command that was proposed on this node, as moments of the machine's monotonic clock in milliseconds.
 * Undefined: it is forgotten, or did not happen here, since another node leads the group.
 */
export interface StageSample {
  readonly group: number
  readonly instance: number
  /** `propose` was called. */
  readonly proposed: Millis
  /** Its record was made visible to the worker. */
  readonly published: Millis
  /** The worker's part: the stages of codec/worker-stages.ts. */
  readonly worker: Readonly<Record<WorkerStage, Millis | undefined>>
  /** The host read the outbox after the worker had published what it sent... */
  readonly collected: Millis | undefined
  /** ...and had handed it to the links. */
  readonly linked: Millis | undefined
  /** The result was read out of the outbox, and the promise resolved. */
  readonly answered: Millis
  /** The caller has gone on. */
  readonly resumed: Millis
}

/** What `testing.onStages` is given. */
export interface StageProbe {
  /** The samples completed since the last call; at most some ten thousand. */
  take(): StageSample[]
  /** When this node's worker had come to `instance`, in milliseconds of the machine's monotonic clock. */
  timeOf(group: number, stage: WorkerStage, instance: number): Millis | undefined
}

/** The next sample of a group begins that much after the last one, for each group there is. */
const INTERVAL_MS = 2.5
/** A watched command that has not come, or not ended, is given up. */
const STALE_MS = 2_000
const MAX_SAMPLES = 16_384
const COLLECTIONS = 4_096

/** Of each group, one command at a time. */
interface Watch {
  readonly group: HostedGroup
  readonly seat: Seat
  /** The place of the group in its worker's table. */
  readonly place: number
  /** 0: none is watched. */
  sequence: number
  isUnderWay: boolean
  since: Millis
}

/** One worker's slot, and when its outbox was read. */
interface Seat {
  readonly slot: WorkerSlot
  /** Of each reading of the outbox, when what it gave had left. */
  readonly collections: PositionHistory
  histories: { readonly of: SharedArrayBuffer; readonly all: readonly (readonly PositionHistory[])[] } | undefined
}

/**
 * Follows single commands from `propose` to the resumption of the caller. The worker's part is looked up afterwards, in
 * what it notes of its positions: so nobody has to know on the way that a command is watched.
 */
export class StageSampler implements StageProbe {
  readonly #seats: readonly Seat[]
  readonly #watches: readonly Watch[]
  #samples: StageSample[] = []

  constructor(slots: readonly WorkerSlot[]) {
    this.#seats = slots.map((slot) => ({ slot, collections: ownHistory(COLLECTIONS), histories: undefined }))
    this.#watches = this.#seats.flatMap((seat) =>
      seat.slot.groups.map((group, place) => ({ group, seat, place, sequence: 0, isUnderWay: false, since: 0 })),
    )
  }

  take(): StageSample[] {
    const taken = this.#samples
    this.#samples = []
    return taken
  }

  timeOf(group: number, stage: WorkerStage, instance: number): Millis | undefined {
    const watch = this.#watches.find((candidate) => candidate.group.index === group)
    return watch === undefined ? undefined : this.#find(watch, stage, instance)
  }

  /**
   * What had been written into the rings is visible to the workers. `now`, of the host's clock, is from before: a worker
   * that is woken may have read it when the host goes on.
   */
  published(now: Millis): void {
    for (const watch of this.#watches) {
      const { table } = watch.group.proposals
      if (watch.sequence === 0) {
        if (now - watch.since < INTERVAL_MS * this.#watches.length) continue
        watch.since = now
        // Not always the first one of those that go on together.
        watch.sequence = table.next + Math.floor(Math.random() * table.live)
      } else if (!watch.isUnderWay && table.next > watch.sequence) {
        const pending = table.get(watch.sequence)
        if (pending === undefined) watch.sequence = 0
        else this.#follow(watch, pending, toMachine(now))
      } else if (now - watch.since > STALE_MS) {
        watch.sequence = 0
        watch.isUnderWay = false
      }
    }
  }

  /** At the end of a turn: what its outboxes gave has left. */
  turned(now: Millis): void {
    for (const { slot, collections } of this.#seats) collections.note(toMachine(slot.drainedAt), toMachine(now))
  }

  #follow(watch: Watch, pending: Pending, published: Millis): void {
    const { sequence } = watch
    const { resolve } = pending
    watch.isUnderWay = true
    pending.resolve = (value) => {
      const answered = machineNow()
      resolve(value)
      // Behind the caller, and before any other one.
      queueMicrotask(() => {
        const resumed = machineNow()
        if (watch.sequence === sequence) {
          watch.sequence = 0
          watch.isUnderWay = false
        }
        const instance = instanceOf(value, sequence - pending.first)
        if (instance === undefined || this.#samples.length >= MAX_SAMPLES) return
        const proposed = toMachine(pending.since)
        this.#samples.push({ ...this.#between(watch, sequence, instance), proposed, published, answered, resumed })
      })
    }
  }

  #between(watch: Watch, sequence: number, instance: number) {
    const worker = Object.fromEntries(
      WORKER_STAGES.map((stage) => [stage, this.#find(watch, stage, stage === 'read' ? sequence : instance)]),
    ) as StageSample['worker']
    const collection = worker.sent === undefined ? undefined : watch.seat.collections.find(worker.sent)
    const { position: collected, at: linked } = collection ?? { position: undefined, at: undefined }
    return { group: watch.group.index, instance, worker, collected, linked }
  }

  #find({ seat, place }: Watch, stage: WorkerStage, position: number): Millis | undefined {
    const { memory } = seat.slot
    if (memory?.stages === undefined) return undefined
    if (seat.histories?.of !== memory.stages) {
      seat.histories = { of: memory.stages, all: openStages(memory.stages, memory.groups, memory.stagesPerGroup) }
    }
    return seat.histories.all[place]?.[WORKER_STAGES.indexOf(stage)]?.find(position)?.at
  }
}

/** The instance of the `k`th command of a call; undefined if that one ended with an error. */
function instanceOf(value: Answer | readonly SettledAnswer[], k: number): number | undefined {
  const answer = 'length' in value ? value[k] : value
  return answer === undefined || 'error' in answer ? undefined : answer.instance
}
