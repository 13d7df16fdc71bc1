import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { PaxosError, toPaxosError } from './paxos-error.js'

export interface WorkerPoolOptions {
  readonly threads: number
  /** The task module. */
  readonly workerUrl: URL
  readonly heapMegabytes: number
  /** A thread is started when there is a task for it, and ends when it had none for so long; else all live for ever. */
  readonly idleMs?: number
  /** A thread has failed that had no task: it may have been started for one that still waits. */
  onIdleFailure?(): void
}

/** A task that has a thread of its own while it runs. */
export interface RunningTask<Result = void> {
  /** Ends when the task returns, and rejects when its thread fails or is terminated. */
  readonly ended: Promise<Result>
  /**
   * Terminates the thread that runs it. ONLY for a worker that has been condemned behind its gate: terminating a thread
   * inside a native transaction hangs the process.
   */
  terminate(): void
}

/**
 * Threads for tasks that block them: a piscina pool. Piscina cannot say which thread takes a task, so a task carries all
 * that it is about, and the threads are all alike.
 */
export class WorkerPool {
  readonly #pool: Piscina
  /** Threads that have not exited, those that the pool has dropped included; resolves when the task module is loaded. */
  readonly #known = new Map<Piscina['threads'][number], Promise<void>>()

  constructor({ threads, workerUrl, heapMegabytes, idleMs, onIdleFailure }: WorkerPoolOptions) {
    this.#pool = new Piscina({
      filename: fileURLToPath(workerUrl),
      minThreads: idleMs === undefined ? threads : 0,
      maxThreads: threads,
      idleTimeout: idleMs ?? Number.POSITIVE_INFINITY,
      // A thread that waits for its next task in Atomics.wait could not be told to end.
      atomics: 'disabled',
      concurrentTasksPerWorker: 1,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    })
    // The next task finds its replacement.
    this.#pool.on('error', () => onIdleFailure?.())
    // Its replacement is there when the pool's own handler has ended.
    this.#pool.on('workerDestroy', () => queueMicrotask(() => this.#note()))
    this.#note()
  }

  /** `ports` go with the task: they are of no more use here. */
  run<Result = void>(task: unknown, ports: InstanceType<typeof MessagePort>[] = []): RunningTask<Result> {
    const controller = new AbortController()
    const options = { signal: controller.signal, transferList: ports }
    const ended = this.#pool.run(task, options) as Promise<Result>
    // Whoever cares has `ended`; a rejection nobody awaits yet is no crash of the process.
    ended.catch(() => undefined)
    this.#note()
    return { ended, terminate: () => void this.#loaded().then(() => controller.abort()) }
  }

  /** Loads the state machines in a thread and returns their ids. A module that loops while loading is given up. */
  async probe(urls: readonly string[], timeoutMs: number): Promise<number[]> {
    const filename = fileURLToPath(workerModule('machine-probe'))
    const controller = new AbortController()
    const late = setTimeout(() => void this.#loaded().then(() => controller.abort()), timeoutMs)
    try {
      return (await this.#pool.run(urls, { filename, signal: controller.signal })) as number[]
    } catch (error) {
      if (!controller.signal.aborted) throw toPaxosError(error, 'STATE_MACHINE_INVALID')
      const message = `the state machines ${urls.join(', ')} have not loaded within ${timeoutMs} ms (option timeouts.startMs)`
      throw new PaxosError('STATE_MACHINE_INVALID', message)
    } finally {
      clearTimeout(late)
    }
  }

  /**
   * Resolves when the threads that failed or were terminated are gone. A store is locked by its thread: its successor
   * must not open it before.
   */
  async threadsGone(): Promise<void> {
    const living = new Set(this.#pool.threads)
    const dying = [...this.#known.keys()].filter((thread) => !living.has(thread) && thread.threadId > 0)
    await Promise.all(dying.map(exited))
    this.#note()
  }

  /** All tasks must have returned, or be condemned. */
  async close(): Promise<void> {
    await this.#loaded()
    await this.#pool.destroy()
  }

  /** A thread that is terminated while it loads a native module aborts the process. */
  async #loaded(): Promise<void> {
    await Promise.all(this.#known.values())
  }

  #note(): void {
    for (const thread of this.#known.keys()) if (thread.threadId <= 0) this.#known.delete(thread)
    for (const thread of this.#pool.threads) if (!this.#known.has(thread)) this.#known.set(thread, loaded(thread))
  }
}

/** Not `events.once`: a thread whose heap runs full while it is terminated has an `error` before its `exit`. */
function exited(thread: Piscina['threads'][number]): Promise<void> {
  return new Promise((resolve) => thread.once('exit', () => resolve()))
}

/** The first message of a thread of the pool says that it has loaded the task module. */
function loaded(thread: Piscina['threads'][number]): Promise<void> {
  return new Promise((resolve) => {
    thread.once('message', () => resolve())
    thread.once('exit', () => resolve())
  })
}

/** Compiled and source files have different extensions: it is derived from the running file. */
export function workerModule(name: 'group-worker' | 'checkpoint-worker' | 'machine-probe' | 'store-probe'): URL {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return new URL(`../../workers/${name}${extension}`, import.meta.url)
}
