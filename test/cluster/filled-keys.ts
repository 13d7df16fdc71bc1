import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KvClient } from '../../native-bench/kv/kv-client.js'
import type { KeyRecord } from './witness.js'

const POOL_BYTES = 1 << 20
const STEP = 7919
const PARALLEL = 32
const PAUSE_MS = 20

/** A key that is written once. Its value is made whenever it is asked for: all of them would fill the memory. */
class FilledKey implements KeyRecord {
  readonly byPut = true
  acknowledged = 0
  isUnknown = false
  readonly key: string
  readonly #make: () => string

  constructor(key: string, make: () => string) {
    this.key = key
    this.#make = make
  }

  get text(): string {
    return this.#make()
  }

  get value(): string | undefined {
    return this.acknowledged > 0 ? this.#make() : undefined
  }

  get unknownValue(): string | undefined {
    return this.isUnknown ? this.#make() : undefined
  }
}

/** Keys that make a state large, with values that compression hardly makes smaller. */
export class FilledKeys {
  readonly records: readonly FilledKey[]
  readonly #pool = randomBytes(POOL_BYTES).toString('base64')

  constructor(count: number, bytes: number) {
    const room = this.#pool.length - bytes
    this.records = Array.from({ length: count }, (_, i) => {
      const from = (i * STEP) % room
      return new FilledKey(`filled/${i}`, () => `${i}#`.padEnd(bytes, this.#pool.slice(from, from + bytes)))
    })
  }

  /** Writes all of them, through the nodes in turn. */
  async write(client: KvClient, nodeIds: readonly number[]): Promise<void> {
    const left = [...this.records]
    const work = async (): Promise<void> => {
      for (let key = left.pop(); key !== undefined; key = left.pop()) {
        const { kind } = await client.put(nodeIds[left.length % nodeIds.length]!, key.key, key.text)
        if (kind === 'done') key.acknowledged++
        else if (kind === 'unknown') key.isUnknown = true
        else {
          left.push(key)
          await sleep(PAUSE_MS)
        }
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
  }
}
