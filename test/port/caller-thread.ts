import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { PaxosNode } from '../../src/index.js'
import type { Asked } from './port-thread.js'

interface Waiting {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** A thread of the application with a port of one node: it does what it is asked to, and gives what came out. */
export class CallerThread {
  readonly #thread: Worker
  readonly #waiting = new Map<number, Waiting>()
  #last = 0

  constructor(node: PaxosNode) {
    const port = node.port()
    this.#thread = new Worker(new URL('./port-thread.js', import.meta.url), {
      workerData: { port },
      transferList: [port],
      execArgv: [],
    })
    this.#thread.on('message', ({ id, value, error }) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(error)
    })
  }

  ask<T>(asked: Asked): Promise<T> {
    const id = ++this.#last
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#thread.postMessage({ id, asked })
    })
  }

  propose(group: number, command: unknown, timeoutMs?: number): Promise<unknown> {
    return this.ask({ do: 'propose', group, command, ...(timeoutMs === undefined ? {} : { options: { timeoutMs } }) })
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await once(this.#thread, 'exit')
  }

  /** Wherever it is. */
  async terminate(): Promise<void> {
    await this.#thread.terminate()
  }
}
