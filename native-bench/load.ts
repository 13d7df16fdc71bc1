import { setTimeout as sleep } from 'node:timers/promises'
import { build, type Histogram } from 'hdr-histogram-js'

/** What commands are proposed to: the runtime, or the floor that it is held against. */
export interface LoadTarget {
  readonly groups: number
  propose(group: number, command: Uint8Array): Promise<unknown>
}

export interface LoadOptions {
  readonly callers: number
  readonly bytes: number
}

export interface LoadSample {
  readonly commands: number
  readonly errors: number
  readonly seconds: number
}

const HEADER_BYTES = 8
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 200

/** Closed loop: every caller proposes its next command as soon as it has the answer to the last one. */
export class Load {
  readonly errorsByCode = new Map<string, number>()
  /** Microseconds, since the last `begin`. */
  readonly latency: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
  })
  readonly #target: LoadTarget
  readonly #options: LoadOptions
  readonly #callers: Promise<void>[] = []
  #stopping = false
  #commands = 0
  #errors = 0
  #began = performance.now()
  /** Since the start, never reset: what the state machines must have counted at the least. */
  acknowledged = 0
  /** Commands that failed, but may have taken effect. */
  unknown = 0

  constructor(target: LoadTarget, options: LoadOptions) {
    this.#target = target
    this.#options = options
  }

  start(): void {
    for (let caller = 0; caller < this.#options.callers; caller++) this.#callers.push(this.#call(caller))
  }

  /** Starts a measurement: what was counted up to now is forgotten. */
  begin(): void {
    this.latency.reset()
    this.errorsByCode.clear()
    this.#commands = 0
    this.#errors = 0
    this.#began = performance.now()
  }

  sample(): LoadSample {
    const seconds = (performance.now() - this.#began) / 1000
    return { commands: this.#commands, errors: this.#errors, seconds }
  }

  /** Resolves when every caller has had its last answer. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#callers)
  }

  async #call(caller: number): Promise<void> {
    const { bytes } = this.#options
    const group = caller % this.#target.groups
    const command = new Uint8Array(Math.max(bytes, HEADER_BYTES)).fill(caller)
    const view = new DataView(command.buffer)
    view.setUint32(0, caller, true)
    let pauseMs = FIRST_PAUSE_MS
    for (let count = 0; !this.#stopping; count++) {
      view.setUint32(4, count, true)
      const asked = performance.now()
      try {
        await this.#target.propose(group, command)
        this.acknowledged++
        this.#commands++
        pauseMs = FIRST_PAUSE_MS
        this.latency.recordValue(Math.max(1, (performance.now() - asked) * 1000))
      } catch (error) {
        this.#note(error)
        // Callers that are refused at once would otherwise fill the loop that has to get them out of it.
        await sleep(pauseMs)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  #note(error: unknown): void {
    this.#errors++
    const { code, outcome } = error as { code?: unknown; outcome?: unknown }
    if (outcome !== 'not-applied') this.unknown++
    const name = typeof code === 'string' ? code : String(error)
    this.errorsByCode.set(name, (this.errorsByCode.get(name) ?? 0) + 1)
  }
}
