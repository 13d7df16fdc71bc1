import type { Millis } from '../base/numbers.js'
import { Queue } from '../base/queue.js'
import type { CheckpointTaken, CheckpointTask } from '../codec/checkpoint-task.js'
import { allocateGate, GatePhase, SupervisorGate } from '../ring/gate-word.js'
import { codeOf, PaxosError, toPaxosError } from './paxos-error.js'
import { type RunningTask, WorkerPool, workerModule } from './worker-pool.js'

export interface CheckpointPoolOptions {
  readonly threads: number
  readonly heapMegabytes: number
  /** A test's module in place of the checkpoint worker. */
  readonly workerUrl?: URL
  /** How long a task may show no sign of life. */
  readonly stuckMs?: Millis
}

export type CheckpointJob = Omit<CheckpointTask, 'gate' | 'opened'>

interface Waiting {
  readonly job: CheckpointJob
  readonly opened: () => void
  readonly resolve: (taken: CheckpointTaken) => void
  readonly reject: (error: unknown) => void
}

interface Running {
  readonly group: number
  readonly gate: SupervisorGate
  readonly task: RunningTask<CheckpointTaken>
  /** Of its gate, when it was last looked at and had moved. */
  changes: number
  movedAt: Millis
  /** Why it was ended from here. */
  condemned: PaxosError | undefined
}

/** A thread without a task ends after so long: checkpoints come in bursts, one for each group. */
const IDLE_MS = 30_000
/** One call of a machine's `snapshot` or `restore` may take long, for it is about the whole state; but not so long. */
const STUCK_MS = 600_000
const POLL_MS = 5

/**
 * The threads that make checkpoints: few, started when there is something to do. Every task stands behind a gate of its
 * own, and its thread is terminated only when it has been condemned there.
 */
export class CheckpointPool {
  readonly #pool: WorkerPool
  readonly #threads: number
  readonly #stuckMs: Millis
  readonly #waiting = new Queue<Waiting>()
  readonly #running = new Set<Running>()
  #watch: NodeJS.Timeout | undefined
  #isStopped = false

  constructor({ threads, heapMegabytes, workerUrl, stuckMs = STUCK_MS }: CheckpointPoolOptions) {
    this.#threads = threads
    this.#stuckMs = stuckMs
    this.#pool = new WorkerPool({
      threads,
      heapMegabytes,
      workerUrl: workerUrl ?? workerModule('checkpoint-worker'),
      idleMs: IDLE_MS,
      // Nobody can say for which task it was started: a task that is in its way fails with it, and is tried again.
      onIdleFailure: () => this.#condemnAll('CHECKPOINT_FAILED', 'a checkpoint thread does not start'),
    })
  }

  /** Runs the task as soon as a thread is free; `opened` when its snapshot is fixed. Rejects with a PaxosError. */
  run(job: CheckpointJob, opened: () => void): Promise<CheckpointTaken> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) return reject(stopped())
      this.#waiting.push({ job, opened, resolve, reject })
      this.#next()
    })
  }

  /** Ends every task, for at most `graceMs`. The groups of those that do not end: they hang in the disk. */
  async stop(graceMs: Millis): Promise<readonly number[]> {
    this.#isStopped = true
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift()) one.reject(stopped())
    const deadline = performance.now() + graceMs
    for (;;) {
      this.#condemnAll('NODE_STOPPED', 'the node was stopped while it was made')
      if (this.#running.size === 0 || performance.now() >= deadline) break
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    clearInterval(this.#watch)
    const stuck = [...this.#running].map(({ group }) => group)
    if (stuck.length > 0) return stuck
    await this.#pool.threadsGone()
    await this.#pool.close()
    return []
  }

  #next(): void {
    while (this.#running.size < this.#threads) {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) return
      this.#begin(waiting)
    }
  }

  #begin({ job, opened, resolve, reject }: Waiting): void {
    const memory = allocateGate()
    const { port1, port2 } = new MessageChannel()
    port1.on('message', opened)
    const task = this.#pool.run<CheckpointTaken>({ ...job, gate: memory, opened: port2 }, [port2])
    const gate = new SupervisorGate(memory)
    const running: Running = {
      group: job.group,
      gate,
      task,
      changes: 0,
      movedAt: performance.now(),
      condemned: undefined,
    }
    this.#running.add(running)
    this.#watch ??= setInterval(() => this.#look(), this.#stuckMs / 4).unref()
    const end = () => {
      this.#running.delete(running)
      port1.close()
      this.#next()
    }
    task.ended.then(
      (taken) => {
        end()
        resolve(taken)
      },
      (cause) => {
        end()
        reject(running.condemned ?? asError(cause))
      },
    )
  }

  #look(): void {
    const now = performance.now()
    for (const running of this.#running) {
      const reading = running.gate.read()
      if (reading.changes !== running.changes) {
        running.changes = reading.changes
        running.movedAt = now
      } else if (now - running.movedAt >= this.#stuckMs && running.gate.tryCondemn(reading)) {
        const where = reading.phase === GatePhase.user ? 'a state machine' : 'it'
        this.#terminate(running, 'WORKER_STUCK', `${where} has shown no sign of life for ${this.#stuckMs} ms`)
      }
    }
  }

  #condemnAll(code: 'CHECKPOINT_FAILED' | 'NODE_STOPPED', what: string): void {
    for (const running of this.#running) if (running.gate.tryCondemn()) this.#terminate(running, code, what)
  }

  /** Only for a condemned task. */
  #terminate(running: Running, code: PaxosError['code'], what: string): void {
    if (running.condemned !== undefined) return
    running.condemned = new PaxosError(code, what)
    running.task.terminate()
  }
}

function stopped(): PaxosError {
  return new PaxosError('NODE_STOPPED', 'the node has been stopped')
}

function asError(cause: unknown): PaxosError {
  if (codeOf(cause) !== 'ERR_WORKER_OUT_OF_MEMORY') return toPaxosError(cause, 'CHECKPOINT_FAILED')
  const message = 'the heap of its thread was full: raise memory.checkpointHeapMegabytes'
  return new PaxosError('WORKER_OUT_OF_MEMORY', message, { cause })
}
