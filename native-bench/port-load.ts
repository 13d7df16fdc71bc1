import { setTimeout as sleep } from 'node:timers/promises'
import type { PortClient } from '../src/port/index.js'

/** A node, or a port of it: both have the same calls. */
export type PortLoadTarget = Pick<PortClient, 'groupCount'> & {
  group(index: number): Pick<ReturnType<PortClient['group']>, 'propose' | 'proposeMany'>
}

export interface PortLoadOptions {
  readonly callers: number
  readonly many: number
  readonly bytes: number
  /** Different in each thread of each turn: it makes its commands differ from those of the others. */
  readonly source: number
}

export interface PortLoadCounts {
  /** Commands that were answered since the last `begin`, and in how much time. */
  readonly commands: number
  readonly seconds: number
  /** Since the start. */
  readonly acknowledged: number
  readonly unknown: number
  readonly errors: number
}

const PAUSE_MS = 5
/** Source, caller and count, four bytes each. */
const HEADER_BYTES = 12

/** Closed loop: every caller makes its next call as soon as it has the answer to its last one. On any thread. */
export class PortLoad {
  readonly #target: PortLoadTarget
  readonly #options: PortLoadOptions
  readonly #callers: Promise<void>[]
  #stopping = false
  #commands = 0
  #began = performance.now()
  #acknowledged = 0
  #unknown = 0
  #errors = 0

  constructor(target: PortLoadTarget, options: PortLoadOptions) {
    this.#target = target
    this.#options = options
    this.#callers = Array.from({ length: options.callers }, (_, caller) => this.#call(caller))
  }

  begin(): void {
    this.#commands = 0
    this.#began = performance.now()
  }

  counts(): PortLoadCounts {
    return {
      commands: this.#commands,
      seconds: (performance.now() - this.#began) / 1000,
      acknowledged: this.#acknowledged,
      unknown: this.#unknown,
      errors: this.#errors,
    }
  }

  /** Resolves when every caller has had its last answer. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#callers)
  }

  async #call(caller: number): Promise<void> {
    const { many, bytes, source } = this.#options
    const group = this.#target.group(caller % this.#target.groupCount)
    const commands = Array.from({ length: many }, () => new Uint8Array(Math.max(bytes, HEADER_BYTES)))
    const views = commands.map(({ buffer }) => new DataView(buffer))
    for (const view of views) {
      view.setUint32(0, source, true)
      view.setUint32(4, caller, true)
    }
    for (let count = 0; !this.#stopping; ) {
      for (const view of views) view.setUint32(8, count++, true)
      try {
        if (many === 1) {
          await group.propose(commands[0])
          this.#acknowledged++
          this.#commands++
        } else {
          for (const answer of await group.proposeMany(commands)) {
            if ('error' in answer) this.#note(answer.error)
            else {
              this.#acknowledged++
              this.#commands++
            }
          }
        }
      } catch (error) {
        this.#note(error, many)
        await sleep(PAUSE_MS)
      }
    }
  }

  #note(error: unknown, count = 1): void {
    this.#errors += count
    if ((error as { outcome?: unknown }).outcome !== 'not-applied') this.#unknown += count
  }
}
