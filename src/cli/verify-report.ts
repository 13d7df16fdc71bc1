import { writeSync } from 'node:fs'
import { isStoreError, type StoreError } from '../store/store-error.js'
import { addCounts, type Counts, type Finding, type KnownPosition, NO_COUNTS, type StoreNews } from './finding.js'

/** Tells another process line by line, at once: what was said before a crash has been heard. */
export class VerifyReport {
  readonly positions: KnownPosition[]
  #counts = NO_COUNTS

  constructor(positions: readonly KnownPosition[]) {
    this.positions = [...positions]
  }

  say(news: StoreNews): void {
    writeSync(1, `${JSON.stringify(news)}\n`)
  }

  reading(what: string): void {
    this.say({ kind: 'reading', what })
  }

  bytes(bytes: number): void {
    this.say({ kind: 'bytes', bytes })
  }

  position(position: KnownPosition): void {
    this.positions.push(position)
    this.say({ kind: 'position', position })
  }

  count(counts: Partial<Counts>): void {
    this.#counts = addCounts(this.#counts, { ...NO_COUNTS, ...counts })
  }

  sayCounts(): void {
    this.say({ kind: 'counts', counts: this.#counts })
    this.#counts = NO_COUNTS
  }

  damage(finding: Omit<Finding, 'level'>): void {
    this.say({ kind: 'finding', finding: { level: 'damage', ...finding } })
  }

  note(finding: Omit<Finding, 'level' | 'code'>): void {
    this.say({ kind: 'finding', finding: { level: 'note', code: 'NOT_CHECKED', ...finding } })
  }

  /** Runs `body`; what it throws about the disk is a finding. */
  guarded(body: () => void): void {
    try {
      body()
    } catch (error) {
      if (!isStoreError(error)) throw error
      this.say({ kind: 'finding', finding: findingOf(error) })
    }
  }
}

const NOT_READABLE: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM', 1, 12, 13, 23, 24])

/** The message of a StoreError says what to do by itself. */
export function findingOf(error: StoreError): Finding {
  const { code, path, group, instance, message, cause } = error
  // Of files that nobody writes to, whatever else LMDB complains of is damage.
  const isForbidden = code === 'STORAGE_FAILED' && NOT_READABLE.has((cause as { code?: unknown } | undefined)?.code)
  const isInTheWay = code === 'DATA_DIR_IN_USE' || code === 'FORMAT_UNKNOWN'
  return {
    level: isForbidden || isInTheWay ? 'unchecked' : 'damage',
    code,
    path,
    ...(group === undefined ? {} : { group }),
    ...(instance === undefined ? {} : { instance }),
    what: message,
  }
}
