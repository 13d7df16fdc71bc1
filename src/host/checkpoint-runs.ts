import type { TakeRequest } from '../codec/worker-records.js'
import type { CheckpointJob, CheckpointPool } from './checkpoint-pool.js'
import type { HostedGroup } from './hosted-group.js'
import type { NodeEvents } from './node-events.js'
import { codeOf, PaxosError } from './paxos-error.js'
import type { WorkerPort } from './worker-port.js'
import type { WorkerSlot } from './worker-slot.js'

/** A message goes through a ring. */
const MAX_TEXT = 1_000

interface Take {
  readonly slot: WorkerSlot
  /** Of the life that asked: no other one hears of its end. */
  readonly port: WorkerPort
  readonly group: HostedGroup
  readonly request: TakeRequest
}

/** Between the groups' threads, which say that a checkpoint is to be made, and those that make it: one task per group. */
export class CheckpointRuns {
  readonly #pool: Pick<CheckpointPool, 'run'>
  readonly #jobOf: (group: HostedGroup, request: TakeRequest) => CheckpointJob
  readonly #events: NodeEvents
  readonly #wrote: () => void
  readonly #busy = new Set<HostedGroup>()
  /** Asked for by a life of the worker that began before the task of an earlier one has ended. */
  readonly #later = new Map<HostedGroup, Take>()

  constructor(
    pool: Pick<CheckpointPool, 'run'>,
    jobOf: (group: HostedGroup, request: TakeRequest) => CheckpointJob,
    events: NodeEvents,
    wrote: () => void,
  ) {
    this.#pool = pool
    this.#jobOf = jobOf
    this.#events = events
    this.#wrote = wrote
  }

  take(slot: WorkerSlot, group: HostedGroup, request: TakeRequest): void {
    if (slot.port === undefined) return
    const take = { slot, port: slot.port, group, request }
    if (this.#busy.has(group)) this.#later.set(group, take)
    else void this.#run(take)
  }

  async #run(take: Take): Promise<void> {
    const { group, request } = take
    const { instance, asked } = request
    this.#busy.add(group)
    try {
      const job = this.#jobOf(group, request)
      const { snapshotMs } = await this.#pool.run(job, () => this.#tell(take, { kind: 'take-opened', instance }))
      this.#tell(take, { kind: 'take-ended', instance, snapshotMs, code: '', error: '' })
      // It is durable, whether or not the worker lives to see it.
      group.checkpoints.made(instance, asked)
    } catch (error) {
      this.#failed(take, error as PaxosError)
    }
    this.#busy.delete(group)
    const later = this.#later.get(group)
    this.#later.delete(group)
    if (later !== undefined && later.slot.port === later.port) void this.#run(later)
  }

  #failed(take: Take, error: PaxosError): void {
    const { group, request } = take
    const { instance, asked } = request
    const code = codeOf(error.cause) ?? error.code
    const message = error.message.slice(0, MAX_TEXT)
    this.#tell(take, { kind: 'take-ended', instance, snapshotMs: 0, code, error: message })
    if (error.code === 'NODE_STOPPED') return
    if (code === 'STATE_MOVED') {
      // It had to wait for a thread for too long: nothing is wrong.
      group.checkpoints.again(asked)
      return
    }
    const text = `group ${group.index}: no checkpoint of instance ${instance} could be made: ${message}`
    group.checkpoints.failed(asked, new PaxosError('CHECKPOINT_FAILED', text, { cause: error }))
    this.#events.alarm({
      code: 'CHECKPOINT_FAILED',
      message: text,
      group: group.index,
      details: { instance, cause: code },
    })
  }

  #tell({ slot, port, group }: Take, command: Parameters<WorkerPort['tune']>[1]): void {
    if (slot.port !== port) return
    port.tune(group.index, command)
    this.#wrote()
  }
}
