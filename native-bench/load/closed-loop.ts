import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Calls } from './calls.js'
import type { LoadCounts } from './load-counts.js'

const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 200

/** Every caller makes its next call as soon as it has the answer to the last one: a slow system gets fewer calls. */
export class ClosedLoop {
  readonly #calls: Calls
  readonly #counts: LoadCounts
  readonly #callers: readonly number[]
  #running: readonly Promise<void>[] = []
  #stopping = false

  /** The names of its callers. */
  constructor(calls: Calls, counts: LoadCounts, callers: readonly number[]) {
    this.#calls = calls
    this.#counts = counts
    this.#callers = callers
  }

  start(): void {
    this.#running = this.#callers.map((caller) => this.#run(caller))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  async #run(caller: number): Promise<void> {
    const calls = this.#calls
    const counts = this.#counts
    const group = caller % calls.groups
    let pauseMs = FIRST_PAUSE_MS
    while (!this.#stopping) {
      const kind = calls.pick()
      const known = counts.acknowledgedIn(group)
      const asked = performance.now()
      try {
        // The call's own promise: another one around it would be a tenth of what a command costs this thread.
        counts.ended(kind, group, await calls.send(kind, group, caller), asked, known)
        pauseMs = FIRST_PAUSE_MS
      } catch (error) {
        counts.failed(error, calls.commandsOf(kind))
        // Callers that are refused at once would otherwise fill the loop that has to get them out of it.
        await sleep(pauseMs)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      }
    }
  }
}
