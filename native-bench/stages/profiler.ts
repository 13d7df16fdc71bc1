import { Session } from 'node:inspector'

/** A CPU profile as V8 gives it and Chrome DevTools opens it (`.cpuprofile`). */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

export interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

export interface ThreadProfile {
  /** `main`, or `worker-N` by the number that Node.js gives the thread. */
  readonly thread: string
  readonly profile: CpuProfile
}

const INTERVAL_MICROS = 1_000
/** A thread that is asleep answers when it wakes. */
const ANSWER_MS = 5_000

type Post = (method: string, params?: object) => Promise<unknown>
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: { readonly message: string } }

/**
 * Profiles all threads of this process, from its main thread. The inspector interrupts a thread for what it is told, in
 * the middle of a loop too: so a group's thread, which never comes back to its event loop, answers like any other.
 */
export class Profiler {
  readonly #session = new Session()
  /** Inspector sessions of worker threads, by the number of the thread. */
  readonly #workers = new Map<string, string>()
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #nextId = 1

  /** Resolves when all threads are being profiled. */
  async start(): Promise<void> {
    await this.#attach()
    await this.#onAll(async (post) => {
      await post('Profiler.enable')
      await post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROS })
      await post('Profiler.start')
    })
  }

  async stop(): Promise<ThreadProfile[]> {
    const profiles = await this.#onAll(async (post, thread) => {
      const { profile } = (await post('Profiler.stop')) as { profile: CpuProfile }
      return { thread, profile }
    })
    await this.#post('NodeWorker.disable')
    this.#session.disconnect()
    return profiles
  }

  async #attach(): Promise<void> {
    const session = this.#session
    session.connect()
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      this.#workers.set(params.workerInfo.workerId, params.sessionId)
    })
    session.on('NodeWorker.detachedFromWorker', ({ params }) => {
      for (const [thread, id] of this.#workers) if (id === params.sessionId) this.#workers.delete(thread)
    })
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const reply = JSON.parse(params.message) as Reply
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
    })
    await this.#post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  }

  #onAll<T>(act: (post: Post, thread: string) => Promise<T>): Promise<T[]> {
    const workers = [...this.#workers.keys()]
    return Promise.all([
      act((method, params) => this.#post(method, params), 'main'),
      ...workers.map((worker) => act((method, params) => this.#ask(worker, method, params), `worker-${worker}`)),
    ])
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, params, (error, result) => (error === null ? resolve(result) : reject(error)))
    })
  }

  #ask(thread: string, method: string, params: object = {}): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new Error(`thread ${thread} has not answered ${method} within ${ANSWER_MS} ms`))
      }, ANSWER_MS)
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(late)
        if (error === undefined) resolve(result)
        else reject(new Error(`thread ${thread}: ${method}: ${error.message}`))
      })
      const message = JSON.stringify({ id, method, params })
      const sessionId = this.#workers.get(thread)
      this.#post('NodeWorker.sendMessageToWorker', { sessionId, message }).catch(reject)
    })
  }
}
