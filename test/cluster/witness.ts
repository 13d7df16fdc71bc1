import { setTimeout as sleep } from 'node:timers/promises'
import type { KvClient } from '../../native-bench/kv/kv-client.js'
import type { Random } from '../../src/base/random.js'

/**
 * What one writer knows of one key. It writes the key alone and one command at a time, and leaves the key for ever after
 * the first write whose end it does not know. So at most one write of a key is unknown, and it is the last one:
 *
 *   all acknowledged           the version is exactly `acknowledged`
 *   the last one is unknown    the version is `acknowledged`, or one more and the value is the unknown one
 *
 * A lost acknowledgement shows as a version below that, a command executed twice as one above.
 */
export interface KeyRecord {
  readonly key: string
  /** Otherwise by compare and set, which must never meet another version than the one it expects. */
  readonly byPut: boolean
  acknowledged: number
  value: string | undefined
  unknownValue: string | undefined
}

export interface WitnessCounts {
  acknowledged: number
  notApplied: number
  unknown: number
  reads: number
}

export interface WitnessOptions {
  readonly client: KvClient
  readonly nodeIds: readonly number[]
  readonly writers: number
  readonly random: Random
  /** Keys that a writer has at one time; one by default, more spread few writers over many groups. */
  readonly keysOfWriter?: number
}

const PAUSE_MS = 20
/** One in so many operations is a quorum read of what was just written. */
const READ_EVERY = 8

/** Writers that record what they were told. Half of the keys are written by PUT, half by compare and set. */
export class Witness {
  readonly records: KeyRecord[] = []
  readonly violations: string[] = []
  readonly counts: WitnessCounts = { acknowledged: 0, notApplied: 0, unknown: 0, reads: 0 }
  readonly #options: WitnessOptions
  #running: Promise<void>[] = []
  #stopping = false

  constructor(options: WitnessOptions) {
    this.#options = options
  }

  start(): void {
    this.#stopping = false
    this.#running = Array.from({ length: this.#options.writers }, (_, writer) => this.#write(writer))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  /** Resolves when so many more writes have been acknowledged. */
  async progress(writes: number, timeoutMs: number): Promise<boolean> {
    const wanted = this.counts.acknowledged + writes
    for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await sleep(5)) {
      if (this.counts.acknowledged >= wanted) return true
    }
    return false
  }

  async #write(writer: number): Promise<void> {
    const { random, nodeIds, keysOfWriter = 1 } = this.#options
    const held: KeyRecord[] = []
    while (!this.#stopping) {
      const place = random.below(keysOfWriter)
      if (held[place]?.unknownValue !== undefined) delete held[place]
      held[place] ??= this.#newRecord(writer)
      const record = held[place]
      const nodeId = nodeIds[random.below(nodeIds.length)]!
      if (record.acknowledged > 0 && random.below(READ_EVERY) === 0) await this.#read(nodeId, record)
      else await this.#writeOnce(nodeId, record)
    }
  }

  #newRecord(writer: number): KeyRecord {
    const number = this.records.length
    const byPut = number % 2 === 0
    const record = { key: `${writer}/${number}`, byPut, acknowledged: 0, value: undefined, unknownValue: undefined }
    this.records.push(record)
    return record
  }

  async #writeOnce(nodeId: number, record: KeyRecord): Promise<void> {
    const { client } = this.#options
    const { key, acknowledged } = record
    const value = `${key}#${acknowledged + 1}`
    const end = record.byPut
      ? await client.put(nodeId, key, value)
      : await client.compareAndSet(nodeId, key, value, acknowledged)
    switch (end.kind) {
      case 'done':
        this.counts.acknowledged++
        record.acknowledged++
        record.value = value
        if (end.version === record.acknowledged) return
        this.violations.push(`${key}: write ${record.acknowledged} gave version ${end.version}`)
        return
      case 'conflict':
        this.violations.push(`${key}: version ${end.version} after ${acknowledged} acknowledged writes`)
        record.unknownValue = value
        return
      case 'unknown':
        this.counts.unknown++
        record.unknownValue = value
        return
      case 'not-applied':
        this.counts.notApplied++
        await sleep(PAUSE_MS)
    }
  }

  async #read(nodeId: number, record: KeyRecord): Promise<void> {
    const reply = await this.#options.client.get(nodeId, record.key, 'quorum').catch(() => undefined)
    if (reply === undefined || reply.status >= 500) {
      await sleep(PAUSE_MS)
      return
    }
    this.counts.reads++
    if (reply.version === record.acknowledged && reply.body === record.value) return
    this.violations.push(
      `${record.key}: read version ${reply.version} after ${record.acknowledged} acknowledged writes`,
    )
  }
}
