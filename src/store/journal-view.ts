import { type JournalContent, readJournal } from './journal-content.js'
import { JournalFile } from './journal-file.js'
import { JournalOverlay } from './journal-overlay.js'
import { decodePosition, type JournalPosition } from './journal-position.js'
import { journalKey, KEY_BYTES } from './log-keys.js'
import type { OpenLog } from './log-records.js'
import { StoreError } from './store-error.js'

/**
 * Its owner writes while it is read: an entry that came behind the place that was being read is missing, and the next one, before
 * it, is there. Seen once in five hundred readings beside an owner that does nothing else; damage is there each time.
 */
const READINGS = 5

/** Within a transaction: what an environment says of its journal; undefined if it never had one. Throws STORE_DAMAGED. */
export function positionOf(env: OpenLog): JournalPosition | undefined {
  const key = new Uint8Array(KEY_BYTES)
  const [first, second] = ([0, 1] as const).map((copy) => {
    const bytes = env.get(journalKey(key, copy))
    return bytes === undefined ? 'missing' : (decodePosition(bytes, env.lastLength) ?? 'unreadable')
  })
  const position = typeof first === 'object' ? first : second
  if (first === 'missing' && second === 'missing') return undefined
  if (typeof position !== 'object')
    throw journalDamaged(env.path, `what the environment says of it is ${String(position)}`)
  const bothRead = typeof first === 'object' && typeof second === 'object'
  if (bothRead && (first.absorbed !== second.absorbed || first.relaxedIn !== second.relaxedIn))
    throw journalDamaged(env.path, 'the environment says two things of it')
  return position
}

/** An environment with what only its journal holds laid over it, for one who reads it beside its owner. */
export class JournaledView implements OpenLog {
  lastLength = 0
  readonly #env: OpenLog
  readonly #renew: () => void
  #overlay = new JournalOverlay()

  /** `renew` begins a new transaction, in which `env` reads. */
  constructor(env: OpenLog, renew: () => void) {
    this.#env = env
    this.#renew = renew
  }

  get path(): string {
    return this.#env.path
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const found = this.#overlay.get(key)
    const bytes = found ?? this.#env.get(key)
    this.lastLength = found?.length ?? this.#env.lastLength
    return bytes
  }

  /** Begins a transaction that sees the newest commits. Throws STORE_DAMAGED. */
  refresh(): void {
    this.#overlay = new JournalOverlay()
    let before = positionOf(this.#env)
    for (let left = READINGS; before !== undefined; ) {
      const bytes = JournalFile.read(this.path)
      this.#renew()
      const after = positionOf(this.#env)
      // Nothing was absorbed between: what was read of the journal belongs to this transaction.
      if (after?.absorbed === before.absorbed) {
        const content = bytes === undefined ? 'it is not there' : readJournal(bytes, before)
        if (typeof content !== 'string') return this.#lay(content)
        if (--left === 0) throw journalDamaged(this.path, content)
      }
      before = after
    }
  }

  #lay({ puts }: JournalContent): void {
    for (const put of puts) this.#overlay.set(put)
  }
}

/** What a voter had acknowledged may not have reached the disk: it must not vote again. */
export function votesLost(path: string, what: string): StoreError {
  const message = `${path}: ${what} while \`sync\` was relaxed, so that votes which were acknowledged may be lost. It must not vote with it: set the store aside; its groups then join again from their peers.`
  return new StoreError('STORE_DAMAGED', message, { path })
}

export function journalDamaged(path: string, what: string): StoreError {
  const todo = 'Set the store aside; its groups then join again from their peers.'
  return new StoreError('STORE_DAMAGED', `The journal of ${path} is damaged: ${what}. ${todo}`, { path })
}
